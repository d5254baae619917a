package devnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node/blobs"
	"github.com/kalima-chain/kalima/node/contracts"
	"github.com/kalima-chain/kalima/node/edge"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/sync"
	"github.com/kalima-chain/kalima/node/transport"
)

// EdgeClient is a running client node: a memcache in step with the chain, and the react
// contracts bound to what it holds.
type EdgeClient struct {
	node   *edge.Node
	cancel context.CancelFunc
	done   chan struct{}
	failed chan error
	stop   []func() error // in the order of starting
}

// startClient starts a client node. It returns at once; the memcache fills as masters answer.
func startClient(n *Node, languages map[string]host.Runtime, log *slog.Logger) (_ *EdgeClient, err error) {
	c := &EdgeClient{done: make(chan struct{}), failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start client %s: %w", n.Name, err), c.stopAll())
		}
	}()
	log = log.With("node", n.Name)
	dir := filepath.Join(n.Data(), "memcache")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	store, err := blobs.Open(filepath.Join(n.Data(), "blobs"), blobs.Config{Key: n.Storage})
	if err != nil {
		return nil, err
	}

	// Network: one socket for asking, submitting and following.
	endpoint, err := transport.Listen(transport.Config{Key: n.Key})
	if err != nil {
		return nil, err
	}
	c.stop = append(c.stop, endpoint.Close)
	cfg := rpc.Config{Chain: n.Chain, Masters: n.Masters, Key: n.Key, Endpoint: endpoint}
	masters, err := sync.Masters(cfg)
	if err != nil {
		return nil, err
	}
	client, err := rpc.New(cfg)
	if err != nil {
		return nil, err
	}
	c.stop = append(c.stop, client.Close)

	// Contracts, and the memcache that feeds them.
	engine := contracts.New(contracts.Config{Runtimes: languages, World: edge.NewWorld(), Log: log, Fetch: func(ctx context.Context, d abi.Digest) ([]byte, error) {
		if b, err := store.Get(d); err == nil {
			return b, nil
		}
		b, err := client.Blob(ctx, d)
		if err != nil {
			return nil, err
		}
		_, err = store.Put(b)
		return b, err
	}})
	c.stop = append(c.stop, engine.Close)
	ec := edge.Config{
		Chain: n.Chain, Key: n.Key, Patterns: n.Patterns, Dir: dir, StorageKey: n.Storage,
		Engine: engine, Submit: client, Log: log,
	}
	for _, m := range masters {
		ec.Sources, ec.Lookup = append(ec.Sources, m), append(ec.Lookup, m)
	}
	if c.node, err = edge.Open(ec); err != nil {
		return nil, err
	}
	c.stop = append(c.stop, c.node.Close)
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(c.done)
		if err := c.node.Run(ctx); err != nil {
			c.failed <- fmt.Errorf("client %s: %w", n.Name, err)
		}
	}()
	return c, nil
}

// Replica is the memcache.
func (c *EdgeClient) Replica() *sync.Replica { return c.node.Replica() }

// Failed receives why the client can not go on.
func (c *EdgeClient) Failed() <-chan error { return c.failed }

// Close stops the client, in the reverse order of starting.
func (c *EdgeClient) Close() error {
	c.cancel()
	<-c.done
	return c.stopAll()
}

func (c *EdgeClient) stopAll() error {
	var errs []error
	for i := len(c.stop) - 1; i >= 0; i-- {
		errs = append(errs, c.stop[i]())
	}
	return errors.Join(errs...)
}
