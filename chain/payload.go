package chain

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/kalima-chain/kalima/abi"
)

// check applies every limit of a transaction's content.
func (t *Tx) check() error {
	if n := len(t.Nonce); n < MinNonce || n > MaxNonce {
		return fmt.Errorf("nonce of %d bytes, want %d to %d", n, MinNonce, MaxNonce)
	}
	if len(t.Ops) == 0 {
		return errors.New("no operations")
	}
	if len(t.Ops) > MaxOps {
		return fmt.Errorf("%d operations, at most %d", len(t.Ops), MaxOps)
	}
	for i := range t.Ops {
		if err := t.Ops[i].check(); err != nil {
			if len(t.Ops) > 1 {
				err = fmt.Errorf("operation %d: %w", i, err)
			}
			return err
		}
	}
	return nil
}

func (o *Op) check() error {
	switch o.Kind {
	case OpPut:
		if o.At < 0 {
			return fmt.Errorf("time of measurement %d is before 1970", o.At)
		}
		if err := abi.CheckValue(o.Value); err != nil {
			return err
		}
		return checkTarget(o.Address, o.Key)
	case OpDelete:
		return checkTarget(o.Address, o.Key)
	case OpMove:
		if err := checkTarget(o.Address, o.Key); err != nil {
			return err
		}
		if o.Address == o.ToAddress && o.Key == o.ToKey {
			return errors.New("move to itself")
		}
		return checkTarget(o.ToAddress, o.ToKey)
	case OpSystem:
		if o.Name == "" || len(o.Name) > maxNameBytes || !utf8.ValidString(o.Name) {
			return fmt.Errorf("system operation name of %d bytes, want 1 to %d", len(o.Name), maxNameBytes)
		}
		if len(o.Body) > MaxSystem {
			return fmt.Errorf("system operation %s: body of %d bytes, at most %d", o.Name, len(o.Body), MaxSystem)
		}
		return nil
	}
	return fmt.Errorf("unknown kind of operation %d", o.Kind)
}

func checkTarget(a Address, key string) error {
	if _, err := abi.ParseAddress(string(a)); err != nil {
		return err
	}
	if a.IsSystem() {
		return fmt.Errorf("address %q: only system operations change it", a)
	}
	return abi.CheckKey(key)
}

// appendPayload appends the deterministic encoding of the payload.
func (t *Tx) appendPayload(b []byte) []byte {
	b = appendHead(b, majorArray, 4)
	b = appendHead(b, majorUint, txVersion)
	b = appendHead(b, majorUint, uint64(t.ValidUntil))
	b = appendBytes(b, t.Nonce)
	b = appendHead(b, majorArray, uint64(len(t.Ops)))
	for i := range t.Ops {
		b = t.Ops[i].append(b)
	}
	return b
}

// opSize is the number of elements of an operation's array.
var opSize = [...]uint64{OpPut: 5, OpDelete: 3, OpMove: 5, OpSystem: 3}

func (o *Op) append(b []byte) []byte {
	text := func(s string) { b = append(appendHead(b, majorText, uint64(len(s))), s...) }
	b = appendHead(b, majorArray, opSize[o.Kind])
	b = appendHead(b, majorUint, uint64(o.Kind))
	if o.Kind == OpSystem {
		text(o.Name)
		return appendBytes(b, o.Body)
	}
	text(string(o.Address))
	text(o.Key)
	switch o.Kind {
	case OpPut:
		b = appendBytes(b, o.Value)
		b = appendHead(b, majorUint, uint64(o.At))
	case OpMove:
		text(string(o.ToAddress))
		text(o.ToKey)
	}
	return b
}

// decodePayload reads a payload.
func (t *Tx) decodePayload(b []byte) error {
	r := reader{b: b}
	if n := r.head(majorArray); n != 4 {
		return r.fail("an array of 4 elements")
	}
	if v := r.head(majorUint); r.err == nil && v != txVersion {
		return fmt.Errorf("transaction version %d, this node knows %d", v, txVersion)
	}
	t.ValidUntil = Height(r.head(majorUint))
	t.Nonce = r.bytes(majorBytes)
	n := r.head(majorArray)
	if r.err != nil {
		return r.err
	}
	if n > MaxOps {
		return fmt.Errorf("%d operations, at most %d", n, MaxOps)
	}
	t.Ops = make([]Op, n)
	for i := range t.Ops {
		t.Ops[i].decode(&r)
	}
	if r.err != nil {
		return r.err
	}
	if err := r.end(); err != nil {
		return err
	}
	return t.check()
}

func (o *Op) decode(r *reader) {
	size := r.head(majorArray)
	kind := r.head(majorUint)
	if r.err != nil {
		return
	}
	switch {
	case kind == uint64(OpPut) && size == 5:
		o.Address, o.Key = Address(r.bytes(majorText)), string(r.bytes(majorText))
		o.Value = r.bytes(majorBytes)
		at := r.head(majorUint)
		if at > 1<<62 {
			r.fail("a time below 2^62")
			return
		}
		o.At = Time(at)
	case kind == uint64(OpDelete) && size == 3:
		o.Address, o.Key = Address(r.bytes(majorText)), string(r.bytes(majorText))
	case kind == uint64(OpMove) && size == 5:
		o.Address, o.Key = Address(r.bytes(majorText)), string(r.bytes(majorText))
		o.ToAddress, o.ToKey = Address(r.bytes(majorText)), string(r.bytes(majorText))
	case kind == uint64(OpSystem) && size == 3:
		o.Name, o.Body = string(r.bytes(majorText)), r.bytes(majorBytes)
	default:
		r.fail("an operation: put/5, delete/3, move/5 or system/3")
		return
	}
	o.Kind = OpKind(kind)
}
