package wasm_test

// value makes code that leaves one value of a type.
func (g *generator) value(t byte) {
	if !g.node() {
		g.leaf(t)
		return
	}
	g.depth++
	defer func() { g.depth-- }()
	switch g.pick(13) {
	case 0, 1:
		g.leaf(t)
	case 2, 3:
		g.unary(t)
	case 4, 5, 6:
		g.binary(t)
	case 7:
		g.load(t)
	case 8:
		g.convert(t)
	case 9:
		g.choose(t)
	case 10:
		if i := g.calleeOf(int(t)); i >= 0 {
			g.call(i)
			return
		}
		g.leaf(t)
	case 11:
		if l := g.local(t); l >= 0 {
			g.value(t)
			g.index(0x22, l)
			return
		}
		g.leaf(t)
	case 12:
		if t != vI32 {
			g.convert(t)
			return
		}
		g.special()
	}
}

func (g *generator) leaf(t byte) {
	switch l := g.local(t); {
	case g.pick(4) == 3:
		g.index(0x23, 2*typeIndex(t)+g.pick(2))
	case l >= 0 && g.pick(3) > 0:
		g.index(0x20, l)
	default:
		g.emit(constant(t, interesting(t, g.next())))
	}
}

func typeIndex(t byte) int { return int(vI32 - t) }

// choose is a select or a block that gives a value.
func (g *generator) choose(t byte) {
	switch g.pick(4) {
	case 0:
		g.value(t)
		g.value(t)
		g.value(vI32)
		g.emit(0x1b)
	case 1:
		g.value(t)
		g.value(t)
		g.value(vI32)
		g.emit(0x1c, 1, int(t))
	case 2:
		g.value(vI32)
		g.block(0x04, []byte{t}, []byte{t}, func() {
			g.statements()
			g.value(t)
			g.emit(0x05)
			g.value(t)
		})
	case 3:
		g.block(0x02, []byte{t}, []byte{t}, func() {
			g.statements()
			g.value(t)
		})
	}
}

// special are i32 that tell of the instance.
func (g *generator) special() {
	switch g.pick(6) {
	case 0:
		g.emit(0x3f, 0) // memory.size
	case 1:
		g.emit(calI32(int32(g.pick(3))), 0x40, 0) // memory.grow
	case 2:
		g.emit(0xfc, 16, 0) // table.size
	case 3:
		g.emit(0xd0, 0x70, calI32(int32(g.pick(3))), 0xfc, 15, 0) // table.grow
	case 4:
		g.slot()
		g.emit(0x25, 0, 0xd1) // table.get, ref.is_null
	case 5:
		g.value(vI32)
		g.emit(0xc0 + g.pick(2)) // sign extension
	}
}

func (g *generator) unary(t byte) {
	g.value(t)
	switch t {
	case vI32:
		g.emit([]int{0x45, 0x67, 0x68, 0x69, 0xc0, 0xc1}[g.pick(6)])
	case vI64:
		g.emit([]int{0x79, 0x7a, 0x7b, 0xc2, 0xc3, 0xc4}[g.pick(6)])
	case vF32:
		n := g.pick(7)
		g.emit(0x8b + n)
		g.canonical(t, n > 1)
	case vF64:
		n := g.pick(7)
		g.emit(0x99 + n)
		g.canonical(t, n > 1)
	}
}

func (g *generator) binary(t byte) {
	switch t {
	case vI32:
		switch g.pick(4) {
		case 0: // a comparison
			u := genTypes[g.pick(4)]
			g.value(u)
			g.value(u)
			first := map[byte]int{vI32: 0x46, vI64: 0x51, vF32: 0x5b, vF64: 0x61}[u]
			n := 10
			if u == vF32 || u == vF64 {
				n = 6
			}
			g.emit(first + g.pick(n))
			return
		case 1:
			g.value(vI64)
			g.emit(0x50)
			return
		}
		g.value(t)
		g.value(t)
		g.emit(0x6a + g.arithmetic())
	case vI64:
		g.value(t)
		g.value(t)
		g.emit(0x7c + g.arithmetic())
	case vF32:
		g.value(t)
		g.value(t)
		n := g.pick(7)
		g.emit(0x92 + n)
		g.canonical(t, n < 6)
	case vF64:
		g.value(t)
		g.value(t)
		n := g.pick(7)
		g.emit(0xa0 + n)
		g.canonical(t, n < 6)
	}
}

// arithmetic chooses among 15, division less often: it traps.
func (g *generator) arithmetic() int {
	n := g.pick(15)
	if n >= 3 && n <= 6 && g.rarely(2) {
		return 0
	}
	return n
}

