package wasm

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// Go's linker cuts data at every run of zeros: 20,000 segments for a small program. The
// engine keeps a header for each in every instance, half a megabyte, and goes through them
// to make one. Joined they are a few hundred.

// maxGap is how many zeros are put between two segments to make them one.
const maxGap = 256

const secData, secDataCount = 11, 12

// joinData returns the module with neighbouring data segments joined, which gives the same
// memory; the module itself when that is not to be had or gains nothing. What is
// malformed is left as it is, for the compiler to say so.
func joinData(code []byte) []byte {
	const header = 8
	if len(code) < header {
		return code
	}
	for at := header; at < len(code); {
		id, n, body := code[at], 0, 0
		size, k := binary.Uvarint(code[at+1:])
		body = at + 1 + k
		if k <= 0 || size > uint64(len(code)-body) {
			return code
		}
		n = int(size)
		switch id {
		case secDataCount: // segments are named by their numbers
			return code
		case secData:
			joined, ok := joinSegments(code[body:body+n], len(code)+4096)
			if !ok {
				return code
			}
			out := append(slices.Clone(code[:at+1]), binary.AppendUvarint(nil, uint64(len(joined)))...)
			return append(append(out, joined...), code[body+n:]...)
		}
		at = body + n
	}
	return code
}

// segment is an active one.
type segment struct {
	at   uint64
	data []byte
}

// joinSegments joins the segments of a data section, with room bytes of zeros at most.
func joinSegments(section []byte, room int) ([]byte, bool) {
	r := bytes.NewReader(section)
	count, err := binary.ReadUvarint(r)
	if err != nil || count > uint64(len(section)) {
		return nil, false
	}
	all := make([]segment, 0, count)
	for range count {
		s, ok := readSegment(r, section)
		if !ok {
			return nil, false
		}
		all = append(all, s)
	}
	if r.Len() != 0 {
		return nil, false
	}
	slices.SortStableFunc(all, func(a, b segment) int { return cmp.Compare(a.at, b.at) })
	joined := all[:0]
	for _, s := range all {
		if n := len(joined); n > 0 {
			last := &joined[n-1]
			end := last.at + uint64(len(last.data))
			if s.at < end {
				return nil, false // a byte is written twice, so the order matters
			}
			if gap := int(min(s.at-end, maxGap+1)); gap <= maxGap && gap <= room {
				room -= gap
				last.data = append(append(last.data, make([]byte, gap)...), s.data...)
				continue
			}
		}
		s.data = slices.Clone(s.data)
		joined = append(joined, s)
	}
	if all = joined; len(all) == int(count) {
		return nil, false
	}
	out := binary.AppendUvarint(nil, uint64(len(all)))
	for _, s := range all {
		out = appendOffset(append(out, 0, 0x41), int32(uint32(s.at)))
		out = append(binary.AppendUvarint(append(out, 0x0b), uint64(len(s.data))), s.data...)
	}
	return out, true
}

// readSegment reads "0 (i32.const at) end bytes".
func readSegment(r *bytes.Reader, section []byte) (s segment, ok bool) {
	flags, err := r.ReadByte()
	op, err2 := r.ReadByte()
	if err != nil || err2 != nil || flags != 0 || op != 0x41 {
		return s, false
	}
	at, ok := readOffset(r)
	end, err := r.ReadByte()
	n, err2 := binary.ReadUvarint(r)
	if !ok || err != nil || err2 != nil || end != 0x0b || n > uint64(r.Len()) {
		return s, false
	}
	from := len(section) - r.Len()
	if _, err := r.Seek(int64(n), 1); err != nil {
		return s, false
	}
	return segment{uint64(uint32(at)), section[from : from+int(n)]}, true
}

// readOffset and appendOffset are signed LEB128 of 32 bits.
func readOffset(r *bytes.Reader) (int32, bool) {
	var v int64
	for shift := 0; shift < 35; shift += 7 {
		b, err := r.ReadByte()
		if err != nil {
			return 0, false
		}
		v |= int64(b&0x7f) << shift
		if b&0x80 == 0 {
			if b&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return int32(v), v == int64(int32(v))
		}
	}
	return 0, false
}

func appendOffset(b []byte, v int32) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}
