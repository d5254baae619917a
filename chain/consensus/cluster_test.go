package consensus

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

const patience = 60 * time.Second // how long a test waits for what must come

// tape is a machine that remembers what it applied. Its content outlives a crash up to
// the last sync, like a ledger's.
type tape struct {
	mu      sync.Mutex
	changed *sync.Cond
	entries []Entry
	synced  int
	peers   func(to uint64) []Entry // for Restore
	restore int                     // times
}

func newTape() *tape {
	t := &tape{}
	t.changed = sync.NewCond(&t.mu)
	return t
}

func (t *tape) Apply(batch []Entry) []any {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]any, len(batch))
	for i, e := range batch {
		if n := len(t.entries); n > 0 && t.entries[n-1].Index >= e.Index {
			panic(fmt.Sprintf("entry %d comes after %d", e.Index, t.entries[n-1].Index))
		}
		e.Data = append([]byte(nil), e.Data...)
		t.entries = append(t.entries, e)
		out[i] = len(t.entries)
	}
	t.changed.Broadcast()
	return out
}

func (t *tape) last() uint64 {
	if len(t.entries) == 0 {
		return 0
	}
	return t.entries[len(t.entries)-1].Index
}

func (t *tape) Applied() uint64 { t.mu.Lock(); defer t.mu.Unlock(); return t.last() }

func (t *tape) Pointer() (Pointer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Pointer{Index: t.last(), Height: chain.Height(len(t.entries)), Hash: t.hash()}, nil
}

func (t *tape) hash() chain.Digest {
	h := sha256.New()
	for _, e := range t.entries {
		fmt.Fprintf(h, "%d %d %x\n", e.Index, e.Term, e.Data)
	}
	return chain.Digest(h.Sum(nil))
}

func (t *tape) Sync() error { t.mu.Lock(); defer t.mu.Unlock(); t.synced = len(t.entries); return nil }

func (t *tape) Restore(ctx context.Context, p Pointer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.restore++
	t.entries = t.peers(p.Index)
	if got := t.hash(); got != p.Hash {
		return fmt.Errorf("restored to %s, want %s", got.Short(), p.Hash.Short())
	}
	t.changed.Broadcast()
	return nil
}

// crash forgets what was not synced.
func (t *tape) crash() { t.mu.Lock(); defer t.mu.Unlock(); t.entries = t.entries[:t.synced] }

// upTo copies the entries up to an index.
func (t *tape) upTo(index uint64) []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, e := range t.entries {
		if e.Index > index {
			return append([]Entry(nil), t.entries[:i]...)
		}
	}
	return append([]Entry(nil), t.entries...)
}

func (t *tape) values() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for _, e := range t.entries {
		out = append(out, string(e.Data))
	}
	return out
}

// cluster is a number of masters in this process.
type cluster struct {
	t       testing.TB
	network *network
	servers []Server
	dirs    []string
	tapes   []*tape
	nodes   []*Node // nil: not running
	change  func(i int, c *Config)

	mu     sync.Mutex
	fatals map[int]error
	fatal  chan int
}

func newCluster(t testing.TB, size int, change func(i int, c *Config)) *cluster {
	t.Helper()
	c := &cluster{t: t, network: newNetwork(), nodes: make([]*Node, size), fatals: map[int]error{}, fatal: make(chan int, size), change: change}
	root := t.TempDir()
	var ports []*port
	for i := range size {
		p, err := c.network.listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, p)
		c.servers = append(c.servers, Server{ID: abi.Identity{byte(i + 1)}, Address: p.Addr().String()})
		c.dirs = append(c.dirs, filepath.Join(root, fmt.Sprint(i)))
		tape := newTape()
		tape.peers = func(to uint64) []Entry {
			for j, other := range c.tapes {
				if j != i && other.Applied() >= to {
					return other.upTo(to)
				}
			}
			return nil
		}
		c.tapes = append(c.tapes, tape)
	}
	for i := range size {
		c.open(i, ports[i])
	}
	t.Cleanup(func() {
		for _, n := range c.nodes {
			if n != nil {
				n.Close()
			}
		}
	})
	return c
}

