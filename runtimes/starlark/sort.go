package starlark

import (
	"fmt"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// sorted is the function of the language with comparisons that are charged. Merging from
// the bottom up is stable and compares the same elements wherever it runs.
func sorted(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var iterable starlark.Iterable
	var by starlark.Callable
	var reverse bool
	if err := starlark.UnpackArgs("sorted", args, kwargs, "iterable", &iterable, "key?", &by, "reverse?", &reverse); err != nil {
		return nil, err
	}
	c := of(t)
	n, err := c.span(iterable)
	if err == nil {
		err = c.take(product(n, 6*elementSize))
	}
	if err != nil {
		return nil, err
	}
	type item struct{ key, value starlark.Value }
	from, to := make([]item, 0, n), make([]item, n)
	for v := range starlark.Elements(iterable) {
		k := v
		if by != nil {
			if k, err = starlark.Call(t, by, starlark.Tuple{v}, nil); err != nil {
				return nil, err
			}
		}
		from = append(from, item{k, v})
	}
	if len(from) != n {
		return nil, fmt.Errorf("sorted: the key function changed what is sorted")
	}
	for width := 1; width < n; width *= 2 {
		for start := 0; start < n; start += 2 * width {
			middle, end := min(start+width, n), min(start+2*width, n)
			i, j := start, middle
			for at := start; at < end; at++ {
				if err := c.pay(sortGas); err != nil {
					return nil, err
				}
				second := i == middle
				if !second && j < end {
					x, y := from[j].key, from[i].key
					if reverse {
						x, y = y, x
					}
					if second, err = c.compare(syntax.LT, x, y, starlark.CompareLimit); err != nil {
						return nil, err
					}
				}
				if second {
					to[at], j = from[j], j+1
				} else {
					to[at], i = from[i], i+1
				}
			}
		}
		from, to = to, from
	}
	values := make([]starlark.Value, n)
	for i := range values {
		values[i] = from[i].value
	}
	return starlark.NewList(values), nil
}

// minmax is min with the operator <, max with >.
func minmax(op syntax.Token) builtin {
	return func(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if len(args) == 0 {
			return nil, fmt.Errorf("%s requires at least one positional argument", b.Name())
		}
		var by starlark.Callable
		if err := starlark.UnpackArgs(b.Name(), nil, kwargs, "key?", &by); err != nil {
			return nil, err
		}
		var iterable starlark.Iterable = args
		if len(args) == 1 {
			var ok bool
			if iterable, ok = args[0].(starlark.Iterable); !ok {
				return nil, fmt.Errorf("%s: %s value is not iterable", b.Name(), args[0].Type())
			}
		}
		var best, bestKey starlark.Value
		for v := range starlark.Elements(iterable) {
			if err := of(t).pay(StepGas); err != nil {
				return nil, err
			}
			k := v
			if by != nil {
				var err error
				if k, err = starlark.Call(t, by, starlark.Tuple{v}, nil); err != nil {
					return nil, err
				}
			}
			better := best == nil
			if !better {
				var err error
				if better, err = of(t).compare(op, k, bestKey, starlark.CompareLimit); err != nil {
					return nil, fmt.Errorf("%s: %w", b.Name(), err)
				}
			}
			if better {
				best, bestKey = v, k
			}
		}
		if best == nil {
			return nil, fmt.Errorf("%s: argument is an empty sequence", b.Name())
		}
		return best, nil
	}
}
