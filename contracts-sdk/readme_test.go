package contractssdk_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/registry"
	"github.com/kalima-chain/kalima/runtimes/js"
	"github.com/kalima-chain/kalima/runtimes/starlark"
)

// TestReadmes builds and runs the contract in the README of each SDK. All five do the same:
// refuse a value of more than 100 bytes, keep any other in the contract's own state.
func TestReadmes(t *testing.T) {
	for _, tt := range []struct {
		language registry.Language
		folder   string
		file     string
		runtime  func(testing.TB) host.Runtime
	}{
		{registry.C, "c", "contract.c", newRuntime},
		{registry.Go, "go/contract", "main.go", newRuntime},
		{registry.Rust, "rust", "contract.rs", newRuntime},
		{registry.JS, "js", "contract.js", func(testing.TB) host.Runtime { return js.New() }},
		{registry.Starlark, "starlark", "contract.star", func(testing.TB) host.Runtime { return starlark.New() }},
	} {
		t.Run(string(tt.language), func(t *testing.T) {
			code := compile(t, tt.language, registry.File{Path: tt.file, Data: firstBlock(t, filepath.Join(tt.folder, "README.md"))})
			rt := tt.runtime(t)
			defer rt.Close()
			m, err := rt.Load(context.Background(), code)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			call := func(value string) host.Result {
				s := host.NewSession(hosttest.NewCall(abi.Validate, "key", value), hosttest.State{}, host.Grant{}, host.Limits{})
				r, err := m.Call(context.Background(), s)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			if r := call("value"); r.Fault != nil || len(r.Writes) != 1 || r.Writes[0].Key != "key" || string(r.Writes[0].Value) != "value" {
				t.Errorf("call with a short value = fault %v, writes %q, want it kept", r.Fault, r.Writes)
			}
			if r := call(strings.Repeat("x", 101)); r.Fault == nil || r.Fault.Error() != "rejected (1): value is longer than 100 bytes" || r.Writes != nil {
				t.Errorf("call with a long value = fault %v, writes %q, want a rejection", r.Fault, r.Writes)
			}
		})
	}
}

// firstBlock returns the first code block of a README.
func firstBlock(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "```")
	_, code, _ := strings.Cut(rest, "\n")
	code, _, closed := strings.Cut(code, "```")
	if !found || !closed {
		t.Fatalf("%s has no code block", name)
	}
	return []byte(code)
}
