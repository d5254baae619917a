package verify

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/node/keyring"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// master holds blocks and states what it pleases.
type master struct {
	id     abi.Digest
	blocks [][]byte
	status rpc.StatusA
	disk   rpc.CheckA
	broken map[abi.Height]*transport.Error // blocks it can not give
}

func (m *master) Check(context.Context) (rpc.CheckA, error) { return m.disk, nil }

func (m *master) Status(context.Context) (rpc.StatusA, error) { return m.status, nil }

func (m *master) Blocks(_ context.Context, from abi.Height, n int) ([][]byte, error) {
	n = min(n, 3, len(m.blocks)-int(from)) // a master may send fewer than asked for
	for i := range n {
		if err := m.broken[from+abi.Height(i)]; err != nil {
			if i == 0 {
				return nil, err
			}
			n = i
			break
		}
	}
	return m.blocks[from : int(from)+n], nil
}

// rules lets the policy decide, or with anyone everybody write.
type rules struct {
	cache  policy.Cache
	anyone bool
}

func (r *rules) Admit(v chain.View, tx *chain.Tx) (chain.Member, error) {
	if r.anyone {
		return chain.Member{}, nil
	}
	set, err := r.cache.At(v)
	if err != nil {
		return chain.Member{}, err
	}
	return set.Admit(tx)
}

func (r *rules) Engine() abi.Digest { return abi.Digest{0xe} }

func (r *rules) System(_ context.Context, v chain.View, env chain.Env, op *chain.Op) (chain.Verdict, error) {
	ws, f := policy.System(v, env, op)
	return chain.Verdict{Writes: ws, Fault: f}, nil
}

func (r *rules) Validate(context.Context, chain.View, abi.Call) (chain.Verdict, error) {
	return chain.Verdict{}, nil
}

// grow makes a chain of n blocks after the genesis, by the leader's own rules; who signs
// block h, and whether the leader asks the policy, the test says.
func grow(t *testing.T, n int, signer func(h int) string, anyone bool) *master {
	t.Helper()
	id := func(name string) abi.Identity { return keyring.Identity(key(name)) }
	g := chain.Genesis{Name: "test", Time: 1000, Nonce: []byte("verify test"), Records: []chain.GenesisRecord{
		policy.Record(policy.Identities, id("leader"), policy.Identity{Name: "leader", Roles: []string{policy.Master}}),
		policy.Record(policy.Masters, id("leader"), policy.MasterNode{Name: "leader", Address: "127.0.0.1:1"}),
		policy.Record(policy.Identities, id("device"), policy.Identity{Name: "device", Roles: []string{policy.Client}}),
		policy.Record(policy.Grants, id("device"), policy.Grant{Pub: []abi.Pattern{"/a/**"}}),
	}}
	genesis, err := g.Block()
	if err != nil {
		t.Fatal(err)
	}
	m := &master{id: genesis.Header.Chain}
	state := chain.NewState()
	add := func(b *chain.Block) {
		if _, err := state.Apply(b); err != nil {
			t.Fatal(err)
		}
		m.blocks = append(m.blocks, bytes.Clone(b.Bytes()))
	}
	add(genesis)
	r := &rules{anyone: anyone}
	for h := 1; h <= n; h++ {
		b := chain.NewBuilder(state, r, id("leader"), 1)
		b.Begin(abi.Time(1000 + h))
		tx, err := chain.Sign(key(signer(h)), m.id, abi.Height(h+10), []byte(fmt.Sprintf("nonce %03d", h)),
			chain.Put("/a/b", "k", []byte(fmt.Sprint(h))), chain.Put("/a/c", "k", []byte("v")))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Execute(context.Background(), tx); err != nil {
			t.Fatal(err)
		}
		add(b.Seal())
	}
	head, tree := state.Head(), state.Tree()
	m.status = rpc.StatusA{
		Head:       rpc.HeadA{Chain: head.Chain, Height: head.Height, Hash: head.Hash, Time: head.Time},
		LedgerHash: state.LedgerHash(), TreeRoot: tree.Root(), StateHash: state.Digest(),
	}
	return m
}

func device(int) string { return "device" }

