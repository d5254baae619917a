package worker

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// Config says what workers to run.
type Config struct {
	Engine    string // which of RunIfWorker's runtimes; required
	Processes int    // workers, each for one call at a time; 0 means one for each processor, at most 4
	Memory    uint64 // bytes of data a worker may have in all; 0 means 384 MiB. At least 128 MiB
	Calls     int    // calls after which a worker is replaced; 0 means 20,000

	LoadTime time.Duration // when Load gives up, with an error; 0 means 30 s
}

const (
	defaultMemory = 384 << 20 // the engine's 64 MiB for a contract, several times over for the collector
	leastMemory   = 128 << 20 // what the Go runtime needs to start and collect
	defaultCalls  = 20_000

	defaultLoadTime = 30 * time.Second // a contract of ordinary size takes milliseconds
	maxModules      = 256              // contracts in one worker, before it is replaced
	measureEvery    = 64               // calls between looks at a worker's memory
)

func (c Config) withDefaults() Config {
	if c.Processes == 0 {
		c.Processes = min(runtime.NumCPU(), 4)
	}
	if c.Memory == 0 {
		c.Memory = defaultMemory
	}
	if c.Calls == 0 {
		c.Calls = defaultCalls
	}
	if c.LoadTime == 0 {
		c.LoadTime = defaultLoadTime
	}
	return c
}

var (
	_ host.Runtime = (*Runtime)(nil)
	_ host.Module  = (*module)(nil)
)

// Runtime runs contracts in workers. Safe for concurrent use: calls beyond the number of
// workers wait for one.
type Runtime struct {
	cfg      Config
	schedule string
	idle     chan *process // a nil stands for a worker not started yet
}

// New makes a runtime. Workers start when they are needed.
func New(cfg Config) (*Runtime, error) {
	cfg = cfg.withDefaults()
	role, err := findRole(cfg.Engine)
	if err != nil {
		return nil, fmt.Errorf("run contracts in workers: %w", err)
	}
	switch {
	case role.schedule == nil:
		return nil, fmt.Errorf("run contracts in workers: %q is no engine", cfg.Engine)
	case cfg.Processes < 1 || cfg.Processes > 256:
		return nil, fmt.Errorf("run contracts in workers: %d processes, want 1 to 256", cfg.Processes)
	case cfg.Memory < leastMemory:
		return nil, fmt.Errorf("run contracts in workers: %d bytes of memory, at least %d", cfg.Memory, leastMemory)
	case cfg.Calls < 1:
		return nil, fmt.Errorf("run contracts in workers: a worker for %d calls, want 1 or more", cfg.Calls)
	}
	r := &Runtime{cfg: cfg, schedule: role.schedule(), idle: make(chan *process, cfg.Processes)}
	for range cfg.Processes {
		r.idle <- nil
	}
	return r, nil
}

// Name is the engine's name.
func (r *Runtime) Name() string { return r.cfg.Engine }

// Schedule is that of the runtime in the workers.
func (r *Runtime) Schedule() string { return r.schedule }

// Close ends the workers.
func (r *Runtime) Close() error {
	for range r.cfg.Processes {
		if p := <-r.idle; p != nil {
			p.end()
		}
	}
	for range r.cfg.Processes {
		r.idle <- nil
	}
	return nil
}

// take waits for a worker and starts it if need be.
func (r *Runtime) take(ctx context.Context) (*process, error) {
	select {
	case p := <-r.idle:
		if p != nil {
			return p, nil
		}
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a worker: %w", ctx.Err())
	}
	p, err := start(ctx, r.cfg.Engine, r.cfg.Memory)
	if err != nil {
		r.idle <- nil
		return nil, err
	}
	return p, nil
}

// give returns a worker to the pool, or replaces it.
func (r *Runtime) give(p *process) {
	p.calls++
	worn := p.calls >= r.cfg.Calls || len(p.modules) >= maxModules
	if !worn && p.calls%measureEvery == 0 {
		worn = resident(p.cmd.Process.Pid) > r.cfg.Memory/2
	}
	if worn {
		p.end()
	}
	if p.ended {
		p = nil
	}
	r.idle <- p
}

