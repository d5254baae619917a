package transport

import (
	"bufio"
	"context"
	"fmt"
	"time"

	"github.com/quic-go/quic-go"
)

// slot waits for one of the connection's few places for large bodies. It returns false
// when done is closed before.
func slot(slots chan struct{}, done <-chan struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	case <-done:
		return false
	}
}

// largeRequest serves one request that has a stream of its own.
func (s *session) largeRequest(str *quic.Stream) {
	defer str.CancelRead(streamDone)
	str.SetPriority(4, true)
	refuse := func(e *Error) { writeFrame(str, &frame{kind: kindError, name: e.Code, body: []byte(e.Message)}) }
	// A dialer that keeps to the welcome waits here for as long as the goroutine of an
	// answered request takes to end.
	turn, cancel := context.WithTimeout(s.ctx, opening)
	defer cancel()
	if !slot(s.slots, turn.Done()) {
		refuse(Errorf(CodeBusy, "connection has %d large requests, its limit", largeSlots))
		return
	}
	defer func() { <-s.slots }()
	str.SetDeadline(time.Now().Add(largeTime))
	r := bufio.NewReaderSize(str, 4<<10)
	h, err := readHead(r, s.e.cfg.MaxBody+1+maxMethod)
	if err == nil && h.kind != kindRequest {
		err = fmt.Errorf("frame of kind %d where a request is due", h.kind)
	}
	if err != nil {
		refuse(Errorf(CodeTooLarge, "large request: %v", err))
		return
	}
	if busy := s.admit(h.size, &s.e.large); busy != nil {
		refuse(busy)
		return
	}
	held := h.size
	defer func() { s.release(held, &s.e.large) }()
	f, err := readContent(r, h)
	if err != nil {
		str.CancelWrite(streamBroken)
		return
	}
	str.SetDeadline(time.Time{})
	ctx, cancel := context.WithCancel(str.Context()) // also ends when the dialer gives up the stream
	defer cancel()
	answer, err := s.ask(ctx, f)
	if err != nil {
		refuse(asError(err))
		return
	}
	if !s.e.large.take(len(answer)) {
		refuse(Errorf(CodeBusy, "node has no memory left for an answer of %d bytes", len(answer)))
		return
	}
	held += len(answer)
	writeFrame(str, &frame{kind: kindAnswer, body: answer})
}

// writeFrame writes the last frame of a stream and closes it. The error says that the
// peer did not take it, or not in time.
func writeFrame(str sendStream, f *frame) error {
	str.SetWriteDeadline(time.Now().Add(largeTime))
	if _, err := str.Write(appendFrame(make([]byte, 0, f.size()), f)); err != nil {
		str.CancelWrite(streamBusy)
		return err
	}
	return str.Close()
}

// sendStream is what streams of one and of two directions share.
type sendStream interface {
	Write([]byte) (int, error)
	SetWriteDeadline(time.Time) error
	CancelWrite(quic.StreamErrorCode)
	Close() error
}

// largeAnswer sends an answer over a stream of its own, and calls before when the
// answer is about to leave. An error means that the dialer still waits.
func (s *session) largeAnswer(ctx context.Context, id uint64, answer []byte, before func()) error {
	if !s.e.large.take(len(answer)) {
		return Errorf(CodeBusy, "node has no memory left for an answer of %d bytes", len(answer))
	}
	defer s.e.large.give(len(answer))
	if !slot(s.slots, ctx.Done()) {
		return ctx.Err()
	}
	defer func() { <-s.slots }()
	ctx, cancel := context.WithTimeout(ctx, largeTime)
	defer cancel()
	str, err := s.qc.OpenUniStreamSync(ctx)
	if err != nil {
		return Errorf(CodeBusy, "dialer takes no more large answers")
	}
	str.SetPriority(4, true)
	if _, err := str.Write([]byte{typeLargeAnswer}); err != nil {
		return fmt.Errorf("send answer: %w", err)
	}
	before()
	return writeFrame(str, &frame{kind: kindAnswer, id: id, body: answer})
}

// subscription serves one subscription until its handler returns.
func (s *session) subscription(str *quic.Stream) {
	defer str.CancelRead(streamDone)
	str.SetReadDeadline(time.Now().Add(opening))
	f, err := readFrame(bufio.NewReaderSize(str, 4<<10), maxInline+1+maxMethod)
	if err == nil && f.kind != kindRequest {
		err = fmt.Errorf("frame of kind %d where a request is due", f.kind)
	}
	if err != nil {
		str.CancelWrite(streamBroken)
		return
	}
	out := newWriter(waitingItems)
	written := make(chan struct{})
	go func() {
		defer close(written)
		if out.run(str) == ErrClosed { // all is written
			str.Close()
		}
	}()
	err = s.subscribe(str.Context(), f, out)
	if err != nil && str.Context().Err() == nil {
		e := asError(err)
		out.put(str.Context().Done(), &frame{kind: kindError, name: e.Code, body: []byte(e.Message)})
	}
	out.end(ErrClosed)
	<-written
}

// subscribe calls the handler.
func (s *session) subscribe(ctx context.Context, f frame, out *writer) error {
	if s.e.cfg.Handler == nil {
		return errUnserved
	}
	return s.e.cfg.Handler.Subscribe(ctx, s.peer, f.name, f.body, func(item []byte) error {
		if len(item) > s.e.cfg.MaxItem {
			return Errorf(CodeTooLarge, "frame of %d bytes, at most %d", len(item), s.e.cfg.MaxItem)
		}
		return out.put(ctx.Done(), &frame{kind: kindItem, body: item})
	})
}
