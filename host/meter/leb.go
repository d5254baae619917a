package meter

import (
	"math/bits"
	"unicode/utf8"
)

// reader walks over bytes. After a read past the end or a malformed number bad is set,
// reads return zero and the position stays; so loops check bad, and nothing panics.
type reader struct {
	b   []byte
	pos int
	bad bool
}

func (r *reader) done() bool { return r.bad || r.pos >= len(r.b) }

func (r *reader) fail() { r.bad = true }

func (r *reader) byte() byte {
	if r.done() {
		r.fail()
		return 0
	}
	c := r.b[r.pos]
	r.pos++
	return c
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b)-r.pos {
		r.fail()
		return nil
	}
	p := r.b[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return p
}

// u32 reads an unsigned LEB128 number of at most 32 bits.
func (r *reader) u32() uint32 {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		c := r.byte()
		v |= uint64(c&0x7f) << shift
		if c&0x80 == 0 {
			if v > 1<<32-1 {
				r.fail()
				return 0
			}
			return uint32(v)
		}
	}
	r.fail()
	return 0
}

// signed reads a signed LEB128 number of at most size bits.
func (r *reader) signed(size int) int64 {
	var v int64
	for shift := 0; shift < size; shift += 7 {
		c := r.byte()
		v |= int64(c&0x7f) << shift
		if c&0x80 != 0 {
			continue
		}
		if left := size - shift; left < 7 { // the last byte: its unused bits repeat the sign
			if top := int8(c<<1) >> left; top != 0 && top != -1 {
				r.fail()
			}
		}
		if shift += 7; shift < 64 && c&0x40 != 0 {
			v |= -1 << shift
		}
		return v
	}
	r.fail()
	return 0
}

// count reads the length of a vector whose items take at least one byte each, so a
// length beyond the bytes that are there is malformed and never allocated.
func (r *reader) count() int {
	n := r.u32()
	if int64(n) > int64(len(r.b)-r.pos) {
		r.fail()
		return 0
	}
	return int(n)
}

// name reads a name, which has to be UTF-8.
func (r *reader) name() string {
	s := string(r.take(int(r.u32())))
	if !utf8.ValidString(s) {
		r.fail()
	}
	return s
}

func putU32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func putS64(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func putName(b []byte, s string) []byte { return append(putU32(b, uint32(len(s))), s...) }

func putSection(b []byte, id byte, body []byte) []byte {
	b = append(b, id)
	b = putU32(b, uint32(len(body)))
	return append(b, body...)
}

// satAdd adds without wrapping.
func satAdd(a, b uint64) uint64 {
	s, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return 1<<64 - 1
	}
	return s
}
