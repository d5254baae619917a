package ledger

import (
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/dgraph-io/badger/v4"
	"github.com/kalima-chain/kalima/chain"
)

// State returns the state as of the head, rebuilt from disk. It reads every current
// value; a record missing or too many is an error.
func (l *Ledger) State() (*chain.State, error) {
	if l.closed.Load() {
		return nil, ErrClosed
	}
	txn := l.db.NewTransaction(false)
	defer txn.Discard()
	m, err := metaOf(txn)
	if err != nil {
		return nil, err
	}
	if m.tree.Size == 0 {
		return chain.NewState(), nil
	}
	s, err := chain.Restore(m.head, m.tree)
	if err != nil {
		return nil, corrupt(m.head.Height, err, "meta record")
	}
	items, sum := uint64(0), uint64(0)
	err = scanState(txn, func(item string, record []byte) error {
		v, err := decodeValue(item, record)
		if err != nil {
			return corrupt(m.head.Height, err, "state")
		}
		items++
		sum += recordSum(item, record)
		s.Load(item, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if items != m.items || sum != m.sum {
		return nil, lostState(m, items, sum)
	}
	return s, nil
}

func lostState(m meta, items, sum uint64) error {
	return corrupt(m.head.Height, nil, "state has %d records with sum %016x, %d with sum %016x were written", items, sum, m.items, m.sum)
}

// loadSums reads every state record once, and compares.
func (l *Ledger) loadSums() error {
	m := l.meta.Load()
	var got meta
	txn := l.db.NewTransaction(false)
	defer txn.Discard()
	err := scanState(txn, func(item string, record []byte) error {
		s := recordSum(item, record)
		l.sums[xxhash.Sum64String(item)] = s
		got.items++
		got.sum += s
		return nil
	})
	if err != nil {
		return err
	}
	if got.items != m.items || got.sum != m.sum {
		return lostState(*m, got.items, got.sum)
	}
	return nil
}

// scanState calls f for each state record in order of item. The record is valid until f
// returns.
func scanState(txn *badger.Txn, f func(item string, record []byte) error) error {
	prefix := []byte{kindState}
	opt := badger.DefaultIteratorOptions
	opt.Prefix = prefix
	it := txn.NewIterator(opt)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		name := string(item.Key()[1:])
		if err := item.Value(func(b []byte) error { return f(name, b) }); err != nil {
			if errors.Is(err, ErrCorrupt) {
				return err
			}
			return corrupt(NoHeight, explain(err), "state record %q", name)
		}
	}
	return nil
}

func metaOf(txn *badger.Txn) (meta, error) {
	b, err := getIn(txn, metaKey)
	if errors.Is(err, ErrNotFound) {
		return meta{}, nil
	}
	if err != nil {
		return meta{}, fmt.Errorf("read meta record: %w", err)
	}
	m, err := decodeMeta(b)
	if err != nil {
		return meta{}, corrupt(NoHeight, err, "meta record")
	}
	return m, nil
}
