package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/kalima-chain/kalima/abi"
)

const (
	waiting      = 256 << 10        // bytes of frames that wait for a request stream
	waitingItems = 64 << 10         // the same for a subscription; bounds what a slow reader costs
	largeSlots   = 4                // large requests and answers of one connection at once
	opening      = 5 * time.Second  // for the first frame of a stream
	largeTime    = 60 * time.Second // for a large body: 9 MiB at 150 KB/s
	reading      = 32 << 10         // bytes read from a stream at once
)

// session is the listener's side of one connection.
type session struct {
	e      *Endpoint
	qc     *quic.Conn
	peer   abi.Identity
	ctx    context.Context // ends with the connection
	out    *writer         // to the request stream
	opened atomic.Bool     // the request stream is there
	raft   atomic.Bool     // a Raft connection was opened
	slots  chan struct{}   // largeSlots tokens
	work   sync.WaitGroup  // streams and handlers

	mu      sync.Mutex
	cancels map[uint64]context.CancelFunc // of the requests that run
}

func newSession(e *Endpoint, qc *quic.Conn, peer abi.Identity) *session {
	return &session{
		e: e, qc: qc, peer: peer, ctx: qc.Context(), out: newWriter(waiting),
		slots: make(chan struct{}, largeSlots), cancels: make(map[uint64]context.CancelFunc),
	}
}

// run serves streams until the connection ends and all handlers returned.
func (s *session) run() {
	for {
		str, err := s.qc.AcceptStream(s.ctx)
		if err != nil {
			break
		}
		s.work.Go(func() { s.stream(str) })
	}
	s.out.end(ErrLost)
	s.work.Wait()
}

// broken closes the connection of a peer that broke the rules.
func (s *session) broken(err error) { s.qc.CloseWithError(connBroken, clip(err.Error(), maxMessage)) }

// stream serves one stream of the dialer.
func (s *session) stream(str *quic.Stream) {
	var kind [1]byte
	str.SetReadDeadline(time.Now().Add(opening))
	if _, err := io.ReadFull(str, kind[:]); err != nil {
		reset(str, streamBroken)
		return
	}
	str.SetReadDeadline(time.Time{})
	switch kind[0] {
	case typeRequests:
		s.requests(str)
	case typeLargeRequest:
		s.largeRequest(str)
	case typeSubscription:
		s.subscription(str)
	case typeRaft:
		s.e.raft.offer(s, str)
	default:
		reset(str, streamBroken)
		s.broken(fmt.Errorf("stream of type %d is not known", kind[0]))
	}
}

func reset(str *quic.Stream, code quic.StreamErrorCode) {
	str.CancelRead(code)
	str.CancelWrite(code)
}

// requests serves the request stream.
func (s *session) requests(str *quic.Stream) {
	if s.opened.Swap(true) {
		s.broken(errors.New("second request stream"))
		return
	}
	str.SetPriority(2, true) // before subscriptions and large bodies
	w := welcome{inFlight: uint32(s.e.cfg.MaxInFlight), maxBody: uint32(s.e.cfg.MaxBody), large: largeSlots}
	s.out.put(nil, &frame{kind: kindWelcome, body: w.encode()})
	s.work.Go(func() {
		if err := s.out.run(patient{str}); errors.Is(err, os.ErrDeadlineExceeded) {
			s.broken(fmt.Errorf("answers not read for %v", largeTime))
		}
	})

	r := bufio.NewReaderSize(str, reading)
	for {
		f, err := readFrame(r, maxInline+1+maxMethod)
		if err == nil {
			err = s.request(f)
		}
		if err != nil {
			s.broken(err) // harmless when the connection is gone already
			return
		}
	}
}

