package wasm_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// buildGo compiles testdata/gocontract as a Go contract is compiled.
func buildGo(t testing.TB) []byte { return buildGoFrom(t, "gocontract") }

func buildGoFrom(t testing.TB, folder string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "go.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", out, "./testdata/"+folder)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, msg)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func loadModule(t testing.TB, rt *wasm.Runtime, code []byte) host.Module {
	t.Helper()
	t.Cleanup(func() { rt.Close() })
	m, err := rt.Load(context.Background(), code)
	if err != nil {
		t.Fatalf("Load = %v", err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func call(t testing.TB, m host.Module, key, arg string, limits host.Limits) host.Result {
	t.Helper()
	s := host.NewSession(hosttest.NewCall(abi.Validate, key, arg), hosttest.State{abi.StateAddress("conf"): {"k": "v"}}, host.Grant{}, limits)
	res, err := m.Call(context.Background(), s)
	if err != nil {
		t.Fatalf("Call(%q) = %v, want an outcome", key, err)
	}
	return res
}

func TestGoContract(t *testing.T) {
	code := buildGo(t)
	m := loadModule(t, newRuntime(t, wasm.Config{}), code)
	other := loadModule(t, newRuntime(t, wasm.Config{Slice: 1000}), code)
	for _, tt := range []struct {
		key  string
		want abi.Code
		out  string
		log  []string
	}{
		{key: "count", out: "1 0 0"},
		{key: "keep", out: "kept"},
		{key: "time", out: "2026-11-18T11:06:40.123456Z"},
		{key: "world", out: "0 0 true"},
		{key: "print", log: []string{"one", "two and a half", "unfinished"}},
		{key: "panic", want: abi.Trap},
		{key: "exit", want: abi.Trap},
		{key: "exit0", out: "x"},
		{key: "memory", want: abi.OutOfMemory},
		{key: "recurse", want: abi.StackOverflow},
		{key: "goroutines", out: "45"},
	} {
		t.Run(tt.key, func(t *testing.T) {
			limits := host.Limits{Gas: 1 << 40}
			res := call(t, m, tt.key, "", limits)
			code := abi.OK
			if res.Fault != nil {
				code = res.Fault.Code
			}
			if code != tt.want {
				t.Fatalf("Call(%s): %v, log %q, want %v", tt.key, res.Fault, res.Log, tt.want)
			}
			if tt.out != "" && (len(res.Writes) != 1 || string(res.Writes[0].Value) != tt.out) {
				t.Errorf("Call(%s) writes %q, want %q", tt.key, res.Writes, tt.out)
			}
			if tt.log != nil && !slices.Equal(res.Log, tt.log) {
				t.Errorf("Call(%s) logs %q, want %q", tt.key, res.Log, tt.log)
			}
			if tt.key == "panic" && !strings.Contains(strings.Join(res.Log, "\n"), "it broke") {
				t.Errorf("Call(panic) logs %q, want the panic's text", res.Log)
			}
			for name, m := range map[string]host.Module{"again": m, "small slices": other} {
				if got := call(t, m, tt.key, "", limits).Used.Gas; got != res.Used.Gas {
					t.Errorf("Call(%s) %s: gas = %d, want %d", tt.key, name, got, res.Used.Gas)
				}
			}
			if fresh := call(t, m, "count", "", limits); string(fresh.Writes[0].Value) != "1 0 0" {
				t.Errorf("after %s: count = %q, want nothing kept", tt.key, fresh.Writes[0].Value)
			}
		})
	}
	// Go walks maps in a random order; here all randomness is the call's.
	first, second := call(t, m, "order", "", host.Limits{}), call(t, other, "order", "", host.Limits{})
	if a, b := first.Writes[0].Value, second.Writes[0].Value; string(a) != string(b) {
		t.Errorf("order of a map = %q and %q, want the same", a, b)
	}
}
