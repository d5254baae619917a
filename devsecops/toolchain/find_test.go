package toolchain

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/registry"
)

// fake puts a program on a PATH of its own.
func fake(t *testing.T, dir, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
}

// The first rustc on PATH lacks the target; the second has it.
func TestFindRustPassesOverOneWithoutTheTarget(t *testing.T) {
	a, b, std := t.TempDir(), t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(std, "libstd-1.rlib"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	fake(t, a, "rustc", "echo /nowhere\n")
	fake(t, b, "rustc", "case $1 in --version) echo rustc 1.80.1;; *) echo "+std+";; esac\n")
	fake(t, b, "wasm-ld-15", "echo LLD 15.0.1\n")
	t.Setenv("PATH", a+string(filepath.ListSeparator)+b)
	got := Find(t.Context(), registry.Rust)
	want := []Tool{{Name: "rustc", Path: filepath.Join(b, "rustc"), Version: "1.80.1"}, {Name: "wasm-ld", Path: filepath.Join(b, "wasm-ld-15"), Version: "15.0.1"}}
	if !got.OK() || !reflect.DeepEqual(got.Tools, want) {
		t.Errorf("Find(rust) = %+v, want %+v", got.Tools, want)
	}
	if s := got.String(); s != "rustc 1.80.1, wasm-ld 15.0.1" {
		t.Errorf("String() = %q", s)
	}
}

func TestFindC(t *testing.T) {
	dir := t.TempDir()
	fake(t, dir, "clang", "echo '  x86-64'\n")
	t.Setenv("PATH", dir)
	got := Find(t.Context(), registry.C)
	if got.OK() || !strings.Contains(got.Problem(), "has no target wasm32") || !strings.Contains(got.Problem(), "wasm-ld: not on PATH") {
		t.Errorf("Find(c).Problem() = %q", got.Problem())
	}
	want := []string{"clang", builtinsPackage, "lld", "wasi-libc"}
	if p := Missing([]*Toolchain{got, {Language: registry.JS}}); !reflect.DeepEqual(p, want) {
		t.Errorf("Missing = %q, want %q", p, want)
	}
}

func TestFindGoNeedsAVersion(t *testing.T) {
	for version, ok := range map[string]bool{"go1.23.9": false, "go1.24": true, "go1.30.1": true, "devel go1.27-abc": true, "gccgo": false} {
		dir := t.TempDir()
		fake(t, dir, "go", "echo '"+version+"'\n")
		t.Setenv("PATH", dir)
		if got := Find(t.Context(), registry.Go); got.OK() != ok {
			t.Errorf("Find(go) with %s: OK = %v (%s), want %v", version, got.OK(), got.Problem(), ok)
		}
	}
}

func TestFindIgnoresTheWorkingFolder(t *testing.T) {
	dir := t.TempDir()
	fake(t, dir, "wasm-ld", "echo LLD 15.0.1\n")
	t.Chdir(dir)
	t.Setenv("PATH", ".")
	if got := onPath("wasm-ld"); len(got) != 0 {
		t.Errorf("onPath with PATH=. = %q, want none", got)
	}
}

func TestNamePackages(t *testing.T) {
	in := []string{"clang", builtinsPackage}
	got, err := NamePackages(in, "clang:\n  Installed: (none)\n  Candidate: 1:14.0-55.7~deb12u1\n")
	if want := []string{"clang", "libclang-rt-14-dev-wasm32"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("NamePackages = %q, %v, want %q", got, err, want)
	}
	if _, err := NamePackages(in, "clang:\n  Candidate: (none)\n"); err == nil {
		t.Error("NamePackages without a candidate = nil, want an error")
	}
}

// Fix runs update and then install, with the name that fits clang's version.
func TestFix(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root installs packages")
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	fake(t, dir, "apt-get", "echo \"$DEBIAN_FRONTEND $*\" >> "+log+"\n")
	fake(t, dir, "apt-cache", "echo '  Candidate: 1:19.0-63'\n")
	t.Setenv("PATH", dir)
	if err := Fix(t.Context(), []string{"lld", builtinsPackage}, io.Discard); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(log)
	want := "noninteractive update -q\nnoninteractive install -y -q --no-install-recommends lld libclang-rt-19-dev-wasm32\n"
	if string(got) != want {
		t.Errorf("Fix ran\n%swant\n%s", got, want)
	}
	fake(t, dir, "apt-get", "exit 100\n")
	if err := Fix(t.Context(), []string{"lld"}, io.Discard); err == nil || !strings.Contains(err.Error(), "apt-get update") {
		t.Errorf("Fix with a broken apt-get = %v, want an error that names apt-get update", err)
	}
}

func TestFixWithoutApt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := Fix(t.Context(), []string{"lld"}, io.Discard); !errors.Is(err, ErrCannotInstall) {
		t.Errorf("Fix without apt-get = %v, want ErrCannotInstall", err)
	}
	if err := Fix(t.Context(), nil, io.Discard); err != nil {
		t.Errorf("Fix of nothing = %v, want nil", err)
	}
}
