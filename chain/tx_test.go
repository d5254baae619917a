package chain

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/veraison/go-cose"
)

var update = flag.Bool("update", false, "rewrite testdata/vectors.json")

func TestEnvelopeIsCOSE(t *testing.T) {
	chain := Digest{9}
	tx, err := Sign(testKey(3), chain, 77, []byte("nonce-of-sixteen"), Put("/plant/pump", "pressure", []byte("4.2")))
	if err != nil {
		t.Fatal(err)
	}
	// Ours must verify with the COSE library.
	var m cose.Sign1Message
	if err := m.UnmarshalCBOR(tx.Envelope()); err != nil {
		t.Fatalf("go-cose does not read our envelope: %v", err)
	}
	v, err := cose.NewVerifier(cose.AlgorithmEdDSA, testKey(3).Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Verify(chain[:], v); err != nil {
		t.Errorf("go-cose: %v", err)
	}
	if err := m.Verify([]byte("another chain"), v); err == nil {
		t.Error("go-cose verifies our envelope on another chain")
	}
	// The library's must be read by us, and be the same bytes.
	s, err := cose.NewSigner(cose.AlgorithmEdDSA, testKey(3))
	if err != nil {
		t.Fatal(err)
	}
	theirs := cose.NewSign1Message()
	theirs.Headers.Protected.SetAlgorithm(cose.AlgorithmEdDSA)
	theirs.Headers.Protected[cose.HeaderLabelKeyID] = tx.Sender[:]
	theirs.Payload = m.Payload
	if err := theirs.Sign(rand.Reader, chain[:], s); err != nil {
		t.Fatal(err)
	}
	b, err := theirs.MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, tx.Envelope()) {
		t.Errorf("go-cose makes\n%x\nwe make\n%x", b, tx.Envelope())
	}
}

func TestDecodeRefusesEveryOtherByte(t *testing.T) {
	chain := Digest{9}
	tx, err := Sign(testKey(3), chain, 77, []byte("nonce-of-sixteen"), Put("/a", "k", []byte("v")), Move("/a", "k", "/b", "l"), Delete("/a", "x"))
	if err != nil {
		t.Fatal(err)
	}
	ok := func(b []byte) bool {
		got, err := Decode(b, chain)
		return err == nil && got.Verify() == nil
	}
	if !ok(tx.Envelope()) {
		t.Fatal("the envelope itself is refused")
	}
	for i := range tx.Envelope() {
		for bit := range 8 {
			b := bytes.Clone(tx.Envelope())
			b[i] ^= 1 << bit
			if ok(b) {
				t.Errorf("bit %d of byte %d flipped: still accepted", bit, i)
			}
		}
	}
	if ok(append(bytes.Clone(tx.Envelope()), 0)) {
		t.Error("a byte at the end is accepted")
	}
	if got, err := Decode(tx.Envelope(), Digest{8}); err != nil || !errors.Is(got.Verify(), ErrSignature) {
		t.Error("the envelope verifies on another chain")
	}
}

