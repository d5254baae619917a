package wasm_test

import (
	"bytes"
	"encoding/binary"
	"math"
)

// mod is a module under construction, for contracts that no toolchain would write. Every
// module has a memory of one page, exported as "memory", and a valid kalima_abi; fields
// change that.
type mod struct {
	types   [][]byte // after the two that every module has: type 0 is ()->(), type 1 is ()->i32
	imports []imp
	funcs   []fun // their index is len(imports) + 1 + n: kalima_abi is the first
	tables  [][]byte
	memory  []byte // limits; nil means one page
	globals [][]byte
	exports []byte // n further exports, encoded
	nexport int
	start   int // index of a function; 0 means none
	elems   [][]byte
	data    [][]byte
	custom  [][]byte
	bare    bool // without kalima_abi and the memory's export
}

type imp struct {
	module, name string
	desc         []byte // kind and type
}

// fun is a function: exported when it has a name.
type fun struct {
	typ    uint32
	locals []byte // encoded vector; nil means none
	body   []byte // without the last end
	export string
}

// Opcodes the tests write.
const (
	opUnreachable = 0x00
	opBlock       = 0x02
	opLoop        = 0x03
	opIf          = 0x04
	opEnd         = 0x0b
	opBr          = 0x0c
	opBrIf        = 0x0d
	opBrTable     = 0x0e
	opReturn      = 0x0f
	opCall        = 0x10
	opCallInd     = 0x11
	opDrop        = 0x1a
	opGet         = 0x20
	opSet         = 0x21
	opGlobalGet   = 0x23
	opGlobalSet   = 0x24
	opLoad        = 0x28
	opStore       = 0x36
	opMemorySize  = 0x3f
	opMemoryGrow  = 0x40
	opI32         = 0x41
	opI64         = 0x42
	opF32         = 0x43
	opF64         = 0x44
	opI32Add      = 0x6a
	void          = 0x40
	i32           = 0x7f
	i64           = 0x7e
	f32           = 0x7d
	f64           = 0x7c
)

func u(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func sleb(n int64) (b []byte) {
	for {
		c := byte(n & 0x7f)
		n >>= 7
		if n == 0 && c&0x40 == 0 || n == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func constI32(n int32) []byte { return append([]byte{opI32}, sleb(int64(n))...) }
func constF64(bits uint64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{opF64}, bits)
}

var f64bits, f32bits = math.Float64bits, math.Float32bits

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func rep(n int, part ...byte) []byte { return bytes.Repeat(part, n) }

func op(codes ...byte) []byte { return codes }

func call1(f int) []byte { return append([]byte{opCall}, u(f)...) }

func vecOf(parts [][]byte) []byte { return append(u(len(parts)), cat(parts...)...) }

func nameOf(s string) []byte { return append(u(len(s)), s...) }

func section(id byte, body []byte) []byte { return cat([]byte{id}, u(len(body)), body) }

// locals encodes n locals of a type.
func locals(n int, typ byte) []byte { return cat(u(1), u(n), []byte{typ}) }

func sig(params, results []byte) []byte {
	return cat([]byte{0x60}, u(len(params)), params, u(len(results)), results)
}

// host is an import of a function whose type is types[n].
func hostImport(module, name string, typ int) imp {
	return imp{module, name, append([]byte{0}, u(typ)...)}
}

// first is the index of funcs[0].
func (m *mod) first() int {
	n := len(m.imports)
	if !m.bare {
		n++
	}
	return n
}

// export adds an export of kind 0 function, 1 table, 2 memory, 3 global.
func (m *mod) export(name string, kind byte, index int) {
	m.exports = append(m.exports, cat(nameOf(name), []byte{kind}, u(index))...)
	m.nexport++
}

// bytes encodes the module.
func (m mod) bytes() []byte {
	types := append([][]byte{sig(nil, nil), sig(nil, []byte{i32})}, m.types...)
	var imports, decls, bodies [][]byte
	for _, i := range m.imports {
		imports = append(imports, cat(nameOf(i.module), nameOf(i.name), i.desc))
	}
	funcs := m.funcs
	if !m.bare {
		funcs = append([]fun{{typ: 1, body: constI32(1), export: "kalima_abi"}}, funcs...)
		m.export("memory", 2, 0)
	}
	for n, f := range funcs {
		decls = append(decls, u(int(f.typ)))
		l := f.locals
		if l == nil {
			l = u(0)
		}
		body := cat(l, f.body, []byte{opEnd})
		bodies = append(bodies, append(u(len(body)), body...))
		if f.export != "" {
			m.export(f.export, 0, len(m.imports)+n)
		}
	}
	memory := m.memory
	if memory == nil {
		memory = []byte{0, 1}
	}
	out := cat([]byte("\x00asm\x01\x00\x00\x00"), section(1, vecOf(types)))
	if imports != nil {
		out = append(out, section(2, vecOf(imports))...)
	}
	out = append(out, section(3, vecOf(decls))...)
	if m.tables != nil {
		out = append(out, section(4, vecOf(m.tables))...)
	}
	if len(memory) > 0 {
		out = append(out, section(5, cat(u(1), memory))...)
	}
	if m.globals != nil {
		out = append(out, section(6, vecOf(m.globals))...)
	}
	out = append(out, section(7, cat(u(m.nexport), m.exports))...)
	if m.start != 0 {
		out = append(out, section(8, u(m.start))...)
	}
	if m.elems != nil {
		out = append(out, section(9, vecOf(m.elems))...)
	}
	out = append(out, section(10, vecOf(bodies))...)
	if m.data != nil {
		out = append(out, section(11, vecOf(m.data))...)
	}
	for _, c := range m.custom {
		out = append(out, section(0, c)...)
	}
	return out
}

// validate is a module whose entry has this body, with nothing else in it. It leaves the
// outcome, an i32.
func validate(body ...[]byte) mod {
	return mod{funcs: []fun{{typ: 1, body: cat(body...), export: "validate"}}}
}
