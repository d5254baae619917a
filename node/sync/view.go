package sync

import (
	"context"
	"fmt"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
)

// View is a Replica at one moment.
type View struct {
	State *chain.State // the memcache; may be read by many, must not be changed or copied
	Token rpc.Token    // the place in the chain that the memcache is at
	Begun bool         // false before the first snapshot ever: State is empty and Token zero
	Head  rpc.HeadA    // the chain's head as a master last said it, zero before it did
	Stats Stats
}

// View returns the replica as of now.
func (r *Replica) View() View {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.view()
}

func (r *Replica) view() View {
	v := View{State: r.state, Token: r.token, Begun: r.begun, Head: r.head, Stats: r.stats}
	if v.Head.Height < v.Token.Height {
		v.Head = rpc.HeadA{Chain: v.Token.Chain, Height: v.Token.Height, Hash: v.Token.Hash, Time: v.Head.Time}
	}
	return v
}

// Lag is by how many blocks the memcache is behind the chain, as far as the node knows.
func (v *View) Lag() abi.Height { return v.Head.Height - v.Token.Height }

// Snapshot returns the current values, which never change again: a host.State and a
// chain.View for contracts.
func (r *Replica) Snapshot() *chain.State { return r.View().State }

// Get returns the current value of a key. The caller must not change it.
func (r *Replica) Get(a abi.Address, key string) (*chain.Value, bool) {
	return r.Snapshot().Value(a, key)
}

// Keys calls f for each key of an address after the given one, in byte order, until f
// returns false.
func (r *Replica) Keys(a abi.Address, after string, f func(string, *chain.Value) bool) {
	r.Snapshot().Keys(a, after, f)
}

// Head is the chain's head as the node knows it.
func (r *Replica) Head() rpc.HeadA { v := r.View(); return v.Head }

// Lag is by how many blocks the memcache is behind that head.
func (r *Replica) Lag() abi.Height { v := r.View(); return v.Lag() }

// Wait waits until the replica satisfies a condition, and returns what it then was. It
// asks whenever something changes. When ctx ends, the error says where the replica stood.
func (r *Replica) Wait(ctx context.Context, until func(View) bool) (View, error) {
	for {
		r.mu.Lock()
		v, changed := r.view(), r.changed
		r.mu.Unlock()
		if until(v) {
			return v, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return v, fmt.Errorf("memcache at block %d of %d: %w", v.Token.Height, v.Head.Height, ctx.Err())
		}
	}
}

// WaitHeight waits until the memcache holds everything up to a block.
func (r *Replica) WaitHeight(ctx context.Context, h abi.Height) error {
	_, err := r.Wait(ctx, func(v View) bool { return v.Begun && v.Token.Height >= h })
	return err
}
