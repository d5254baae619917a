package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/consensus"
	"github.com/kalima-chain/kalima/node/master"
	"github.com/kalima-chain/kalima/node/order"
	"github.com/kalima-chain/kalima/node/transport"
)

// gate stands before the server while the node starts: it knows who may connect from the
// applied state, and refuses requests until there is something to answer them.
type gate struct {
	machine *master.Machine
	server  atomic.Pointer[master.Server]
}

var _ transport.Handler = (*gate)(nil)

var errStarting = &transport.Error{Code: string(chain.NoPlace), Message: "the master is starting: try again in a moment"}

func (g *gate) Request(ctx context.Context, peer abi.Identity, method string, body []byte) ([]byte, error) {
	if s := g.server.Load(); s != nil {
		return s.Request(ctx, peer, method, body)
	}
	return nil, errStarting
}

func (g *gate) Subscribe(ctx context.Context, peer abi.Identity, method string, body []byte, send func([]byte) error) error {
	if s := g.server.Load(); s != nil {
		return s.Subscribe(ctx, peer, method, body, send)
	}
	return errStarting
}

func (g *gate) authorise(peer abi.Identity) error {
	if _, ok := g.machine.Policy().Member(peer); !ok {
		return fmt.Errorf("identity %s is not known on this chain", peer.Short())
	}
	return nil
}

func (g *gate) isMaster(peer abi.Identity) bool {
	_, ok := g.machine.Policy().Masters()[peer]
	return ok
}

func (g *gate) peerOf(address string) (abi.Identity, bool) {
	for id, n := range g.machine.Policy().Masters() {
		if n.Address == address {
			return id, true
		}
	}
	return abi.Identity{}, false
}

// fetcher gets contract bytes from the server once there is one.
type fetcher struct{ from atomic.Pointer[master.Server] }

func (f *fetcher) fetch(ctx context.Context, d abi.Digest) ([]byte, error) {
	if s := f.from.Load(); s != nil {
		return s.Fetch(ctx, d)
	}
	return nil, errors.New("the master is starting")
}

// raftAdapter shows a consensus node as the interfaces of those who need it.
type raftAdapter struct{ *consensus.Node }

var (
	_ order.Consensus = raftAdapter{}
	_ master.Raft     = raftAdapter{}
)

func (r raftAdapter) Propose(block []byte) order.Proposal { return r.Node.Propose(block) }

func (r raftAdapter) Role() string { return strings.ToLower(r.Node.Stats().State) }

func (r raftAdapter) Leader() (abi.Identity, bool) {
	s, ok := r.Node.Leader()
	return s.ID, ok
}

func sortServers(s []consensus.Server) {
	slices.SortFunc(s, func(a, b consensus.Server) int { return slices.Compare(a.ID[:], b.ID[:]) })
}
