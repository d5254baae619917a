package order

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/kalima-chain/kalima/chain"
)

// lead is one leadership: from the barrier to the first block that was not applied as
// expected, or the loss of leadership. It owns the speculative state.
type lead struct {
	o     *Orderer
	queue chan *item

	builder *chain.Builder
	open    []*item // items of the open block, by entry
	results []chain.Outcome

	flight  map[chain.TxID]*slot // in the open block or in flight: a duplicate waits with the first
	settled chan settled         // from settle: a block is through
	pending chan *sealed         // to settle, in order
	count   int                  // blocks in flight
	fresh   *recent              // ids this leadership had applied lately
	applied atomic.Uint64        // how many ids those were in all
}

// slot is where a transaction in flight will be answered.
type slot struct{ waiters []chan<- answer }

// sealed is a proposed block.
type sealed struct {
	block    *chain.Block
	proposal Proposal
}

type settled struct {
	block *chain.Block
	err   error
}

func newLead(o *Orderer) *lead {
	return &lead{
		o: o, queue: make(chan *item, o.cfg.Queue), flight: map[chain.TxID]*slot{}, fresh: newRecent(2 * o.cfg.Queue),
		// A slot for every block in flight, so that neither side ever waits for the other.
		settled: make(chan settled, o.cfg.InFlight), pending: make(chan *sealed, o.cfg.InFlight),
	}
}

// run leads until stop closes or a block fails. What still waits is answered then.
func (l *lead) run(stop <-chan struct{}) bool {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	defer cancel()
	// Until the barrier is through, entries of earlier terms may still change the head.
	if err := l.o.cfg.Consensus.Barrier(ctx); err != nil {
		l.o.log("barrier", err)
		return false
	}
	l.builder = chain.NewBuilder(l.o.cfg.Machine.Copy(), l.o.cfg.Rules(), l.o.cfg.Leader, l.o.cfg.Consensus.Term())
	go l.settle()
	l.builder.Begin(now(l.o.cfg.Clock))
	l.o.open(l)

	err := l.loop(ctx)
	l.o.shut()
	close(l.pending)
	for l.count > 0 { // answers of blocks that made it are answers still
		if s := <-l.settled; !l.done(s) && err == nil {
			err = s.err
		}
	}
	l.fail(ErrUnknown)
	return err != nil
}

// loop executes and cuts until ctx ends or a block fails.
func (l *lead) loop(ctx context.Context) error {
	var held *item // did not fit the block before
	for {
		select { // answers first: they are what submitters wait for
		case s := <-l.settled:
			if !l.done(s) {
				l.giveUp(held, ErrUnknown)
				return s.err
			}
			continue
		default:
		}
		if held != nil {
			it := held
			held = nil
			if l.execute(ctx, it) {
				held = it // can not happen twice: an empty block takes it or refuses it
			}
		}
		if l.mustCut(held != nil) && l.count < l.o.cfg.InFlight {
			l.cut()
			continue
		}
		var queue chan *item
		if held == nil {
			queue = l.queue
		}
		select {
		case it := <-queue:
			l.o.depth.Add(-1)
			if l.execute(ctx, it) {
				held = it
			}
			continue
		default:
		}
		if l.builder.Len() > 0 && l.count < l.o.cfg.Eager {
			l.cut()
			continue
		}
		select {
		case it := <-queue:
			l.o.depth.Add(-1)
			if l.execute(ctx, it) {
				held = it
			}
		case s := <-l.settled:
			if !l.done(s) {
				l.giveUp(held, ErrUnknown)
				return s.err
			}
		case <-ctx.Done():
			l.giveUp(held, ErrNotLeader)
			return nil
		}
	}
}

func (l *lead) giveUp(held *item, err error) {
	if held != nil {
		held.answer <- answer{err: err}
	}
}

// mustCut reports whether the open block has to be proposed before more can go in.
func (l *lead) mustCut(held bool) bool { return held && l.builder.Len() > 0 }

