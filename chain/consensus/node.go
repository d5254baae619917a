package consensus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/kalima-chain/kalima/abi"
)

// Node takes part in the consensus. All methods may be called together.
type Node struct {
	cfg   Config
	raft  *raft.Raft
	wal   *wal.WAL
	store *store
	fsm   *fsm
	guard *guard
	trans *transport
	lock  *os.File

	stop       context.CancelFunc // ends fsm.ctx
	leadership chan bool
	changes    chan bool // from Raft
	done       chan struct{}
	closing    sync.Once
	closeErr   error
}

// Open starts to take part. It closes the layer when it fails, as Close does. Errors
// worth telling apart: ErrWrongKey, ErrInUse, ErrCorrupt.
func Open(cfg Config) (_ *Node, err error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("open consensus: %w", err)
	}
	n := &Node{cfg: cfg, leadership: make(chan bool, 1), changes: make(chan bool, 16), done: make(chan struct{})}
	n.guard = &guard{timeout: cfg.StoreTimeout, fatal: cfg.Fatal}
	var trans *transport
	defer func() {
		if err == nil {
			return
		}
		err = fmt.Errorf("open consensus in %s: %w", cfg.Dir, err)
		if trans != nil {
			trans.Close()
		} else {
			cfg.Layer.Close()
		}
		n.release()
	}()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	if n.lock, err = lock(cfg.Dir); err != nil {
		return nil, err
	}
	stable, err := openVote(cfg.Dir, cfg.Key, n.guard)
	if err != nil {
		return nil, err
	}
	if err := n.openLog(); err != nil {
		return nil, err
	}
	logger := hlog(cfg.Log)
	snaps, err := raft.NewFileSnapshotStoreWithLogger(cfg.Dir, 2, logger)
	if err != nil {
		return nil, err
	}
	var ctx context.Context
	ctx, n.stop = context.WithCancel(context.Background())
	n.fsm = &fsm{machine: cfg.Machine, guard: n.guard, ctx: ctx}
	n.fsm.applied.Store(cfg.Machine.Applied())
	behind, err := n.checkStored(stable, snaps)
	if err != nil {
		return nil, err
	}
	trans = &transport{
		NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Logger: logger, Stream: layer{cfg.Layer}, MaxPool: 3, Timeout: cfg.RPCTimeout,
		}),
		address: raft.ServerAddress(cfg.Self.Address),
	}
	if err := n.start(stable, snaps, trans, behind); err != nil {
		return nil, err
	}
	n.trans = trans
	go n.watch()
	return n, nil
}

func (n *Node) openLog() (err error) {
	if err := checkTail(n.cfg.Dir); err != nil {
		return err
	}
	codec, err := newCodec(n.cfg.Key)
	if err != nil {
		return err
	}
	defer func() { // raft-wal indexes into what it read
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrCorrupt, p)
		}
	}()
	n.wal, err = wal.Open(n.cfg.Dir, wal.WithMetaStore(newSegments(n.cfg.Dir, n.cfg.Key, n.guard)),
		wal.WithSegmentSize(n.cfg.SegmentSize), wal.WithLogger(hlog(n.cfg.Log)))
	if err != nil {
		if errors.Is(err, ErrWrongKey) {
			return err
		}
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	n.store = &store{logs: n.wal, codec: codec, guard: n.guard, keep: n.cfg.KeepLog, clock: time.Now}
	if n.cfg.wrap != nil {
		n.store.logs = n.cfg.wrap(n.wal)
	}
	return nil
}

func isNotFound(err error) bool {
	return errors.Is(err, wal.ErrNotFound) || errors.Is(err, raft.ErrLogNotFound)
}