// died is the end of a worker in the middle of its work.
type died struct {
	code   abi.Code
	reason string
	detail string
}

func (d *died) Error() string { return d.reason + ": " + d.detail }

// attempt does work in a worker. When the worker dies it tries once more in a fresh one,
// since it may have been killed from outside. It returns *died when that died too.
func (r *Runtime) attempt(ctx context.Context, work func(context.Context, *process) error) error {
	var err error
	for range 2 {
		var p *process
		if p, err = r.take(ctx); err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, p.kill)
		err = work(ctx, p)
		stop()
		if err == nil {
			r.give(p)
			return nil
		}
		var broken *brokenError
		if !errors.As(err, &broken) {
			if ctx.Err() != nil {
				p.end() // it may have been killed
			}
			r.give(p)
			return err
		}
		p.end()
		code, reason := p.stderr.verdict()
		if errors.Is(err, errFrame) {
			code, reason = abi.Crashed, "the contract's process spoke nonsense"
		}
		r.give(p)
		if ctx.Err() != nil {
			return fmt.Errorf("gave up on a worker: %w", ctx.Err())
		}
		err = &died{code: code, reason: reason, detail: clipDetail(fmt.Sprintf("%v; %s", broken.err, p.stderr.text()))}
	}
	return err
}

// brokenError is a failure to talk with a worker.
type brokenError struct{ err error }

func (b *brokenError) Error() string { return b.err.Error() }
func (b *brokenError) Unwrap() error { return b.err }

// Load has a worker check the artefact. What kills the engine is refused.
func (r *Runtime) Load(ctx context.Context, code []byte) (host.Module, error) {
	if len(code) > maxCode {
		return nil, &host.Refusal{Reason: fmt.Sprintf("artefact of %d bytes, at most %d", len(code), maxCode)}
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.LoadTime)
	defer cancel()
	m := &module{runtime: r, code: code, digest: sha256.Sum256(code)}
	err := r.attempt(ctx, func(_ context.Context, p *process) error {
		phases, err := p.load(m)
		m.phases = phases
		return err
	})
	var d *died
	switch {
	case errors.As(err, &d):
		return nil, &host.Refusal{Reason: "loading it: " + d.reason, Hint: "make the source simpler"}
	case err != nil:
		return nil, fmt.Errorf("load a contract: %w", err)
	}
	return m, nil
}

// load has the worker load a module that it does not have.
func (p *process) load(m *module) ([]abi.Phase, error) {
	kind, f, err := p.ask(newFrame(kindLoad).raw(m.digest[:]).bytes(m.code))
	if err != nil {
		return nil, &brokenError{err}
	}
	switch kind {
	case kindLoaded:
		var phases []abi.Phase
		for _, b := range f.bytes() {
			phases = append(phases, abi.Phase(b))
		}
		if err := f.done(); err != nil {
			return nil, &brokenError{err}
		}
		p.modules[m.digest] = true
		return phases, nil
	case kindRefused:
		refusal := &host.Refusal{Reason: f.str(), Hint: f.str()}
		if err := f.done(); err != nil {
			return nil, &brokenError{err}
		}
		return nil, refusal
	case kindError:
		return nil, fmt.Errorf("worker: %q", f.str())
	}
	return nil, &brokenError{fmt.Errorf("%w: kind %q", errFrame, kind)}
}

// module is a contract that some workers have loaded.
type module struct {
	runtime *Runtime
	code    []byte
	digest  abi.Digest
	phases  []abi.Phase
}

// Phases lists what the contract had when it was loaded.
func (m *module) Phases() []abi.Phase { return append([]abi.Phase(nil), m.phases...) }

// Close does nothing: workers forget modules when they are replaced.
func (m *module) Close() error { return nil }

