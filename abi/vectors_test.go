package abi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// vectors reads testdata/name strictly. testdata/README.md describes the files.
func vectors(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("decode %s: %v", name, err)
	}
}

// text is a string in a vector file; "hex:..." stands for bytes that JSON cannot hold.
type text string

func (s *text) UnmarshalText(b []byte) error {
	digits, isHex := strings.CutPrefix(string(b), "hex:")
	if !isHex {
		*s = text(b)
		return nil
	}
	raw, err := hex.DecodeString(digits)
	*s = text(raw)
	return err
}

// The numbers of the ABI never change: the file is what all languages were written to.
func TestNumbers(t *testing.T) {
	var want map[string]map[string]int64
	vectors(t, "numbers.json", &want)
	got := map[string]map[string]int64{
		"abi": {"version": abi.Version, "max_address": abi.MaxAddress, "max_segments": abi.MaxSegments, "max_key": abi.MaxKey, "max_value": abi.MaxValue, "max_message": abi.MaxMessage,
			"max_keys": abi.MaxKeys, "max_scan": abi.MaxScan, "max_answer": abi.MaxAnswer, "max_nested": abi.MaxNested},
		"field": {
			"address": int64(abi.FieldAddress), "key": int64(abi.FieldKey), "value": int64(abi.FieldValue), "sender": int64(abi.FieldSender), "txid": int64(abi.FieldTxID),
			"roles": int64(abi.FieldRoles), "contract": int64(abi.FieldContract), "chain": int64(abi.FieldChain), "name": int64(abi.FieldName),
		},
		"number": {
			"height": int64(abi.NumberHeight), "time": int64(abi.NumberTime), "sequence": int64(abi.NumberSequence),
			"op": int64(abi.NumberOp), "phase": int64(abi.NumberPhase), "opindex": int64(abi.NumberOpIndex),
		},
		"op":    {"put": int64(abi.Put), "delete": int64(abi.Delete)},
		"phase": {},
		"fault": {},
	}
	for _, p := range abi.Phases() {
		got["phase"][p.String()] = int64(p)
		if back, ok := abi.ParsePhase(p.String()); !ok || back != p {
			t.Errorf("ParsePhase(%q) = %v, %t, want %v", p, back, ok, p)
		}
	}
	for c := abi.OK; c <= abi.SystemRejected; c++ {
		got["fault"][c.String()] = int64(c)
	}
	if !sameNumbers(got, want) {
		g, _ := json.MarshalIndent(got, "", "  ")
		t.Errorf("the numbers of the package are\n%s\nwant those of testdata/numbers.json", g)
	}
	if p, ok := abi.ParsePhase("phase?"); ok {
		t.Errorf("ParsePhase(phase?) = %v, want none", p)
	}
}

func sameNumbers(a, b map[string]map[string]int64) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

func TestSHA256Vectors(t *testing.T) {
	var v []struct {
		Input  text
		SHA256 abi.Digest
	}
	vectors(t, "sha256.json", &v)
	for _, tt := range v {
		s := host.NewSession(abi.Call{}, nil, host.Grant{}, host.Limits{})
		s.Begin(free{})
		if got, f := s.SHA256([]byte(tt.Input)); f != nil || got != tt.SHA256 || sha256.Sum256([]byte(tt.Input)) != got {
			t.Errorf("SHA256(%q) = %v, %v, want %v", tt.Input, got, f, tt.SHA256)
		}
	}
}

// free is a meter that never runs out.
type free struct{}

func (free) Charge(uint64) *abi.Fault { return nil }
func (free) Left() uint64             { return 1 << 62 }

// The random bytes of a call are part of the ABI: a contract draws the same on every node
// and in every release.
func TestRandomVectors(t *testing.T) {
	var v []struct {
		Chain    abi.Digest
		TxID     abi.TxID `json:"txid"`
		OpIndex  uint32   `json:"op_index"`
		Phase    string
		Contract string
		Draw     []int
		Bytes    []string
	}
	vectors(t, "random.json", &v)
	for _, tt := range v {
		phase, ok := abi.ParsePhase(tt.Phase)
		if !ok {
			t.Fatalf("phase %q is unknown", tt.Phase)
		}
		s := host.NewSession(abi.Call{Chain: tt.Chain, TxID: tt.TxID, OpIndex: tt.OpIndex, Phase: phase, Contract: tt.Contract}, nil, host.Grant{}, host.Limits{})
		s.Begin(free{})
		for i, n := range tt.Draw {
			b, f := s.Random(n)
			if got := hex.EncodeToString(b); f != nil || got != tt.Bytes[i] {
				t.Errorf("%s/%s op %d: draw %d, Random(%d) = %s, %v, want %s", tt.Contract, tt.Phase, tt.OpIndex, i, n, got, f, tt.Bytes[i])
			}
		}
	}
}

func TestIdentityText(t *testing.T) {
	id := abi.Identity{0xab, 0xcd, 31: 0x01}
	b, err := id.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var back abi.Identity
	if err := back.UnmarshalText(b); err != nil || back != id {
		t.Errorf("UnmarshalText(%s) = %v, %v, want %v", b, back, err, id)
	}
	if got, want := id.Short(), "abcd0000"; got != want {
		t.Errorf("Short() = %s, want %s", got, want)
	}
	for _, s := range []string{"", "ab", strings.Repeat("g", 64), strings.Repeat("0", 65)} {
		if got, err := abi.ParseIdentity(s); err == nil || got != (abi.Identity{}) {
			t.Errorf("ParseIdentity(%q) = %v, %v, want an error", s, got, err)
		}
		if got, err := abi.ParseDigest(s); err == nil || got != (abi.Digest{}) {
			t.Errorf("ParseDigest(%q) = %v, %v, want an error", s, got, err)
		}
	}
}

func TestFaultText(t *testing.T) {
	for _, tt := range []struct {
		fault *abi.Fault
		want  string
	}{
		{&abi.Fault{Code: abi.Rejected, Reason: 7, Message: "too hot"}, "rejected (7): too hot"},
		{&abi.Fault{Code: abi.Rejected, Message: "no"}, "rejected: no"},
		{&abi.Fault{Code: abi.OutOfGas}, "out of gas"},
		{&abi.Fault{Code: 999}, "code 999"},
		{abi.Faultf(abi.Denied, "%s", "x"), "denied: x"},
	} {
		if got := tt.fault.Error(); got != tt.want {
			t.Errorf("%#v.Error() = %q, want %q", *tt.fault, got, tt.want)
		}
	}
}

func FuzzClip(f *testing.F) {
	f.Add("short")
	f.Add(strings.Repeat("é", 300))
	f.Add("x" + strings.Repeat("\xf0\x9f\x98\x80", 100))
	f.Add("\xff\xfe")
	f.Fuzz(func(t *testing.T, s string) {
		got := abi.Clip(s)
		if len(got) > abi.MaxMessage || !utf8.ValidString(got) || abi.Clip(got) != got {
			t.Fatalf("Clip(%q) = %q, want at most %d bytes of UTF-8, unchanged by a second Clip", s, got, abi.MaxMessage)
		}
		if len(s) <= abi.MaxMessage && utf8.ValidString(s) && got != s {
			t.Fatalf("Clip(%q) = %q, want it unchanged", s, got)
		}
		if valid := strings.ToValidUTF8(s, "\uFFFD"); !strings.HasPrefix(valid, got) || len(valid) > abi.MaxMessage && len(got) < abi.MaxMessage-3 {
			t.Fatalf("Clip(%q) = %q, want the longest beginning", s, fmt.Sprint(len(got)))
		}
	})
}
