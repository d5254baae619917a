package wasm

import (
	"context"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/meter"
)

// Plain is what the engine alone takes for a call: no gas, no bound on the stack, no limits,
// and the same host functions. It is what a Kalima call is compared with.
type Plain struct {
	Reused time.Duration // one instance for every call, which sees what the last one left
	Fresh  time.Duration // a new instance for each call, the engine's own isolation
}

// MeasurePlain calls an entry of a contract as it came, without metering, n times on one
// instance, and some times on a new instance each. Both are means.
func MeasurePlain(ctx context.Context, code []byte, n int, session func() *host.Session) (p Plain, err error) {
	metered, err := meter.Rewrite(code, meter.Config{}) // for what it says of the module
	if err != nil {
		return p, fmt.Errorf("read the contract: %w", err)
	}
	phase := session().Call.Phase.String()
	b, err := newBare(ctx, code, metered.Info, phase, false)
	if err != nil {
		return p, err
	}
	defer b.close()
	call := func(fn func(context.Context, ...uint64) ([]uint64, error)) error {
		s := session()
		b.in.begin(ctx, s)
		res, err := fn(b.in)
		if err != nil {
			return fmt.Errorf("call %s: %w", phase, err)
		}
		if f := host.Exit(int32(res[0])); f != nil {
			return fmt.Errorf("call %s: %w", phase, f)
		}
		return nil
	}
	start := time.Now()
	for range n {
		if err := call(b.fn.Call); err != nil {
			return p, err
		}
	}
	p.Reused = time.Since(start) / time.Duration(n)

	compiled, err := b.rt.rt.CompileModule(ctx, code)
	if err != nil {
		return p, fmt.Errorf("compile the contract: %w", err)
	}
	defer compiled.Close(ctx)
	few := max(n/100, 20)
	start = time.Now()
	for range few {
		b.in.begin(ctx, host.NewSession(abi.Call{}, noState{}, host.Grant{}, host.Limits{Deadline: time.Hour}))
		mod, err := b.rt.rt.InstantiateModule(b.in, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
		if err != nil {
			return p, fmt.Errorf("instantiate the contract: %w", err)
		}
		b.in.mod, b.in.mem = mod, mod.Memory() // where host functions look
		if init := mod.ExportedFunction("_initialize"); init != nil {
			if _, err := init.Call(b.in); err != nil {
				return p, fmt.Errorf("initialise the contract: %w", err)
			}
		}
		if err := call(mod.ExportedFunction(phase).Call); err != nil {
			return p, err
		}
		if err := mod.Close(ctx); err != nil {
			return p, err
		}
	}
	p.Fresh = time.Since(start) / time.Duration(few)
	return p, nil
}