// Call runs the contract in a worker.
func (m *module) Call(ctx context.Context, s *host.Session) (host.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Limits.Deadline)
	defer cancel()
	s.Begin(free{})
	var result host.Result
	err := m.runtime.attempt(ctx, func(ctx context.Context, p *process) (err error) {
		if !p.modules[m.digest] {
			if _, err := p.load(m); err != nil {
				return err
			}
		}
		result, err = p.call(ctx, m, s)
		return err
	})
	var d *died
	switch {
	case errors.As(err, &d):
		fault := &abi.Fault{Code: d.code, Message: d.reason, Detail: d.detail}
		return s.Finish(fault, s.Limits.Gas, 0), nil
	case err != nil:
		return host.Result{}, fmt.Errorf("call %s of contract %s: %w", s.Call.Phase, s.Call.Contract, err)
	}
	return replay(s, result), nil
}

// call talks with the worker until it has a result.
func (p *process) call(ctx context.Context, m *module, s *host.Session) (host.Result, error) {
	limits := s.Limits
	if end, ok := ctx.Deadline(); ok {
		limits.Deadline = max(time.Until(end), time.Millisecond)
	}
	question := newFrame(kindCall).raw(m.digest[:]).call(&s.Call).grant(s.Grant()).limits(limits)
	for {
		kind, f, err := p.ask(question)
		if err != nil {
			return host.Result{}, &brokenError{err}
		}
		switch kind {
		case kindGet:
			value, ok, fault := s.Get(f.str(), f.str())
			if fault != nil || f.done() != nil {
				return host.Result{}, &brokenError{fmt.Errorf("%w: get", errFrame)}
			}
			question = answer(ok, value)
		case kindNext:
			key, ok, fault := s.Next(f.str(), f.str())
			if fault != nil || f.done() != nil {
				return host.Result{}, &brokenError{fmt.Errorf("%w: next", errFrame)}
			}
			question = answer(ok, []byte(key))
		case kindResult:
			r := f.result()
			if err := f.done(); err != nil {
				return host.Result{}, &brokenError{err}
			}
			return r, nil
		case kindDeadline:
			return host.Result{}, fmt.Errorf("worker: %q: %w", f.str(), context.DeadlineExceeded)
		case kindError:
			return host.Result{}, fmt.Errorf("worker: %q", f.str())
		default:
			return host.Result{}, &brokenError{fmt.Errorf("%w: kind %q", errFrame, kind)}
		}
	}
}

func answer(found bool, value []byte) frame {
	f := newFrame(kindValue)
	if !found {
		return f.num(0).bytes(nil)
	}
	return f.num(1).bytes(value)
}

// replay makes a worker's writes once more in the call's own session, which checks them
// against the grant and the limits. What a worker could not have got from its own session
// makes the call a crash.
func replay(s *host.Session, r host.Result) host.Result {
	fault := r.Fault
	bad := func(what string) host.Result {
		f := abi.Faultf(abi.Crashed, "the contract's process spoke nonsense")
		f.Detail = what
		return s.Finish(f, s.Limits.Gas, 0)
	}
	if r.Used.Gas > s.Limits.Gas {
		return bad("more gas than there was")
	}
	if fault != nil && (fault.Code > abi.TooMuch || len(r.Writes)+len(r.Submits) > 0) {
		return bad(fmt.Sprintf("fault %v", fault))
	}
	for _, line := range r.Log {
		if f := s.Log(line); f != nil {
			return bad(f.Error())
		}
	}
	for _, w := range r.Writes {
		if f := s.Put(string(w.Address), w.Key, w.Value); f != nil {
			return bad(f.Error())
		}
	}
	for _, w := range r.Submits {
		if f := s.Submit(string(w.Address), w.Key, w.Value); f != nil {
			return bad(f.Error())
		}
	}
	done := s.Finish(fault, r.Used.Gas, r.Used.Memory)
	// The session counted what was left in the end; the contract may have written a key
	// twice, and read what it wrote.
	done.Used.Reads = max(r.Used.Reads, 0)
	done.Used.Writes = min(max(r.Used.Writes, done.Used.Writes), s.Limits.Writes+1)
	done.Used.Bytes = min(max(r.Used.Bytes, done.Used.Bytes), s.Limits.Bytes+abi.MaxValue+abi.MaxAddress+abi.MaxKey)
	return done
}

// free is the meter of the parent's session: the worker's has charged already.
type free struct{}

func (free) Charge(uint64) *abi.Fault { return nil }
func (free) Left() uint64             { return 1 << 62 }
