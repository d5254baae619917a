package sync

import (
	"context"
	"fmt"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/rpc"
)

// BenchmarkTake is what a block of 50 events of 200 bytes costs a node: checks, memcache,
// and with a folder the sealed log; with notes also the fsync.
func BenchmarkTake(b *testing.B) {
	for _, bb := range []struct {
		name  string
		disk  bool
		notes bool
	}{{"memory", false, false}, {"disk", true, false}, {"disk-notes", true, true}} {
		b.Run(bb.name, func(b *testing.B) {
			cfg := Config{Chain: abi.Digest{9}, Patterns: all}
			if bb.disk {
				cfg.Dir, cfg.Key = b.TempDir(), storageKey
			}
			if bb.notes {
				cfg.Handler = &forgetful{}
			}
			r, err := Open(cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			m := newModel()
			first := m.frames(r.machine.Query(), 0, func() bool { return true })
			if _, err := r.take(b.Context(), &first[0]); err != nil {
				b.Fatal(err)
			}
			value := make([]byte, 200)
			var seq abi.Sequence
			height := abi.Height(0)
			b.ReportAllocs()
			for b.Loop() {
				height++
				f := rpc.WatchFrame{Token: m.token(all, height), After: height - 1}
				for i := range 50 {
					seq++
					f.Events = append(f.Events, rpc.Event{Address: "/q", Key: fmt.Sprint("k", i), Value: value, Sequence: seq, Height: height})
				}
				if _, err := r.take(b.Context(), &f); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(50*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// forgetful makes one note a block and forgets the one before.
type forgetful struct{ recorder }

func (f *forgetful) Update(_ context.Context, _ []Update) ([]Note, error) {
	f.next++
	return []Note{{Key: f.next, Value: []byte("due")}, {Key: f.next - 1}}, nil
}
