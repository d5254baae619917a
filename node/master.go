package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/consensus"
	"github.com/kalima-chain/kalima/chain/ledger"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node/blobs"
	"github.com/kalima-chain/kalima/node/contracts"
	"github.com/kalima-chain/kalima/node/keyring"
	"github.com/kalima-chain/kalima/node/master"
	"github.com/kalima-chain/kalima/node/order"
	"github.com/kalima-chain/kalima/node/transport"
)

// MasterConfig says who a master is and where it lives.
type MasterConfig struct {
	Dir    string // its folder; made when absent
	Name   string // its name in logs and status
	Listen string // "host:port", UDP; the address the chain's record of it gives

	Key        ed25519.PrivateKey // node key
	StorageKey []byte             // 32 bytes; encrypts ledger and log
	Plain      bool               // store without encryption: must be said, never the default

	Genesis  []byte                  // the genesis document; the same at every node
	Runtimes map[string]host.Runtime // by the manifest's language; the caller closes them
	Limits   host.Limits             // of a contract call; zero fields take their defaults
	Log      *slog.Logger            // nil discards

	Transport func(*transport.Config) // tests: change limits, wrap sockets
	Consensus func(*consensus.Config) // tests: shorter timeouts
}

// Validate reports the first setting that can not work.
func (c *MasterConfig) Validate() error {
	switch {
	case c.Dir == "":
		return errors.New("master: no folder given")
	case c.Name == "":
		return errors.New("master: no name given")
	case c.Listen == "":
		return fmt.Errorf("master %s: no listen address given", c.Name)
	case len(c.Key) != ed25519.PrivateKeySize:
		return fmt.Errorf("master %s: no node key given", c.Name)
	case len(c.StorageKey) != 32 && !c.Plain:
		return fmt.Errorf("master %s: storage key of %d bytes, want 32 (or say Plain)", c.Name, len(c.StorageKey))
	}
	return nil
}

// Master is a running master.
type Master struct {
	cfg      MasterConfig
	endpoint *transport.Endpoint
	raft     *consensus.Node
	orderer  *order.Orderer
	machine  *master.Machine
	server   *master.Server
	ledger   *ledger.Ledger

	failed chan error
	once   sync.Once
	stop   []func() error // in the order of starting
}

