package faulty_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/examples/faulty"
	"github.com/kalima-chain/kalima/examples/internal/exampletest"
	"github.com/kalima-chain/kalima/host"
)

func TestContracts(t *testing.T) {
	var lines []string
	for _, c := range faulty.Contracts() {
		m, err := exampletest.TryLoad(t, c.Dir)
		var refusal *host.Refusal
		switch {
		case errors.As(err, &refusal):
			if len(c.Ends) != 0 || !strings.Contains(refusal.Reason, "2") {
				t.Errorf("load %s: refused, %v; want it refused only for its ABI version", c.Dir, err)
			}
			lines = append(lines, fmt.Sprintf("%-10s refused", c.Dir))
			continue
		case err != nil:
			t.Fatalf("load %s: %v", c.Dir, err)
		case len(c.Ends) == 0:
			t.Fatalf("load %s = a contract, want a refusal", c.Dir)
		}
		var ends []string
		for range 3 { // the first call must not spoil the next
			var chain exampletest.Chain
			before := chain.Digest()
			r := chain.Put(t, m, "/plant1", "t", "1")
			if r.Fault == nil || !slices.Contains(c.Ends, r.Fault.Code) {
				t.Fatalf("put with %s: fault %v, want one of %v", c.Dir, r.Fault, c.Ends)
			}
			if len(r.Writes) != 0 || chain.Digest() != before {
				t.Errorf("put with %s: writes %v after a fault, want none", c.Dir, r.Writes)
			}
			ends = append(ends, r.Fault.Code.String())
		}
		if ends[0] != ends[1] || ends[0] != ends[2] {
			t.Errorf("three puts with %s end with %v, want the same each time", c.Dir, ends)
		}
		lines = append(lines, fmt.Sprintf("%-10s %s", c.Dir, ends[0]))
		if abi.Rejected.String() == ends[0] {
			t.Errorf("put with %s ends as a rejection, want a fault", c.Dir)
		}
	}
	exampletest.CheckReadme(t, lines)
}
