package contractssdk_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/registry"
)

// TestSameInFiveLanguages makes 10,000 random calls of the conformance contract of each
// language, queries, events and requests among them, and demands the same of all.
func TestSameInFiveLanguages(t *testing.T) {
	var modules []hosttest.Named
	for _, tt := range readmes {
		var code []byte
		if s, ok := compiled[tt.language]; ok {
			code = build(t, tt.language, s("conformance"))
		} else {
			names, err := filepath.Glob(filepath.Join("..", "runtimes", string(tt.language), "testdata", "conformance.*"))
			if err != nil || len(names) != 1 {
				t.Fatalf("conformance contracts of %s: %q, %v, want one", tt.language, names, err)
			}
			if code, err = os.ReadFile(names[0]); err != nil {
				t.Fatal(err)
			}
		}
		modules = append(modules, hosttest.Named{Name: string(tt.language), Module: loadOn(t, tt.runtime(t), code)})
	}
	hosttest.Compare(t, 2026, 10_000, modules...)
}

func loadOn(t *testing.T, rt host.Runtime, code []byte) host.Module {
	t.Helper()
	t.Cleanup(func() { rt.Close() })
	m, err := rt.Load(context.Background(), code)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// compiled says where the contracts stand that are built with an SDK.
var compiled = map[registry.Language]func(name string) string{
	registry.C:    func(name string) string { return filepath.Join("c", "testdata", name+".c") },
	registry.Go:   func(name string) string { return filepath.Join("go", "contract", "testdata", name, "*.go") },
	registry.Rust: func(name string) string { return filepath.Join("rust", "testdata", name+".rs") },
}
