package meter

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"
)

// This file reads DWARF line tables, versions 2 to 5: the section .debug_line and the
// strings it names, nothing else. It does not use debug/dwarf, which allocates what a header
// claims before it has seen it: a few hostile bytes end the process.

// Bounds on what is kept of a module's line tables; what is beyond is not found.
const (
	maxRows     = 1 << 21
	maxFiles    = 1 << 16
	maxFileName = 1 << 10
)

// lineTable finds the source line of an instruction.
type lineTable struct {
	rows  []lineRow // by address
	files []lineFile
}

type lineRow struct {
	addr uint32 // from the start of the code section's contents
	line int32  // -1 at the end of a sequence
	file uint32
}

type lineFile struct{ dir, name []byte }

// find returns the file and line of the instruction at addr, nothing when unknown.
func (t *lineTable) find(addr uint32) (file string, line int) {
	i := sort.Search(len(t.rows), func(i int) bool { return t.rows[i].addr > addr })
	if i == 0 || t.rows[i-1].line < 0 {
		return "", 0
	}
	row := t.rows[i-1]
	if int64(row.file) >= int64(len(t.files)) {
		return "", int(row.line)
	}
	f := t.files[row.file]
	if len(f.dir) == 0 || len(f.name) > 0 && f.name[0] == '/' {
		return string(f.name), int(row.line)
	}
	return string(f.dir) + "/" + string(f.name), int(row.line)
}

// lineSections are the custom sections a line table is made of.
type lineSections struct{ line, lineStr, str []byte }

func (l *lineSections) add(name string, body []byte) {
	switch name {
	case ".debug_line":
		l.line = body
	case ".debug_line_str":
		l.lineStr = body
	case ".debug_str":
		l.str = body
	}
}

// table decodes what there is, for code between two addresses. What is malformed ends the
// reading of its unit, or of all when the units' lengths make no sense.
func (l *lineSections) table(low, high uint32) lineTable {
	var t lineTable
	r := &reader{b: l.line}
	for !r.done() {
		n := le32(r)
		if n >= 0xfffffff0 { // 64-bit DWARF, which no toolchain makes for wasm32
			break
		}
		unit := r.take(int(n))
		if r.bad {
			break
		}
		u := lineUnit{sections: l, table: &t, r: reader{b: unit}, low: low, high: high}
		u.read()
	}
	slices.SortStableFunc(t.rows, func(a, b lineRow) int {
		switch {
		case a.addr != b.addr:
			return int(int64(a.addr) - int64(b.addr))
		case a.line < 0 && b.line >= 0:
			return -1
		case a.line >= 0 && b.line < 0:
			return 1
		}
		return 0
	})
	return t
}

// lineUnit is one unit's header and program while it is read.
type lineUnit struct {
	sections  *lineSections
	table     *lineTable
	r         reader
	low, high uint32

	version           uint16
	lineBase          int8
	lineRange, opBase byte
	minLength         uint32
	lengths           []byte // operands of the standard opcodes
	dirs              [][]byte
	files             uint32 // index in table.files of the unit's file 0
}

func le32(r *reader) uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func le16(r *reader) uint16 {
	if b := r.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// text reads a string that ends in a zero.
func text(r *reader) []byte {
	n := bytes.IndexByte(r.b[r.pos:], 0)
	if n < 0 {
		r.fail()
		return nil
	}
	s := r.take(n)
	r.byte()
	return s[:min(len(s), maxFileName)]
}

func (u *lineUnit) read() {
	r := &u.r
	if u.version = le16(r); u.version < 2 || u.version > 5 {
		return
	}
	if u.version == 5 {
		r.take(2) // sizes of an address and a segment selector
	}
	header := r.take(int(le32(r)))
	program := reader{b: r.b, pos: r.pos, bad: r.bad}
	h := &reader{b: header}
	u.minLength = uint32(h.byte())
	if u.version >= 4 {
		h.byte() // operations of a VLIW instruction
	}
	h.byte() // whether rows begin as statements
	u.lineBase = int8(h.byte())
	u.lineRange = h.byte()
	u.opBase = h.byte()
	if u.opBase == 0 || u.lineRange == 0 {
		return
	}
	u.lengths = h.take(int(u.opBase) - 1)
	u.files = uint32(len(u.table.files))
	if u.version == 5 {
		u.entries(h, func(_ uint32, name []byte) { u.dirs = append(u.dirs, name) })
		u.entries(h, u.file)
	} else {
		u.oldEntries(h)
	}
	if !h.bad {
		u.run(&program)
	}
}

func (u *lineUnit) file(dir uint32, name []byte) {
	f := lineFile{name: name}
	if int64(dir) < int64(len(u.dirs)) {
		f.dir = u.dirs[dir]
	}
	u.table.files = append(u.table.files, f)
}

// oldEntries reads the directories and files of versions 2 to 4.
func (u *lineUnit) oldEntries(h *reader) {
	u.dirs = append(u.dirs, nil) // 0 is the directory of the compilation, which is not told here
	for !h.done() {
		dir := text(h)
		if len(dir) == 0 {
			break
		}
		u.dirs = append(u.dirs, dir)
	}
	u.file(0, nil) // files are counted from 1
	for !h.done() {
		name := text(h)
		if len(name) == 0 {
			return
		}
		dir := h.u32()
		h.u32() // time
		h.u32() // size
		if u.full(h) {
			return
		}
		u.file(dir, name)
	}
}

// full fails the reader when too many files are kept.
func (u *lineUnit) full(h *reader) bool {
	if len(u.table.files) >= maxFiles || len(u.dirs) >= maxFiles {
		h.fail()
	}
	return h.bad
}

// entries reads the directories or files of version 5: a format, then as many entries as
// the count says, each of at least a byte.
func (u *lineUnit) entries(h *reader, keep func(dir uint32, name []byte)) {
	const path, directory = 1, 2
	format := make([][2]uint32, h.byte())
	for i := range format {
		format[i] = [2]uint32{h.u32(), h.u32()}
	}
	n := h.u32()
	if n > 0 && len(format) == 0 {
		h.fail()
	}
	for range n {
		if u.full(h) {
			return
		}
		var dir uint32
		var name []byte
		for _, f := range format {
			number, str := u.value(h, f[1])
			switch f[0] {
			case path:
				name = str
			case directory:
				dir = number
			}
		}
		if h.bad {
			return
		}
		keep(dir, name)
	}
}

// value reads a number or string in one of the forms compilers use here.
func (u *lineUnit) value(h *reader, form uint32) (number uint32, str []byte) {
	in := func(section []byte, at uint32) []byte {
		if int64(at) >= int64(len(section)) {
			h.fail()
			return nil
		}
		s := section[at:]
		s = s[:min(len(s), maxFileName)]
		if n := bytes.IndexByte(s, 0); n >= 0 {
			s = s[:n]
		}
		return s
	}
	switch form {
	case 0x08: // string
		return 0, text(h)
	case 0x0e: // strp
		return 0, in(u.sections.str, le32(h))
	case 0x1f: // line_strp
		return 0, in(u.sections.lineStr, le32(h))
	case 0x0b: // data1
		return uint32(h.byte()), nil
	case 0x05: // data2
		return uint32(le16(h)), nil
	case 0x06: // data4
		return le32(h), nil
	case 0x0f: // udata
		return h.u32(), nil
	case 0x1e: // data16, a checksum
		h.take(16)
	case 0x09: // block
		h.take(int(h.u32()))
	default:
		h.fail()
	}
	return 0, nil
}
