package edge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/registry"
)

// How long a node waits before it tries again what another could not do.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// run takes a job to its end: nothing to do, a receipt, or a refusal. An error is the end
// of ctx, or a disk that fails; the job is then on disk in the state it was in.
func (n *Node) run(ctx context.Context, j *job) error {
	if len(j.task.Envelope) == 0 {
		ops, err := n.react(ctx, j)
		if err != nil {
			return err
		}
		if len(ops) == 0 {
			return n.replica.Keep(false, j.forget())
		}
		if err := n.sign(j, j.task.Event.Height, ops); err != nil {
			if errors.Is(err, errUnsignable) {
				n.fault(j, abi.Faultf(abi.TooMuch, "%v", err))
				return n.replica.Keep(false, j.forget())
			}
			return err
		}
	}
	r, err := n.submit(ctx, j)
	var refused *refusedError
	if errors.As(err, &refused) {
		n.cfg.Log.Error("what a contract asked for was refused and is lost", "instance", j.binding.Instance, "trigger", where(j), "error", err)
		n.count(func(s *Stats) { s.Refused++ })
		n.mu.Lock()
		delete(n.effects, j.task.TxID)
		n.mu.Unlock()
		return n.replica.Keep(false, j.forget())
	}
	if err != nil {
		return err
	}
	return n.done(j, r)
}

func where(j *job) string { return fmt.Sprintf("%s %d", j.task.Event.Address, j.task.Event.Sequence) }

// react runs the contract until this node manages to, or its binding is gone. It returns
// what to submit.
func (n *Node) react(ctx context.Context, j *job) ([]chain.Op, error) {
	state := j.state
	if state == nil {
		state = n.replica.Snapshot()
	}
	j.state = nil // what is not needed any more takes no memory while the job waits
	call := callOf(n.cfg.Chain, &j.task.Event, state)
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		r, err := n.cfg.Engine.React(ctx, j.binding, state, call)
		if err == nil {
			if r.Fault != nil {
				n.fault(j, r.Fault)
				return nil, nil
			}
			ops := make([]chain.Op, len(r.Submits))
			for i, w := range r.Submits {
				ops[i] = chain.Put(w.Address, w.Key, w.Value)
				if len(w.Value) == 0 {
					ops[i] = chain.Delete(w.Address, w.Key)
				}
			}
			return ops, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		n.cfg.Log.Warn("contract could not be run, trying again", "instance", j.binding.Instance, "trigger", where(j), "error", err)
		n.count(func(s *Stats) { s.Failures++ })
		if !n.bound(&j.binding) {
			n.cfg.Log.Warn("contract is no longer deployed, its trigger is dropped", "instance", j.binding.Instance, "trigger", where(j))
			n.count(func(s *Stats) { s.Unbound++ })
			return nil, nil
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// bound reports whether a version is still deployed under its instance.
func (n *Node) bound(b *registry.Binding) bool {
	now, err := registry.InstanceBindings(n.replica.Snapshot(), b.Instance)
	if err != nil {
		return true
	}
	for i := range now {
		if now[i].Digest == b.Digest && !now[i].Revoked {
			return true
		}
	}
	return false
}

func (n *Node) fault(j *job, f *abi.Fault) {
	n.cfg.Log.Warn("react contract faulted", "instance", j.binding.Instance, "version", j.binding.Version, "trigger", where(j), "fault", f.Error(), "detail", f.Detail)
	n.count(func(s *Stats) { s.Faults++ })
}

// errUnsignable means that a contract asked for more than a transaction holds.
var errUnsignable = errors.New("what the contract submits does not fit a transaction")

// sign makes the transaction of a job, valid as long as possible from a height, and forces
// it to disk.
func (n *Node) sign(j *job, from abi.Height, ops []chain.Op) error {
	t := &j.task
	tx, err := chain.Sign(n.cfg.Key, n.cfg.Chain, from+chain.MaxValidity, nonceOf(j.binding.Instance, &t.Event, t.Attempt), ops...)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnsignable, err)
	}
	t.Envelope, t.TxID = tx.Envelope(), tx.ID
	n.mu.Lock()
	n.effects[t.TxID] = &effect{job: j}
	n.mu.Unlock()
	return n.replica.Keep(true, j.note())
}

// refusedError says that the chain will never take the transaction.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// submit sends the transaction of a job until there is a receipt or a refusal.
func (n *Node) submit(ctx context.Context, j *job) (rpc.Receipt, error) {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		r, err := n.cfg.Submit.SubmitTx(ctx, j.task.Envelope)
		if err == nil {
			return r, nil
		}
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		switch chain.Reason(rpc.Code(err)) {
		case chain.Malformed, chain.BadSign, chain.Unknown, chain.NoGrant, chain.TooFar, chain.TooLarge:
			return r, &refusedError{err}
		case chain.Expired:
			r, found, err := n.expired(ctx, j)
			if err != nil || found {
				return r, err
			}
		}
		n.cfg.Log.Warn("transaction of a contract could not be submitted, trying again", "instance", j.binding.Instance, "trigger", where(j), "error", err)
		n.count(func(s *Stats) { s.Failures++ })
		if err := sleep(ctx, wait); err != nil {
			return r, err
		}
	}
}

// expired finds out what became of a transaction whose window has passed. It asks a master
// that is beyond the window: what is not in its chain will never be. Then the job gets a
// new transaction, with the next attempt.
func (n *Node) expired(ctx context.Context, j *job) (r rpc.Receipt, found bool, err error) {
	tx, err := chain.Decode(j.task.Envelope, n.cfg.Chain)
	if err != nil {
		return r, false, fmt.Errorf("read transaction of %s: %w", where(j), err)
	}
	for _, m := range n.cfg.Lookup {
		h, err := m.Head(ctx)
		if err != nil || h.Height < tx.ValidUntil {
			continue
		}
		a, err := m.Tx(ctx, tx.ID)
		if err == nil {
			return a.Receipt, true, nil
		}
		if rpc.Code(err) != rpc.CodeNotFound {
			continue
		}
		n.mu.Lock()
		delete(n.effects, tx.ID)
		n.mu.Unlock()
		j.task.Attempt++
		return r, false, n.sign(j, h.Height, tx.Ops)
	}
	return r, false, nil
}

// done takes the receipt of a job. The transaction is remembered until its events have
// passed.
func (n *Node) done(j *job, r rpc.Receipt) error {
	if r.Accepted() {
		n.count(func(s *Stats) { s.Accepted++ })
	} else {
		n.cfg.Log.Warn("what a contract asked for was rejected", "instance", j.binding.Instance, "trigger", where(j), "code", r.Code.String(), "message", r.Message)
		n.count(func(s *Stats) { s.Rejected++ })
	}
	n.mu.Lock()
	defer n.mu.Unlock() // until the note is written: what passed forgets must come after it
	if r.Height <= n.height {
		delete(n.effects, j.task.TxID)
		return n.replica.Keep(false, j.forget())
	}
	j.task.Done = r.Height
	n.effects[j.task.TxID] = &effect{j, r.Height}
	return n.replica.Keep(false, j.note())
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d/2 + rand.N(d))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
