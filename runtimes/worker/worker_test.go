package worker_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/js"
	"github.com/kalima-chain/kalima/runtimes/starlark"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

func TestMain(m *testing.M) {
	worker.RunIfWorker(map[string]func() host.Runtime{
		"js":       func() host.Runtime { return js.New() },
		"starlark": func() host.Runtime { return starlark.New() },
		"wild":     func() host.Runtime { return wild{} },
		"native":   func() host.Runtime { return native{} },
	}, append(linuxRoles, echo)...)
	os.Exit(m.Run())
}

func newRuntime(t testing.TB, cfg worker.Config) *worker.Runtime {
	t.Helper()
	rt, err := worker.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

func contract(t testing.TB, engine, name, ext string) []byte {
	t.Helper()
	code, err := os.ReadFile(filepath.Join("..", engine, "testdata", name+ext))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestConformance(t *testing.T) {
	for engine, ext := range map[string]string{"js": ".js", "starlark": ".star"} {
		t.Run(engine, func(t *testing.T) {
			hosttest.Run(t, hosttest.Kit{
				Runtime:     func(t testing.TB) host.Runtime { return newRuntime(t, worker.Config{Engine: engine}) },
				Contract:    func(t testing.TB, name string) []byte { return contract(t, engine, name, ext) },
				NoRecursion: engine == "starlark",
			})
		})
	}
}
