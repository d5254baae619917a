package master

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

// ErrUnreachable means that a request never left for the other master.
var ErrUnreachable = errors.New("master can not be reached")

// Peers is a master's connections to the others, made when first needed.
type Peers struct {
	Endpoint *transport.Endpoint
	Policy   func() *policy.Set

	mu    sync.Mutex
	conns map[abi.Identity]*peer
}

type peer struct {
	mu   sync.Mutex // held while dialling
	conn *transport.Conn
}

const dialTimeout = 2 * time.Second

// Request asks another master. ErrUnreachable means that it was not asked.
func (p *Peers) Request(ctx context.Context, id abi.Identity, method string, body []byte) ([]byte, error) {
	conn, err := p.conn(ctx, id)
	if err != nil {
		return nil, err
	}
	return conn.Request(ctx, method, body)
}

func (p *Peers) conn(ctx context.Context, id abi.Identity) (*transport.Conn, error) {
	node, ok := p.Policy().Masters()[id]
	if !ok {
		return nil, fmt.Errorf("%w: %s is no master", ErrUnreachable, id.Short())
	}
	p.mu.Lock()
	if p.conns == nil {
		p.conns = map[abi.Identity]*peer{}
	}
	c := p.conns[id]
	if c == nil {
		c = &peer{}
		p.conns[id] = c
	}
	p.mu.Unlock()

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		select {
		case <-c.conn.Closed():
			c.conn = nil
		default:
			return c.conn, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := p.Endpoint.Dial(ctx, node.Address, id)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreachable, node.Name, err)
	}
	c.conn = conn
	return conn, nil
}

// Blocks fetches consecutive blocks from whichever of the others has them.
func (p *Peers) Blocks(ctx context.Context, self abi.Identity, from chain.Height, count int) ([][]byte, error) {
	var errs []error
	for id := range p.Policy().Masters() {
		if id == self {
			continue
		}
		b, err := p.Request(ctx, id, rpc.MethodBlock, rpc.Encode(&rpc.BlockQ{Height: from, Count: count}))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		var a rpc.BlocksA
		if err := rpc.Decode(b, &a); err != nil {
			errs = append(errs, err)
			continue
		}
		return a.Blocks, nil
	}
	return nil, errors.Join(errs...)
}
