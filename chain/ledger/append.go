package ledger

import (
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/dgraph-io/badger/v4"
	"github.com/kalima-chain/kalima/chain"
	"golang.org/x/mod/sumdb/tlog"
)

// Record is one block and what applying it did.
type Record struct {
	Block   *chain.Block
	Applied chain.Applied
	Tree    chain.Tree // after the block
	Index   uint64     // of the block's entry in the Raft log; 0 when it came from elsewhere
}

// Append extends the ledger by blocks in order of height. They become visible together,
// unless they are too many for one commit: then a crash may leave the first of them, but
// always whole blocks. An error is final: every later write returns it.
func (l *Ledger) Append(batch []Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return err
	}
	w := writer{l: l, meta: *l.meta.Load()}
	for i := range batch {
		if err := w.add(&batch[i]); err != nil {
			return l.fail(fmt.Errorf("append block %d: %w", batch[i].Block.Header.Height, err))
		}
	}
	if err := w.commit(); err != nil {
		return l.fail(fmt.Errorf("append: %w", err))
	}
	return nil
}

// SetIndex records that the Raft log was applied up to index, by entries that added no
// block.
func (l *Ledger) SetIndex(index uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return err
	}
	w := writer{l: l, meta: *l.meta.Load()}
	if index < w.meta.index {
		return fmt.Errorf("set raft index %d: the ledger is at %d", index, w.meta.index)
	}
	if index == w.meta.index {
		return nil
	}
	w.meta.index = index
	w.open()
	if err := w.commit(); err != nil {
		return l.fail(fmt.Errorf("set raft index %d: %w", index, err))
	}
	return nil
}

// writable says why nothing can be written. A full disk is found before it is met,
// because Badger writes through a memory map, where a full disk kills the process.
func (l *Ledger) writable() error {
	if l.closed.Load() {
		return ErrClosed
	}
	if l.failed != nil {
		return l.failed
	}
	if free, ok := freeBytes(l.cfg.Dir); ok && free < l.cfg.MinFree {
		return l.fail(fmt.Errorf("append: %w: %d MiB free, at least %d needed", ErrDiskFull, free>>20, l.cfg.MinFree>>20))
	}
	return nil
}

func (l *Ledger) fail(err error) error {
	l.failed = err
	return err
}

// writer gathers records into commits.
type writer struct {
	l    *Ledger
	meta meta // as of the records gathered so far
	txn  *badger.Txn

	items []keyed // state records of the open commit, the last of each item
	at    map[string]int
	bytes int64
	count int64
}

// keyed is a record of the state; nil deletes it.
type keyed struct {
	item   string
	record []byte
}

func (w *writer) open() {
	if w.txn == nil {
		w.txn = w.l.db.NewTransaction(true)
		w.at = make(map[string]int)
		w.items, w.bytes, w.count = nil, 0, 0
	}
}

// room is what Badger takes in one commit, less the meta record and what Badger adds.
func (w *writer) room() (bytes, count int64) {
	return w.l.db.MaxBatchSize() - 8<<10, w.l.db.MaxBatchCount() - 16
}

func (w *writer) add(r *Record) error {
	h := &r.Block.Header
	switch {
	case uint64(h.Height) != w.meta.tree.Size:
		return fmt.Errorf("the ledger has %d blocks", w.meta.tree.Size)
	case h.Height > 0 && h.Parent != w.meta.head.Hash:
		return fmt.Errorf("parent is %s, the head is %s", h.Parent.Short(), w.meta.head.Hash.Short())
	case r.Tree.Size != w.meta.tree.Size+1:
		return fmt.Errorf("tree of %d blocks, want %d", r.Tree.Size, w.meta.tree.Size+1)
	case r.Index != 0 && r.Index <= w.meta.index:
		return fmt.Errorf("raft index %d, the ledger is at %d", r.Index, w.meta.index)
	}
	size, count := cost(r)
	maxBytes, maxCount := w.room()
	if w.txn != nil && (w.bytes+size > maxBytes || w.count+count > maxCount) {
		if err := w.commit(); err != nil {
			return err
		}
	}
	w.open()
	w.bytes, w.count = w.bytes+size, w.count+count
	if err := w.put(r); err != nil {
		return err
	}
	w.meta.index = max(w.meta.index, r.Index)
	w.meta.head = chain.Head{Chain: h.Chain, Height: h.Height, Hash: r.Block.Hash, Time: h.Time, Term: h.Term}
	w.meta.tree = chain.Tree{Size: r.Tree.Size, Edge: append([]chain.Digest(nil), r.Tree.Edge...)}
	return nil
}

