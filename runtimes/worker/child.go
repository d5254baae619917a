package worker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// preparer is a runtime that can do part of the next call's work while it waits.
type preparer interface{ Prepare() }

// server is the child's side.
type server struct {
	*conn
	runtime host.Runtime
	modules map[abi.Digest]host.Module
	session *host.Session // of the call that runs
	ahead   ahead
	ended   span        // where the state has no more; nothing changes it during a call
	die     func(error) // ends the process in the middle of a call
}

// serve answers frames until the parent closes the pipe.
func serve(rt host.Runtime, in io.Reader, out io.Writer) error {
	return newServer(rt, in, out).serve()
}

func newServer(rt host.Runtime, in io.Reader, out io.Writer) *server {
	return &server{conn: newConn(in, out, true), runtime: rt, modules: map[abi.Digest]host.Module{}, die: exit}
}

func (s *server) serve() error {
	prepare, _ := s.runtime.(preparer)
	for {
		if prepare != nil {
			prepare.Prepare()
		}
		kind, f, err := s.receive()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		var answer frame
		switch kind {
		case kindLoad:
			answer, err = s.load(f)
		case kindCall:
			answer, err = s.call(f)
		default:
			err = fmt.Errorf("%w: kind %q", errFrame, kind)
		}
		if err == nil {
			err = s.send(answer)
		}
		if err != nil {
			return err
		}
	}
}

func (s *server) load(f *fields) (frame, error) {
	digest, code := f.digest(), f.bytes()
	if err := f.done(); err != nil {
		return nil, err
	}
	m, err := s.runtime.Load(context.Background(), code)
	var refusal *host.Refusal
	switch {
	case errors.As(err, &refusal):
		return s.frame(kindRefused).str(clipDetail(refusal.Reason)).str(clipDetail(refusal.Hint)), nil
	case err != nil:
		return s.frame(kindError).str(clipDetail(err.Error())), nil
	}
	s.modules[digest] = m
	var phases []byte
	for _, p := range m.Phases() {
		phases = append(phases, byte(p))
	}
	return s.frame(kindLoaded).bytes(phases), nil
}

func (s *server) call(f *fields) (frame, error) {
	digest := f.digest()
	session := host.NewSession(f.call(), s, f.grant(), f.limits())
	s.equip(session, f)
	s.ahead = ahead{list: f.ahead(), used: s.ahead.used[:0]}
	if err := f.done(); err != nil {
		return nil, err
	}
	m := s.modules[digest]
	if m == nil {
		return s.frame(kindError).str("call of a module that was not loaded"), nil
	}
	s.session, s.ended = session, span{}
	r, err := m.Call(context.Background(), session)
	s.session = nil
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return s.frame(kindDeadline).str(clipDetail(err.Error())), nil
	case err != nil:
		return s.frame(kindError).str(clipDetail(err.Error())), nil
	}
	return s.question(kindResult).result(&r), nil
}
