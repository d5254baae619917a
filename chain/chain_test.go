package chain

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"pgregory.net/rapid"
)

// freeRules admits everyone, runs no contracts, and lets a system operation "echo" write
// its body.
type freeRules struct {
	validate func(v View, c abi.Call) Verdict
}

func (freeRules) Admit(View, *Tx) (Member, error) { return Member{Name: "tester"}, nil }
func (freeRules) Engine() Digest                  { return Digest{0xe} }

func (freeRules) System(_ context.Context, v View, env Env, op *Op) (Verdict, error) {
	if op.Name != "echo" {
		return Verdict{Fault: abi.Faultf(abi.SystemRejected, "no such operation")}, nil
	}
	return Verdict{Writes: []abi.Write{{Address: abi.System + "/echo", Key: "last", Value: op.Body}}}, nil
}
func (r freeRules) Validate(_ context.Context, v View, c abi.Call) (Verdict, error) {
	if r.validate == nil {
		return Verdict{}, nil
	}
	return r.validate(v, c), nil
}

func testKey(seed byte) ed25519.PrivateKey {
	s := sha256.Sum256([]byte{seed})
	return ed25519.NewKeyFromSeed(s[:])
}

func testGenesis(t testing.TB) *Block {
	t.Helper()
	g := Genesis{Name: "test", Time: 1_700_000_000_000_000, Nonce: []byte("0123456789abcdef"),
		Records: []GenesisRecord{{Address: "/_kalima/identities", Key: "a", Value: []byte("x")}, {Address: "/_kalima/identities", Key: "b", Value: []byte("y")}}}
	b, err := g.Block()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testState(t testing.TB) *State {
	t.Helper()
	s := NewState()
	if _, err := s.Apply(testGenesis(t)); err != nil {
		t.Fatalf("apply genesis: %v", err)
	}
	return s
}

var nonces uint64

func testTx(t testing.TB, s *State, ops ...Op) *Tx {
	t.Helper()
	nonces++
	tx, err := Sign(testKey(1), s.Head().Chain, s.Head().Height+1000, []byte(fmt.Sprintf("%016d", nonces)), ops...)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// buildBlock executes transactions into one block on the state, which it leaves alone.
func buildBlock(t testing.TB, s *State, rules Rules, txs ...*Tx) (*Block, []Outcome) {
	t.Helper()
	b := NewBuilder(s, rules, Identity{1}, 1)
	b.Begin(s.Head().Time + 1000)
	var outs []Outcome
	for _, tx := range txs {
		o, err := b.Execute(context.Background(), tx)
		if err != nil {
			t.Fatalf("Execute: %v", err)
		}
		outs = append(outs, o)
	}
	return b.Seal(), outs
}

func mustApply(t testing.TB, s *State, b *Block) Applied {
	t.Helper()
	a, err := s.Apply(b)
	if err != nil {
		t.Fatalf("Apply(block %d): %v", b.Header.Height, err)
	}
	return a
}

func TestBlockSurvivesEncoding(t *testing.T) {
	s := testState(t)
	b, _ := buildBlock(t, s, freeRules{}, testTx(t, s, Put("/a", "k", []byte("v"))), testTx(t, s, Put("/a", "k2", []byte("w")), Delete("/a", "k")), testTx(t, s, System("echo", []byte("hi"))))
	got, err := DecodeBlock(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got.Hash != b.Hash || len(got.Entries) != 3 {
		t.Fatalf("DecodeBlock: hash %s, %d entries, want %s, 3", got.Hash.Short(), len(got.Entries), b.Hash.Short())
	}
	events := mustApply(t, s, got).Events
	want := []struct {
		address Address
		key     string
		value   string
		seq     Sequence
	}{{"/a", "k", "v", 1}, {"/a", "k2", "w", 2}, {"/a", "k", "", 3}, {"/_kalima/echo", "last", "hi", 1}}
	if len(events) != len(want) {
		t.Fatalf("%d events, want %d: %+v", len(events), len(want), events)
	}
	for i, w := range want {
		e := events[i]
		if e.Address != w.address || e.Key != w.key || string(e.Value) != w.value || e.Sequence != w.seq {
			t.Errorf("event %d = %s %s %q %d, want %v", i, e.Address, e.Key, e.Value, e.Sequence, w)
		}
	}
	if _, ok := s.Get("/a", "k"); ok {
		t.Error("the deleted key has a value")
	}
	if v, _ := s.Get("/a", "k2"); string(v) != "w" {
		t.Errorf("k2 = %q, want w", v)
	}
}

func TestAcceptanceRule(t *testing.T) {
	s := testState(t)
	one, _ := buildBlock(t, s, freeRules{}, testTx(t, s, Put("/a", "k", []byte("1"))))
	other, _ := buildBlock(t, s, freeRules{}, testTx(t, s, Put("/a", "k", []byte("2"))))
	mustApply(t, s, one)
	before := s.Digest()
	for name, b := range map[string]*Block{"same height again": one, "another block of that height": other, "genesis again": testGenesis(t)} {
		if _, err := s.Apply(b); !errors.Is(err, ErrVoid) && name != "genesis again" {
			t.Errorf("Apply(%s) = %v, want ErrVoid", name, err)
		} else if err == nil {
			t.Errorf("Apply(%s) succeeded", name)
		}
	}
	if s.Digest() != before || s.Head().Hash != one.Hash {
		t.Error("a void block changed the state")
	}
}

func TestContractOutcomes(t *testing.T) {
	s := testState(t)
	rules := freeRules{validate: func(v View, c abi.Call) Verdict {
		switch c.Key {
		case "reject":
			return Verdict{Fault: &abi.Fault{Code: abi.Rejected, Reason: 7, Message: "no"}, Gas: 5}
		case "count":
			n, _ := v.Get("/_kalima/state/c", "n")
			return Verdict{Gas: 3, Writes: []abi.Write{{Address: "/_kalima/state/c", Key: "n", Value: append(append([]byte(nil), n...), 'x')}}, Reads: []Read{{Address: "/_kalima/state/c", Key: "n"}}}
		}
		return Verdict{}
	}}
	b, outs := buildBlock(t, s, rules,
		testTx(t, s, Put("/a", "count", []byte("1")), Put("/a", "count", []byte("2"))),
		testTx(t, s, Put("/a", "count", []byte("3")), Put("/a", "reject", []byte("4"))),
		testTx(t, s, Put("/a", "count", []byte("5"))))
	if o := outs[1]; o.Code != abi.Rejected || o.Reason != 7 || o.Message != "no" || o.Gas != 8 || len(o.Writes)+len(o.Sequences) != 0 {
		t.Errorf("rejected outcome = %+v", o)
	}
	if o := outs[2]; len(o.Sequences) != 1 || o.Sequences[0] != 3 || o.Writes[0].Sequence != 3 {
		t.Errorf("outcome after a rejection = %+v, want sequence 3 for both", o)
	}
	mustApply(t, s, b)
	if v, _ := s.Get("/_kalima/state/c", "n"); string(v) != "xxx" {
		t.Errorf("state = %q, want xxx: two from the first transaction, none from the rejected, one from the last", v)
	}
	if v, _ := s.Get("/a", "count"); string(v) != "5" {
		t.Errorf("count = %q, want 5", v)
	}
}

func TestMove(t *testing.T) {
	s := testState(t)
	b, outs := buildBlock(t, s, freeRules{},
		testTx(t, s, Put("/from", "k", []byte("v"))),
		testTx(t, s, Move("/from", "k", "/to", "q")),
		testTx(t, s, Move("/from", "gone", "/to", "q")))
	if outs[2].Code != abi.Rejected {
		t.Errorf("move of a missing key: code %v, want rejected", outs[2].Code)
	}
	mustApply(t, s, b)
	if _, ok := s.Get("/from", "k"); ok {
		t.Error("the source is still there")
	}
	if v, _ := s.Get("/to", "q"); string(v) != "v" {
		t.Errorf("target = %q, want v", v)
	}
}

func TestBuilderRefusals(t *testing.T) {
	s := testState(t)
	sign := func(valid Height) *Tx {
		tx, err := Sign(testKey(1), s.Head().Chain, valid, []byte("01234567"), Put("/a", "k", []byte("v")))
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	for _, tt := range []struct {
		name string
		tx   *Tx
		want Reason
	}{
		{"expired", sign(0), Expired},
		{"too far ahead", sign(s.Head().Height + MaxValidity + 2), TooFar},
	} {
		b := NewBuilder(s, freeRules{}, Identity{}, 1)
		b.Begin(0)
		_, err := b.Execute(context.Background(), tt.tx)
		var r *Refusal
		if !errors.As(err, &r) || r.Reason != tt.want {
			t.Errorf("%s: Execute = %v, want reason %s", tt.name, err, tt.want)
		}
		if b.Len() != 0 {
			t.Errorf("%s: a refused transaction is in the block", tt.name)
		}
	}
}

func TestBlockNeverExceedsItsLimit(t *testing.T) {
	s := testState(t)
	b := NewBuilder(s, freeRules{}, Identity{1}, 1)
	b.Begin(1)
	big := make([]byte, 5000)
	n := 0
	for {
		_, err := b.Execute(context.Background(), testTx(t, s, Put("/a", "k", big)))
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d transactions of 5,000 bytes in a block, want 3", n)
	}
	if blk := b.Seal(); len(blk.Bytes()) > MaxBlock {
		t.Errorf("block of %d bytes", len(blk.Bytes()))
	}
	b.Begin(2)
	if _, err := b.Execute(context.Background(), testTx(t, s, Put("/a", "k", make([]byte, abi.MaxValue)))); err != nil {
		t.Errorf("the largest value does not fit a block: %v", err)
	}
	if blk := b.Seal(); len(blk.Bytes()) > MaxBlock {
		t.Errorf("block of %d bytes", len(blk.Bytes()))
	}
	rules := freeRules{validate: func(View, abi.Call) Verdict {
		return Verdict{Gas: 9, Writes: []abi.Write{{Address: "/alarms", Key: "k", Value: make([]byte, 8000)}}}
	}}
	b = NewBuilder(s, rules, Identity{1}, 1)
	b.Begin(1)
	o, err := b.Execute(context.Background(), testTx(t, s, Put("/a", "k", make([]byte, 9000))))
	if err != nil || o.Code != abi.TooMuch {
		t.Errorf("outcome too large for a block: %+v, %v, want code %v", o, err, abi.TooMuch)
	}
}

func TestCopyDoesNotSeeLaterChanges(t *testing.T) {
	s := testState(t)
	b, _ := buildBlock(t, s, freeRules{}, testTx(t, s, Put("/a", "k", []byte("old"))))
	mustApply(t, s, b)
	c := s.Copy()
	b, _ = buildBlock(t, s, freeRules{}, testTx(t, s, Put("/a", "k", []byte("new"))))
	mustApply(t, s, b)
	if v, _ := c.Get("/a", "k"); string(v) != "old" {
		t.Errorf("copy shows %q, want old", v)
	}
	if c.Head().Height+1 != s.Head().Height {
		t.Errorf("copy's head %d, state's %d", c.Head().Height, s.Head().Height)
	}
}

// TestEntryIsDeterministicCBOR compares the hand-written encoding with the library's.
func TestEntryIsDeterministicCBOR(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		u := rapid.SampledFrom([]uint64{0, 1, 23, 24, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, 1<<64 - 1})
		e := Entry{Envelope: []byte(rapid.String().Draw(r, "envelope")), Outcome: Outcome{
			Code: abi.Code(rapid.Uint16().Draw(r, "code")), Reason: rapid.Int32().Draw(r, "reason"),
			Message: rapid.String().Draw(r, "message"), Gas: u.Draw(r, "gas"),
			Sequences: []Sequence{}, Writes: []Write{}, Reads: []Read{},
		}}
		o := &e.Outcome
		for range rapid.IntRange(0, 3).Draw(r, "n") {
			o.Sequences = append(o.Sequences, Sequence(u.Draw(r, "sequence")))
			o.Writes = append(o.Writes, Write{Op: uint32(rapid.IntRange(0, MaxOps-1).Draw(r, "op")), Address: "/a", Key: rapid.String().Draw(r, "key"), Value: []byte(rapid.String().Draw(r, "value")), Sequence: Sequence(u.Draw(r, "write"))})
			o.Reads = append(o.Reads, Read{Address: "/b", Key: rapid.String().Draw(r, "read")})
		}
		got := e.append(nil)
		if want := encode(&e); !bytes.Equal(got, want) {
			r.Fatalf("append:\n got %x\nwant %x", got, want)
		}
		var back Entry
		if err := back.decode(got); err != nil {
			r.Fatalf("decode: %v", err)
		}
		if again := back.append(nil); !bytes.Equal(again, got) {
			r.Fatalf("decode and append:\n got %x\nwant %x", again, got)
		}
	})
}
