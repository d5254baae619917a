package sync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
)

// How a Replica treats masters.
const (
	silence      = 3 * time.Second       // without a frame: three heartbeats were missed, the link is half open
	firstBackoff = 20 * time.Millisecond // before the next master is tried, the first time
	lastBackoff  = 2 * time.Second
)

// Handler hears of every block before it is written to disk. It must be quick: the
// subscription waits.
type Handler interface {
	// Update says what happened, in order. The notes it returns are written in one record
	// with the updates: after a crash both are there, or neither is and the updates come
	// again. An error ends Run.
	Update(ctx context.Context, updates []Update) ([]Note, error)

	// Committed says that updates and notes of the last call are written.
	Committed()
}

// Config says what a Replica follows and where it keeps it.
type Config struct {
	Chain    abi.Digest
	Patterns []abi.Pattern // what to subscribe to; the node's SUB grants cut it down
	Sources  []Source      // the masters, tried in turn; the first is chosen at random

	Dir      string // folder of the memcache on disk; empty keeps it in memory only
	Key      []byte // 32 bytes, the storage key; needed with Dir
	MaxItems int    // 0 means DefaultMaxItems

	Handler Handler // may be nil
	Log     *slog.Logger
}

// Stats counts what happened since Open.
type Stats struct {
	Events        uint64 `json:"events"`
	Subscriptions uint64 `json:"subscriptions"`
	Failures      uint64 `json:"failures"` // subscriptions that ended with an error
	Silences      uint64 `json:"silences"` // of those: half-open links
	Gaps          uint64 `json:"gaps"`     // of those: events were missing
	Snapshots     uint64 `json:"snapshots"`
}

// Replica is a node's memcache, kept in step with the chain while Run runs. Its methods are
// safe for concurrent use.
type Replica struct {
	cfg   Config
	store *store // nil: in memory only

	machine *Machine // used by Run alone

	mu      sync.Mutex // guards what is below; nothing else is locked while it is held
	state   *chain.State
	token   rpc.Token
	begun   bool // a snapshot was taken
	head    rpc.HeadA
	stats   Stats
	changed chan struct{} // closed and replaced whenever something above changes
	subs    map[int]func(Update)
	nextSub int
}

// Open reads the memcache from disk, if there is one. Run brings it in step.
func Open(cfg Config) (*Replica, error) {
	if len(cfg.Patterns) == 0 {
		return nil, errors.New("open memcache: no patterns to subscribe to")
	}
	for _, p := range cfg.Patterns {
		if _, err := abi.ParsePattern(string(p)); err != nil {
			return nil, fmt.Errorf("open memcache: %w", err)
		}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r := &Replica{
		cfg: cfg, machine: NewMachine(cfg.Chain, cfg.Patterns, cfg.MaxItems),
		changed: make(chan struct{}), subs: map[int]func(Update){},
	}
	if cfg.Dir != "" {
		s, torn, err := openStore(cfg.Dir, cfg.Key, r.machine)
		if err != nil {
			return nil, fmt.Errorf("open memcache in %s: %w", cfg.Dir, err)
		}
		if torn > 0 {
			cfg.Log.Warn("memcache ended in the middle of a record, as after a crash", "bytes", torn)
		}
		r.store = s
	}
	r.state = r.machine.State()
	r.token, r.begun = r.machine.Token()
	return r, nil
}

// Close forces the memcache to disk. Run has ended before.
func (r *Replica) Close() error {
	if r.store == nil {
		return nil
	}
	return r.store.close()
}

// Run follows the chain until ctx ends, which returns nil. It returns an error when this
// node can not go on: its disk fails, the handler does, the memcache is full, or every
// master in turn says that its chain is another (ErrForked). Call it once.
func (r *Replica) Run(ctx context.Context) error {
	if len(r.cfg.Sources) == 0 {
		return errors.New("follow the chain: no masters")
	}
	at := rand.IntN(len(r.cfg.Sources))
	backoff, forks := firstBackoff, 0
	for ctx.Err() == nil {
		src := r.cfg.Sources[at]
		moved, err := r.follow(ctx, src)
		if ctx.Err() != nil {
			break
		}
		if moved {
			backoff, forks = firstBackoff, 0
		}
		var fatal *fatalError
		switch {
		case err == nil: // the machine wants another subscription
			continue
		case errors.As(err, &fatal):
			return fatal.err
		case forked(err):
			if forks++; forks >= len(r.cfg.Sources) {
				return fmt.Errorf("follow the chain: every master refuses this node's place in it: %w: %w", ErrForked, err)
			}
		}
		r.failed(err)
		r.cfg.Log.Info("subscription ended", "master", src.Name(), "error", err)
		at = (at + 1) % len(r.cfg.Sources)
		wait := time.NewTimer(backoff/2 + rand.N(backoff))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
		backoff = min(2*backoff, lastBackoff)
	}
	return nil
}

// fatalError ends Run.
type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }

// errSilent ends a subscription at a master that says nothing.
var errSilent = fmt.Errorf("no frame for %s: the link is half open", silence)

func (r *Replica) failed(err error) {
	r.note(func() {
		r.stats.Failures++
		if errors.Is(err, errSilent) {
			r.stats.Silences++
		}
		if errors.As(err, new(*GapError)) {
			r.stats.Gaps++
		}
	})
}

