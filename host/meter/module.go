package meter

import (
	"fmt"
	"slices"
)

// Section numbers.
const (
	secCustom    = 0
	secType      = 1
	secImport    = 2
	secFunction  = 3
	secTable     = 4
	secMemory    = 5
	secGlobal    = 6
	secExport    = 7
	secStart     = 8
	secElement   = 9
	secCode      = 10
	secData      = 11
	secDataCount = 12
	secTag       = 13
)

// order is the order sections stand in.
var order = map[byte]int{secType: 1, secImport: 2, secFunction: 3, secTable: 4, secMemory: 5, secTag: 6,
	secGlobal: 7, secExport: 8, secStart: 9, secElement: 10, secDataCount: 11, secCode: 12, secData: 13}

// Value types.
const (
	i32Type = 0x7f
	i64Type = 0x7e
	f32Type = 0x7d
	f64Type = 0x7c
	voidish = 0x40 // a block without parameters and results
)

// Kinds of import and export.
const (
	kindFunc   = 0
	kindTable  = 1
	kindMemory = 2
	kindGlobal = 3
	kindTag    = 4
)

type funcType struct{ params, results []byte }

type imported struct {
	module, name string
	kind         byte
	typ          uint32 // of a function
	raw          []byte // the description of anything else
}

type limit struct {
	min uint32
	max uint32
	has bool // max is set
}

type table struct {
	elem byte
	size limit
}

type global struct {
	typ, mut byte
	init     []byte // constant expression, function indices already moved
}

type exported struct {
	name string
	kind byte
	idx  uint32
}

// module is a decoded module. Function indices in it are those of the input; shift moves
// them to those of the output.
type module struct {
	cfg     Config
	types   []funcType
	imports []imported
	funcs   []*fn // defined functions
	tables  []table
	memory  *limit
	globals []global
	exports []exported
	start   *uint32
	elems   [][]byte // rewritten segments
	data    []byte   // whole section, or nil
	count   []byte   // data count section, or nil
	names   []byte   // function names, rewritten, or nil

	impFuncs, impTables, impMems, impGlobals int

	code    int      // where the contents of the code section begin in the input
	datas   int      // data segments
	wanted  []uint32 // functions named before they are declared, to be checked at the end
	taken   map[uint32]bool
	trace   *Trace // of a trace build
	extra   *extraTypes
	keeps   bool // some instruction changes a table or drops a segment
	refVars bool // a mutable global holds a reference
}

// at returns the index in the output of the function with that index in the input.
func (m *module) at(f uint32) uint32 {
	if int(f) >= m.impFuncs {
		return f + uint32(m.added())
	}
	return f
}

// added is how many function imports the rewriter adds.
func (m *module) added() int {
	if m.trace != nil {
		return 4
	}
	return 2
}

func (m *module) refill() uint32    { return uint32(m.impFuncs) }
func (m *module) grow() uint32      { return uint32(m.impFuncs) + 1 }
func (m *module) traceAt() uint32   { return uint32(m.impFuncs) + 2 }
func (m *module) traceBulk() uint32 { return uint32(m.impFuncs) + 3 }
func (m *module) gas() uint32       { return uint32(m.impGlobals + len(m.globals)) }
func (m *module) depth() uint32     { return m.gas() + 1 }

// span is where the code of functions lies, from the start of the code section's contents.
func (m *module) span() (low, high uint32) {
	if len(m.funcs) == 0 {
		return 0, 0
	}
	last := m.funcs[len(m.funcs)-1]
	return 1, uint32(last.offset + len(last.code) - m.code)
}

func (m *module) numFuncs() int { return m.impFuncs + len(m.funcs) }

