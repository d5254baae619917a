package edge

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/sync"
	"github.com/kalima-chain/kalima/node/transport"
	"github.com/kalima-chain/kalima/registry"
)

var (
	edgeKey    = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	storageKey = bytes.Repeat([]byte{2}, 32)
	device     = abi.Identity{3}
	errLost    = errors.New("connection lost")
)

// fakeChain takes transactions and publishes their events. It runs no validate contracts.
// Most of its blocks are empty, so it keeps events by height.
type fakeChain struct {
	id abi.Digest

	mu     gosync.Mutex
	rng    *rand.Rand
	head   abi.Height
	blocks map[abi.Height][]rpc.Event
	values map[abi.Address]map[string][]byte
	last   map[abi.Address]abi.Sequence
	taken  map[abi.TxID]rpc.TxA
	bell   chan struct{}

	down   bool    // no master can be reached
	lose   float64 // how often a question, or an answer, or a frame is lost
	refuse error   // what submit answers
	sent   int     // submissions that reached a master
}

func newFakeChain(seed uint64) *fakeChain {
	return &fakeChain{
		id: abi.Digest{7}, rng: rand.New(rand.NewPCG(seed, 2)), blocks: map[abi.Height][]rpc.Event{}, values: map[abi.Address]map[string][]byte{},
		last: map[abi.Address]abi.Sequence{}, taken: map[abi.TxID]rpc.TxA{}, bell: make(chan struct{}),
	}
}

func (c *fakeChain) Get(a abi.Address, key string) ([]byte, bool) {
	v, ok := c.values[a][key]
	return v, ok
}

func (c *fakeChain) Next(a abi.Address, after string) (string, bool) {
	for _, k := range slices.Sorted(maps.Keys(c.values[a])) {
		if k > after {
			return k, true
		}
	}
	return "", false
}

// block appends a block. c.mu is held.
func (c *fakeChain) block(sender abi.Identity, id abi.TxID, writes ...abi.Write) {
	c.head++
	for _, w := range writes {
		c.last[w.Address]++
		c.blocks[c.head] = append(c.blocks[c.head], rpc.Event{
			Address: w.Address, Key: w.Key, Value: w.Value, Sequence: c.last[w.Address], Height: c.head, Time: abi.Time(c.head), Sender: sender, TxID: id,
		})
		if c.values[w.Address] == nil {
			c.values[w.Address] = map[string][]byte{}
		}
		if len(w.Value) == 0 {
			delete(c.values[w.Address], w.Key)
		} else {
			c.values[w.Address][w.Key] = w.Value
		}
	}
	close(c.bell)
	c.bell = make(chan struct{})
}

// put is a transaction of a device, in a block of its own.
func (c *fakeChain) put(a, key, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.block(device, sha256.Sum256(fmt.Append(nil, a, key, c.head)), abi.Write{Address: abi.Address(a), Key: key, Value: []byte(value)})
}

func (c *fakeChain) idle(blocks abi.Height) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.head += blocks - 1
	c.block(device, abi.TxID{})
}

func (c *fakeChain) set(change func()) { c.mu.Lock(); change(); c.mu.Unlock() }

// system runs an operation of the registry.
func (c *fakeChain) system(t testing.TB, sender byte, op string, body any) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	writes, fault := registry.Apply(c, registry.Env{Sender: abi.Identity{sender}, Roles: []string{registry.RoleAdmin}, Height: c.head + 1}, op, text)
	if fault != nil {
		t.Fatal(fault)
	}
	c.block(abi.Identity{sender}, abi.TxID{sender}, writes...)
}

// deploy puts a contract in force for react.
func (c *fakeChain) deploy(t testing.TB, name, version string, pattern abi.Pattern) abi.Digest {
	t.Helper()
	d := registry.DigestOf([]byte(name + version))
	c.system(t, 1, registry.OpPublish, registry.Publish{
		Claims: registry.Claims{Name: name, Version: version, Language: registry.JS, Phases: []string{"react"}, Submit: []abi.Pattern{"/alarms/*"}},
		Bundle: d, Artefact: abi.Digest{1}, Source: abi.Digest{2}, Size: 1000,
	})
	c.system(t, 2, registry.OpApprove, registry.Approve{Name: name, Version: version, Bundle: d})
	c.system(t, 2, registry.OpDeploy, registry.Deploy{Name: name, Version: version, Bundle: d, Phase: "react", Pattern: pattern})
	return d
}

