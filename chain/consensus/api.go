package consensus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
	"github.com/kalima-chain/kalima/abi"
)

// Proposal is an entry on its way.
type Proposal struct {
	node   *Node
	future raft.ApplyFuture
	err    error
}

// Propose offers an entry to the log and returns at once, unless as many as Config.Batch
// wait already. The data must not be changed afterwards.
func (n *Node) Propose(data []byte) *Proposal {
	if len(data) > MaxData {
		return &Proposal{err: fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(data), MaxData)}
	}
	if n.raft.State() != raft.Leader {
		return &Proposal{err: ErrNotLeader}
	}
	return &Proposal{node: n, future: n.raft.Apply(data, 0)}
}

// Wait returns what the machine returned for the entry, once it is committed and applied
// here. The error is ErrNotLeader when the entry is surely not in the log, and ErrUnknown
// when it may be.
func (p *Proposal) Wait() (any, error) {
	if p.err != nil {
		return nil, p.err
	}
	err, ok := p.node.result(context.Background(), p.future)
	if !ok {
		return nil, ErrUnknown
	}
	if err := outcome(err); err != nil {
		return nil, err
	}
	return p.future.Response(), nil
}

// result waits for a future, but not longer than the context or this node live: Raft
// leaves some futures unanswered when it shuts down.
func (n *Node) result(ctx context.Context, f raft.Future) (err error, answered bool) {
	answer := make(chan error, 1)
	go func() { answer <- f.Error() }()
	select {
	case err := <-answer:
		return err, true
	case <-ctx.Done():
		return ctx.Err(), false
	case <-n.done:
	}
	select { // it may have been answered before the end
	case err := <-answer:
		return err, true
	default:
		return ErrClosed, false
	}
}

// Leader returns the leader as far as this master knows.
func (n *Node) Leader() (Server, bool) {
	address, id := n.raft.LeaderWithID()
	who, err := abi.ParseIdentity(string(id))
	if err != nil {
		return Server{}, false
	}
	return Server{ID: who, Address: string(address)}, true
}

// IsLeader reports whether this master believes to lead. VerifyLeader makes sure.
func (n *Node) IsLeader() bool { return n.raft.State() == raft.Leader }

// Leadership tells one reader when this master gains or loses the lead. Changes that
// were not read yet are merged into the last, but no change is lost: what is received is
// always the latest, and receiving true twice means that the lead was lost in between.
func (n *Node) Leadership() <-chan bool { return n.leadership }

// Term returns the current term.
func (n *Node) Term() uint64 { return n.raft.CurrentTerm() }

// AppliedIndex returns the index of the last entry that the machine has taken in.
func (n *Node) AppliedIndex() uint64 { return n.fsm.applied.Load() }

// Barrier returns once everything committed before the call is applied here. Only the
// leader can do that.
func (n *Node) Barrier(ctx context.Context) error { return n.await(ctx, n.raft.Barrier(0)) }

// VerifyLeader asks a majority whether this master still leads.
func (n *Node) VerifyLeader(ctx context.Context) error { return n.await(ctx, n.raft.VerifyLeader()) }

// TransferLeadership hands the lead to another master that is up to date.
func (n *Node) TransferLeadership(ctx context.Context) error {
	return n.await(ctx, n.raft.LeadershipTransfer())
}

// AddServer makes a server a master. Only the leader can do that.
func (n *Node) AddServer(ctx context.Context, s Server) error {
	return n.await(ctx, n.raft.AddVoter(serverID(s.ID), raft.ServerAddress(s.Address), 0, 0))
}

// RemoveServer ends a server's part in the consensus. Only the leader can do that.
func (n *Node) RemoveServer(ctx context.Context, id abi.Identity) error {
	return n.await(ctx, n.raft.RemoveServer(serverID(id), 0, 0))
}

// Snapshot takes a snapshot now, and cuts the log as far as it may be cut.
func (n *Node) Snapshot(ctx context.Context) error {
	err := n.await(ctx, n.raft.Snapshot())
	if errors.Is(err, raft.ErrNothingNewToSnapshot) {
		return nil
	}
	return err
}

// await waits for a future and gives its error a meaning.
func (n *Node) await(ctx context.Context, f raft.Future) error {
	err, _ := n.result(ctx, f)
	switch {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipLost):
		return ErrNotLeader
	case errors.Is(err, raft.ErrRaftShutdown):
		return ErrClosed
	}
	return err
}

// Servers returns the masters as of the latest configuration, committed or not.
func (n *Node) Servers() ([]Server, error) {
	f := n.raft.GetConfiguration()
	if err := f.Error(); err != nil {
		return nil, err
	}
	var out []Server
	for _, s := range f.Configuration().Servers {
		id, err := abi.ParseIdentity(string(s.ID))
		if err != nil {
			return nil, err
		}
		out = append(out, Server{ID: id, Address: string(s.Address)})
	}
	return out, nil
}

// Stats is how a master is doing.
type Stats struct {
	State        string // Follower, Candidate, Leader or Shutdown
	Term         uint64
	FirstIndex   uint64 // of the log on disk
	LastIndex    uint64
	CommitIndex  uint64
	AppliedIndex uint64
	OldestEntry  time.Duration // age of the first entry of the log
	LastContact  time.Duration // since a follower heard from its leader; 0 at the leader
	Writes       uint64        // disk writes of log and vote, each with its fsync
	WriteTime    time.Duration // spent in them
}

// Stats returns a snapshot of the figures; they need not fit each other exactly.
func (n *Node) Stats() Stats {
	s := Stats{
		State: n.raft.State().String(), Term: n.Term(), LastIndex: n.raft.LastIndex(), CommitIndex: n.raft.CommitIndex(),
		AppliedIndex: n.AppliedIndex(), Writes: n.guard.writes.Load(), WriteTime: time.Duration(n.guard.took.Load()),
	}
	s.FirstIndex, _ = n.store.FirstIndex()
	var first raft.Log
	if s.FirstIndex > 0 && n.store.peek(s.FirstIndex, &first) == nil && !first.AppendedAt.IsZero() {
		s.OldestEntry = time.Since(first.AppendedAt)
	}
	if at := n.raft.LastContact(); s.State != raft.Leader.String() && !at.IsZero() {
		s.LastContact = time.Since(at)
	}
	return s
}
