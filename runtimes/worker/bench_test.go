package worker_test

import (
	"context"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/js"
	"github.com/kalima-chain/kalima/runtimes/starlark"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

// The contract of the benchmark reads one value and writes one.
var benchSources = map[string]string{
	"js": `var kalima_abi = 1;
function validate() {
  const n = Number(kalima.get("", "count") ?? "0");
  if (Number(kalima.event.value) > 100) kalima.reject(1, "too high");
  kalima.put("", "count", String(n + 1));
}`,
	"starlark": `kalima_abi = 1
def validate():
    n = int(kalima.get("", "count") or "0")
    if float(kalima.event.value) > 100:
        kalima.reject(1, "too high")
    kalima.put("", "count", str(n + 1))
`,
}

// native is a runtime whose contract costs nothing: what is left is the way there and back.
type native struct{}

func (native) Name() string                                      { return "native" }
func (native) Schedule() string                                  { return "native/1" }
func (native) Close() error                                      { return nil }
func (native) Load(context.Context, []byte) (host.Module, error) { return native{}, nil }
func (native) Phases() []abi.Phase                               { return []abi.Phase{abi.Validate} }
func (native) Call(_ context.Context, s *host.Session) (host.Result, error) {
	s.Begin(noMeter{})
	v, _, f := s.Get("", "count")
	if f == nil {
		f = s.Put("", "count", append([]byte("4"), v[1]+1))
	}
	return s.Finish(f, 1, 1), nil
}

type noMeter struct{}

func (noMeter) Charge(uint64) *abi.Fault { return nil }
func (noMeter) Left() uint64             { return 1000 }

// BenchmarkCall measures a warm call, in the process and through a worker that is sent what
// it will read or must ask.
func BenchmarkCall(b *testing.B) {
	values := hosttest.State{abi.StateAddress("conf"): {"count": "41"}}
	engines := []struct {
		name string
		here func() host.Runtime // in this process
	}{
		{"js", func() host.Runtime { return js.New() }},
		{"starlark", func() host.Runtime { return starlark.New() }},
		{"native", func() host.Runtime { return native{} }},
	}
	for _, e := range engines {
		there := func() host.Runtime { return newRuntime(b, worker.Config{Engine: e.name, Processes: 1}) }
		b.Run(e.name+"/in process", func(b *testing.B) { benchCall(b, e.here(), e.name, values) })
		b.Run(e.name+"/worker", func(b *testing.B) { benchCall(b, there(), e.name, quiet{values}) })
		b.Run(e.name+"/worker, nothing sent ahead", func(b *testing.B) { benchCall(b, there(), e.name, values) })
	}
}

// quiet is a state as a node's is: it can be read ahead.
type quiet struct{ hosttest.State }

func (q quiet) Quiet() host.State { return q.State }

func benchCall(b *testing.B, rt host.Runtime, engine string, state host.State) {
	defer rt.Close()
	ctx := context.Background()
	m, err := rt.Load(ctx, []byte(benchSources[engine]))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s := host.NewSession(hosttest.NewCall(abi.Validate, "t", "20.5"), state, host.Grant{}, host.Limits{})
		res, err := m.Call(ctx, s)
		if err != nil || res.Fault != nil || len(res.Writes) != 1 || string(res.Writes[0].Value) != "42" {
			b.Fatalf("Call = %+v, %v, want one write of 42", res, err)
		}
	}
}
