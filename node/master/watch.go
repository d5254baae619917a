package master

import (
	"context"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

const (
	heartbeat     = time.Second      // at least this often a watcher hears of the head
	frameBytes    = 256 << 10        // of events in one frame, about
	maxPatterns   = 64               // in one watch
	behindPatient = 10 * time.Second // how long a token may be ahead of this master
)

// watch is one subscriber: patterns, a right to read, and a place in the chain.
type watch struct {
	s        *Server
	peer     abi.Identity
	patterns []abi.Pattern
	filter   abi.Digest
	next     chain.Height // the first block not delivered yet
	token    rpc.Token    // the place before next
	told     chain.Height // the place that the subscriber knows
	from     abi.Sequence // skip earlier ones; see WatchQ.From
	send     func([]byte) error
}

func (s *Server) watch(ctx context.Context, peer abi.Identity, body []byte, send func([]byte) error) error {
	var q rpc.WatchQ
	if err := rpc.Decode(body, &q); err != nil {
		return transport.Errorf(rpc.CodeBadRequest, "watch: %v", err)
	}
	if len(q.Patterns) == 0 || len(q.Patterns) > maxPatterns {
		return transport.Errorf(rpc.CodeBadRequest, "watch: %d patterns, want 1 to %d", len(q.Patterns), maxPatterns)
	}
	for _, p := range q.Patterns {
		if _, err := abi.ParsePattern(string(p)); err != nil {
			return transport.Errorf(rpc.CodeBadRequest, "watch: %v", err)
		}
	}
	w := &watch{s: s, peer: peer, patterns: q.Patterns, filter: rpc.FilterDigest(q.Patterns), send: send}
	if err := w.allowed(); err != nil {
		return err
	}
	if err := w.begin(ctx, &q); err != nil {
		return err
	}
	return w.follow(ctx)
}

// allowed refuses a watch that could never deliver anything, with the reason.
func (w *watch) allowed() error {
	m, ok := w.s.machine.Policy().Member(w.peer)
	if !ok {
		return transport.Errorf(string(chain.Unknown), "identity %s is not known on this chain", w.peer.Short())
	}
	if m.ReadsAll() || len(m.Sub) > 0 {
		for _, p := range w.patterns {
			if a, err := abi.ParseAddress(string(p)); err == nil && !m.MaySubscribe(a) {
				return transport.Errorf(string(chain.NoGrant), "%s has no SUB grant for %s", m.Name, a)
			}
		}
		return nil
	}
	return transport.Errorf(string(chain.NoGrant), "%s has no SUB grant", m.Name)
}

// begin finds the place where the stream starts and sends what comes before it.
func (w *watch) begin(ctx context.Context, q *rpc.WatchQ) error {
	switch {
	case q.Token != nil:
		return w.resume(ctx, q.Token)
	case q.From > 0:
		return w.fromSequence(q)
	case q.Snapshot:
		return w.snapshot()
	}
	h := w.s.machine.Head()
	w.place(h.Height, h.Hash)
	return w.beat()
}

func (w *watch) place(height chain.Height, hash chain.Digest) {
	w.next = height + 1
	w.token = rpc.Token{Chain: w.s.chain, Filter: w.filter, Height: height, Hash: hash}
}

// resume goes on after a token, once it is sure that the token's block is in this chain.
func (w *watch) resume(ctx context.Context, t *rpc.Token) error {
	if t.Chain != w.s.chain {
		return transport.Errorf(rpc.CodeTokenMismatch, "the resume token is of chain %s, this is chain %s", t.Chain.Short(), w.s.chain.Short())
	}
	if t.Filter != w.filter {
		return transport.Errorf(rpc.CodeTokenMismatch, "the resume token was made for other patterns")
	}
	patience := time.NewTimer(behindPatient)
	defer patience.Stop()
	for { // this master may be behind the one that made the token
		_, head, bell := w.s.machine.feed.at(t.Height)
		if t.Height <= head.height {
			break
		}
		select {
		case <-bell:
		case <-patience.C:
			return transport.Errorf(string(chain.NoPlace), "this master is at block %d, the resume token at %d", head.height, t.Height)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b, err := w.s.ledger.Block(t.Height)
	if err != nil {
		return answerError(err)
	}
	if b.Hash != t.Hash {
		return transport.Errorf(rpc.CodeTokenMismatch, "block %d is %s here, the resume token says %s", t.Height, b.Hash.Short(), t.Hash.Short())
	}
	w.place(t.Height, t.Hash)
	w.told = t.Height
	return w.beat()
}

// fromSequence starts at the block that holds a sequence of one address.
func (w *watch) fromSequence(q *rpc.WatchQ) error {
	if len(w.patterns) != 1 {
		return transport.Errorf(rpc.CodeBadRequest, "watch: a start sequence needs one address, not %d patterns", len(w.patterns))
	}
	a, err := abi.ParseAddress(string(w.patterns[0]))
	if err != nil {
		return transport.Errorf(rpc.CodeBadRequest, "watch: a start sequence needs one address: %v", err)
	}
	// The place comes first: an event that is applied after it, also while the ledger is
	// read, is delivered by follow. The feed's head is in the ledger; the state's may not be.
	_, head, _ := w.s.machine.feed.at(0)
	events, err := w.s.ledger.EventsOf(a, q.From, 1)
	if err != nil {
		return answerError(err)
	}
	w.from = q.From
	if len(events) == 0 { // not there yet: everything from now on
		w.place(head.height, head.hash)
		return w.beat()
	}
	first := events[0].Height
	if first == 0 {
		return w.fromGenesis()
	}
	b, err := w.s.ledger.Block(first - 1)
	if err != nil {
		return answerError(err)
	}
	w.place(b.Header.Height, b.Hash)
	return nil
}

// fromGenesis sends the events of block 0, which has no place before it.
func (w *watch) fromGenesis() error {
	b, err := w.s.ledger.Block(0)
	if err != nil {
		return answerError(err)
	}
	w.place(0, b.Hash)
	return w.deliver(w.visible(b.Events()))
}

// snapshot sends the current values as of one height, and, with an empty key, the last
// sequence of each address: where the newest event deleted a key, no value tells it.
func (w *watch) snapshot() error {
	m, ok := w.s.machine.Policy().Member(w.peer)
	if !ok { // removed since allowed looked
		return transport.Errorf(string(chain.Unknown), "identity %s is no longer known on this chain", w.peer.Short())
	}
	state := w.s.machine.Copy()
	var frame rpc.WatchFrame
	size := 0
	flush := func() error {
		frame.Snapshot = true
		err := w.send(rpc.Encode(&frame))
		frame, size = rpc.WatchFrame{}, 0
		return err
	}
	var failed error
	state.Items(func(item string, v *chain.Value) bool {
		a, key, _ := chain.SplitItem(item)
		if !w.matches(a) || !m.MaySubscribe(a) {
			return true
		}
		frame.Events = append(frame.Events, rpc.Event{
			Address: a, Key: key, Value: v.Bytes, Sequence: v.Sequence, Height: v.Height, Index: v.Index,
			Time: v.Time, At: v.At, Sender: v.Sender,
		})
		if size += len(item) + len(v.Bytes) + 128; size >= frameBytes {
			failed = flush()
		}
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	h := state.Head()
	w.place(h.Height, h.Hash)
	w.told = h.Height
	token := w.token
	frame.Token = &token
	return flush()
}

// follow delivers block after block until ctx ends.
func (w *watch) follow(ctx context.Context) error {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		events, bell, err := w.collect()
		if err != nil {
			return err
		}
		if err := w.deliver(events); err != nil {
			return err
		}
		if bell == nil { // more blocks wait
			if ctx.Err() != nil {
				return nil
			}
			// However long the way to the head is without an event for this subscriber, it
			// hears that the stream lives, and goes on from here should it break.
			if len(events) == 0 {
				if err := w.beat(); err != nil {
					return err
				}
			}
			continue
		}
		select {
		case <-bell:
		case <-tick.C:
			if err := w.beat(); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// collect takes the blocks from w.next on until a frame is full or the head is reached;
// then bell rings at the next block.
func (w *watch) collect() (events []rpc.Event, bell <-chan struct{}, err error) {
	size := 0
	for blocks := 0; size < frameBytes && blocks < recentBlocks; blocks++ {
		p, head, ring := w.s.machine.feed.at(w.next)
		if w.next > head.height {
			return events, ring, nil
		}
		if p == nil {
			b, err := w.s.ledger.Block(w.next)
			if err != nil {
				return nil, nil, answerError(err)
			}
			p = &passed{height: w.next, hash: b.Hash, events: b.Events()}
		}
		if w.s.machine.touchesPolicy(p.events) {
			if _, ok := w.s.machine.Policy().Member(w.peer); !ok {
				return nil, nil, transport.Errorf(string(chain.Unknown), "identity %s is no longer known on this chain", w.peer.Short())
			}
		}
		for _, e := range w.visible(p.events) {
			events = append(events, e)
			size += len(e.Value) + len(e.Address) + len(e.Key) + 128
		}
		w.place(p.height, p.hash)
	}
	return events, nil, nil
}

// visible keeps the events that were asked for and may be seen now.
func (w *watch) visible(events []abi.Event) (out []rpc.Event) {
	var m interface{ MaySubscribe(abi.Address) bool }
	for i := range events {
		e := &events[i]
		if !w.matches(e.Address) || w.from > 0 && e.Sequence < w.from {
			continue
		}
		if m == nil {
			member, ok := w.s.machine.Policy().Member(w.peer)
			if !ok {
				return nil
			}
			m = member
		}
		if m.MaySubscribe(e.Address) {
			out = append(out, rpc.FromEvent(e))
		}
	}
	return out
}

func (w *watch) matches(a abi.Address) bool {
	for _, p := range w.patterns {
		if p.Match(a) {
			return true
		}
	}
	return false
}

// deliver sends a frame that ends at the current place, unless it would be empty.
func (w *watch) deliver(events []rpc.Event) error {
	if len(events) == 0 {
		return nil
	}
	return w.frame(rpc.WatchFrame{Events: events})
}

// frame sends a frame that brings the subscriber to the current place.
func (w *watch) frame(f rpc.WatchFrame) error {
	token := w.token
	f.Token, f.After = &token, w.told
	w.told = token.Height
	return w.send(rpc.Encode(&f))
}

// beat says where the stream and the chain are.
func (w *watch) beat() error {
	_, head, _ := w.s.machine.feed.at(0)
	return w.frame(rpc.WatchFrame{Head: &rpc.HeadA{Chain: w.s.chain, Height: head.height, Hash: head.hash, Time: head.time}})
}

// touchesPolicy reports whether a block changed identities or grants.
func (m *Machine) touchesPolicy(events []abi.Event) bool {
	for i := range events {
		if events[i].Address.IsSystem() {
			return true
		}
	}
	return false
}
