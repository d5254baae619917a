package replay

import (
	"context"
	"errors"
	"fmt"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
)

// Source is a chain that is asked about its past. *rpc.Client provides it.
type Source interface {
	Tx(ctx context.Context, id abi.TxID) (rpc.TxA, error)
	Blocks(ctx context.Context, from abi.Height, count int) ([][]byte, error)
	List(ctx context.Context, q rpc.ListQ) (rpc.ListA, error)
	History(ctx context.Context, q rpc.HistoryQ) (rpc.HistoryA, error)
	Watch(ctx context.Context, q rpc.WatchQ) (*rpc.Watcher, error)
	Blob(ctx context.Context, d abi.Digest) ([]byte, error)
}

var _ Source = (*rpc.Client)(nil)

// maxWhole bounds the events of an address that is read from its beginning, which is done
// when a contract walks its keys: a million take a minute.
const maxWhole = 1_000_000

// key names a value.
type key = chain.Read

// past is a chain's state just before a transaction, as far as it was asked for.
type past struct {
	src    Source
	height abi.Height // of the transaction
	index  uint32     // in its block

	values    map[key]*chain.Value // nil: there was none
	sequences map[abi.Address]abi.Sequence
	whole     map[abi.Address]bool // every key is in values

	// What the last run asked for and was not there.
	missing      map[key]bool
	missingWhole map[abi.Address]bool
	missingSeq   map[abi.Address]bool
}

func newPast(src Source, h abi.Height, index uint32) *past {
	p := &past{src: src, height: h, index: index, values: map[key]*chain.Value{}, sequences: map[abi.Address]abi.Sequence{}, whole: map[abi.Address]bool{}}
	p.forget()
	return p
}

func (p *past) forget() {
	p.missing, p.missingWhole, p.missingSeq = map[key]bool{}, map[abi.Address]bool{}, map[abi.Address]bool{}
}

// before reports whether an event was there before the transaction.
func (p *past) before(e *rpc.Event) bool {
	return e.Height < p.height || e.Height == p.height && e.Index < p.index
}

// records reports whether an address holds the chain's own records: they are few, and read
// as a whole.
func records(a abi.Address) bool {
	return a.IsSystem() && !abi.Pattern(abi.System+"/state/**").Match(a) && !abi.Pattern(abi.EventsRoot+"/**").Match(a)
}

// fetch gets what the last run missed, and reports whether that was anything.
func (p *past) fetch(ctx context.Context) (bool, error) {
	found := false
	for a := range p.missingWhole {
		found = true
		if err := p.fetchWhole(ctx, a); err != nil {
			return false, err
		}
	}
	for k := range p.missing {
		if p.knows(k) {
			continue
		}
		found = true
		if records(k.Address) {
			if err := p.fetchWhole(ctx, k.Address); err != nil {
				return false, err
			}
			continue
		}
		v, err := p.value(ctx, k)
		if err != nil {
			return false, err
		}
		p.values[k] = v
	}
	for a := range p.missingSeq {
		if _, ok := p.sequences[a]; ok {
			continue
		}
		found = true
		n, err := p.sequence(ctx, a)
		if err != nil {
			return false, err
		}
		p.sequences[a] = n
	}
	p.forget()
	return found, nil
}

func (p *past) knows(k key) bool {
	_, ok := p.values[k]
	return ok || p.whole[k.Address]
}

// value finds the newest event of a key before the transaction.
func (p *past) value(ctx context.Context, k key) (*chain.Value, error) {
	newest := func(before abi.Sequence) (*rpc.Event, error) {
		h, err := p.src.History(ctx, rpc.HistoryQ{Address: k.Address, Key: k.Key, Before: before, Limit: 1})
		if rpc.Code(err) == rpc.CodeNotFound || err == nil && len(h.Events) == 0 {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("history of %s %s: %w", k.Address, k.Key, err)
		}
		return &h.Events[0], nil
	}
	e, err := newest(0)
	if err != nil || e == nil {
		return nil, err
	}
	if !p.before(e) {
		// The newest before lo was there, or there is none; the event of hi came later.
		lo, hi := abi.Sequence(1), e.Sequence
		e = nil
		for lo < hi {
			mid := lo + (hi-lo+1)/2
			found, err := newest(mid)
			switch {
			case err != nil:
				return nil, err
			case found == nil || p.before(found):
				lo, e = mid, found
			default:
				hi = found.Sequence
			}
		}
	}
	if e == nil || len(e.Value) == 0 {
		return nil, nil
	}
	return valueOf(e), nil
}

func valueOf(e *rpc.Event) *chain.Value {
	return &chain.Value{Bytes: e.Value, Sequence: e.Sequence, Height: e.Height, Index: e.Index, Time: e.Time, At: e.At, Sender: e.Sender}
}

