package wasm_test

import (
	"encoding/binary"
	"math"
	"slices"
)

// Value types in generated modules.
const (
	vI32 = 0x7f
	vI64 = 0x7e
	vF32 = 0x7d
	vF64 = 0x7c
)

var genTypes = []byte{vI32, vI64, vF32, vF64}

// generator makes a valid module out of any bytes: every byte is a choice, and when there
// are no more, the shortest way to an end is chosen. With canon each instruction that can make
// a NaN is followed by code that makes it canonical. That is the oracle for the meter, which
// does so only where the bits may be seen: the metered module has to do in every bit what the
// canonical one does.
type generator struct {
	in    []byte
	pos   int
	canon bool

	types  []genType
	funcs  []int // index of type
	fuel   int   // nodes that may still be made in this function
	depth  int
	self   int // index of the function under way
	out    []byte
	locals []byte // types, parameters first
	labels [][]byte
	nan    [2]int // locals: a f32, a f64
}

type genType struct{ params, results []byte }

const (
	genGlobals = 8 // two of each type, mutable
	genPages   = 2
	genTable   = 12
	genElems   = 6
)

func (g *generator) next() int {
	if g.pos >= len(g.in) {
		return 0
	}
	g.pos++
	return int(g.in[g.pos-1])
}

func (g *generator) pick(n int) int { return g.next() % n }

// rarely is true once in n times, and not when there are no more bytes.
func (g *generator) rarely(n int) bool { return g.next()%n == n-1 }

func (g *generator) emit(parts ...any) { g.out = append(g.out, calOps(parts...)...) }
func (g *generator) index(op byte, i int) {
	g.out = append(append(g.out, op), calULEB(uint32(i))...)
}

// generate makes the module.
func generate(in []byte, canon bool) []byte {
	g := &generator{in: in, canon: canon}
	g.types = []genType{{}, {nil, []byte{vI32}}, {[]byte{vF64, vF64}, []byte{vF64}}}
	for range g.pick(4) {
		var t genType
		for range g.pick(4) {
			t.params = append(t.params, genTypes[g.pick(4)])
		}
		for range g.pick(3) {
			t.results = append(t.results, genTypes[g.pick(4)])
		}
		g.types = append(g.types, t)
	}
	for range 1 + g.pick(5) {
		g.funcs = append(g.funcs, g.pick(len(g.types)))
	}
	var bodies [][]byte
	for i := range g.funcs {
		bodies = append(bodies, g.function(i))
	}
	return g.module(bodies)
}

func (g *generator) function(i int) []byte {
	t := g.types[g.funcs[i]]
	g.self, g.fuel, g.out = i, 40+4*g.next(), nil
	g.locals = slices.Concat(t.params, genTypes, []byte{vF32, vF64})
	g.nan = [2]int{len(g.locals) - 2, len(g.locals) - 1}
	g.labels = [][]byte{t.results}
	g.statements()
	g.values(t.results)
	if g.rarely(8) {
		g.emit(0x0f)
	}
	g.emit(0x0b)
	var decl []byte
	own := g.locals[len(t.params):]
	for _, l := range own {
		decl = append(decl, 1, l)
	}
	body := slices.Concat(calULEB(uint32(len(own))), decl, g.out)
	return append(calULEB(uint32(len(body))), body...)
}

// node takes fuel; without any, or too deep, only leaves are made.
func (g *generator) node() bool {
	g.fuel--
	return g.fuel > 0 && g.depth < 12
}

func (g *generator) statements() {
	g.depth++
	for range g.pick(6) {
		if g.fuel <= 0 {
			break
		}
		g.statement()
	}
	g.depth--
}

func (g *generator) values(types []byte) {
	for _, t := range types {
		g.value(t)
	}
}

// consume takes values off the stack.
func (g *generator) consume(types []byte) {
	for _, t := range slices.Backward(types) {
		if l := g.local(t); l >= 0 && g.pick(3) > 0 {
			g.index(0x21, l)
		} else {
			g.emit(0x1a)
		}
	}
}

