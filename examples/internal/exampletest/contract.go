package exampletest

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	contractssdk "github.com/kalima-chain/kalima/contracts-sdk"
	"github.com/kalima-chain/kalima/devsecops/toolchain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// Contract is a contract that is ready to run.
type Contract struct {
	Manifest registry.Manifest
	module   host.Module
}

// Build builds the contract in a folder with kalima.toml. A test that needs a compiler
// which the machine does not have fails; `kalima-contract doctor --fix` installs it.
func Build(t testing.TB, dir string) *registry.Bundle {
	t.Helper()
	b, err := builds.get(dir)
	var missing *toolchain.MissingError
	if errors.As(err, &missing) {
		t.Fatalf("%v; try: go run ./cmd/kalima-contract doctor --fix", err)
	}
	if err != nil {
		t.Fatalf("build %s: %v", dir, err)
	}
	return b
}

// builds keeps what was built: a Go contract takes seconds, and the tests of a package
// use the same few contracts again and again.
var builds = cache{made: make(map[string]*registry.Bundle)}

type cache struct {
	mu   sync.Mutex
	made map[string]*registry.Bundle
}

func (c *cache) get(dir string) (*registry.Bundle, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.made[dir]; b != nil {
		return b, nil
	}
	p, err := toolchain.Load(dir)
	if err != nil {
		return nil, err
	}
	sdk, err := contractssdk.Files(string(p.Manifest.Language))
	if err != nil {
		return nil, err
	}
	b, err := toolchain.Build(context.Background(), p, sdk, os.Stderr)
	if err == nil {
		c.made[dir] = b
	}
	return b, err
}

// Load builds the contract in a folder and loads it into the runtime of its language.
func Load(t testing.TB, dir string) *Contract {
	t.Helper()
	c, err := TryLoad(t, dir)
	if err != nil {
		t.Fatalf("load %s: %v", dir, err)
	}
	return c
}

// TryLoad is Load for a contract that the runtime may refuse.
func TryLoad(t testing.TB, dir string) (*Contract, error) {
	t.Helper()
	b := Build(t, dir)
	return loadOn(t, newRuntime(t, b.Manifest.Language), b)
}

// LoadOn loads a contract, which is one for WASM, into an engine with these settings. The
// error is the runtime's.
func LoadOn(t testing.TB, dir string, cfg wasm.Config) (*Contract, error) {
	t.Helper()
	return loadOn(t, newWASM(t, cfg), Build(t, dir))
}

func loadOn(t testing.TB, rt host.Runtime, b *registry.Bundle) (*Contract, error) {
	t.Helper()
	t.Cleanup(func() {
		if err := rt.Close(); err != nil {
			t.Errorf("close runtime: %v", err)
		}
	})
	m, err := rt.Load(context.Background(), b.Artefact)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("close module: %v", err)
		}
	})
	return &Contract{Manifest: b.Manifest, module: m}, nil
}

// CheckReadme demands that the README of the test's folder shows these lines, one after
// the other, as they are.
func CheckReadme(t testing.TB, lines []string) {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(lines, "\n") + "\n"; !strings.Contains(string(b), want) {
		t.Errorf("README.md does not show this output:\n%s", want)
	}
}
