// Package master is what a master does with the chain: it applies ordered blocks, keeps
// the state in memory and the ledger on disk, and answers clients.
//
// A block comes in at Machine.Apply (from Raft), goes to the state and to disk, and out
// again through the feed, which watchers read at their own pace. Requests come in at
// Server.Request.
package master

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/consensus"
	"github.com/kalima-chain/kalima/chain/ledger"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/node/order"
)

// Machine is the applied chain of a master. Apply and Restore are called by one
// goroutine; everything else is safe for concurrent use.
type Machine struct {
	ledger *ledger.Ledger
	log    *slog.Logger
	feed   *feed

	mu     sync.RWMutex // guards state and cache; held for writing while a block is applied
	state  *chain.State
	cache  policy.Cache
	policy atomic.Pointer[policy.Set]

	applied atomic.Uint64 // Raft index
	events  atomic.Uint64 // since the start

	fetch   func(ctx context.Context, from chain.Height, count int) ([][]byte, error)
	changed func()
}

// NewMachine loads the chain from a ledger. An empty ledger gets the genesis block.
func NewMachine(l *ledger.Ledger, genesis *chain.Block, log *slog.Logger) (*Machine, error) {
	state, err := l.State()
	if err != nil {
		return nil, err
	}
	m := &Machine{ledger: l, log: log, state: state, feed: newFeed(), changed: func() {}}
	m.applied.Store(l.Index())
	if state.Empty() {
		rec, err := m.extend(genesis, 0)
		if err != nil {
			return nil, fmt.Errorf("apply genesis: %w", err)
		}
		if err := l.Append([]ledger.Record{rec}); err != nil {
			return nil, fmt.Errorf("store genesis: %w", err)
		}
		if err := l.Sync(); err != nil {
			return nil, fmt.Errorf("store genesis: %w", err)
		}
	} else if state.Head().Chain != genesis.Header.Chain {
		return nil, fmt.Errorf("the ledger is of chain %s, the genesis document of chain %s", state.Head().Chain.Short(), genesis.Header.Chain.Short())
	}
	if err := m.refresh(); err != nil {
		return nil, err
	}
	m.feed.start(state.Head())
	// The digest of a loaded state costs 5 us for each item. Paid here, nobody waits for it;
	// the first to ask, a snapshot or a status, would hold up every block meanwhile.
	state.Digest()
	return m, nil
}

// Connect gives the machine what it needs of the network: fetch asks the other masters for
// blocks, changed is told when identities or grants changed. It comes before Raft starts.
func (m *Machine) Connect(fetch func(context.Context, chain.Height, int) ([][]byte, error), changed func()) {
	m.fetch, m.changed = fetch, changed
}

// extend applies a block to the state in memory. It changes nothing when the block is void.
func (m *Machine) extend(b *chain.Block, index uint64) (ledger.Record, error) {
	applied, err := m.state.Apply(b)
	if err != nil {
		return ledger.Record{}, err
	}
	return ledger.Record{Block: b, Applied: applied, Tree: m.state.Tree(), Index: index}, nil
}

// refresh brings the policy up to date with the state.
func (m *Machine) refresh() error {
	set, err := m.cache.At(m.state)
	if err != nil {
		return err
	}
	if m.policy.Swap(set) != set {
		m.changed()
	}
	return nil
}

var _ consensus.Machine = (*Machine)(nil)

