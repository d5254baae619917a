package wasm_test

import (
	"context"
	"fmt"
	"testing"
	"time"

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

// smallContracts read one value and write one.
func smallContracts(b *testing.B) []smallContract {
	return []smallContract{
		{"c", buildC(b, "small", "-Wl,-z,stack-size=8192")}, {"c-64k-stack", buildC(b, "small")},
		{"rust", buildRust(b, "small")}, {"go", buildGoFrom(b, "gosmall")},
	}
}

type smallContract struct {
	name string
	code []byte
}

func smallSession() *host.Session {
	return host.NewSession(smallInput, smallState, host.Grant{}, host.Limits{})
}

var (
	smallInput            = hosttest.NewCall(abi.Validate, "k", "v")
	smallState host.State = constState("7")
)

// BenchmarkSmallCall is a warm, isolated, metered call that reads one value and writes
// one, in each language and with each way to put memory back.
func BenchmarkSmallCall(b *testing.B) {
	for _, lang := range smallContracts(b) {
		for _, mode := range wasm.RestoreModes {
			b.Run(lang.name+"/"+mode, func(b *testing.B) {
				m := loadModule(b, newRuntime(b, wasm.WithRestore(wasm.Config{}, mode)), lang.code)
				b.ReportAllocs()
				for b.Loop() {
					res, err := m.Call(context.Background(), smallSession())
					if err != nil || res.Fault != nil {
						b.Fatal(err, res.Fault)
					}
				}
			})
		}
	}
}

// BenchmarkSmallCalls runs as many such calls at once as there are processors.
func BenchmarkSmallCalls(b *testing.B) {
	for _, lang := range smallContracts(b) {
		b.Run(lang.name, func(b *testing.B) {
			m := loadModule(b, newRuntime(b, wasm.Config{}), lang.code)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if res, err := m.Call(context.Background(), smallSession()); err != nil || res.Fault != nil {
						b.Error(err, res.Fault)
					}
				}
			})
		})
	}
}

// BenchmarkWarm reports what an instance takes that waits for a call, and how long it takes
// to make one.
func BenchmarkWarm(b *testing.B) {
	for _, lang := range smallContracts(b) {
		b.Run(lang.name, func(b *testing.B) {
			for b.Loop() {
				w, err := wasm.MeasureWarm(context.Background(), lang.code, 50, smallSession)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(w.Memory), "bytes/instance")
				b.ReportMetric(float64(w.Make.Microseconds()), "us/instance")
			}
		})
	}
}

// BenchmarkTurns reports calls a second of 100 contracts in turn, and of one.
func BenchmarkTurns(b *testing.B) {
	for _, lang := range smallContracts(b)[:3] {
		for _, contracts := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/%d", lang.name, contracts), func(b *testing.B) {
				for b.Loop() {
					rate, err := wasm.MeasureTurns(context.Background(), lang.code, contracts, 300*time.Millisecond, smallSession)
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(rate, "calls/s")
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