// decode reads a whole module.
func decode(code []byte, cfg Config) (*module, *Refusal) {
	l := cfg.Limits
	if len(code) > l.Module {
		return nil, refuse("module of %d bytes, at most %d", len(code), l.Module)
	}
	if len(code) < 8 || string(code[:4]) != "\x00asm" {
		return nil, refuse("not a WebAssembly module")
	}
	if string(code[4:8]) != "\x01\x00\x00\x00" {
		return nil, &Refusal{Reason: "not a core WebAssembly module of version 1", Hint: "components have to be unbundled to a core module"}
	}
	m := &module{cfg: cfg, taken: map[uint32]bool{}}
	r := &reader{b: code, pos: 8}
	if cfg.Trace {
		m.trace = &Trace{}
	}
	last := 0
	var lines lineSections
	var nameSection []byte
	for !r.done() {
		id := r.byte()
		body := r.take(int(r.u32()))
		if r.bad {
			return nil, refuse("section %d does not end within the module", id)
		}
		s := &reader{b: body}
		if id == secCustom {
			switch name := s.name(); {
			case s.bad:
			case name == "name":
				nameSection = body[s.pos:]
			case cfg.Trace:
				lines.add(name, body[s.pos:])
			}
			if s.bad {
				return nil, refuse("a custom section has no name")
			}
			continue
		}
		if order[id] == 0 {
			return nil, refuse("unknown section %d", id)
		}
		if order[id] <= last {
			return nil, refuse("section %d is out of order", id)
		}
		last = order[id]
		if id == secCode {
			m.code = r.pos - len(body)
		}
		if err := m.section(id, s); err != nil {
			return nil, err
		}
		if s.bad || s.pos != len(body) {
			return nil, refuse("section %d is malformed", id)
		}
	}
	if err := m.whole(); err != nil {
		return nil, err
	}
	m.names = m.moveNames(nameSection)
	if m.trace != nil {
		m.trace.names = m.funcNames(nameSection)
		m.trace.code = uint32(m.code)
		m.trace.lines = lines.table(m.span())
	}
	return m, nil
}

func (m *module) section(id byte, s *reader) *Refusal {
	switch id {
	case secType:
		return m.readTypes(s)
	case secImport:
		return m.readImports(s)
	case secFunction:
		return m.readFuncs(s)
	case secTable:
		return m.readTables(s)
	case secMemory:
		return m.readMemories(s)
	case secGlobal:
		return m.readGlobals(s)
	case secExport:
		return m.readExports(s)
	case secStart:
		f := s.u32()
		m.start = &f
		m.wanted = append(m.wanted, f)
	case secElement:
		return m.readElements(s)
	case secDataCount:
		m.count = s.b
		s.u32()
	case secCode:
		return m.readBodies(s)
	case secData:
		return m.readData(s)
	case secTag:
		return exceptions.refuse()
	}
	return nil
}

// whole checks what can only be checked when all sections are read.
func (m *module) whole() *Refusal {
	for _, f := range m.funcs {
		if f.code == nil {
			return refuse("a function is declared and has no code")
		}
	}
	for _, f := range m.wanted {
		if int64(f) >= int64(m.numFuncs()) {
			return refuse("function %d is named and does not exist", f)
		}
	}
	for _, e := range m.exports {
		n := map[byte]int{kindFunc: m.numFuncs(), kindTable: m.impTables + len(m.tables),
			kindMemory: m.numMemories(), kindGlobal: m.impGlobals + len(m.globals)}[e.kind]
		if int64(e.idx) >= int64(n) {
			return refuse("export %.60q names something that does not exist", e.name)
		}
	}
	if m.start != nil {
		if t := m.typeOf(*m.start); t == nil || len(t.params)+len(t.results) > 0 {
			return refuse("the start function takes or returns something")
		}
	}
	return nil
}

func (m *module) numMemories() int {
	if m.memory != nil {
		return m.impMems + 1
	}
	return m.impMems
}