// cost is an upper bound of what a record takes in a commit.
func cost(r *Record) (bytes, count int64) {
	const overhead = 32 // bytes that Badger adds to an entry, at most
	bytes = 160 + int64(len(r.Applied.Stored))*(41+overhead) + int64(len(r.Block.Entries))*(45+overhead)
	count = 1 + int64(len(r.Applied.Stored)+len(r.Block.Entries)+2*len(r.Applied.Events)+len(r.Applied.Changes))
	for i := range r.Applied.Events {
		e := &r.Applied.Events[i]
		bytes += int64(2*len(e.Address)+len(e.Key)) + 2*(24+overhead)
	}
	for i := range r.Applied.Changes {
		c := &r.Applied.Changes[i]
		bytes += int64(len(c.Item)) + overhead + 96
		if c.Value != nil {
			bytes += int64(len(c.Value.Bytes))
		}
	}
	return bytes, count
}

func (w *writer) put(r *Record) error {
	h := r.Block.Header.Height
	set := func(key, value []byte) error { return w.txn.Set(key, value) }
	at, err := w.l.bodies.Append(uint64(h), r.Block.Bytes())
	if err != nil {
		return err
	}
	if err := set(numberKey(kindHash, uint64(h)), stamp{r.Block.Header.Time, r.Block.Hash, at}.encode()); err != nil {
		return err
	}
	first := uint64(tlog.StoredHashIndex(0, int64(h)))
	for i, d := range r.Applied.Stored {
		if err := set(numberKey(kindTree, first+uint64(i)), append([]byte(nil), d[:]...)); err != nil {
			return err
		}
	}
	for i := range r.Block.Entries {
		if tx := r.Block.Tx(i); tx != nil {
			if err := set(txKey(tx.ID), place{h, uint32(i)}.encode()); err != nil {
				return err
			}
		}
	}
	for i := range r.Applied.Events {
		e := &r.Applied.Events[i]
		p := place{h, uint32(i)}.encode()
		if err := set(eventKey(e.Address, e.Sequence), p); err != nil {
			return err
		}
		if err := set(historyKey(e.Address, e.Key, e.Sequence), p); err != nil {
			return err
		}
	}
	for i := range r.Applied.Changes {
		c := &r.Applied.Changes[i]
		var record []byte
		if c.Value != nil {
			record = encodeValue(c.Item, c.Value)
		}
		if j, again := w.at[c.Item]; again {
			w.items[j].record = record
			continue
		}
		w.at[c.Item] = len(w.items)
		w.items = append(w.items, keyed{c.Item, record})
	}
	return nil
}

// commit writes what was gathered, with the meta record that fits it.
func (w *writer) commit() error {
	if w.txn == nil {
		return nil
	}
	defer w.txn.Discard()
	if err := w.l.bodies.Flush(); err != nil { // before the records that name them
		return explain(err)
	}
	for _, k := range w.items {
		var err error
		if k.record == nil {
			err = w.txn.Delete(stateKey(k.item))
		} else {
			err = w.txn.Set(stateKey(k.item), k.record)
		}
		if err != nil {
			return explain(err)
		}
		w.l.account(&w.meta, k.item, k.record)
	}
	if err := w.txn.Set(metaKey, w.meta.encode()); err != nil {
		return explain(err)
	}
	if err := w.txn.Commit(); err != nil {
		return explain(err)
	}
	done := w.meta
	w.l.renew()
	w.l.meta.Store(&done)
	w.txn = nil
	return nil
}

// account keeps number and sum of the state records. When the commit fails the sums are
// ahead of the disk; by then the ledger takes no more writes.
func (l *Ledger) account(m *meta, item string, record []byte) {
	id := xxhash.Sum64String(item)
	if old, ok := l.sums[id]; ok {
		m.items--
		m.sum -= old
		delete(l.sums, id)
	}
	if record != nil {
		s := recordSum(item, record)
		m.items++
		m.sum += s
		l.sums[id] = s
	}
}
