package starlark

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// call is one run of a contract on one thread. It is the session's Meter.
type call struct {
	ctx     context.Context // while run runs
	thread  *starlark.Thread
	session *host.Session // nil while loading
	probe   *host.Probe   // nil unless the call is watched
	event   starlark.Value

	limit     uint64
	charged   uint64 // gas of host functions and guards
	memory    uint64
	allocated uint64
	deepest   int         // functions of the contract within each other, with a probe
	fault     *abi.Fault  // why the host ended the call
	spent     uint64      // gas when it did
	where     []abi.Place // where the contract was then
	err       error       // why the node ended it
}

var _ host.Meter = (*call)(nil)

const localCall = "call"

func newCall(s *host.Session, gas, memory uint64) *call {
	c := &call{session: s, limit: gas, memory: memory}
	if s != nil {
		c.probe = s.Probe
	}
	c.thread = &starlark.Thread{Name: "contract", OnMaxSteps: c.step}
	c.thread.SetLocal(localCall, c)
	c.bound()
	return c
}

func of(t *starlark.Thread) *call { return t.Local(localCall).(*call) }

// bound sets the number of steps that the rest of the gas pays for. The interpreter asks
// when it reaches the number, so that is one more. With a probe it asks at each step.
func (c *call) bound() {
	if c.probe != nil {
		c.thread.SetMaxExecutionSteps(c.thread.Steps + 1)
		return
	}
	c.thread.SetMaxExecutionSteps((c.limit-c.charged)/StepGas + 1)
}

// step is called by the interpreter where bound said.
func (c *call) step(*starlark.Thread) {
	if c.used() > c.limit {
		c.stop(c.noGas())
	} else if c.probe != nil {
		c.report(StepGas)
		c.bound()
	}
}

// report tells the probe of a charge.
func (c *call) report(gas uint64) {
	where := places(c.thread.CallStack())
	c.deepest = max(c.deepest, len(where))
	if c.probe.Charge != nil {
		c.probe.Charge(where, gas)
	}
}

func (c *call) noGas() *abi.Fault {
	return abi.Faultf(abi.OutOfGas, "gas limit of %d reached", c.limit)
}

// stop ends the call with a fault, if nothing ended it before.
func (c *call) stop(f *abi.Fault) {
	if c.fault == nil {
		c.fault, c.spent = f, min(c.used(), c.limit)
		if f.Code == abi.OutOfGas {
			c.spent = c.limit
		}
		c.where = places(c.thread.CallStack())
		f.Detail = place(c.where)
		c.thread.Cancel("fault")
	}
}

func (c *call) used() uint64 { return c.thread.Steps*StepGas + c.charged }

// gas is what the call used.
func (c *call) gas() uint64 {
	if c.fault != nil {
		return c.spent
	}
	return c.used()
}

// Charge takes gas for a host function or a guard.
func (c *call) Charge(gas uint64) *abi.Fault {
	if c.fault != nil {
		return c.fault
	}
	if used := c.used(); used > c.limit || c.limit-used < gas {
		return c.noGas()
	}
	c.charged += gas
	c.bound()
	if c.probe != nil && gas > 0 {
		c.report(gas)
	}
	return nil
}

// Left is the gas that is still there.
func (c *call) Left() uint64 { return c.limit - min(c.used(), c.limit) }

// ended is a fault outside of the contract's own code.
func (c *call) ended(f *abi.Fault) *abi.Fault {
	if f != nil {
		c.stop(f)
	}
	return f
}

// abort ends the call with an error of the node's.
func (c *call) abort(err error) error {
	c.err = err
	c.thread.Cancel("error")
	return errEnded
}

// errEnded is the error by which a built-in ends a call whose fault is set.
var errEnded = errors.New("the call ended")

// must turns a fault into the error that ends the call.
func (c *call) must(f *abi.Fault) error {
	if f == nil {
		return nil
	}
	c.stop(f)
	return errEnded
}

// run runs contract code and says how it ended. An error is the node's.
func (c *call) run(ctx context.Context, f func(*starlark.Thread) error) (fault *abi.Fault, err error) {
	defer func() {
		if p := recover(); p != nil { // a fault of the interpreter: it must not end the process
			fault, err = abi.Faultf(abi.Trap, "the Starlark interpreter gave up"), nil
			fault.Detail = fmt.Sprint(p)
		}
	}()
	defer context.AfterFunc(ctx, func() { c.thread.Cancel("deadline") })()
	c.ctx = ctx
	ended := f(c.thread)
	switch {
	case c.err != nil:
		return nil, c.err
	case c.fault != nil:
		return c.fault, nil
	case ended == nil:
		return nil, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("gave up after %d gas: %w", c.used(), ctx.Err())
	}
	var e *starlark.EvalError
	if !errors.As(ended, &e) {
		return nil, ended
	}
	code := abi.Trap
	if strings.HasPrefix(e.Msg, "function ") && strings.HasSuffix(e.Msg, " called recursively") {
		code = abi.StackOverflow
	}
	fault = abi.Faultf(code, "%s", firstLine(e.Msg))
	c.where = places(e.CallStack)
	fault.Detail = place(c.where)
	return fault, nil
}

func (c *call) enter(ctx context.Context, entry *starlark.Function) (*abi.Fault, error) {
	phase := c.session.Call.Phase
	if entry == nil {
		if fault := c.ended(c.Charge(host.PriceCall)); fault != nil {
			return fault, nil
		}
		return abi.Faultf(abi.WrongABI, "the contract has no function %s", phase), nil
	}
	var result starlark.Value
	fault, err := c.run(ctx, func(t *starlark.Thread) (err error) {
		result, err = starlark.Call(t, entry, nil, nil)
		return err
	})
	if fault != nil || err != nil {
		return fault, err
	}
	switch v := result.(type) {
	case starlark.NoneType:
		return nil, nil
	case starlark.Int:
		if code, ok := v.Int64(); ok && code == int64(int32(code)) {
			return host.Exit(int32(code)), nil
		}
	case starlark.String:
		if phase == abi.Query {
			return c.ended(c.session.Reply([]byte(v))), nil
		}
	case starlark.Bytes:
		if phase == abi.Query {
			return c.ended(c.session.Reply([]byte(v))), nil
		}
	}
	answers := "None or an int of 32 bits"
	if phase == abi.Query {
		answers = "None, an int of 32 bits, a str or bytes"
	}
	return abi.Faultf(abi.Trap, "%s returned something else than %s", phase, answers), nil
}

// places lists the places of the contract on a stack, innermost first.
func places(stack starlark.CallStack) (list []abi.Place) {
	for i := range stack {
		if f := stack.At(i); f.Pos.Filename() == sourceName {
			list = append(list, abi.Place{Function: abi.Clip(f.Name), File: sourceName, Line: int(f.Pos.Line)})
		}
	}
	return list
}

// place names the innermost of them.
func place(where []abi.Place) string {
	var at []string
	for _, p := range where[:min(len(where), 4)] {
		at = append(at, fmt.Sprintf("line %d in %s", p.Line, p.Function))
	}
	return strings.Join(at, ", ")
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
