// Package nodetest runs a chain of real masters in one process, over real sockets on the
// loopback, with links that a test cuts and heals.
package nodetest

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/consensus"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node"
	"github.com/kalima-chain/kalima/node/keyring"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

// Patience bounds every wait of a test.
const Patience = 30 * time.Second

// Config of a cluster. Zero fields take what their comment says.
type Config struct {
	Masters  int                     // 0 means 5
	Runtimes map[string]host.Runtime // nil: no contracts run
	Limits   host.Limits
	Dir      string // "" means a folder of the test's own

	Consensus func(*consensus.Config) // changes what the cluster sets; nil: nothing
}

// Cluster is a chain and its masters.
type Cluster struct {
	T       testing.TB
	Genesis []byte
	Chain   abi.Digest
	Infos   []rpc.MasterInfo
	Dirs    []string

	cfg   Config
	links []*link
	mu    sync.Mutex
	nodes []*node.Master
}

// Names of the identities that every cluster knows, beside its masters.
const (
	Admin    = "admin"
	Author   = "author"
	Reviewer = "reviewer"
	Operator = "operator"
	Device   = "device" // may publish and read everything
	Edge     = "edge"   // client node: reads everything, publishes alarms
	Reader   = "reader" // may read /public/** only
	Nobody   = "nobody" // has a key, but is not on the chain
)

