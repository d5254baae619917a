package wasm_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// TestRefused: each way an artefact can not be a contract has its own words.
func TestRefused(t *testing.T) {
	rt := newRuntime(t, wasm.Config{InitGas: 10_000_000})
	defer rt.Close()
	for _, tt := range []struct{ define, want string }{
		{"CASE_UNKNOWN", `no function "steal"`},
		{"CASE_TYPE", "another type"},
		{"CASE_MODULE", `module "env"`},
		{"CASE_VERSION", "no export kalima_abi"},
		{"CASE_ENTRY", "no entry"},
		{"CASE_SIGNATURE", "takes something"},
		{"CASE_MAIN", "main function"},
		{"CASE_INIT", "_initialize: trap"},
		{"CASE_INITLOOP", "_initialize: out of gas"},
	} {
		t.Run(tt.define, func(t *testing.T) {
			m, err := rt.Load(context.Background(), buildC(t, "refused", "-D"+tt.define))
			var r *host.Refusal
			if !errors.As(err, &r) {
				if m != nil {
					m.Close()
				}
				t.Fatalf("Load = %v, want a refusal", err)
			}
			if !strings.Contains(r.Reason, tt.want) {
				t.Errorf("Reason = %q, want %q in it", r.Reason, tt.want)
			}
		})
	}
	m, err := rt.Load(context.Background(), buildC(t, "refused"))
	if err != nil {
		t.Fatalf("Load without a fault in it = %v", err)
	}
	m.Close()
}
