package toolchain_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/devsecops/toolchain"
	"github.com/kalima-chain/kalima/registry"
)

// What has names and lines is the same code: a profile shows what is deployed. Code that
// the source does not build to is refused.
func TestSymbols(t *testing.T) {
	for _, l := range registry.Languages() {
		t.Run(string(l), func(t *testing.T) {
			b, err := build(t, load(t, project(t, l, minimal[l])))
			if err != nil {
				t.Fatal(err)
			}
			debug, err := toolchain.Symbols(t.Context(), b, io.Discard)
			if err != nil {
				t.Fatalf("Symbols: %v", err)
			}
			if l.Runtime() != "wasm" {
				if !bytes.Equal(b.Artefact, debug) {
					t.Error("Symbols of a script is not the script")
				}
				return
			}
			want := []string{"\x04name", ".debug_line"}
			if l == registry.Go { // whose linker always writes names, and never lines, for wasm
				want = want[:1]
			}
			for _, w := range want {
				if !bytes.Contains(debug, []byte(w)) {
					t.Errorf("Symbols has no section %q", w)
				}
			}
			t.Logf("%d bytes, with names and lines %d", len(b.Artefact), len(debug))
			other := *b
			other.Artefact = slices.Clone(b.Artefact)
			other.Artefact[len(other.Artefact)/4] ^= 1 // names stand at the end
			if _, err := toolchain.Symbols(t.Context(), &other, io.Discard); err == nil || !strings.Contains(err.Error(), "does not build to its artefact") {
				t.Errorf("Symbols of another artefact = %v, want it refused", err)
			}
		})
	}
}
