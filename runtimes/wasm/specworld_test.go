package wasm_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/kalima-chain/kalima/host/meter"
)

type specFeatures api.CoreFeatures

const (
	specV1 = specFeatures(api.CoreFeaturesV1 | api.CoreFeatureMultiValue) // the output may use it
	specV2 = specFeatures(api.CoreFeaturesV2)
)

// specGas is more than the whole suite uses; specDepth is deep enough for its recursions
// and below the compiler's own limit.
const (
	specGas   = 1 << 60
	specDepth = 400_000
)

// specWorld is one way to run a script.
type specWorld struct {
	most    uint32 // pages of memory of its one contract; 0 leaves that to the engine
	name    string
	metered bool
	traced  bool // the trace build
	rt      wazero.Runtime
	named   map[string]*specModule
	all     []*specModule
	last    *specModule
	before  *specModule // last, before the latest instantiation
}

type specModule struct {
	mod   api.Module
	depth api.MutableGlobal
	gas   api.MutableGlobal
	trace *specTrace
}

// specTrace follows a trace build and adds up what it says.
type specTrace struct {
	trace *meter.Trace
	stack []meter.Point
	gas   uint64
	wrong string
}

func (s *specTrace) at(i uint32) {
	p := s.trace.Points[i]
	switch {
	case p.Kind == meter.Enter:
		s.stack = append(s.stack, p)
		return
	case len(s.stack) == 0 || s.stack[len(s.stack)-1].Func != p.Func:
		s.wrong = fmt.Sprintf("%v of function %d, which is not the last of %d on the stack", p.Kind, p.Func, len(s.stack))
	case p.Kind == meter.Leave:
		s.stack = s.stack[:len(s.stack)-1]
	default:
		s.stack[len(s.stack)-1] = p
	}
	s.gas += p.Price
}

var errDepth = errors.New("stack overflow")

func newSpecRun(t *testing.T, spectest string, features specFeatures) *specRun {
	r := &specRun{t: t}
	code, err := os.ReadFile(spectest)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []*specWorld{
		{name: "compiler"}, {name: "interpreter"},
		{name: "metered compiler", metered: true}, {name: "metered interpreter", metered: true},
		{name: "traced compiler", metered: true, traced: true},
	} {
		cfg := wazero.NewRuntimeConfigCompiler()
		if strings.HasSuffix(w.name, "interpreter") {
			cfg = wazero.NewRuntimeConfigInterpreter()
		}
		w.rt = wazero.NewRuntimeWithConfig(context.Background(), cfg.WithCoreFeatures(api.CoreFeatures(features)))
		w.named = map[string]*specModule{}
		r.worlds = append(r.worlds, w)
		if err := w.hosts(code); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (w *specWorld) close() { w.rt.Close(context.Background()) }

func (w *specWorld) hosts(spectest []byte) error {
	ctx := context.Background()
	if _, err := w.rt.InstantiateWithConfig(ctx, spectest, wazero.NewModuleConfig().WithName("spectest")); err != nil {
		return err
	}
	return w.guards()
}

// guards are the meter's imports: any refill is the end.
func (w *specWorld) guards() error {
	ctx := context.Background()
	i32, i64 := []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI64}
	trace := func(mod api.Module) *specTrace {
		for _, s := range w.all {
			if s.mod == mod {
				return s.trace
			}
		}
		panic("a trace build reports before it is there")
	}
	_, err := w.rt.NewHostModuleBuilder(meter.ImportModule).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, mod api.Module, s []uint64) { trace(mod).at(uint32(s[0])) }), i32, nil).Export(meter.ImportAt).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, mod api.Module, s []uint64) { trace(mod).gas += s[0] }), i64, nil).Export(meter.ImportBulk).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(context.Context, api.Module, []uint64) { panic(errDepth) }), i64, i64).Export(meter.ImportRefill).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, mod api.Module, s []uint64) {
		pages := uint64(mod.Memory().Size()>>16) + uint64(uint32(s[0]))
		if s[0] = 1; w.most != 0 && pages > uint64(w.most) {
			s[0] = 0
		}
	}), i32, i32).Export(meter.ImportGrow).
		Instantiate(ctx)
	return err
}

