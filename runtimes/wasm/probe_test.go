package wasm_test

import (
	"context"
	"path"
	"reflect"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// watched is a call with a probe, and what the probe was told.
type watched struct {
	res   host.Result
	gas   uint64            // of all charges
	names map[string]uint64 // gas by innermost function
	outer map[string]bool   // outermost functions
	files map[string]bool   // base names
	calls []string          // host functions
}

func watch(t testing.TB, m host.Module, key, arg string, limits host.Limits) watched {
	t.Helper()
	w := watched{names: map[string]uint64{}, outer: map[string]bool{}, files: map[string]bool{}}
	s := host.NewSession(hosttest.NewCall(abi.Validate, key, arg), hosttest.State{abi.StateAddress("conf"): {"k": "v"}}, host.Grant{}, limits)
	s.Probe = &host.Probe{
		HostCall: func(c host.HostCall) { w.calls = append(w.calls, c.Name) },
		Charge: func(stack []abi.Place, gas uint64) {
			w.gas += gas
			if len(stack) == 0 {
				t.Errorf("Call(%s): a charge of %d gas without a place", key, gas)
				return
			}
			w.names[stack[0].Function] += gas
			w.outer[stack[len(stack)-1].Function] = true
			for _, p := range stack {
				if p.File != "" {
					w.files[path.Base(p.File)] = true
				}
			}
		},
	}
	res, err := m.Call(context.Background(), s)
	if err != nil {
		t.Fatalf("Call(%q) with a probe = %v, want an outcome", key, err)
	}
	w.res = res
	return w
}

// TestProbe: a watched call has the same outcome, and all its gas is told of, with stacks
// that begin at the entry.
func TestProbe(t *testing.T) {
	code := buildC(t, "conformance", "-g")
	for name, cfg := range map[string]wasm.Config{"compiler": {}, "slice 7": {Slice: 7}, "interpreter": {Interpreter: true}} {
		m := loadModule(t, newRuntime(t, cfg), code)
		for _, tt := range []struct {
			key, arg string
			limits   host.Limits
		}{
			{key: "accept"}, {key: "overlay"}, {key: "reject", arg: "3 no"}, {key: "trap"}, {key: "bad-pointer"}, {key: "sha256", arg: "abc"},
			{key: "work", arg: "2000"}, {key: "recurse", limits: host.Limits{Depth: 2000}}, {key: "loop", limits: host.Limits{Gas: 50_000}},
			{key: "memory", limits: host.Limits{Gas: 1 << 40, Memory: 4 << 20}}, {key: "accept", limits: host.Limits{Gas: 50}},
			{key: "overlay", limits: host.Limits{Gas: 9_000}}, {key: "accept", limits: host.Limits{Memory: 1}},
		} {
			t.Run(name+"/"+tt.key, func(t *testing.T) {
				plain := call(t, m, tt.key, tt.arg, tt.limits)
				for range 2 {
					w := watch(t, m, tt.key, tt.arg, tt.limits)
					depth := w.res.Used.Depth
					w.res.Used.Depth = plain.Used.Depth
					if w.res.Used != plain.Used || faultText(w.res.Fault) != faultText(plain.Fault) || !reflect.DeepEqual(w.res.Writes, plain.Writes) {
						t.Errorf("Call(%s) with a probe: %+v %v, want %+v %v", tt.key, w.res.Used, w.res.Fault, plain.Used, plain.Fault)
					}
					if w.gas != plain.Used.Gas {
						t.Errorf("Call(%s): charges of %d gas were told, want %d", tt.key, w.gas, plain.Used.Gas)
					}
					if plain.Used.Gas == 0 {
						continue // it did not begin
					}
					if len(w.outer) != 1 || !w.outer["validate"] || !w.files["conformance.c"] {
						t.Errorf("Call(%s): stacks begin at %v in %v, want validate in conformance.c", tt.key, w.outer, w.files)
					}
					if depth <= 0 || depth > 100_000 || tt.limits.Depth > 0 && depth != tt.limits.Depth {
						t.Errorf("Call(%s): depth = %d, want what it took of %d", tt.key, depth, tt.limits.Depth)
					}
					if plain.Fault != nil && (len(w.res.Where) == 0 || w.res.Where[len(w.res.Where)-1].Function != "validate") {
						t.Errorf("Call(%s): the fault is at %v, want a stack from validate", tt.key, w.res.Where)
					}
				}
			})
		}
	}
}

// TestWhere: a fault names functions without a probe, and lines with one.
func TestWhere(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags []string
		key   string
		want  string // innermost, without a probe
		line  string // the same with one
	}{
		{"names", nil, "trap", "enter validate", "enter validate"},
		{"lines", []string{"-g"}, "bad-pointer", "kalima.get enter validate", "kalima.get enter:conformance.c validate:conformance.c"},
		{"nothing", []string{"-Wl,--strip-all"}, "bad-pointer", "kalima.get func[", "kalima.get func["},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := loadModule(t, newRuntime(t, wasm.Config{}), buildC(t, "conformance", tt.flags...))
			text := func(where []abi.Place) string {
				var all []string
				for _, p := range where {
					s := p.Function
					if p.File != "" && p.Line > 0 {
						s += ":" + path.Base(p.File)
					}
					all = append(all, s)
				}
				return strings.Join(all, " ")
			}
			if got := text(call(t, m, tt.key, "", host.Limits{}).Where); !strings.HasPrefix(got, tt.want) {
				t.Errorf("Call(%s) fails at %q, want %q", tt.key, got, tt.want)
			}
			if got := text(watch(t, m, tt.key, "", host.Limits{}).res.Where); !strings.HasPrefix(got, tt.line) {
				t.Errorf("Call(%s) with a probe fails at %q, want %q", tt.key, got, tt.line)
			}
			if res := call(t, m, "accept", "", host.Limits{}); res.Where != nil {
				t.Errorf("Call(accept) fails at %v, want nowhere", res.Where)
			}
		})
	}
}

// TestProbeGo watches what the Go compiler makes, whose scheduler leaves functions in the middle.
func TestProbeGo(t *testing.T) {
	m := loadModule(t, newRuntime(t, wasm.Config{}), buildGo(t))
	for _, key := range []string{"count", "keep", "panic", "exit", "goroutines", "print"} {
		plain := call(t, m, key, "", host.Limits{})
		w := watch(t, m, key, "", host.Limits{})
		if w.gas != plain.Used.Gas || w.res.Used.Gas != plain.Used.Gas || faultText(w.res.Fault) != faultText(plain.Fault) {
			t.Errorf("Call(%s) with a probe: %d gas in charges, %d used, %v; want %d and %v", key, w.gas, w.res.Used.Gas, w.res.Fault, plain.Used.Gas, plain.Fault)
		}
		if w.names["kalima.field"] < 2*host.PriceCall {
			t.Errorf("Call(%s): gas by function %v, want some for kalima.field", key, w.names)
		}
	}
}
