package wasm

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/meter"
)

// kernels is testdata/kernels.c, compiled as its first comment says. It is kept compiled so
// that a node can measure itself without a C compiler.
//
//go:embed kernels.wasm
var kernels []byte

// kernelSizes makes each kernel run some milliseconds.
var kernelSizes = []struct {
	name string
	size uint64
}{
	{"fib", 25}, {"sha256", 4000}, {"sort", 16384}, {"matmul", 8},
	{"parse", 60}, {"hash", 150_000}, {"bodies", 15_000}, {"table", 400_000},
}

// Cost is how long a kernel takes without and with metering, the fastest of several runs.
type Cost struct {
	Name    string
	Plain   time.Duration
	Metered time.Duration
	Gas     uint64
}

// Ratio is the price of metering: 1 is none.
func (c Cost) Ratio() float64 { return float64(c.Metered) / float64(c.Plain) }

// MeasureMetering runs eight kinds of kernel on plain wazero and metered, in turn, runs
// times each, and returns the costs and the geometric mean of their ratios.
func MeasureMetering(ctx context.Context, runs int) (costs []Cost, mean float64, err error) {
	sum := 0.0
	for _, k := range kernelSizes {
		c, err := Measure(ctx, kernels, k.name, runs, k.size)
		if err != nil {
			return nil, 0, err
		}
		costs = append(costs, c)
		sum += math.Log(c.Ratio())
	}
	return costs, math.Exp(sum / float64(len(costs))), nil
}

// Measure runs an export of a module that imports nothing but WASI on plain wazero and
// metered, in turn, runs times each. Both have to give the same results.
func Measure(ctx context.Context, code []byte, export string, runs int, args ...uint64) (Cost, error) {
	metered, err := meter.Rewrite(code, meter.Config{Imports: importModules()})
	if err != nil {
		return Cost{}, fmt.Errorf("meter the module: %w", err)
	}
	c := Cost{Name: export, Plain: math.MaxInt64, Metered: math.MaxInt64}
	plain, err := newBare(ctx, code, metered.Info, export, false)
	if err != nil {
		return c, fmt.Errorf("prepare %s: %w", export, err)
	}
	defer plain.close()
	paid, err := newBare(ctx, metered.Code, metered.Info, export, true)
	if err != nil {
		return c, fmt.Errorf("prepare %s, metered: %w", export, err)
	}
	defer paid.close()
	for range max(runs, 1) {
		a, took, err := plain.run(args)
		if err != nil {
			return c, fmt.Errorf("run %s: %w", export, err)
		}
		c.Plain = min(c.Plain, took)
		b, took, err := paid.run(args)
		if err != nil {
			return c, fmt.Errorf("run %s, metered: %w", export, err)
		}
		c.Metered = min(c.Metered, took)
		if fmt.Sprint(a) != fmt.Sprint(b) {
			return c, fmt.Errorf("%s gives %v, metered %v", export, a, b)
		}
		c.Gas = paid.used
	}
	return c, nil
}

// bare is an instance without the machinery of a contract.
type bare struct {
	rt   *Runtime
	in   *instance
	fn   api.Function
	used uint64 // gas of the last run
	paid bool
}

func newBare(ctx context.Context, code []byte, info meter.Info, export string, paid bool) (*bare, error) {
	rt, err := New(Config{})
	if err != nil {
		return nil, err
	}
	b := &bare{rt: rt, paid: paid}
	mod, err := rt.rt.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, errors.Join(err, rt.Close())
	}
	b.in = &instance{m: &module{rt: rt, compiled: &compiled{info: info}}, mod: mod, mem: mod.Memory()}
	b.in.gas, b.in.depth = api.MutableGlobal(&counter{}), &counter{}
	if paid {
		b.in.gas = mod.ExportedGlobal(meter.ExportGas).(api.MutableGlobal)
		b.in.depth = mod.ExportedGlobal(meter.ExportDepth).(api.MutableGlobal)
	}
	if b.fn = mod.ExportedFunction(export); b.fn == nil {
		return nil, errors.Join(fmt.Errorf("there is no export %s", export), rt.Close())
	}
	if init := mod.ExportedFunction("_initialize"); init != nil {
		if _, _, err := b.call(init, nil); err != nil {
			return nil, errors.Join(err, rt.Close())
		}
	}
	return b, nil
}

func (b *bare) run(args []uint64) ([]uint64, time.Duration, error) { return b.call(b.fn, args) }

func (b *bare) call(fn api.Function, args []uint64) ([]uint64, time.Duration, error) {
	b.in.begin(context.Background(), host.NewSession(abi.Call{}, noState{}, host.Grant{},
		host.Limits{Gas: 1 << 50, Memory: 1 << 40, Depth: 1 << 20, Deadline: time.Hour}))
	start := time.Now()
	res, err := fn.Call(b.in, args...)
	took := time.Since(start)
	b.used = b.in.budget.used(b.in.gas)
	return res, took, err
}

func (b *bare) close() { b.rt.Close() }

// counter stands in for a global that plain code does not have.
type counter struct {
	api.MutableGlobal
	v uint64
}

func (c *counter) Get() uint64  { return c.v }
func (c *counter) Set(v uint64) { c.v = v }
