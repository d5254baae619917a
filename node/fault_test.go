package node_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/consensus"
	"github.com/kalima-chain/kalima/node/nodetest"
	"github.com/kalima-chain/kalima/node/rpc"
)

// The leader goes without a word while a follower forwards to it. Many submit there at
// once; each gets its receipt as soon as there is another leader, and none is doubled.
func TestForwardsOutliveTheLeader(t *testing.T) {
	c := nodetest.New(t, nodetest.Config{Masters: 3})
	ctx := within(t, nodetest.Patience)
	leader := c.Leader()
	follower := (leader + 1) % 3
	cl := c.Client(nodetest.Device, follower)
	if _, err := cl.Submit(ctx, chain.Put("/warm", "k", []byte("1"))); err != nil {
		t.Fatal(err)
	}
	c.Cut(leader)
	const n = 100
	start := time.Now()
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if r, err := cl.Submit(ctx, chain.Put("/load", fmt.Sprint(i), []byte("1"))); err != nil || !r.Accepted() {
				t.Errorf("Submit(%d) = %+v, %v", i, r, err)
			}
		}()
	}
	wg.Wait()
	t.Logf("%d transactions were ordered %v after the leader was cut off", n, time.Since(start).Round(time.Millisecond))
	c.Heal(leader)
	c.SameLedger()
	for i := range c.Infos {
		if got := sequenceOf(c, i, "/load"); got != n {
			t.Errorf("master %d: /load has %d events, want %d", i+1, got, n)
		}
	}
}

func sequenceOf(c *nodetest.Cluster, i int, a abi.Address) (n abi.Sequence) {
	c.Master(i).Machine().Read(func(s *chain.State) { n = s.Sequence(a) })
	return n
}

// A master that was away while the others cut their logs gets the blocks from them.
func TestRestoreAfterTheLogWasCut(t *testing.T) {
	var restored atomic.Int64
	c := nodetest.New(t, nodetest.Config{Masters: 3, Consensus: func(r *consensus.Config) {
		r.KeepEntries, r.SnapshotDistance, r.SnapshotEvery, r.KeepLog = 16, 32, 50*time.Millisecond, time.Millisecond
		r.SegmentSize = 256 << 10
		r.Machine = countRestores{r.Machine, &restored}
	}})
	ctx := within(t, 2*nodetest.Patience)
	away := (c.Leader() + 1) % 3
	c.Stop(away)
	cl := c.Client(nodetest.Device, (away+1)%3, (away+2)%3)
	put := func(n int) {
		t.Helper()
		for i := range n {
			if _, err := cl.Submit(ctx, chain.Put("/a", fmt.Sprint(i%50), []byte("v"))); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(600)
	c.Start(away)
	put(50)
	c.SameLedger()
	if restored.Load() == 0 {
		t.Error("the master came back without a snapshot: the log was not cut")
	}
	// It is a full master again: it answers, and its chain is whole.
	r, err := c.Client(nodetest.Device, away).Submit(ctx, chain.Put("/a", "last", []byte("v")))
	if err != nil || len(r.Sequences) != 1 || r.Sequences[0] != 651 {
		t.Errorf("Submit at the restored master = %+v, %v, want sequence 651", r, err)
	}
	events, err := c.Master(away).Ledger().EventsOf("/a", 1, 1000)
	if err != nil || len(events) != 651 {
		t.Errorf("the restored master has %d events of /a, %v, want 651", len(events), err)
	}
}

// countRestores counts the snapshots that a machine was brought to.
type countRestores struct {
	consensus.Machine
	n *atomic.Int64
}

func (m countRestores) Restore(ctx context.Context, p consensus.Pointer) error {
	m.n.Add(1)
	return m.Machine.Restore(ctx, p)
}

// Masters are closed while submits, watches, queries and status requests run. Close
// returns, nothing panics, and what was acknowledged is there after the restart.
func TestCloseUnderLoad(t *testing.T) {
	c := nodetest.New(t, nodetest.Config{Masters: 3})
	c.Leader()
	ctx, cancel := context.WithCancel(within(t, nodetest.Patience))
	var wg sync.WaitGroup
	var acknowledged atomic.Int64
	enough := make(chan struct{})
	run := func(f func(*rpc.Client) error) {
		for i := range c.Infos {
			cl := c.Client(nodetest.Device, i)
			wg.Add(1)
			go func() {
				defer wg.Done()
				for ctx.Err() == nil {
					f(cl)
				}
			}()
		}
	}
	var serial atomic.Int64
	for range 4 {
		run(func(cl *rpc.Client) error {
			_, err := cl.Submit(ctx, chain.Put("/load", fmt.Sprint(serial.Add(1)), []byte("1")))
			if err == nil && acknowledged.Add(1) == 100 {
				close(enough)
			}
			return err
		})
	}
	run(func(cl *rpc.Client) error { _, err := cl.Status(ctx); return err })
	run(func(cl *rpc.Client) error { _, err := cl.Blocks(ctx, 0, 512); return err })
	run(func(cl *rpc.Client) error {
		_, err := cl.History(ctx, rpc.HistoryQ{Address: "/load", Key: "1"})
		return err
	})
	run(func(cl *rpc.Client) error {
		w, err := cl.Watch(ctx, rpc.WatchQ{Patterns: []abi.Pattern{"/**"}, Snapshot: true})
		if err != nil {
			return err
		}
		defer w.Close()
		for range 20 {
			if _, err := w.Recv(); err != nil {
				return err
			}
		}
		return nil
	})
	select {
	case <-enough:
	case <-ctx.Done():
		t.Fatal("no load")
	}
	closed := make(chan error, len(c.Infos))
	for i := range c.Infos {
		m := c.Take(i)
		go func() { closed <- m.Close() }()
	}
	for range c.Infos {
		select {
		case err := <-closed:
			if err != nil {
				t.Errorf("Close under load = %v", err)
			}
		case <-time.After(nodetest.Patience):
			t.Fatal("Close hangs under load")
		}
	}
	cancel()
	wg.Wait()
	for i := range c.Infos {
		c.Start(i)
	}
	c.Leader()
	c.SameLedger()
	if got := int64(sequenceOf(c, 0, "/load")); got < acknowledged.Load() || got > serial.Load() {
		t.Errorf("/load has %d events, %d were acknowledged and %d submitted", got, acknowledged.Load(), serial.Load())
	}
}

// An identity that is removed loses its connections, not only its rights.
func TestRemovalEndsConnections(t *testing.T) {
	c := nodetest.New(t, nodetest.Config{Masters: 3})
	ctx := within(t, nodetest.Patience)
	reader := c.Client(nodetest.Reader)
	if _, err := reader.Head(ctx); err != nil {
		t.Fatal(err)
	}
	w, err := reader.Watch(ctx, rpc.WatchQ{Patterns: []abi.Pattern{"/public/**"}})
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"identity":"%s"}`, nodetest.ID(nodetest.Reader))
	if r, err := c.Client(nodetest.Admin).Submit(ctx, chain.System("identity.remove", []byte(body))); err != nil || !r.Accepted() {
		t.Fatalf("identity.remove = %+v, %v", r, err)
	}
	for err == nil {
		_, err = w.Recv()
	}
	if ctx.Err() != nil {
		t.Fatal("the stream of a removed identity goes on")
	}
	c.SameLedger()
	if _, err := reader.Head(ctx); err == nil {
		t.Error("a removed identity is still answered")
	}
}
