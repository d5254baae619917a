package js

import (
	"fmt"
	"time"

	"github.com/dop251/goja"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// Plain is what goja alone takes for a call, in this process: no gas, no limits, no frozen
// library. It is what a Kalima call is compared with.
type Plain struct {
	Reused time.Duration // one runtime for every call, which sees what the last one left
	Fresh  time.Duration // a new runtime for each call, the engine's own isolation
}

// MeasurePlain calls validate of a contract that uses kalima.event.address, get and put alone,
// n times on one goja runtime, and as often on a new one each. Both are means.
func MeasurePlain(source string, n int, session func() *host.Session) (p Plain, err error) {
	prog, err := goja.Compile(sourceName, source, true)
	if err != nil {
		return p, fmt.Errorf("compile the contract: %w", err)
	}
	var s *host.Session
	prepare := func() (goja.Callable, error) {
		rt := goja.New()
		kalima, event := rt.NewObject(), rt.NewObject()
		for name, v := range map[string]any{
			"event": event,
			"get": func(address, key string) any {
				if v, ok, _ := s.Get(address, key); ok {
					return string(v)
				}
				return nil
			},
			"put": func(address, key, value string) { s.Put(address, key, []byte(value)) },
		} {
			if err := kalima.Set(name, v); err != nil {
				return nil, err
			}
		}
		address, _ := s.Field(abi.FieldAddress)
		if err := event.Set("address", string(address)); err != nil {
			return nil, err
		}
		if err := rt.Set("kalima", kalima); err != nil {
			return nil, err
		}
		if _, err := rt.RunProgram(prog); err != nil {
			return nil, err
		}
		fn, ok := goja.AssertFunction(rt.Get("validate"))
		if !ok {
			return nil, fmt.Errorf("the contract has no validate")
		}
		return fn, nil
	}
	next := func() { s = session(); s.Begin(free{}) }
	next()
	fn, err := prepare()
	if err != nil {
		return p, err
	}
	start := time.Now()
	for range n {
		next()
		if _, err := fn(goja.Undefined()); err != nil {
			return p, err
		}
	}
	p.Reused = time.Since(start) / time.Duration(n)
	start = time.Now()
	for range n {
		next()
		if fn, err = prepare(); err != nil {
			return p, err
		}
		if _, err := fn(goja.Undefined()); err != nil {
			return p, err
		}
	}
	p.Fresh = time.Since(start) / time.Duration(n)
	return p, nil
}

// free is the meter of a call that costs nothing.
type free struct{}

func (free) Charge(uint64) *abi.Fault { return nil }
func (free) Left() uint64             { return 1 << 62 }
