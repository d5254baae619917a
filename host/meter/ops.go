package meter

// imm is the kind of immediate an instruction has.
type imm uint8

const (
	immNone imm = iota
	immBlock
	immLabel
	immTable // br_table
	immFunc
	immIndirect
	immLocal
	immGlobal
	immMem    // memarg
	immZero   // the index of the one memory
	immI32    //
	immI64    //
	immF32    //
	immF64    //
	immRef    // reference type
	immSelect // vector of types
	immTab    // table index
	immPrefix // 0xFC
	immBad
)

// op is what the rewriter knows of an instruction.
type op struct {
	imm       imm
	pop, push uint8
	price     uint16
	float     uint8 // what it does with the bits of a NaN
}

// For float.
const (
	absorbs = 1 << iota // its float operands' NaN bits can not be seen in what it does
	makes32             // may produce a NaN of any bits
	makes64
)

// Opcodes the rewriter treats by name.
const (
	opUnreachable  = 0x00
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opDrop         = 0x1a
	opSelect       = 0x1b
	opSelectT      = 0x1c
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opMemorySize   = 0x3f
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opI32LtS       = 0x48
	opI64LtS       = 0x53
	opI64GeS       = 0x59
	opF32Ne        = 0x5c
	opF64Ne        = 0x62
	opI64Add       = 0x7c
	opI64Sub       = 0x7d
	opI64Or        = 0x84
	opI64ShrU      = 0x88
	opI64ExtendU   = 0xad
	opRefNull      = 0xd0
	opRefFunc      = 0xd2
	opPrefix       = 0xfc
)

// Instructions behind the prefix 0xFC.
const (
	opMemoryInit = 8
	opDataDrop   = 9
	opMemoryCopy = 10
	opMemoryFill = 11
	opTableInit  = 12
	opElemDrop   = 13
	opTableCopy  = 14
	opTableGrow  = 15
	opTableSize  = 16
	opTableFill  = 17
	numPrefixed  = 18
)

var ops = buildOps()

