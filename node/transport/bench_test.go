package transport

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/kalima-chain/kalima/abi"
)

// BenchmarkRequest answers requests of 200 bytes over loopback, both ends in this process.
func BenchmarkRequest(b *testing.B) {
	for _, inFlight := range []int{1, 64, 256, 1024} {
		b.Run(fmt.Sprintf("in-flight-%d", inFlight), func(b *testing.B) {
			server := open(b, 1, func(c *Config) { c.Handler = echo })
			conn := dial(b, client(b, 2, nil), server)
			body := pattern(200)
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ReportAllocs()
			b.ResetTimer()
			var work sync.WaitGroup
			for range inFlight {
				work.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := conn.Request(b.Context(), "echo", body); err != nil {
							b.Errorf("Request: %v", err)
							return
						}
					}
				})
			}
			work.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}

// BenchmarkRaftStream writes 16 KiB at a time to one peer and to four.
func BenchmarkRaftStream(b *testing.B) {
	for _, peers := range []int{1, 4} {
		b.Run(fmt.Sprintf("peers-%d", peers), func(b *testing.B) {
			byAddr := make(map[string]abi.Identity)
			leader := open(b, 100, func(c *Config) {
				c.PeerOf = func(addr string) (abi.Identity, bool) { id, ok := byAddr[addr]; return id, ok }
			})
			var reading, writing sync.WaitGroup
			block := pattern(16 << 10)
			b.SetBytes(int64(len(block) * peers))
			for i := range peers {
				follower := open(b, byte(i+1), nil)
				byAddr[follower.Addr().String()] = follower.Identity()
				w, err := leader.Raft().Dial(follower.Addr().String(), patience)
				if err != nil {
					b.Fatalf("Dial: %v", err)
				}
				r, err := follower.Raft().Accept()
				if err != nil {
					b.Fatalf("Accept: %v", err)
				}
				reading.Go(func() {
					if _, err := io.CopyN(io.Discard, r, int64(len(block))*int64(b.N)); err != nil {
						b.Errorf("read: %v", err)
					}
				})
				writing.Go(func() {
					for range b.N {
						if _, err := w.Write(block); err != nil {
							b.Errorf("write: %v", err)
							return
						}
					}
				})
			}
			writing.Wait()
			reading.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "blocks/s")
		})
	}
}

// BenchmarkRaftExchange measures what one AppendEntries costs: a block there, a short
// answer back, one at a time.
func BenchmarkRaftExchange(b *testing.B) {
	for _, size := range []int{200, 16 << 10, 256 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			byAddr := make(map[string]abi.Identity)
			leader := open(b, 100, func(c *Config) {
				c.PeerOf = func(addr string) (abi.Identity, bool) { id, ok := byAddr[addr]; return id, ok }
			})
			follower := open(b, 1, nil)
			byAddr[follower.Addr().String()] = follower.Identity()
			w, err := leader.Raft().Dial(follower.Addr().String(), patience)
			if err != nil {
				b.Fatalf("Dial: %v", err)
			}
			r, err := follower.Raft().Accept()
			if err != nil {
				b.Fatalf("Accept: %v", err)
			}
			go func() {
				buf := make([]byte, size)
				for {
					if _, err := io.ReadFull(r, buf); err != nil {
						return
					}
					r.Write(buf[:100])
				}
			}()
			block, answer := pattern(size), make([]byte, 100)
			for b.Loop() {
				if _, err := w.Write(block); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(w, answer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
