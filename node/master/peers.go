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
	mu   sync.Mutex // guards conn and dial; never held while waiting
	conn *transport.Conn
	dial *dial // under way
}

// dial is an attempt to connect. All who come while it runs share what comes of it: were
// they to dial one after the other, a master that is gone would cost each of them the
// waits of all before it.
type dial struct {
	done chan struct{} // closed when conn and err are set
	conn *transport.Conn
	err  error
}

const (
	dialTimeout     = 2 * time.Second
	exchangeTimeout = 10 * time.Second // of one question to another master: a blob of 8 MiB on a slow line
)

// Request asks another master and waits exchangeTimeout at most. ErrUnreachable means
// that it was not asked.
func (p *Peers) Request(ctx context.Context, id abi.Identity, method string, body []byte) ([]byte, error) {
	conn, err := p.conn(ctx, id)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
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
	if c.conn != nil {
		select {
		case <-c.conn.Closed():
			c.conn = nil
		default:
			defer c.mu.Unlock()
			return c.conn, nil
		}
	}
	d := c.dial
	if d == nil {
		d = &dial{done: make(chan struct{})}
		c.dial = d
		go c.connect(p.Endpoint, node.Name, node.Address, id)
	}
	c.mu.Unlock()
	select {
	case <-d.done:
		return d.conn, d.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreachable, node.Name, ctx.Err())
	}
}

// connect makes the connection that the waiters of c.dial want. The endpoint ends it when
// it closes.
func (c *peer) connect(e *transport.Endpoint, name, address string, id abi.Identity) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	conn, err := e.Dial(ctx, address, id)
	if err != nil {
		err = fmt.Errorf("%w: %s: %w", ErrUnreachable, name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.dial
	c.dial, c.conn = nil, conn
	d.conn, d.err = conn, err
	close(d.done)
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
		if len(a.Blocks) > 0 {
			return a.Blocks, nil
		}
	}
	return nil, errors.Join(errs...)
}
