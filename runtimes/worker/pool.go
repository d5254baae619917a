package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/kalima-chain/kalima/abi"
)

// pool is the workers of a runtime. A call at nesting depth n (a query within a query has
// depth 2) waits only for workers of level n, which only calls of depth n and deeper hold:
// so it never waits for an ancestor, and the deepest wait for nobody. A worker of a lower
// level is taken when it is idle, so that levels beyond 0 cost nothing until they must.
type pool struct {
	cfg    Config
	levels [abi.MaxNested + 1]chan struct{} // a token for each worker there may be
	starts throttle
	closed chan struct{}

	mu      sync.Mutex
	idle    []*process // the last used is the last
	running map[*process]bool
}

var errClosed = errors.New("the runtime is closed")

func newPool(cfg Config) *pool {
	p := &pool{cfg: cfg, starts: throttle{every: startEvery, burst: startBurst}, closed: make(chan struct{}), running: map[*process]bool{}}
	for i := range p.levels {
		p.levels[i] = make(chan struct{}, cfg.Processes)
	}
	return p
}

// take waits for a worker for a call of that depth, and starts it if need be. It prefers
// one that has the module.
func (l *pool) take(ctx context.Context, depth int, module abi.Digest) (*process, error) {
	depth = min(max(depth, 0), abi.MaxNested)
	level := -1
	for i := 0; i <= depth && level < 0; i++ {
		select {
		case l.levels[i] <- struct{}{}:
			level = i
		default:
		}
	}
	if level < 0 {
		select {
		case l.levels[depth] <- struct{}{}:
			level = depth
		case <-l.closed:
			return nil, errClosed
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for a worker: %w", ctx.Err())
		}
	}
	p, err := l.idleOrNew(ctx, module)
	if err != nil {
		<-l.levels[level]
		return nil, err
	}
	p.level = level
	return p, nil
}

func (l *pool) idleOrNew(ctx context.Context, module abi.Digest) (*process, error) {
	l.mu.Lock()
	if l.isClosed() {
		l.mu.Unlock()
		return nil, errClosed
	}
	if n := len(l.idle); n > 0 {
		at := n - 1
		for i, p := range slices.Backward(l.idle) {
			if p.modules[module] {
				at = i
				break
			}
		}
		p := l.idle[at]
		l.idle = slices.Delete(l.idle, at, at+1)
		l.running[p] = true
		l.mu.Unlock()
		return p, nil
	}
	l.mu.Unlock()
	if err := l.starts.wait(ctx, l.closed); err != nil {
		return nil, fmt.Errorf("start a worker: wait after many starts: %w", err)
	}
	p, err := start(ctx, l.cfg.Engine, l.cfg.Memory)
	if err != nil {
		l.starts.spend(failedStart)
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed() {
		p.end()
		return nil, errClosed
	}
	l.running[p] = true
	return p, nil
}

func (l *pool) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// give returns a worker, or ends it when it is worn out.
func (l *pool) give(p *process) {
	p.calls++
	worn := p.calls >= l.cfg.Calls || len(p.modules) >= maxModules
	if !worn && p.calls%measureEvery == 0 {
		worn = resident(p.cmd.Process.Pid) > l.cfg.Memory/2
	}
	level := p.level // once it is idle it is somebody else's
	l.mu.Lock()
	delete(l.running, p)
	if worn = worn || p.ended || l.isClosed(); !worn {
		l.idle = append(l.idle, p)
	}
	l.mu.Unlock()
	if worn {
		p.end()
	}
	<-l.levels[level]
}

// close ends all workers, those at work too, and waits until they are gone.
func (l *pool) close() {
	l.mu.Lock()
	if !l.isClosed() {
		close(l.closed)
	}
	idle := l.idle
	l.idle = nil
	for p := range l.running {
		p.kill()
	}
	l.mu.Unlock()
	for _, p := range idle {
		p.end()
	}
	for _, level := range l.levels {
		for range cap(level) {
			level <- struct{}{} // whoever held it has given it back
		}
		for range cap(level) {
			<-level
		}
	}
}
