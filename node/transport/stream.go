package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/quic-go/quic-go"
)

// Stream is one subscription, seen from the subscriber.
type Stream struct {
	c    *Conn
	str  *quic.Stream
	r    *bufio.Reader
	max  int
	stop func() bool // unties the stream from the context of Subscribe

	once sync.Once
	done chan struct{}
}

// Subscribe opens a subscription. It does not wait for the peer: a refusal is what the
// first Recv returns. The stream closes when ctx ends. It waits while the peer has as
// many streams of this connection as it allows.
func (c *Conn) Subscribe(ctx context.Context, method string, body []byte) (*Stream, error) {
	if err := c.check(method, body); err != nil {
		return nil, err
	}
	if len(body) > maxInline {
		return nil, Errorf(CodeTooLarge, "subscription of %d bytes, at most %d", len(body), maxInline)
	}
	str, err := c.stream(ctx, typeSubscription)
	if err != nil {
		return nil, err
	}
	f := frame{kind: kindRequest, name: method, body: body}
	if _, err := str.Write(appendFrame(make([]byte, 0, f.size()), &f)); err != nil {
		reset(str, streamDone)
		return nil, lost(c.peer, c.cause(err))
	}
	s := &Stream{c: c, str: str, r: bufio.NewReaderSize(str, reading), max: c.e.cfg.MaxItem, done: make(chan struct{})}
	s.stop = context.AfterFunc(ctx, func() { s.Close() })
	return s, nil
}

// Recv waits for the next frame, which the caller owns. One goroutine at a time may
// call it. After the last frame it returns io.EOF when the subscription ended well, the
// peer's *Error when not, an ErrLost when the connection was lost, and an ErrClosed
// after Close or the end of Subscribe's context. A subscriber that does not call Recv
// holds up its own subscription and no other.
func (s *Stream) Recv() ([]byte, error) {
	f, err := readFrame(s.r, s.max)
	select {
	case <-s.done:
		return nil, fmt.Errorf("subscription: %w", ErrClosed)
	default:
	}
	switch {
	case err == io.EOF:
		s.Close()
		return nil, io.EOF
	case err != nil:
		s.Close()
		return nil, lost(s.c.peer, s.c.cause(err))
	case f.kind == kindError:
		s.Close()
		return nil, &Error{Code: f.name, Message: clip(string(f.body), maxMessage)}
	case f.kind != kindItem:
		s.Close()
		return nil, lost(s.c.peer, errors.New("frame that is no part of a subscription"))
	}
	return f.body, nil
}

// Close ends the subscription; the peer's handler sees its context end.
func (s *Stream) Close() error {
	s.once.Do(func() {
		close(s.done)
		s.stop()
		reset(s.str, streamDone)
	})
	return nil
}