// local is a local of a type that generated code may write, -1 when there is none.
func (g *generator) local(t byte) int {
	var all []int
	for i, l := range g.locals {
		if l == t && i < g.nan[0] { // what follows are the oracle's and counters
			all = append(all, i)
		}
	}
	if len(all) == 0 {
		return -1
	}
	return all[g.pick(len(all))]
}

func (g *generator) block(op byte, blockType []byte, carries []byte, inside func()) {
	g.emit(int(op), blockType)
	g.labels = append(g.labels, carries)
	inside()
	g.labels = g.labels[:len(g.labels)-1]
	g.emit(0x0b)
}

func (g *generator) statement() {
	if !g.node() {
		return
	}
	switch g.pick(20) {
	case 0, 1:
		t := genTypes[g.pick(4)]
		g.value(t)
		g.consume([]byte{t})
	case 2:
		t := g.pick(4)
		g.value(genTypes[t])
		g.index(0x24, 2*t+g.pick(2))
	case 3, 4, 5:
		g.store()
	case 6:
		g.value(vI32)
		g.block(0x04, []byte{0x40}, nil, func() {
			g.statements()
			if g.rarely(2) {
				g.emit(0x05)
				g.statements()
			}
		})
	case 7:
		g.block(0x02, []byte{0x40}, nil, g.statements)
	case 8, 9:
		g.loop()
	case 10, 11:
		g.branch()
	case 12, 13:
		if i := g.calleeOf(-1); i >= 0 {
			g.call(i)
			g.consume(g.types[g.funcs[i]].results)
		}
	case 14:
		g.indirect()
	case 15:
		g.multi()
	case 16:
		g.bulk()
	case 17:
		g.table()
	case 18:
		if g.rarely(6) {
			g.value(vI32)
			g.block(0x04, []byte{0x40}, nil, func() { g.emit(0x00) })
		}
	case 19:
		g.emit(0x01)
	}
}

// loop counts down a local of its own, and may be left and begun again from inside.
func (g *generator) loop() {
	counter := len(g.locals)
	g.locals = append(g.locals, vI32)
	g.emit(calI32(int32(1 + g.pick(9))))
	g.index(0x21, counter)
	g.block(0x03, []byte{0x40}, nil, func() {
		g.statements()
		g.index(0x20, counter)
		g.emit(calI32(1), 0x6b)
		g.index(0x22, counter)
		g.emit(0x0d, 0)
	})
}

// branch leaves blocks, with what their label carries.
func (g *generator) branch() {
	depth := g.pick(len(g.labels))
	carries := g.labels[len(g.labels)-1-depth]
	switch g.pick(4) {
	case 0, 1: // br_if
		g.values(carries)
		g.value(vI32)
		g.index(0x0d, depth)
		g.consume(carries)
	case 2: // br in an arm, with dead code after it
		g.value(vI32)
		g.block(0x04, []byte{0x40}, nil, func() {
			g.values(carries)
			g.index(0x0c, depth+1)
			if g.rarely(4) {
				g.statements()
			}
		})
	case 3:
		g.value(vI32)
		g.block(0x04, []byte{0x40}, nil, func() {
			if g.rarely(3) {
				g.values(g.labels[0])
				g.emit(0x0f)
				return
			}
			var same []int // labels that carry the same
			for d := range len(g.labels) {
				if slices.Equal(g.labels[len(g.labels)-1-d], carries) {
					same = append(same, d)
				}
			}
			n := g.pick(4)
			g.values(carries)
			g.value(vI32)
			g.index(0x0e, n)
			for range n + 1 {
				g.out = append(g.out, calULEB(uint32(same[g.pick(len(same))]))...)
			}
		})
	}
}

// multi is a block or if that takes and gives any number of values.
func (g *generator) multi() {
	i := g.pick(len(g.types))
	t := g.types[i]
	op := []byte{0x02, 0x03, 0x04}[g.pick(3)]
	g.values(t.params)
	carries := t.results
	if op == 0x03 {
		carries = t.params
	}
	inside := func() {
		g.consume(t.params)
		if op != 0x03 || g.rarely(8) { // a branch back would often never end
			g.statements()
		}
		g.values(t.results)
	}
	if op == 0x04 {
		g.value(vI32)
	}
	g.block(op, calULEB(uint32(i)), carries, func() {
		inside()
		if op == 0x04 {
			g.emit(0x05)
			inside()
		}
	})
	g.consume(t.results)
}