// Apply implements consensus.Machine: blocks in the order of the log. A void block changes
// nothing. An error of ours (disk, or a block that contradicts the state) stops the node:
// it panics, because a master that can not apply must not go on.
func (m *Machine) Apply(batch []consensus.Entry) []any {
	results := make([]any, len(batch))
	records := make([]ledger.Record, 0, len(batch))
	last := m.applied.Load()
	m.mu.Lock()
	for i, e := range batch {
		if e.Index <= last {
			m.refill(e.Data)
			results[i] = chain.ErrVoid // the ledger has it already; a replay after a restart
			continue
		}
		last = e.Index
		b, err := chain.DecodeBlock(e.Data)
		if err != nil {
			m.mu.Unlock()
			panic(fmt.Sprintf("master: log entry %d holds no block: %v", e.Index, err))
		}
		rec, err := m.extend(b, e.Index)
		switch {
		case errors.Is(err, chain.ErrVoid):
			m.log.Info("void block", "height", b.Header.Height, "leader", b.Header.Leader.Short(), "err", err)
			results[i] = chain.ErrVoid
		case err != nil:
			m.mu.Unlock()
			panic(fmt.Sprintf("master: log entry %d contradicts the state: %v", e.Index, err))
		default:
			records = append(records, rec)
			results[i] = order.Applied{Height: b.Header.Height}
		}
	}
	err := m.refresh()
	m.mu.Unlock()
	if err == nil && len(records) > 0 {
		err = m.ledger.Append(records)
	}
	if err == nil && (len(records) == 0 || records[len(records)-1].Index != last) {
		err = m.ledger.SetIndex(last)
	}
	if err != nil {
		panic(fmt.Sprintf("master: apply up to log entry %d: %v", last, err))
	}
	m.applied.Store(last)
	m.publish(records)
	return results
}

// refill puts a block back whose bytes a power failure took. Void entries are not missing,
// and the ledger takes no other block than its own.
func (m *Machine) refill(data []byte) {
	if len(m.ledger.Missing()) == 0 {
		return
	}
	b, err := chain.DecodeBlock(data)
	if err == nil {
		err = m.ledger.Fill(b)
	}
	if err != nil {
		m.log.Warn("replayed entry does not fill a missing block", "err", err)
	}
}

// publish tells the watchers.
func (m *Machine) publish(records []ledger.Record) {
	for _, r := range records {
		m.events.Add(uint64(len(r.Applied.Events)))
		m.feed.add(r.Block, r.Applied.Events)
	}
}

// Applied implements consensus.Machine: the index of the last log entry applied.
func (m *Machine) Applied() uint64 { return m.applied.Load() }

// Pointer implements consensus.Machine: what a snapshot holds.
func (m *Machine) Pointer() (consensus.Pointer, error) {
	m.mu.Lock() // the digest is brought up to date
	defer m.mu.Unlock()
	h := m.state.Head()
	return consensus.Pointer{Height: h.Height, Hash: h.Hash, State: m.state.Digest(), Index: m.applied.Load()}, nil
}

// Sync implements consensus.Machine.
func (m *Machine) Sync() error { return m.ledger.Sync() }

var errNobody = errors.New("nobody has it")

