package ledger

import (
	"errors"
	"fmt"
	"sort"

	"github.com/dgraph-io/badger/v4"
	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"golang.org/x/mod/sumdb/tlog"
)

// MaxEvents bounds the events that one call of History or EventsOf returns.
const MaxEvents = 10_000

func parseDigest(s string) (chain.Digest, error) { return abi.ParseDigest(s) }

// get looks a record up as of the last commit.
func (l *Ledger) get(key []byte) ([]byte, error) {
	l.reading.RLock()
	defer l.reading.RUnlock()
	if l.view == nil {
		return nil, ErrClosed
	}
	return getIn(l.view, key)
}

// renew lets look-ups see what was committed. Badger makes every new transaction wait for
// the commits under way, which would hold up each submit, so look-ups share one that is
// made when a commit is through.
func (l *Ledger) renew() { l.swap(l.db.NewTransaction(false)) }

// swap puts a read transaction in the place of the last, once nobody uses that any more.
func (l *Ledger) swap(view *badger.Txn) {
	l.reading.Lock()
	old := l.view
	l.view = view
	l.reading.Unlock()
	if old != nil {
		old.Discard()
	}
}

func getIn(txn *badger.Txn, key []byte) ([]byte, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, explain(err)
	}
	b, err := item.ValueCopy(nil)
	if err != nil {
		return nil, explain(err)
	}
	return b, nil
}

// recorded reads a record of a block that the ledger must have: up to the head, that it
// is absent is damage.
func (l *Ledger) recorded(kind byte, h chain.Height) ([]byte, error) {
	if uint64(h) >= l.meta.Load().tree.Size {
		return nil, fmt.Errorf("block %d: %w", h, ErrNotFound)
	}
	b, err := l.get(numberKey(kind, uint64(h)))
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, corrupt(h, nil, "record %q of the block is missing", kind)
	case errors.Is(err, ErrCorrupt):
		return nil, corrupt(h, err, "record %q of the block", kind)
	case err != nil:
		return nil, fmt.Errorf("read block %d: %w", h, err)
	}
	return b, nil
}

func (l *Ledger) stamp(h chain.Height) (stamp, error) {
	b, err := l.recorded(kindHash, h)
	if err != nil {
		return stamp{}, err
	}
	s, err := decodeStamp(b)
	if err != nil {
		return stamp{}, corrupt(h, err, "hash record")
	}
	return s, nil
}

// RawBlock returns a block's bytes after the checks of Block. The caller owns them.
func (l *Ledger) RawBlock(h chain.Height) ([]byte, error) {
	b, err := l.Block(h)
	if err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Block returns the block at a height. It decodes, and has the height and the hash under
// which it was stored; or the error is a *CorruptError, or ErrNotFound above the head.
func (l *Ledger) Block(h chain.Height) (*chain.Block, error) {
	s, err := l.stamp(h)
	if err != nil {
		return nil, err
	}
	raw, err := l.body(h, s)
	if err != nil {
		return nil, err
	}
	b, err := chain.DecodeBlock(raw)
	switch {
	case err != nil:
		return nil, corrupt(h, err, "block")
	case b.Header.Height != h:
		return nil, corrupt(h, nil, "block says height %d", b.Header.Height)
	case b.Hash != s.hash:
		return nil, corrupt(h, nil, "block has hash %s, stored was %s", b.Hash.Short(), s.hash.Short())
	case b.Header.Time != s.time:
		return nil, corrupt(h, nil, "block has time %d, stored was %d", b.Header.Time, s.time)
	}
	return b, nil
}

// Tx says where a transaction stands, accepted or not; ok is false when it is in no
// block.
func (l *Ledger) Tx(id chain.TxID) (h chain.Height, index uint32, ok bool, err error) {
	b, err := l.get(txKey(id))
	if errors.Is(err, ErrNotFound) {
		return 0, 0, false, nil
	}
	if err != nil {
		return 0, 0, false, fmt.Errorf("look up transaction %s: %w", id.Short(), err)
	}
	p, err := decodePlace(b)
	if err != nil {
		return 0, 0, false, corrupt(NoHeight, err, "transaction %s", id.Short())
	}
	return p.height, p.number, true, nil
}

// History returns events of one key, newest first: those with a sequence below before,
// at most limit of them; before 0 starts at the newest. An event with an empty value
// deleted the key.
func (l *Ledger) History(a chain.Address, key string, before chain.Sequence, limit int) ([]abi.Event, error) {
	start := historyPrefix(a, key)
	if before > 0 {
		start = historyKey(a, key, before-1)
	}
	match := func(e *abi.Event) bool { return e.Address == a && e.Key == key }
	return l.events(historyPrefix(a, key), start, limit, match)
}

// EventsOf returns events of one address in order of sequence, beginning with from, at
// most limit of them. They have no gap.
func (l *Ledger) EventsOf(a chain.Address, from chain.Sequence, limit int) ([]abi.Event, error) {
	last, err := l.sequence(a) // before the events, which go at least this far
	if err != nil {
		return nil, err
	}
	out, err := l.events(eventPrefix(a), eventKey(a, from), limit, func(e *abi.Event) bool { return e.Address == a })
	if err != nil {
		return nil, err
	}
	next := max(from, 1)
	for i := range out {
		if out[i].Sequence != next {
			return nil, corrupt(out[i].Height, nil, "address %s: event %d is missing, the next one stored is %d", a, next, out[i].Sequence)
		}
		next++
	}
	if len(out) < min(limit, MaxEvents) && next <= last {
		return nil, corrupt(NoHeight, nil, "address %s: event %d is missing, the last one is %d", a, next, last)
	}
	return out, nil
}

// sequence returns the last sequence of an address as of the last commit.
func (l *Ledger) sequence(a chain.Address) (chain.Sequence, error) {
	item := string(a) + "\x00"
	b, err := l.get(stateKey(item))
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read sequence of %s: %w", a, err)
	}
	v, err := decodeValue(item, b)
	if err != nil {
		return 0, corrupt(NoHeight, err, "sequence of %s", a)
	}
	return v.Sequence, nil
}

