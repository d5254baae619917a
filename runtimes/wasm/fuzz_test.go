package wasm_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/kalima-chain/kalima/host/meter"
)

// FuzzMetered takes any bytes. What the meter accepts must compile exactly if the original
// does, and its functions must give what the original's give, with the same gas on the
// compiler and on the interpreter.
func FuzzMetered(f *testing.F) {
	f.Add(buildC(f, "nan"))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x01\x05\x01\x60\x00\x01\x7f\x03\x02\x01\x00\x07\x05\x01\x01f\x00\x00\x0a\x0d\x01\x0b\x00\x41\x01\x03\x40\x41\x00\x0d\x00\x0b\x0b"))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x01\x06\x01\x60\x01\x7c\x01\x7c\x03\x02\x01\x00\x07\x05\x01\x01f\x00\x00\x0a\x0c\x01\x0a\x00\x20\x00\x20\x00\xa3\x20\x00\xa0\x0b"))
	f.Fuzz(func(t *testing.T, code []byte) {
		m, err := meter.Rewrite(code, meter.Config{Imports: []string{}, Limits: meter.Limits{Pages: 16, Table: 1000, Product: 20_000}})
		if err != nil {
			return
		}
		ctx := experimental.WithMemoryAllocator(context.Background(), experimental.MemoryAllocatorFunc(smallMemory))
		plain := fuzzRuntime(t, false)
		defer plain.Close(ctx)
		original, errPlain := plain.CompileModule(ctx, code)
		_, errMetered := plain.CompileModule(ctx, m.Code)
		if errPlain != nil && strings.Contains(errPlain.Error(), "custom section") {
			return // the meter drops what it can not read there
		}
		if (errPlain == nil) != (errMetered == nil) {
			t.Fatalf("original compiles: %v; metered: %v", errPlain, errMetered)
		}
		if errPlain != nil || m.Info.Start || len(m.Info.Imports) > 0 {
			return
		}
		compiled, interpreted := fuzzInstance(t, m, false), fuzzInstance(t, m, true)
		if compiled == nil || interpreted == nil {
			if (compiled == nil) != (interpreted == nil) {
				t.Fatalf("instance on the compiler: %v, on the interpreter: %v", compiled != nil, interpreted != nil)
			}
			return
		}
		defer compiled.rt.Close(ctx)
		defer interpreted.rt.Close(ctx)
		reference, err := plain.InstantiateModule(ctx, original, wazero.NewModuleConfig().WithStartFunctions())
		if err != nil {
			t.Fatalf("original does not start: %v", err)
		}
		for name, typ := range m.Info.Funcs {
			args := make([]uint64, len(typ.Params))
			a, b := compiled.call(name, typ, args), interpreted.call(name, typ, args)
			if a.trap != b.trap || a.gas != b.gas || !a.same(b) {
				t.Fatalf("%s: compiler %+v, interpreter %+v", name, a, b)
			}
			if a.trap == errDepth.Error() {
				return // out of gas or stack: the original might never end
			}
			fn := reference.ExportedFunction(name)
			values, err := fn.Call(ctx, args...)
			c := specOutcome{values: values, types: fn.Definition().ResultTypes()}
			if err != nil {
				c.values, c.trap = nil, "trap"
			}
			if (c.trap != "") != (a.trap != "") || c.trap == "" && !a.same(c) {
				t.Fatalf("%s: metered %+v, original %+v (%v)", name, a, c, err)
			}
		}
	})
}

// smallMemory refuses to grow beyond 4 MiB.
func smallMemory(_, _ uint64) experimental.LinearMemory { return &heap{} }

type heap struct{ b []byte }

func (h *heap) Reallocate(n uint64) []byte {
	if n > 4<<20 {
		return nil
	}
	h.b = append(h.b, make([]byte, int(n)-len(h.b))...)
	return h.b
}
func (h *heap) Free() {}

func fuzzRuntime(t *testing.T, interpreter bool) wazero.Runtime {
	cfg := wazero.NewRuntimeConfigCompiler()
	if interpreter {
		cfg = wazero.NewRuntimeConfigInterpreter()
	}
	rt := wazero.NewRuntimeWithConfig(context.Background(), cfg.WithCoreFeatures(api.CoreFeaturesV2&^api.CoreFeatureSIMD))
	return rt
}

type fuzzWorld struct {
	specWorld
	mod *specModule
}

func fuzzInstance(t *testing.T, m *meter.Module, interpreter bool) *fuzzWorld {
	ctx := experimental.WithMemoryAllocator(context.Background(), experimental.MemoryAllocatorFunc(smallMemory))
	w := &fuzzWorld{specWorld: specWorld{metered: true, rt: fuzzRuntime(t, interpreter)}}
	if err := w.guards(); err != nil {
		t.Fatal(err)
	}
	mod, err := w.rt.InstantiateWithConfig(ctx, m.Code, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		w.rt.Close(ctx)
		return nil
	}
	w.mod = &specModule{mod: mod, gas: mod.ExportedGlobal(meter.ExportGas).(api.MutableGlobal), depth: mod.ExportedGlobal(meter.ExportDepth).(api.MutableGlobal)}
	return w
}

func (w *fuzzWorld) call(name string, typ meter.Func, args []uint64) specOutcome {
	const gas, depth = 200_000, 5_000 // within the interpreter's own stack
	w.mod.gas.Set(gas)
	w.mod.depth.Set(depth)
	out := outcome(w.mod.mod.ExportedFunction(name), args)
	out.gas = gas - w.mod.gas.Get()
	return out
}
