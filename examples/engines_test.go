// Package examples_test compares the examples on the engines they can run on.
package examples_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/devsecops/toolchain"
	"github.com/kalima-chain/kalima/examples/internal/exampletest"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// TestEngines runs every example that is WASM on the compiler and on the interpreter: the
// same outcome, the same gas and the same writes of every call, the same state at the end.
func TestEngines(t *testing.T) {
	ran := 0
	for _, dir := range folders(t) {
		p, err := toolchain.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if p.Manifest.Language.Runtime() != "wasm" {
			continue
		}
		ran++
		t.Run(filepath.ToSlash(dir), func(t *testing.T) {
			compiled, err1 := exampletest.LoadOn(t, dir, wasm.Config{})
			interpreted, err2 := exampletest.LoadOn(t, dir, wasm.Config{Interpreter: true})
			if fmt.Sprint(err1) != fmt.Sprint(err2) {
				t.Fatalf("load = %v compiled and %v interpreted, want the same", err1, err2)
			}
			if err1 == nil {
				compare(t, compiled, interpreted)
			}
		})
	}
	if ran < 7 {
		t.Errorf("%d examples were compared, want three languages of threshold and four of faulty", ran)
	}
}

// folders lists the folders that have a kalima.toml.
func folders(t *testing.T) (dirs []string) {
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "kalima.toml" {
			dirs = append(dirs, filepath.Dir(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

const events = 300

func compare(t *testing.T, compiled, interpreted *exampletest.Contract) {
	// The same events on two chains. Gas is bounded so that a loop ends soon, also where
	// an instruction takes a hundred times as long.
	limits := host.Limits{Gas: 2_000_000, Memory: 4 << 20}
	a, b := exampletest.Chain{Limits: limits}, exampletest.Chain{Limits: limits}
	random := rand.New(rand.NewPCG(1, 2))
	ends := map[abi.Code]int{}
	for n := range events {
		address := abi.Address(fmt.Sprintf("/plant1/press%d", random.IntN(3)))
		key := []string{"t", "u", "_threshold"}[random.IntN(3)]
		value := []string{"", "x", "1e3", "100 90", "-0", fmt.Sprint(random.NormFloat64() * 100)}[random.IntN(6)]
		run := func(c *exampletest.Chain, m *exampletest.Contract) host.Result {
			if value == "" {
				return c.Delete(t, m, address, key)
			}
			return c.Put(t, m, address, key, value)
		}
		x, y := run(&a, compiled), run(&b, interpreted)
		if got, want := outcome(y), outcome(x); got != want {
			t.Fatalf("event %d, %s %s = %q: interpreted %s\ncompiled %s", n, address, key, value, got, want)
		}
		code := abi.OK
		if x.Fault != nil {
			code = x.Fault.Code
		}
		ends[code]++
		if code != abi.OK && code != abi.Rejected && n > 3 {
			break // it does the same to every event
		}
	}
	if got, want := b.Digest(), a.Digest(); got != want {
		t.Errorf("state interpreted = %s, compiled = %s", got.Short(), want.Short())
	}
	t.Logf("ends: %v", ends)
}

// outcome is all of a result that nodes must agree on.
func outcome(r host.Result) string {
	s := fmt.Sprintf("gas %d, %d reads, %d writes, %d bytes", r.Used.Gas, r.Used.Reads, r.Used.Writes, r.Used.Bytes)
	if r.Fault != nil {
		s += fmt.Sprintf(", fault %v %d %q", r.Fault.Code, r.Fault.Reason, r.Fault.Message)
	}
	for _, w := range slices.Concat(r.Writes, r.Submits) {
		s += fmt.Sprintf(", %s %s %q", w.Address, w.Key, w.Value)
	}
	return s
}