// execute runs an item and reports whether it has to wait for the next block.
func (l *lead) execute(ctx context.Context, it *item) (full bool) {
	id := it.tx.ID
	if s, ok := l.flight[id]; ok {
		s.waiters = append(s.waiters, it.answer)
		return false
	}
	// It was not in the chain when it was submitted, but a block may have been applied
	// since then.
	if !l.fresh.rulesOut(id, it.seen) {
		r, ok, err := l.o.cfg.Machine.Find(id)
		if err != nil || ok {
			r.Replayed = true
			it.answer <- answer{r, err}
			return false
		}
	}
	if l.builder.Len() == 0 {
		l.builder.Begin(now(l.o.cfg.Clock)) // time runs while the block is empty
	}
	outcome, err := l.builder.Execute(ctx, it.tx)
	switch {
	case errors.Is(err, chain.ErrFull):
		return true
	case err != nil:
		if r := (*chain.Refusal)(nil); errors.As(err, &r) {
		} else if ctx.Err() != nil { // this leadership ended meanwhile; nothing was added
			err = ErrNotLeader
		} else {
			err = chain.Refusef(chain.NodeFailed, "the leader could not execute the transaction: %v", err)
		}
		it.answer <- answer{err: err}
		return false
	}
	l.flight[id] = &slot{waiters: []chan<- answer{it.answer}}
	l.open, l.results = append(l.open, it), append(l.results, outcome)
	return false
}

// cut seals the open block and proposes it.
func (l *lead) cut() {
	b := l.builder.Seal()
	l.open, l.results = nil, nil
	l.count++
	l.pending <- &sealed{b, l.o.cfg.Consensus.Propose(b.Bytes())}
	l.builder.Begin(now(l.o.cfg.Clock))
}

// settle waits for proposals in the order in which they were made.
func (l *lead) settle() {
	for s := range l.pending {
		result, err := s.proposal.Wait()
		if err == nil {
			if _, ok := result.(Applied); !ok {
				err = chain.ErrVoid
			}
		}
		l.settled <- settled{s.block, err}
	}
}

// done answers the transactions of a block that is through, and reports whether it was
// applied. When it was not, everything built on it is void too.
func (l *lead) done(s settled) bool {
	l.count--
	b := s.block
	if s.err != nil {
		l.o.log("block was not applied", s.err, "height", b.Header.Height)
		for i := range b.Entries {
			l.answer(b.Tx(i).ID, answer{err: ErrUnknown})
		}
		return false
	}
	for i := range b.Entries {
		id := b.Tx(i).ID
		l.fresh.add(id)
		l.applied.Add(1)
		l.answer(id, answer{r: Result{
			ID: id, Height: b.Header.Height, Index: uint32(i), Block: b.Hash, Time: b.Header.Time, Outcome: b.Entries[i].Outcome,
		}})
	}
	return true
}

func (l *lead) answer(id chain.TxID, a answer) {
	s := l.flight[id]
	if s == nil {
		return
	}
	delete(l.flight, id)
	for i, w := range s.waiters {
		a.r.Replayed = i > 0
		w <- a
	}
}

// fail answers all that still waits. Those in the queue were not touched.
func (l *lead) fail(err error) {
	for id := range l.flight {
		l.answer(id, answer{err: err})
	}
	for {
		select {
		case it := <-l.queue:
			l.o.depth.Add(-1)
			it.answer <- answer{err: ErrNotLeader}
		default:
			return
		}
	}
}

func (o *Orderer) log(msg string, err error, args ...any) {
	if o.cfg.Log != nil {
		o.cfg.Log.Info("order: "+msg, append([]any{"err", err}, args...)...)
	}
}

// recent remembers the newest ids that this leadership had applied. A submitter looks an
// id up in the chain before it joins the queue, so what counts is what was applied since.
type recent struct {
	max      int
	total    uint64
	now, old map[chain.TxID]struct{}
}

func newRecent(max int) *recent { return &recent{max: max, now: map[chain.TxID]struct{}{}} }

func (r *recent) add(id chain.TxID) {
	if len(r.now) >= r.max {
		r.old, r.now = r.now, map[chain.TxID]struct{}{}
	}
	r.now[id] = struct{}{}
	r.total++
}

// rulesOut reports whether the id, which was not in the chain when seen ids had been
// applied, is not in it now. False means that only the chain can tell.
func (r *recent) rulesOut(id chain.TxID, seen uint64) bool {
	if r.total-seen > uint64(r.max) {
		return false
	}
	_, a := r.now[id]
	_, b := r.old[id]
	return !a && !b
}
