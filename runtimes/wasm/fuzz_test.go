package wasm_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/kalima-chain/kalima/host/meter"
)

// fuzzLimits keep what is made of random bytes small.
var fuzzLimits = meter.Limits{Pages: 16, Table: 1000, Product: 20_000}

// FuzzMetered takes any bytes. What the meter accepts must compile exactly if the original
// does, and its functions must give what the original's give, with the same gas on the
// compiler, on the interpreter and in the trace build.
func FuzzMetered(f *testing.F) {
	f.Add(buildC(f, "nan"))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x01\x05\x01\x60\x00\x01\x7f\x03\x02\x01\x00\x07\x05\x01\x01f\x00\x00\x0a\x0d\x01\x0b\x00\x41\x01\x03\x40\x41\x00\x0d\x00\x0b\x0b"))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x01\x06\x01\x60\x01\x7c\x01\x7c\x03\x02\x01\x00\x07\x05\x01\x01f\x00\x00\x0a\x0c\x01\x0a\x00\x20\x00\x20\x00\xa3\x20\x00\xa0\x0b"))
	f.Add(generate([]byte("a first module of the generator"), false))
	f.Fuzz(func(t *testing.T, code []byte) {
		fuzzMetered(t, code, meter.Config{Imports: []string{}, Limits: fuzzLimits})
	})
}

// fuzzMetered tells whether a module was accepted and all its functions compared.
func fuzzMetered(t *testing.T, code []byte, cfg meter.Config) bool {
	m, err := meter.Rewrite(code, cfg)
	if err != nil {
		return false
	}
	if !compiles(t, code, m) {
		return false
	}
	// Where the meter makes NaNs canonical the original may show other bits and go other
	// ways; FuzzGenerated has an oracle for that.
	exact := bytes.Count(m.Code, canonicalNaN) == bytes.Count(code, canonicalNaN) && bytes.Count(m.Code, canonicalNaN32) == bytes.Count(code, canonicalNaN32)
	return compare(t, code, code, cfg, exact)
}

// compiles tells whether a module is valid; metered it has to be just as well.
func compiles(t *testing.T, code []byte, m *meter.Module) bool {
	ctx := context.Background()
	rt := fuzzRuntime(false)
	defer rt.Close(ctx)
	_, errPlain := rt.CompileModule(ctx, code)
	_, errMetered := rt.CompileModule(ctx, m.Code)
	if errPlain != nil && strings.Contains(errPlain.Error(), "custom section") {
		return false // the meter drops what it can not read there
	}
	if (errPlain == nil) != (errMetered == nil) {
		t.Fatalf("original compiles: %v; metered: %v", errPlain, errMetered)
	}
	return errPlain == nil
}

var (
	canonicalNaN   = constant(vF64, 0x7ff8000000000000)
	canonicalNaN32 = constant(vF32, 0x7fc00000)
)

// FuzzGenerated makes a valid module of any bytes. Metered, on the compiler, on the interpreter
// and as a trace build, it must do in every bit what it does with each NaN made canonical.
func FuzzGenerated(f *testing.F) {
	for _, seed := range generatorSeeds(40) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		code := generate(in, false)
		if _, err := meter.Rewrite(code, meter.Config{}); err != nil {
			t.Fatalf("Rewrite of a generated module = %v", err)
		}
		compare(t, generate(in, true), code, meter.Config{Limits: fuzzLimits}, true)
	})
}

// generatorSeeds are n strings of random bytes, the same each time.
func generatorSeeds(n int) (seeds [][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		seed := make([]byte, 20+r.IntN(1500))
		for j := range seed {
			seed[j] = byte(r.Uint32())
		}
		seeds = append(seeds, seed)
	}
	return seeds
}

// How many modules TestGenerated makes. A long run is -modules 1000000 -timeout 0.
var generatedModules = flag.Int("modules", 1000, "how many generated modules TestGenerated compares")

