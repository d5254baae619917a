package meter

// encode writes the output module.
func (m *module) encode() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")

	// Bodies first: they may ask for more types.
	extra := &extraTypes{base: uint32(len(m.types))}
	m.extra = extra
	refillType := extra.index([]byte{i64Type}, []byte{i64Type})
	growType := extra.index([]byte{i32Type}, []byte{i32Type})
	var atType, bulkType uint32
	if m.trace != nil {
		atType = extra.index([]byte{i32Type}, nil)
		bulkType = extra.index([]byte{i64Type}, nil)
	}
	bodies := putU32(nil, uint32(len(m.funcs)))
	for i, f := range m.funcs {
		body := m.body(m.impFuncs+i, f, extra)
		bodies = append(putU32(bodies, uint32(len(body))), body...)
	}

	types := putU32(nil, uint32(len(m.types)+len(extra.types)))
	for _, list := range [][]funcType{m.types, extra.types} {
		for _, t := range list {
			types = append(types, 0x60)
			types = append(putU32(types, uint32(len(t.params))), t.params...)
			types = append(putU32(types, uint32(len(t.results))), t.results...)
		}
	}
	out = putSection(out, secType, types)

	imports := putU32(nil, uint32(len(m.imports)+m.added()))
	for _, i := range m.imports {
		imports = append(putName(putName(imports, i.module), i.name), i.kind)
		imports = append(imports, i.raw...)
	}
	imports = putU32(append(putName(putName(imports, ImportModule), ImportRefill), kindFunc), refillType)
	imports = putU32(append(putName(putName(imports, ImportModule), ImportGrow), kindFunc), growType)
	if m.trace != nil {
		imports = putU32(append(putName(putName(imports, ImportModule), ImportAt), kindFunc), atType)
		imports = putU32(append(putName(putName(imports, ImportModule), ImportBulk), kindFunc), bulkType)
	}
	out = putSection(out, secImport, imports)

	funcs := putU32(nil, uint32(len(m.funcs)))
	for _, f := range m.funcs {
		funcs = putU32(funcs, f.typeIdx)
	}
	out = putSection(out, secFunction, funcs)

	if len(m.tables) > 0 {
		b := putU32(nil, uint32(len(m.tables)))
		for _, t := range m.tables {
			b = t.size.put(append(b, t.elem))
		}
		out = putSection(out, secTable, b)
	}
	if m.memory != nil {
		out = putSection(out, secMemory, m.room().put([]byte{1}))
	}
	out = putSection(out, secGlobal, m.putGlobals())
	out = putSection(out, secExport, m.putExports())
	if len(m.elems) > 0 {
		b := putU32(nil, uint32(len(m.elems)))
		for _, e := range m.elems {
			b = append(b, e...)
		}
		out = putSection(out, secElement, b)
	}
	if m.count != nil {
		out = putSection(out, secDataCount, m.count)
	}
	out = putSection(out, secCode, bodies)
	if m.data != nil {
		out = putSection(out, secData, m.data)
	}
	if m.names != nil {
		out = putSection(out, secCustom, m.names)
	}
	return out
}

// room is the memory's limit with a page to spare above the maximum, so that the host can
// have the engine ask for memory again also where the contract has all it may have. The
// contract never gets it: each memory.grow asks the host, which knows Info.MaxPages.
func (m *module) room() limit {
	l := *m.memory
	if l.has && l.max > 0 && l.max < 1<<16 && l.max >= l.min && !m.cfg.AnyImport { // others import it by its limit
		l.max++
	}
	return l
}

func (l limit) put(b []byte) []byte {
	if !l.has {
		return putU32(append(b, 0), l.min)
	}
	return putU32(putU32(append(b, 1), l.min), l.max)
}

func (m *module) putGlobals() []byte {
	b := putU32(nil, uint32(len(m.globals)+2))
	for _, g := range m.globals {
		b = append(append(b, g.typ, g.mut), g.init...)
	}
	for range 2 {
		b = append(b, i64Type, 1, opI64Const, 0, opEnd)
	}
	return b
}

func (m *module) putExports() []byte {
	list := m.exports
	list = append(list, exported{ExportGas, kindGlobal, m.gas()}, exported{ExportDepth, kindGlobal, m.depth()})
	n := 0
	for i, g := range m.globals {
		if g.mut == 1 {
			list = append(list, exported{ExportGlobal(n), kindGlobal, uint32(m.impGlobals + i)})
			n++
		}
	}
	if m.start != nil {
		list = append(list, exported{ExportStart, kindFunc, *m.start})
	}
	b := putU32(nil, uint32(len(list)))
	for _, e := range list {
		if e.kind == kindFunc {
			e.idx = m.at(e.idx)
		}
		b = putU32(append(putName(b, e.name), e.kind), e.idx)
	}
	return b
}

// extraTypes collects function types the output needs beside the input's.
type extraTypes struct {
	base  uint32
	types []funcType
}

func (x *extraTypes) index(params, results []byte) uint32 {
	for i, t := range x.types {
		if string(t.params) == string(params) && string(t.results) == string(results) {
			return x.base + uint32(i)
		}
	}
	x.types = append(x.types, funcType{params, results})
	return x.base + uint32(len(x.types)-1)
}

// body writes one function: locals, what is done on entry, the instructions with their
// charges, what is done at the end.
func (m *module) body(index int, f *fn, extra *extraTypes) []byte {
	out := putU32(nil, uint32(len(f.runs)+f.extraLocals()))
	for _, r := range f.runs {
		out = append(putU32(out, r.n), r.typ)
	}
	out = f.putExtraLocals(out)
	w := walker{m: m, f: f, index: index, emit: true, out: out}
	if f.wrapped() {
		switch len(f.typ.results) {
		case 0:
			w.wrap = []byte{opBlock, voidish}
		case 1:
			w.wrap = []byte{opBlock, f.typ.results[0]}
		default:
			w.wrap = putS64([]byte{opBlock}, int64(extra.index(nil, f.typ.results)))
		}
	}
	if err := w.walk(); err != nil {
		panic("meter: the second walk over a function met what the first did not: " + err.Reason)
	}
	return w.out
}
