package consensus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/kalima-chain/kalima/abi"
)

func TestOneOrder(t *testing.T) {
	c := newCluster(t, 3, nil)
	l := c.leader()
	for i := range 100 {
		got, err := c.nodes[l].Propose(fmt.Appendf(nil, "%d", i)).Wait()
		if err != nil || got != i+1 {
			t.Fatalf("Propose(%d).Wait() = %v, %v, want %d", i, got, err, i+1)
		}
	}
	if got := c.agree(); len(got) < 101 {
		t.Errorf("%d entries were applied, want 101 or more", len(got))
	}
	n := c.nodes[l]
	who, ok := n.Leader()
	if !ok || who != c.servers[l] {
		t.Errorf("Leader() = %+v, %v, want %+v", who, ok, c.servers[l])
	}
	if err := n.VerifyLeader(context.Background()); err != nil {
		t.Errorf("VerifyLeader: %v", err)
	}
	if s, err := n.Servers(); err != nil || len(s) != 3 {
		t.Errorf("Servers() = %v, %v, want 3", s, err)
	}
	if s := n.Stats(); s.State != "Leader" || s.LastIndex == 0 || s.Writes == 0 || s.AppliedIndex == 0 {
		t.Errorf("Stats() = %+v", s)
	}
	f := c.nodes[(l+1)%3]
	if _, err := f.Propose([]byte("x")).Wait(); !errors.Is(err, ErrNotLeader) {
		t.Errorf("Propose at a follower: %v, want %v", err, ErrNotLeader)
	}
	if err := f.Barrier(context.Background()); !errors.Is(err, ErrNotLeader) {
		t.Errorf("Barrier at a follower: %v, want %v", err, ErrNotLeader)
	}
	if _, err := n.Propose(make([]byte, MaxData+1)).Wait(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Propose of too much: %v, want %v", err, ErrTooLarge)
	}
}

// A leader that dies under load loses nothing that it acknowledged.
func TestLeaderKilledUnderLoad(t *testing.T) {
	c := newCluster(t, 5, nil)
	acked := map[string]bool{}
	for round := range 3 {
		l := c.leader()
		n := c.nodes[l]
		var mu sync.Mutex
		var wg sync.WaitGroup
		enough := make(chan struct{})
		for w := range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := 0; ; i++ {
					v := fmt.Sprintf("%d-%d-%d", round, w, i)
					if _, err := n.Propose([]byte(v)).Wait(); err != nil {
						return
					}
					mu.Lock()
					if acked[v] = true; len(acked) == 150*(round+1) {
						close(enough)
					}
					mu.Unlock()
				}
			}()
		}
		select {
		case <-enough:
		case <-time.After(patience):
			t.Fatal("no load got through")
		}
		c.kill(l)
		wg.Wait()
		c.put(fmt.Sprint("after ", round))
		c.start(l)
	}
	got := map[string]int{}
	for _, v := range c.agree() {
		got[v]++
	}
	for v := range acked {
		if got[v] != 1 {
			t.Errorf("acknowledged %s is there %d times, want once", v, got[v])
		}
	}
}

// All servers stop and start again; machines come back with what they had synced, and
// the log brings the rest.
func TestRestart(t *testing.T) {
	c := newCluster(t, 3, nil)
	for round := range 3 {
		for i := range 20 {
			c.put(fmt.Sprintf("%d-%d", round, i))
			if i == 10 {
				c.tapes[round].Sync()
			}
		}
		for i := range c.nodes {
			c.kill(i)
		}
		for i := range c.nodes {
			c.start(i)
		}
	}
	seen := map[string]bool{}
	for _, v := range c.agree() {
		seen[v] = true
	}
	for round := range 3 {
		for i := range 20 {
			if v := fmt.Sprintf("%d-%d", round, i); !seen[v] {
				t.Errorf("%s is lost", v)
			}
		}
	}
}

// A partition leaves entries at the old leader that the majority never saw. After it
// heals all servers hold the same, and none of those (hashicorp/raft#695).
func TestPartition(t *testing.T) {
	c := newCluster(t, 5, nil)
	for round := range 4 {
		c.put(fmt.Sprint("before ", round))
		old := c.leader()
		minority := []int{old, (old + 1) % 5}
		var majority []int
		for i := range 5 {
			if i != minority[0] && i != minority[1] {
				majority = append(majority, i)
			}
		}
		c.network.separate(c.addresses(minority), c.addresses(majority))
		var lost []*Proposal
		for i := range 10 {
			lost = append(lost, c.nodes[old].Propose(fmt.Appendf(nil, "lost %d-%d", round, i)))
		}
		for i := range 10 {
			c.put(fmt.Sprintf("kept %d-%d", round, i), majority...)
		}
		for i, p := range lost {
			if _, err := p.Wait(); !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrNotLeader) {
				t.Errorf("proposal %d to the minority: %v, want %v", i, err, ErrUnknown)
			}
		}
		c.network.heal()
		got := map[string]int{}
		for _, v := range c.agree() {
			if got[v]++; strings.HasPrefix(v, "lost") {
				t.Errorf("%q of the minority was applied", v)
			}
		}
		for i := range 10 {
			if v := fmt.Sprintf("kept %d-%d", round, i); got[v] != 1 {
				t.Errorf("%q was applied %d times, want once", v, got[v])
			}
		}
	}
}

