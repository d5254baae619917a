package ledger

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/ledger/bodies"
)

// body reads a block's bytes from where its stamp says.
func (l *Ledger) body(h chain.Height, s stamp) ([]byte, error) {
	raw, err := l.bodies.Read(uint64(h), s.place)
	switch {
	case err == nil:
		return raw, nil
	case l.missing(h):
		return nil, fmt.Errorf("block %d: %w", h, ErrMissing)
	case l.closed.Load():
		return nil, ErrClosed
	case errors.Is(err, bodies.ErrDamaged):
		return nil, corrupt(h, err, "block")
	}
	return nil, fmt.Errorf("read block %d: %w", h, err)
}

func (l *Ledger) missing(h chain.Height) bool {
	l.holesMu.Lock()
	defer l.holesMu.Unlock()
	return l.holes[h]
}

// Missing lists the blocks whose bytes are not there, in order. What a power failure leaves of
// two files is not of one moment: the tree may know blocks whose bytes never reached the disk.
// They were not yet forced there, so the Raft log or the other masters have them: Fill puts
// them back. Until then Block says ErrMissing, and Sync fails.
func (l *Ledger) Missing() []chain.Height {
	l.holesMu.Lock()
	defer l.holesMu.Unlock()
	return slices.Sorted(maps.Keys(l.holes))
}

// Fill puts the bytes of a missing block back. It does nothing when the block is not missing,
// and refuses another block than the one that was there.
func (l *Ledger) Fill(b *chain.Block) error {
	h := b.Header.Height
	if !l.missing(h) {
		return nil
	}
	s, err := l.stamp(h)
	if err != nil {
		return err
	}
	if b.Hash != s.hash {
		return fmt.Errorf("fill block %d: it is %s, the ledger had %s", h, b.Hash.Short(), s.hash.Short())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return err
	}
	if err := l.fill(h, s, b.Bytes()); err != nil {
		return l.fail(fmt.Errorf("fill block %d: %w", h, explain(err)))
	}
	l.holesMu.Lock()
	delete(l.holes, h)
	l.holesMu.Unlock()
	return nil
}

func (l *Ledger) fill(h chain.Height, s stamp, raw []byte) (err error) {
	if s.place, err = l.bodies.Append(uint64(h), raw); err != nil {
		return err
	}
	if err := l.bodies.Flush(); err != nil {
		return err
	}
	txn := l.db.NewTransaction(true)
	defer txn.Discard()
	if err := txn.Set(numberKey(kindHash, uint64(h)), s.encode()); err != nil {
		return err
	}
	if err := txn.Commit(); err != nil {
		return err
	}
	l.renew()
	return nil
}
