package starlark

import (
	"fmt"
	"math/bits"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/kalima-chain/kalima/abi"
)

const (
	elementSize = 16   // bytes of an element of a list
	entrySize   = 64   // bytes of an entry of a dict or a set
	maxBits     = 4096 // of an int
	maxNesting  = 64   // of a value that is printed
	maxString   = 256 << 10
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
		return c.must(c.Charge(uint64(n)))
	}
	return c.take(n)
}

var tokens = map[string]syntax.Token{"+": syntax.PLUS, "*": syntax.STAR, "%": syntax.PERCENT, "<<": syntax.LTLT, "|": syntax.PIPE}

// before charges for x op y.
func (c *call) before(op syntax.Token, x, y starlark.Value) error {
	if _, float := x.(starlark.Float); float {
		return nil
	}
	xi, xInt := x.(starlark.Int)
	yi, yInt := y.(starlark.Int)
	switch op {
	case syntax.PLUS, syntax.PIPE:
		return c.takeLike(x, sum(size(x), size(y)))
	case syntax.STAR:
		switch {
		case xInt && yInt:
			return c.takeLike(x, size(x)+size(y))
		case xInt:
			return c.takeLike(y, product(size(y), times(xi)))
		case yInt:
			return c.takeLike(x, product(size(x), times(yi)))
		}
	case syntax.LTLT:
		if xInt && yInt {
			return c.takeLike(x, sum(size(x), times(yi)/8))
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
	if err := c.must(c.Charge(StepGas)); err != nil {
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
		for _, item := range v.Items() {
			for _, part := range item {
				if err := add(part); err != nil {
					return 0, err
				}
			}
		}
	case starlark.Iterable:
		if _, lazy := v.(starlark.Sequence); !lazy {
			return n + 32, nil
		}
		if _, ok := v.Type(), v.Type() == "range"; ok {
			return n + 64, nil
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

func binary(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	op := tokens[string(args[0].(starlark.String))]
	if err := of(t).before(op, args[1], args[2]); err != nil {
		return nil, err
	}
	return starlark.Binary(op, args[1], args[2])
}

// augment is x op= y: lists are extended in place, dicts updated.
func augment(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	op, x, y := tokens[string(args[0].(starlark.String))], args[1], args[2]
	if list, ok := x.(*starlark.List); ok && op == syntax.PLUS {
		if _, ok := y.(starlark.Iterable); !ok {
			return nil, fmt.Errorf("can not add %s to a list", y.Type())
		}
		return list, method(t, list, "extend", y)
	}
	if dict, ok := x.(*starlark.Dict); ok && op == syntax.PIPE {
		if _, ok := y.(*starlark.Dict); ok {
			return dict, method(t, dict, "update", y)
		}
	}
	return binary(t, b, args, nil)
}

func method(t *starlark.Thread, x starlark.HasAttrs, name string, arg starlark.Value) error {
	if err := of(t).take(size(arg)); err != nil {
		return err
	}
	f, err := x.Attr(name)
	if err == nil {
		_, err = starlark.Call(t, f, starlark.Tuple{arg}, nil)
	}
	return err
}

func update(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	x, index := args[1], args[2]
	old, err := element(x, index)
	if err != nil {
		return nil, err
	}
	v, err := augment(t, b, starlark.Tuple{args[0], old, args[3]}, nil)
	if err != nil {
		return nil, err
	}
	return starlark.None, setElement(x, index, v)
}

func element(x, index starlark.Value) (starlark.Value, error) {
	if m, ok := x.(starlark.Mapping); ok {
		v, found, err := m.Get(index)
		if err == nil && !found {
			err = fmt.Errorf("key %s not in %s", index, x.Type())
		}
		return v, err
	}
	if s, ok := x.(starlark.Indexable); ok {
		i, err := position(s.Len(), index)
		if err != nil {
			return nil, err
		}
		return s.Index(i), nil
	}
	return nil, fmt.Errorf("%s has no elements", x.Type())
}

func setElement(x, index, v starlark.Value) error {
	if m, ok := x.(starlark.HasSetKey); ok {
		return m.SetKey(index, v)
	}
	if s, ok := x.(starlark.HasSetIndex); ok {
		i, err := position(s.Len(), index)
		if err != nil {
			return err
		}
		return s.SetIndex(i, v)
	}
	return fmt.Errorf("elements of %s can not be set", x.Type())
}

func position(n int, index starlark.Value) (int, error) {
	i, err := starlark.AsInt32(index)
	if err != nil {
		return 0, err
	}
	at := i
	if at < 0 {
		at += n
	}
	if at < 0 || at >= n {
		return 0, fmt.Errorf("index %d out of range [%d:%d]", i, -n, n-1)
	}
	return at, nil
}

// copied charges for a copy of a list or tuple; parts of strings share their bytes.
func copied(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	switch args[0].(type) {
	case starlark.String, starlark.Bytes:
		return args[0], nil
	}
	return args[0], of(t).take(size(args[0]))
}