// events lists the events under an address, each as "key=value".
func (c *fakeChain) events(a abi.Address) (out []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range slices.Sorted(maps.Keys(c.blocks)) {
		for _, e := range c.blocks[h] {
			if e.Address == a {
				out = append(out, e.Key+"="+string(e.Value))
			}
		}
	}
	return out
}

func (c *fakeChain) chance() bool { return c.rng.Float64() < c.lose }

// SubmitTx takes a transaction once, whatever happens to question and answer.
func (c *fakeChain) SubmitTx(ctx context.Context, envelope []byte) (rpc.Receipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return rpc.Receipt{}, err
	}
	if c.down || c.chance() {
		return rpc.Receipt{}, errLost
	}
	c.sent++
	if c.refuse != nil {
		return rpc.Receipt{}, c.refuse
	}
	tx, err := chain.Decode(envelope, c.id)
	if err == nil {
		err = tx.Verify()
	}
	if err != nil {
		return rpc.Receipt{}, transport.Errorf(string(chain.Malformed), "%v", err)
	}
	a, again := c.taken[tx.ID]
	switch {
	case tx.ValidUntil <= c.head: // dedupe ends with the window
		return rpc.Receipt{}, transport.Errorf(string(chain.Expired), "expired")
	case tx.ValidUntil > c.head+1+chain.MaxValidity:
		return rpc.Receipt{}, transport.Errorf(string(chain.TooFar), "too far")
	case !again:
		var writes []abi.Write
		for _, op := range tx.Ops {
			writes = append(writes, abi.Write{Address: op.Address, Key: op.Key, Value: op.Value})
		}
		c.block(tx.Sender, tx.ID, writes...)
		a = rpc.TxA{Envelope: envelope, Receipt: rpc.Receipt{TxID: tx.ID, Height: c.head}}
		c.taken[tx.ID] = a
	}
	if c.chance() {
		return rpc.Receipt{}, transport.Errorf(rpc.CodeUnknown, "unknown outcome")
	}
	return a.Receipt, nil
}

// Head and Tx make the chain the one Master of a node.
func (c *fakeChain) Head(context.Context) (rpc.HeadA, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down || c.chance() {
		return rpc.HeadA{}, errLost
	}
	return rpc.HeadA{Height: c.head}, nil
}

func (c *fakeChain) Tx(_ context.Context, id abi.TxID) (rpc.TxA, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down || c.chance() {
		return rpc.TxA{}, errLost
	}
	if a, ok := c.taken[id]; ok {
		return a, nil
	}
	return rpc.TxA{}, transport.Errorf(rpc.CodeNotFound, "no such transaction")
}

func (c *fakeChain) Name() string { return "fake" }
func (c *fakeChain) Drop()        {}

// Watch makes the chain the one Source of a node.
func (c *fakeChain) Watch(ctx context.Context, q rpc.WatchQ) (sync.Stream, error) {
	return &fakeStream{c: c, ctx: ctx, q: q}, nil
}

// link is the way of one node to the chain. When it is dead, nothing passes.
type link struct {
	*fakeChain
	dead bool // guarded by fakeChain.mu
}

func (l *link) check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return errLost
	}
	return nil
}

func (l *link) SubmitTx(ctx context.Context, envelope []byte) (rpc.Receipt, error) {
	if err := l.check(); err != nil {
		return rpc.Receipt{}, err
	}
	return l.fakeChain.SubmitTx(ctx, envelope)
}

func (l *link) Head(ctx context.Context) (rpc.HeadA, error) {
	if err := l.check(); err != nil {
		return rpc.HeadA{}, err
	}
	return l.fakeChain.Head(ctx)
}

func (l *link) Tx(ctx context.Context, id abi.TxID) (rpc.TxA, error) {
	if err := l.check(); err != nil {
		return rpc.TxA{}, err
	}
	return l.fakeChain.Tx(ctx, id)
}