// follow subscribes at one master and takes frames until something ends it. moved reports
// whether the memcache got any further.
func (r *Replica) follow(ctx context.Context, src Source) (moved bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	q := r.machine.Query()
	type received struct {
		frame rpc.WatchFrame
		err   error
	}
	frames := make(chan received)
	var reader sync.WaitGroup
	reader.Go(func() {
		pass := func(x received) bool {
			select {
			case frames <- x:
				return x.err == nil
			case <-ctx.Done():
				return false
			}
		}
		stream, err := src.Watch(ctx, q)
		if err != nil {
			pass(received{err: err})
			return
		}
		defer stream.Close()
		for {
			f, err := stream.Recv()
			if !pass(received{f, err}) {
				return
			}
		}
	})
	defer reader.Wait()
	defer cancel()
	r.note(func() { r.stats.Subscriptions++ })
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return moved, ctx.Err()
		case <-quiet.C:
			src.Drop()
			return moved, errSilent
		case x := <-frames:
			if x.err != nil {
				return moved, x.err
			}
			step, err := r.take(ctx, &x.frame)
			if err != nil {
				return moved, err
			}
			moved = moved || step.Moved
			if step.Subscribe {
				return true, nil
			}
			quiet.Reset(silence)
		}
	}
}

// take applies a frame: machine, handler, disk, memory, subscribers, in this order.
func (r *Replica) take(ctx context.Context, f *rpc.WatchFrame) (Step, error) {
	step, err := r.machine.Frame(f)
	if errors.Is(err, ErrTooMany) {
		return step, &fatalError{fmt.Errorf("follow the chain: %w", err)}
	}
	if err != nil {
		return step, err
	}
	if step.Moved {
		if err := r.commit(ctx, &step); err != nil {
			return step, err
		}
	}
	r.note(func() {
		r.state = r.machine.State()
		r.token, r.begun = r.machine.Token()
		for i := range step.Updates {
			r.stats.Events += uint64(len(step.Updates[i].Events))
			if step.Updates[i].Snapshot {
				r.stats.Snapshots++
			}
		}
		if f.Head != nil && f.Head.Height >= r.head.Height {
			r.head = *f.Head
		}
	})
	for _, u := range step.Updates {
		for _, f := range r.listeners() {
			f(u)
		}
	}
	return step, nil
}

// commit writes a step and what the handler made of it to disk.
func (r *Replica) commit(ctx context.Context, step *Step) error {
	var rec record
	if h := r.cfg.Handler; h != nil && len(step.Updates) > 0 {
		notes, err := h.Update(ctx, step.Updates)
		if err != nil {
			return &fatalError{fmt.Errorf("handle block %d: %w", step.Updates[0].Height, err)}
		}
		rec.Notes = notes
	}
	if r.store != nil {
		snapshot := false
		for i := range step.Updates {
			snapshot = snapshot || step.Updates[i].Snapshot
			for j := range step.Updates[i].Events {
				rec.Events = append(rec.Events, rpc.FromEvent(&step.Updates[i].Events[j]))
			}
		}
		t, _ := r.machine.Token()
		rec.Token, rec.Fill = &t, r.machine.fill
		if snapshot { // it is not made of events: the log begins anew with it
			rec.Events = nil
			for _, n := range rec.Notes {
				r.store.hold(n)
			}
			if err := r.store.rewrite(r.machine); err != nil {
				return &fatalError{err}
			}
		} else if err := r.store.append(&rec, len(rec.Notes) > 0); err != nil {
			return &fatalError{err}
		}
		if r.store.grown() {
			if err := r.store.rewrite(r.machine); err != nil {
				return &fatalError{err}
			}
		}
	}
	if h := r.cfg.Handler; h != nil && len(step.Updates) > 0 {
		h.Committed()
	}
	return nil
}

// Keep writes notes beside the memcache. With force it waits until they survive a loss of
// power. Without a folder it does nothing.
func (r *Replica) Keep(force bool, notes ...Note) error {
	if r.store == nil {
		return nil
	}
	return r.store.append(&record{Notes: notes}, force)
}

// Notes returns the notes in force as of Open and later, in the order of their keys.
func (r *Replica) Notes() []Note {
	if r.store == nil {
		return nil
	}
	return r.store.list()
}

// note changes what r.mu guards and tells those who wait.
func (r *Replica) note(change func()) {
	r.mu.Lock()
	change()
	close(r.changed)
	r.changed = make(chan struct{})
	r.mu.Unlock()
}

func (r *Replica) listeners() (out []func(Update)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range slices.Sorted(maps.Keys(r.subs)) {
		out = append(out, r.subs[k])
	}
	return out
}

// Subscribe calls f for every block that changed the memcache, in order, after it did, from
// now on until cancel is called. The subscription to the chain waits for f, which may call
// the Replica's methods.
func (r *Replica) Subscribe(f func(Update)) (cancel func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := r.nextSub
	r.nextSub++
	r.subs[id] = f
	return func() {
		r.mu.Lock()
		delete(r.subs, id)
		r.mu.Unlock()
	}
}
