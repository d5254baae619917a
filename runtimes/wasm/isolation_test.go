package wasm_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// same fails when the module's instances do not show its image, or when a call of key finds
// anything else than the first call of a new module found.
func same(t *testing.T, m host.Module, after, key string, want host.Result) {
	t.Helper()
	if d, _ := wasm.Difference(m); d != "" {
		t.Fatalf("after %s: %s", after, d)
	}
	if got := call(t, m, key, "", host.Limits{}); !reflect.DeepEqual(got, want) {
		t.Fatalf("after %s: Call(%s) = %+v, on a new module %+v", after, key, got, want)
	}
}

// dirt is what dirty.c shall write over, growing memory now and then.
func dirt(r *rand.Rand) string {
	var b []byte
	for range r.IntN(40) {
		at, n := r.Uint32(), uint32(1+r.IntN(9000))
		switch r.IntN(20) {
		case 0:
			at, n = 1<<32-1, uint32(r.IntN(40))
		case 1:
			n = 65536
		case 2, 3, 4:
			at = 60000 + uint32(r.IntN(30000)) // where its data and stack are
		}
		b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, at), n)
	}
	return string(b)
}

// TestNoByteCrosses lets a contract write over its memory wherever it wants and end as
// it likes, with each way to put memory back and several sizes of memory. Whatever it does, the next call finds
// every byte, global and table element as the first one did.
func TestNoByteCrosses(t *testing.T) {
	memories := map[string][]string{
		"2 pages":  {"-Wl,-z,stack-size=8192"},
		"up to 3":  {"-Wl,-z,stack-size=8192,--initial-memory=131072,--max-memory=196608"},
		"exactly":  {"-Wl,-z,stack-size=8192,--initial-memory=131072,--max-memory=131072"},
		"40 pages": {"-Wl,--initial-memory=2621440"},
	}
	for memory, flags := range memories {
		code := buildC(t, "dirty", flags...)
		for _, mode := range wasm.RestoreModes {
			t.Run(memory+"/"+mode, func(t *testing.T) {
				t.Parallel()
				m := loadModule(t, newRuntime(t, wasm.WithRestore(wasm.Config{Instances: 1}, mode)), code)
				want := call(t, m, "look", "", host.Limits{})
				if want.Fault != nil || len(want.Writes) != 1 {
					t.Fatalf("Call(look) = %v", want.Fault)
				}
				r := rand.New(rand.NewPCG(1, uint64(len(memory))))
				for n := range 150 {
					end := string("artlxpn"[n%7])
					limits := host.Limits{Gas: 3_000_000, Memory: 5 << 20}
					if r.IntN(4) == 0 {
						limits.Gas = 1 + r.Uint64N(200_000)
					}
					res := call(t, m, end, dirt(r), limits)
					same(t, m, fmt.Sprintf("call %d (%s: %v)", n, end, res.Fault), "look", want)
				}
			})
		}
	}
}

// TestNoByteCrossesAtOnce runs such calls on several instances at the same time.
func TestNoByteCrossesAtOnce(t *testing.T) {
	m := loadModule(t, newRuntime(t, wasm.Config{Instances: 4}), buildC(t, "dirty", "-Wl,--initial-memory=1048576"))
	want := call(t, m, "look", "", host.Limits{})
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(2, uint64(g)))
			for n := range 100 {
				key, arg := string("artxpn"[n%6]), dirt(r)
				if n%2 == 0 {
					key, arg = "look", ""
				}
				s := host.NewSession(hosttest.NewCall(abi.Validate, key, arg), hosttest.State{abi.StateAddress("conf"): {"k": "v"}}, host.Grant{}, host.Limits{Memory: 8 << 20})
				res, err := m.Call(context.Background(), s)
				if err != nil {
					t.Errorf("Call(%s) = %v, want an outcome", key, err)
				} else if key == "look" && !reflect.DeepEqual(res, want) {
					t.Errorf("Call(look) among others = %+v, alone %+v", res, want)
				}
			}
		})
	}
	wg.Wait()
	if d, idle := wasm.Difference(m); d != "" || idle < 1 || idle > 4 {
		t.Errorf("%d instances wait, want 1 to 4; difference: %s", idle, d)
	}
}

// TestNoByteCrossesRust and TestNoByteCrossesGo do the same with what compilers of other
// languages make: heaps, goroutines, output that WASI keeps, random numbers.
func TestNoByteCrossesRust(t *testing.T) {
	code := buildRust(t, "dirty")
	for _, mode := range wasm.RestoreModes {
		t.Run(mode, func(t *testing.T) {
			m := loadModule(t, newRuntime(t, wasm.WithRestore(wasm.Config{Instances: 1}, mode)), code)
			want := call(t, m, "look", "", host.Limits{})
			for n := range 40 {
				end := string("agrtl"[n%5])
				res := call(t, m, end, "", host.Limits{Gas: 2_000_000 + uint64(n)})
				same(t, m, fmt.Sprintf("%s: %v", end, res.Fault), "look", want)
			}
		})
	}
}