func TestSignRefuses(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, tt := range []struct {
		name string
		ops  []Op
		want string
	}{
		{"nothing", nil, "no operations"},
		{"relative address", []Op{Put("a", "k", nil)}, "does not start with /"},
		{"empty segment", []Op{Put("/a//b", "k", nil)}, "empty segment"},
		{"system address", []Op{Put("/_kalima/grants", "k", nil)}, "only system operations"},
		{"empty key", []Op{Put("/a", "", nil)}, "key is empty"},
		{"long key", []Op{Put("/a", long, nil)}, "at most 255"},
		{"large value", []Op{Put("/a", "k", make([]byte, abi.MaxValue+1))}, "at most 15360"},
		{"large together", []Op{Put("/a", "k", make([]byte, 9000)), Put("/a", "k", make([]byte, 9000))}, "at most 15872"},
		{"move to itself", []Op{Move("/a", "k", "/a", "k")}, "move to itself"},
		{"unknown kind", []Op{{Kind: 9}}, "unknown kind"},
		{"large system body", []Op{System("x", make([]byte, MaxSystem+1))}, "at most 8192"},
	} {
		_, err := Sign(testKey(1), Digest{}, 1, []byte("12345678"), tt.ops...)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Sign = %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestEd25519Rule pins the one rule of signature acceptance to the Wycheproof vectors.
func TestEd25519Rule(t *testing.T) {
	b, err := os.ReadFile(sharedData(t, "wycheproof/ed25519_test.json"))
	if err != nil {
		t.Skipf("shared data is absent: %v", err)
	}
	var file struct {
		TestGroups []struct {
			PublicKey struct{ Pk string }
			Key       struct{ Pk string }
			Tests     []struct {
				TcID             int `json:"tcId"`
				Msg, Sig, Result string
			}
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range file.TestGroups {
		pk, _ := hex.DecodeString(g.PublicKey.Pk + g.Key.Pk)
		for _, tc := range g.Tests {
			msg, _ := hex.DecodeString(tc.Msg)
			sig, _ := hex.DecodeString(tc.Sig)
			if len(pk) != 32 {
				t.Fatalf("case %d: key of %d bytes", tc.TcID, len(pk))
			}
			tx := &Tx{signed: msg, signature: sig}
			copy(tx.Sender[:], pk)
			if got, want := tx.Verify() == nil, tc.Result == "valid"; got != want {
				t.Errorf("case %d: accepted %v, want %v", tc.TcID, got, want)
			}
			n++
		}
	}
	if n < 100 {
		t.Errorf("only %d cases ran", n)
	}
}

func sharedData(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared", "data", name)
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		t.Fatal("no go.mod above the test")
	}
}

// vector is one structure of doc.go, byte for byte.
type vector struct {
	Name  string `json:"name"`
	Bytes string `json:"bytes"`
	Hash  string `json:"hash"`
}

func TestVectors(t *testing.T) {
	s := NewState()
	g := testGenesis(t)
	var got []vector
	add := func(name string, b []byte, h Digest) {
		got = append(got, vector{name, hex.EncodeToString(b), h.String()})
	}
	add("genesis block; hash: the block's", g.Bytes(), g.Hash)
	mustApply(t, s, g)
	tx, err := Sign(testKey(1), g.Header.Chain, 500, []byte("0123456789abcdef"),
		Op{Kind: OpPut, Address: "/plant1/line2", Key: "temperature", Value: []byte("21.5"), At: 1_700_000_000_000_001}, Delete("/plant1/line2", "old"), System("echo", []byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	add("envelope; hash: the transaction's id", tx.Envelope(), tx.ID)
	b, _ := buildBlock(t, s, freeRules{validate: func(v View, c abi.Call) Verdict {
		return Verdict{Gas: 42, Writes: []abi.Write{{Address: "/alarms", Key: c.Key, Value: []byte("high")}}, Reads: []Read{{Address: "/alarms", Key: c.Key}}}
	}}, tx)
	add("block 1; hash: the block's", b.Bytes(), b.Hash)
	a := mustApply(t, s, b)
	if len(a.Events) != 5 {
		t.Fatalf("%d events, want 5", len(a.Events))
	}
	root := s.Tree()
	add("tree of both blocks; hash: its root", nil, root.Root())
	add("state after block 1; hash: its digest", nil, s.Digest())
	add("ledger after block 1; hash: the ledger hash", nil, s.LedgerHash())

	path := filepath.Join("testdata", "vectors.json")
	if *update {
		out, _ := json.MarshalIndent(got, "", "  ")
		if err := os.WriteFile(path, append(out, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []vector
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d vectors, the file has %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s:\n got %s %s\nwant %s %s", want[i].Name, got[i].Bytes, got[i].Hash, want[i].Bytes, want[i].Hash)
		}
	}
}

func FuzzDecode(f *testing.F) {
	tx, _ := Sign(testKey(3), Digest{9}, 77, []byte("nonce-of-sixteen"), Put("/a", "k", []byte("v")), System("x", nil))
	f.Add(tx.Envelope())
	f.Fuzz(func(t *testing.T, b []byte) {
		tx, err := Decode(b, Digest{9})
		if err != nil {
			return
		}
		// What decodes is the one encoding of what it says.
		again := &Tx{Sender: tx.Sender, ValidUntil: tx.ValidUntil, Nonce: tx.Nonce, Ops: tx.Ops}
		if err := again.check(); err != nil {
			t.Errorf("decoded what check refuses: %v", err)
		}
		if !bytes.Contains(b, again.appendPayload(nil)) {
			t.Error("the payload is not in deterministic encoding")
		}
	})
}

func FuzzDecodeBlock(f *testing.F) {
	s := testState(f)
	b, _ := buildBlock(f, s, freeRules{}, testTx(f, s, Put("/a", "k", []byte("v"))))
	f.Add(b.Bytes())
	f.Add(testGenesis(f).Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		blk, err := DecodeBlock(b)
		if err != nil {
			return
		}
		NewState().Apply(blk) // must not panic
		testState(t).Apply(blk)
	})
}
