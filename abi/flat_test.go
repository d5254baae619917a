package abi_test

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
)

// The functions of version 1 never change: contracts were built for them.
func TestFunctions(t *testing.T) {
	var want map[string]string
	vectors(t, "functions.json", &want)
	got := map[string]string{}
	for _, f := range abi.Functions() {
		got[f.Name] = f.Params + ":" + f.Results
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Functions() = %v, want those of testdata/functions.json: %v", got, want)
	}
	if !slices.IsSortedFunc(abi.Functions(), func(a, b abi.Function) int {
		return strings.Compare(strings.ReplaceAll(a.Name, "_", ""), strings.ReplaceAll(b.Name, "_", ""))
	}) {
		t.Errorf("Functions() is not sorted by name")
	}
}

type listVectors struct {
	Keys []struct {
		List  [][2]string
		Bytes string
	}
	Values []struct {
		List  []*string // hexadecimal
		Bytes string
	}
	Entries []struct {
		List  [][2]string // the value hexadecimal
		Bytes string
	}
	Invalid struct{ Keys, Values, Entries []string }
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLists(t *testing.T) {
	var v listVectors
	vectors(t, "lists.json", &v)
	for _, tt := range v.Keys {
		var want []byte
		keys, err := abi.ParseKeyRefs(unhex(t, tt.Bytes))
		if err != nil || len(keys) != len(tt.List) {
			t.Fatalf("ParseKeyRefs(%s) = %v, %v, want %v", tt.Bytes, keys, err, tt.List)
		}
		for i, k := range keys {
			if k.Address != tt.List[i][0] || k.Key != tt.List[i][1] {
				t.Errorf("ParseKeyRefs(%s)[%d] = %v, want %v", tt.Bytes, i, k, tt.List[i])
			}
			if want, err = abi.AppendKeyRef(want, k); err != nil {
				t.Fatal(err)
			}
		}
		if hex.EncodeToString(want) != tt.Bytes {
			t.Errorf("AppendKeyRef of %v = %x, want %s", keys, want, tt.Bytes)
		}
	}
	for _, tt := range v.Values {
		var back []byte
		values, err := abi.ParseValues(unhex(t, tt.Bytes))
		if err != nil || len(values) != len(tt.List) {
			t.Fatalf("ParseValues(%s) = %v, %v, want %d values", tt.Bytes, values, err, len(tt.List))
		}
		for i, got := range values {
			want := tt.List[i]
			if got.Ok != (want != nil) || want != nil && hex.EncodeToString(got.Bytes) != *want {
				t.Errorf("ParseValues(%s)[%d] = %v, want %v", tt.Bytes, i, got, want)
			}
			back = abi.AppendValue(back, got)
		}
		if hex.EncodeToString(back) != tt.Bytes {
			t.Errorf("AppendValue of %v = %x, want %s", values, back, tt.Bytes)
		}
	}
	for _, tt := range v.Entries {
		var back []byte
		entries, err := abi.ParseKeyValues(unhex(t, tt.Bytes))
		if err != nil || len(entries) != len(tt.List) {
			t.Fatalf("ParseKeyValues(%s) = %v, %v, want %v", tt.Bytes, entries, err, tt.List)
		}
		for i, e := range entries {
			if e.Key != tt.List[i][0] || hex.EncodeToString(e.Value) != tt.List[i][1] {
				t.Errorf("ParseKeyValues(%s)[%d] = %v, want %v", tt.Bytes, i, e, tt.List[i])
			}
			back = abi.AppendKeyValue(back, e)
		}
		if hex.EncodeToString(back) != tt.Bytes {
			t.Errorf("AppendKeyValue of %v = %x, want %s", entries, back, tt.Bytes)
		}
	}
	for _, s := range v.Invalid.Keys {
		if got, err := abi.ParseKeyRefs(unhex(t, s)); err == nil {
			t.Errorf("ParseKeyRefs(%s) = %v, want an error", s, got)
		}
	}
	for _, s := range v.Invalid.Values {
		if got, err := abi.ParseValues(unhex(t, s)); err == nil {
			t.Errorf("ParseValues(%s) = %v, want an error", s, got)
		}
	}
	for _, s := range v.Invalid.Entries {
		if got, err := abi.ParseKeyValues(unhex(t, s)); err == nil {
			t.Errorf("ParseKeyValues(%s) = %v, want an error", s, got)
		}
	}
	if _, err := abi.ParseKeyRefs(make([]byte, 2*abi.MaxKeys)); err != nil {
		t.Errorf("ParseKeyRefs of %d keys: %v", abi.MaxKeys, err)
	}
	if _, err := abi.ParseKeyRefs(make([]byte, 2*abi.MaxKeys+2)); err == nil {
		t.Errorf("ParseKeyRefs of %d keys: no error", abi.MaxKeys+1)
	}
}

// FuzzLists: what is read is what is written again.
func FuzzLists(f *testing.F) {
	f.Add([]byte("\x02/a\x01b\x00\x00"))
	f.Add([]byte("\x02\x00\x00\x00hi\xff\xff\xff\xff"))
	f.Add([]byte("\x01a\x01\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if keys, err := abi.ParseKeyRefs(b); err == nil {
			var back []byte
			for _, k := range keys {
				if back, err = abi.AppendKeyRef(back, k); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(back, b) {
				t.Fatalf("keys %x read and written again: %x", b, back)
			}
		}
		if values, err := abi.ParseValues(b); err == nil {
			var back []byte
			for _, v := range values {
				back = abi.AppendValue(back, v)
			}
			if !bytes.Equal(back, b) {
				t.Fatalf("values %x read and written again: %x", b, back)
			}
		}
		if entries, err := abi.ParseKeyValues(b); err == nil {
			var back []byte
			for _, e := range entries {
				back = abi.AppendKeyValue(back, e)
			}
			if !bytes.Equal(back, b) {
				t.Fatalf("entries %x read and written again: %x", b, back)
			}
		}
	})
}

func TestPlace(t *testing.T) {
	for _, tt := range []struct {
		place abi.Place
		want  string
	}{
		{abi.Place{Function: "validate", File: "main.go", Line: 12}, "main.go:12 in validate"},
		{abi.Place{Function: "f", Line: 3}, "line 3 in f"},
		{abi.Place{File: "a.js"}, "a.js"},
		{abi.Place{Function: "f"}, "in f"},
		{abi.Place{}, ""},
	} {
		if got := tt.place.String(); got != tt.want {
			t.Errorf("%+v.String() = %q, want %q", tt.place, got, tt.want)
		}
	}
}