func run(t *testing.T, m *master) *Report {
	t.Helper()
	r, err := Run(context.Background(), m, m.id, nil)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	return r
}

func TestClean(t *testing.T) {
	m := grow(t, 20, device, false)
	r := run(t, m)
	if !r.Clean() || r.Blocks != 21 || r.Transactions != 20 || r.Height != 20 || r.LedgerHash != m.status.LedgerHash {
		t.Errorf("Run = %+v, want a clean chain of 21 blocks and 20 signatures", r)
	}
}

// Every flipped byte of every block is found, at its height.
func TestEveryByteCounts(t *testing.T) {
	clean := grow(t, 4, device, false)
	for h := range clean.blocks {
		for i := 0; i < len(clean.blocks[h]); i += 3 {
			m := &master{id: clean.id, status: clean.status}
			for _, b := range clean.blocks {
				m.blocks = append(m.blocks, bytes.Clone(b))
			}
			m.blocks[h][i] ^= 1
			r := run(t, m)
			if r.Clean() {
				t.Fatalf("block %d, byte %d changed, and Run finds nothing", h, i)
			}
			if first := r.Problems[0].Height; int(first) != h && int(first) != h+1 { // a changed hash shows at the next block
				t.Errorf("block %d, byte %d changed: Run says block %d: %s", h, i, first, r.Problems[0].What)
			}
		}
	}
}

func TestFinds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		make   func(t *testing.T) *master
		height abi.Height
		what   string
	}{
		{"a sender without a grant", func(t *testing.T) *master {
			return grow(t, 5, func(h int) string { return map[bool]string{true: "leader", false: "device"}[h == 3] }, true)
		}, 3, "leader has no PUB grant for /a/b"},
		{"an unknown sender", func(t *testing.T) *master {
			return grow(t, 5, func(h int) string { return map[bool]string{true: "stranger", false: "device"}[h == 4] }, true)
		}, 4, "is not known on this chain"},
		{"a block left out", func(t *testing.T) *master {
			m := grow(t, 5, device, false)
			m.blocks = append(m.blocks[:2], append(m.blocks[3:], m.blocks[5])...)
			return m
		}, 2, "says that its height is 3"},
		{"another state", func(t *testing.T) *master {
			m := grow(t, 5, device, false)
			m.status.StateHash[0] ^= 1
			return m
		}, 5, "the blocks lead to state"},
		{"another ledger hash", func(t *testing.T) *master {
			m := grow(t, 5, device, false)
			m.status.LedgerHash[0] ^= 1
			return m
		}, 5, "the ledger hash is"},
		{"another tree", func(t *testing.T) *master {
			m := grow(t, 5, device, false)
			m.status.TreeRoot[0] ^= 1
			return m
		}, 5, "the tree over all blocks has root"},
		{"another head", func(t *testing.T) *master {
			m := grow(t, 5, device, false)
			m.status.Head.Hash[0] ^= 1
			return m
		}, 5, "its hash is"},
		{"a damaged file", func(t *testing.T) *master {
			m := grow(t, 5, device, false)
			m.broken = map[abi.Height]*transport.Error{4: transport.Errorf(rpc.CodeCorrupt, "block 4 is damaged")}
			return m
		}, 4, "the master can not give this block: block 4 is damaged"},
		{"another chain", func(t *testing.T) *master {
			m := grow(t, 5, device, false)
			m.id[0] ^= 1
			return m
		}, 0, "is of chain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := run(t, tt.make(t))
			for _, p := range r.Problems {
				if p.Height == tt.height && strings.Contains(p.What, tt.what) {
					return
				}
			}
			t.Errorf("Problems = %v, want one at height %d with %q", r.Problems, tt.height, tt.what)
		})
	}
}

// Who may not read blocks is told so, not that the chain is broken.
func TestNotAllowed(t *testing.T) {
	m := grow(t, 5, device, false)
	m.broken = map[abi.Height]*transport.Error{0: transport.Errorf(string(chain.NoGrant), "no")}
	if _, err := Run(context.Background(), m, m.id, nil); rpc.Code(err) != string(chain.NoGrant) {
		t.Errorf("Run = %v, want the refusal", err)
	}
}