// StartMaster starts a master. It returns when the node listens and takes part in Raft;
// whether there is a leader yet is another question. After an error nothing runs.
func StartMaster(ctx context.Context, cfg MasterConfig) (_ *Master, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	log := cfg.Log.With("node", cfg.Name)
	m := &Master{cfg: cfg, failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			m.Close()
			err = fmt.Errorf("start master %s: %w", cfg.Name, err)
		}
	}()

	// The folder, ours alone.
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	unlock, err := lock(filepath.Join(cfg.Dir, "lock"))
	if err != nil {
		return nil, err
	}
	m.stops(unlock)
	genesisDoc, err := chain.DecodeGenesis(cfg.Genesis)
	if err != nil {
		return nil, err
	}
	genesis, err := genesisDoc.Block()
	if err != nil {
		return nil, err
	}

	// Disk: the ledger, checked before anything is served from it, and the state it holds.
	m.ledger, err = ledger.Open(ledger.Config{Dir: filepath.Join(cfg.Dir, "ledger"), Key: cfg.StorageKey, Plain: cfg.Plain, Log: log})
	if err != nil {
		return nil, err
	}
	m.stops(m.ledger.Close)
	if err := m.ledger.CheckHead(); err != nil {
		return nil, err
	}
	m.machine, err = master.NewMachine(m.ledger, genesis, log)
	if err != nil {
		return nil, err
	}
	store, err := blobs.Open(filepath.Join(cfg.Dir, "blobs"), blobs.Config{Key: cfg.StorageKey, Plain: cfg.Plain})
	if err != nil {
		return nil, err
	}

	// Network: one port. Requests wait at the gate until everything behind it runs.
	self := keyring.Identity(cfg.Key)
	g := &gate{machine: m.machine}
	tc := transport.Config{
		Listen: cfg.Listen, Key: cfg.Key, Handler: g,
		Authorise: g.authorise, IsMaster: g.isMaster, PeerOf: g.peerOf,
	}
	if cfg.Transport != nil {
		cfg.Transport(&tc)
	}
	m.endpoint, err = transport.Listen(tc)
	if err != nil {
		return nil, err
	}
	m.stops(m.endpoint.Close)
	peers := &master.Peers{Endpoint: m.endpoint, Policy: m.machine.Policy}
	m.machine.Connect(func(ctx context.Context, from chain.Height, count int) ([][]byte, error) {
		return peers.Blocks(ctx, self, from, count)
	}, m.endpoint.Recheck)

	// Consensus: Raft over streams of the same port.
	cc := consensus.Config{
		Self: consensus.Server{ID: self, Address: cfg.Listen}, Dir: filepath.Join(cfg.Dir, "raft"),
		Key: cfg.StorageKey, Plain: cfg.Plain, Layer: m.endpoint.Raft(), Bootstrap: servers(m.machine.Policy()),
		Machine: m.machine, Log: log, Fatal: m.fail, CommitEvery: 2 * time.Millisecond,
	}
	if cfg.Consensus != nil {
		cfg.Consensus(&cc)
	}
	m.raft, err = consensus.Open(cc)
	if err != nil {
		return nil, err
	}
	m.stops(m.raft.Close)

	// The leader's pipeline, and the contracts it runs.
	fetch := &fetcher{}
	engine := contracts.New(contracts.Config{Runtimes: cfg.Runtimes, Fetch: fetch.fetch, Limits: cfg.Limits, Log: log})
	m.stops(engine.Close)
	m.orderer = order.New(order.Config{
		Consensus: raftAdapter{m.raft}, Machine: m.machine, Leader: self, Log: log,
		Rules: func() chain.Rules { return master.NewRules(engine) },
	})
	m.stops(func() error { m.orderer.Close(); return nil })

	m.server = master.NewServer(master.Config{
		Engine: engine, Name: cfg.Name, Self: self, Machine: m.machine, Ledger: m.ledger, Blobs: store,
		Orderer: m.orderer, Raft: raftAdapter{m.raft}, Peers: peers, Log: log,
	})
	fetch.from.Store(m.server)
	g.server.Store(m.server)
	return m, nil
}

func (m *Master) stops(f func() error) { m.stop = append(m.stop, f) }

// Address is where the master listens.
func (m *Master) Address() string { return m.endpoint.Addr().String() }

// Identity is who the master is.
func (m *Master) Identity() abi.Identity { return keyring.Identity(m.cfg.Key) }

// Machine is the master's applied chain.
func (m *Master) Machine() *master.Machine { return m.machine }

// Leading reports whether the master orders now.
func (m *Master) Leading() bool { return m.orderer.Leading() }

// Ledger is the master's ledger, for tests that look at it.
func (m *Master) Ledger() *ledger.Ledger { return m.ledger }

// Failed receives the error that makes it impossible for the node to go on: its process
// must end. A master that can not trust its disk must not take part any more.
func (m *Master) Failed() <-chan error { return m.failed }

func (m *Master) fail(err error) {
	m.once.Do(func() { m.failed <- fmt.Errorf("master %s: %w", m.cfg.Name, err) })
}

// Close stops the master, in the reverse order of starting.
func (m *Master) Close() error {
	var errs []error
	for i := len(m.stop) - 1; i >= 0; i-- {
		errs = append(errs, m.stop[i]())
	}
	m.stop = nil
	return errors.Join(errs...)
}

func servers(p *policy.Set) []consensus.Server {
	var out []consensus.Server
	for id, n := range p.Masters() {
		out = append(out, consensus.Server{ID: id, Address: n.Address})
	}
	sortServers(out)
	return out
}
