package transport

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"testing"
)

// vectors are frames as the package comment lays them out.
var vectors = []struct {
	name string
	hex  string
	want frame
}{
	{"request", "00000010" + "01" + "0000000000000007" + "03" + "707574" + "010203", frame{kindRequest, 7, "put", []byte{1, 2, 3}}},
	{"cancel", "00000009" + "02" + "0000000000000007", frame{kindCancel, 7, "", []byte{}}},
	{"answer", "0000000b" + "11" + "00000000000000ff" + "6f6b", frame{kindAnswer, 255, "", []byte("ok")}},
	{"error", "00000010" + "12" + "0000000000000001" + "04" + "62757379" + "3f3f", frame{kindError, 1, "busy", []byte("??")}},
	{"item", "0000000a" + "13" + "0000000000000000" + "2a", frame{kindItem, 0, "", []byte("*")}},
}

func TestFrameVectors(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			if got := hex.EncodeToString(appendFrame(nil, &v.want)); got != v.hex {
				t.Errorf("appendFrame(%+v) = %s, want %s", v.want, got, v.hex)
			}
			raw, _ := hex.DecodeString(v.hex)
			got, err := readFrame(bufio.NewReader(bytes.NewReader(raw)), 100)
			if err != nil || got.kind != v.want.kind || got.id != v.want.id || got.name != v.want.name || !bytes.Equal(got.body, v.want.body) {
				t.Errorf("readFrame(%s) = %+v, %v, want %+v", v.hex, got, err, v.want)
			}
		})
	}
}

func TestFrameRefusals(t *testing.T) {
	for _, tt := range []struct{ name, hex, want string }{
		{"length below the head", "00000008" + "01" + "0000000000000007", "frame of length 8"},
		{"length over the limit", "0000006e" + "01" + "0000000000000007", "101 bytes of content, at most 100"},
		{"largest length", "ffffffff" + "01" + "0000000000000007", "at most 100"},
		{"cut in the head", "0000", "unexpected EOF"},
		{"cut in the content", "0000000b" + "11" + "00000000000000ff" + "6f", "unexpected EOF"},
		{"no content at all", "0000000b" + "11" + "00000000000000ff", "unexpected EOF"},
		{"request without method", "00000009" + "01" + "0000000000000007", "malformed name"},
		{"empty method", "0000000a" + "01" + "0000000000000007" + "00", "malformed name"},
		{"method longer than the frame", "0000000b" + "01" + "0000000000000007" + "0261", "malformed name"},
		{"method over its limit", "0000004b" + "01" + "0000000000000007" + "41" + strings.Repeat("61", 65), "malformed name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := hex.DecodeString(tt.hex)
			if err != nil {
				t.Fatal(err)
			}
			_, err = readFrame(bufio.NewReader(bytes.NewReader(raw)), 100)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("readFrame(%s): error %v, want one with %q", tt.hex, err, tt.want)
			}
		})
	}
}

// A length alone must not cost memory: the peer may never send the bytes.
func TestReadBytesTakesMemoryAsBytesArrive(t *testing.T) {
	const claimed = 1 << 30
	sent := pattern(100_000)
	got, err := readBytes(bytes.NewReader(sent), claimed)
	if err != io.ErrUnexpectedEOF || !bytes.Equal(got, sent) {
		t.Errorf("readBytes of %d bytes from %d: %d bytes, %v, want all and %v", claimed, len(sent), len(got), err, io.ErrUnexpectedEOF)
	}
	if cap(got) > 4*len(sent) {
		t.Errorf("readBytes took memory for %d bytes after %d arrived", cap(got), len(sent))
	}
}

func TestReadBytesReturnsAll(t *testing.T) {
	for _, n := range []int{0, 1, maxInline, maxInline + 65, maxInline + 66, 1 << 20, 9<<20 + 1} {
		sent := pattern(n)
		r := bytes.NewReader(append(bytes.Clone(sent), "next"...))
		if got, err := readBytes(r, n); err != nil || !bytes.Equal(got, sent) || r.Len() != 4 {
			t.Errorf("readBytes of %d bytes: %d bytes, %v, %d left, want all and 4 left", n, len(got), err, r.Len())
		}
	}
}

func TestWelcome(t *testing.T) {
	w := welcome{inFlight: 3, maxBody: 500, large: 2}
	longer := append(w.encode(), "of a later version"...)
	if got, err := decodeWelcome(frame{kind: kindWelcome, body: longer}); err != nil || got != w {
		t.Errorf("decodeWelcome = %+v, %v, want %+v", got, err, w)
	}
	for _, f := range []frame{
		{kind: kindAnswer, body: w.encode()}, {kind: kindWelcome, body: w.encode()[:11]}, {kind: kindWelcome, body: make([]byte, 12)},
	} {
		if got, err := decodeWelcome(f); err == nil {
			t.Errorf("decodeWelcome(%+v) = %+v, want an error", f, got)
		}
	}
}

// FuzzReadFrame feeds what a hostile peer might send: no panic, no content over the
// limit, and what decodes is encoded to the same bytes again.
func FuzzReadFrame(f *testing.F) {
	for _, v := range vectors {
		raw, _ := hex.DecodeString(v.hex)
		f.Add(raw)
	}
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		const max = 1000
		src := bytes.NewReader(raw)
		r := bufio.NewReader(src)
		for {
			before := src.Len() + r.Buffered()
			fr, err := readFrame(r, max)
			if err != nil {
				return
			}
			if len(fr.body)+len(fr.name) > max {
				t.Fatalf("frame with %d bytes passed the limit of %d", len(fr.body)+len(fr.name), max)
			}
			start := len(raw) - before
			end := len(raw) - src.Len() - r.Buffered()
			if again := appendFrame(nil, &fr); !bytes.Equal(again, raw[start:end]) {
				t.Fatalf("frame %x encodes again as %x", raw[start:end], again)
			}
			if fr.kind == kindWelcome {
				decodeWelcome(fr)
			}
		}
	})
}
