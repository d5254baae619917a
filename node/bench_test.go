package node_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/nodetest"
	"github.com/kalima-chain/kalima/node/rpc"
)

// BenchmarkSubmit measures ordered transactions of five masters in one process, with many
// submitters at all of them. `kalima bench chain` measures the same through the program.
func BenchmarkSubmit(b *testing.B) {
	for _, size := range []int{200, 15360} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			c := nodetest.New(b, nodetest.Config{})
			value := make([]byte, size)
			var next atomic.Uint64
			b.SetParallelism(160)
			c.Leader()
			var clients []*rpc.Client
			for i := range c.Infos {
				clients = append(clients, c.Client(nodetest.Device, i))
			}
			b.SetBytes(int64(size))
			before := c.Master(0).Machine().Head().Height
			b.RunParallel(func(pb *testing.PB) {
				n := next.Add(1)
				cl := clients[n%5]
				for i := 0; pb.Next(); i++ {
					if _, err := cl.Submit(context.Background(), chain.Put("/bench", fmt.Sprintf("%d-%d", n, i%10), value)); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(c.Master(0).Machine().Head().Height-before)/b.Elapsed().Seconds(), "blocks/s")
		})
	}
}
