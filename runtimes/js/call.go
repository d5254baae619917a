package js

import (
	"context"
	"errors"
	"fmt"

	"github.com/dop251/goja"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// call is one run of a contract in a realm.
type call struct {
	gauge
	realm   *realm
	rt      *goja.Runtime
	ctx     context.Context
	session *host.Session // nil while loading
	prog    *program

	event   goja.Value     // kalima.event once it was asked for
	joining []*goja.Object // arrays being joined, outermost first
	regexps map[*goja.Object]*expression
	bound   map[*goja.Object]binding // what bind made

	version    int64 // kalima_abi, when hasVersion
	hasVersion bool
	phases     []abi.Phase // with an entry; while loading
	missing    bool        // the phase has no entry

	fault *abi.Fault // why the call ended, when the host ended it
	where []abi.Place
	err   error // why the node gave up
	dirty bool  // the realm may not be used again

	natives int // functions of the library that run within each other
}

func newCall(ctx context.Context, re *realm, s *host.Session, gas uint64) *call {
	c := &call{realm: re, rt: re.rt, ctx: ctx, session: s}
	c.gauge.init(c, gas)
	depth := host.DefaultLimits.Depth
	if s != nil {
		c.memory, depth = s.Limits.Memory, s.Limits.Depth
		if p := s.Probe; p != nil {
			c.watch, c.measure = p.Charge, true
		}
	}
	frames := min(max(depth/depthUnit, 16), maxFrames)
	if c.measure {
		// The gauge is asked at each charge, and needs a frame for it.
		c.most = frames
		frames++
	}
	c.rt.SetMaxCallStackSize(frames)
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

// whole returns the number when v is a whole one. It never runs the contract's code.
func whole(v goja.Value) (int64, bool) {
	if _, object := v.(*goja.Object); object || v == nil {
		return 0, false
	}
	n, ok := v.Export().(int64)
	return n, ok
}

// run runs the contract's top level and, unless it is being loaded, the entry.
func (c *call) run(p *program) (*abi.Fault, error) {
	c.prog = p
	c.digits, c.wide = p.digits, p.wide
	c.longest = p.longest
	c.weigh()
	var result goja.Value
	fault, err := c.guard(func() error {
		if c.realm.code != p {
			fn, err := c.rt.RunProgram(p.code)
			if err != nil {
				return err
			}
			c.realm.code = p
			c.realm.main, _ = goja.AssertFunction(fn)
		}
		var err error
		result, err = c.realm.main(goja.Undefined(), c.realm.own...)
		return err
	})
	switch {
	case fault != nil || err != nil:
		return fault, err
	case c.missing:
		return abi.Faultf(abi.WrongABI, "the contract has no function %s", c.session.Call.Phase), nil
	}
	return c.outcome(result), nil
}

// choose takes kalima_abi and the entries, and returns the one to run.
func (c *call) choose(args []goja.Value) goja.Value {
	c.version, c.hasVersion = whole(args[0])
	if c.session == nil {
		for i, p := range abi.Phases() {
			if isFunction(args[1+i]) {
				c.phases = append(c.phases, p)
			}
		}
		return goja.Undefined()
	}
	p := int(c.session.Call.Phase)
	if c.missing = p < 1 || p >= len(args) || !isFunction(args[p]); c.missing {
		return goja.Undefined()
	}
	return args[p]
}

// outcome turns what an entry returned into its fault.
func (c *call) outcome(result goja.Value) *abi.Fault {
	if c.session == nil || goja.IsUndefined(result) || goja.IsNull(result) {
		return nil
	}
	phase := c.session.Call.Phase
	if phase == abi.Query {
		if s, ok := result.(goja.String); ok {
			return c.session.Reply([]byte(s.String()))
		}
		if b, ok := c.realm.bytes(result); ok {
			return c.session.Reply(b)
		}
	}
	n, ok := whole(result)
	if !ok || n != int64(int32(n)) {
		return abi.Faultf(abi.Trap, "%s returned something else than nothing or a whole number of 32 bits", phase)
	}
	return host.Exit(int32(n))
}

// guard runs contract code and says how it ended.
func (c *call) guard(f func() error) (fault *abi.Fault, err error) {
	defer func() {
		if p := recover(); p != nil { // a fault of goja itself: it must not end the process
			c.dirty = true
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
		c.fault.Detail = places(c.where)
		return c.fault, nil
	}
	if err == nil {
		return nil, nil
	}
	var deep *goja.StackOverflowError
	if errors.As(err, &deep) {
		c.dirty = true
		c.where = c.frames(deep.Stack(), maxPlaces)
		f := abi.Faultf(abi.StackOverflow, "calls nested too deep")
		f.Detail = places(c.where)
		return f, nil
	}
	var thrown *goja.Exception
	if errors.As(err, &thrown) {
		return c.uncaught(thrown)
	}
	c.dirty = true
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
	c.where = c.frames(ex.Stack(), maxPlaces)
	f := abi.Faultf(abi.Trap, "uncaught %s", text)
	f.Detail = places(c.where)
	return f, nil
}

// errorText reads an Error's name and message, running getters under the meter.
func (c *call) errorText(v *goja.Object) (text string) {
	text = "Error"
	defer func() {
		if recover() != nil {
			text = "an exception"
			c.dirty = true
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

// end stops the contract: no code of its runs any more, and nothing catches it.
func (c *call) end(f *abi.Fault) {
	if c.fault == nil && c.err == nil {
		c.spent = c.gasNow()
		if f.Code == abi.OutOfGas {
			c.spent = c.limit
		}
		c.fault = f
		c.where = c.frames(c.rt.CaptureCallStack(64, nil), maxPlaces)
	}
	c.stop()
}

// maxNative is how many functions of the library may run within each other, each level of
// JSON and of nested arrays counted.
const maxNative = 2000

// enter counts n functions that begin, leave those that end.
func (c *call) enter(n int) {
	if c.natives += n; c.natives > maxNative {
		c.end(abi.Faultf(abi.StackOverflow, "calls nested too deep"))
	}
}

func (c *call) leave(n int) { c.natives -= n }

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
	if c.most > 0 && len(c.rt.CaptureCallStack(0, nil)) > c.most+1 {
		c.end(abi.Faultf(abi.StackOverflow, "calls nested too deep"))
	}
}

// clean tells whether another call may use the realm.
func (c *call) clean() bool { return !c.dirty && c.err == nil }

// gas is what the call used.
func (c *call) gas() uint64 {
	if c.fault != nil {
		return c.spent
	}
	return c.gasNow()
}
