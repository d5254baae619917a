package edge

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/contracts"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/sync"
)

// Update implements sync.Handler: it notes which events start which contracts. It waits
// while too many triggers wait.
func (n *Node) Update(ctx context.Context, updates []sync.Update) ([]sync.Note, error) {
	if n.cfg.Engine == nil {
		return nil, nil
	}
	n.fresh = nil
	for i := range updates {
		u := &updates[i]
		if u.Snapshot { // sequences may stand for other records now
			n.bindings = new(contracts.Bindings)
			continue
		}
		if err := n.match(u); err != nil {
			return nil, err
		}
	}
	var notes []sync.Note
	for _, j := range n.fresh {
		notes = append(notes, j.note())
	}
	notes = append(notes, n.passed(updates[len(updates)-1].Height)...)
	_, err := n.Wait(ctx, func(s Stats) bool { return s.Waiting == 0 || s.Waiting+len(n.fresh) <= n.cfg.Backlog })
	return notes, err
}

// match makes a job of each event of a block and each binding that was in force before it.
func (n *Node) match(u *sync.Update) error {
	for i := range u.Events {
		e := rpc.FromEvent(&u.Events[i])
		found, err := n.bindings.For(u.Before, abi.React, e.Address)
		if err != nil {
			n.cfg.Log.Error("bindings can not be read: no contract runs for the block", "block", u.Height, "error", err)
			n.count(func(s *Stats) { s.Unknowing++ })
			return nil
		}
		for k := range found {
			b := &found[k]
			if n.cfg.Runs != nil && !n.cfg.Runs(b.Instance) {
				continue
			}
			hops, ok := n.hops(e.TxID, b.Instance)
			if !ok {
				continue
			}
			text, err := json.Marshal(b)
			if err != nil {
				return fmt.Errorf("note binding of %s: %w", b.Instance, err)
			}
			n.fresh = append(n.fresh, &job{key: n.next, task: task{Binding: text, Event: e, Hops: hops}, binding: *b, state: u.State})
			n.next++
		}
	}
	return nil
}

// hops says how many transactions of this node led to an event of a transaction. ok is
// false when the event may not start the instance: see the package comment.
func (n *Node) hops(id abi.TxID, instance string) (hops int, ok bool) {
	n.mu.Lock()
	e, own := n.effects[id]
	n.mu.Unlock()
	if !own {
		return 0, true
	}
	if e.job.binding.Instance == instance {
		return 0, false
	}
	if hops = e.job.task.Hops + 1; hops > MaxHops {
		n.cfg.Log.Warn("contracts answer each other without end: stopped", "instance", instance, "hops", hops, "tx", id.Short())
		n.count(func(s *Stats) { s.Looped++ })
		return 0, false
	}
	return hops, true
}

// passed forgets the transactions whose block the memcache is past.
func (n *Node) passed(h abi.Height) (notes []sync.Note) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reached = h
	for id, e := range n.effects {
		if e.done > 0 && e.done <= h {
			delete(n.effects, id)
			notes = append(notes, e.job.forget())
		}
	}
	return notes
}

// Committed implements sync.Handler: the jobs of the last Update are on disk and may run.
func (n *Node) Committed() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, j := range n.fresh {
		instance := j.binding.Instance
		n.queues[instance] = append(n.queues[instance], j)
		n.stats.Triggers++
		n.stats.Waiting++
		if len(n.queues[instance]) == 1 {
			n.work(n.ctx, instance)
		}
	}
	n.fresh = nil
	n.height = max(n.height, n.reached)
	n.tell()
}

func (n *Node) count(change func(*Stats)) {
	n.mu.Lock()
	change(&n.stats)
	n.tell()
	n.mu.Unlock()
}

// tell wakes those who wait for the counts. n.mu is held.
func (n *Node) tell() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// work starts the worker of an instance whose queue is not empty. The jobs of an instance
// run one after the other, because their effects have an order. n.mu is held.
func (n *Node) work(ctx context.Context, instance string) {
	n.start(func() {
		for {
			n.mu.Lock()
			queue := n.queues[instance]
			if len(queue) == 0 || ctx.Err() != nil {
				if len(queue) == 0 {
					delete(n.queues, instance)
				}
				n.mu.Unlock()
				return
			}
			j := queue[0]
			n.mu.Unlock()
			if err := n.run(ctx, j); err != nil {
				n.fail(ctx, err)
				return
			}
			n.mu.Lock()
			n.queues[instance] = n.queues[instance][1:]
			empty := len(n.queues[instance]) == 0
			if empty {
				delete(n.queues, instance)
			}
			n.mu.Unlock()
			n.count(func(s *Stats) { s.Waiting-- })
			if empty {
				return
			}
		}
	})
}

// fail ends Run when the node can not go on; the end of ctx is no failure.
func (n *Node) fail(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	n.mu.Lock()
	if n.failure == nil {
		n.failure = err
	}
	n.mu.Unlock()
	n.stop()
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }
