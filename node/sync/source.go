package sync

import (
	"context"
	"errors"
	"fmt"

	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

// Source is one master to subscribe at.
type Source interface {
	// Name is for people.
	Name() string

	// Watch begins a subscription, which ends with ctx. It may return before the master
	// has answered.
	Watch(ctx context.Context, q rpc.WatchQ) (Stream, error)

	// Drop closes the connection to the master, if there is one: it is silent, or another
	// node has its key. The next Watch makes a new one.
	Drop()
}

// Stream is one subscription.
type Stream interface {
	// Recv waits for the next frame. It fails when the context of Watch ends.
	Recv() (rpc.WatchFrame, error)

	// Close ends the subscription.
	Close() error
}

// Master is a Source, and a client that asks this one master and no other.
type Master struct {
	*rpc.Client
	name string
}

var _ Source = (*Master)(nil)

// Masters returns the masters of a client's configuration, one Source each. They share
// cfg.Endpoint, which must be set.
func Masters(cfg rpc.Config) ([]*Master, error) {
	if cfg.Endpoint == nil {
		return nil, errors.New("masters: no endpoint")
	}
	var out []*Master
	for _, m := range cfg.Masters {
		one := cfg
		one.Masters, one.Only = []rpc.MasterInfo{m}, true
		c, err := rpc.New(one)
		if err != nil {
			return nil, fmt.Errorf("master %s: %w", m.Name, err)
		}
		out = append(out, &Master{Client: c, name: m.Name})
	}
	return out, nil
}

// Name is the master's name in the profile.
func (m *Master) Name() string { return m.name }

// Watch begins a subscription.
func (m *Master) Watch(ctx context.Context, q rpc.WatchQ) (Stream, error) {
	w, err := m.Client.Watch(ctx, q)
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Drop closes the connection. The endpoint stays open.
func (m *Master) Drop() { m.Client.Close() }

// forked reports whether a master says that the token is not of its chain.
func forked(err error) bool {
	var e *transport.Error
	return errors.Is(err, ErrForked) || errors.As(err, &e) && e.Code == rpc.CodeTokenMismatch
}
