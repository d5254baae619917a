package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/quic-go/quic-go"

	"github.com/kalima-chain/kalima/abi"
)

// Conn is a connection this node dialed. Its methods may be called from many
// goroutines. It does not come back after it is lost: dial again.
type Conn struct {
	e       *Endpoint
	peer    abi.Identity
	qc      *quic.Conn
	out     *writer
	welcome welcome
	slots   chan struct{} // one token for each request on the request stream
	large   chan struct{} // one token for each request with a stream of its own
	closed  chan struct{}

	mu    sync.Mutex
	calls map[uint64]*call
	last  uint64 // id of the latest request
	err   error  // why the connection ended; set before closed is closed
}

// call is one request that waits for its answer.
type call struct {
	done   chan struct{}
	answer []byte
	err    error
}

// open opens the request stream and waits for the welcome.
func (c *Conn) open(ctx context.Context) error {
	str, err := c.qc.OpenStreamSync(ctx)
	if err != nil {
		return lost(c.peer, err)
	}
	str.SetPriority(2, true)
	if _, err := str.Write([]byte{typeRequests}); err != nil {
		return lost(c.peer, err)
	}
	stop := context.AfterFunc(ctx, func() { str.CancelRead(streamDone) })
	r := bufio.NewReaderSize(str, reading)
	f, err := readFrame(r, maxInline)
	stop()
	if err != nil {
		return lost(c.peer, c.cause(err))
	}
	if c.welcome, err = decodeWelcome(f); err != nil {
		return fmt.Errorf("%w: %s: %v", ErrLost, c.peer.Short(), err)
	}
	c.slots = make(chan struct{}, min(c.welcome.inFlight, 1<<16))
	c.large = make(chan struct{}, min(c.welcome.large, 1<<16))
	go func() {
		if err := c.out.run(str); err != nil {
			c.fail(lost(c.peer, c.cause(err)))
		}
	}()
	go c.answers(r)
	go c.largeAnswers()
	return nil
}

// cause prefers the reason for which the connection ended to what a stream saw of it.
func (c *Conn) cause(err error) error {
	var remote *quic.StreamError
	if c.qc.Context().Err() != nil && !errors.As(err, &remote) {
		return context.Cause(c.qc.Context())
	}
	return err
}

// answers reads the request stream until the connection ends.
func (c *Conn) answers(r *bufio.Reader) {
	for {
		f, err := readFrame(r, maxInline)
		if err != nil {
			c.fail(lost(c.peer, c.cause(err)))
			return
		}
		switch f.kind {
		case kindAnswer:
			c.finish(f.id, f.body, nil)
		case kindError:
			c.finish(f.id, nil, &Error{Code: f.name, Message: clip(string(f.body), maxMessage)})
		default:
			c.fail(fmt.Errorf("%w: %s sent a frame of kind %d on the request stream", ErrLost, c.peer.Short(), f.kind))
			return
		}
	}
}

// waits reports whether a call still waits for the answer with that id.
func (c *Conn) waits(id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[id] != nil
}

// finish gives the call its answer, if it still waits.
func (c *Conn) finish(id uint64, answer []byte, err error) {
	c.mu.Lock()
	call := c.calls[id]
	delete(c.calls, id)
	c.mu.Unlock()
	if call != nil {
		call.answer, call.err = answer, err
		close(call.done)
	}
}

// fail ends the connection and every call on it.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
		close(c.closed)
	}
	c.mu.Unlock()
	c.out.end(err)
	c.qc.CloseWithError(connGoodbye, "")
}

// Peer returns the identity at the other end.
func (c *Conn) Peer() abi.Identity { return c.peer }

// RemoteAddr returns the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.qc.RemoteAddr() }

// Closed is closed when the connection has ended, for whatever reason.
func (c *Conn) Closed() <-chan struct{} { return c.closed }

// Err returns why the connection ended, and nil while it lives: an ErrLost, which may
// be a *RefusedError, or an ErrClosed after Close.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection and all that runs on it.
func (c *Conn) Close() error {
	c.fail(fmt.Errorf("connection to %s: %w", c.peer.Short(), ErrClosed))
	return nil
}

// Request asks the peer's handler and waits for its answer, which the caller owns. Body
// may be reused once Request has returned. An *Error is the handler's own, or says that
// the peer is busy; an ErrLost or ErrClosed leaves open whether the request was carried
// out, as does an ended ctx. While the peer has as many requests of this connection as it allows,
// Request waits.
func (c *Conn) Request(ctx context.Context, method string, body []byte) ([]byte, error) {
	if err := c.check(method, body); err != nil {
		return nil, err
	}
	if len(body) > maxInline {
		return c.largeRequest(ctx, method, body)
	}
	if err := c.enter(ctx, c.slots); err != nil {
		return nil, err
	}
	defer func() { <-c.slots }()

	w := &call{done: make(chan struct{})}
	c.mu.Lock()
	c.last++
	id := c.last
	c.calls[id] = w
	c.mu.Unlock()
	err := c.out.put(ctx.Done(), &frame{kind: kindRequest, id: id, name: method, body: body})
	if err == nil {
		select {
		case <-w.done:
			return w.answer, w.err
		case <-ctx.Done():
			c.out.put(ctx.Done(), &frame{kind: kindCancel, id: id}) // a hint: not worth waiting for space
		case <-c.closed:
		}
	}
	c.mu.Lock()
	delete(c.calls, id)
	c.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, lost(c.peer, err2(c.Err(), err))
}

// enter waits for one of the slots.
func (c *Conn) enter(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.closed:
		return c.Err()
	}
}

// err2 returns the first error that is not nil.
func err2(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (c *Conn) check(method string, body []byte) error {
	switch {
	case method == "" || len(method) > maxMethod:
		return fmt.Errorf("method %q: %d bytes, want 1 to %d", clip(method, maxMethod), len(method), maxMethod)
	case int64(len(body)) > int64(c.welcome.maxBody):
		return Errorf(CodeTooLarge, "body of %d bytes, %s takes at most %d", len(body), c.peer.Short(), c.welcome.maxBody)
	}
	return nil
}