// typeOf returns the type of a function, nil when there is no such function.
func (m *module) typeOf(f uint32) *funcType {
	if i := int64(f) - int64(m.impFuncs); i >= 0 {
		if i >= int64(len(m.funcs)) {
			return nil
		}
		return m.funcs[i].typ
	}
	n := uint32(0)
	for i := range m.imports {
		if m.imports[i].kind == kindFunc {
			if n == f {
				return &m.types[m.imports[i].typ]
			}
			n++
		}
	}
	return nil
}

func (m *module) isExported(f uint32) bool {
	return slices.ContainsFunc(m.exports, func(e exported) bool { return e.kind == kindFunc && e.idx == f })
}

func valType(t byte) *Refusal {
	switch t {
	case i32Type, i64Type, f32Type, f64Type, 0x70, 0x6f:
		return nil
	case 0x7b:
		return simd.refuse()
	case 0x69, 0x74:
		return exceptions.refuse()
	}
	return gc.refuse()
}

func refType(t byte) *Refusal {
	switch t {
	case 0x70, 0x6f:
		return nil
	case 0x69, 0x74:
		return exceptions.refuse()
	}
	return gc.refuse()
}

func (m *module) readTypes(s *reader) *Refusal {
	n := s.count()
	if n > m.cfg.Limits.Types {
		return refuse("%d types, at most %d", n, m.cfg.Limits.Types)
	}
	for range n {
		if form := s.byte(); form != 0x60 && !s.bad {
			return gc.refuse()
		}
		var t funcType
		for _, list := range []*[]byte{&t.params, &t.results} {
			*list = s.take(s.count())
			if len(*list) > m.cfg.Limits.Params {
				return refuse("a function type with %d parameters or results, at most %d", len(*list), m.cfg.Limits.Params)
			}
			for _, v := range *list {
				if err := valType(v); err != nil {
					return err
				}
			}
		}
		m.types = append(m.types, t)
	}
	return nil
}

func (m *module) readFuncs(s *reader) *Refusal {
	n := s.count()
	if n > m.cfg.Limits.Functions {
		return refuse("%d functions, at most %d", n, m.cfg.Limits.Functions)
	}
	for range n {
		t := s.u32()
		if int64(t) >= int64(len(m.types)) {
			return refuse("a function has a type that does not exist")
		}
		m.funcs = append(m.funcs, &fn{typ: &m.types[t], typeIdx: t})
	}
	return nil
}

func (m *module) readBodies(s *reader) *Refusal {
	if n := s.count(); n != len(m.funcs) {
		return refuse("%d functions declared, %d with code", len(m.funcs), n)
	}
	for i, f := range m.funcs {
		body := s.take(int(s.u32()))
		if s.bad {
			return refuse("the code section is malformed")
		}
		if len(body) > m.cfg.Limits.Body {
			return refuse("function %d has %d bytes of code, at most %d", m.impFuncs+i, len(body), m.cfg.Limits.Body)
		}
		f.traced, f.offset = m.trace != nil, m.code+s.pos-len(body)
		if err := f.readLocals(body, m.cfg.Limits); err != nil {
			return &Refusal{Reason: fmt.Sprintf("function %d: %s", m.impFuncs+i, err.Reason), Hint: err.Hint}
		}
	}
	return nil
}

// moveNames rewrites the function names of a name section; anything odd in it loses the
// names, which are for people, and nothing else.
func (m *module) moveNames(section []byte) []byte {
	s := &reader{b: section}
	for !s.done() {
		id := s.byte()
		sub := &reader{b: s.take(int(s.u32()))}
		if id != 1 || s.bad {
			continue
		}
		n := sub.count()
		out := putU32(nil, uint32(n))
		for range n {
			idx, name := sub.u32(), sub.name()
			if int64(idx) >= int64(m.numFuncs()) {
				return nil
			}
			out = putName(putU32(out, m.at(idx)), name)
		}
		if sub.bad {
			return nil
		}
		return putSection(putName(nil, "name"), 1, out)
	}
	return nil
}

func (m *module) hasImportModule(name string) bool { return slices.Contains(m.cfg.Imports, name) }