// TestGenerated does what FuzzGenerated does, on random bytes. The generator has to make what it is
// meant to.
func TestGenerated(t *testing.T) {
	used, whole := map[byte]int{}, 0
	for i, seed := range generatorSeeds(*generatedModules) {
		code := generate(seed, false)
		for _, b := range code {
			used[b]++
		}
		ok := t.Run(fmt.Sprint(i), func(t *testing.T) {
			if compare(t, generate(seed, true), code, meter.Config{Limits: fuzzLimits}, true) {
				whole++
			}
		})
		if !ok {
			t.Fatalf("seed %d is %q", i, seed)
		}
	}
	for _, op := range []byte{0x03, 0x0d, 0x0e, 0x10, 0x11, 0x40, 0x6d, 0xa3, 0xfc} {
		if used[op] == 0 {
			t.Errorf("no generated module has byte 0x%02x", op)
		}
	}
	if whole < *generatedModules/4 {
		t.Errorf("%d of %d modules ran to their end, want a quarter", whole, *generatedModules)
	}
	t.Logf("%d of %d modules ran to their end", whole, *generatedModules)
}

// compare runs all exported functions of a module: want as it is, code metered in three
// ways. Results, traps, memory and globals must agree, among the metered ones in every
// bit; with exact those of want too. It tells whether none ran out of gas or stack.
func compare(t *testing.T, want, code []byte, cfg meter.Config, exact bool) bool {
	m, err := meter.Rewrite(code, cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Trace = true
	traced, err := meter.Rewrite(code, cfg)
	if err != nil {
		t.Fatalf("Rewrite as a trace build = %v", err)
	}
	ctx := context.Background()
	var worlds []*fuzzWorld
	for _, name := range []string{"compiler", "interpreter", "traced", "original"} {
		made := m
		switch name {
		case "traced":
			made = traced
		case "original":
			if worlds[0].start.trap == errDepth.Error() {
				return false // it might never start
			}
			made = &meter.Module{Code: want, Info: m.Info}
		}
		w := newFuzzWorld(t, name, made)
		defer w.rt.Close(ctx)
		worlds = append(worlds, w)
		first := worlds[0]
		if (w.mod == nil) != (first.mod == nil) || name != "original" && (w.start.trap != first.start.trap || w.start.gas != first.start.gas) {
			t.Fatalf("%s starts: %v %+v, %s: %v %+v", w.name, w.mod != nil, w.start, first.name, first.mod != nil, first.start)
		}
	}
	if worlds[0].mod == nil {
		return true
	}
	for n, name := range slices.Sorted(maps.Keys(m.Info.Funcs)) {
		for round := range 3 {
			args := fuzzArgs(m.Info.Funcs[name].Params, round*5+n)
			first := worlds[0].call(name, args)
			for _, w := range worlds[1:] {
				original := w.name == "original"
				if original && first.trap == errDepth.Error() {
					continue // it might never end
				}
				got := w.call(name, args)
				if told, wrong := w.told(first.trap == ""); w.name == "traced" && first.trap == "" && (told != got.gas || wrong != "") {
					t.Fatalf("%s(%x): the trace tells of %d gas, used are %d; %s", name, args, told, got.gas, wrong)
				}
				if original && !exact {
					continue
				}
				same := got.trap == first.trap && slices.Equal(got.bits(), first.bits()) && (original || got.gas == first.gas)
				if original && got.trap != "" && first.trap != "" {
					same = true // the engine may name the trap otherwise
				}
				if !same {
					t.Fatalf("%s(%x): %s %+v, compiler %+v", name, args, w.name, got, first)
				}
				if diff := w.differs(worlds[0]); diff != "" {
					t.Fatalf("after %s(%x): %s is not as on the compiler: %s", name, args, w.name, diff)
				}
			}
			if first.trap == errDepth.Error() {
				return false
			}
		}
	}
	return true
}

func fuzzArgs(params string, n int) []uint64 {
	var args []uint64
	for i, p := range params {
		t := map[rune]byte{'i': vI32, 'I': vI64, 'f': vF32, 'F': vF64}[p]
		if t == 0 {
			args = append(args, 0) // a null reference
			continue
		}
		args = append(args, interesting(t, n*7+i*3))
	}
	return args
}

// smallMemory refuses to grow beyond 16 MiB.
func smallMemory(_, _ uint64) experimental.LinearMemory { return &heap{} }

type heap struct{ b []byte }

func (h *heap) Reallocate(n uint64) []byte {
	if n > 16<<20 {
		return nil
	}
	h.b = append(h.b, make([]byte, int(n)-len(h.b))...)
	return h.b
}
func (h *heap) Free() {}

func fuzzRuntime(interpreter bool) wazero.Runtime {
	cfg := wazero.NewRuntimeConfigCompiler()
	if interpreter {
		cfg = wazero.NewRuntimeConfigInterpreter()
	}
	return wazero.NewRuntimeWithConfig(context.Background(), cfg.WithCoreFeatures(api.CoreFeaturesV2&^api.CoreFeatureSIMD))
}

type fuzzWorld struct {
	specWorld
	mod   *specModule // nil when it does not start
	start specOutcome // of the start function, where it is called
}

func newFuzzWorld(t *testing.T, name string, m *meter.Module) *fuzzWorld {
	ctx := experimental.WithMemoryAllocator(context.Background(), experimental.MemoryAllocatorFunc(smallMemory))
	w := &fuzzWorld{specWorld: specWorld{name: name, most: m.Info.MaxPages, metered: name != "original", rt: fuzzRuntime(name == "interpreter" || name == "original")}}
	if err := errors.Join(w.guards(), w.idle(m.Info.Imports)); err != nil {
		t.Fatal(err)
	}
	mod, err := w.rt.InstantiateWithConfig(ctx, m.Code, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		return w
	}
	w.mod = &specModule{mod: mod, trace: &specTrace{trace: m.Trace}}
	w.all = append(w.all, w.mod)
	if w.metered {
		w.mod.gas, w.mod.depth = mod.ExportedGlobal(meter.ExportGas).(api.MutableGlobal), mod.ExportedGlobal(meter.ExportDepth).(api.MutableGlobal)
		if m.Info.Start { // the original has run it by now
			if w.start = w.call(meter.ExportStart, nil); w.start.trap != "" {
				w.mod = nil
			}
		}
	}
	return w
}

// idle fulfils imports with functions that do nothing.
func (w *fuzzWorld) idle(imports []meter.Import) error {
	types := func(letters string) (all []api.ValueType) {
		for _, l := range letters {
			all = append(all, map[rune]byte{'i': vI32, 'I': vI64, 'f': vF32, 'F': vF64, 'r': api.ValueTypeExternref}[l])
		}
		return all
	}
	modules := map[string]wazero.HostModuleBuilder{}
	for _, i := range imports {
		if modules[i.Module] == nil {
			modules[i.Module] = w.rt.NewHostModuleBuilder(i.Module)
		}
		nothing := api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) { clear(stack) })
		modules[i.Module].NewFunctionBuilder().WithGoModuleFunction(nothing, types(i.Type.Params), types(i.Type.Results)).Export(i.Name)
	}
	for _, b := range modules {
		if _, err := b.Instantiate(context.Background()); err != nil {
			return err
		}
	}
	return nil
}

