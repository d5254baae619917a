package ledger_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/ledger"
)

// open opens a ledger that closes when the test ends.
func open(t testing.TB, cfg ledger.Config) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(cfg)
	if err != nil {
		t.Fatalf("Open(%s): %v", cfg.Dir, err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

var testKey = []byte("0123456789abcdef0123456789abcdef")

func config(t testing.TB) ledger.Config {
	return ledger.Config{Dir: t.TempDir(), Key: testKey, Memory: 8 << 20}
}

// anything admits everybody and lets every contract accept.
type anything struct{}

func (anything) Admit(chain.View, *chain.Tx) (chain.Member, error) { return chain.Member{}, nil }
func (anything) Engine() abi.Digest                                { return abi.Digest{0xe} }

func (anything) System(context.Context, chain.View, chain.Env, *chain.Op) (chain.Verdict, error) {
	return chain.Verdict{Fault: abi.Faultf(abi.SystemRejected, "no system operations here")}, nil
}
func (anything) Validate(_ context.Context, _ chain.View, c abi.Call) (chain.Verdict, error) {
	if c.Key == "refused" {
		return chain.Verdict{Fault: abi.Faultf(abi.Rejected, "refused")}, nil
	}
	if c.Key == "counted" { // a contract that writes elsewhere
		return chain.Verdict{Writes: []abi.Write{{Address: "/count", Key: "n", Value: c.Value}}}, nil
	}
	return chain.Verdict{}, nil
}

// maker makes a chain in memory, block by block, as a leader and a follower would.
type maker struct {
	t     testing.TB
	state *chain.State
	key   ed25519.PrivateKey
	nonce uint64
	index uint64
}

func newMaker(t testing.TB) *maker {
	return &maker{t: t, state: chain.NewState(), key: ed25519.NewKeyFromSeed(make([]byte, 32))}
}

func (m *maker) apply(b *chain.Block) ledger.Record {
	m.t.Helper()
	applied, err := m.state.Apply(b)
	if err != nil {
		m.t.Fatalf("apply block %d: %v", b.Header.Height, err)
	}
	m.index += 2 // as if every other entry were not a block
	return ledger.Record{Block: b, Applied: applied, Tree: m.state.Tree(), Index: m.index}
}

func (m *maker) genesis() ledger.Record {
	m.t.Helper()
	g := chain.Genesis{Name: "test", Time: 1000, Records: []chain.GenesisRecord{{Address: "/_kalima/g", Key: "a", Value: []byte("1")}}}
	b, err := g.Block()
	if err != nil {
		m.t.Fatal(err)
	}
	return m.apply(b)
}

// block makes a block with one transaction for each list of operations.
func (m *maker) block(txs ...[]chain.Op) ledger.Record {
	m.t.Helper()
	b := chain.NewBuilder(m.state, anything{}, abi.Identity{1}, 1)
	head := m.state.Head()
	b.Begin(head.Time + 10)
	for _, ops := range txs {
		m.nonce++
		tx, err := chain.Sign(m.key, head.Chain, head.Height+10, binary.BigEndian.AppendUint64(nil, m.nonce), ops...)
		if err != nil {
			m.t.Fatal(err)
		}
		if _, err := b.Execute(context.Background(), tx); err != nil {
			m.t.Fatalf("execute: %v", err)
		}
	}
	return m.apply(b.Seal())
}

// simple makes a block of one transaction that puts a value under a key of its own.
func (m *maker) simple(size int) ledger.Record {
	v := make([]byte, size)
	copy(v, fmt.Sprintf("value %d", m.nonce))
	return m.block([]chain.Op{chain.Put("/plant/line", fmt.Sprintf("k%d", m.nonce%100), append(v, 'x'))})
}

// grow appends genesis, if needed, and n simple blocks, one append for each.
func (m *maker) grow(l *ledger.Ledger, n, size int) {
	m.t.Helper()
	if m.state.Empty() {
		m.append(l, m.genesis())
	}
	for range n {
		m.append(l, m.simple(size))
	}
}

func (m *maker) append(l *ledger.Ledger, rs ...ledger.Record) {
	m.t.Helper()
	if err := l.Append(rs); err != nil {
		m.t.Fatalf("Append of %d blocks: %v", len(rs), err)
	}
}

// same fails unless the ledger holds exactly the state in memory.
func (m *maker) same(l *ledger.Ledger) {
	m.t.Helper()
	s, err := l.State()
	if err != nil {
		m.t.Fatalf("State(): %v", err)
	}
	sameState(m.t, s, m.state)
}

func sameState(t testing.TB, got, want *chain.State) {
	t.Helper()
	if got.Head() != want.Head() {
		t.Fatalf("State().Head() = %+v, want %+v", got.Head(), want.Head())
	}
	if got.LedgerHash() != want.LedgerHash() {
		t.Fatalf("ledger hash of state from disk = %s, want %s; %d items, want %d", got.LedgerHash(), want.LedgerHash(), got.Len(), want.Len())
	}
}
