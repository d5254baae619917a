package chain

import (
	"github.com/fxamacker/cbor/v2"
)

// enc writes the core deterministic encoding; dec refuses what no honest encoder
// writes, before memory is taken for it.
var enc, dec = func() (cbor.EncMode, cbor.DecMode) {
	e, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	d, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   8,
		MaxArrayElements:  4096,
		MaxMapPairs:       16,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		IntDec:            cbor.IntDecConvertSignedOrFail,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return e, d
}()

// encode is for structures of our own making, which always encode.
func encode(v any) []byte {
	b, err := enc.Marshal(v)
	if err != nil {
		panic("chain: encode: " + err.Error())
	}
	return b
}

// Heads of CBOR data items, RFC 8949 section 3.
const (
	majorUint     = 0 << 5
	majorNegative = 1 << 5
	majorBytes    = 2 << 5
	majorText     = 3 << 5
	majorArray    = 4 << 5
)

var majorNames = [...]string{
	"an integer", "a negative integer", "a byte string", "a text string", "an array", "a map", "a tag", "a simple value",
}

// appendHead appends the head of a data item in its shortest form.
func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return append(b, major|25, byte(n>>8), byte(n))
	case n < 1<<32:
		return append(b, major|26, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(b, major|27, byte(n>>56), byte(n>>48), byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

func appendBytes(b, v []byte) []byte { return append(appendHead(b, majorBytes, uint64(len(v))), v...) }

func appendText(b []byte, v string) []byte {
	return append(appendHead(b, majorText, uint64(len(v))), v...)
}

func appendInt(b []byte, v int32) []byte {
	if v < 0 {
		return appendHead(b, majorNegative, uint64(-1-int64(v)))
	}
	return appendHead(b, majorUint, uint64(v))
}
