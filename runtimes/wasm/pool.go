package wasm

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// pool keeps the instances that wait for a call, of all modules together: a bound on their
// memory, and the least recently used goes first. It also bounds the calls of each module
// that run at once. A call passes it twice.
type pool struct {
	limit int

	mu    sync.Mutex
	bytes int       // of the idle instances, pinned ones too
	count int       // of them
	first *instance // least recently used idle instance of a module that is not pinned
	last  *instance
}

// maxIdle bounds the idle instances in number: each has up to three mappings, and Linux
// gives a process 65,530.
const maxIdle = 8192

// seat is a module's part of the pool; the pool's lock guards it.
type seat struct {
	idle    []*instance // the last one was used last
	running int         // calls under way, without nested ones
	waiting []chan struct{}
	pinned  bool
	closed  bool
}

// enter waits until one more call of the module may run and returns an idle instance, nil when
// there is none. A nested call does not wait: what it would wait for may be held by
// those that called it.
func (p *pool) enter(ctx context.Context, m *module, nested bool) (*instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !nested {
		if m.seat.running >= m.rt.cfg.Instances {
			if err := p.wait(ctx, m); err != nil {
				return nil, err
			}
		} else {
			m.seat.running++
		}
	}
	n := len(m.seat.idle)
	if n == 0 {
		return nil, nil
	}
	i := m.seat.idle[n-1]
	p.remove(i, n-1)
	return i, nil
}

// wait gives the lock up until leave passes its place on.
func (p *pool) wait(ctx context.Context, m *module) error {
	turn := make(chan struct{})
	m.seat.waiting = append(m.seat.waiting, turn)
	p.mu.Unlock()
	select {
	case <-turn:
		p.mu.Lock()
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	if n := slices.Index(m.seat.waiting, turn); n >= 0 {
		m.seat.waiting = slices.Delete(m.seat.waiting, n, n+1)
	} else {
		p.pass(m)
	}
	return fmt.Errorf("wait for an instance: %w", context.Cause(ctx))
}

// pass gives a place among the running to who waits longest.
func (p *pool) pass(m *module) {
	if len(m.seat.waiting) == 0 {
		m.seat.running--
		return
	}
	close(m.seat.waiting[0])
	m.seat.waiting = slices.Delete(m.seat.waiting, 0, 1)
}

// leave ends a call and keeps its instance, if there is one that shows the image again.
// Instances that there is no room for are closed.
func (p *pool) leave(m *module, i *instance, nested bool) {
	p.mu.Lock()
	var out *instance
	if i != nil {
		out = p.keep(m, i)
	}
	if !nested {
		p.pass(m)
	}
	p.mu.Unlock()
	closeAll(out)
}

// add keeps an instance that served no call.
func (p *pool) add(m *module, i *instance) {
	p.mu.Lock()
	out := p.keep(m, i)
	p.mu.Unlock()
	closeAll(out)
}

// keep takes an instance in and returns those that must go, linked by next. A contract that
// asks itself has one for each call of the chain: they are kept too, or each chain would
// make one anew, unpaid.
func (p *pool) keep(m *module, i *instance) (out *instance) {
	i.prev, i.next = nil, nil
	if m.seat.closed || len(m.seat.idle) >= m.rt.cfg.Instances+abi.MaxNested {
		return i
	}
	i.kept = i.resident()
	p.bytes += i.kept
	p.count++
	m.seat.idle = append(m.seat.idle, i)
	if !m.seat.pinned {
		p.link(i)
	}
	for (p.bytes > p.limit || p.count > maxIdle) && p.first != nil {
		gone := p.first
		p.remove(gone, slices.Index(gone.m.seat.idle, gone))
		gone.next, out = out, gone
	}
	return out
}

// link makes an instance the last one used.
func (p *pool) link(i *instance) {
	i.linked, i.prev, i.next = true, p.last, nil
	if p.last != nil {
		p.last.next = i
	} else {
		p.first = i
	}
	p.last = i
}

func (p *pool) unlink(i *instance) {
	if !i.linked {
		return
	}
	if i.prev != nil {
		i.prev.next = i.next
	} else {
		p.first = i.next
	}
	if i.next != nil {
		i.next.prev = i.prev
	} else {
		p.last = i.prev
	}
	i.linked, i.prev, i.next = false, nil, nil
}

// remove takes out the n-th idle instance of its module.
func (p *pool) remove(i *instance, n int) {
	p.bytes -= i.kept
	p.count--
	p.unlink(i)
	i.m.seat.idle = slices.Delete(i.m.seat.idle, n, n+1)
}

func (p *pool) pin(m *module, pinned bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.seat.pinned = pinned
	for _, i := range m.seat.idle {
		p.unlink(i)
		if !pinned {
			p.link(i)
		}
	}
}

// empty takes out all idle instances of a module, for good, linked by next.
func (p *pool) empty(m *module) (out *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.seat.closed = true
	for n := len(m.seat.idle) - 1; n >= 0; n-- {
		i := m.seat.idle[n]
		p.remove(i, n)
		i.next, out = out, i
	}
	return out
}

func closeAll(list *instance) {
	for list != nil {
		i := list
		list = i.next
		i.next = nil
		i.close()
	}
}

// PoolStats tells what the pool holds.
type PoolStats struct {
	Instances int // that wait for a call
	Bytes     int // of memory they take, about
}

// Pool tells what the instances that wait for a call take.
func (r *Runtime) Pool() (s PoolStats) {
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	s.Bytes, s.Instances = r.pool.bytes, r.pool.count
	return s
}

// Pin keeps the idle instances of a module of this runtime in the pool whatever they take,
// or no longer: for contracts whose calls may never wait for a new instance.
func (r *Runtime) Pin(m host.Module, pinned bool) {
	if m, ok := m.(*module); ok && m.rt == r {
		r.pool.pin(m, pinned)
	}
}
