package consensus

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

func encode(t testing.TB, c *codec, l *raft.Log) []byte {
	t.Helper()
	return c.encode(l)
}

func TestCodec(t *testing.T) {
	logs := []raft.Log{
		{Index: 1, Term: 2, Type: raft.LogNoop},
		{Index: 1 << 60, Term: 3, Type: raft.LogCommand, Data: []byte("data"), AppendedAt: time.Unix(0, 1234567890123456789)},
		{Index: 7, Term: 3, Type: raft.LogConfiguration, Data: make([]byte, 20_000), Extensions: []byte("ext")},
	}
	for _, key := range [][]byte{nil, testKey} {
		c, err := newCodec(key)
		if err != nil {
			t.Fatal(err)
		}
		later, err := newCodec(key)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range logs {
			b := encode(t, c, &want)
			if key != nil && bytes.Contains(b, []byte("data")) {
				t.Errorf("%d: the data can be read on disk", want.Index)
			}
			var got raft.Log
			if err := later.decode(b, &got); err != nil {
				t.Errorf("decode(%d): %v", want.Index, err)
				continue
			}
			if len(got.Data) == 0 {
				got.Data = want.Data
			}
			if !got.AppendedAt.Equal(want.AppendedAt) {
				t.Errorf("decode(%d).AppendedAt = %v, want %v", want.Index, got.AppendedAt, want.AppendedAt)
			}
			got.AppendedAt = want.AppendedAt
			if !reflect.DeepEqual(got, want) {
				t.Errorf("decode = %+v, want %+v", got, want)
			}
			for at := 0; at < len(b); at += len(b)/100 + 1 {
				b[at] ^= 0x80
				if err := later.decode(b, &got); !errors.Is(err, ErrCorrupt) {
					t.Errorf("decode(%d) with byte %d changed: %v, want %v", want.Index, at, err, ErrCorrupt)
				}
				b[at] ^= 0x80
			}
		}
		if key == nil {
			continue
		}
		a, b := encode(t, c, &logs[1]), encode(t, c, &logs[1])
		if bytes.Equal(a[34:], b[34:]) {
			t.Error("the same entry was sealed twice with the same nonce")
		}
		if bytes.Equal(encode(t, later, &logs[1])[18:34], a[18:34]) {
			t.Error("two sessions have the same salt")
		}
	}
}

func FuzzDecode(f *testing.F) {
	sealed, err := newCodec(testKey)
	if err != nil {
		f.Fatal(err)
	}
	plain, _ := newCodec(nil)
	l := raft.Log{Index: 5, Term: 1, Data: []byte("data"), Extensions: []byte("x")}
	f.Add(encode(f, sealed, &l))
	f.Add(encode(f, plain, &l))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range []*codec{sealed, plain} {
			var got raft.Log
			if err := c.decode(b, &got); err == nil && c == plain {
				again := encode(t, plain, &got)
				if !bytes.Equal(again[:18], b[:18]) || !bytes.Equal(again[headSize:len(again)-4], b[headSize:len(b)-4]) {
					t.Errorf("decode(%x) and encode = %x", b, again)
				}
			}
		}
	})
}

func TestPointer(t *testing.T) {
	want := Pointer{Index: 1 << 40, Height: 7, Hash: [32]byte{1}, State: [32]byte{2}}
	b := want.encode()
	if got, err := decodePointer(b); err != nil || got != want {
		t.Errorf("decodePointer = %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range [][]byte{nil, b[:80], append(append([]byte{}, b...), 0), append([]byte{9}, b[1:]...)} {
		if _, err := decodePointer(bad); err == nil {
			t.Errorf("decodePointer of %d bytes succeeded", len(bad))
		}
	}
}