// Close does not wait for the answers of peers that are gone without a word.
func TestCloseWhilePeersAreSilent(t *testing.T) {
	c := newCluster(t, 3, nil)
	c.put("x")
	for i := 1; i < 3; i++ {
		c.kill(i)
	}
	c.kill(0)
	p, err := c.network.listen(c.servers[0].Address)
	if err != nil {
		t.Fatal(err)
	}
	dialed := make(chan struct{})
	p.silent = make(chan struct{})
	cfg := c.config(0)
	cfg.Layer, cfg.RPCTimeout = &noticing{port: p, dialed: dialed}, time.Hour
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	<-dialed // an election asks the others
	closed := make(chan error, 1)
	go func() { closed <- n.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Errorf("Close() = %v", err)
		}
	case <-time.After(patience):
		t.Errorf("Close did not return within %s", patience)
		p.Close() // so that the test ends
	}
}

// noticing says when the first dial begins.
type noticing struct {
	*port
	once   sync.Once
	dialed chan struct{}
}

func (n *noticing) Dial(address string, timeout time.Duration) (net.Conn, error) {
	n.once.Do(func() { close(n.dialed) })
	return n.port.Dial(address, timeout)
}

func (c *cluster) addresses(of []int) []string {
	var out []string
	for _, i := range of {
		out = append(out, c.servers[i].Address)
	}
	return out
}

// Heartbeats must not go around Raft's main loop.
func TestNoHeartbeatHandler(t *testing.T) {
	p, err := newNetwork().listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tr := &transport{NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{Stream: layer{p}, Timeout: time.Second}), address: "a"}
	defer tr.Close()
	raft.Transport(tr).SetHeartbeatHandler(func(raft.RPC) { t.Error("a heartbeat took the short cut") })
	got := make(chan error, 1)
	go func() {
		var resp raft.AppendEntriesResponse
		got <- tr.AppendEntries("b", raft.ServerAddress(p.Addr().String()), &raft.AppendEntriesRequest{
			RPCHeader: raft.RPCHeader{ProtocolVersion: 3, ID: []byte("b"), Addr: []byte("b")}, Term: 1}, &resp)
	}()
	select {
	case rpc := <-tr.Consumer(): // a heartbeat: no entries, no indexes
		rpc.Respond(&raft.AppendEntriesResponse{}, nil)
	case <-time.After(patience):
		t.Fatal("the heartbeat did not arrive at the consumer")
	}
	if err := <-got; err != nil {
		t.Errorf("AppendEntries: %v", err)
	}
}

func TestLeadership(t *testing.T) {
	c := newCluster(t, 3, nil)
	l := c.leader()
	ch := c.nodes[l].Leadership()
	wait := func(want bool) {
		t.Helper()
		for deadline := time.After(patience); ; {
			select {
			case got := <-ch:
				if got == want {
					return
				}
			case <-deadline:
				t.Fatalf("Leadership() did not say %v", want)
			}
		}
	}
	wait(true)
	term := c.nodes[l].Term()
	if err := c.nodes[l].TransferLeadership(context.Background()); err != nil {
		t.Fatalf("TransferLeadership: %v", err)
	}
	wait(false)
	c.leader()
	if c.nodes[l].Term() <= term {
		t.Errorf("Term() = %d after a transfer, was %d", c.nodes[l].Term(), term)
	}
}