// copyDir copies the files of a folder into a new one, while somebody writes to them.
func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(from, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // renamed just now
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

type fakeStream struct {
	c   *fakeChain
	ctx context.Context
	q   rpc.WatchQ
}

func (s *fakeStream) Close() error { return nil }

func (s *fakeStream) Recv() (rpc.WatchFrame, error) {
	for {
		s.c.mu.Lock()
		f, ok := s.next()
		bell, lost := s.c.bell, s.c.down || s.c.chance()
		s.c.mu.Unlock()
		if lost || s.ctx.Err() != nil {
			return f, errLost
		}
		if ok {
			s.q.Token = f.Token
			return f, nil
		}
		select {
		case <-bell:
		case <-s.ctx.Done():
		case <-time.After(time.Second):
			return rpc.WatchFrame{Token: s.q.Token}, nil
		}
	}
}

// next makes a frame of everything up to the head. c.mu is held.
func (s *fakeStream) next() (rpc.WatchFrame, bool) {
	c := s.c
	f := rpc.WatchFrame{Token: &rpc.Token{Chain: c.id, Filter: rpc.FilterDigest(s.q.Patterns), Height: c.head, Hash: sha256.Sum256(fmt.Append(nil, c.head))}}
	sees := func(a abi.Address) bool {
		return slices.ContainsFunc(s.q.Patterns, func(p abi.Pattern) bool { return p.Match(a) })
	}
	if s.q.Token == nil {
		f.Snapshot = true
		for a, keys := range c.values {
			for k, v := range keys {
				if sees(a) {
					f.Events = append(f.Events, rpc.Event{Address: a, Key: k, Value: v, Sequence: c.last[a], Height: c.head})
				}
			}
		}
		return f, true
	}
	f.After = s.q.Token.Height
	for _, h := range slices.Sorted(maps.Keys(c.blocks)) {
		if h > s.q.Token.Height {
			for _, e := range c.blocks[h] {
				if sees(e.Address) {
					f.Events = append(f.Events, e)
				}
			}
		}
	}
	return f, c.head > s.q.Token.Height
}

// fakeEngine runs Go functions by instance.
type fakeEngine struct {
	mu   gosync.Mutex
	run  map[string]func(registry.Binding, host.State, abi.Call) (host.Result, error)
	runs map[string]int
}

func newFakeEngine() *fakeEngine {
	return &fakeEngine{run: map[string]func(registry.Binding, host.State, abi.Call) (host.Result, error){}, runs: map[string]int{}}
}

func (f *fakeEngine) React(_ context.Context, b registry.Binding, st host.State, call abi.Call) (host.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs[b.Instance]++
	return f.run[b.Instance](b, st, call)
}

// alarm submits the trigger's key and value to an address of the instance's name.
func alarm(b registry.Binding, _ host.State, call abi.Call) (host.Result, error) {
	if strings.HasPrefix(string(call.Value), "calm") {
		return host.Result{}, nil
	}
	return host.Result{Submits: []abi.Write{{Address: abi.Address("/alarms/" + b.Instance), Key: call.Key, Value: call.Value}}}, nil
}

// running is a node while it runs.
type running struct {
	*Node
	stop func() error
}

func start(t *testing.T, cfg Config) running {
	t.Helper()
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	var once gosync.Once
	var result error
	return running{n, func() error {
		once.Do(func() {
			cancel()
			result = errors.Join(<-done, n.Close())
		})
		return result
	}}
}

// settle waits until the node is at the head and has nothing left to do.
func (r running) settle(t *testing.T, c *fakeChain) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour) // of the bubble
	defer cancel()
	for {
		c.mu.Lock()
		head := c.head
		c.mu.Unlock()
		if err := r.Replica().WaitHeight(ctx, head); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Wait(ctx, func(s Stats) bool { return s.Waiting == 0 }); err != nil {
			t.Fatal(err)
		}
		c.mu.Lock()
		still := c.head == head
		c.mu.Unlock()
		if still {
			return
		}
	}
}
