package starlark

import (
	"fmt"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// builtin is a function of the interpreter's form.
type builtin = func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error)

// predeclared are the names a contract has beside the language's own.
var predeclared = func() starlark.StringDict {
	d := starlark.StringDict{"kalima": kalima, "math": mathModule(), "json": jsonModule()}
	add := func(name, shown string, f builtin) { d[name] = starlark.NewBuiltin(shown, f) }
	for op, name := range operators {
		plain, on := operator(op)
		add(guardOp+name, name, plain)
		if on != nil {
			add(guardOn+name, name+"=", on)
		}
	}
	add(guardIndex, "[]", indexed)
	add(guardSet, "[]=", setIndex)
	add(guardAttr, ".", attr)
	add(guardMethod, "method", method)
	add(guardCopy, "copy", copied(true))
	add(guardStep, "copy", copied(false))
	add(guardKey, "key", key)
	add(guardDict, "dict", dictLiteral)
	add(guardPairs, "dict", pairs)

	add("getattr", "getattr", getattr)
	add("print", "print", printLog)
	add("dict", "dict", dict)
	add("sorted", "sorted", sorted)
	add("min", "min", minmax(syntax.LT))
	add("max", "max", minmax(syntax.GT))
	for name, bytes := range map[string]int{"list": elementSize, "tuple": elementSize, "reversed": elementSize, "enumerate": 5 * elementSize, "zip": 5 * elementSize, "bytes": elementSize} {
		charged(d, name, func(c *call, v starlark.Value) error {
			if s, ok := v.(starlark.String); ok {
				return c.takeString(len(s))
			}
			n, err := c.span(v)
			if err != nil {
				return err
			}
			return c.take(sum(4*elementSize, product(n, bytes)))
		})
	}
	charged(d, "set", func(c *call, v starlark.Value) error {
		n, err := c.span(v)
		if err == nil {
			err = c.take(sum(emptyDict, product(n, entrySize)))
		}
		if list, ok := v.(starlark.Iterable); ok && err == nil {
			err = c.hashingAll(list, n)
		}
		return err
	})
	for _, name := range []string{"any", "all"} {
		charged(d, name, func(c *call, v starlark.Value) error {
			n, err := c.span(v)
			if err != nil {
				return err
			}
			return c.pay(n)
		})
	}
	for _, name := range []string{"str", "repr", "fail"} {
		charged(d, name, printing)
	}
	for _, name := range []string{"float", "hash"} {
		charged(d, name, func(c *call, v starlark.Value) error { return c.pay(size(v)) })
	}
	charged(d, "int", func(c *call, v starlark.Value) error {
		if n := size(v); n > maxBits/3 {
			return fmt.Errorf("int of %d characters, at most %d", n, maxBits/3)
		}
		return c.pay(size(v))
	})
	charged(d, "dir", func(c *call, v starlark.Value) error { return c.take(64 * elementSize) })
	d.Freeze()
	return d
}()

// charged puts a function of the language into d that charges for each argument, named ones
// too, before it runs.
func charged(d starlark.StringDict, name string, cost func(*call, starlark.Value) error) {
	original := starlark.Universe[name].(*starlark.Builtin)
	d[name] = starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		for _, a := range args {
			if err := cost(of(t), a); err != nil {
				return nil, err
			}
		}
		for _, kv := range kwargs {
			if err := cost(of(t), kv[1]); err != nil {
				return nil, err
			}
		}
		if name == "set" && len(args) == 0 {
			if err := of(t).take(emptyDict); err != nil {
				return nil, err
			}
		}
		return original.CallInternal(t, args, kwargs)
	})
}

func printing(c *call, v starlark.Value) error {
	if s, ok := v.(starlark.String); ok {
		return c.takeString(len(s))
	}
	n, err := c.weigh(v, 0)
	if err != nil {
		return err
	}
	return c.takeString(n)
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

// copied charges for a copy of x; with shared not for strings, whose parts share their bytes.
func copied(shared bool) builtin {
	return func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		x := args[0]
		switch x.(type) {
		case starlark.String, starlark.Bytes:
			if shared {
				return x, nil
			}
		}
		n, err := of(t).span(x)
		if err != nil {
			return nil, err
		}
		return x, of(t).take(product(n, elementSize))
	}
}

// key charges for hashing a key of a dict literal.
func key(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return args[0], of(t).hashingDeep(args[0], 0)
}

func dictLiteral(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	return args[0], of(t).take(emptyDict + size(args[0]))
}

// pairs is what becomes of dict comprehensions and of large literals.
func pairs(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	c, d := of(t), new(starlark.Dict)
	if err := c.take(emptyDict); err != nil {
		return nil, err
	}
	return d, c.fill(d, args[0])
}

// dict is the function dict.
func dict(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) > 1 {
		return nil, fmt.Errorf("dict: got %d arguments, want at most 1", len(args))
	}
	c := of(t)
	if err := c.take(emptyDict); err != nil {
		return nil, err
	}
	d := new(starlark.Dict)
	if len(args) == 1 {
		if err := c.fill(d, args[0]); err != nil {
			return nil, fmt.Errorf("dict: %w", err)
		}
	}
	for i, kv := range kwargs {
		if err := c.setKey(d, kv[0], kv[1]); err != nil {
			return nil, err
		}
		for _, other := range kwargs[:i] {
			if kv[0] == other[0] {
				return nil, fmt.Errorf("dict: duplicate keyword arg: %v", kv[0])
			}
		}
	}
	return d, nil
}

// fill puts the entries of a mapping, or a sequence of pairs, into d.
func (c *call) fill(d *starlark.Dict, from starlark.Value) error {
	switch from := from.(type) {
	case starlark.IterableMapping:
		for k, v := range starlark.Entries(from) {
			if err := c.setKey(d, k, v); err != nil {
				return err
			}
		}
		return nil
	case starlark.Iterable:
		i := 0
		for e := range starlark.Elements(from) {
			if err := c.pay(StepGas); err != nil {
				return err
			}
			pair, ok := e.(starlark.Iterable)
			n := starlark.Len(e)
			switch {
			case !ok:
				return fmt.Errorf("dictionary update sequence element #%d is not iterable (%s)", i, e.Type())
			case n < 0:
				return fmt.Errorf("dictionary update sequence element #%d has unknown length (%s)", i, e.Type())
			case n != 2:
				return fmt.Errorf("dictionary update sequence element #%d has length %d, want 2", i, n)
			}
			var kv []starlark.Value
			for v := range starlark.Elements(pair) {
				kv = append(kv, v)
			}
			if err := c.setKey(d, kv[0], kv[1]); err != nil {
				return err
			}
			i++
		}
		return nil
	}
	return fmt.Errorf("got %s, want iterable", from.Type())
}
