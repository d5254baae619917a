package starlark

import (
	"context"
	"testing"

	"go.starlark.net/starlark"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

// BenchmarkCall is a warm call that reads one value and writes one.
func BenchmarkCall(b *testing.B) {
	m, err := New().Load(context.Background(), []byte("kalima_abi = 1\ndef validate():\n    n = int(kalima.get('', 'count') or '0')\n    if float(kalima.event.value) > 100:\n        kalima.reject(1, 'too high')\n    kalima.put('', 'count', str(n + 1))\n"))
	if err != nil {
		b.Fatal(err)
	}
	state := hosttest.State{abi.StateAddress("conf"): {"count": "41"}}
	b.ReportAllocs()
	for b.Loop() {
		res, err := m.Call(context.Background(), host.NewSession(hosttest.NewCall(abi.Validate, "t", "20.5"), state, host.Grant{}, host.Limits{}))
		if err != nil || res.Fault != nil || string(res.Writes[0].Value) != "42" {
			b.Fatalf("Call = %+v, %v", res, err)
		}
	}
}

// kernels are loops of the kind contracts have.
var kernels = []struct{ name, body string }{
	{"arithmetic", "x = 1\n    for i in range(20000): x = (x * 69069 + 1) % 65536"},
	{"lists", "l = list(range(100))\n    for i in range(20000): l[i % 100] = l[(i + 1) % 100]"},
	{"dicts", "d = {}\n    for i in range(20000): d[i % 100] = d.get(i % 50, 0) + 1"},
	{"strings", "s = ''\n    for i in range(5000): s = (s + 'ab')[-40:]"},
	{"comparisons", "n = 0\n    for i in range(20000):\n        if i > 100 and i != n: n = i"},
	{"sorting", "for i in range(50): sorted([(j * 7919) % 1000 for j in range(200)])"},
}

// BenchmarkGuards runs each kernel by the interpreter alone and as a contract.
func BenchmarkGuards(b *testing.B) {
	for _, k := range kernels {
		b.Run(k.name+"/plain", func(b *testing.B) {
			globals, err := starlark.ExecFileOptions(options, &starlark.Thread{}, "plain", "def f():\n    "+k.body+"\n", nil)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := starlark.Call(&starlark.Thread{}, globals["f"], nil, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(k.name+"/contract", func(b *testing.B) {
			m, err := New().Load(context.Background(), []byte("kalima_abi = 1\ndef validate():\n    "+k.body+"\n"))
			if err != nil {
				b.Fatal(err)
			}
			var gas uint64
			for b.Loop() {
				res, err := m.Call(context.Background(), host.NewSession(hosttest.NewCall(abi.Validate, "t", ""), hosttest.State{}, host.Grant{}, host.Limits{Gas: 1 << 40, Memory: 1 << 40}))
				if err != nil || res.Fault != nil {
					b.Fatalf("Call = %+v, %v", res, err)
				}
				gas = res.Used.Gas
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(gas), "ns/gas")
		})
	}
}
