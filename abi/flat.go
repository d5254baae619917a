package abi

import (
	"encoding/binary"
	"fmt"
)

// Limits of the functions that answer with lists.
const (
	MaxKeys   = 64        // keys of one get_many
	MaxScan   = 256       // entries of one scan
	MaxAnswer = 256 << 10 // bytes of a kept answer: 17 of the largest values
	MaxNested = 4         // queries within queries
)

// KeyRef names one key.
type KeyRef struct {
	Address string // empty: the contract's own
	Key     string
}

// Value is an answer for one key. Ok is false when there is none.
type Value struct {
	Bytes []byte
	Ok    bool
}

// KeyValue is an entry of a scan.
type KeyValue struct {
	Key   string
	Value []byte
}

// absent stands for the length of a value that is not there.
const absent = 0xFFFFFFFF

// AppendKeyRef appends a key in the form get_many takes. Address and key have at most
// MaxAddress and MaxKey bytes; longer ones can not be written and give an error.
func AppendKeyRef(dst []byte, k KeyRef) ([]byte, error) {
	if len(k.Address) > MaxAddress || len(k.Key) > MaxKey {
		return dst, fmt.Errorf("key of %d bytes at an address of %d, at most %d and %d", len(k.Key), len(k.Address), MaxKey, MaxAddress)
	}
	dst = append(append(dst, byte(len(k.Address))), k.Address...)
	return append(append(dst, byte(len(k.Key))), k.Key...), nil
}

// ParseKeyRefs reads the list that get_many takes, of 0 to MaxKeys keys.
func ParseKeyRefs(b []byte) ([]KeyRef, error) {
	var keys []KeyRef
	for len(b) > 0 {
		if len(keys) == MaxKeys {
			return nil, fmt.Errorf("more than %d keys", MaxKeys)
		}
		var k KeyRef
		var ok bool
		if k.Address, b, ok = short(b); ok {
			k.Key, b, ok = short(b)
		}
		if !ok {
			return nil, fmt.Errorf("key %d is cut off", len(keys))
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// AppendValue appends an answer of get_many.
func AppendValue(dst []byte, v Value) []byte {
	if !v.Ok {
		return binary.LittleEndian.AppendUint32(dst, absent)
	}
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(v.Bytes))), v.Bytes...)
}

// ParseValues reads the answer of get_many. The values share memory with b.
func ParseValues(b []byte) ([]Value, error) {
	var values []Value
	for len(b) > 0 {
		if len(b) >= 4 && binary.LittleEndian.Uint32(b) == absent {
			values, b = append(values, Value{}), b[4:]
			continue
		}
		v, rest, ok := long(b)
		if !ok {
			return nil, fmt.Errorf("value %d is cut off", len(values))
		}
		values, b = append(values, Value{v, true}), rest
	}
	return values, nil
}

// AppendKeyValue appends an entry of a scan's answer. The key is valid.
func AppendKeyValue(dst []byte, e KeyValue) []byte {
	dst = append(append(dst, byte(len(e.Key))), e.Key...)
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(e.Value))), e.Value...)
}

// ParseKeyValues reads the answer of a scan. The values share memory with b.
func ParseKeyValues(b []byte) ([]KeyValue, error) {
	var entries []KeyValue
	for len(b) > 0 {
		var e KeyValue
		var ok bool
		if e.Key, b, ok = short(b); ok {
			e.Value, b, ok = long(b)
		}
		if !ok {
			return nil, fmt.Errorf("entry %d is cut off", len(entries))
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// short cuts a string off whose length is one byte, long bytes whose length is four.
func short(b []byte) (s string, rest []byte, ok bool) {
	if len(b) == 0 || len(b)-1 < int(b[0]) {
		return "", nil, false
	}
	n := 1 + int(b[0])
	return string(b[1:n]), b[n:], true
}

func long(b []byte) (v, rest []byte, ok bool) {
	if len(b) < 4 || uint64(len(b)-4) < uint64(binary.LittleEndian.Uint32(b)) {
		return nil, nil, false
	}
	n := 4 + int(binary.LittleEndian.Uint32(b))
	return b[4:n:n], b[n:], true
}
