package consensus

import (
	"errors"
	"fmt"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// guard watches disk writes. The first that fails or takes too long is fatal: after a
// failed fsync nobody knows what the disk holds, and a master whose disk hangs must make
// room for another leader (hashicorp/raft#503).
type guard struct {
	timeout time.Duration
	fatal   func(error)

	once   sync.Once
	failed atomic.Pointer[error]

	writes atomic.Uint64
	took   atomic.Int64 // nanoseconds, sum
}

// fail latches the first error and reports it.
func (g *guard) fail(err error) {
	g.once.Do(func() {
		g.failed.Store(&err)
		g.fatal(err)
	})
}

func (g *guard) err() error {
	if e := g.failed.Load(); e != nil {
		return *e
	}
	return nil
}

// write runs a disk write. It does not run it once something has failed, and does not
// acknowledge it when it came too late.
func (g *guard) write(what string, f func() error) error {
	if err := g.err(); err != nil {
		return err
	}
	start := time.Now()
	timer := time.AfterFunc(g.timeout, func() {
		g.fail(fmt.Errorf("%s: %w: no answer for %s", what, ErrDisk, g.timeout))
	})
	err := f()
	timer.Stop()
	g.writes.Add(1)
	g.took.Add(int64(time.Since(start)))
	if err != nil {
		err = fmt.Errorf("%s: %w: %w", what, ErrDisk, err)
		g.fail(err)
		return err
	}
	return g.err()
}

// logs is what the store builds on: the log of raft-wal.
type logs interface {
	raft.LogStore
	raft.MonotonicLogStore
}

// store is the log as Raft sees it: every write watched, every entry sealed, every read
// checked. raft-wal gets entries of which it knows the index and opaque data.
type store struct {
	logs  logs
	codec *codec
	guard *guard
	keep  time.Duration
	clock func() time.Time
}

var (
	_ raft.LogStore          = (*store)(nil)
	_ raft.MonotonicLogStore = (*store)(nil)
)

func (s *store) IsMonotonic() bool            { return s.logs.IsMonotonic() }
func (s *store) FirstIndex() (uint64, error)  { return s.logs.FirstIndex() }
func (s *store) LastIndex() (uint64, error)   { return s.logs.LastIndex() }
func (s *store) StoreLog(log *raft.Log) error { return s.StoreLogs([]*raft.Log{log}) }
func (s *store) StoreLogs(l []*raft.Log) error {
	sealed := make([]*raft.Log, len(l))
	for i := range l {
		sealed[i] = &raft.Log{Index: l[i].Index, Data: s.codec.encode(l[i])}
	}
	return s.guard.write("append to raft log", func() error { return s.logs.StoreLogs(sealed) })
}

// GetLog reads an entry. That it is not there is an answer; that it is damaged is fatal.
func (s *store) GetLog(index uint64, log *raft.Log) error {
	err := s.peek(index, log)
	switch {
	case err == nil && log.Index == index:
		return nil
	case err == nil:
		err = fmt.Errorf("%w: entry %d stands at index %d", ErrCorrupt, log.Index, index)
	case isNotFound(err):
		return raft.ErrLogNotFound
	case !errors.Is(err, ErrCorrupt):
		err = fmt.Errorf("%w: entry %d: %w", ErrCorrupt, index, err)
	}
	s.guard.fail(err)
	return err
}

// peek is GetLog without consequences.
func (s *store) peek(index uint64, log *raft.Log) error {
	var sealed raft.Log
	if err := s.logs.GetLog(index, &sealed); err != nil {
		return err
	}
	return s.codec.decode(sealed.Data, log)
}

// DeleteRange cuts the log. Raft cuts its old end by number of entries; what is younger
// than keep stays all the same, so that a follower that was away catches up from the log.
func (s *store) DeleteRange(first, last uint64) error {
	lo, err := s.FirstIndex()
	if err != nil {
		return err
	}
	hi, err := s.LastIndex()
	if err != nil {
		return err
	}
	if first <= lo && last < hi {
		n := sort.Search(int(last-lo)+1, func(i int) bool { return s.young(lo + uint64(i)) })
		if n == 0 {
			return s.guard.err()
		}
		last = lo + uint64(n) - 1
	}
	return s.guard.write("cut raft log", func() error { return s.logs.DeleteRange(first, last) })
}

// young reports whether an entry is to be kept for its age. Entries without a time are
// as old as the one after them.
func (s *store) young(index uint64) bool {
	var log raft.Log
	if err := s.GetLog(index, &log); err != nil {
		return true
	}
	return !log.AppendedAt.IsZero() && s.clock().Sub(log.AppendedAt) < s.keep
}
