package wasm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/host/meter"
)

// serve2 makes this process serve an ABI version 2 too, whose get has another signature,
// until the test is over.
func serve2(t *testing.T) {
	const module = abi.Module + "2"
	functions := maps.Clone(hostModules[abi.Module])
	functions[abi.FnGet] = hostFunc{typ: meter.Func{Params: "iiii", Results: "I"}, fn: func(i *instance, s []uint64) {
		address, key, _ := strings.Cut(i.name(s[0], s[1]), "#")
		v, ok, f := i.session.Get(address, key)
		i.must(f)
		if !ok {
			s[0] = ^uint64(0)
			return
		}
		s[0] = i.give(v, s[2], s[3])
	}}
	hostModules[module], abiModules[2] = functions, module
	t.Cleanup(func() {
		delete(hostModules, module)
		delete(abiModules, 2)
	})
}

func buildVersion(t *testing.T, name string, flags ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "contract.wasm")
	args := append([]string{"--target=wasm32", "-nostdlib", "-O2", "-Wl,--no-entry", "-o", out}, flags...)
	if msg, err := exec.Command("clang", append(args, filepath.Join("testdata", name+".c"))...).CombinedOutput(); err != nil {
		t.Fatalf("clang %v: %v\n%s", args, err, msg)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// calls runs cases of the conformance contract and says how each ended.
func calls(t *testing.T, rt *Runtime, code []byte) string {
	t.Helper()
	m, err := rt.Load(context.Background(), code)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var b strings.Builder
	for _, tt := range [][2]string{{"get", " k"}, {"get", " none"}, {"overlay-many", ""}, {"scan", "   9"}, {"get-many", " k  a"}, {"emits", "3"},
		{"random", "9"}, {"work", "500"}, {"reject", "3 no"}, {"trap", ""}, {"put", "/other k v"}, {"numbers", ""}, {"fields", ""}} {
		state := hosttest.State{abi.StateAddress("conf"): {"k": "value", "a": "1"}}
		r, err := m.Call(context.Background(), host.NewSession(hosttest.NewCall(abi.Validate, tt[0], tt[1]), state, host.Grant{}, host.Limits{}))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: %v %q gas %d\n", tt[0], r.Fault, r.Writes, r.Used.Gas)
	}
	return b.String()
}

// TestVersionsBesideEachOther: a host that serves version 2 serves version 1 as before, with
// the same outcomes and gas, and each contract gets the functions of its own version.
func TestVersionsBesideEachOther(t *testing.T) {
	old := newTestRuntime(t)
	v1, conformance := buildVersion(t, "versions", "-DABI=1"), buildVersion(t, "conformance")
	v2 := buildVersion(t, "versions", "-DABI=2")
	before := calls(t, old, conformance)
	refused(t, old, v2, `from module "kalima2"`, "version of the ABI that this host does not have")

	serve2(t)
	rt := newTestRuntime(t)
	if after := calls(t, rt, conformance); after != before {
		t.Errorf("calls of a contract of version 1 beside version 2:\n%s\nwithout it:\n%s", after, before)
	}
	for version, code := range map[int][]byte{1: v1, 2: v2} {
		m, err := rt.Load(context.Background(), code)
		if err != nil {
			t.Fatalf("Load of a contract of version %d = %v", version, err)
		}
		defer m.Close()
		for key, want := range map[string]string{"k": `[{"/_kalima/state/conf" "out" "value"}]`, "x": "[]"} {
			state := hosttest.State{abi.StateAddress("conf"): {key: "value"}}
			r, err := m.Call(context.Background(), host.NewSession(hosttest.NewCall(abi.Validate, "key", ""), state, host.Grant{}, host.Limits{}))
			if got := fmt.Sprintf("%q", r.Writes); err != nil || got != want || (r.Fault == nil) != (key == "k") {
				t.Errorf("version %d with a value at %s: writes %s, fault %v, %v, want %s", version, key, got, r.Fault, err, want)
			}
		}
	}
	refused(t, rt, buildVersion(t, "versions", "-DABI=1", "-DIMPORT=kalima2"), "another type")
	refused(t, rt, buildVersion(t, "versions", "-DABI=2", "-DIMPORT=kalima"), "another type")
	refused(t, rt, buildVersion(t, "versions", "-DABI=3", "-DIMPORT=kalima2"), "version 3, this host has version 1 and 2", "update the host")
	refused(t, rt, buildVersion(t, "abi2", "-DIMPORTS_OLD"), "imports", "version 2 has its functions in module")
}

// TestLaterFunction: a function that came later is refused by its name.
func TestLaterFunction(t *testing.T) {
	rt := newTestRuntime(t)
	refused(t, rt, buildVersion(t, "versions", "-DABI=1", "-DLATER"), `"later" in module "kalima"`, "update the host")
	refused(t, rt, buildVersion(t, "abi2"), "version 2, this host has version 1", "rebuild it")
}

func newTestRuntime(t *testing.T) *Runtime {
	t.Helper()
	rt, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rt.Close() })
	return rt
}

// refused demands that the refusal's text has all of these.
func refused(t *testing.T, rt *Runtime, code []byte, want ...string) {
	t.Helper()
	m, err := rt.Load(context.Background(), code)
	var r *host.Refusal
	if !errors.As(err, &r) {
		if m != nil {
			m.Close()
		}
		t.Fatalf("Load = %v, want a refusal with %q", err, want)
	}
	for _, w := range want {
		if !strings.Contains(r.Error(), w) {
			t.Errorf("Load refuses with %q, want %q in it", r, w)
		}
	}
}