// events reads the events that index records with a prefix point at.
func (l *Ledger) events(prefix, start []byte, limit int, match func(*abi.Event) bool) ([]abi.Event, error) {
	if l.closed.Load() {
		return nil, ErrClosed
	}
	limit = min(limit, MaxEvents)
	var out []abi.Event
	var block struct {
		events []abi.Event
		height chain.Height
		ok     bool
	}
	txn := l.db.NewTransaction(false)
	defer txn.Discard()
	opt := badger.DefaultIteratorOptions
	opt.Prefix, opt.PrefetchSize = prefix, max(1, min(limit, 100))
	it := txn.NewIterator(opt)
	defer it.Close()
	for it.Seek(start); it.Valid() && len(out) < limit; it.Next() {
		b, err := it.Item().ValueCopy(nil)
		if err != nil {
			return nil, explain(err)
		}
		p, err := decodePlace(b)
		if err != nil {
			return nil, corrupt(NoHeight, err, "index of events")
		}
		if !block.ok || block.height != p.height {
			blk, err := l.Block(p.height)
			if err != nil {
				return nil, err
			}
			block.events, block.height, block.ok = blk.Events(), p.height, true
		}
		if int(p.number) >= len(block.events) || !match(&block.events[p.number]) {
			return nil, corrupt(p.height, nil, "event %d of the block is not the one indexed", p.number)
		}
		out = append(out, block.events[p.number])
	}
	return out, nil
}

// BlockAt returns the first block whose time is t or later, or ErrNotFound.
func (l *Ledger) BlockAt(t chain.Time) (chain.Height, error) {
	size := l.meta.Load().tree.Size
	var err error
	n := sort.Search(int(size), func(i int) bool { // times never go back
		s, serr := l.stamp(chain.Height(i))
		if serr != nil {
			err = serr
		}
		return s.time >= t
	})
	if err != nil {
		return 0, err
	}
	if uint64(n) == size {
		return 0, fmt.Errorf("block at or after time %d: %w", t, ErrNotFound)
	}
	return chain.Height(n), nil
}

var _ tlog.HashReader = (*Ledger)(nil)

// ReadHashes returns stored hashes of the tree over the blocks, by their tlog numbers,
// so that proofs can be made with package tlog.
func (l *Ledger) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, n := range indexes {
		b, err := l.get(numberKey(kindTree, uint64(n)))
		if err != nil {
			return nil, fmt.Errorf("read tree hash %d: %w", n, err)
		}
		if len(b) != len(out[i]) {
			return nil, corrupt(NoHeight, nil, "tree hash %d has %d bytes", n, len(b))
		}
		copy(out[i][:], b)
	}
	return out, nil
}
