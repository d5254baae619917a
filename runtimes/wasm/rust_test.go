package wasm_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// buildRust compiles testdata/<name>.rs as devsecops/toolchain does, with the first rustc that
// has the target.
func buildRust(t testing.TB, name string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), name+".wasm")
	args := []string{"--edition=2021", "--target=wasm32-unknown-unknown", "--crate-type=cdylib", "-Copt-level=s", "-Cpanic=abort",
		"-Ccodegen-units=1", "-Clto", "-Cstrip=symbols", "-Clinker=wasm-ld", "-Clinker-flavor=wasm-ld",
		"-o", out, filepath.Join("testdata", name+".rs")}
	var msg []byte
	err := exec.ErrNotFound
	for _, dir := range append([]string{"/usr/bin"}, filepath.SplitList(os.Getenv("PATH"))...) {
		rustc := filepath.Join(dir, "rustc")
		if _, missing := os.Stat(rustc); missing != nil {
			continue
		}
		if msg, err = exec.Command(rustc, args...).CombinedOutput(); err == nil {
			code, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			return code
		}
	}
	t.Fatalf("rustc %v: %v\n%s\nis the toolchain there? try: go run ./cmd/kalima-contract doctor --fix", args, err, msg)
	return nil
}
