package wasm_test

import (
	"testing"

	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

func newRuntime(t testing.TB, cfg wasm.Config) *wasm.Runtime {
	t.Helper()
	rt, err := wasm.New(cfg)
	if err != nil {
		t.Fatalf("New(%+v) = %v", cfg, err)
	}
	return rt
}

func kit(cfg wasm.Config) hosttest.Kit {
	return hosttest.Kit{
		Runtime:  func(t testing.TB) host.Runtime { return newRuntime(t, cfg) },
		Contract: func(t testing.TB, name string) []byte { return buildC(t, name) },
		Pointers: true,
		Raw:      true,
	}
}

func TestRuntime(t *testing.T) { hosttest.Run(t, kit(wasm.Config{})) }

// A slice of one unit refills at every look; outcomes and gas may not change. The suite
// compares gas within one runtime, TestSlices between them.
func TestRuntimeSmallSlices(t *testing.T) { hosttest.Run(t, kit(wasm.Config{Slice: 1})) }
