package wasm_test

import (
	"context"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// BenchmarkMetering reports, for each kernel, metered over plain time.
func BenchmarkMetering(b *testing.B) {
	for b.Loop() {
		costs, mean, err := wasm.MeasureMetering(context.Background(), 7)
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range costs {
			b.Logf("%-8s plain %v metered %v ratio %.2f, %.2f ns/gas", c.Name, c.Plain, c.Metered, c.Ratio(), float64(c.Metered.Nanoseconds())/float64(c.Gas))
			b.ReportMetric(c.Ratio(), c.Name+"-ratio")
		}
		b.ReportMetric(mean, "mean-ratio")
	}
}

// constState is one value, and does not cost anything to read.
type constState []byte

func (s constState) Get(abi.Address, string) ([]byte, bool) { return s, true }
func (constState) Next(abi.Address, string) (string, bool)  { return "", false }

// BenchmarkSmallCall is a warm, isolated, metered call that reads one value and writes
// one, in each language and with each way to put memory back.
func BenchmarkSmallCall(b *testing.B) {
	for _, lang := range []struct {
		name string
		code []byte
	}{
		{"c", buildC(b, "small", "-Wl,-z,stack-size=8192")}, {"c-64k-stack", buildC(b, "small")},
		{"rust", buildRust(b, "small")}, {"go", buildGoFrom(b, "gosmall")},
	} {
		for _, mode := range wasm.RestoreModes {
			b.Run(lang.name+"/"+mode, func(b *testing.B) {
				m := loadModule(b, newRuntime(b, wasm.WithRestore(wasm.Config{}, mode)), lang.code)
				in := hosttest.NewCall(abi.Validate, "k", "v")
				b.ReportAllocs()
				for b.Loop() {
					res, err := m.Call(context.Background(), host.NewSession(in, constState("7"), host.Grant{}, host.Limits{}))
					if err != nil || res.Fault != nil {
						b.Fatal(err, res.Fault)
					}
				}
			})
		}
	}
}

// BenchmarkCall is a warm, isolated, metered call of the conformance contract.
func BenchmarkCall(b *testing.B) {
	for _, key := range []string{"accept", "get", "reject", "echo"} {
		b.Run(key, func(b *testing.B) {
			rt := newRuntime(b, wasm.Config{})
			defer rt.Close()
			m, err := rt.Load(context.Background(), buildC(b, "conformance"))
			if err != nil {
				b.Fatal(err)
			}
			defer m.Close()
			state := hosttest.State{abi.StateAddress("conf"): {"k": "v"}}
			call := hosttest.NewCall(abi.Validate, key, " k")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Call(context.Background(), host.NewSession(call, state, host.Grant{}, host.Limits{})); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