func TestNoByteCrossesGo(t *testing.T) {
	code := buildGo(t)
	for _, mode := range wasm.RestoreModes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			m := loadModule(t, newRuntime(t, wasm.WithRestore(wasm.Config{Instances: 1}, mode)), code)
			look := []string{"count", "order", "time"}
			want := map[string]host.Result{}
			for _, key := range look {
				want[key] = call(t, m, key, "", host.Limits{})
			}
			for n, end := range []string{"keep", "print", "panic", "exit", "exit0", "memory", "recurse", "goroutines", "keep", "memory", "count"} {
				for gas := uint64(1_000); gas < 1<<32; gas *= 50 {
					res := call(t, m, end, "", host.Limits{Gas: gas, Memory: 24 << 20})
					key := look[n%len(look)]
					same(t, m, fmt.Sprintf("%s with %d gas: %v", end, gas, res.Fault), key, want[key])
				}
			}
		})
	}
}

// TestNoMemory: a contract that begins with no memory at all, and grows it.
func TestNoMemory(t *testing.T) {
	section := func(id byte, body string) string { return string([]byte{id, byte(len(body))}) + body }
	code := "\x00asm\x01\x00\x00\x00" + section(1, "\x01\x60\x00\x01\x7f") + section(3, "\x02\x00\x00") + section(5, "\x01\x00\x00") +
		section(7, "\x03\x06memory\x02\x00\x0akalima_abi\x00\x00\x08validate\x00\x01") +
		// validate stores a word at 65532 and returns what it finds at 65528 plus the size before.
		section(10, "\x02\x04\x00\x41\x01\x0b\x1a\x00\x3f\x00\x41\x01\x40\x00\x1a\x41\xfc\xff\x03\x41\x07\x36\x02\x00\x41\xf8\xff\x03\x28\x02\x00\x6a\x0b")
	for _, mode := range wasm.RestoreModes {
		for _, pool := range []int{0, 1} {
			m := loadModule(t, newRuntime(t, wasm.WithRestore(wasm.Config{Instances: 1, PoolMemory: pool}, mode)), []byte(code))
			for n := range 4 {
				if res := call(t, m, "x", "", host.Limits{}); res.Fault != nil || res.Used.Memory != 65536 {
					t.Fatalf("%s: call %d = %v with %d bytes, want it accepted with 65536", mode, n, res.Fault, res.Used.Memory)
				}
			}
			if _, idle := wasm.Difference(m); pool == 0 && idle != 1 {
				t.Errorf("%s: %d instances wait, want the one that was used", mode, idle)
			}
		}
	}
}

// TestNativeStackShrinks: what a deep call made the engine keep is let go.
func TestNativeStackShrinks(t *testing.T) {
	m := loadModule(t, newRuntime(t, wasm.Config{Instances: 1}), buildC(t, "conformance"))
	call(t, m, "accept", "", host.Limits{})
	if n := wasm.NativeStack(m); n == 0 {
		t.Fatal("the engine's native stack is not where this package looks for it")
	}
	if res := call(t, m, "recurse", "", host.Limits{Gas: 1 << 32}); res.Fault == nil || res.Fault.Code != abi.StackOverflow {
		t.Fatalf("Call(recurse) = %v, want a stack overflow", res.Fault)
	}
	if n := wasm.NativeStack(m); n > 64<<10 {
		t.Errorf("after a deep call %d bytes of native stack are kept, want at most 64 KiB", n)
	}
}

// TestMemoryRefused: what the node can not give is the node's error, whatever the contract
// makes of it.
func TestMemoryRefused(t *testing.T) {
	m := loadModule(t, newRuntime(t, wasm.Config{Instances: 1}), buildC(t, "dirty"))
	grow := "\xff\xff\xff\xff\x03\x00\x00\x00"
	want := call(t, m, "look", "", host.Limits{})
	if !wasm.BreakMemory(m) {
		t.Skip("copied memory is Go's: when there is none, the process ends")
	}
	s := host.NewSession(hosttest.NewCall(abi.Validate, "a", grow), hosttest.State{}, host.Grant{}, host.Limits{})
	if res, err := m.Call(context.Background(), s); err == nil {
		t.Errorf("Call that grows memory where there is none = %v, want an error", res.Fault)
	}
	same(t, m, "an error", "look", want)
}
