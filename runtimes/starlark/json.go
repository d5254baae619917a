package starlark

import (
	"fmt"

	"go.starlark.net/lib/json"
	"go.starlark.net/starlark"
)

// jsonModule makes the module json: that of the interpreter's library, charged by size, with
// nesting and numbers bounded before they are read.
func jsonModule() *record {
	d := starlark.StringDict{}
	for name, cost := range map[string]func(c *call, args starlark.Tuple, kwargs []starlark.Tuple) error{
		"encode": encodeCost, "decode": decodeCost, "encode_indent": encodeIndentCost, "indent": indentCost,
	} {
		original := json.Module.Members[name].(*starlark.Builtin)
		d[name] = starlark.NewBuiltin("json."+name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			if err := cost(of(t), args, kwargs); err != nil {
				return nil, err
			}
			return original.CallInternal(t, args, kwargs)
		})
	}
	return &record{"json", d}
}

func encodeCost(c *call, args starlark.Tuple, _ []starlark.Tuple) error {
	for _, a := range args {
		n, err := c.weigh(a, 0)
		if err != nil {
			return err
		}
		if err := c.pay(product(n, jsonGas)); err != nil {
			return err
		}
		if err := c.takeString(2 * n); err != nil { // a byte may become \u0000
			return err
		}
	}
	return nil
}

func encodeIndentCost(c *call, args starlark.Tuple, kwargs []starlark.Tuple) error {
	if err := encodeCost(c, args, nil); err != nil {
		return err
	}
	for _, a := range args {
		n, err := c.weigh(a, 0)
		if err == nil {
			err = c.takeString(indented(2*n, n/8, maxNesting, kwargs)) // a value weighs 8 at least
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func indentCost(c *call, args starlark.Tuple, kwargs []starlark.Tuple) error {
	for _, a := range args {
		s, _ := starlark.AsString(a)
		if err := c.pay(len(s) * jsonGas); err != nil {
			return err
		}
		depth, values, err := scanJSON(s)
		if err != nil {
			return fmt.Errorf("json.indent: %w", err)
		}
		if err := c.takeString(indented(len(s), values, depth, kwargs)); err != nil {
			return err
		}
	}
	return nil
}

// indented is an upper bound of the length of n bytes of JSON with each value on its line.
func indented(n, values, depth int, kwargs []starlark.Tuple) int {
	line := 1 + depth + 1 // a tab for each level, when nothing else is asked for
	for _, kv := range kwargs {
		s, _ := starlark.AsString(kv[1])
		if kv[0] == starlark.String("indent") {
			line = sum(line, product(depth+1, len(s)))
		} else {
			line = sum(line, len(s))
		}
	}
	return sum(n, product(values+depth+1, line))
}

func decodeCost(c *call, args starlark.Tuple, kwargs []starlark.Tuple) error {
	if len(args) == 0 {
		return nil
	}
	s, _ := starlark.AsString(args[0])
	if err := c.pay(len(s) * jsonGas); err != nil {
		return err
	}
	_, values, err := scanJSON(s)
	if err != nil {
		return fmt.Errorf("json.decode: %w", err)
	}
	return c.take(sum(len(s), product(values, emptyDict/4)))
}

// scanJSON finds how deep a text nests and about how many values it holds, and refuses what
// would nest too deep or make too large an int. The text need not be JSON.
func scanJSON(s string) (deepest, values int, err error) {
	depth, digits, values := 0, 0, 1
	for i := 0; i < len(s); i++ {
		b := s[i]
		if b >= '0' && b <= '9' {
			if digits++; digits > maxBits/4 {
				return 0, 0, fmt.Errorf("a number of more than %d digits", maxBits/4)
			}
			continue
		}
		digits = 0
		switch b {
		case '"':
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			values += 4 // an empty dict takes as much
			if depth++; depth > maxNesting {
				return 0, 0, fmt.Errorf("nested more than %d deep", maxNesting)
			}
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		case ',', ':':
			values++
		}
	}
	return deepest, values, nil
}