func (g *generator) convert(t byte) {
	type from struct {
		t  byte
		op []byte
	}
	ways := map[byte][]from{
		vI32: {{vI64, []byte{0xa7}}, {vF32, []byte{0xa8}}, {vF64, []byte{0xab}}, {vF32, []byte{0xbc}}, {vF32, []byte{0xfc, 0}}, {vF64, []byte{0xfc, 3}}, {vF32, []byte{0xbc}}},
		vI64: {{vI32, []byte{0xac}}, {vI32, []byte{0xad}}, {vF64, []byte{0xb0}}, {vF64, []byte{0xbd}}, {vF32, []byte{0xfc, 5}}, {vF64, []byte{0xfc, 7}}, {vF64, []byte{0xbd}}},
		vF32: {{vI32, []byte{0xb2}}, {vI64, []byte{0xb5}}, {vF64, []byte{0xb6}}, {vI32, []byte{0xbe}}, {vI32, []byte{0xbe}}},
		vF64: {{vI32, []byte{0xb7}}, {vI64, []byte{0xba}}, {vF32, []byte{0xbb}}, {vI64, []byte{0xbf}}, {vI64, []byte{0xbf}}},
	}[t]
	w := ways[g.pick(len(ways))]
	g.value(w.t)
	g.emit(w.op)
	g.canonical(t, w.op[0] == 0xb6 || w.op[0] == 0xbb)
}

// canonical makes the value on the stack canonical, in the oracle.
func (g *generator) canonical(t byte, makes bool) {
	if !g.canon || !makes {
		return
	}
	l, eq, nan := g.nan[1], 0x61, constant(vF64, 0x7ff8000000000000)
	if t == vF32 {
		l, eq, nan = g.nan[0], 0x5b, constant(vF32, 0x7fc00000)
	}
	g.index(0x22, l)
	g.emit(nan)
	g.index(0x20, l)
	g.index(0x20, l)
	g.emit(eq, 0x1b)
}

// address leaves an address that is mostly inside the memory.
func (g *generator) address() {
	g.value(vI32)
	if !g.rarely(16) {
		g.emit(calI32(0x1fff8), 0x71)
	}
}

func (g *generator) load(t byte) {
	g.address()
	op := map[byte][]int{vI32: {0x28, 0x2c, 0x2d, 0x2e, 0x2f}, vI64: {0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35}, vF32: {0x2a}, vF64: {0x2b}}[t]
	g.emit(op[g.pick(len(op))], 0, g.pick(16))
}

func (g *generator) store() {
	t := genTypes[g.pick(4)]
	op := map[byte][]int{vI32: {0x36, 0x3a, 0x3b}, vI64: {0x37, 0x3c, 0x3d, 0x3e}, vF32: {0x38}, vF64: {0x39}}[t]
	g.address()
	g.value(t)
	g.emit(op[g.pick(len(op))], 0, g.pick(16))
}

// calleeOf chooses a function, mostly one further on so that most recursions end, with
// one result of a type; -1 is any function, and the answer when there is none.
func (g *generator) calleeOf(t int) int {
	var all []int
	for i, f := range g.funcs {
		r := g.types[f].results
		if (i > g.self || g.rarely(12)) && (t < 0 || len(r) == 1 && int(r[0]) == t) {
			all = append(all, i)
		}
	}
	if len(all) == 0 {
		return -1
	}
	return all[g.pick(len(all))]
}

func (g *generator) call(i int) {
	g.values(g.types[g.funcs[i]].params)
	g.index(0x10, i)
}

func (g *generator) indirect() {
	i := g.pick(len(g.types))
	g.values(g.types[i].params)
	g.slot()
	g.index(0x11, i)
	g.emit(0)
	g.consume(g.types[i].results)
}

// slot leaves an index that is mostly inside the table.
func (g *generator) slot() {
	if g.rarely(3) {
		g.value(vI32)
		g.emit(calI32(15), 0x71)
		return
	}
	g.emit(calI32(int32(g.pick(genTable))))
}

func (g *generator) bulk() {
	length := func() {
		if g.rarely(4) {
			g.value(vI32)
		} else {
			g.emit(calI32(int32(g.next())))
		}
	}
	switch g.pick(4) {
	case 0:
		g.address()
		g.address()
		length()
		g.emit(0xfc, 10, 0, 0)
	case 1:
		g.address()
		g.value(vI32)
		length()
		g.emit(0xfc, 11, 0)
	case 2:
		g.address()
		g.emit(calI32(int32(g.pick(32))), calI32(int32(g.pick(36))), 0xfc, 8, 1, 0)
	case 3:
		if g.rarely(4) {
			g.emit(0xfc, 9, 1)
		}
	}
}

func (g *generator) table() {
	few := func() { g.emit(calI32(int32(g.pick(5)))) }
	switch g.pick(6) {
	case 0:
		g.slot()
		g.emit(0xd2, g.pick(min(genElems, len(g.funcs))), 0x26, 0)
	case 1:
		g.slot()
		g.slot()
		g.emit(0x25, 0, 0x26, 0)
	case 2:
		g.slot()
		g.slot()
		few()
		g.emit(0xfc, 14, 0, 0)
	case 3:
		g.slot()
		g.emit(0xd0, 0x70)
		few()
		g.emit(0xfc, 17, 0)
	case 4:
		g.slot()
		g.emit(calI32(int32(g.pick(4))))
		few()
		g.emit(0xfc, 12, 1, 0)
	case 5:
		if g.rarely(4) {
			g.emit(0xfc, 13, 1)
		}
	}
}
