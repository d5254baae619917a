// Package order is the leader's pipeline: it takes verified transactions, executes them
// on a speculative state, cuts blocks, proposes them, and answers when they are applied.
// At a follower it only says so.
//
// The way of one transaction:
//
//	Submit       joins the queue, which is bounded: a full queue is a refusal, not a wait
//	lead         one goroutine per leadership: duplicate? execute, add to the open block,
//	             seal it, propose it
//	settle       one goroutine: waits for proposals in order and answers
//
// Blocks in flight are bounded. While few are, a block is cut as soon as nothing waits,
// so an event on an idle chain never waits for company; while more are, the open block
// fills, so that load makes blocks larger rather than more.
package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
)

// Proposal is a block on its way through consensus.
type Proposal interface {
	// Wait returns what the machine made of the block, when it was applied here.
	Wait() (result any, err error)
}

// Consensus is what the pipeline needs of Raft.
type Consensus interface {
	Propose(block []byte) Proposal
	Barrier(ctx context.Context) error // every entry of earlier terms is applied here
	Leadership() <-chan bool           // each change of this node's leadership, the latest value at least
	Term() uint64
}

// Machine is the applied chain at this node.
type Machine interface {
	// Copy returns the applied state, to be read while more is applied.
	Copy() *chain.State

	// Find says where an applied transaction is.
	Find(id chain.TxID) (Result, bool, error)
}

// Result is where a transaction is and what became of it.
type Result struct {
	ID       chain.TxID
	Height   chain.Height
	Index    uint32
	Block    chain.Digest
	Time     chain.Time
	Outcome  chain.Outcome
	Replayed bool // it was in the chain before it was submitted now
}

// Applied is what the machine must return for an entry that extended the chain. Any other
// result means that the block was void.
type Applied struct{ Height chain.Height }

// Errors of Submit, beside *chain.Refusal.
var (
	// ErrNotLeader means that this node does not order now; nothing happened.
	ErrNotLeader = errors.New("not the leader")

	// ErrUnknown means that leadership was lost on the way: the transaction may or may not
	// be in the chain. Submitting the same bytes again settles it.
	ErrUnknown = errors.New("leadership was lost: the outcome is not known yet")
)

// Config of an Orderer. Zero numbers take their defaults.
type Config struct {
	Consensus Consensus
	Machine   Machine
	Rules     func() chain.Rules // new rules for each leadership, see policy.Cache
	Leader    chain.Identity
	Clock     func() time.Time // nil means time.Now
	Log       *slog.Logger

	Queue    int // transactions that may wait; 0 means 8192
	InFlight int // blocks proposed and not yet applied; 0 means 16
	Eager    int // below this many in flight a block is cut at once; 0 means 3
}

// Orderer is the pipeline of one node. Safe for concurrent use.
type Orderer struct {
	cfg  Config
	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex // guards leading; held while an item joins the queue
	leading *lead      // nil while this node does not lead

	depth atomic.Int64 // items in the queue
}

type item struct {
	tx     *chain.Tx
	seen   uint64        // ids applied by this leadership when the chain was searched for tx
	answer chan<- answer // buffered
}

type answer struct {
	r   Result
	err error
}

// New starts the pipeline. Close ends it.
func New(cfg Config) *Orderer {
	if cfg.Queue == 0 {
		cfg.Queue = 8192
	}
	if cfg.InFlight == 0 {
		cfg.InFlight = 16
	}
	if cfg.Eager == 0 {
		cfg.Eager = 3
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	o := &Orderer{cfg: cfg, stop: make(chan struct{}), done: make(chan struct{})}
	go o.run()
	return o
}

// Close ends the pipeline. Waiting transactions are answered with ErrUnknown.
func (o *Orderer) Close() {
	close(o.stop)
	<-o.done
}

// Waiting is the number of transactions in the queue.
func (o *Orderer) Waiting() int { return int(o.depth.Load()) }

// Leading reports whether this node orders now.
func (o *Orderer) Leading() bool { return o.lead() != nil }

func (o *Orderer) lead() *lead {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.leading
}

// Submit orders a transaction whose signature was verified, and waits until it is
// applied here. A *chain.Refusal means that it will not enter the chain as it is (or,
// with chain.NoPlace, not now). When ctx ends first, the outcome is unknown.
func (o *Orderer) Submit(ctx context.Context, tx *chain.Tx) (Result, error) {
	// The chain is searched under one leadership and the item joins the same one, so that
	// no block of another leader comes in between.
	l := o.lead()
	var seen uint64
	if l != nil {
		seen = l.applied.Load()
	}
	if r, ok, err := o.cfg.Machine.Find(tx.ID); err != nil {
		return Result{}, fmt.Errorf("look up transaction: %w", err)
	} else if ok {
		r.Replayed = true
		return r, nil
	}
	c := make(chan answer, 1)
	o.mu.Lock()
	if l == nil || o.leading != l {
		o.mu.Unlock()
		return Result{}, ErrNotLeader
	}
	select {
	case l.queue <- &item{tx: tx, seen: seen, answer: c}:
		o.depth.Add(1)
	default:
		o.mu.Unlock()
		return Result{}, chain.Refusef(chain.NoPlace, "%d transactions wait already: try again in a moment", o.cfg.Queue)
	}
	o.mu.Unlock()
	select {
	case a := <-c:
		return a.r, a.err
	case <-ctx.Done():
		return Result{}, fmt.Errorf("%w: %w", ErrUnknown, ctx.Err())
	}
}

// run follows leadership: one lead at a time.
func (o *Orderer) run() {
	defer close(o.done)
	changes := o.cfg.Consensus.Leadership()
	leads := false
	for {
		if !leads {
			select {
			case leads = <-changes:
			case <-o.stop:
				return
			}
			continue
		}
		l := newLead(o)
		stop := make(chan struct{})
		over := make(chan bool) // value: was it lost by order of consensus
		go func() { over <- l.run(stop) }()
		select {
		case leads = <-changes:
			close(stop)
			<-over
		case <-over: // void block or failed barrier: start anew, if we still lead
			select {
			case leads = <-changes:
			case <-o.stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		case <-o.stop:
			close(stop)
			<-over
			return
		}
	}
}

// open lets transactions in.
func (o *Orderer) open(l *lead) {
	o.mu.Lock()
	o.leading = l
	o.mu.Unlock()
}

// shut lets no more in; afterwards the lead's queue does not grow.
func (o *Orderer) shut() {
	o.mu.Lock()
	o.leading = nil
	o.mu.Unlock()
}

func now(clock func() time.Time) chain.Time { return abi.Time(clock().UnixMicro()) }
