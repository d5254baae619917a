package transport

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/quic-go/quic-go"
)

// largeRequest sends the request over a stream of its own and reads the answer from it.
func (c *Conn) largeRequest(ctx context.Context, method string, body []byte) ([]byte, error) {
	// Bodies that the listener does not read yet would use up the connection's window and
	// hold up those it does read, so they are not sent before their turn.
	if err := c.enter(ctx, c.large); err != nil {
		return nil, err
	}
	defer func() { <-c.large }()
	str, err := c.stream(ctx, typeLargeRequest)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { reset(str, streamDone) })
	defer stop()
	str.SetPriority(4, true)
	f := frame{kind: kindRequest, name: method, body: body}
	_, werr := str.Write(appendFrame(make([]byte, 0, f.size()), &f))
	if werr == nil {
		str.Close()
	}
	// A listener that is busy answers without reading to the end, so a failed write may have an answer.
	answer, err := readFrame(bufio.NewReaderSize(str, reading), c.e.cfg.MaxBody)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		reset(str, streamDone)
		return nil, lost(c.peer, c.cause(err2(werr, err)))
	case answer.kind == kindError:
		reset(str, streamDone)
		return nil, &Error{Code: answer.name, Message: clip(string(answer.body), maxMessage)}
	case answer.kind != kindAnswer:
		return nil, fmt.Errorf("%w: %s sent a frame of kind %d as an answer", ErrLost, c.peer.Short(), answer.kind)
	}
	io.Copy(io.Discard, str) // the end of the stream, so that it is done
	return answer.body, nil
}

// stream opens a stream of that type. It waits while the peer has as many streams of
// this connection as it allows.
func (c *Conn) stream(ctx context.Context, kind byte) (*quic.Stream, error) {
	str, err := c.qc.OpenStreamSync(ctx)
	if err != nil {
		if ctx.Err() != nil && c.qc.Context().Err() == nil {
			return nil, ctx.Err()
		}
		return nil, lost(c.peer, c.cause(err))
	}
	if _, err := str.Write([]byte{kind}); err != nil {
		return nil, lost(c.peer, c.cause(err))
	}
	return str, nil
}

// largeAnswers takes the streams over which large answers come.
func (c *Conn) largeAnswers() {
	for {
		str, err := c.qc.AcceptUniStream(c.qc.Context())
		if err != nil {
			return
		}
		go c.largeAnswer(str)
	}
}

// largeAnswer reads one large answer and gives it to its call.
func (c *Conn) largeAnswer(str *quic.ReceiveStream) {
	str.SetReadDeadline(time.Now().Add(largeTime))
	r := bufio.NewReaderSize(str, reading)
	kind, err := r.ReadByte()
	if err != nil || kind != typeLargeAnswer {
		str.CancelRead(streamBroken)
		return
	}
	h, err := readHead(r, c.e.cfg.MaxBody)
	if err != nil || h.kind != kindAnswer || !c.waits(h.id) {
		str.CancelRead(streamBroken)
		if err != nil {
			c.finish(h.id, nil, Errorf(CodeTooLarge, "answer: %v", err))
		}
		return
	}
	f, err := readContent(r, h)
	if err != nil {
		str.CancelRead(streamBroken)
		c.finish(h.id, nil, lost(c.peer, c.cause(err)))
		return
	}
	c.finish(f.id, f.body, nil)
	io.Copy(io.Discard, r)
}
