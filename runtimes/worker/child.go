package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// preparer is a runtime that can do part of the next call's work while it waits.
type preparer interface{ Prepare() }

// server is the child's side.
type server struct {
	runtime host.Runtime
	in      *bufio.Reader
	out     io.Writer
	modules map[abi.Digest]host.Module
}

// serve answers frames until the parent closes the pipe.
func serve(rt host.Runtime, in io.Reader, out io.Writer) error {
	s := &server{runtime: rt, in: bufio.NewReaderSize(in, 32<<10), out: out, modules: map[abi.Digest]host.Module{}}
	prepare, _ := rt.(preparer)
	for {
		if prepare != nil {
			prepare.Prepare()
		}
		kind, f, err := receive(s.in)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		var answer frame
		switch kind {
		case kindLoad:
			answer = s.load(f)
		case kindCall:
			answer = s.call(f)
		default:
			err = fmt.Errorf("%w: kind %q", errFrame, kind)
		}
		if err == nil {
			err = f.done()
		}
		if err == nil {
			err = answer.send(out)
		}
		if err != nil {
			return err
		}
	}
}

func (s *server) load(f *fields) frame {
	digest, code := f.digest(), f.bytes()
	if f.done() != nil {
		return nil
	}
	m, err := s.runtime.Load(context.Background(), code)
	var refusal *host.Refusal
	switch {
	case errors.As(err, &refusal):
		return newFrame(kindRefused).str(clipDetail(refusal.Reason)).str(clipDetail(refusal.Hint))
	case err != nil:
		return newFrame(kindError).str(clipDetail(err.Error()))
	}
	s.modules[digest] = m
	var phases []byte
	for _, p := range m.Phases() {
		phases = append(phases, byte(p))
	}
	return newFrame(kindLoaded).bytes(phases)
}

func (s *server) call(f *fields) frame {
	digest, call, grant, limits := f.digest(), f.call(), f.grant(), f.limits()
	if f.done() != nil {
		return nil
	}
	m := s.modules[digest]
	if m == nil {
		return newFrame(kindError).str("call of a module that was not loaded")
	}
	r, err := m.Call(context.Background(), host.NewSession(call, s, grant, limits))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return newFrame(kindDeadline).str(clipDetail(err.Error()))
	case err != nil:
		return newFrame(kindError).str(clipDetail(err.Error()))
	}
	return newFrame(kindResult).result(&r)
}

var _ host.State = (*server)(nil)

// Get asks the parent.
func (s *server) Get(a abi.Address, key string) ([]byte, bool) {
	return s.ask(newFrame(kindGet).str(string(a)).str(key))
}

// Next asks the parent.
func (s *server) Next(a abi.Address, after string) (string, bool) {
	b, ok := s.ask(newFrame(kindNext).str(string(a)).str(after))
	return string(b), ok
}

func (s *server) ask(q frame) ([]byte, bool) {
	err := q.send(s.out)
	if err == nil {
		var kind byte
		var f *fields
		if kind, f, err = receive(s.in); err == nil && kind == kindValue {
			found, value := f.num(), f.bytes()
			if err = f.done(); err == nil {
				return value, found == 1
			}
		}
	}
	fmt.Fprintf(os.Stderr, "worker: ask the node: %v\n", err)
	os.Exit(2) // the parent is gone, and without it there is no answer
	return nil, false
}
