package starlark

import (
	"fmt"
	"math/bits"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/kalima-chain/kalima/abi"
)

// size is about the number of bytes a copy of v takes, not counting its elements' own.
func size(v starlark.Value) int {
	switch v := v.(type) {
	case starlark.String:
		return len(v)
	case starlark.Bytes:
		return len(v)
	case starlark.Int:
		if _, small := v.Int64(); small {
			return 8
		}
		return v.BigInt().BitLen() / 8
	case *starlark.Dict:
		return v.Len() * entrySize
	case *starlark.Set:
		return v.Len() * entrySize
	case starlark.Sequence:
		return product(v.Len(), elementSize)
	}
	return 8
}

// product multiplies sizes; what is too large to be one is negative.
func product(a, b int) int {
	if a < 0 || b < 0 {
		return -1
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi != 0 || lo > 1<<40 {
		return -1
	}
	return int(lo)
}

func sum(a, b int) int {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}

// pay charges gas; what is too large to count is negative.
func (c *call) pay(n int) error {
	if n == 0 {
		return nil
	}
	return c.must(c.Charge(uint64(n))) // a negative one is far above any limit
}

// take charges for n bytes about to be allocated; what is too large to count is negative.
func (c *call) take(n int) error {
	if n < 0 || uint64(n) > c.memory || c.allocated+uint64(n) > c.memory {
		return c.must(abi.Faultf(abi.OutOfMemory, "memory limit of %d bytes reached", c.memory))
	}
	c.allocated += uint64(n)
	return c.pay(n)
}

// takeString charges for a string or bytes of n bytes.
func (c *call) takeString(n int) error {
	if n > maxString {
		n = -1
	}
	return c.take(n)
}

// takeLike charges for n bytes of something of the kind of v.
func (c *call) takeLike(v starlark.Value, n int) error {
	switch v.(type) {
	case starlark.String, starlark.Bytes:
		return c.takeString(n)
	case starlark.Int:
		if n > maxBits/8 {
			return c.must(abi.Faultf(abi.OutOfMemory, "an int of more than %d bits", maxBits))
		}
		return c.pay(n)
	}
	return c.take(n)
}

// before charges for x op y, where op makes a value.
func (c *call) before(op syntax.Token, x, y starlark.Value) error {
	xi, xInt := x.(starlark.Int)
	yi, yInt := y.(starlark.Int)
	if xInt && yInt {
		return c.beforeInts(op, xi, yi)
	}
	switch v := x.(type) {
	case starlark.Float:
		return nil
	case *starlark.Set:
		if w, ok := y.(*starlark.Set); ok {
			return c.takeSets(v, w)
		}
	case *starlark.Dict:
		if w, ok := y.(*starlark.Dict); ok && op == syntax.PIPE {
			return c.takeSets(v, w)
		}
	}
	switch op {
	case syntax.PLUS:
		return c.takeLike(x, sum(size(x), size(y)))
	case syntax.STAR:
		switch {
		case xInt:
			return c.takeLike(y, product(size(y), times(xi)))
		case yInt:
			return c.takeLike(x, product(size(x), times(yi)))
		}
	case syntax.PERCENT:
		if s, ok := x.(starlark.String); ok {
			n, err := c.weigh(y, 0)
			if err != nil {
				return err
			}
			// With a dict, each conversion may print the same entry.
			return c.takeString(sum(len(s), product(n, 1+strings.Count(string(s), "%("))))
		}
	}
	return nil
}

func (c *call) beforeInts(op syntax.Token, x, y starlark.Int) error {
	n, m := size(x), size(y)
	switch op {
	case syntax.STAR:
		if err := c.pay(n * m / 64); err != nil {
			return err
		}
		return c.takeLike(x, n+m)
	case syntax.SLASHSLASH, syntax.PERCENT:
		return c.pay(n * m / 16)
	case syntax.LTLT:
		return c.takeLike(x, sum(n, times(y)/8))
	}
	return c.takeLike(x, max(n, m))
}

// takeSets charges for a new set or dict of the keys of two.
func (c *call) takeSets(x, y starlark.Iterable) error {
	n := starlark.Len(x) + starlark.Len(y)
	if err := c.take(emptyDict + n*entrySize); err != nil {
		return err
	}
	if err := c.hashingAll(x, n); err != nil {
		return err
	}
	return c.hashingAll(y, n)
}

// times is an int as a factor: 0 when negative, and no more than makes a size too large.
func times(i starlark.Int) int {
	if i.Sign() <= 0 {
		return 0
	}
	if n, ok := i.Int64(); ok && n < 1<<40 {
		return int(n)
	}
	return 1 << 40
}

// weigh counts the bytes that v takes when printed, charging for each value it visits:
// a list that holds another twice doubles with each level.
func (c *call) weigh(v starlark.Value, depth int) (int, error) {
	if depth > maxNesting {
		return 0, fmt.Errorf("a value nested more than %d deep can not be printed", maxNesting)
	}
	if err := c.pay(StepGas); err != nil {
		return 0, err
	}
	n := 8
	add := func(v starlark.Value) error {
		m, err := c.weigh(v, depth+1)
		if n += m + 2; err == nil && n > maxString {
			err = c.takeString(n)
		}
		return err
	}
	switch v := v.(type) {
	case starlark.String:
		return 4*len(v) + 2, nil // quoted, a byte may become \xff
	case starlark.Bytes:
		return 4*len(v) + 3, nil
	case starlark.Int:
		return 32 + size(v)*3, nil
	case *starlark.Dict:
		for k, e := range starlark.Entries(v) {
			if err := add(k); err != nil {
				return 0, err
			}
			if err := add(e); err != nil {
				return 0, err
			}
		}
	case starlark.Iterable:
		if _, lazy := v.(starlark.Sequence); !lazy || v.Type() == "range" {
			return n + maxRange, nil
		}
		for e := range starlark.Elements(v) {
			if err := add(e); err != nil {
				return 0, err
			}
		}
	default:
		return 64, nil
	}
	return n, nil
}

// operator returns the guards of op: x op y, and x op= y.
func operator(op syntax.Token) (plain, on builtin) {
	switch op {
	case syntax.EQL, syntax.NEQ, syntax.LT, syntax.LE, syntax.GT, syntax.GE:
		return func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			ok, err := of(t).compare(op, args[0], args[1], starlark.CompareLimit)
			return starlark.Bool(ok), err
		}, nil
	case syntax.IN, syntax.NOT_IN:
		return func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			v, err := of(t).contains(args[0], args[1])
			if err == nil && op == syntax.NOT_IN {
				v = !v.Truth()
			}
			return v, err
		}, nil
	}
	plain = func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if err := of(t).before(op, args[0], args[1]); err != nil {
			return nil, err
		}
		return starlark.Binary(op, args[0], args[1])
	}
	// Lists are extended in place, dicts updated.
	on = func(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		switch x := args[0].(type) {
		case *starlark.List:
			if _, ok := args[1].(starlark.Iterable); ok && op == syntax.PLUS {
				return x, inPlace(t, x, "extend", args[1])
			}
		case *starlark.Dict:
			if _, ok := args[1].(*starlark.Dict); ok && op == syntax.PIPE {
				return x, inPlace(t, x, "update", args[1])
			}
		}
		return plain(t, b, args, kwargs)
	}
	return plain, on
}

