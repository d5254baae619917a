package contracts

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

// module is a bundle, loaded. Either module or refusal is set.
type module struct {
	bundle  *registry.Bundle // without source, which is not needed to run
	module  host.Module
	refusal *abi.Fault // why these bytes can not run, the same at every node
	size    int64
}

// entry is a place in the cache. A module is closed when it was evicted and no call uses it.
type entry struct {
	digest abi.Digest
	ready  chan struct{} // closed when loading is over; module and err are set before
	module *module
	err    error

	users   int // calls, and waiters for ready; guarded by cache.mu
	evicted bool
	at      *list.Element
}

// cache keeps loaded modules, the least recently used of which go first. The same digest is
// loaded once, however many calls ask for it at the same time.
type cache struct {
	load func(ctx context.Context, d abi.Digest, l registry.Language) (*module, error)
	max  int64 // bytes of the artefacts together

	ctx  context.Context // ends when the cache is closed
	stop context.CancelFunc

	mu      sync.Mutex // guards what is below
	entries map[abi.Digest]*entry
	recent  *list.List // of *entry, loaded ones only, most recent first
	used    int64
	closed  bool
	loads   sync.WaitGroup
}

var errClosed = errors.New("the contract engine is closed")

func newCache(max int64, load func(context.Context, abi.Digest, registry.Language) (*module, error)) *cache {
	c := &cache{load: load, max: max, entries: map[abi.Digest]*entry{}, recent: list.New()}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// acquire returns the module of a digest and what to call when it is no longer used. When
// ctx ends the caller stops waiting; loading goes on for those who ask later.
func (c *cache) acquire(ctx context.Context, d abi.Digest, l registry.Language) (*module, func(), error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, nil, errClosed
	}
	e, ok := c.entries[d]
	if !ok {
		e = &entry{digest: d, ready: make(chan struct{})}
		c.entries[d] = e
		c.loads.Go(func() { c.fill(e, l) })
	} else if e.at != nil {
		c.recent.MoveToFront(e.at)
	}
	e.users++
	c.mu.Unlock()

	select {
	case <-e.ready:
	case <-ctx.Done():
		c.release(e)
		return nil, nil, fmt.Errorf("load contract %s: %w", d.Short(), ctx.Err())
	}
	if e.err != nil {
		c.release(e)
		return nil, nil, fmt.Errorf("load contract %s: %w", d.Short(), e.err)
	}
	return e.module, func() { c.release(e) }, nil
}

// fill loads the module of an entry. A failure of the node is not kept: the next call tries again.
func (c *cache) fill(e *entry, l registry.Language) {
	m, err := c.load(c.ctx, e.digest, l)
	c.mu.Lock()
	e.module, e.err = m, err
	if err != nil {
		delete(c.entries, e.digest)
	} else {
		e.at = c.recent.PushFront(e)
		c.used += m.size
		for c.used > c.max && c.recent.Len() > 1 {
			c.evict(c.recent.Back().Value.(*entry))
		}
	}
	c.mu.Unlock()
	close(e.ready)
}

// evict forgets a loaded entry. c.mu is held.
func (c *cache) evict(e *entry) {
	c.recent.Remove(e.at)
	delete(c.entries, e.digest)
	c.used -= e.module.size
	e.evicted = true
	c.closeIdle(e)
}

func (c *cache) release(e *entry) {
	c.mu.Lock()
	e.users--
	c.closeIdle(e)
	c.mu.Unlock()
}

// closeIdle frees an evicted module that nobody uses. c.mu is held. Closing frees memory
// and its error changes nothing for anybody.
func (c *cache) closeIdle(e *entry) {
	if e.evicted && e.users == 0 && e.module.module != nil {
		e.module.module.Close()
		e.module = nil
	}
}

// close ends loading and frees every module. No call may be running.
func (c *cache) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.loads.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.recent.Len() > 0 {
		c.evict(c.recent.Back().Value.(*entry))
	}
}
