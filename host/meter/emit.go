package meter

import (
	"math"
	"math/bits"
)

// This file writes what the rewriter puts in. Every sequence leaves the operand stack as
// it found it, except where it says otherwise.

func (w *walker) write(code ...byte) {
	if w.emit {
		w.out = append(w.out, code...)
	}
}

func (w *walker) number(n uint32) {
	if w.emit {
		w.out = putU32(w.out, n)
	}
}

func (w *walker) with(code byte, n uint32) {
	if w.emit {
		w.out = putU32(append(w.out, code), n)
	}
}

func (w *walker) i64(v int64) {
	if w.emit {
		w.out = putS64(append(w.out, opI64Const), v)
	}
}

// getGas and setGas reach the gas where this function keeps it.
func (w *walker) getGas() {
	if w.f.local() {
		w.with(opLocalGet, w.f.gasLocal())
	} else {
		w.with(opGlobalGet, w.m.gas())
	}
}

func (w *walker) setGas() {
	if w.f.local() {
		w.with(opLocalSet, w.f.gasLocal())
		w.clean = false
	} else {
		w.with(opGlobalSet, w.m.gas())
	}
}

// take charges a constant.
func (w *walker) take(price uint64) {
	if price == 0 {
		return
	}
	w.getGas()
	w.i64(int64(min(price, math.MaxInt32)))
	w.write(opI64Sub)
	w.setGas()
}

// spill brings the global up to date before something that may read it; reload reads it
// back after something that may have changed it.
func (w *walker) spill() {
	if w.f.local() {
		w.publish()
	}
}

func (w *walker) publish() {
	if w.clean {
		return
	}
	w.with(opLocalGet, w.f.gasLocal())
	w.with(opGlobalSet, w.m.gas())
	w.clean = true
}

func (w *walker) reload() {
	if w.f.local() {
		w.with(opGlobalGet, w.m.gas())
		w.with(opLocalSet, w.f.gasLocal())
		w.clean = true
	}
}

// look calls the host when the gas is used up, or, with depth, the stack.
func (w *walker) look(depth bool) {
	w.getGas()
	if depth {
		w.with(opGlobalGet, w.m.depth())
		w.write(opI64Or)
	}
	w.i64(0)
	w.write(opI64LtS, opIf, voidish)
	w.refillGas()
	w.write(opEnd)
	w.clean = false
}

// refillGas calls the host, which adds to the gas.
func (w *walker) refillGas() {
	w.getGas()
	w.with(opCall, w.m.refill())
	if w.f.local() {
		w.setGas()
	} else {
		w.write(opDrop) // the host has changed the global
	}
}

// deeper takes slots from the depth.
func (w *walker) deeper(slots int64) {
	w.with(opGlobalGet, w.m.depth())
	w.i64(slots)
	w.write(opI64Sub)
	w.with(opGlobalSet, w.m.depth())
}

// prologue is what is done on entry, before the first segment is charged.
func (w *walker) prologue() {
	if !w.emit {
		return
	}
	w.mark(Enter, 0)
	w.reload()
	if w.f.checked {
		w.deeper(int64(w.f.chain))
		w.look(true)
	}
	if w.wrap != nil {
		w.out = append(w.out, w.wrap...)
		w.level++
		w.ctl[0].label = w.level
	}
}

// epilogue is what is done at the end, with the results on the stack.
func (w *walker) epilogue() {
	if !w.emit || w.wrap == nil {
		return
	}
	w.write(opEnd)
	w.clean = false // a branch to here may have left the global behind
	if w.f.checked {
		w.deeper(-int64(w.f.chain))
		if w.f.after {
			w.look(false)
		}
	}
	w.spill()
	w.mark(Leave, 0)
}

// jump writes a br or br_if to the block that is depth outwards.
//
// A br_if back to a loop becomes an if around a br: the loop has another gas each time
// round, and wazero compares and jumps in one only where the jump itself has nothing to pass.
func (w *walker) jump(code byte, depth uint32) {
	if !w.emit {
		return
	}
	t := &w.ctl[len(w.ctl)-1-int(depth)]
	if code == opBrIf && t.op == opLoop && len(t.params) == 0 {
		w.write(opIf, voidish, opBr)
		w.number(w.label(depth) + 1)
		w.write(opEnd)
		return
	}
	w.write(code)
	w.number(w.label(depth))
}

