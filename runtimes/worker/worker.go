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
// workers wait for one. Queries that contracts ask while they hold a worker may start more,
// at most Config.Processes for each depth of nesting.
type Runtime struct {
	cfg      Config
	schedule string
	pool     *pool
}

// New makes a runtime. Workers start when they are needed.
func New(cfg Config) (*Runtime, error) {
	cfg = cfg.withDefaults()
	role, err := findRole(cfg.Engine)
	switch {
	case err != nil:
		return nil, fmt.Errorf("run contracts in workers: %w", err)
	case role.maker == nil:
		return nil, fmt.Errorf("run contracts in workers: %s is no engine", cfg.Engine)
	case cfg.Processes < 1 || cfg.Processes > 256:
		return nil, fmt.Errorf("run contracts in workers: %d processes, want 1 to 256", cfg.Processes)
	case cfg.Memory < leastMemory:
		return nil, fmt.Errorf("run contracts in workers: %d bytes of memory, at least %d", cfg.Memory, leastMemory)
	case cfg.Calls < 1:
		return nil, fmt.Errorf("run contracts in workers: a worker for %d calls, want 1 or more", cfg.Calls)
	}
	engine := role.maker() // the same code as the workers', since it is the same program
	schedule := engine.Schedule()
	if err := engine.Close(); err != nil {
		return nil, fmt.Errorf("run contracts in workers: %w", err)
	}
	return &Runtime{cfg: cfg, schedule: schedule, pool: newPool(cfg)}, nil
}

// Name is the engine's name.
func (r *Runtime) Name() string { return r.cfg.Engine }

// Schedule is the engine's.
func (r *Runtime) Schedule() string { return r.schedule }

// Close ends the workers. Calls under way end with an error, and so do those that come
// later.
func (r *Runtime) Close() error {
	r.pool.close()
	return nil
}

// Sandbox lists what restricts a worker of this runtime, and what this machine lacks for
// it. It starts a worker if none is idle.
func (r *Runtime) Sandbox(ctx context.Context) ([]Piece, error) {
	p, err := r.pool.take(ctx, 0, abi.Digest{})
	if err != nil {
		return nil, err
	}
	defer r.pool.give(p)
	return p.Sandbox(), nil
}

// attempt does work in a worker. When the worker dies it tries once more in a fresh one,
// since it may have been killed from outside. It returns *died when that died too.
func (r *Runtime) attempt(ctx context.Context, depth int, m abi.Digest, work func(context.Context, *process) error) error {
	var err error
	for range 2 {
		var p *process
		if p, err = r.pool.take(ctx, depth, m); err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, p.kill)
		err = work(ctx, p)
		if !stop() {
			p.end() // it was killed, or is being killed
		}
		var broken *brokenError
		if !errors.As(err, &broken) {
			r.pool.give(p)
			return err
		}
		p.end()
		d := p.post(broken.err)
		r.pool.give(p)
		if ctx.Err() != nil {
			return fmt.Errorf("gave up on a worker: %w", ctx.Err())
		}
		if r.pool.isClosed() {
			return errClosed
		}
		err = d
	}
	return err
}

// Load has a worker check the artefact. What kills the engine is refused.
func (r *Runtime) Load(ctx context.Context, code []byte) (host.Module, error) {
	if len(code) > maxCode {
		return nil, &host.Refusal{Reason: fmt.Sprintf("artefact of %d bytes, at most %d", len(code), maxCode)}
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.LoadTime)
	defer cancel()
	m := &module{runtime: r, code: code, digest: sha256.Sum256(code)}
	err := r.attempt(ctx, 0, m.digest, func(_ context.Context, p *process) error {
		phases, err := p.load(m)
		m.phases = phases
		return err
	})
	var d *died
	var refusal *host.Refusal
	switch {
	case errors.As(err, &refusal):
		return nil, refusal // it says what is wrong; callers say with which contract
	case errors.As(err, &d):
		return nil, &host.Refusal{Reason: "loading it: " + d.reason, Hint: "make the source simpler"}
	case err != nil:
		return nil, fmt.Errorf("load a contract: %w", err)
	}
	return m, nil
}
