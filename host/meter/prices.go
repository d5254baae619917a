package meter

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// Unit is what one gas stands for: picoseconds of the machine the prices were calibrated
// on (PRICES.md says which). No instruction of metered code takes longer than its gas pays
// for, as long as its data are in the first two caches.
const Unit = 500

// The prices, by class of instruction. BenchmarkCalibrate in runtimes/wasm measures them,
// PRICES.md documents them, and every change is a new Version.
const (
	priceSimple   = 1
	priceMul      = 1
	priceDiv      = 12
	priceLoad     = 3
	priceStore    = 2
	priceGlobal   = 2
	priceFloat    = 3
	priceFloatDiv = 12
	priceConvert  = 3
	priceBranch   = 1
	priceBrTable  = 3
	priceCall     = 6
	priceIndirect = 8
	priceTable    = 2
	priceRefFunc  = 100
	priceBulk     = 4
	priceGrow     = 250

	bytesPerGas = 4 // of memory copied, filled or initialised
	slotsPerGas = 1 // of a table copied, filled, initialised or grown

	// PricePage is what the host has to charge for each page of 64 KiB that memory.grow
	// asks for, whether it is given or not.
	PricePage = 16384
)

// Price is a line of the price table: Gas for each Per of what Covers says.
type Price struct {
	Class  string
	Gas    uint64
	Per    uint64
	Covers string
}

// Prices returns the table, for people and for the calibration.
func Prices() []Price {
	return []Price{
		{"simple", priceSimple, 1, "constants, locals, select, integer and bit operations, comparisons, moves between types, memory.size, ref.null, ref.is_null"},
		{"mul", priceMul, 1, "integer multiplication"},
		{"div", priceDiv, 1, "integer division and remainder"},
		{"load", priceLoad, 1, "loads"},
		{"store", priceStore, 1, "stores"},
		{"global", priceGlobal, 1, "global.get, global.set"},
		{"float", priceFloat, 1, "float add, sub, mul, min, max and rounding, with what makes a NaN canonical"},
		{"float div", priceFloatDiv, 1, "float division and square root"},
		{"convert", priceConvert, 1, "conversions between integers and floats, and between floats"},
		{"branch", priceBranch, 1, "if, br, br_if, return"},
		{"br_table", priceBrTable, 1, "br_table"},
		{"call", priceCall, 1, "call, with entering and leaving the function"},
		{"call_indirect", priceIndirect, 1, "call_indirect, likewise"},
		{"table", priceTable, 1, "table.get, table.set"},
		{"ref.func", priceRefFunc, 1, "ref.func"},
		{"bulk", priceBulk, 1, "memory and table operations with a size, table.size, data.drop, elem.drop"},
		{"grow", priceGrow, 1, "memory.grow, table.grow"},
		{"bytes", 1, bytesPerGas, "bytes of memory.copy, memory.fill and memory.init, beside bulk"},
		{"slots", slotsPerGas, 1, "elements of table.copy, fill, init and grow, beside bulk or grow"},
		{"growth", PricePage, 1, "pages of memory.grow, beside grow"},
	}
}

// Schedule is the canonical text of everything that decides how much gas a call uses and how
// deep it may go: the version of the rewriting, the classes, and the price of each opcode.
// Two builds whose texts are equal charge the same for the same module. It does not
// change while a program runs.
func Schedule() string {
	var b strings.Builder
	fmt.Fprintf(&b, "kalima/meter schedule %d\nunit %d ps\n", Version, Unit)
	for _, p := range Prices() {
		fmt.Fprintf(&b, "class %s: %d per %d\n", p.Class, p.Gas, p.Per)
	}
	for code, o := range ops {
		if o.imm != immBad && code != opPrefix {
			fmt.Fprintf(&b, "op %02x: %d\n", code, o.price)
		}
	}
	for sub := range uint32(numPrefixed) {
		fmt.Fprintf(&b, "op fc %02x: %d\n", sub, prefixedPrice(sub))
	}
	fmt.Fprintf(&b, "depth frame %d small %d site %d chain %d\n", frameSlots, smallSlots, siteSlots, callDeep)
	fmt.Fprintf(&b, "look call %d body %d exit %d small %d\n", callLag, bodyLag, exitLag, smallGas)
	return b.String()
}

// Digest is the SHA-256 of Schedule.
func Digest() [sha256.Size]byte { return sha256.Sum256([]byte(Schedule())) }
