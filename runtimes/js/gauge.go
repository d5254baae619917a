package js

import (
	"fmt"
	"math/bits"

	"github.com/dop251/goja"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// Slices of gas: the contract counts one down by itself and asks for the next. How large
// they are changes no outcome; the end of each is where the deadline is looked at.
const (
	firstSlice   = 16 << 10
	largestSlice = 1 << 20
)

const (
	elementSize = 16        // bytes goja takes for an element of an array
	maxString   = 256 << 10 // characters; sixteen times the largest value
)

// gauge is the gas and the memory of a call. It is the session's Meter.
//
// The contract's own code is charged by its syntax alone, as if each piece took the same
// time whatever it works on. Two things break that: operators that convert, compare or
// hash a string take time for each of its characters, and a property that is missing is
// looked for in the whole chain of prototypes. Neither can be seen from outside of goja. So
// the gauge remembers the longest string and the longest chain that the call may have, and
// once they pass what a price covers each unit of the contract's own gas counts scale times.
type gauge struct {
	c     *call
	limit uint64
	left  uint64 // gas in neither the slice nor spent
	slice uint64
	spent uint64        // gas used when the host ended the call
	read  goja.Callable // units left in the contract's slice
	set   goja.Callable

	scale   uint64 // gas for each unit of the slice
	longest int    // characters of the longest string
	digits  int    // of the longest that may be a number
	wide    int    // of the longest beyond ASCII
	chain   int    // no chain of prototypes is longer

	disorder int   // large numbers written to as names out of order
	latest   int64 // the last of them

	memory    uint64
	allocated uint64

	watch   func([]abi.Place, uint64) // host.Probe.Charge
	measure bool                      // the depth, at each charge
	most    int                       // frames, when measure is set
	deepest int                       // frames
}

var _ host.Meter = (*gauge)(nil)

func (g *gauge) init(c *call, gas uint64) {
	*g = gauge{c: c, limit: gas, left: gas, slice: firstSlice, scale: 1, memory: host.DefaultLimits.Memory}
}

// What a unit of gas covers.
const (
	coveredString = 1024 // characters, to compare or to hash
	coveredNumber = 128  // characters, to read as a number
	coveredWide   = 128  // characters beyond ASCII, to make ASCII of when they are read as a number
	coveredChain  = 16   // prototypes
)

// weigh sets the scale.
func (g *gauge) weigh() {
	scale := 1 + uint64(max(g.longest/coveredString, g.digits/coveredNumber, g.wide/coveredWide)) + uint64(g.chain/coveredChain)
	if scale <= g.scale {
		return
	}
	g.reclaim()
	g.scale = scale
}

// longer takes note of the length of a string that is not at hand.
func (g *gauge) longer(n int) {
	if n > g.longest {
		g.longest = n
		if n >= coveredString {
			g.weigh()
		}
	}
}

// note takes note of a string.
func (g *gauge) note(s goja.String) {
	n := s.Length()
	if hard(n, s.CharAt) {
		g.digits = max(g.digits, hardNumber)
	} else if n < coveredNumber {
		return
	}
	if n > g.wide && !isASCII(s) {
		g.wide = n
	}
	g.digits = max(g.digits, numeric(s))
	g.longest = max(g.longest, n)
	g.weigh()
}

// hardNumber is how many digits a number counts for that is smaller than the processor's
// arithmetic reaches with full precision: the shortest of them takes as long as these.
const hardNumber = 160 * coveredNumber

// hard tells whether a text holds such a number: a digit or a point, e-, and 290 or more. A
// piece of the text may become a string that nobody looks at.
func hard(n int, at func(int) uint16) bool {
	digit := func(i int) bool { return i < n && at(i) >= '0' && at(i) <= '9' }
	for i := 1; i+4 < n; i++ {
		if at(i)|0x20 != 'e' || at(i+1) != '-' || !digit(i-1) && at(i-1) != '.' {
			continue
		}
		j := i + 2
		for j < n && at(j) == '0' {
			j++
		}
		if digit(j) && digit(j+1) && digit(j+2) && (digit(j+3) || at(j) > '2' || at(j) == '2' && at(j+1) == '9') {
			return true
		}
	}
	return false
}

// hardened counts text as hard of which that can not be seen, such as a digit that JSON
// writes as an escape.
func (g *gauge) hardened() bool {
	g.digits = max(g.digits, hardNumber)
	g.weigh()
	return true
}

// numeric counts the characters at the start of a string that look like a number.
func numeric(s goja.String) int {
	n := s.Length()
	return numericText(func(i int) uint16 {
		if i < n {
			return s.CharAt(i)
		}
		return 0
	})
}

// numericText is numeric for characters that end with 0.
func numericText(at func(int) uint16) int {
	i := 0
	for at(i) == ' ' || at(i) >= '\t' && at(i) <= '\r' {
		i++
	}
	if at(i) == '+' || at(i) == '-' {
		i++
	}
	letters := false
	if at(i) == '0' {
		switch at(i+1) | 0x20 {
		case 'x', 'o', 'b':
			letters = true
			i += 2
		}
	}
	start := i
	for c := at(i); c >= '0' && c <= '9' || c == '.' || c == '_' || c == 'e' || c == 'E' || c == '+' || c == '-' ||
		letters && (c|0x20 >= 'a' && c|0x20 <= 'f'); c = at(i) {
		i++
	}
	return i - start
}

// descend takes note of a value that becomes a prototype, or a class that is extended. When
// it replaces a prototype, everything below that gets longer chains.
func (g *gauge) descend(v goja.Value, replace bool) {
	o, ok := v.(*goja.Object)
	if !ok {
		return
	}
	n := depthOf(o)
	if isFunction(o) {
		if p, ok := o.Get("prototype").(*goja.Object); ok {
			n = max(n, depthOf(p))
		}
	}
	if replace {
		g.chain += n
	} else {
		g.chain = max(g.chain, n)
	}
	g.work(int64(priceElement * n))
	g.weigh()
}

func depthOf(o *goja.Object) int {
	n := 1
	for ; o != nil; o = o.Prototype() {
		n++
	}
	return n
}

// Charge takes gas for a host function or a built-in.
func (g *gauge) Charge(gas uint64) *abi.Fault {
	if g.watch != nil || g.measure {
		g.observe(gas)
	}
	if g.left < gas {
		if g.reclaim(); g.left < gas {
			return abi.Faultf(abi.OutOfGas, "gas limit of %d reached", g.limit)
		}
	}
	g.left -= gas
	return nil
}

// Left is the gas that is still there.
func (g *gauge) Left() uint64 { return g.left + g.sliceLeft() }

// observe tells the probe.
func (g *gauge) observe(gas uint64) {
	stack := g.c.rt.CaptureCallStack(0, nil)
	g.deepest = max(g.deepest, len(stack))
	if g.watch != nil && gas > 0 {
		g.watch(g.c.frames(stack, len(stack)), gas)
	}
}

// reclaim takes the contract's slice back.
func (g *gauge) reclaim() {
	s := g.sliceLeft()
	if s == 0 || g.set == nil {
		return
	}
	if _, err := g.set(goja.Undefined(), g.c.rt.ToValue(0)); err != nil {
		return
	}
	g.left += s
	g.slice = firstSlice
}

// sliceLeft is the gas that the contract's slice still holds.
func (g *gauge) sliceLeft() uint64 {
	if g.read == nil {
		return 0
	}
	v, err := g.read(goja.Undefined())
	if err != nil {
		return 0
	}
	return uint64(max(v.ToInteger(), 0)) * g.scale
}

// refill is what the contract calls when its slice is overdrawn by -have units.
func (g *gauge) refill(have int64) int64 {
	c := g.c
	if c.fault != nil || c.err != nil {
		c.stop()
	}
	if err := c.ctx.Err(); err != nil {
		c.err = fmt.Errorf("gave up after %d gas: %w", g.limit-g.left, err)
		c.stop()
	}
	debt := uint64(-have) * g.scale
	if g.watch != nil || g.measure {
		g.observe(debt)
	}
	if g.left < debt {
		c.end(abi.Faultf(abi.OutOfGas, "gas limit of %d reached", g.limit))
	}
	g.left -= debt
	if g.watch != nil || g.measure {
		return 0 // each charge comes here
	}
	s := min(g.slice, g.left/g.scale)
	g.left -= s * g.scale
	g.slice = min(g.slice*2, largestSlice)
	return int64(s)
}

func (g *gauge) gasNow() uint64 { return g.limit - g.left - min(g.sliceLeft(), g.limit-g.left) }

// take charges for n bytes that a built-in is about to allocate.
func (g *gauge) take(n int) {
	c := g.c
	c.alive()
	if n < 0 || uint64(n) > g.memory || g.allocated+uint64(n) > g.memory {
		c.end(abi.Faultf(abi.OutOfMemory, "memory limit of %d bytes reached", g.memory))
	}
	g.allocated += uint64(n)
	c.must(g.Charge(uint64(n)))
}

// work charges for n units of a built-in's own loop.
func (g *gauge) work(n int64) {
	g.c.alive()
	if hi, lo := bits.Mul64(uint64(max(n, 0)), g.scale); hi == 0 {
		g.c.must(g.Charge(lo))
	} else {
		g.c.must(g.Charge(g.limit + 1))
	}
}

// fits ends the call when a string of n characters is too long.
func (g *gauge) fits(n int) {
	if n < 0 || n > maxString {
		g.take(-1)
	}
}

// made charges for a string that was made.
func (g *gauge) made(s goja.String) {
	n := s.Length()
	g.fits(n)
	g.take(n)
	g.note(s)
}

// stacked charges for the stack that an exception keeps, and for its text.
func (g *gauge) stacked() {
	n := len(g.c.rt.CaptureCallStack(0, nil))
	g.take(priceFrame * n)
	g.longer(priceFrame * n / 2)
}

// priceFrame is a frame of a kept stack and its line of text.
const priceFrame = 128

// product multiplies sizes without overflow; what is too large to be a size is negative.
func product(a, b int64) int {
	if a < 0 || b < 0 {
		return -1
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi != 0 || lo > 1<<40 {
		return -1
	}
	return int(lo)
}