// checkStored compares what the parts on disk know of each other. behind means that the
// machine has less than the snapshot: the log can not bring it there.
func (n *Node) checkStored(stable *vote, snaps raft.SnapshotStore) (behind bool, err error) {
	last, err := n.store.LastIndex()
	if err != nil {
		return false, err
	}
	list, err := snaps.List()
	if err != nil {
		return false, err
	}
	var entry raft.Log
	if last > 0 {
		if err := n.store.GetLog(last, &entry); err != nil {
			return false, err
		}
	}
	term, err := stable.GetUint64([]byte("CurrentTerm"))
	if err != nil {
		return false, err
	}
	if term < entry.Term {
		return false, fmt.Errorf("%w: term is %d, but the log ends in term %d", ErrCorrupt, term, entry.Term)
	}
	applied := n.cfg.Machine.Applied()
	known := last
	if len(list) > 0 {
		known = max(known, list[0].Index)
		first, err := n.store.FirstIndex()
		if err != nil {
			return false, err
		}
		// Entries after the snapshot are played back; those before it are not.
		behind = applied < list[0].Index && !n.plays(applied, list[0].Index)
		if last > 0 && first > list[0].Index+1 {
			return false, fmt.Errorf("%w: it begins at %d, the snapshot ends at %d", ErrCorrupt, first, list[0].Index)
		}
	}
	if applied > known {
		return false, fmt.Errorf("%w: it ends at %d, but the ledger has applied %d", ErrCorrupt, known, applied)
	}
	return behind, nil
}

// plays reports whether nothing but Raft's own entries lies between two indexes: then
// the machine is not behind.
func (n *Node) plays(after, to uint64) bool {
	var entry raft.Log
	for i := after + 1; i <= to; i++ {
		if err := n.store.GetLog(i, &entry); err != nil || entry.Type == raft.LogCommand {
			return false
		}
	}
	return true
}

func (n *Node) start(stable *vote, snaps raft.SnapshotStore, trans *transport, behind bool) (err error) {
	c := raft.DefaultConfig()
	c.LocalID = serverID(n.cfg.Self.ID)
	c.HeartbeatTimeout, c.ElectionTimeout = n.cfg.Heartbeat, n.cfg.Election
	c.LeaderLeaseTimeout, c.CommitTimeout = n.cfg.Lease, n.cfg.CommitEvery
	c.MaxAppendEntries, c.BatchApplyCh = n.cfg.Batch, true
	c.TrailingLogs, c.SnapshotInterval, c.SnapshotThreshold = n.cfg.KeepEntries, n.cfg.SnapshotEvery, n.cfg.SnapshotDistance
	c.NoSnapshotRestoreOnStart = !behind
	c.NoLegacyTelemetry = true
	c.ShutdownOnRemove = true
	c.NotifyCh = n.changes
	c.Logger = hlog(n.cfg.Log)

	cache, err := raft.NewLogCache(4*n.cfg.Batch, n.store)
	if err != nil {
		return err
	}
	old, err := raft.HasExistingState(cache, stable, snaps)
	if err != nil {
		return err
	}
	if !old && len(n.cfg.Bootstrap) > 0 {
		var first raft.Configuration
		for _, s := range n.cfg.Bootstrap {
			first.Servers = append(first.Servers, raft.Server{ID: serverID(s.ID), Address: raft.ServerAddress(s.Address)})
		}
		if err := raft.BootstrapCluster(c, cache, stable, snaps, trans, first); err != nil {
			return fmt.Errorf("bootstrap: %w", err)
		}
	}
	defer func() { // NewRaft reads the log, and panics over an entry that it can not read
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrCorrupt, p)
		}
	}()
	n.raft, err = raft.NewRaft(c, n.fsm, cache, stable, snaps, trans)
	return err
}

// watch turns Raft's notifications, which must be taken at once, into Leadership.
func (n *Node) watch() {
	for {
		select {
		case v := <-n.changes:
			select {
			case <-n.leadership: // not read yet: superseded
			default:
			}
			n.leadership <- v
		case <-n.done:
			return
		}
	}
}

// Close stops taking part and waits until the machine is no longer called. It closes
// the layer. Closing twice is fine.
func (n *Node) Close() error {
	n.closing.Do(func() {
		n.stop()
		down := n.raft.Shutdown()
		// Raft closes its transport when its goroutines have ended, but one that waits for
		// the answer of a dead peer ends only with the transport.
		err := n.trans.Close()
		if n.closeErr = down.Error(); n.closeErr == nil {
			n.closeErr = err
		}
		close(n.done)
		if err := n.release(); n.closeErr == nil {
			n.closeErr = err
		}
	})
	return n.closeErr
}

func (n *Node) release() (err error) {
	if n.stop != nil {
		n.stop()
	}
	if n.wal != nil {
		err = n.wal.Close()
	}
	if n.lock != nil {
		n.lock.Close()
	}
	return err
}

func serverID(id abi.Identity) raft.ServerID { return raft.ServerID(id.String()) }
