package chain

import (
	"encoding/binary"
	"fmt"
)

// reader consumes CBOR data items from b, in deterministic encoding only: definite
// lengths and shortest heads, so what it accepts has one encoding. It is written by hand
// because every transaction passes it at every node; the CBOR library took six times as
// long. The first failure stays in err, and every later call returns zero values.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(want string) error {
	if r.err == nil {
		r.err = fmt.Errorf("malformed CBOR: want %s", want)
	}
	return r.err
}

// end fails unless everything was consumed.
func (r *reader) end() error {
	if r.err == nil && len(r.b) != 0 {
		r.err = fmt.Errorf("%d bytes after the end", len(r.b))
	}
	return r.err
}

// head consumes the head of an item of that major type and returns its argument.
func (r *reader) head(major byte) uint64 {
	if r.err != nil {
		return 0
	}
	if len(r.b) == 0 || r.b[0]&0xe0 != major {
		r.fail(majorNames[major>>5])
		return 0
	}
	info := r.b[0] & 0x1f
	if info < 24 {
		r.b = r.b[1:]
		return uint64(info)
	}
	if info > 27 {
		r.fail("a definite length")
		return 0
	}
	n := 1 << (info - 24)
	if len(r.b) < 1+n {
		r.fail("more bytes")
		return 0
	}
	var buf [8]byte
	copy(buf[8-n:], r.b[1:1+n])
	v := binary.BigEndian.Uint64(buf[:])
	if least := [...]uint64{24, 1 << 8, 1 << 16, 1 << 32}[info-24]; v < least {
		r.fail("the shortest head")
		return 0
	}
	r.b = r.b[1+n:]
	return v
}

// bytes consumes a byte or text string. It shares memory with the input.
func (r *reader) bytes(major byte) []byte {
	n := r.head(major)
	if r.err != nil {
		return nil
	}
	if n > uint64(len(r.b)) {
		r.fail("more bytes")
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) text() string { return string(r.bytes(majorText)) }

// int consumes a signed integer of at most 32 bits.
func (r *reader) int() int32 {
	negative := len(r.b) > 0 && r.b[0]&0xe0 == majorNegative
	major := byte(majorUint)
	if negative {
		major = majorNegative
	}
	v := r.head(major)
	if v > 1<<31-1 {
		r.fail("an integer of 32 bits")
		return 0
	}
	if negative {
		return -1 - int32(v)
	}
	return int32(v)
}

// list consumes the head of an array and returns its length. Each element takes at least
// a byte, so the input's length bounds the memory that the caller takes for it.
func (r *reader) list() int {
	n := r.head(majorArray)
	if n > uint64(len(r.b)) {
		r.fail("more bytes")
		return 0
	}
	return int(n)
}

// tuple consumes the head of an array that must have n elements.
func (r *reader) tuple(n uint64) {
	if r.head(majorArray) != n {
		r.fail(fmt.Sprintf("an array of %d elements", n))
	}
}
