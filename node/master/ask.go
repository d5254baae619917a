package master

import (
	"context"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node/contracts"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
	"github.com/kalima-chain/kalima/registry"
)

// Asker runs the query entry of a deployed contract.
type Asker interface {
	Query(ctx context.Context, st host.State, call abi.Call) (r host.Result, found bool, err error)
}

var _ Asker = (*contracts.Engine)(nil)

// maxQueries is how many queries of clients run at once: they share the processors with the
// contracts of transactions, which come first.
const maxQueries = 2

// query runs a contract's query entry on a copy of the applied state. Who may read what the
// contract keeps may ask it: it answers with what it chooses to, also of what it reads elsewhere.
func (s *Server) query(ctx context.Context, m *policy.Member, peer abi.Identity, q *rpc.QueryQ) (any, error) {
	if err := registry.CheckName(q.Instance); err != nil {
		return nil, transport.Errorf(rpc.CodeBadRequest, "%v", err)
	}
	own := abi.StateAddress(q.Instance)
	if err := checkTarget(m, own, q.Key); err != nil {
		return nil, err
	}
	if err := abi.CheckValue(q.Argument); err != nil {
		return nil, transport.Errorf(rpc.CodeBadRequest, "argument: %v", err)
	}
	if s.Engine == nil {
		return nil, transport.Errorf(rpc.CodeNotFound, "this node runs no contracts")
	}
	select {
	case s.asking <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.asking }()
	state := s.machine.Copy() // a query may take long: blocks shall not wait
	head := state.Head()
	r, found, err := s.Engine.Query(ctx, state, abi.Call{
		Contract: q.Instance, Chain: head.Chain, Op: abi.Put, Address: own, Key: q.Key, Value: q.Argument,
		Height: head.Height, Time: head.Time, Sender: peer, Name: m.Name, Roles: m.Roles,
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, transport.Errorf(rpc.CodeNotFound, "no contract %s that answers queries is deployed", q.Instance)
	}
	out := rpc.QueryA{Height: head.Height, Gas: r.Used.Gas, Reply: r.Reply}
	if r.Fault != nil {
		out.Code, out.Reason, out.Message = r.Fault.Code, r.Fault.Reason, r.Fault.Message
	}
	return out, nil
}
