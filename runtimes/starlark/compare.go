package starlark

import (
	"fmt"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Comparing and hashing walk whole values; the interpreter takes a step for it. The
// functions here walk with it, charging, and give the interpreter's answers.

// equal is x == y, where depth is what is left of the interpreter's bound.
func (c *call) equal(x, y starlark.Value, depth int) (bool, error) {
	if depth < 1 {
		return false, fmt.Errorf("comparison exceeded maximum recursion depth")
	}
	switch x := x.(type) {
	case starlark.String:
		if y, ok := y.(starlark.String); ok && len(x) == len(y) {
			return x == y, c.pay(len(x) / bytesPerGas)
		}
		return false, nil
	case starlark.Bytes:
		if y, ok := y.(starlark.Bytes); ok && len(x) == len(y) {
			return x == y, c.pay(len(x) / bytesPerGas)
		}
		return false, nil
	case *starlark.List:
		if y, ok := y.(*starlark.List); ok && x.Len() == y.Len() {
			return c.sameElements(x, y, depth)
		}
		return false, nil
	case starlark.Tuple:
		if y, ok := y.(starlark.Tuple); ok && len(x) == len(y) {
			return c.sameElements(x, y, depth)
		}
		return false, nil
	case *starlark.Dict:
		y, ok := y.(*starlark.Dict)
		if !ok || x.Len() != y.Len() {
			return false, nil
		}
		for k, v := range starlark.Entries(x) {
			if err := c.hashing(k, y.Len()); err != nil {
				return false, err
			}
			other, found, _ := y.Get(k)
			if !found {
				return false, nil
			}
			if same, err := c.equal(v, other, depth-1); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	case *starlark.Set:
		if y, ok := y.(*starlark.Set); ok && x.Len() == y.Len() {
			if err := c.hashingAll(x, y.Len()); err != nil {
				return false, err
			}
		}
	}
	return starlark.EqualDepth(x, y, depth)
}

func (c *call) sameElements(x, y starlark.Indexable, depth int) (bool, error) {
	i, err := c.firstUnequal(x, y, depth)
	return err == nil && i == x.Len(), err
}

// firstUnequal is the index of the first elements that differ, or the shorter length.
func (c *call) firstUnequal(x, y starlark.Indexable, depth int) (int, error) {
	n := min(x.Len(), y.Len())
	for i := range n {
		if err := c.pay(compareGas); err != nil {
			return 0, err
		}
		if same, err := c.equal(x.Index(i), y.Index(i), depth-1); !same || err != nil {
			return i, err
		}
	}
	return n, nil
}

// compare is x op y.
func (c *call) compare(op syntax.Token, x, y starlark.Value, depth int) (bool, error) {
	if op == syntax.EQL || op == syntax.NEQ {
		same, err := c.equal(x, y, depth)
		return same == (op == syntax.EQL), err
	}
	if depth < 1 {
		return false, fmt.Errorf("comparison exceeded maximum recursion depth")
	}
	switch v := x.(type) {
	case starlark.String, starlark.Bytes:
		if err := c.pay(min(size(x), size(y)) / bytesPerGas); err != nil {
			return false, err
		}
	case *starlark.List:
		if w, ok := y.(*starlark.List); ok {
			return c.order(op, v, w, depth)
		}
	case starlark.Tuple:
		if w, ok := y.(starlark.Tuple); ok {
			return c.order(op, v, w, depth)
		}
	case *starlark.Set:
		if w, ok := y.(*starlark.Set); ok {
			for _, s := range []*starlark.Set{v, w} {
				if err := c.hashingAll(s, max(v.Len(), w.Len())); err != nil {
					return false, err
				}
			}
		}
	}
	return starlark.CompareDepth(op, x, y, depth)
}

func (c *call) order(op syntax.Token, x, y starlark.Indexable, depth int) (bool, error) {
	i, err := c.firstUnequal(x, y, depth)
	if err != nil {
		return false, err
	}
	if i < x.Len() && i < y.Len() {
		return c.compare(op, x.Index(i), y.Index(i), depth-1)
	}
	return starlark.Compare(op, starlark.MakeInt(x.Len()), starlark.MakeInt(y.Len()))
}

// contains is x in y.
func (c *call) contains(x, y starlark.Value) (starlark.Value, error) {
	switch y := y.(type) {
	case starlark.String, starlark.Bytes:
		if err := c.pay((size(x) + size(y)) / searchPerGas); err != nil {
			return nil, err
		}
	case *starlark.Dict:
		if err := c.hashing(x, y.Len()); err != nil {
			return nil, err
		}
	case *starlark.Set:
		if err := c.hashing(x, y.Len()); err != nil {
			return nil, err
		}
	case *starlark.List:
		i, err := c.find(y, x, 0, y.Len())
		return starlark.Bool(i >= 0), err
	case starlark.Tuple:
		i, err := c.find(y, x, 0, y.Len())
		return starlark.Bool(i >= 0), err
	}
	return starlark.Binary(syntax.IN, x, y)
}

// find is the index of the first element from start to end that equals x, or -1.
func (c *call) find(list starlark.Indexable, x starlark.Value, start, end int) (int, error) {
	for i := start; i < end; i++ {
		if err := c.pay(compareGas); err != nil {
			return -1, err
		}
		if same, err := c.equal(list.Index(i), x, starlark.CompareLimit); same || err != nil {
			return i, err
		}
	}
	return -1, nil
}

// hashing charges for looking up v among n keys. Keys that collide make a table a list, and
// a hostile contract can find them: from freeKeys on the price is that of a list's part.
func (c *call) hashing(v starlark.Value, n int) error {
	if err := c.pay(max(0, n-freeKeys) * keyGas); err != nil {
		return err
	}
	return c.hashingDeep(v, 0)
}

func (c *call) hashingDeep(v starlark.Value, depth int) error {
	switch v := v.(type) {
	case starlark.String, starlark.Bytes:
		if n := size(v); n > shortText {
			return c.pay(n / bytesPerGas)
		}
	case starlark.Tuple:
		if depth >= maxNesting {
			return fmt.Errorf("a tuple nested more than %d deep can not be a key", maxNesting)
		}
		if err := c.pay(len(v) * compareGas); err != nil {
			return err
		}
		for _, e := range v {
			if err := c.hashingDeep(e, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// hashingAll charges for looking up each element of v, or each key, among up to n.
func (c *call) hashingAll(v starlark.Iterable, n int) error {
	for k := range starlark.Elements(v) {
		if err := c.pay(compareGas); err != nil {
			return err
		}
		if err := c.hashing(k, n); err != nil {
			return err
		}
	}
	return nil
}