func buildOps() (t [256]op) {
	for i := range t {
		t[i] = op{imm: immBad}
	}
	set := func(from, to int, o op) {
		for i := from; i <= to; i++ {
			t[i] = o
		}
	}
	t[opUnreachable] = op{}
	t[0x01] = op{} // nop
	t[opBlock], t[opLoop] = op{imm: immBlock}, op{imm: immBlock}
	t[opIf] = op{imm: immBlock, pop: 1, price: priceBranch}
	t[opElse], t[opEnd] = op{}, op{}
	t[opBr] = op{imm: immLabel, price: priceBranch}
	t[opBrIf] = op{imm: immLabel, pop: 1, price: priceBranch}
	t[opBrTable] = op{imm: immTable, pop: 1, price: priceBrTable}
	t[opReturn] = op{price: priceBranch}
	t[opCall] = op{imm: immFunc, price: priceCall}
	t[opCallIndirect] = op{imm: immIndirect, pop: 1, price: priceIndirect}
	t[opDrop] = op{pop: 1}
	t[opSelect] = op{pop: 3, push: 1, price: priceSimple}
	t[opSelectT] = op{imm: immSelect, pop: 3, push: 1, price: priceSimple}
	t[opLocalGet] = op{imm: immLocal, push: 1, price: priceSimple}
	t[opLocalSet] = op{imm: immLocal, pop: 1, price: priceSimple}
	t[opLocalTee] = op{imm: immLocal, pop: 1, push: 1, price: priceSimple}
	t[opGlobalGet] = op{imm: immGlobal, push: 1, price: priceGlobal}
	t[opGlobalSet] = op{imm: immGlobal, pop: 1, price: priceGlobal}
	t[0x25] = op{imm: immTab, pop: 1, push: 1, price: priceTable} // table.get
	t[0x26] = op{imm: immTab, pop: 2, price: priceTable}          // table.set
	set(0x28, 0x35, op{imm: immMem, pop: 1, push: 1, price: priceLoad})
	set(0x36, 0x3e, op{imm: immMem, pop: 2, price: priceStore})
	t[opMemorySize] = op{imm: immZero, push: 1, price: priceSimple}
	t[opMemoryGrow] = op{imm: immZero, pop: 1, push: 1, price: priceGrow}
	t[opI32Const] = op{imm: immI32, push: 1, price: priceSimple}
	t[opI64Const] = op{imm: immI64, push: 1, price: priceSimple}
	t[opF32Const] = op{imm: immF32, push: 1, price: priceSimple}
	t[opF64Const] = op{imm: immF64, push: 1, price: priceSimple}
	unary, binary := op{pop: 1, push: 1, price: priceSimple}, op{pop: 2, push: 1, price: priceSimple}
	t[0x45] = unary         // i32.eqz
	set(0x46, 0x4f, binary) // i32 comparisons
	t[0x50] = unary         // i64.eqz
	set(0x51, 0x5a, binary) // i64 comparisons
	set(0x5b, 0x66, op{pop: 2, push: 1, price: priceSimple, float: absorbs})
	div := op{pop: 2, push: 1, price: priceDiv}
	for _, base := range []int{0x67, 0x79} { // i32, i64
		set(base, base+2, unary)    // clz ctz popcnt
		set(base+3, base+4, binary) // add sub
		t[base+5] = op{pop: 2, push: 1, price: priceMul}
		set(base+6, base+9, div) // div rem
		set(base+10, base+17, binary)
	}
	for base, makes := range map[int]uint8{0x8b: makes32, 0x99: makes64} { // f32, f64
		f := absorbs | makes
		set(base, base+1, unary) // abs neg: pass the bits on
		set(base+2, base+5, op{pop: 1, push: 1, price: priceFloat, float: f})
		t[base+6] = op{pop: 1, push: 1, price: priceFloatDiv, float: f} // sqrt
		set(base+7, base+9, op{pop: 2, push: 1, price: priceFloat, float: f})
		t[base+10] = op{pop: 2, push: 1, price: priceFloatDiv, float: f} // div
		set(base+11, base+12, op{pop: 2, push: 1, price: priceFloat, float: f})
		t[base+13] = binary // copysign: passes the bits on
	}
	set(0xa7, 0xbf, unary) // wrap, extend, reinterpret; and what follows
	for _, i := range []int{0xa8, 0xa9, 0xaa, 0xab, 0xae, 0xaf, 0xb0, 0xb1} {
		t[i] = op{pop: 1, push: 1, price: priceConvert, float: absorbs} // trunc to integer
	}
	set(0xb2, 0xb5, op{pop: 1, push: 1, price: priceConvert})                    // integer to f32
	set(0xb7, 0xba, op{pop: 1, push: 1, price: priceConvert})                    // integer to f64
	t[0xb6] = op{pop: 1, push: 1, price: priceConvert, float: absorbs | makes32} // f32.demote
	t[0xbb] = op{pop: 1, push: 1, price: priceConvert, float: absorbs | makes64} // f64.promote
	set(0xc0, 0xc4, unary)                                                       // sign extension
	t[opRefNull] = op{imm: immRef, push: 1, price: priceSimple}
	t[0xd1] = unary // ref.is_null
	t[opRefFunc] = op{imm: immFunc, push: 1, price: priceRefFunc}
	t[opPrefix] = op{imm: immPrefix}
	return t
}

// prefixedPrice is the price of an instruction behind the prefix, without that of its size.
func prefixedPrice(sub uint32) uint64 {
	switch {
	case sub < opMemoryInit:
		return priceConvert
	case sub == opTableGrow:
		return priceGrow
	}
	return priceBulk
}

// unknown names the feature an opcode belongs to that is not accepted.
func unknown(code byte) *Refusal {
	switch {
	case code == 0xfd:
		return simd.refuse()
	case code == 0xfe:
		return threads.refuse()
	case code >= 0x06 && code <= 0x0a || code == 0x18 || code == 0x19 || code == 0x1f:
		return exceptions.refuse()
	case code == 0x12 || code == 0x13:
		return tailCalls.refuse()
	case code == 0x14 || code == 0x15 || code == 0xfb || code >= 0xd3 && code <= 0xd6:
		return gc.refuse()
	}
	return refuse("unknown instruction 0x%02x", code)
}
