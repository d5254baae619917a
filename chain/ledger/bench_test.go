package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/ledger"
)

// BenchmarkAppend appends blocks in batches of 32, as masters under load do.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{300, 14_500} {
		b.Run(fmt.Sprintf("value=%d", size), func(b *testing.B) {
			l := open(b, ledger.Config{Dir: b.TempDir(), Key: testKey})
			m := newMaker(b)
			m.append(l, m.genesis())
			records := make([]ledger.Record, b.N)
			for i := range records {
				records[i] = m.simple(size)
			}
			b.SetBytes(int64(len(records[0].Block.Bytes())))
			b.ResetTimer()
			for rest := records; len(rest) > 0; {
				n := min(32, len(rest))
				m.append(l, rest[:n]...)
				rest = rest[n:]
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "blocks/s")
		})
	}
}

// BenchmarkState loads a state of many items.
func BenchmarkState(b *testing.B) {
	for _, items := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprintf("items=%d", items), func(b *testing.B) {
			cfg := ledger.Config{Dir: b.TempDir(), Key: testKey}
			l := open(b, cfg)
			m := newMaker(b)
			m.append(l, m.genesis())
			n := 0
			for n < items { // the content of blocks does not matter here, only what they change
				r := m.simple(10)
				r.Applied = chain.Applied{Stored: r.Applied.Stored}
				for range 10_000 {
					item := fmt.Sprintf("/plant%d/line%d\x00key%d", n%10, n%1000, n)
					v := &chain.Value{Bytes: []byte("some value of 32 bytes, or so..."), Sequence: 1, Height: 1, Time: 1, Sender: abi.Identity{1}}
					r.Applied.Changes = append(r.Applied.Changes, chain.Change{Item: item, Value: v})
					n++
				}
				m.append(l, r)
			}
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
			var opening, loading time.Duration
			for b.Loop() {
				start := time.Now()
				l, err := ledger.Open(cfg)
				if err != nil {
					b.Fatal(err)
				}
				opened := time.Now()
				if _, err := l.State(); err != nil {
					b.Fatal(err)
				}
				opening, loading = opening+opened.Sub(start), loading+time.Since(opened)
				l.Close()
			}
			b.ReportMetric(opening.Seconds()/float64(b.N), "open-s/op")
			b.ReportMetric(loading.Seconds()/float64(b.N), "load-s/op")
		})
	}
}
