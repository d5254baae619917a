package wasm_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// buildC compiles testdata/<name>.c to WebAssembly, without any library. clang belongs to
// what `kalima-contract doctor --fix` installs.
func buildC(t testing.TB, name string, flags ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), name+".wasm")
	args := append([]string{"--target=wasm32", "-nostdlib", "-O2", "-Wl,--no-entry", "-o", out}, flags...)
	args = append(args, filepath.Join("testdata", name+".c"))
	if msg, err := exec.Command("clang", args...).CombinedOutput(); err != nil {
		t.Fatalf("clang %v: %v\n%s\nis the toolchain there? try: go run ./cmd/kalima-contract doctor --fix", args, err, msg)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return code
}
