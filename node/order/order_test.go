package order

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
)

// world is a machine and a consensus that the test drives: proposals wait until the test
// lets them through, or makes them void.
type world struct {
	t       *testing.T
	changes chan bool
	hold    chan struct{} // nil: proposals go through at once
	last    chan struct{} // of the newest proposal; used by the one goroutine that proposes

	chain  chain.Digest
	mu     sync.Mutex
	state  *chain.State
	found  map[chain.TxID]Result
	blocks []*chain.Block
	void   bool // refuse the next block
}

type promise struct {
	done   chan struct{}
	result any
	err    error
}

func (p *promise) Wait() (any, error) { <-p.done; return p.result, p.err }

func newWorld(t *testing.T) *world {
	g := chain.Genesis{Name: "t", Nonce: []byte("12345678"), Records: []chain.GenesisRecord{{Address: "/_kalima/x", Key: "k", Value: []byte("v")}}}
	b, err := g.Block()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, changes: make(chan bool, 8), state: chain.NewState(), found: map[chain.TxID]Result{}}
	if _, err := w.state.Apply(b); err != nil {
		t.Fatal(err)
	}
	w.chain = w.state.Head().Chain
	return w
}

func (w *world) Leadership() <-chan bool       { return w.changes }
func (w *world) Term() uint64                  { return 1 }
func (w *world) Barrier(context.Context) error { return nil }
func (w *world) Propose(b []byte) Proposal {
	p := &promise{done: make(chan struct{})}
	before := w.last // proposals are applied in the order in which they were made
	w.last = p.done
	go func() {
		if before != nil {
			<-before
		}
		if w.hold != nil {
			<-w.hold
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		defer close(p.done)
		if w.void {
			w.void = false
			p.result = chain.ErrVoid
			return
		}
		blk, err := chain.DecodeBlock(b)
		if err != nil {
			w.t.Errorf("proposal does not decode: %v", err)
			p.err = err
			return
		}
		if _, err := w.state.Apply(blk); err != nil {
			p.result = err
			return
		}
		w.blocks = append(w.blocks, blk)
		for i := range blk.Entries {
			id := blk.Tx(i).ID
			if _, twice := w.found[id]; twice {
				w.t.Errorf("transaction %s is in the chain twice", id.Short())
			}
			w.found[id] = Result{ID: id, Height: blk.Header.Height, Index: uint32(i), Outcome: blk.Entries[i].Outcome}
		}
		p.result = Applied{blk.Header.Height}
	}()
	return p
}

func (w *world) Copy() *chain.State { w.mu.Lock(); defer w.mu.Unlock(); return w.state.Copy() }
func (w *world) Find(id chain.TxID) (Result, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, ok := w.found[id]
	return r, ok, nil
}

type openRules struct{}

func (openRules) Admit(chain.View, *chain.Tx) (chain.Member, error) { return chain.Member{}, nil }
func (openRules) Engine() abi.Digest                                { return abi.Digest{0xe} }

func (openRules) System(context.Context, chain.View, chain.Env, *chain.Op) (chain.Verdict, error) {
	return chain.Verdict{}, nil
}
func (openRules) Validate(context.Context, chain.View, abi.Call) (chain.Verdict, error) {
	return chain.Verdict{}, nil
}

func (w *world) start(cfg Config) *Orderer {
	cfg.Consensus, cfg.Machine, cfg.Rules = w, w, func() chain.Rules { return openRules{} }
	o := New(cfg)
	w.t.Cleanup(o.Close)
	return o
}

func (w *world) lead(o *Orderer) {
	w.changes <- true
	eventually(w.t, "leading", o.Leading)
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not %s within 10s", what)
		}
	}
}

var key = func() ed25519.PrivateKey { s := sha256.Sum256([]byte("order")); return ed25519.NewKeyFromSeed(s[:]) }()

func (w *world) tx(n int) *chain.Tx {
	tx, err := chain.Sign(key, w.chain, 1000, []byte(fmt.Sprintf("nonce-%010d", n)), chain.Put("/a", fmt.Sprint(n), []byte("v")))
	if err != nil {
		w.t.Fatal(err)
	}
	return tx
}

func TestFollowerRefuses(t *testing.T) {
	w := newWorld(t)
	o := w.start(Config{})
	if _, err := o.Submit(t.Context(), w.tx(1)); !errors.Is(err, ErrNotLeader) {
		t.Errorf("Submit at a follower = %v, want ErrNotLeader", err)
	}
}

