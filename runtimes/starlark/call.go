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
	thread  *starlark.Thread
	session *host.Session // nil while loading
	event   starlark.Value

	limit     uint64
	charged   uint64 // gas of host functions and guards
	memory    uint64
	allocated uint64
	fault     *abi.Fault // why the host ended the call
	spent     uint64     // gas when it did
}

var _ host.Meter = (*call)(nil)

const localCall = "call"

func newCall(s *host.Session, gas, memory uint64) *call {
	c := &call{session: s, limit: gas, memory: memory}
	c.thread = &starlark.Thread{Name: "contract", OnMaxSteps: func(*starlark.Thread) { c.stop(c.noGas()) }}
	c.thread.SetLocal(localCall, c)
	c.bound()
	return c
}

func of(t *starlark.Thread) *call { return t.Local(localCall).(*call) }

// bound sets the number of steps that the rest of the gas pays for. The interpreter asks
// when it reaches the number, so that is one more.
func (c *call) bound() { c.thread.SetMaxExecutionSteps((c.limit-c.charged)/StepGas + 1) }

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
		f.Detail = place(c.thread.CallStack())
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
	return nil
}

// Left is the gas that is still there.
func (c *call) Left() uint64 { return c.limit - min(c.used(), c.limit) }

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

// take charges for n bytes about to be allocated; what is too large to count is negative.
func (c *call) take(n int) error {
	if n < 0 || uint64(n) > c.memory || c.allocated+uint64(n) > c.memory {
		return c.must(abi.Faultf(abi.OutOfMemory, "memory limit of %d bytes reached", c.memory))
	}
	c.allocated += uint64(n)
	return c.must(c.Charge(uint64(n)))
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
	ended := f(c.thread)
	switch {
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
	fault = abi.Faultf(abi.Trap, "%s", firstLine(e.Msg))
	fault.Detail = place(e.CallStack)
	return fault, nil
}

func (c *call) enter(ctx context.Context, entry *starlark.Function) (*abi.Fault, error) {
	if entry == nil {
		if fault := c.Charge(host.PriceCall); fault != nil {
			return fault, nil
		}
		return abi.Faultf(abi.WrongABI, "the contract has no function %s", c.session.Call.Phase), nil
	}
	var result starlark.Value
	fault, err := c.run(ctx, func(t *starlark.Thread) (err error) {
		result, err = starlark.Call(t, entry, nil, nil)
		return err
	})
	if fault != nil || err != nil || result == starlark.None {
		return fault, err
	}
	if n, ok := result.(starlark.Int); ok {
		if code, ok := n.Int64(); ok && code == int64(int32(code)) {
			return host.Exit(int32(code)), nil
		}
	}
	return abi.Faultf(abi.Trap, "%s returned something else than None or an int of 32 bits", c.session.Call.Phase), nil
}

// place names the innermost lines of the contract on a stack.
func place(stack starlark.CallStack) string {
	var at []string
	for i := range stack {
		f := stack.At(i)
		if f.Pos.Filename() == sourceName && len(at) < 4 {
			at = append(at, fmt.Sprintf("line %d in %s", f.Pos.Line, f.Name))
		}
	}
	return strings.Join(at, ", ")
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