// instantiate returns what went wrong, in words that do not depend on the world.
func (w *specWorld) instantiate(code []byte, m, tr *meter.Module, name, as string) string {
	ctx := context.Background()
	w.before = w.last
	w.last = nil
	if w.metered {
		code = m.Code
	}
	if w.traced {
		code = tr.Code
	}
	cm, err := w.rt.CompileModule(ctx, code)
	if err != nil {
		return "does not compile"
	}
	mod, err := w.rt.InstantiateModule(ctx, cm, wazero.NewModuleConfig().WithName(as).WithStartFunctions())
	if err != nil {
		return "does not start"
	}
	s := &specModule{mod: mod, trace: &specTrace{trace: tr.Trace}}
	if w.metered {
		s.gas = mod.ExportedGlobal(meter.ExportGas).(api.MutableGlobal)
		s.depth = mod.ExportedGlobal(meter.ExportDepth).(api.MutableGlobal)
		s.gas.Set(specGas)
		w.all = append(w.all, s)
		w.deepen()
		if m.Info.Start {
			if _, err := mod.ExportedFunction(meter.ExportStart).Call(ctx); err != nil {
				return "does not start"
			}
		}
	}
	w.last = s
	if name != "" {
		w.named[name] = s
	}
	return ""
}

func (w *specWorld) deepen() {
	for _, s := range w.all {
		s.depth.Set(specDepth)
	}
}

// used is the gas of all instances: calls go from one to another.
func (w *specWorld) used() (sum uint64) {
	for _, s := range w.all {
		sum += specGas - s.gas.Get()
	}
	return sum
}

// told is the gas the traces told of since it was last asked, and what was wrong with them. After
// a call that ended well no function may be left on a stack.
func (w *specWorld) told(ended bool) (gas uint64, wrong string) {
	for _, s := range w.all {
		if gas += s.trace.gas; s.trace.wrong != "" {
			wrong = s.trace.wrong
		}
		if ended && len(s.trace.stack) > 0 {
			wrong = fmt.Sprintf("still in %d functions, the last %v", len(s.trace.stack), s.trace.stack[len(s.trace.stack)-1])
		}
		s.trace.gas, s.trace.stack = 0, nil
	}
	return gas, wrong
}

// specOutcome is what a call gives.
type specOutcome struct {
	values []uint64
	types  []api.ValueType
	trap   string
	gas    uint64
}

// same ignores which NaN it is, and where references point.
func (o specOutcome) same(p specOutcome) bool {
	if o.trap != p.trap || len(o.values) != len(p.values) {
		return false
	}
	for i, a := range o.values {
		b := p.values[i]
		switch o.types[i] {
		case api.ValueTypeI32:
			a, b = uint64(uint32(a)), uint64(uint32(b))
		case api.ValueTypeF32:
			a, b = uint64(uint32(a)), uint64(uint32(b))
			if f, g := math.Float32frombits(uint32(a)), math.Float32frombits(uint32(b)); f != f && g != g {
				continue
			}
		case api.ValueTypeF64:
			if f, g := math.Float64frombits(a), math.Float64frombits(b); f != f && g != g {
				continue
			}
		case api.ValueTypeExternref, 0x70:
			if (a == 0) == (b == 0) {
				continue
			}
		}
		if a != b {
			return false
		}
	}
	return true
}

func (w *specWorld) act(c specCommand) (specOutcome, bool) {
	s := w.last
	if c.Action.Module != "" {
		s = w.named[c.Action.Module]
	}
	if s == nil {
		return specOutcome{}, false
	}
	if c.Action.Type == "get" {
		g := s.mod.ExportedGlobal(c.Action.Field)
		if g == nil {
			return specOutcome{}, false
		}
		return specOutcome{values: []uint64{g.Get()}, types: []api.ValueType{g.Type()}}, true
	}
	fn := s.mod.ExportedFunction(c.Action.Field)
	if fn == nil {
		return specOutcome{}, false
	}
	var args []uint64
	for _, a := range c.Action.Args {
		args = append(args, a.bits())
	}
	w.told(false) // of a start function, or an overflow
	before := w.used()
	out := outcome(fn, args)
	out.gas = w.used() - before
	w.deepen()
	return out, true
}

// outcome calls a function.
func outcome(fn api.Function, args []uint64) specOutcome {
	res, err := fn.Call(context.Background(), args...)
	out := specOutcome{values: res, types: fn.Definition().ResultTypes()}
	if err != nil {
		out.values = nil
		out.trap, _, _ = strings.Cut(err.Error(), "\n")
		out.trap = strings.TrimPrefix(out.trap, "wasm error: ")
		if errors.Is(err, errDepth) {
			out.trap = errDepth.Error()
		}
	}
	return out
}

// bits is an argument as the engine takes it.
func (v specValue) bits() uint64 {
	s := fmt.Sprint(v.Value)
	switch {
	case s == "null":
		return 0
	case strings.HasPrefix(s, "nan:"):
		canonical := map[string]uint64{"f32": 0x7fc00000, "f64": 0x7ff8000000000000}
		return canonical[v.Type]
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("argument %q of type %s", s, v.Type))
	}
	if v.Type == "externref" {
		n++ // 0 is null
	}
	return n
}
