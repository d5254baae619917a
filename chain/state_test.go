package chain

import (
	"fmt"
	"sort"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// TestStateEqualsModel drives random transactions through builder and state and compares
// with a map; a second state gets the same blocks from bytes and must have the same digest.
func TestStateEqualsModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		live, replay := testState(t), testState(t)
		model := map[string]string{}
		last := map[Address]Sequence{}
		addresses := []Address{"/a", "/a/b", "/a.b", "/b"}
		for range rapid.IntRange(1, 8).Draw(r, "blocks") {
			b := NewBuilder(live, freeRules{}, Identity{1}, 1)
			b.Begin(live.Head().Time + Time(rapid.IntRange(-5, 5).Draw(r, "clock")))
			for range rapid.IntRange(1, 6).Draw(r, "txs") {
				a := rapid.SampledFrom(addresses).Draw(r, "address")
				key := rapid.StringMatching(`[a-c]{1,2}`).Draw(r, "key")
				value := rapid.StringMatching(`[x-z]{0,3}`).Draw(r, "value")
				if _, err := b.Execute(t.Context(), testTx(t, live, Put(a, key, []byte(value)))); err != nil {
					r.Fatalf("Execute: %v", err)
				}
				model[itemKey(a, key)] = value
				last[a]++
			}
			blk := b.Seal()
			if _, err := live.Apply(blk); err != nil {
				r.Fatalf("Apply: %v", err)
			}
			if rapid.Bool().Draw(r, "digest now") {
				live.Digest() // when it is asked for must not matter
			}
			again, err := DecodeBlock(blk.Bytes())
			if err != nil {
				r.Fatalf("DecodeBlock: %v", err)
			}
			if _, err := replay.Apply(again); err != nil {
				r.Fatalf("replay: %v", err)
			}
		}
		for item, want := range model {
			a, key, _ := SplitItem(item)
			if got, ok := live.Get(a, key); string(got) != want || ok != (want != "") {
				r.Fatalf("Get(%s, %s) = %q, %v, want %q", a, key, got, ok, want)
			}
		}
		for _, a := range addresses {
			if got := live.Sequence(a); got != last[a] {
				r.Fatalf("Sequence(%s) = %d, want %d", a, got, last[a])
			}
			var want, got, keys []string
			for item, v := range model {
				if at, key, _ := SplitItem(item); at == a && v != "" {
					want = append(want, key)
				}
			}
			sort.Strings(want)
			for key, ok := live.Next(a, ""); ok; key, ok = live.Next(a, key) {
				got = append(got, key)
			}
			live.Keys(a, "", func(key string, _ *Value) bool { keys = append(keys, key); return true })
			if fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(keys) != fmt.Sprint(want) {
				r.Fatalf("keys of %s = %v by Next, %v by Keys, want %v", a, got, keys, want)
			}
		}
		if live.LedgerHash() != replay.LedgerHash() {
			r.Fatalf("ledger hash after replay differs")
		}
		// A state restored from its items has the same digest.
		restored, err := Restore(live.Head(), live.Tree())
		if err != nil {
			r.Fatal(err)
		}
		live.Items(func(item string, v *Value) bool { restored.Load(item, v); return true })
		if restored.LedgerHash() != live.LedgerHash() {
			r.Fatalf("ledger hash after restore differs")
		}
	})
}

func TestAddresses(t *testing.T) {
	s := testState(t)
	b, _ := buildBlock(t, s, freeRules{}, testTx(t, s, Put("/p", "k", []byte("1")), Put("/p/a", "k", []byte("1")), Put("/p/a", "l", []byte("1")), Put("/p-x", "k", []byte("1")), Put("/q", "k", []byte("1"))))
	mustApply(t, s, b)
	for _, tt := range []struct {
		pattern abi.Pattern
		want    string
	}{
		{"/p/**", "[/p 1 /p/a 2]"},
		{"/*", "[/p 1 /p-x 1 /q 1]"},
		{"/none", "[]"},
	} {
		var got []any
		s.Addresses(tt.pattern, func(a Address, n Sequence) bool { got = append(got, a, n); return true })
		if fmt.Sprint(got) != tt.want {
			t.Errorf("Addresses(%s) = %v, want %s", tt.pattern, got, tt.want)
		}
	}
}

// hashes is the storage that tlog's own functions read.
type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = h[x]
	}
	return out, nil
}

func TestTreeIsRFC6962(t *testing.T) {
	var tree Tree
	var stored hashes
	var leaves []Digest
	for n := range 70 {
		h := Digest{byte(n), 1}
		for _, s := range tree.Append(h) {
			stored = append(stored, tlog.Hash(s))
		}
		leaves = append(leaves, leafHash(h[:]))
		want, err := tlog.TreeHash(int64(n+1), stored)
		if err != nil {
			t.Fatal(err)
		}
		if got := tree.Root(); got != Digest(want) {
			t.Fatalf("root of %d = %s, want %s", n+1, got.Short(), want)
		}
		if got := treeHash(leaves); got != Digest(want) {
			t.Fatalf("treeHash of %d = %s, want %s", n+1, got.Short(), want)
		}
		if err := tree.check(); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkDecodeVerify(b *testing.B) {
	tx, _ := Sign(testKey(3), Digest{9}, 77, []byte("nonce-of-sixteen"), Put("/plant1/line2/press4", "pressure", make([]byte, 200)))
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Decode(tx.Envelope(), Digest{9})
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			tx.Verify()
		}
	})
}

func BenchmarkBlock(b *testing.B) {
	s := testState(b)
	var txs []*Tx
	for range 40 {
		txs = append(txs, testTx(b, s, Put("/plant1/line2/press4", fmt.Sprint(len(txs)), make([]byte, 200))))
	}
	blk, _ := buildBlock(b, s, freeRules{}, txs...)
	b.Run("execute", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			bl := NewBuilder(s, freeRules{}, Identity{1}, 1)
			bl.Begin(1)
			for _, tx := range txs {
				if _, err := bl.Execute(b.Context(), tx); err != nil {
					b.Fatal(err)
				}
			}
			bl.Seal()
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			DecodeBlock(blk.Bytes())
		}
	})
	b.Run("apply", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c := s.Copy()
			c.Apply(blk)
		}
	})
}