func inPlace(t *starlark.Thread, x starlark.HasAttrs, name string, arg starlark.Value) error {
	_, err := invoke(t, x, name, starlark.Tuple{arg}, nil)
	return err
}

func indexed(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	x, index := args[0], args[1]
	switch x := x.(type) {
	case *starlark.Dict:
		if err := of(t).hashing(index, x.Len()); err != nil {
			return nil, err
		}
		v, found, err := x.Get(index)
		if err == nil && !found {
			err = fmt.Errorf("key %v not in dict", index)
		}
		return v, err
	case starlark.Indexable:
		i, err := position(x, x.Len(), index)
		if err != nil {
			return nil, err
		}
		return x.Index(i), nil
	}
	return nil, fmt.Errorf("unhandled index operation %s[%s]", x.Type(), index.Type())
}

func setIndex(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	v, x, index := args[0], args[1], args[2]
	switch x := x.(type) {
	case *starlark.Dict:
		c := of(t)
		return starlark.None, c.setKey(x, index, v)
	case *starlark.List:
		i, err := position(x, x.Len(), index)
		if err != nil {
			return nil, err
		}
		return starlark.None, x.SetIndex(i, v)
	}
	return nil, fmt.Errorf("%s value does not support item assignment", x.Type())
}

// setKey is d[k] = v.
func (c *call) setKey(d *starlark.Dict, k, v starlark.Value) error {
	n := d.Len()
	if err := c.hashing(k, n); err != nil {
		return err
	}
	if err := d.SetKey(k, v); err != nil || d.Len() == n {
		return err
	}
	return c.take(entrySize)
}

func position(x starlark.Value, n int, index starlark.Value) (int, error) {
	i, err := starlark.AsInt32(index)
	if err != nil {
		return 0, fmt.Errorf("%s index: %s", x.Type(), err)
	}
	at := i
	if at < 0 {
		at += n
	}
	switch {
	case n == 0:
		return 0, fmt.Errorf("index %d out of range: empty %s", i, x.Type())
	case at < 0 || at >= n:
		return 0, fmt.Errorf("%s index %d out of range [%d:%d]", x.Type(), i, -n, n-1)
	}
	return at, nil
}
