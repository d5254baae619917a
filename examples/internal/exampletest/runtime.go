package exampletest

import (
	"testing"

	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
	"github.com/kalima-chain/kalima/runtimes/js"
	"github.com/kalima-chain/kalima/runtimes/starlark"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// newRuntime makes the runtime of a language. JavaScript and Starlark run in the test's own
// process: the examples are ours and need no walls around them.
func newRuntime(t testing.TB, language registry.Language) host.Runtime {
	t.Helper()
	switch language.Runtime() {
	case "wasm":
		return newWASM(t, wasm.Config{})
	case "js":
		return js.New()
	case "starlark":
		return starlark.New()
	}
	t.Fatalf("language %q has no runtime", language)
	return nil
}

func newWASM(t testing.TB, cfg wasm.Config) host.Runtime {
	t.Helper()
	rt, err := wasm.New(cfg)
	if err != nil {
		t.Fatalf("make the runtime for WASM: %v", err)
	}
	return rt
}
