package js

import (
	"context"
	"errors"
	"fmt"
	"strings"

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

// call is one run of a contract in one realm. It is the session's Meter.
type call struct {
	realm   *realm
	rt      *goja.Runtime
	ctx     context.Context
	session *host.Session // nil while loading

	limit uint64
	left  uint64 // gas in neither the slice nor spent
	slice uint64
	read  goja.Callable // gas left in the contract's slice
	set   goja.Callable

	memory    uint64
	allocated uint64

	event goja.Value // kalima.event once it was asked for

	fault *abi.Fault // why the call ended, when the host ended it
	at    string     // where
	spent uint64     // gas used when it ended so
	err   error      // why the node gave up
}

var _ host.Meter = (*call)(nil)

func newCall(ctx context.Context, re *realm, s *host.Session, gas uint64) *call {
	c := &call{realm: re, rt: re.rt, ctx: ctx, session: s, limit: gas, left: gas, slice: firstSlice, memory: host.DefaultLimits.Memory}
	depth := host.DefaultLimits.Depth
	if s != nil {
		c.memory, depth = s.Limits.Memory, s.Limits.Depth
	}
	c.rt.SetMaxCallStackSize(min(max(depth/depthUnit, 16), maxFrames))
	re.call = c
	return c
}

// Depth of calls: a limit of 100,000 units, which is for words of a WASM stack, gives
// maxFrames, and no limit gives more, since goja's built-in functions recurse on the
// native stack between two frames of JavaScript.
const (
	depthUnit = 100
	maxFrames = 1000
)

// exports is what the text around a contract returns.
type exports struct {
	abi     goja.Value
	entries []goja.Value
}

func (e exports) version() (int64, bool) { return whole(e.abi) }

// whole returns the number when v is a whole one. It never runs the contract's code.
func whole(v goja.Value) (int64, bool) {
	if _, object := v.(*goja.Object); object || v == nil {
		return 0, false
	}
	n, ok := v.Export().(int64)
	return n, ok
}

// start runs the contract's top level.
func (c *call) start(prog *program) (exports, *abi.Fault, error) {
	var list *goja.Object
	fault, err := c.guard(func() error {
		fn, err := c.rt.RunProgram(prog.code)
		if err != nil {
			return err
		}
		run, _ := goja.AssertFunction(fn)
		v, err := run(goja.Undefined(), c.realm.arguments(prog)...)
		if err == nil {
			list = v.(*goja.Object)
		}
		return err
	})
	if fault != nil || err != nil {
		return exports{}, fault, err
	}
	e := exports{abi: list.Get("0")}
	for i := range abi.Phases() {
		e.entries = append(e.entries, list.Get(fmt.Sprint(i+1)))
	}
	return e, nil, nil
}

// enter runs the phase's function.
func (c *call) enter(e exports, phase abi.Phase) (*abi.Fault, error) {
	fn, ok := goja.AssertFunction(e.entries[phase-1])
	if !ok {
		return abi.Faultf(abi.WrongABI, "the contract has no function %s", phase), nil
	}
	var result goja.Value
	fault, err := c.guard(func() (err error) {
		result, err = fn(goja.Undefined())
		return err
	})
	if fault != nil || err != nil {
		return fault, err
	}
	if goja.IsUndefined(result) || goja.IsNull(result) {
		return nil, nil
	}
	n, ok := whole(result)
	if !ok || n != int64(int32(n)) {
		return abi.Faultf(abi.Trap, "%s returned something else than nothing or a whole number of 32 bits", phase), nil
	}
	return host.Exit(int32(n)), nil
}

// guard runs contract code and says how it ended.
func (c *call) guard(f func() error) (fault *abi.Fault, err error) {
	defer func() {
		if p := recover(); p != nil { // a fault of goja itself: it must not end the process
			if c.fault == nil && c.err == nil {
				fault, err = abi.Faultf(abi.Trap, "the JavaScript engine gave up"), nil
				fault.Detail = fmt.Sprint(p)
				return
			}
			fault, err = c.fault, c.err
		}
	}()
	err = f()
	if c.err != nil {
		return nil, c.err
	}
	if c.fault != nil {
		c.fault.Detail = c.at
		return c.fault, nil
	}
	if err == nil {
		return nil, nil
	}
	var deep *goja.StackOverflowError
	if errors.As(err, &deep) {
		f := abi.Faultf(abi.StackOverflow, "calls nested too deep")
		f.Detail = place(deep.Stack())
		return f, nil
	}
	var thrown *goja.Exception
	if errors.As(err, &thrown) {
		return c.uncaught(thrown)
	}
	return nil, err
}

// uncaught makes the fault of an exception. Only the text of a plain value or of an
// Error's own message is read, so that no code of the contract runs once more.
func (c *call) uncaught(ex *goja.Exception) (*abi.Fault, error) {
	text := "an exception"
	switch v := ex.Value().(type) {
	case *goja.Object:
		if v.ClassName() == "Error" {
			text = c.errorText(v)
		}
	default:
		if v != nil {
			text = v.String()
		}
	}
	if c.err != nil {
		return nil, c.err
	}
	if c.fault != nil {
		return c.fault, nil
	}
	f := abi.Faultf(abi.Trap, "uncaught %s", text)
	f.Detail = place(ex.Stack())
	return f, nil
}

// errorText reads an Error's name and message, running getters under the meter.
func (c *call) errorText(v *goja.Object) (text string) {
	text = "Error"
	defer func() {
		if recover() != nil {
			text = "an exception"
		}
	}()
	if ex := c.rt.Try(func() {
		name, message := v.Get("name"), v.Get("message")
		if s, ok := name.(goja.String); ok {
			text = s.String()
		}
		if s, ok := message.(goja.String); ok && s.Length() > 0 {
			text += ": " + s.String()
		}
	}); ex != nil {
		text = "an exception"
	}
	return text
}

// place names the innermost lines of the contract on a stack.
func place(stack []goja.StackFrame) string {
	var at []string
	for _, frame := range stack {
		if frame.SrcName() != sourceName || len(at) == 4 {
			continue
		}
		s := fmt.Sprintf("line %d", frame.Position().Line)
		if name := frame.FuncName(); name != "" && name[0] != '<' {
			s += " in " + name
		}
		at = append(at, s)
	}
	return strings.Join(at, ", ")
}

// end stops the contract: no code of its runs any more, and nothing catches it.
func (c *call) end(f *abi.Fault) {
	if c.fault == nil && c.err == nil {
		c.spent = c.gasNow()
		if f.Code == abi.OutOfGas {
			c.spent = c.limit
		}
		c.fault = f
		c.at = place(c.rt.CaptureCallStack(8, nil))
	}
	c.stop()
}

func (c *call) stop() { panic(&goja.InterruptedError{}) }

// must ends the call when a host function faulted.
func (c *call) must(f *abi.Fault) {
	if f != nil {
		c.end(f)
	}
}

// alive ends the call again when it had ended: a built-in function may have kept the
// contract running.
func (c *call) alive() {
	if c.fault != nil || c.err != nil {
		c.stop()
	}
}

// Charge takes gas for a host function or a built-in.
func (c *call) Charge(gas uint64) *abi.Fault {
	if c.left < gas && !c.reclaim(gas) {
		return abi.Faultf(abi.OutOfGas, "gas limit of %d reached", c.limit)
	}
	c.left -= gas
	return nil
}

// Left is the gas that is still there.
func (c *call) Left() uint64 { return c.left + c.sliceLeft() }

// reclaim takes the contract's slice back to pay from it.
func (c *call) reclaim(gas uint64) bool {
	s := c.sliceLeft()
	if c.set == nil || c.left+s < gas {
		return false
	}
	c.left += s
	if _, err := c.set(goja.Undefined(), c.rt.ToValue(0)); err != nil {
		return false
	}
	c.slice = firstSlice
	return true
}

func (c *call) sliceLeft() uint64 {
	if c.read == nil {
		return 0
	}
	v, err := c.read(goja.Undefined())
	if err != nil {
		return 0
	}
	return uint64(max(v.ToInteger(), 0))
}

// refill is what the contract calls when its slice is overdrawn by -have.
func (c *call) refill(have int64) int64 {
	c.alive()
	if err := c.ctx.Err(); err != nil {
		c.err = fmt.Errorf("gave up after %d gas: %w", c.limit-c.left, err)
		c.stop()
	}
	debt := uint64(-have)
	if c.left < debt {
		c.end(abi.Faultf(abi.OutOfGas, "gas limit of %d reached", c.limit))
	}
	c.left -= debt
	s := min(c.slice, c.left)
	c.left -= s
	c.slice = min(c.slice*2, largestSlice)
	return int64(s)
}

func (c *call) gasNow() uint64 { return c.limit - c.left - min(c.sliceLeft(), c.limit-c.left) }

// gas is what the call used.
func (c *call) gas() uint64 {
	if c.fault != nil {
		return c.spent
	}
	return c.gasNow()
}

// take charges for n bytes that a built-in is about to allocate.
func (c *call) take(n int) {
	c.alive()
	if n < 0 || uint64(n) > c.memory || c.allocated+uint64(n) > c.memory {
		c.end(abi.Faultf(abi.OutOfMemory, "memory limit of %d bytes reached", c.memory))
	}
	c.allocated += uint64(n)
	c.must(c.Charge(uint64(n)))
}

// work charges for n rounds of a built-in's own loop.
func (c *call) work(n int64) {
	c.alive()
	if n < 0 {
		n = 0
	}
	c.must(c.Charge(uint64(n)))
}
