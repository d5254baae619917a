package consensus

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkPropose orders entries with five masters in this process over loopback TCP,
// sealed and with fsync, so many in flight. fsync-ms is what one fsync of 16 KiB takes
// on the same disk with nothing else going on.
func BenchmarkPropose(b *testing.B) {
	for _, size := range []int{512, 16 << 10} {
		for _, flight := range []int{1, 64} {
			b.Run(fmt.Sprintf("size=%d/flight=%d", size, flight), func(b *testing.B) {
				fsync := fsyncTime(b)
				c := newCluster(b, 5, func(_ int, cfg *Config) {
					cfg.Heartbeat, cfg.SegmentSize, cfg.CommitEvery = time.Second, 64<<20, 0
					cfg.Machine = &sinkMachine{}
				})
				n := c.nodes[c.leader()]
				data := make([]byte, size)
				took := make([]time.Duration, b.N)
				work := make(chan int)
				var wg sync.WaitGroup
				before := n.Stats()
				b.SetBytes(int64(size))
				b.ResetTimer()
				for range flight {
					wg.Add(1)
					go func() {
						defer wg.Done()
						for i := range work {
							start := time.Now()
							if _, err := n.Propose(data).Wait(); err != nil {
								b.Error(err)
							}
							took[i] = time.Since(start)
						}
					}()
				}
				for i := range b.N {
					work <- i
				}
				close(work)
				wg.Wait()
				b.StopTimer()
				after := n.Stats()
				slices.Sort(took)
				ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
				b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
				b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
				b.ReportMetric(ms(fsync), "fsync-ms")
				if w := after.Writes - before.Writes; w > 0 {
					b.ReportMetric(float64(b.N)/float64(w), "entries/write")
				}
			})
		}
	}
}

// sinkMachine counts and forgets.
type sinkMachine struct {
	tape
	last uint64
}

func (m *sinkMachine) Apply(batch []Entry) []any {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = batch[len(batch)-1].Index
	return make([]any, len(batch))
}

func (m *sinkMachine) Applied() uint64 { m.mu.Lock(); defer m.mu.Unlock(); return m.last }

// fsyncTime returns the median of 50 appends of 16 KiB, each with its fsync.
func fsyncTime(b *testing.B) time.Duration {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "fsync"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var took []time.Duration
	data := make([]byte, 16<<10)
	for range 50 {
		start := time.Now()
		if _, err := f.Write(data); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2]
}
