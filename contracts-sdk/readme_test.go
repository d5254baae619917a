package contractssdk_test

import (
	"context"
	"fmt"
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

var readmes = []struct {
	language registry.Language
	folder   string
	file     string
	fence    string // the name of its code blocks
	runtime  func(testing.TB) host.Runtime
}{
	{registry.C, "c", "contract.c", "c", newRuntime},
	{registry.Go, "go/contract", "main.go", "go", newRuntime},
	{registry.Rust, "rust", "contract.rs", "rust", newRuntime},
	{registry.JS, "js", "contract.js", "js", func(testing.TB) host.Runtime { return js.New() }},
	{registry.Starlark, "starlark", "contract.star", "python", func(testing.TB) host.Runtime { return starlark.New() }},
}

// TestReadmes builds and runs the contracts in the README of each SDK. All five have the same.
func TestReadmes(t *testing.T) {
	for _, tt := range readmes {
		t.Run(string(tt.language), func(t *testing.T) {
			blocks := codeBlocks(t, filepath.Join(tt.folder, "README.md"), tt.fence)
			if len(blocks) < 2 { // a README may have more of its own behind them
				t.Fatalf("%d contracts in the README of %s, want 2 at least", len(blocks), tt.language)
			}
			run := func(n int) *readme {
				m := loadOn(t, tt.runtime(t), compile(t, tt.language, registry.File{Path: tt.file, Data: blocks[n]}))
				return &readme{t, m, hosttest.State{own: {}}}
			}
			t.Run("long values", func(t *testing.T) { run(0).longValues() })
			t.Run("events and questions", func(t *testing.T) { run(1).eventsAndQuestions() })
		})
	}
}

var own = abi.StateAddress("conf")

// readme is a contract of a README and its chain.
type readme struct {
	t     *testing.T
	m     host.Module
	state hosttest.State
}

func (r *readme) call(phase abi.Phase, key, value string) host.Result {
	r.t.Helper()
	s := host.NewSession(hosttest.NewCall(phase, key, value), r.state, host.Grant{}, host.Limits{})
	res, err := r.m.Call(context.Background(), s)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, w := range res.Writes {
		if w.Address == own {
			r.state[own][w.Key] = string(w.Value)
		}
	}
	return res
}

// longValues: the first contract refuses a value of more than 100 bytes and keeps any other
// in its own state.
func (r *readme) longValues() {
	if res := r.call(abi.Validate, "key", "value"); res.Fault != nil || len(res.Writes) != 1 || r.state[own]["key"] != "value" {
		r.t.Errorf("call with a short value = fault %v, writes %q, want it kept", res.Fault, res.Writes)
	}
	if res := r.call(abi.Validate, "key", strings.Repeat("x", 101)); res.Fault == nil || res.Fault.Error() != "rejected (1): value is longer than 100 bytes" {
		r.t.Errorf("call with a long value = fault %v, writes %q, want a rejection", res.Fault, res.Writes)
	}
}

// eventsAndQuestions: the second keeps values too, emits "changed" with the key when there
// was one, and replies to any question how many there are.
func (r *readme) eventsAndQuestions() {
	for i, key := range []string{"a", "b", "a"} {
		res := r.call(abi.Validate, key, "value")
		if want := 1 + i/2; res.Fault != nil || len(res.Writes) != want {
			r.t.Fatalf("call %d = fault %v, writes %q, want %d writes", i, res.Fault, res.Writes, want)
		}
		if e := res.Writes[0]; i == 2 && (e.Address != abi.EventsAddress("conf") || e.Key != "changed" || string(e.Value) != "a") {
			r.t.Errorf("call %d: first write = %s %s %q, want the event changed of a", i, e.Address, e.Key, e.Value)
		}
	}
	for i := range 400 {
		r.state[own][fmt.Sprint("k", i)] = strings.Repeat("v", i)
	}
	if res := r.call(abi.Query, "count", ""); res.Fault != nil || string(res.Reply) != "402" {
		r.t.Errorf("query = %q, fault %v, want 402", res.Reply, res.Fault)
	}
}

// codeBlocks returns the code blocks of a language in a README.
func codeBlocks(t *testing.T, name, fence string) (blocks [][]byte) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for rest := string(text); ; {
		_, after, found := strings.Cut(rest, "```"+fence+"\n")
		if !found {
			return blocks
		}
		code, next, closed := strings.Cut(after, "```")
		if !closed {
			t.Fatalf("%s: a code block does not end", name)
		}
		blocks, rest = append(blocks, []byte(code)), next
	}
}
