package meter

// How long a compiler takes for a function grows with its basic blocks times what is alive
// in them, and with the square of the blocks. The weights were measured with wazero on
// functions of 4,000 such instructions each, after metering: two take about as long as a
// block does, and five as long as five.

// weigh counts the basic blocks that an instruction makes in the output.
func (w *walker) weigh(code byte) {
	switch code {
	case opBlock, opReturn,
		0x6d, 0x6e, 0x6f, 0x70, 0x7f, 0x80, 0x81, 0x82, // division: it may trap in two ways
		0xa8, 0xa9, 0xaa, 0xab, 0xae, 0xaf, 0xb0, 0xb1: // float to integer: in three
		w.blocks++
	case opIf, opBrIf:
		w.blocks += 2
	case opLoop: // it looks at the gas
		w.blocks += 6
	case opCallIndirect: // it looks before and after
		w.blocks += 5
	case opMemoryGrow: // it asks the host
		w.blocks += 3
	case opPrefix:
		if w.r.pos == len(w.r.b) {
			return // malformed, as the next step finds
		}
		switch sub := w.r.b[w.r.pos]; {
		case sub == opMemoryFill || sub == opTableFill: // loops of their own
			w.blocks += 6
		case sub >= opMemoryInit: // looks at the gas, checks bounds
			w.blocks += 3
		}
	}
}

// weighCall adds a call's parameters and results, which the compiler moves one by one.
func (w *walker) weighCall(t *funcType) {
	w.blocks += (len(t.params) + len(t.results)) / 16
}

// weighTable adds the edges of a br_table.
func (w *walker) weighTable(targets int) { w.blocks += 2 + targets/8 }

// weighNaNs adds the choices that make NaNs canonical. They are known after the first walk.
func (w *walker) weighNaNs() {
	for _, need := range w.f.needs {
		if need {
			w.blocks += 2
		}
	}
}

// product is what compile time grows with, about a third of a microsecond for each unit.
func (w *walker) product() int {
	return w.blocks * (w.f.locals + w.f.stack + w.blocks/32 + 1)
}

func tooIntricate(format string, args ...any) *Refusal {
	r := refuse(format, args...)
	r.Hint = "make smaller functions of it"
	return r
}
