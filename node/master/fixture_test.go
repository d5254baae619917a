package master

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/consensus"
	"github.com/kalima-chain/kalima/chain/ledger"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/node/blobs"
	"github.com/kalima-chain/kalima/node/order"
	"github.com/kalima-chain/kalima/node/rpc"
)

func testKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func testID(name string) abi.Identity {
	return abi.Identity(testKey(name).Public().(ed25519.PublicKey))
}

// alone is one master's machine and server without a network. The test plays consensus.
type alone struct {
	t       testing.TB
	machine *Machine
	server  *Server
	builder *chain.Builder
	index   uint64
	made    int
}

func newAlone(t testing.TB) *alone {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	g := chain.Genesis{Name: "alone", Nonce: []byte("12345678")}
	for name, i := range map[string]struct {
		roles []string
		grant policy.Grant
	}{
		"master": {roles: []string{policy.Master}},
		"device": {roles: []string{policy.Client}, grant: policy.Grant{Pub: []abi.Pattern{"/**"}, Sub: []abi.Pattern{"/**"}}},
		"reader": {roles: []string{policy.Client}, grant: policy.Grant{Sub: []abi.Pattern{"/public/**"}}},
		"author": {roles: []string{policy.Author}},
	} {
		g.Records = append(g.Records, policy.Record(policy.Identities, testID(name), policy.Identity{Name: name, Roles: i.roles}),
			policy.Record(policy.Grants, testID(name), i.grant))
	}
	genesis, err := g.Block()
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(ledger.Config{Dir: t.TempDir(), Plain: true, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	m, err := NewMachine(l, genesis, log)
	if err != nil {
		t.Fatal(err)
	}
	store, err := blobs.Open(t.TempDir(), blobs.Config{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	o := order.New(order.Config{Consensus: never{}, Machine: m})
	t.Cleanup(o.Close)
	a := &alone{t: t, machine: m, builder: chain.NewBuilder(m.Copy(), openRules{}, testID("master"), 1)}
	a.server = NewServer(Config{
		Name: "master", Self: testID("master"), Machine: m, Ledger: l, Blobs: store, Orderer: o, Raft: never{},
		Peers: &Peers{Policy: m.Policy}, Log: log, Patience: time.Millisecond,
	})
	return a
}

// block makes the next block and does not apply it.
func (a *alone) block(ops ...chain.Op) *chain.Block {
	a.t.Helper()
	a.builder.Begin(0)
	a.made++
	tx, err := chain.Sign(testKey("device"), a.machine.Head().Chain, a.builder.Height(), fmt.Appendf(nil, "nonce-%010d", a.made), ops...)
	if err != nil {
		a.t.Fatal(err)
	}
	if o, err := a.builder.Execute(a.t.Context(), tx); err != nil || !o.Accepted() {
		a.t.Fatalf("Execute = %+v, %v", o, err)
	}
	return a.builder.Seal()
}

// apply is what consensus does with blocks.
func (a *alone) apply(blocks ...*chain.Block) {
	a.t.Helper()
	batch := make([]consensus.Entry, len(blocks))
	for i, b := range blocks {
		a.index++
		batch[i] = consensus.Entry{Index: a.index, Data: b.Bytes()}
	}
	for i, r := range a.machine.Apply(batch) {
		if _, ok := r.(order.Applied); !ok {
			a.t.Fatalf("Apply(block %d) = %v", blocks[i].Header.Height, r)
		}
	}
}

// watcher is a watch of the identity with that name whose frames go to the channel.
func (a *alone) watcher(name string, frames chan<- rpc.WatchFrame, patterns ...abi.Pattern) *watch {
	return &watch{s: a.server, peer: testID(name), patterns: patterns, filter: rpc.FilterDigest(patterns), send: func(b []byte) error {
		var f rpc.WatchFrame
		if err := rpc.Decode(b, &f); err != nil {
			return err
		}
		frames <- f
		return nil
	}}
}

// never is a consensus and a Raft without a leader.
type never struct{}

func (never) Propose([]byte) order.Proposal { return nil }
func (never) Barrier(context.Context) error { return nil }
func (never) Leadership() <-chan bool       { return nil }
func (never) Term() uint64                  { return 1 }
func (never) Leader() (abi.Identity, bool)  { return abi.Identity{}, false }
func (never) Role() string                  { return "follower" }

// openRules lets everything in.
type openRules struct{}

func (openRules) Admit(chain.View, *chain.Tx) (chain.Member, error) { return chain.Member{}, nil }
func (openRules) Engine() abi.Digest                                { return abi.Digest{0xe} }

func (openRules) System(_ context.Context, _ chain.View, env chain.Env, op *chain.Op) (chain.Verdict, error) {
	id, err := abi.ParseIdentity(string(op.Body))
	if err != nil {
		return chain.Verdict{Fault: abi.Faultf(abi.SystemRejected, "%v", err)}, nil
	}
	return chain.Verdict{Writes: []abi.Write{{Address: policy.Identities, Key: id.String()}}}, nil
}
func (openRules) Validate(context.Context, chain.View, abi.Call) (chain.Verdict, error) {
	return chain.Verdict{}, nil
}