func TestManySubmittersEachOnce(t *testing.T) {
	w := newWorld(t)
	o := w.start(Config{})
	w.lead(o)
	const n = 2000
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r, err := o.Submit(t.Context(), w.tx(i/2)) // each twice
			if err != nil || r.Height == 0 {
				t.Errorf("Submit(%d) = height %d, %v", i/2, r.Height, err)
			}
		}()
	}
	wg.Wait()
	if len(w.found) != n/2 {
		t.Errorf("%d transactions in the chain, want %d", len(w.found), n/2)
	}
	r, err := o.Submit(t.Context(), w.tx(3))
	if err != nil || !r.Replayed || r.Height != w.found[r.ID].Height {
		t.Errorf("Submit again = %+v, %v, want the first receipt", r, err)
	}
}

func TestBlocksFillWhileProposalsAreInFlight(t *testing.T) {
	w := newWorld(t)
	w.hold = make(chan struct{})
	o := w.start(Config{Eager: 1, InFlight: 2})
	w.lead(o)
	const n = 50
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := o.Submit(t.Context(), w.tx(i)); err != nil {
				t.Errorf("Submit = %v", err)
			}
		}()
	}
	eventually(t, "taken from the queue", func() bool { return o.Waiting() == 0 })
	close(w.hold)
	wg.Wait()
	if len(w.blocks) > n/2 {
		t.Errorf("%d blocks for %d transactions that waited together", len(w.blocks), n)
	}
}

func TestVoidBlockIsUnknownAndLeadingGoesOn(t *testing.T) {
	w := newWorld(t)
	o := w.start(Config{})
	w.lead(o)
	w.mu.Lock()
	w.void = true
	w.mu.Unlock()
	tx := w.tx(1)
	if _, err := o.Submit(t.Context(), tx); !errors.Is(err, ErrUnknown) {
		t.Errorf("Submit into a void block = %v, want ErrUnknown", err)
	}
	var r Result
	var err error
	eventually(t, "leading again", func() bool {
		r, err = o.Submit(t.Context(), tx)
		return !errors.Is(err, ErrNotLeader)
	})
	if err != nil || r.Height != 1 {
		t.Errorf("Submit again = height %d, %v, want block 1", r.Height, err)
	}
}

func TestFullQueueRefusesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.hold = make(chan struct{})
	o := w.start(Config{Queue: 4, InFlight: 1, Eager: 1})
	w.lead(o)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	busy := make(chan struct{}, 1)
	for i := range 1000 { // more than a block, the open block and the queue can hold
		wg.Add(1)
		go func() {
			defer wg.Done()
			_, err := o.Submit(ctx, w.tx(i))
			var r *chain.Refusal
			if errors.As(err, &r) && r.Reason == chain.NoPlace {
				select {
				case busy <- struct{}{}:
				default:
				}
			}
		}()
	}
	select {
	case <-busy:
	case <-time.After(10 * time.Second):
		t.Error("nobody was told that the queue is full")
	}
	close(w.hold)
	cancel()
	wg.Wait()
}

func TestLosingLeadershipAnswersEverybody(t *testing.T) {
	w := newWorld(t)
	w.hold = make(chan struct{})
	o := w.start(Config{})
	w.lead(o)
	results := make(chan error, 100)
	for i := range cap(results) {
		go func() { _, err := o.Submit(context.Background(), w.tx(i)); results <- err }()
	}
	eventually(t, "taken from the queue", func() bool { return o.Waiting() == 0 })
	w.changes <- false
	eventually(t, "stepped down", func() bool { return !o.Leading() })
	close(w.hold)
	for range cap(results) {
		select {
		case err := <-results:
			if err != nil && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrNotLeader) {
				t.Errorf("Submit = %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a submitter was never answered")
		}
	}
}

// slowRules run a contract until the leadership ends.
type slowRules struct {
	openRules
	running chan struct{}
}

func (r slowRules) Validate(ctx context.Context, _ chain.View, _ abi.Call) (chain.Verdict, error) {
	close(r.running)
	<-ctx.Done()
	return chain.Verdict{}, ctx.Err()
}

// A contract that is cut short because another master leads says nothing about the
// transaction, and this node did not fail: the submitter goes to the other master.
func TestLosingLeadershipWhileAContractRuns(t *testing.T) {
	w := newWorld(t)
	r := slowRules{running: make(chan struct{})}
	o := New(Config{Consensus: w, Machine: w, Rules: func() chain.Rules { return r }})
	t.Cleanup(o.Close)
	w.lead(o)
	result := make(chan error, 1)
	go func() { _, err := o.Submit(context.Background(), w.tx(1)); result <- err }()
	<-r.running
	w.changes <- false
	select {
	case err := <-result:
		if !errors.Is(err, ErrNotLeader) {
			t.Errorf("Submit = %v, want ErrNotLeader", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the submitter was never answered")
	}
}