// A follower that was away for longer than the log reaches gets a snapshot, and its
// machine the content from a peer.
func TestSnapshot(t *testing.T) {
	c := newCluster(t, 3, func(_ int, cfg *Config) {
		cfg.KeepEntries, cfg.SnapshotDistance, cfg.KeepLog = 5, 10, time.Nanosecond
	})
	c.put("first")
	away := (c.leader() + 1) % 3
	c.kill(away)
	for i := range 60 { // more than one file of the log: raft-wal removes whole files
		c.put(fmt.Sprint(i, strings.Repeat("x", 40_000)))
	}
	for i, n := range c.nodes {
		if n == nil {
			continue
		}
		if err := n.Snapshot(context.Background()); err != nil {
			t.Fatalf("Snapshot at %d: %v", i, err)
		}
		if s := n.Stats(); s.FirstIndex < 30 {
			t.Errorf("log of server %d begins at %d after a snapshot, want it cut", i, s.FirstIndex)
		}
		if c.tapes[i].synced == 0 {
			t.Errorf("log of server %d was cut, its machine was not synced", i)
		}
	}
	c.start(away)
	c.agree()
	if c.tapes[away].restore == 0 {
		t.Error("the server that was away caught up without a snapshot")
	}
	// It starts from its snapshot like any other.
	c.kill(away)
	c.start(away)
	c.put("after")
	c.agree()
	// A machine that lost what the snapshot stands for asks its peers.
	c.kill(away)
	c.tapes[away].entries, c.tapes[away].synced, c.tapes[away].restore = nil, 0, 0
	c.start(away)
	c.agree()
	if c.tapes[away].restore == 0 {
		t.Error("an empty machine under a cut log was not restored")
	}
}

// The log keeps what is young, however many entries that is.
func TestKeepLog(t *testing.T) {
	c := newCluster(t, 1, func(_ int, cfg *Config) { cfg.KeepEntries, cfg.SnapshotDistance = 5, 10 })
	for i := range 40 {
		c.put(fmt.Sprint(i))
	}
	n := c.nodes[0]
	if err := n.Snapshot(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s := n.Stats(); s.FirstIndex > 2 { // the first is Raft's own configuration, without a time
		t.Errorf("log begins at %d, want 1 or 2: all of it is young", s.FirstIndex)
	}
	real := n.store
	old := &store{logs: real.logs, codec: real.codec, guard: real.guard, keep: time.Hour, clock: func() time.Time { return time.Now().Add(2 * time.Hour) }}
	if err := old.DeleteRange(1, 20); err != nil {
		t.Fatal(err)
	}
	if first, _ := old.FirstIndex(); first != 21 {
		t.Errorf("log begins at %d, want 21: all of it is old", first)
	}
}

func TestMembers(t *testing.T) {
	c := newCluster(t, 3, nil)
	c.put("x")
	l := c.leader()
	gone := (l + 1) % 3
	ctx := context.Background()
	if err := c.nodes[l].RemoveServer(ctx, c.servers[gone].ID); err != nil {
		t.Fatalf("RemoveServer: %v", err)
	}
	if s, err := c.nodes[l].Servers(); err != nil || len(s) != 2 {
		t.Errorf("Servers() = %v, %v, want 2", s, err)
	}
	c.kill(gone)
	if err := os.RemoveAll(c.dirs[gone]); err != nil {
		t.Fatal(err)
	}
	c.tapes[gone].entries = nil
	c.change = func(_ int, cfg *Config) { cfg.Bootstrap = nil }
	c.start(gone)
	if err := c.nodes[l].AddServer(ctx, c.servers[gone]); err != nil {
		t.Fatalf("AddServer: %v", err)
	}
	c.agree()
}

func TestOpenRefuses(t *testing.T) {
	c := newCluster(t, 1, nil)
	c.put("x")
	try := func(change func(*Config)) error {
		cfg := c.config(0)
		cfg.Layer, _ = c.network.listen("127.0.0.1:0")
		change(&cfg)
		n, err := Open(cfg)
		if err == nil {
			n.Close()
		}
		return err
	}
	if err := try(func(*Config) {}); !errors.Is(err, ErrInUse) {
		t.Errorf("Open while in use: %v, want %v", err, ErrInUse)
	}
	c.kill(0)
	other := append([]byte{1}, testKey[1:]...)
	tests := []struct {
		name   string
		change func(*Config)
		want   error
	}{
		{"no directory", func(c *Config) { c.Dir = "" }, nil},
		{"no key", func(c *Config) { c.Key = nil }, nil},
		{"key and plain", func(c *Config) { c.Plain = true }, nil},
		{"no machine", func(c *Config) { c.Machine = nil }, nil},
		{"no self", func(c *Config) { c.Self.ID = abi.Identity{} }, nil},
		{"huge batch", func(c *Config) { c.Batch = 5000 }, nil},
		{"other key", func(c *Config) { c.Key = other }, ErrWrongKey},
		{"plain", func(c *Config) { c.Key, c.Plain = nil, true }, ErrWrongKey},
		{"machine ahead of the log", func(c *Config) { c.Machine = &tape{entries: []Entry{{Index: 1 << 40}}} }, ErrCorrupt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := try(tt.change)
			if err == nil || (tt.want != nil && !errors.Is(err, tt.want)) {
				t.Errorf("Open: %v, want %v", err, tt.want)
			}
		})
	}
	c.start(0)
	c.put("y")
}

var _ StreamLayer = (*port)(nil)
