package transport

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/quic-go/quic-go"

	"github.com/kalima-chain/kalima/abi"
)

// Dial connects to the node at addr ("host:port"), which must prove that it is peer.
// It returns when that node has let this one in: a *RefusedError gives its reason if
// not, a *WrongKeyError says that another node answers there.
func (e *Endpoint) Dial(ctx context.Context, addr string, peer abi.Identity) (*Conn, error) {
	c, err := e.dial(ctx, addr, peer)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	return c, nil
}

func (e *Endpoint) dial(ctx context.Context, addr string, peer abi.Identity) (*Conn, error) {
	if peer == (abi.Identity{}) {
		return nil, errors.New("no identity to expect there")
	}
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Handshake)
	defer cancel()
	to, err := resolve(ctx, addr)
	if err != nil {
		return nil, err
	}
	qc, err := e.transport.Dial(ctx, to, tlsConfig(e.cert, func(got abi.Identity) error {
		if got != peer {
			return &WrongKeyError{Want: peer, Got: got}
		}
		return nil
	}), e.dialConfig())
	if err != nil {
		return nil, e.dialError(ctx, peer, err)
	}
	if err := CheckSuite(qc.ConnectionState().TLS); err != nil {
		qc.CloseWithError(connSuite, err.Error())
		return nil, err
	}
	c := &Conn{e: e, peer: peer, qc: qc, out: newWriter(waiting), closed: make(chan struct{}), calls: make(map[uint64]*call)}
	if err := c.open(ctx); err != nil {
		qc.CloseWithError(connGoodbye, "")
		return nil, e.dialError(ctx, peer, err)
	}
	if !e.dialed(c) {
		c.Close()
		return nil, fmt.Errorf("endpoint: %w", ErrClosed)
	}
	return c, nil
}

// dialError says why there is no connection.
func (e *Endpoint) dialError(ctx context.Context, peer abi.Identity, err error) error {
	var (
		wrong  *WrongKeyError
		silent *quic.HandshakeTimeoutError
		idle   *quic.IdleTimeoutError
	)
	switch {
	case e.ctx.Err() != nil:
		return fmt.Errorf("endpoint: %w", ErrClosed)
	case errors.As(err, &wrong):
		return wrong
	case errors.As(err, &silent), errors.As(err, &idle), errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%w: no answer", ErrLost)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return lost(peer, err)
}

// dialed remembers the connection for Close. It returns false when Close was before.
func (e *Endpoint) dialed(c *Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ctx.Err() != nil {
		return false
	}
	e.conns[c] = struct{}{}
	context.AfterFunc(c.qc.Context(), func() {
		e.mu.Lock()
		delete(e.conns, c)
		e.mu.Unlock()
	})
	return true
}

func resolve(ctx context.Context, addr string) (*net.UDPAddr, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	no, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return nil, err
	}
	if host == "" {
		host = "localhost"
	}
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, err
	}
	return &net.UDPAddr{IP: ips[0].IP, Zone: ips[0].Zone, Port: no}, nil
}