// last is the last sequence of an address now, 0 when it never had an event.
func (p *past) last(ctx context.Context, a abi.Address) (abi.Sequence, error) {
	l, err := p.src.List(ctx, rpc.ListQ{Pattern: abi.Pattern(a), Limit: 1})
	if err != nil {
		return 0, fmt.Errorf("list %s: %w", a, err)
	}
	if len(l.Addresses) == 0 {
		return 0, nil
	}
	return l.Addresses[0].Sequence, nil
}

// each calls f for the events of an address from one on, until f returns false or the
// last one came.
func (p *past) each(ctx context.Context, a abi.Address, from, last abi.Sequence, f func(*rpc.Event) bool) error {
	w, err := p.src.Watch(ctx, rpc.WatchQ{Patterns: []abi.Pattern{abi.Pattern(a)}, From: from})
	if err != nil {
		return fmt.Errorf("events of %s: %w", a, err)
	}
	defer w.Close()
	for {
		frame, err := w.Recv()
		if err != nil {
			return fmt.Errorf("events of %s: %w", a, errors.Join(err, ctx.Err()))
		}
		for i := range frame.Events {
			e := &frame.Events[i]
			if !f(e) || e.Sequence >= last {
				return nil
			}
		}
	}
}

func (p *past) fetchWhole(ctx context.Context, a abi.Address) error {
	if p.whole[a] {
		return nil
	}
	last, err := p.last(ctx, a)
	if err != nil {
		return err
	}
	if last > maxWhole {
		return fmt.Errorf("%s has %d events, at most %d can be read from its beginning", a, last, maxWhole)
	}
	n := abi.Sequence(0)
	if last > 0 {
		err = p.each(ctx, a, 1, last, func(e *rpc.Event) bool {
			if !p.before(e) {
				return false
			}
			n = e.Sequence
			p.values[key{Address: a, Key: e.Key}] = nil
			if len(e.Value) > 0 {
				p.values[key{Address: a, Key: e.Key}] = valueOf(e)
			}
			return true
		})
	}
	p.whole[a], p.sequences[a] = true, n
	return err
}

// sequence finds the last sequence of an address before the transaction.
func (p *past) sequence(ctx context.Context, a abi.Address) (abi.Sequence, error) {
	hi, err := p.last(ctx, a)
	if err != nil || hi == 0 {
		return 0, err
	}
	lo := abi.Sequence(0) // that event was there
	for lo < hi {
		mid := lo + (hi-lo+1)/2
		there := false
		err := p.each(ctx, a, mid, mid, func(e *rpc.Event) bool {
			there = p.before(e)
			return false
		})
		if err != nil {
			return 0, err
		}
		if there {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return lo, nil
}

// learn takes from the transaction's own block what it says about sequences: most of them.
func (p *past) learn(b *chain.Block) {
	for _, e := range b.Events() {
		switch _, known := p.sequences[e.Address]; {
		case e.Index < p.index:
			p.sequences[e.Address] = e.Sequence // the last one stays
		case !known:
			p.sequences[e.Address] = e.Sequence - 1
		}
	}
}

// view is what a run sees: the overlay of its own changes on the past, noting what the
// past does not know yet.
type view struct {
	chain.View
	past *past
}

func (v view) Get(a abi.Address, k string) ([]byte, bool) {
	if at := (key{Address: a, Key: k}); !v.past.knows(at) {
		v.past.missing[at] = true
	}
	return v.View.Get(a, k)
}

func (v view) Next(a abi.Address, after string) (string, bool) {
	if !v.past.whole[a] {
		v.past.missingWhole[a] = true
	}
	return v.View.Next(a, after)
}

func (v view) Sequence(a abi.Address) abi.Sequence {
	if _, ok := v.past.sequences[a]; !ok {
		v.past.missingSeq[a] = true
	}
	return v.View.Sequence(a)
}

// state is the past as a chain's state at the block before, with changes on top.
func (p *past) state(h *chain.Header, changes map[key][]byte) (*chain.State, error) {
	tree := chain.Tree{Size: uint64(h.Height)}
	for n := tree.Size; n != 0; n &= n - 1 { // hashes of blocks decide nothing here
		tree.Edge = append(tree.Edge, abi.Digest{})
	}
	s, err := chain.Restore(chain.Head{Chain: h.Chain, Height: h.Height - 1, Hash: h.Parent, Term: h.Term}, tree)
	if err != nil {
		return nil, err
	}
	item := func(a abi.Address, k string) string { return string(a) + "\x00" + k }
	for k, v := range p.values {
		if v != nil {
			s.Load(item(k.Address, k.Key), v)
		}
	}
	for a, n := range p.sequences {
		if n > 0 {
			s.Load(item(a, ""), &chain.Value{Sequence: n})
		}
	}
	for k, b := range changes {
		s.Load(item(k.Address, k.Key), &chain.Value{Bytes: b})
	}
	return s, nil
}
