package contractssdk_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/registry"
)

// TestWalkInLittleRoom: where the contract lends the buffer, a walk finds every entry whatever
// its size, and one that has no room for a single entry is a trap.
func TestWalkInLittleRoom(t *testing.T) {
	state := hosttest.State{"/walk": {}}
	count, size, largest := 0, 0, 0
	for i := range 300 {
		n := 1 + i*i%7*500
		state["/walk"][fmt.Sprintf("k%03d", i)] = strings.Repeat("v", n)
		if i > 0 {
			count, size, largest = count+1, size+n, max(largest, n)
		}
	}
	want := fmt.Sprintf("%d %d k299", count, size)
	for _, tt := range []struct {
		language registry.Language
		file     string
	}{{registry.C, "c/testdata/walk.c"}, {registry.Rust, "rust/testdata/walk.rs"}} {
		t.Run(string(tt.language), func(t *testing.T) {
			m := loadOn(t, newRuntime(t), build(t, tt.language, filepath.FromSlash(tt.file)))
			for _, room := range []int{largest + 9, 5000, 16 << 10, 100 << 10, 256<<10 + 256*5} {
				if r := walk(t, m, state, room); r.Fault != nil || string(r.Writes[0].Value) != want {
					t.Errorf("walk in %d bytes = %q, fault %v, want %q", room, r.Writes, r.Fault, want)
				}
			}
			if r := walk(t, m, state, largest+8); r.Fault == nil || r.Fault.Code != abi.Trap {
				t.Errorf("walk in %d bytes, too few for one entry: fault %v, want a trap", largest+8, r.Fault)
			}
		})
	}
}

func walk(t *testing.T, m host.Module, state hosttest.State, room int) host.Result {
	t.Helper()
	s := host.NewSession(hosttest.NewCall(abi.Validate, "walk", fmt.Sprint(room)), state, host.Grant{}, host.Limits{})
	r, err := m.Call(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
