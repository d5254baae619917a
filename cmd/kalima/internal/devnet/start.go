package devnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node"
)

// Running is a node that runs in this process.
type Running struct {
	Node   *Node
	Master *node.Master // nil for a client
	Client *EdgeClient  // nil for a master
}

// Start starts a node in this process.
func Start(ctx context.Context, n *Node, languages map[string]host.Runtime, log *slog.Logger) (*Running, error) {
	if err := CheckDisk(n.Data()); err != nil {
		return nil, err
	}
	r := &Running{Node: n}
	var err error
	switch n.Role {
	case Master:
		r.Master, err = node.StartMaster(ctx, node.MasterConfig{
			Dir: n.Data(), Name: n.Name, Listen: n.Listen, Key: n.Key, StorageKey: n.Storage, Plain: n.Plain,
			Genesis: n.Genesis, Runtimes: languages, Log: log,
		})
	case Client:
		r.Client, err = startClient(n, languages, log)
	default:
		err = fmt.Errorf("node %s: role %q is not master or client", n.Name, n.Role)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Close stops the node.
func (r *Running) Close() error {
	if r.Master != nil {
		return r.Master.Close()
	}
	return r.Client.Close()
}

// Failed receives why the node can not go on.
func (r *Running) Failed() <-chan error {
	if r.Master != nil {
		return r.Master.Failed()
	}
	return r.Client.Failed()
}

// Local is every node of a chain, in this process.
type Local struct {
	Nodes  []*Running
	failed chan error
	quit   chan struct{}
}

// StartAll starts nodes in order. After an error none runs.
func StartAll(ctx context.Context, nodes []*Node, languages map[string]host.Runtime, log *slog.Logger) (*Local, error) {
	l := &Local{failed: make(chan error, len(nodes)), quit: make(chan struct{})}
	for _, n := range nodes {
		r, err := Start(ctx, n, languages, log)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l.Nodes = append(l.Nodes, r)
		go func() {
			select {
			case err := <-r.Failed():
				l.failed <- err
			case <-l.quit:
			}
		}()
	}
	return l, nil
}

// Failed receives why a node can not go on.
func (l *Local) Failed() <-chan error { return l.failed }

// Close stops every node: clients first, for they have work under way that masters must
// answer, then the masters all at once, for each waits for the others.
func (l *Local) Close() error {
	close(l.quit)
	var errs []error
	for i := len(l.Nodes) - 1; i >= 0; i-- {
		if l.Nodes[i].Node.Role == Client {
			errs = append(errs, l.Nodes[i].Close())
		}
	}
	done := make(chan error)
	n := 0
	for _, r := range l.Nodes {
		if r.Node.Role == Master {
			n++
			go func() { done <- r.Close() }()
		}
	}
	for range n {
		errs = append(errs, <-done)
	}
	return errors.Join(errs...)
}