func (c *cluster) config(i int) Config {
	cfg := Config{
		Self: c.servers[i], Dir: c.dirs[i], Key: testKey, Machine: c.tapes[i], Bootstrap: c.servers,
		Heartbeat: 200 * time.Millisecond, CommitEvery: 5 * time.Millisecond, SegmentSize: 1 << 20,
		Fatal: func(err error) {
			c.mu.Lock()
			c.fatals[i] = err
			c.mu.Unlock()
			c.fatal <- i
		},
	}
	if c.change != nil {
		c.change(i, &cfg)
	}
	return cfg
}

func (c *cluster) open(i int, p *port) {
	c.t.Helper()
	cfg := c.config(i)
	cfg.Layer = p
	n, err := Open(cfg)
	if err != nil {
		c.t.Fatalf("Open server %d: %v", i, err)
	}
	c.nodes[i] = n
}

// kill stops a server; its machine forgets what it did not sync.
func (c *cluster) kill(i int) {
	c.t.Helper()
	if err := c.nodes[i].Close(); err != nil {
		c.t.Fatalf("Close server %d: %v", i, err)
	}
	c.nodes[i] = nil
	c.tapes[i].crash()
}

func (c *cluster) start(i int) {
	c.t.Helper()
	p, err := c.network.listen(c.servers[i].Address)
	if err != nil {
		c.t.Fatal(err)
	}
	c.open(i, p)
}

// until polls a condition that has no channel.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// leader waits for a leader among the given servers, or all, that has applied what came
// before it.
func (c *cluster) leader(among ...int) int {
	c.t.Helper()
	if len(among) == 0 {
		for i := range c.nodes {
			among = append(among, i)
		}
	}
	found := -1
	until(c.t, "a leader", func() bool {
		for _, i := range among {
			if n := c.nodes[i]; n != nil && n.IsLeader() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				err := n.Barrier(ctx)
				cancel()
				if err == nil {
					found = i
					return true
				}
			}
		}
		return false
	})
	return found
}

// put proposes through whoever leads until it is accepted; when the outcome is unknown
// it looks whether the entry came.
func (c *cluster) put(value string, among ...int) {
	c.t.Helper()
	until(c.t, "acceptance of "+value, func() bool {
		_, err := c.nodes[c.leader(among...)].Propose([]byte(value)).Wait()
		if err != nil && !errors.Is(err, ErrNotLeader) && !errors.Is(err, ErrUnknown) {
			c.t.Fatalf("Propose(%s): %v", value, err)
		}
		return err == nil
	})
}

// agree waits until all running servers have applied the same entries, and returns them.
func (c *cluster) agree() []string {
	c.t.Helper()
	c.put("agree")
	want := uint64(0)
	for i, n := range c.nodes {
		if n != nil {
			want = max(want, c.tapes[i].Applied())
		}
	}
	first := -1
	for i, n := range c.nodes {
		if n == nil {
			continue
		}
		until(c.t, fmt.Sprintf("server %d to apply %d", i, want), func() bool { return c.tapes[i].Applied() >= want })
		if first < 0 {
			first = i
			continue
		}
		a, b := c.tapes[first].upTo(want), c.tapes[i].upTo(want)
		if len(a) != len(b) {
			c.t.Fatalf("server %d has %d entries, server %d has %d", first, len(a), i, len(b))
		}
		for j := range a {
			if a[j].Index != b[j].Index || a[j].Term != b[j].Term || string(a[j].Data) != string(b[j].Data) {
				c.t.Fatalf("entry %d: server %d has %d/%d %q, server %d has %d/%d %q", j,
					first, a[j].Index, a[j].Term, a[j].Data, i, b[j].Index, b[j].Term, b[j].Data)
			}
		}
	}
	return c.tapes[first].values()
}
