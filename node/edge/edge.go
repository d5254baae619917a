package edge

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	gosync "sync"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node/contracts"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/sync"
	"github.com/kalima-chain/kalima/registry"
)

// Limits of what a node takes on.
const (
	MaxHops        = 8      // transactions in a row that this node makes of one event
	DefaultBacklog = 10_000 // triggers that wait; beyond it the subscription does
)

// Engine runs a react contract; *contracts.Engine does.
type Engine interface {
	React(ctx context.Context, b registry.Binding, st host.State, call abi.Call) (host.Result, error)
}

// Submitter gets a signed transaction into the chain; *rpc.Client does. Errors that a
// master answered are a *transport.Error.
type Submitter interface {
	SubmitTx(ctx context.Context, envelope []byte) (rpc.Receipt, error)
}

// Master answers for itself alone; *sync.Master does.
type Master interface {
	Head(ctx context.Context) (rpc.HeadA, error)
	Tx(ctx context.Context, id abi.TxID) (rpc.TxA, error)
}

var (
	_ Engine    = (*contracts.Engine)(nil)
	_ Submitter = (*rpc.Client)(nil)
	_ Master    = (*sync.Master)(nil)
)

// Config says what a node follows and what it runs.
type Config struct {
	Chain    abi.Digest
	Key      ed25519.PrivateKey // signs what contracts submit
	Patterns []abi.Pattern      // what to follow, beside the registry's records
	Sources  []sync.Source

	Dir        string // folder of the memcache and of the work that is due; empty keeps both in memory only
	StorageKey []byte // 32 bytes; needed with Dir
	MaxItems   int    // of the memcache; 0 means sync.DefaultMaxItems
	Backlog    int    // triggers that may wait; 0 means DefaultBacklog

	Engine Engine // nil: the node runs no contracts
	Submit Submitter
	Lookup []Master                   // asked for a transaction whose window has passed
	Runs   func(instance string) bool // whether this node runs an instance; nil: every one

	Log *slog.Logger
}

// Stats counts what happened since Open.
type Stats struct {
	Triggers  uint64 `json:"triggers"`  // events that started a contract
	Accepted  uint64 `json:"accepted"`  // transactions of contracts that took effect
	Rejected  uint64 `json:"rejected"`  // transactions that a validate contract said no to
	Refused   uint64 `json:"refused"`   // transactions that the chain did not take: no grant, malformed
	Faults    uint64 `json:"faults"`    // contracts that faulted or said no
	Failures  uint64 `json:"failures"`  // runs and submits that this node must try again
	Looped    uint64 `json:"looped"`    // events that were MaxHops away from their origin
	Unbound   uint64 `json:"unbound"`   // triggers whose binding went before they could run
	Waiting   int    `json:"waiting"`   // triggers that are not done
	Unknowing uint64 `json:"unknowing"` // blocks whose bindings could not be read
}

// Node is a client node. Its methods are safe for concurrent use.
type Node struct {
	cfg     Config
	replica *sync.Replica

	bindings *contracts.Bindings // used by Update alone
	fresh    []*job              // from Update to Committed
	next     uint64              // key of the next note; used by Update alone

	mu      gosync.Mutex // guards what is below
	queues  map[string][]*job
	effects map[abi.TxID]*effect
	reached abi.Height // last block that Update saw
	height  abi.Height // last block of which the updates are committed
	stats   Stats
	changed chan struct{} // closed and replaced when stats change
	failure error

	ctx   context.Context // of Run, which sets these three before anything uses them
	stop  context.CancelFunc
	start func(func())
}

// Open reads what is on disk. Run then goes on from there.
func Open(cfg Config) (*Node, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Backlog == 0 {
		cfg.Backlog = DefaultBacklog
	}
	if cfg.Engine != nil && (cfg.Submit == nil || len(cfg.Key) != ed25519.PrivateKeySize) {
		return nil, errors.New("open edge node: contracts need a key and somebody to submit to")
	}
	n := &Node{
		cfg: cfg, bindings: new(contracts.Bindings), queues: map[string][]*job{}, effects: map[abi.TxID]*effect{}, changed: make(chan struct{}),
	}
	r, err := sync.Open(sync.Config{
		Chain: cfg.Chain, Patterns: patterns(cfg), Sources: cfg.Sources, Dir: cfg.Dir, Key: cfg.StorageKey,
		MaxItems: cfg.MaxItems, Handler: n, Log: cfg.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("open edge node: %w", err)
	}
	n.replica = r
	n.height = r.View().Token.Height
	for _, note := range r.Notes() {
		j, err := readJob(note)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open edge node: %w", err), r.Close())
		}
		n.next = max(n.next, j.key+1)
		if len(j.task.Envelope) > 0 {
			n.effects[j.task.TxID] = &effect{j, j.task.Done}
		}
		if j.task.Done == 0 {
			n.queues[j.binding.Instance] = append(n.queues[j.binding.Instance], j)
			n.stats.Waiting++
		}
	}
	return n, nil
}

// patterns is what a node follows: with contracts also what says which of them run, and
// who sent what. A pattern that the node's SUB grants do not cover shows nothing.
func patterns(cfg Config) []abi.Pattern {
	out := slices.Clone(cfg.Patterns)
	if cfg.Engine == nil {
		return out
	}
	for _, a := range []abi.Address{registry.ContractsAddress, registry.BindingsAddress, policy.Identities} {
		if p := abi.Pattern(a + "/**"); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// Replica is the node's memcache.
func (n *Node) Replica() *sync.Replica { return n.replica }

// Stats returns the counts as of now.
func (n *Node) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// Wait waits until the counts satisfy a condition.
func (n *Node) Wait(ctx context.Context, until func(Stats) bool) (Stats, error) {
	for {
		n.mu.Lock()
		s, changed := n.stats, n.changed
		n.mu.Unlock()
		if until(s) {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return s, fmt.Errorf("edge node with %d triggers waiting: %w", s.Waiting, ctx.Err())
		}
	}
}

// Close forces what is in memory to disk. Run has ended before.
func (n *Node) Close() error { return n.replica.Close() }

// Run follows the chain and runs contracts until ctx ends, which returns nil. Any error
// means that this node can not go on; a contract is never the cause. Call it once.
func (n *Node) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var workers gosync.WaitGroup
	n.mu.Lock()
	n.ctx, n.stop = ctx, cancel
	n.start = func(f func()) { workers.Go(f) }
	for instance := range n.queues {
		n.work(ctx, instance)
	}
	n.mu.Unlock()
	err := n.replica.Run(ctx)
	cancel()
	workers.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	return errors.Join(err, n.failure)
}
