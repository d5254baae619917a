package master

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/order"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

// codeNotLeader is a master's answer to another master that forwarded to it in error.
const codeNotLeader = "not-leader"

// submit takes a transaction: what costs nothing is checked first, then the signature,
// then it goes to the leader, wherever that is. Only the leader verifies: a follower
// checks form and sender, and the leader trusts nobody.
func (s *Server) submit(ctx context.Context, peer abi.Identity, q *rpc.Submit) (any, error) {
	tx, err := chain.Decode(q.Envelope, s.chain)
	if err != nil {
		s.refused.Add(1)
		return nil, chain.Refusef(chain.Malformed, "malformed transaction: %v", err)
	}
	if _, ok := s.machine.Policy().Member(tx.Sender); !ok {
		s.refused.Add(1)
		return nil, chain.Refusef(chain.Unknown, "identity %s, which signed the transaction, is not known on this chain", tx.Sender.Short())
	}
	if q.Forward && s.isMaster(peer) {
		r, err := s.orderHere(ctx, tx)
		if errors.Is(err, order.ErrNotLeader) {
			return nil, transport.Errorf(codeNotLeader, "%s does not lead", s.Name)
		}
		return r, err
	}
	r, err := s.orderAnywhere(ctx, tx, q)
	if err != nil {
		s.refused.Add(1)
	}
	return r, err
}

// orderAnywhere finds the leader and waits for one while there is none.
func (s *Server) orderAnywhere(ctx context.Context, tx *chain.Tx, q *rpc.Submit) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	unknown := false // a leader may have it
	for {
		r, err := s.orderOnce(ctx, tx, q)
		if err == nil {
			return r, nil
		}
		switch {
		case errors.Is(err, errRetry), errors.Is(err, order.ErrNotLeader):
		case errors.Is(err, order.ErrUnknown), rpc.Code(err) == rpc.CodeUnknown:
			unknown = true
		default:
			return nil, err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			if unknown {
				return nil, fmt.Errorf("%w: the leader was lost while it had the transaction; submit the same one again", order.ErrUnknown)
			}
			return nil, chain.Refusef(chain.NoLeader, "no leader for %s: fewer than a majority of the masters can reach each other", s.Patience)
		}
	}
}

// errRetry means that nothing happened and that the leader may be elsewhere by now.
var errRetry = errors.New("no leader")

func (s *Server) orderOnce(ctx context.Context, tx *chain.Tx, q *rpc.Submit) (any, error) {
	if s.Orderer.Leading() {
		return s.orderHere(ctx, tx)
	}
	leader, ok := s.Raft.Leader()
	if !ok || leader == s.Self {
		return nil, errRetry
	}
	b, err := s.forward(ctx, leader, q.Envelope)
	if err != nil {
		return nil, err
	}
	var r rpc.Receipt
	if err := rpc.Decode(b, &r); err != nil {
		return nil, fmt.Errorf("decode the leader's receipt: %w", err)
	}
	// Whoever asks this master next shall find what it acknowledged.
	if err := s.machine.Await(ctx, r.Height); err != nil {
		return nil, fmt.Errorf("%w: the leader has it in block %d, this master does not yet", order.ErrUnknown, r.Height)
	}
	return b, nil
}

const (
	// forwardTimeout is how long the leader may take over a forwarded transaction before
	// this master asks again, it or its successor: below the time in which the transport
	// notices a dead peer, far above what a live leader takes.
	forwardTimeout = 2 * time.Second

	// leaderCheck is how often a forward that waits looks whether there is another leader.
	leaderCheck = 100 * time.Millisecond
)

// forward asks the leader to order a transaction. It gives up when another master leads:
// the one that was asked may be dead, and the transport would not know for seconds. Unless
// the leader answered, the outcome is then unknown, and the same transaction, submitted
// again, settles it.
func (s *Server) forward(ctx context.Context, leader abi.Identity, envelope []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, forwardTimeout)
	defer cancel()
	s.watchLeader(ctx, leader, cancel)
	b, err := s.Peers.Request(ctx, leader, rpc.MethodSubmit, rpc.Encode(&rpc.Submit{Envelope: envelope, Forward: true}))
	var answered *transport.Error
	switch {
	case err == nil:
		return b, nil
	case errors.Is(err, ErrUnreachable), rpc.Code(err) == codeNotLeader:
		return nil, errRetry
	case errors.As(err, &answered):
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", order.ErrUnknown, err)
}

// watchLeader calls gone once another master is known to lead. Until then, or until ctx
// ends, it costs a timer and no goroutine: most forwards are answered before it fires.
func (s *Server) watchLeader(ctx context.Context, leader abi.Identity, gone func()) {
	time.AfterFunc(leaderCheck, func() {
		if ctx.Err() != nil {
			return
		}
		if now, ok := s.Raft.Leader(); ok && now != leader {
			gone()
			return
		}
		s.watchLeader(ctx, leader, gone)
	})
}

func (s *Server) orderHere(ctx context.Context, tx *chain.Tx) (any, error) {
	if err := tx.Verify(); err != nil {
		return nil, chain.Refusef(chain.BadSign, "%v", err)
	}
	r, err := s.Orderer.Submit(ctx, tx)
	if err != nil {
		return nil, err
	}
	return receipt(&r), nil
}

func receipt(r *order.Result) rpc.Receipt {
	o := &r.Outcome
	return rpc.Receipt{
		TxID: r.ID, Height: r.Height, Index: r.Index, Block: r.Block, Time: r.Time,
		Code: o.Code, Reason: o.Reason, Message: o.Message, Gas: o.Gas, Sequences: o.Sequences, Replayed: r.Replayed,
	}
}

func (s *Server) isMaster(id abi.Identity) bool { _, ok := s.machine.Policy().Masters()[id]; return ok }
