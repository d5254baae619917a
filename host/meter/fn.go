package meter

import (
	"bytes"
	"slices"
)

// fn is one defined function and what the first walk learnt about it.
type fn struct {
	typ     *funcType
	typeIdx uint32
	runs    []localRun
	locals  int    // parameters and locals
	types   []byte // theirs
	code    []byte
	offset  int  // of code in the input
	traced  bool // in a trace build

	segs     []uint64 // price of each gas segment, in the order they begin
	needs    []bool   // for each instruction that can make a NaN: its bits can be seen
	calls    []uint32 // functions called directly
	price    uint64   // of all segments together
	stack    int      // highest operand stack, in slots
	loops    bool
	any      bool // calls anything, indirectly or the host included
	indirect bool
	temp     bool // uses the i32 temporary
	nan32    bool // uses the f32 temporary
	nan64    bool

	// Decided by decideChecks.
	checked bool   // looks at gas and depth on entry
	after   bool   // looks at gas at its end too
	chain   uint64 // slots of its frame and those of the callees counted with it
}

type localRun struct {
	n   uint32
	typ byte
}

// readLocals splits a body into locals and instructions.
func (f *fn) readLocals(body []byte, l Limits) *Refusal {
	s := &reader{b: body}
	f.locals, f.types = len(f.typ.params), slices.Clone(f.typ.params)
	for range s.count() {
		r := localRun{n: s.u32(), typ: s.byte()}
		if s.bad {
			break
		}
		if err := valType(r.typ); err != nil {
			return err
		}
		if int64(r.n) > int64(l.Locals-f.locals) {
			return refuse("more than %d parameters and locals", l.Locals)
		}
		f.locals += int(r.n)
		f.runs = append(f.runs, r)
		f.types = append(f.types, bytes.Repeat([]byte{r.typ}, int(r.n))...)
	}
	if s.bad || s.done() {
		return refuse("the locals are malformed")
	}
	f.code = body[s.pos:]
	f.offset += s.pos
	return nil
}

// frame is the stack one activation may need, in slots.
func (f *fn) frame() uint64 { return uint64(frameSlots + f.locals + f.stack) }

// local says that the function keeps its gas in a local. A function without a loop
// charges the global: it passes each segment once.
func (f *fn) local() bool { return f.loops }

// wrapped says that there is something to do at the function's end, whichever way it
// is reached.
func (f *fn) wrapped() bool { return f.local() || f.checked || f.traced }

// The rewriter's locals come after the function's own.
func (f *fn) gasLocal() uint32 { return uint32(f.locals) }
func (f *fn) tempLocal() uint32 {
	return f.gasLocal() + b2u(f.local())
}
func (f *fn) nan32Local() uint32 { return f.tempLocal() + b2u(f.temp) }
func (f *fn) nan64Local() uint32 { return f.nan32Local() + b2u(f.nan32) }

func (f *fn) extraLocals() int {
	return int(b2u(f.local()) + b2u(f.temp) + b2u(f.nan32) + b2u(f.nan64))
}

func (f *fn) putExtraLocals(b []byte) []byte {
	for _, x := range []struct {
		use bool
		typ byte
	}{{f.local(), i64Type}, {f.temp, i32Type}, {f.nan32, f32Type}, {f.nan64, f64Type}} {
		if x.use {
			b = append(b, 1, x.typ)
		}
	}
	return b
}

func b2u(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
