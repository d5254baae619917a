package wasm_test

import (
	"context"
	"math"
	"os"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// TestSameGas runs calls with slices of many sizes and on both engines: gas, fault and
// writes must not differ.
func TestSameGas(t *testing.T) {
	code := buildC(t, "conformance")
	type ref struct {
		name string
		m    host.Module
	}
	var mods []ref
	for name, cfg := range map[string]wasm.Config{
		"compiler": {}, "slice 1": {Slice: 1}, "slice 7": {Slice: 7}, "slice 1000": {Slice: 1000}, "slice 2^62": {Slice: 1 << 62},
		"interpreter": {Interpreter: true}, "interpreter, slice 3": {Interpreter: true, Slice: 3}, "one instance": {Instances: 1},
	} {
		mods = append(mods, ref{name, loadModule(t, newRuntime(t, cfg), code)})
	}
	for _, tt := range []struct {
		key, arg string
		limits   host.Limits
	}{
		{key: "accept"}, {key: "fields"}, {key: "numbers"}, {key: "get", arg: " k"}, {key: "keys"}, {key: "overlay"},
		{key: "reject", arg: "3 no"}, {key: "trap"}, {key: "swallow"}, {key: "big", arg: "9000"}, {key: "writes", arg: "64"},
		{key: "sha256", arg: "abc"}, {key: "random", arg: "1000"}, {key: "work", arg: "20000"}, {key: "log", arg: "9 x"},
		{key: "loop", limits: host.Limits{Gas: 100_000}}, {key: "memory", limits: host.Limits{Gas: 1 << 40}},
		{key: "recurse", limits: host.Limits{Depth: 5000}}, {key: "bad-pointer"},
	} {
		t.Run(tt.key, func(t *testing.T) {
			want := call(t, mods[0].m, tt.key, tt.arg, tt.limits)
			for _, o := range mods[1:] {
				got := call(t, o.m, tt.key, tt.arg, tt.limits)
				if got.Used != want.Used {
					t.Errorf("used on %s = %+v, on %s %+v", o.name, got.Used, mods[0].name, want.Used)
				}
				if faultText(got.Fault) != faultText(want.Fault) {
					t.Errorf("fault on %s = %q, on %s %q", o.name, faultText(got.Fault), mods[0].name, faultText(want.Fault))
				}
				if len(got.Writes) != len(want.Writes) {
					t.Errorf("writes on %s = %d, on %s %d", o.name, len(got.Writes), mods[0].name, len(want.Writes))
				}
			}
		})
	}
}

func faultText(f *abi.Fault) string {
	if f == nil {
		return ""
	}
	return f.Error()
}

// TestEveryLimit gives a call every amount of gas up to what it needs: it must end in
// OutOfGas with all of it used, and nothing written, until there is enough.
func TestEveryLimit(t *testing.T) {
	m := loadModule(t, newRuntime(t, wasm.Config{Slice: 500}), buildC(t, "conformance"))
	full := call(t, m, "overlay", "", host.Limits{})
	if full.Fault != nil {
		t.Fatalf("Call(overlay) = %v", full.Fault)
	}
	for gas := uint64(1); gas <= full.Used.Gas; gas += 1 + gas/100 {
		res := call(t, m, "overlay", "", host.Limits{Gas: gas})
		if gas < full.Used.Gas && (res.Fault == nil || res.Fault.Code != abi.OutOfGas || res.Used.Gas != gas || res.Writes != nil) {
			t.Fatalf("with %d gas of %d: fault %v, used %d, %d writes; want out of gas, all used, none", gas, full.Used.Gas, res.Fault, res.Used.Gas, len(res.Writes))
		}
	}
	if res := call(t, m, "overlay", "", host.Limits{Gas: full.Used.Gas}); res.Fault != nil {
		t.Errorf("with exactly %d gas: %v, want it accepted", full.Used.Gas, res.Fault)
	}
}

// TestHostile runs contracts that try to work unpaid or to harm the host.
func TestHostile(t *testing.T) {
	m := loadModule(t, newRuntime(t, wasm.Config{}), buildC(t, "hostile", "-mbulk-memory"))
	for _, tt := range []struct {
		key    string
		limits host.Limits
		want   abi.Code
	}{
		{key: "tree", want: abi.OutOfGas},                                                    // 2^40 calls, no loop
		{key: "indirect", want: abi.StackOverflow, limits: host.Limits{Gas: 1 << 40}},        // recursion through a table
		{key: "pingpong", want: abi.StackOverflow, limits: host.Limits{Gas: 1 << 40}},        // two functions
		{key: "fill", want: abi.OutOfGas, limits: host.Limits{Memory: 16 << 20}},             // bulk memory in a loop
		{key: "grow", want: abi.OutOfGas, limits: host.Limits{Gas: 1_000_000}},               // memory that gas does not reach
		{key: "growmax", want: abi.OutOfGas},                                                 // 4 GiB at once
		{key: "outside", want: abi.Trap},                                                     // load beyond memory
		{key: "divide", want: abi.Trap},                                                      //
		{key: "table", want: abi.Trap},                                                       // wrong type through a table
		{key: "convert", want: abi.Trap},                                                     // NaN to integer
		{key: "floats", want: abi.OutOfGas},                                                  //
		{key: "unwind", want: abi.OutOfGas, limits: host.Limits{Gas: 200_000}},               // work after returning from depth
		{key: "hash", want: abi.BadHostCall},                                                 // 4 GiB to hash
		{key: "log", want: abi.OutOfGas, limits: host.Limits{Gas: 10_000_000}},               // log for ever
		{key: "memory", want: abi.OutOfMemory, limits: host.Limits{Memory: 64 << 10}},        // begins with more
		{key: "refused", want: abi.OK, limits: host.Limits{Memory: 512 << 10}},               // lives with a refusal
		{key: "refused-trap", want: abi.OutOfMemory, limits: host.Limits{Memory: 512 << 10}}, // does not
	} {
		t.Run(tt.key, func(t *testing.T) {
			var first host.Result
			for n := range 2 {
				res := call(t, m, tt.key, "", tt.limits)
				code := abi.OK
				if res.Fault != nil {
					code = res.Fault.Code
				}
				if code != tt.want {
					t.Fatalf("Call(%s) = %v, want %v", tt.key, res.Fault, tt.want)
				}
				if n == 0 {
					first = res
				} else if res.Used != first.Used || faultText(res.Fault) != faultText(first.Fault) {
					t.Errorf("Call(%s) again = %+v %v, want %+v %v", tt.key, res.Used, res.Fault, first.Used, first.Fault)
				}
			}
		})
	}
}

// TestNaN: whatever the machine makes, a contract sees one NaN.
func TestNaN(t *testing.T) {
	for name, cfg := range map[string]wasm.Config{"compiler": {}, "interpreter": {Interpreter: true}} {
		t.Run(name, func(t *testing.T) {
			m := loadModule(t, newRuntime(t, cfg), buildC(t, "nan"))
			res := call(t, m, "nan", "", host.Limits{})
			if res.Fault != nil || len(res.Writes) != 1 {
				t.Fatalf("Call(nan) = %v, %d writes", res.Fault, len(res.Writes))
			}
			b := res.Writes[0].Value
			if len(b) == 0 || len(b)%8 != 0 {
				t.Fatalf("%d bytes written, want some of 8", len(b))
			}
			for i := 0; i < len(b); i += 8 {
				var bits uint64
				for j := range 8 {
					bits |= uint64(b[i+j]) << (8 * j)
				}
				if bits != 0x7ff8000000000000 {
					t.Errorf("operation %d gives %016x (%v), want the canonical NaN 7ff8000000000000", i/8, bits, math.Float64frombits(bits))
				}
			}
		})
	}
}

// TestPool: more calls than instances wait, a context that ends first is an error, and
// the compiled code outlives neither module nor cache directory.
func TestPool(t *testing.T) {
	dir := t.TempDir()
	code := buildC(t, "conformance")
	for range 2 {
		rt := newRuntime(t, wasm.Config{CacheDir: dir, Instances: 1})
		a := loadModule(t, rt, code)
		b := loadModule(t, rt, code)
		if err := a.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
		if res := call(t, b, "accept", "", host.Limits{}); res.Fault != nil {
			t.Errorf("Call after another module of the same code closed = %v", res.Fault)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) == 0 {
		t.Errorf("cache directory holds %d files (%v), want the compiled code", len(files), err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	rt := newRuntime(t, wasm.Config{Instances: 1})
	m := loadModule(t, rt, code)
	s := host.NewSession(hosttest.NewCall(abi.Validate, "loop", ""), hosttest.State{}, host.Grant{}, host.Limits{Gas: 1 << 62})
	if res, err := m.Call(ctx, s); err == nil {
		t.Errorf("Call with an ended context = %v, want an error", res.Fault)
	}
}

// TestMeasureMetering: each kernel gives the same plain and metered, which Measure checks,
// and the same gas each time.
func TestMeasureMetering(t *testing.T) {
	first, mean, err := wasm.MeasureMetering(context.Background(), 1)
	if err != nil || len(first) != 8 || mean <= 0 {
		t.Fatalf("MeasureMetering = %d kernels, mean %v, %v; want 8 and no error", len(first), mean, err)
	}
	again, _, err := wasm.MeasureMetering(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range first {
		if c.Gas < 100_000 || again[i].Gas != c.Gas {
			t.Errorf("%s: gas %d, then %d; want the same, and some work", c.Name, c.Gas, again[i].Gas)
		}
	}
}
