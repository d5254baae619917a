package consensus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

var _ raft.BatchingFSM = (*fsm)(nil)

// maxRestores is how often in a row Raft may install one and the same snapshot. More
// than that means that it does not get on: it still believes in log entries that are no
// longer there (hashicorp/raft#697), which a restart cures.
const maxRestores = 3

var errStuck = errors.New("raft installs the same snapshot again and again: restart this node")

// fsm stands between Raft and the Machine.
type fsm struct {
	machine Machine
	guard   *guard
	ctx     context.Context // ends when the node closes

	applied  atomic.Uint64 // highest index handed to the machine, or known to be in it
	restored uint64        // index of the last snapshot restored
	times    int           // in a row
}

// ApplyBatch leaves out what the machine already has, which Raft plays back after every
// start, and Raft's own entries.
func (f *fsm) ApplyBatch(logs []*raft.Log) []any {
	out := make([]any, len(logs))
	batch := make([]Entry, 0, len(logs))
	at := make([]int, 0, len(logs))
	applied := f.applied.Load()
	for i, l := range logs {
		if l.Type == raft.LogCommand && l.Index > applied {
			batch = append(batch, Entry{Index: l.Index, Term: l.Term, Data: l.Data})
			at = append(at, i)
		}
	}
	if len(batch) > 0 {
		results := f.machine.Apply(batch)
		if len(results) != len(batch) {
			panic(fmt.Sprintf("consensus: machine returned %d results for %d entries", len(results), len(batch)))
		}
		for i, r := range results {
			out[at[i]] = r
		}
	}
	if n := len(logs); n > 0 {
		f.applied.Store(max(applied, logs[n-1].Index))
	}
	return out
}

// Apply is part of raft.FSM; Raft calls ApplyBatch instead.
func (f *fsm) Apply(l *raft.Log) any { return f.ApplyBatch([]*raft.Log{l})[0] }

// Snapshot is part of raft.FSM.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	p, err := f.machine.Pointer()
	if err != nil {
		return nil, err
	}
	return &snapshot{p, f}, nil
}

type snapshot struct {
	pointer Pointer
	fsm     *fsm
}

// Persist writes the pointer once the machine is on disk up to it: after that Raft cuts
// the log.
func (s *snapshot) Persist(sink raft.SnapshotSink) error {
	if err := s.fsm.guard.err(); err != nil {
		return err
	}
	if err := s.fsm.machine.Sync(); err != nil {
		err = fmt.Errorf("sync before snapshot: %w: %w", ErrDisk, err)
		s.fsm.guard.fail(err)
		return err
	}
	if _, err := sink.Write(s.pointer.encode()); err != nil {
		return err
	}
	return sink.Close()
}

// Release is part of raft.FSMSnapshot.
func (s *snapshot) Release() {}

// Restore is part of raft.FSM.
func (f *fsm) Restore(r io.ReadCloser) error {
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, pointerSize+1))
	if err != nil {
		return err
	}
	p, err := decodePointer(b)
	if err != nil {
		return err
	}
	if f.times++; p.Index != f.restored {
		f.restored, f.times = p.Index, 1
	}
	if f.times > maxRestores {
		f.guard.fail(errStuck)
		return errStuck
	}
	if f.machine.Applied() < p.Index {
		if err := f.machine.Restore(f.ctx, p); err != nil {
			return fmt.Errorf("restore to height %d: %w", p.Height, err)
		}
	}
	f.applied.Store(max(p.Index, f.machine.Applied()))
	return nil
}