// Key returns the key of a name. It is the same in every test.
func Key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("nodetest/" + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// ID returns the identity of a name.
func ID(name string) abi.Identity { return keyring.Identity(Key(name)) }

func masterName(i int) string { return fmt.Sprintf("master-%d", i+1) }

// New starts a cluster. It is stopped when the test ends.
func New(t testing.TB, cfg Config) *Cluster {
	t.Helper()
	if cfg.Masters == 0 {
		cfg.Masters = 5
	}
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	c := &Cluster{T: t, cfg: cfg, nodes: make([]*node.Master, cfg.Masters)}
	g := chain.Genesis{Name: "nodetest", Time: 1_700_000_000_000_000, Nonce: []byte(t.Name() + "........")[:8]}
	identity := func(name string, sub, pub []abi.Pattern, roles ...string) {
		g.Records = append(g.Records, policy.Record(policy.Identities, ID(name), policy.Identity{Name: name, Roles: roles}))
		if len(sub)+len(pub) > 0 {
			g.Records = append(g.Records, policy.Record(policy.Grants, ID(name), policy.Grant{Pub: pub, Sub: sub}))
		}
	}
	all := []abi.Pattern{"/**"}
	for i, port := range freePorts(t, cfg.Masters) {
		name := masterName(i)
		identity(name, nil, nil, policy.Master)
		address := fmt.Sprintf("127.0.0.1:%d", port)
		g.Records = append(g.Records, policy.Record(policy.Masters, ID(name), policy.MasterNode{Name: name, Address: address}))
		c.Infos = append(c.Infos, rpc.MasterInfo{Name: name, Identity: ID(name), Address: address})
		c.Dirs = append(c.Dirs, filepath.Join(cfg.Dir, name))
		c.links = append(c.links, &link{})
	}
	identity(Admin, nil, nil, policy.Admin)
	identity(Author, all, nil, policy.Author)
	identity(Reviewer, all, nil, policy.Reviewer)
	identity(Operator, all, nil, policy.Operator)
	identity(Device, all, all, policy.Client)
	identity(Edge, all, []abi.Pattern{"/alarms/**"}, policy.Client)
	identity(Reader, []abi.Pattern{"/public/**"}, nil, policy.Client)
	c.Genesis = g.Encode()
	c.Chain = sha256.Sum256(c.Genesis)
	t.Cleanup(c.Close)
	for i := range c.nodes {
		c.Start(i)
	}
	return c
}

// Start starts a master.
func (c *Cluster) Start(i int) {
	c.T.Helper()
	if err := c.TryStart(i); err != nil {
		c.T.Fatalf("start %s: %v", masterName(i), err)
	}
}

// TryStart starts a master that may not be able to.
func (c *Cluster) TryStart(i int) error {
	key := sha256.Sum256([]byte(masterName(i) + " storage"))
	m, err := node.StartMaster(context.Background(), node.MasterConfig{
		Dir: c.Dirs[i], Name: masterName(i), Listen: c.Infos[i].Address, Key: Key(masterName(i)), StorageKey: key[:],
		Genesis: c.Genesis, Runtimes: c.cfg.Runtimes, Limits: c.cfg.Limits, Log: testLog(),
		Transport: func(t *transport.Config) { t.Wrap = c.links[i].wrap },
		Consensus: func(r *consensus.Config) {
			r.Heartbeat, r.StoreTimeout = 500*time.Millisecond, Patience
			if c.cfg.Consensus != nil {
				c.cfg.Consensus(r)
			}
		},
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.nodes[i] = m
	c.mu.Unlock()
	return nil
}

func testLog() *slog.Logger {
	if os.Getenv("KALIMA_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return nil
}

// Stop ends a master in order.
func (c *Cluster) Stop(i int) {
	c.T.Helper()
	if m := c.take(i); m != nil {
		if err := m.Close(); err != nil {
			c.T.Errorf("stop %s: %v", masterName(i), err)
		}
	}
}

// Crash cuts a master off and then ends it: to the others it is gone without a word.
func (c *Cluster) Crash(i int) {
	c.Cut(i)
	if m := c.take(i); m != nil {
		m.Close() // what it can not say any more is no fault here
	}
	c.Heal(i)
}

// Take gives up a running master to the test, which closes it.
func (c *Cluster) Take(i int) *node.Master { return c.take(i) }

func (c *Cluster) take(i int) *node.Master {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.nodes[i]
	c.nodes[i] = nil
	return m
}

// Master returns a running master, or nil.
func (c *Cluster) Master(i int) *node.Master {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[i]
}

// Cut drops every packet to and from a master.
func (c *Cluster) Cut(i int) { c.links[i].cut.Store(true) }

// Heal ends Cut.
func (c *Cluster) Heal(i int) { c.links[i].cut.Store(false) }

// Close stops everything.
func (c *Cluster) Close() {
	var wg sync.WaitGroup
	for i := range c.nodes {
		if m := c.take(i); m != nil {
			wg.Add(1)
			go func() { defer wg.Done(); m.Close() }()
		}
	}
	wg.Wait()
}

// Leader waits for a master that leads, and returns its number.
func (c *Cluster) Leader() int {
	c.T.Helper()
	leader := -1
	c.Eventually("led", func() bool {
		for i := range c.nodes {
			if m := c.Master(i); m != nil && !c.links[i].cut.Load() && m.Leading() {
				leader = i
				return true
			}
		}
		return false
	})
	return leader
}

// Eventually waits until a condition holds.
func (c *Cluster) Eventually(what string, ok func() bool) {
	c.T.Helper()
	deadline := time.After(Patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			c.T.Fatalf("the cluster is not %s within %s", what, Patience)
		}
	}
}

// Client returns a client with the key of a name. It begins with the first of the masters
// given, or with master 0.
func (c *Cluster) Client(name string, masters ...int) *rpc.Client {
	c.T.Helper()
	infos := c.Infos
	if len(masters) > 0 {
		infos = nil
		for _, i := range masters {
			infos = append(infos, c.Infos[i])
		}
	}
	cl, err := rpc.New(rpc.Config{Chain: c.Chain, Masters: infos, Key: Key(name)})
	if err != nil {
		c.T.Fatal(err)
	}
	c.T.Cleanup(func() { cl.Close() })
	return cl
}

// SameLedger waits until all running masters are at one height, and compares what they
// have there.
func (c *Cluster) SameLedger() abi.Digest {
	c.T.Helper()
	var want abi.Digest
	c.Eventually("at one height", func() bool {
		heights := map[chain.Height]bool{}
		for i := range c.nodes {
			if m := c.Master(i); m != nil {
				heights[m.Machine().Head().Height] = true
			}
		}
		return len(heights) == 1
	})
	for i := range c.nodes {
		m := c.Master(i)
		if m == nil {
			continue
		}
		_, root, state := m.Machine().Digests()
		got := chain.LedgerHash(root, state)
		if want == (abi.Digest{}) {
			want = got
		}
		if got != want {
			c.T.Errorf("%s: ledger hash %s, want %s", masterName(i), got.Short(), want.Short())
		}
	}
	return want
}

func freePorts(t testing.TB, n int) []int {
	var ports []int
	for range n {
		s, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ports = append(ports, s.LocalAddr().(*net.UDPAddr).Port)
	}
	return ports
}
