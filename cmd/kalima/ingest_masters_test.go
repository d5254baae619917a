package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"reflect"
	"slices"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/cmd/kalima/internal/devnet"
	"github.com/kalima-chain/kalima/node/rpc"
)

// compareHistory asks for the events of every key, newest first.
func (r *realChain) compareHistory(ctx context.Context, wants []want) {
	r.t.Helper()
	for _, w := range wants {
		for key, column := range w.columns {
			n, before := 0, abi.Sequence(0)
			for more := true; more; {
				page, err := r.operator.History(ctx, rpc.HistoryQ{Address: w.address, Key: key, Before: before})
				if err != nil {
					r.t.Fatalf("History(%s, %s) = %v", w.address, key, err)
				}
				for _, e := range page.Events {
					if n++; n > len(column) || string(e.Value) != column[len(column)-n] {
						r.t.Fatalf("History(%s, %s): event %d from the end is %q, which the file has not there", w.address, key, n, e.Value)
					}
					before = e.Sequence
				}
				more = page.More
			}
			if n != w.rows {
				r.t.Errorf("History(%s, %s) has %d events, the file %d rows", w.address, key, n, w.rows)
			}
		}
	}
}

// verify runs `kalima verify` and `kalima status` on all masters.
func (r *realChain) verify() {
	r.t.Helper()
	out, err := r.kalima("verify", "--master", "all")
	if err != nil {
		r.t.Fatal(err)
	}
	var v struct {
		OK      bool           `json:"ok"`
		Masters []masterReport `json:"masters"`
	}
	if err := json.Unmarshal(out, &v); err != nil || !v.OK || len(v.Masters) != len(r.masters) {
		r.t.Fatalf("verify = %s, %v, want ok on %d masters", out, err, len(r.masters))
	}
	if out, err = r.kalima("status"); err != nil {
		r.t.Fatal(err)
	}
	var s statusJSON
	if err := json.Unmarshal(out, &s); err != nil || !s.OK || len(s.Masters) != len(r.masters) {
		r.t.Fatalf("status = %s, %v, want ok and %d masters", out, err, len(r.masters))
	}
	first := v.Masters[0]
	for i, m := range v.Masters {
		if !m.OK || !m.Clean() || m.Height != first.Height || m.LedgerHash != first.LedgerHash {
			r.t.Errorf("%s: %+v, want it clean, with ledger hash %s at block %d", m.Master, m.Report, first.LedgerHash, first.Height)
		}
		if l := s.Masters[i].LedgerHash; l == nil || *l != first.LedgerHash {
			r.t.Errorf("status: %s has ledger hash %v, want %s", s.Masters[i].Name, l, first.LedgerHash)
		}
	}
}

// compareLate starts the client node, and compares its memcache with every master's state.
// It returns the number of keys.
func (r *realChain) compareLate(ctx context.Context, head abi.Height, wants []want) int {
	r.t.Helper()
	least := 0 // each key has its value, and the contract's record
	for _, w := range wants {
		least += 2 * len(w.columns)
	}
	late, err := devnet.Start(ctx, r.late, r.engines.languages(), slog.New(slog.DiscardHandler))
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() {
		if err := late.Close(); err != nil {
			r.t.Errorf("stop the client: %v", err)
		}
	}()
	if err := late.Client.Replica().WaitHeight(ctx, head); err != nil {
		r.t.Fatal(err)
	}
	got := current(late.Client.Replica().Snapshot())
	for _, m := range r.masters {
		want := current(m.Master.Machine().Copy())
		if len(want) < least {
			r.t.Fatalf("%s has %d keys, want %d of files and contracts at least", m.Node.Name, len(want), least)
		}
		for _, item := range slices.Sorted(maps.Keys(want)) {
			if !reflect.DeepEqual(got[item], want[item]) {
				r.t.Errorf("memcache has %s = %+v, %s has %+v", item, got[item], m.Node.Name, want[item])
			}
		}
		if len(got) != len(want) {
			r.t.Errorf("memcache has %d keys, %s has %d", len(got), m.Node.Name, len(want))
		}
	}
	return len(got)
}

// current is every current value of a state, the chain's own records included.
func current(s *chain.State) map[string]chain.Value {
	out := map[string]chain.Value{}
	var addresses []abi.Address
	for _, p := range []abi.Pattern{"/**", abi.Pattern(abi.System + "/**")} {
		s.Addresses(p, func(a abi.Address, _ abi.Sequence) bool {
			addresses = append(addresses, a)
			return true
		})
	}
	for _, a := range addresses {
		s.Keys(a, "", func(key string, v *chain.Value) bool {
			out[string(a)+"#"+key] = *v
			return true
		})
	}
	return out
}
