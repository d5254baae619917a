package starlark

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"
)

// guarded reports whether an attribute is read through guardAttr: event, which belongs to
// the call, and methods that allocate or loop by size.
func guarded(name string) bool { return name == "event" || methods[name] != nil }

// methods says what each costs before it runs.
var methods = map[string]func(c *call, recv starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) error{
	"join": func(c *call, recv starlark.Value, args starlark.Tuple, _ []starlark.Tuple) error {
		if len(args) != 1 {
			return nil // the method itself will say so
		}
		parts, ok := args[0].(starlark.Sequence)
		if !ok {
			return fmt.Errorf("join takes a list or a tuple")
		}
		n := product(parts.Len(), size(recv))
		if err := c.takeString(n); err != nil {
			return err
		}
		for p := range starlark.Elements(parts) {
			if n = sum(n, size(p)); n > maxString {
				return c.takeString(n)
			}
			if err := c.takeString(size(p)); err != nil {
				return err
			}
		}
		return nil
	},
	"replace": func(c *call, recv starlark.Value, args starlark.Tuple, _ []starlark.Tuple) error {
		if len(args) < 2 {
			return nil
		}
		s, _ := starlark.AsString(recv)
		old, _ := starlark.AsString(args[0])
		to, _ := starlark.AsString(args[1])
		return c.takeString(sum(len(s), product(strings.Count(s, old), len(to))))
	},
	"format": func(c *call, recv starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) error {
		s, _ := starlark.AsString(recv)
		largest := 0
		for _, a := range args {
			n, err := c.weigh(a, 0)
			if err != nil {
				return err
			}
			largest = max(largest, n)
		}
		for _, kv := range kwargs {
			n, err := c.weigh(kv[1], 0)
			if err != nil {
				return err
			}
			largest = max(largest, n)
		}
		// A field may be named again and again.
		return c.takeString(sum(len(s), product(strings.Count(s, "{"), largest)))
	},
	"split": splitCost, "rsplit": splitCost, "splitlines": splitCost,
	"upper": linearCost, "lower": linearCost, "title": linearCost, "capitalize": linearCost,
	"count": linearCost, "find": linearCost, "rfind": linearCost, "index": linearCost, "rindex": linearCost,
	"items": linearCost, "keys": linearCost, "values": linearCost, "elems": linearCost, "codepoints": linearCost,
	"insert": linearCost, "remove": linearCost, "pop": linearCost,
	"extend": argCost, "update": argCost, "union": argCost, "difference": argCost, "intersection": argCost,
	"symmetric_difference": argCost, "issubset": argCost, "issuperset": argCost,
}

func splitCost(c *call, recv starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) error {
	return c.take(product(size(recv), 1+elementSize))
}

func linearCost(c *call, recv starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) error {
	return c.take(size(recv))
}

func argCost(c *call, recv starlark.Value, args starlark.Tuple, _ []starlark.Tuple) error {
	n := size(recv)
	for _, a := range args {
		n = sum(n, product(size(a), 4))
	}
	return c.take(n)
}

// attr is x.name and getattr(x, name).
func attr(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	name, ok := starlark.AsString(args[1])
	if !ok {
		return nil, fmt.Errorf("an attribute's name is a string, not %s", args[1].Type())
	}
	x := args[0]
	if x == kalima && name == "event" {
		return of(t).eventValue()
	}
	h, ok := x.(starlark.HasAttrs)
	if !ok {
		return nil, fmt.Errorf("%s has no .%s field or method", x.Type(), name)
	}
	v, err := h.Attr(name)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, fmt.Errorf("%s has no .%s field or method", x.Type(), name)
	}
	m, isMethod := v.(*starlark.Builtin)
	cost := methods[name]
	if !isMethod || cost == nil || m.Receiver() == nil {
		return v, nil
	}
	return starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if err := cost(of(t), x, args, kwargs); err != nil {
			return nil, err
		}
		return starlark.Call(t, m, args, kwargs)
	}), nil
}

func getattr(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var x, fallback starlark.Value
	var name string
	if err := starlark.UnpackPositionalArgs("getattr", args, kwargs, 2, &x, &name, &fallback); err != nil {
		return nil, err
	}
	v, err := attr(t, b, starlark.Tuple{x, starlark.String(name)}, nil)
	if err != nil && fallback != nil && of(t).fault == nil {
		return fallback, nil
	}
	return v, err
}

// Functions of the language that are charged before they run.
var (
	copying  = []string{"list", "tuple", "sorted", "reversed", "set", "dict", "enumerate", "zip", "bytes"} // a copy of each argument
	looping  = []string{"any", "all", "min", "max"}                                                        // a round for each element
	printing = []string{"str", "repr", "fail"}                                                             // the text of each argument
)

// predeclared are the names a contract has beside the language's own.
var predeclared = func() starlark.StringDict {
	d := starlark.StringDict{
		"kalima":     kalima,
		guardBinary:  starlark.NewBuiltin("+", binary),
		guardAugment: starlark.NewBuiltin("+=", augment),
		guardUpdate:  starlark.NewBuiltin("[]=", update),
		guardAttr:    starlark.NewBuiltin(".", attr),
		guardCopy:    starlark.NewBuiltin("copy", copied),
		"getattr":    starlark.NewBuiltin("getattr", getattr),
		"print":      starlark.NewBuiltin("print", printLog),
	}
	for _, name := range copying {
		d[name] = charged(name, func(c *call, v starlark.Value) error { return c.take(product(size(v), 4)) })
	}
	for _, name := range looping {
		d[name] = charged(name, func(c *call, v starlark.Value) error { return c.must(c.Charge(uint64(max(size(v), 0)))) })
	}
	for _, name := range printing {
		d[name] = charged(name, func(c *call, v starlark.Value) error {
			if s, ok := v.(starlark.String); ok {
				return c.takeString(len(s))
			}
			n, err := c.weigh(v, 0)
			if err != nil {
				return err
			}
			return c.takeString(n)
		})
	}
	d["int"] = charged("int", func(c *call, v starlark.Value) error {
		if s, ok := v.(starlark.String); ok && len(s) > maxBits/3 {
			return fmt.Errorf("int of %d characters, at most %d", len(s), maxBits/3)
		}
		return nil
	})
	d.Freeze()
	return d
}()

func charged(name string, cost func(*call, starlark.Value) error) *starlark.Builtin {
	original := starlark.Universe[name].(*starlark.Builtin)
	return starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		for _, a := range args {
			if err := cost(of(t), a); err != nil {
				return nil, err
			}
		}
		return original.CallInternal(t, args, kwargs)
	})
}
