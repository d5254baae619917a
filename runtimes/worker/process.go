package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// process is a running engine, used by one goroutine at a time.
type process struct {
	*Child
	*conn
	modules map[abi.Digest]bool
	calls   int
	level   int // of the pool, while it is at work
	ended   bool
}

// start starts an engine's worker, which lives until end: ctx is for the start alone.
func start(ctx context.Context, engine string, memory uint64) (*process, error) {
	c, err := begin(ctx, ChildConfig{Role: engine, Memory: memory})
	if err != nil {
		return nil, err
	}
	return &process{Child: c, conn: newConn(c, c, false), modules: map[abi.Digest]bool{}}, nil
}

// end kills the process and waits until it is gone. Its last words are then complete.
func (p *process) end() {
	p.ended = true
	_ = p.Close()
}

// load has the worker load a module that it does not have.
func (p *process) load(m *module) ([]abi.Phase, error) {
	if err := p.send(p.frame(kindLoad).raw(m.digest[:]).bytes(m.code)); err != nil {
		return nil, &brokenError{err}
	}
	kind, f, err := p.receive()
	if err != nil {
		return nil, &brokenError{err}
	}
	phases, err := loaded(kind, f)
	if err == nil {
		p.modules[m.digest] = true
	}
	return phases, err
}

// loaded reads what a worker says of a module that it was to load.
func loaded(kind byte, f *fields) (phases []abi.Phase, err error) {
	switch kind {
	case kindLoaded:
		for _, b := range f.bytes() {
			phases = append(phases, abi.Phase(b))
		}
	case kindRefused:
		err = &host.Refusal{Reason: clipDetail(f.str()), Hint: clipDetail(f.str())}
	case kindError:
		err = fmt.Errorf("worker: %q", clipDetail(f.str()))
	default:
		err = &brokenError{fmt.Errorf("%w: kind %q", errFrame, kind)}
	}
	if bad := f.done(); bad != nil {
		err = &brokenError{bad}
	}
	return phases, err
}

// brokenError is a failure to talk with a worker.
type brokenError struct{ err error }

func (b *brokenError) Error() string { return b.err.Error() }
func (b *brokenError) Unwrap() error { return b.err }

// died is the end of a worker in the middle of its work.
type died struct {
	code   abi.Code
	reason string
	detail string
}

func (d *died) Error() string { return d.reason + ": " + d.detail }

// post says what a worker that was ended died of.
func (p *process) post(cause error) *died {
	code, reason, words := p.Died()
	if errors.Is(cause, errFrame) {
		code, reason = abi.Crashed, "the contract's process spoke nonsense"
	}
	return &died{code: code, reason: reason, detail: clipDetail(fmt.Sprintf("%v; %s", cause, words))}
}