func (w *fuzzWorld) call(name string, args []uint64) specOutcome {
	fn := w.mod.mod.ExportedFunction(name)
	if !w.metered {
		return outcome(fn, args)
	}
	const gas, depth = 200_000, 5_000 // within the interpreter's own stack
	w.mod.gas.Set(gas)
	w.mod.depth.Set(depth)
	out := outcome(fn, args)
	out.gas = gas - w.mod.gas.Get()
	return out
}

// bits are the values without what their types leave undefined: the upper halves of 32 bits,
// and where references point.
func (o specOutcome) bits() []uint64 {
	bits := slices.Clone(o.values)
	for i := range bits {
		switch o.types[i] {
		case vI32, vF32:
			bits[i] = uint64(uint32(bits[i]))
		case vI64, vF64:
		default:
			bits[i] = min(bits[i], 1)
		}
	}
	return bits
}

// differs compares memories and exported globals.
func (w *fuzzWorld) differs(v *fuzzWorld) string {
	a, b := w.mod.mod, v.mod.mod
	if m := a.ExportedMemory("memory"); m != nil {
		x, _ := m.Read(0, m.Size())
		n := b.ExportedMemory("memory")
		y, _ := n.Read(0, n.Size())
		if !bytes.Equal(x, y) {
			for i := range min(len(x), len(y)) {
				if x[i] != y[i] {
					return fmt.Sprintf("byte %d of memory is %d, not %d", i, x[i], y[i])
				}
			}
			return fmt.Sprintf("%d bytes of memory, not %d", len(x), len(y))
		}
	}
	for i := range genGlobals {
		name := fmt.Sprintf("g%d", i)
		if g := a.ExportedGlobal(name); g != nil && g.Get() != b.ExportedGlobal(name).Get() {
			return fmt.Sprintf("global %d is %x, not %x", i, g.Get(), b.ExportedGlobal(name).Get())
		}
	}
	return ""
}
