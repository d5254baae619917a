package meter

import "fmt"

// Kind says what a Point stands for.
type Kind uint8

// The kinds of points.
const (
	Enter   Kind = iota + 1 // a function was called; its frame and first segment are not yet charged
	Segment                 // a gas segment begins; its Price has just been taken
	Site                    // the next instruction may call, trap or charge by size
	Leave                   // the function ends normally and its frame is given back
)

func (k Kind) String() string {
	return [...]string{"none", "enter", "segment", "site", "leave"}[min(k, 4)]
}

// Point is a place in a module that its trace build reports.
type Point struct {
	Kind   Kind
	Func   uint32 // index in the original module, imports counted
	Offset uint32 // of the next instruction, in bytes from the start of the original module
	Price  uint64 // gas, of a Segment; 0 for the other kinds
}

// Place is a Point in words for people. Nothing that a chain agrees on may be made of it.
type Place struct {
	Function string // from the name section, an export, or "func[7]"
	File     string // as the compiler wrote it; empty when the module has no line table
	Line     int    // 0 when unknown
}

// Trace is the table of a module's points. It is made by Rewrite when Config.Trace is set,
// together with a module, the trace build, that tells the host of each point it comes to
// by two more imports of ImportModule:
//
//	at(point i32)    Points[point] is reached
//	bulk(gas i64)    this much is about to be charged for the size of a bulk or table operation
//
// Neither is charged, and the gas global holds at any time what it holds in the normal build,
// so gas, outcome and refills of a call are the same in both, also of one that traps or
// runs out. What the gas global holds inside at may be behind, as everywhere.
//
// A host follows a call like this. It keeps a stack of points, empty when the call
// begins. At an Enter it pushes the point, at a Leave it pops one; a Segment or Site
// replaces the top. Then the stack is, at any time, where the contract is: the top is the
// place of a fault when the call ends with one, the others are the call sites it was
// reached by. Price of a Segment and the amount given to bulk, charged to that stack, are
// together with what the host charges itself (growth and its own functions) all the
// gas that is used. The deepest stack is the call's depth limit less the lowest value
// of the depth global seen at any point and in any host function.
//
// A trace build runs several times slower and takes longer to compile; it is for people who
// look at one call, and never what a node runs.
type Trace struct {
	Points []Point

	names map[uint32]string // by function index
	code  uint32            // offset of the code section's contents, where DWARF counts from
	lines lineTable
}

// Place puts a point into words. An index that is no point gives an empty Place.
func (t *Trace) Place(point int) Place {
	if point < 0 || point >= len(t.Points) {
		return Place{}
	}
	p := t.Points[point]
	file, line := t.lines.find(p.Offset - t.code)
	return Place{Function: t.Function(p.Func), File: file, Line: line}
}

// Function names a function by its index in the original module.
func (t *Trace) Function(i uint32) string {
	if n := t.names[i]; n != "" {
		return n
	}
	return fmt.Sprintf("func[%d]", i)
}

// HasLines tells whether the module brought a line table.
func (t *Trace) HasLines() bool { return len(t.lines.rows) > 0 }

// mark writes a report of a point, in a trace build.
func (w *walker) mark(kind Kind, price uint64) { w.markAt(kind, price, w.r.pos) }

func (w *walker) markAt(kind Kind, price uint64, pos int) {
	t := w.m.trace
	if !w.emit || t == nil {
		return
	}
	w.write(opI32Const)
	w.out = putS64(w.out, int64(len(t.Points)))
	w.with(opCall, w.m.traceAt())
	t.Points = append(t.Points, Point{Kind: kind, Func: uint32(w.index), Offset: uint32(w.f.offset + pos), Price: price})
}

// mayFault tells whether an instruction may call, trap or charge by itself.
func mayFault(code byte) bool {
	switch {
	case code == opUnreachable, code == opCall, code == opCallIndirect, code == 0x25, code == 0x26, code == opMemoryGrow, code == opPrefix,
		code >= 0x28 && code <= 0x3e,                               // loads and stores
		code >= 0x6d && code <= 0x70, code >= 0x7f && code <= 0x82, // division
		code >= 0xa8 && code <= 0xab, code >= 0xae && code <= 0xb1: // truncation
		return true
	}
	return false
}

// funcNames collects what a module calls its functions.
func (m *module) funcNames(section []byte) map[uint32]string {
	names := map[uint32]string{}
	n := uint32(0)
	for _, i := range m.imports {
		if i.kind == kindFunc {
			names[n] = i.module + "." + i.name
			n++
		}
	}
	for _, e := range m.exports {
		if e.kind == kindFunc && names[e.idx] == "" {
			names[e.idx] = e.name
		}
	}
	s := &reader{b: section}
	for !s.done() {
		id := s.byte()
		sub := &reader{b: s.take(int(s.u32()))}
		if id != 1 || s.bad {
			continue
		}
		for range sub.count() {
			idx, name := sub.u32(), sub.name()
			if sub.bad {
				break
			}
			if int64(idx) < int64(m.numFuncs()) && name != "" {
				names[idx] = name
			}
		}
	}
	return names
}