func (g *generator) module(bodies [][]byte) []byte {
	list := func(items ...[]byte) []byte {
		return append(calULEB(uint32(len(items))), slices.Concat(items...)...)
	}
	part := func(id byte, b []byte) []byte { return slices.Concat([]byte{id}, calULEB(uint32(len(b))), b) }
	var types, funcs, globals, exports [][]byte
	for _, t := range g.types {
		types = append(types, slices.Concat([]byte{0x60, byte(len(t.params))}, t.params, []byte{byte(len(t.results))}, t.results))
	}
	for i, t := range g.funcs {
		funcs = append(funcs, []byte{byte(t)})
		exports = append(exports, []byte{2, 'f', byte('0' + i), 0, byte(i)})
	}
	for i := range genGlobals {
		t := genTypes[i/2]
		globals = append(globals, slices.Concat([]byte{t, 1}, constant(t, uint64(i)), []byte{0x0b}))
		exports = append(exports, []byte{2, 'g', byte('0' + i), 3, byte(i)})
	}
	exports = append(exports, []byte{6, 'm', 'e', 'm', 'o', 'r', 'y', 2, 0})
	elems := []byte{genElems}
	for i := range genElems {
		elems = append(elems, byte(i%len(g.funcs)))
	}
	data := make([]byte, 64)
	for i := range data {
		data[i] = byte(i * 37)
	}
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"),
		part(1, list(types...)),
		part(3, list(funcs...)),
		part(4, list([]byte{0x70, 1, genTable, genTable + 4})),
		part(5, list([]byte{1, genPages, genPages + 2})),
		part(6, list(globals...)),
		part(7, list(exports...)),
		part(9, list(slices.Concat([]byte{0}, calI32(1), []byte{0x0b}, elems), slices.Concat([]byte{1, 0}, elems))),
		part(12, []byte{2}),
		part(10, list(bodies...)),
		part(11, list(slices.Concat([]byte{0}, calI32(16), []byte{0x0b, 64}, data), slices.Concat([]byte{1, 64}, data))),
	)
}

// constant is a const instruction for bits.
func constant(t byte, bits uint64) []byte {
	switch t {
	case vI32:
		return calI32(int32(bits))
	case vI64:
		return calI64(int64(bits))
	case vF32:
		return binary.LittleEndian.AppendUint32([]byte{0x43}, uint32(bits))
	}
	return binary.LittleEndian.AppendUint64([]byte{0x44}, bits)
}

// interesting are bits of constants and arguments: limits, signs, infinities, NaNs of many
// kinds, and numbers that just do and do not fit an integer.
func interesting(t byte, i int) uint64 {
	switch t {
	case vI32:
		return []uint64{0, 1, 2, 3, 7, 31, 32, 255, 1 << 16, 1<<31 - 1, 1 << 31, 1<<32 - 1, 0xaaaaaaaa, 64 << 10}[i%14]
	case vI64:
		return []uint64{0, 1, 2, 5, 63, 64, 1 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 1, 0xfff8000000000001, 0x7ff0000000000001}[i%12]
	case vF32:
		f := []float32{0, 1, -1, 0.5, float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32, math.SmallestNonzeroFloat32, 2147483648, 4294967296, -2147483648, 1.5}
		if i%16 < len(f) {
			return uint64(math.Float32bits(f[i%16]))
		}
		return []uint64{0x80000000, 0x7fc00000, 0xffc00001, 0x7fa00000}[i%16-12]
	}
	f := []float64{0, 1, -1, 0.5, math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 9223372036854775808, 18446744073709551616, -2147483649, 4.5}
	if i%16 < len(f) {
		return math.Float64bits(f[i%16])
	}
	return []uint64{1 << 63, 0x7ff8000000000000, 0xfff8000000000001, 0x7ff4000000000000}[i%16-12]
}