// loopHead opens a loop as two. The outer one is passed when the gas is used up, so that
// the call of the host stands outside the inner loop, whose values stay in registers:
//
//	block exit
//	  loop outer
//	    block empty
//	      loop
//	        gas >= 0: if
//	          ...
//	        else
//	          br empty
//	        end
//	      end
//	      br exit
//	    end
//	    refill
//	    br outer
//	  end
//	end
//
// It is an if around the whole body, not a br_if at its head, because wazero then puts the
// branch out of the loop's way and compares and jumps in one. A loop that takes operands
// looks at its outer head instead, so that they pass through:
//
//	loop outer  look  loop  gas >= 0: if  ...  else  br outer  end  end  end
//
// loopEnd closes either.
func (w *walker) loopHead(raw []byte, params int) {
	if params == 0 {
		w.write(opBlock)
		w.write(raw[1:]...)
		w.write(raw...)
		w.write(opBlock, voidish)
		w.level += 2
	} else {
		w.write(raw...)
		w.look(false)
	}
	w.write(raw...)
	w.getGas()
	w.i64(0)
	w.write(opI64GeS, opIf)
	w.write(raw[1:]...)
	w.level += 3
	w.clean = false
}

func (w *walker) loopEnd(params int) {
	w.write(opElse)
	if params > 0 {
		w.with(opBr, 2)
		w.write(opEnd, opEnd, opEnd)
		w.level -= 3
		return
	}
	w.with(opBr, 2)
	w.write(opEnd, opEnd)
	w.with(opBr, 2)
	w.write(opEnd)
	w.refillGas()
	w.with(opBr, 0)
	w.write(opEnd, opEnd)
	w.level -= 5
}

// bulk charges for the size on top of the stack, and looks. The global is told, because what
// is moved may take milliseconds, and a trap may follow before anything else tells it.
func (w *walker) bulk(perGas int) {
	amount := func() {
		w.with(opLocalGet, w.f.tempLocal())
		w.write(opI64ExtendU)
		if perGas == bytesPerGas {
			w.i64(int64(bits.TrailingZeros(bytesPerGas)))
			w.write(opI64ShrU)
		}
	}
	w.with(opLocalTee, w.f.tempLocal())
	if w.m.trace != nil {
		amount()
		w.with(opCall, w.m.traceBulk())
	}
	w.getGas()
	amount()
	w.write(opI64Sub)
	w.setGas()
	w.look(false)
	w.spill()
}

// growth asks the host before memory.grow: it charges, and may say no.
func (w *walker) growth() {
	t := w.f.tempLocal()
	w.with(opLocalSet, t)
	w.spill()
	w.with(opLocalGet, t)
	w.with(opCall, w.m.grow())
	w.reload()
	w.write(opIf, i32Type)
	w.with(opLocalGet, t)
	w.write(opMemoryGrow, 0, opElse, opI32Const, 0x7f, opEnd)
}

// choose is a select between floats, without the engine's: on amd64 wazero (up to 1.12) may give
// its result bits that were left in a register by whatever ran there before, in another run
// others. The operands and the condition are on the stack, and the result in the end.
func (w *walker) choose(typ byte) {
	t := w.f.nan64Local()
	if typ == f32Type {
		t = w.f.nan32Local()
	}
	w.write(opIf)
	if w.emit {
		w.out = putS64(w.out, int64(w.m.extra.index([]byte{typ, typ}, []byte{typ})))
	}
	w.write(opDrop, opElse)
	w.with(opLocalSet, t)
	w.write(opDrop)
	w.with(opLocalGet, t)
	w.write(opEnd)
}

// canonical replaces a NaN on top of the stack by the canonical one.
func (w *walker) canonical(single bool) {
	t, ne, typ := w.f.nan64Local(), byte(opF64Ne), byte(f64Type)
	nan := []byte{opF64Const, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f}
	if single {
		t, ne, typ = w.f.nan32Local(), opF32Ne, f32Type
		nan = []byte{opF32Const, 0, 0, 0xc0, 0x7f}
	}
	w.with(opLocalTee, t)
	w.with(opLocalGet, t)
	w.write(ne, opIf, typ)
	w.write(nan...)
	w.write(opElse)
	w.with(opLocalGet, t)
	w.write(opEnd)
}
