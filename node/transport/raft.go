package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/kalima-chain/kalima/abi"
)

// RaftLayer gives Raft what it knows from TCP: a listener, and a Dial. Each of its
// connections is one stream; all that this node dials to one peer share one QUIC
// connection, which is dialed anew when it was lost.
type RaftLayer struct {
	e      *Endpoint
	accept chan net.Conn
	ctx    context.Context // ends with Close
	close  context.CancelFunc

	mu    sync.Mutex
	links map[abi.Identity]*raftLink
}

// raftLink is the connection to one peer. Its mutex is held while dialing, so that
// callers who come together share one connection.
type raftLink struct {
	mu   sync.Mutex
	addr string
	conn *Conn
}

const raftBacklog = 64 // connections that wait for Accept; Raft opens a handful for each peer

func newRaftLayer(e *Endpoint) *RaftLayer {
	l := &RaftLayer{e: e, accept: make(chan net.Conn, raftBacklog), links: make(map[abi.Identity]*raftLink)}
	l.ctx, l.close = context.WithCancel(e.ctx)
	return l
}

// Raft returns the endpoint's Raft layer, always the same one.
func (e *Endpoint) Raft() *RaftLayer { return e.raft }

var _ net.Listener = (*RaftLayer)(nil)

// Accept waits for the next connection that a master opens.
func (l *RaftLayer) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.ctx.Done():
		return nil, fmt.Errorf("accept raft connection: %w", net.ErrClosed)
	}
}

// Addr returns the endpoint's address.
func (l *RaftLayer) Addr() net.Addr { return l.e.Addr() }

// Close refuses further connections and closes those this node dialed. The endpoint
// goes on.
func (l *RaftLayer) Close() error {
	l.close()
	for _, link := range l.all() {
		link.drop()
	}
	return nil
}

func (l *RaftLayer) all() map[abi.Identity]*raftLink {
	l.mu.Lock()
	defer l.mu.Unlock()
	links := make(map[abi.Identity]*raftLink, len(l.links))
	for id, link := range l.links {
		links[id] = link
	}
	return links
}

func (k *raftLink) drop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conn != nil {
		k.conn.Close()
		k.conn = nil
	}
}

// recheck drops connections to peers that are no longer masters.
func (l *RaftLayer) recheck() {
	for id, link := range l.all() {
		if !l.e.isMaster(id) {
			link.drop()
		}
	}
}

// Dial opens a connection to the master at addr, whose identity Config.PeerOf knows.
func (l *RaftLayer) Dial(addr string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := l.ctx, context.CancelFunc(func() {})
	if timeout > 0 {
		ctx, cancel = context.WithTimeout(l.ctx, timeout)
	}
	defer cancel()
	c, err := l.dial(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("dial raft %s: %w", addr, err)
	}
	return c, nil
}

func (l *RaftLayer) dial(ctx context.Context, addr string) (net.Conn, error) {
	if l.e.cfg.PeerOf == nil {
		return nil, errors.New("endpoint knows no peers")
	}
	peer, ok := l.e.cfg.PeerOf(addr)
	if !ok {
		return nil, errors.New("no master is known there")
	}
	l.mu.Lock()
	link := l.links[peer]
	if link == nil {
		link = &raftLink{}
		l.links[peer] = link
	}
	l.mu.Unlock()
	for retry := false; ; retry = true {
		c, fresh, err := link.get(ctx, l, addr, peer)
		if err != nil {
			return nil, err
		}
		str, err := c.stream(ctx, typeRaft)
		if err == nil {
			return &raftConn{str: str, local: l.Addr(), remote: c.RemoteAddr(), peer: peer}, nil
		}
		if fresh || retry || ctx.Err() != nil {
			return nil, err
		}
	}
}

// get returns the live connection to the peer, and whether it was dialed just now.
func (k *raftLink) get(ctx context.Context, l *RaftLayer, addr string, peer abi.Identity) (*Conn, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conn != nil && k.addr == addr && k.conn.Err() == nil && k.conn.qc.Context().Err() == nil {
		return k.conn, false, nil
	}
	if k.conn != nil {
		k.conn.Close()
		k.conn = nil
	}
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	c, err := l.e.dial(ctx, addr, peer)
	if err != nil {
		return nil, false, err
	}
	if l.ctx.Err() != nil { // Close came between
		c.Close()
		return nil, false, net.ErrClosed
	}
	k.conn, k.addr = c, addr
	return c, true, nil
}

// offer hands a stream that a peer opened to Accept.
func (l *RaftLayer) offer(s *session, str *quic.Stream) {
	s.raft.Store(true) // before the check, so that a Recheck after it finds the session
	if !l.e.isMaster(s.peer) {
		s.raft.Store(false)
		reset(str, streamNotMaster)
		return
	}
	c := &raftConn{str: str, local: l.Addr(), remote: s.qc.RemoteAddr(), peer: s.peer}
	select {
	case <-l.ctx.Done():
		reset(str, streamDone)
		return
	default:
	}
	select {
	case l.accept <- c:
	default:
		reset(str, streamBusy)
	}
}

// raftConn is a stream as Raft wants it.
type raftConn struct {
	str           *quic.Stream
	local, remote net.Addr
	peer          abi.Identity
}

var _ net.Conn = (*raftConn)(nil)

func (c *raftConn) Read(b []byte) (int, error) {
	n, err := c.str.Read(b)
	var app *quic.ApplicationError
	if errors.As(err, &app) && app.ErrorCode == connGoodbye {
		return n, io.EOF // a node that stops in order is no error, just as with TCP
	}
	return n, c.wrap(err)
}

func (c *raftConn) Write(b []byte) (int, error) {
	n, err := c.str.Write(b)
	return n, c.wrap(err)
}

// wrap keeps io.EOF and timeouts as they are, which Raft looks for.
func (c *raftConn) wrap(err error) error {
	if err == nil || err == io.EOF || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return lost(c.peer, err)
}

// Close ends both directions. Bytes already written still reach the peer.
func (c *raftConn) Close() error {
	c.str.CancelRead(streamDone)
	c.str.SetWriteDeadline(time.Unix(1, 0)) // ends a Write that waits for the peer
	return c.str.Close()
}

func (c *raftConn) LocalAddr() net.Addr                { return c.local }
func (c *raftConn) RemoteAddr() net.Addr               { return c.remote }
func (c *raftConn) SetDeadline(t time.Time) error      { return c.str.SetDeadline(t) }
func (c *raftConn) SetReadDeadline(t time.Time) error  { return c.str.SetReadDeadline(t) }
func (c *raftConn) SetWriteDeadline(t time.Time) error { return c.str.SetWriteDeadline(t) }