// Restore implements consensus.Machine: it puts back what is missing, and pulls the blocks up to a snapshot's pointer
// from the other masters. Each must extend the head, so a peer can not bring in another
// chain; the last must be the block that the pointer names.
func (m *Machine) Restore(ctx context.Context, p consensus.Pointer) error {
	const page = 256
	for _, h := range m.ledger.Missing() {
		raw, err := m.fetch(ctx, h, 1)
		if err == nil && len(raw) == 0 {
			err = errNobody
		}
		if err != nil {
			return fmt.Errorf("restore: missing block %d: %w", h, err)
		}
		b, err := chain.DecodeBlock(raw[0])
		if err == nil {
			err = m.ledger.Fill(b)
		}
		if err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	for {
		head := m.Head()
		if head.Height >= p.Height {
			break
		}
		raw, err := m.fetch(ctx, head.Height+1, min(page, int(p.Height-head.Height)))
		if err != nil {
			return fmt.Errorf("restore: blocks from %d: %w", head.Height+1, err)
		}
		if len(raw) == 0 {
			return fmt.Errorf("restore: block %d: %w", head.Height+1, errNobody)
		}
		if err := m.adopt(raw, p); err != nil {
			return err
		}
	}
	if b, err := m.ledger.Block(p.Height); err != nil {
		return fmt.Errorf("restore: %w", err)
	} else if b.Hash != p.Hash {
		return fmt.Errorf("restore: block %d is %s, the snapshot says %s", p.Height, b.Hash.Short(), p.Hash.Short())
	}
	if p.Index > m.applied.Load() {
		if err := m.ledger.SetIndex(p.Index); err != nil {
			return err
		}
		m.applied.Store(p.Index)
	}
	return m.ledger.Sync()
}

// adopt applies fetched blocks. The Raft index does not move: should the node stop on the
// way, it goes on from the head it has. After an error the blocks before the one that is
// wrong are applied, in memory and on disk alike.
func (m *Machine) adopt(raw [][]byte, p consensus.Pointer) error {
	var records []ledger.Record
	m.mu.Lock()
	defer m.mu.Unlock()
	var failed error
	for _, r := range raw {
		rec, err := m.adoptOne(r, p)
		if err != nil {
			failed = fmt.Errorf("restore: %w", err)
			break
		}
		records = append(records, rec)
	}
	if len(records) == 0 {
		return failed
	}
	if err := m.refresh(); err != nil {
		return err
	}
	if err := m.ledger.Append(records); err != nil {
		return err
	}
	m.publish(records)
	return failed
}

func (m *Machine) adoptOne(raw []byte, p consensus.Pointer) (ledger.Record, error) {
	b, err := chain.DecodeBlock(raw)
	if err != nil {
		return ledger.Record{}, err
	}
	if h := b.Header.Height; h > p.Height {
		return ledger.Record{}, fmt.Errorf("a peer sent block %d, the snapshot ends at %d", h, p.Height)
	} else if h == p.Height && b.Hash != p.Hash {
		return ledger.Record{}, fmt.Errorf("a peer's block %d is %s, the snapshot says %s", h, b.Hash.Short(), p.Hash.Short())
	}
	return m.extend(b, 0) // it did not come from this node's log
}

// Head returns the head of the applied chain.
func (m *Machine) Head() chain.Head {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.state.Head()
}

// Await returns when the block at a height was applied here, or ctx ended.
func (m *Machine) Await(ctx context.Context, h chain.Height) error {
	for {
		_, head, bell := m.feed.at(h)
		if head.height >= h {
			return nil
		}
		select {
		case <-bell:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Copy implements order.Machine.
func (m *Machine) Copy() *chain.State {
	m.mu.Lock() // copying marks the tree
	defer m.mu.Unlock()
	return m.state.Copy()
}

// Policy is the policy as of the applied state.
func (m *Machine) Policy() *policy.Set { return m.policy.Load() }

// Read calls f with the applied state, which f must not keep. f is short: blocks wait.
func (m *Machine) Read(f func(*chain.State)) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	f(m.state)
}

// Digests returns the head, the tree's root and the state's digest, all as of one height.
func (m *Machine) Digests() (chain.Head, abi.Digest, abi.Digest) {
	m.mu.Lock() // the digest is brought up to date
	defer m.mu.Unlock()
	t := m.state.Tree()
	return m.state.Head(), t.Root(), m.state.Digest()
}

// Find implements order.Machine.
func (m *Machine) Find(id chain.TxID) (order.Result, bool, error) {
	h, i, ok, err := m.ledger.Tx(id)
	if err != nil || !ok {
		return order.Result{}, false, err
	}
	b, err := m.ledger.Block(h)
	if err != nil {
		return order.Result{}, false, err
	}
	if int(i) >= len(b.Entries) {
		return order.Result{}, false, fmt.Errorf("index names entry %d of block %d, which has %d", i, h, len(b.Entries))
	}
	return order.Result{
		ID: id, Height: h, Index: i, Block: b.Hash, Time: b.Header.Time, Outcome: b.Entries[i].Outcome,
	}, true, nil
}