// request starts what one frame of the request stream asks for.
func (s *session) request(f frame) error {
	switch f.kind {
	case kindCancel:
		s.mu.Lock()
		cancel := s.cancels[f.id]
		s.mu.Unlock()
		if cancel != nil {
			cancel()
		}
		return nil
	case kindRequest:
	default:
		return fmt.Errorf("frame of kind %d on the request stream", f.kind)
	}
	if busy := s.admit(len(f.body), &s.e.small); busy != nil {
		return s.refuse(f.id, busy)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	s.mu.Lock()
	n, twice := len(s.cancels), s.cancels[f.id] != nil
	if !twice && n < s.e.cfg.MaxInFlight {
		s.cancels[f.id] = cancel
	}
	s.mu.Unlock()
	if twice || n >= s.e.cfg.MaxInFlight {
		cancel()
		s.release(len(f.body), &s.e.small)
		if twice {
			return fmt.Errorf("request %d is used twice", f.id)
		}
		return s.refuse(f.id, Errorf(CodeBusy, "connection has %d requests in flight, its limit", n))
	}
	s.work.Go(func() { s.handle(ctx, cancel, f) })
	return nil
}

// admit counts a request and its memory, or says that the node is busy.
func (s *session) admit(size int, memory *budget) *Error {
	if n := s.e.running.Add(1); n > int64(s.e.cfg.MaxRunning) {
		s.e.running.Add(-1)
		return Errorf(CodeBusy, "node has %d requests in flight, its limit", n-1)
	}
	if !memory.take(size) {
		s.e.running.Add(-1)
		return Errorf(CodeBusy, "node has no memory left for a request of %d bytes", size)
	}
	return nil
}

func (s *session) release(size int, memory *budget) {
	memory.give(size)
	s.e.running.Add(-1)
}

// refuse answers a request with an error.
func (s *session) refuse(id uint64, e *Error) error {
	return s.out.put(nil, &frame{kind: kindError, id: id, name: e.Code, body: []byte(e.Message)})
}

// handle runs the handler and sends its answer. The request counts as in flight until
// the answer is about to leave: not longer, because the dialer may then send the next
// one, and not shorter, or peers that read no answers would pile them up.
func (s *session) handle(ctx context.Context, cancel context.CancelFunc, f frame) {
	out := frame{kind: kindAnswer, id: f.id}
	held := len(f.body)
	landed := false
	land := func() {
		if !landed {
			landed = true
			s.landed(f.id, cancel, held)
		}
	}
	defer land() // where the connection is gone
	answer, err := s.ask(ctx, f)
	switch {
	case err != nil:
	case len(answer) > maxInline:
		if err = s.largeAnswer(ctx, f.id, answer, land); err == nil {
			return
		}
	case s.e.small.take(len(answer)):
		held += len(answer)
		out.body = answer
	default:
		err = Errorf(CodeBusy, "node has no memory left for an answer of %d bytes", len(answer))
	}
	if err != nil {
		e := asError(err)
		out.kind, out.name, out.body = kindError, e.Code, []byte(e.Message)
	}
	s.out.putAfter(nil, &out, land)
}

// landed takes a request out of flight.
func (s *session) landed(id uint64, cancel context.CancelFunc, held int) {
	cancel()
	s.mu.Lock()
	delete(s.cancels, id)
	s.mu.Unlock()
	s.release(held, &s.e.small)
}

// ask calls the handler.
func (s *session) ask(ctx context.Context, f frame) ([]byte, error) {
	if s.e.cfg.Handler == nil {
		return nil, errUnserved
	}
	answer, err := s.e.cfg.Handler.Request(ctx, s.peer, f.name, f.body)
	if err == nil && len(answer) > s.e.cfg.MaxBody {
		err = Errorf(CodeTooLarge, "answer of %d bytes, at most %d", len(answer), s.e.cfg.MaxBody)
	}
	return answer, err
}

var errUnserved = &Error{Code: CodeUnserved, Message: "node answers no requests"}

// patient gives each Write to a stream largeTime.
type patient struct{ *quic.Stream }

func (p patient) Write(b []byte) (int, error) {
	p.SetWriteDeadline(time.Now().Add(largeTime))
	return p.Stream.Write(b)
}
