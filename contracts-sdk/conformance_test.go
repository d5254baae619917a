package contractssdk_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	contractssdk "github.com/kalima-chain/kalima/contracts-sdk"
	"github.com/kalima-chain/kalima/devsecops/toolchain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/registry"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// TestConformance builds the contract of package hosttest with each SDK that compiles to
// WASM, and runs the whole suite on it.
func TestConformance(t *testing.T) {
	for language, source := range compiled {
		t.Run(string(language), func(t *testing.T) {
			built := map[string][]byte{}
			hosttest.Run(t, hosttest.Kit{
				Pointers: true,
				Runtime:  newRuntime,
				Contract: func(t testing.TB, name string) []byte {
					if built[name] == nil {
						built[name] = build(t, language, source(name))
					}
					return built[name]
				},
			})
		})
	}
}

func newRuntime(t testing.TB) host.Runtime {
	rt, err := wasm.New(wasm.Config{})
	if err != nil {
		t.Fatalf("make the runtime for WASM: %v", err)
	}
	return rt
}

// build compiles the contract whose files match a pattern.
func build(t testing.TB, language registry.Language, pattern string) []byte {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	var files []registry.File
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, registry.File{Path: filepath.Base(name), Data: text})
	}
	return compile(t, language, files...)
}

func compile(t testing.TB, language registry.Language, files ...registry.File) []byte {
	t.Helper()
	var source []string
	for _, f := range files {
		source = append(source, f.Path)
	}
	sdk, err := contractssdk.Files(string(language))
	if err != nil {
		t.Fatal(err)
	}
	b, err := toolchain.Build(context.Background(), &toolchain.Project{
		Manifest: registry.Manifest{Name: "conformance", Version: "1.0.0", Language: language, ABI: abi.Version,
			Phases: []string{"validate", "react", "query", "migrate"}, Source: source},
		Files: files,
	}, sdk, os.Stderr)
	var missing *toolchain.MissingError
	if errors.As(err, &missing) {
		t.Fatalf("%v; try: go run ./cmd/kalima-contract doctor --fix", err)
	}
	if err != nil {
		t.Fatalf("build %s: %v", source, err)
	}
	return b.Artefact
}
