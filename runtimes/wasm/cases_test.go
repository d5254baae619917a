package wasm_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/host/meter"
)

// refusedFeatures may be what a case is refused for.
var refusedFeatures = []string{"SIMD", "threads", "exception handling", "garbage collection", "is not a function", "is not allowed"}

// TestEngineCases runs the modules on which the engine once failed, and those at its limits,
// original and metered: the same results, or a refusal that names a feature or a limit.
func TestEngineCases(t *testing.T) {
	dir := filepath.Dir(specDir(t))
	ran, validated, refused := 0, 0, 0
	for _, pattern := range []string{"fuzzcases/testdata/*.wasm", "engine/testdata/*.wasm", "engine/testdata/threads/*.wasm"} {
		paths, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		if len(paths) == 0 {
			t.Skipf("this copy of the wazero module has no %s", pattern)
		}
		for _, path := range paths {
			t.Run(strings.TrimSuffix(filepath.Base(path), ".wasm"), func(t *testing.T) {
				code, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				cfg := meter.Config{Imports: importedModules(code), Limits: meter.Limits{Pages: 256}}
				m, err := meter.Rewrite(code, cfg)
				var refusal *meter.Refusal
				switch {
				case errors.As(err, &refusal):
					if !slices.ContainsFunc(refusedFeatures, func(f string) bool { return strings.Contains(refusal.Reason, f) }) || refusal.Hint == "" {
						t.Errorf("Rewrite = %v, want a feature by name, and a hint", refusal)
					}
					refused++
				case compiles(t, code, m):
					fuzzMetered(t, code, cfg)
					ran++
				default:
					validated++
				}
			})
		}
	}
	if ran < 40 || refused < 30 {
		t.Errorf("%d ran, %d were refused: too few", ran, refused)
	}
	t.Logf("%d ran, %d are invalid, %d were refused", ran, validated, refused)
}

// importedModules are the modules a module imports functions from, as the engine reads them.
func importedModules(code []byte) []string {
	ctx := context.Background()
	rt := fuzzRuntime(false)
	defer rt.Close(ctx)
	names := []string{}
	if m, err := rt.CompileModule(ctx, code); err == nil {
		for _, f := range m.ImportedFunctions() {
			if module, _, _ := f.Import(); module != "" {
				names = append(names, module)
			}
		}
	}
	return names
}
