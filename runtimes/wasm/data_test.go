package wasm

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/tetratelabs/wazero"
)

// dataSection is a data section's contents; withData a module of 2 pages of memory with it.
func dataSection(segments []segment) []byte {
	data := binary.AppendUvarint(nil, uint64(len(segments)))
	for _, s := range segments {
		data = appendOffset(append(data, 0, 0x41), int32(uint32(s.at)))
		data = append(binary.AppendUvarint(append(data, 0x0b), uint64(len(s.data))), s.data...)
	}
	return data
}

func withData(data []byte) []byte {
	section := func(id byte, body []byte) []byte {
		return append(binary.AppendUvarint([]byte{id}, uint64(len(body))), body...)
	}
	code := append([]byte("\x00asm\x01\x00\x00\x00"), section(5, []byte{1, 0, 2})...)
	code = append(code, section(7, []byte("\x01\x06memory\x02\x00"))...)
	return append(append(code, section(secData, data)...), section(0, []byte("\x01x!"))...)
}

func memoryOf(rt wazero.Runtime, code []byte) ([]byte, error) {
	mod, err := rt.InstantiateWithConfig(context.Background(), code, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return nil, err
	}
	defer mod.Close(context.Background())
	mem, _ := mod.Memory().Read(0, mod.Memory().Size())
	return bytes.Clone(mem), nil
}

// checkJoined: the joined module makes the same memory, or fails where the module does.
func checkJoined(t *testing.T, rt wazero.Runtime, code []byte) []byte {
	t.Helper()
	joined := joinData(code)
	if len(joined) > 2*len(code)+5000 {
		t.Errorf("joinData makes %d bytes of %d", len(joined), len(code))
	}
	want, wantErr := memoryOf(rt, code)
	got, err := memoryOf(rt, joined)
	if (err == nil) != (wantErr == nil) || !bytes.Equal(got, want) {
		t.Errorf("joined: memory of %d bytes, %v; not joined: %d, %v", len(got), err, len(want), wantErr)
	}
	return joined
}

func TestJoinData(t *testing.T) {
	rt := wazero.NewRuntimeWithConfig(context.Background(), wazero.NewRuntimeConfigInterpreter())
	defer rt.Close(context.Background())
	for _, tt := range []struct {
		name     string
		segments []segment
		joins    bool
	}{
		{"neighbours", []segment{{5, []byte("ab")}, {7, []byte("cd")}, {90, []byte("e")}}, true},
		{"far", []segment{{5, []byte("ab")}, {9000, []byte("cd")}}, false},
		{"some far", []segment{{5, []byte("ab")}, {70, []byte("cd")}, {131071, []byte("e")}}, true},
		{"backwards", []segment{{90, []byte("ab")}, {5, []byte("cd")}}, true},
		{"over", []segment{{5, []byte("abc")}, {6, []byte("x")}}, false},
		{"over, backwards", []segment{{6, []byte("x")}, {90, []byte("y")}, {5, []byte("abc")}}, false},
		{"outside", []segment{{131070, []byte("a")}, {131072, []byte("b")}}, true},
		{"far outside", []segment{{0xfffffff0, []byte("a")}, {0xfffffff8, []byte("b")}}, true},
		{"empty", []segment{{5, nil}, {6, nil}}, true},
		{"one", []segment{{5, []byte("a")}}, false},
		{"none", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code := withData(dataSection(tt.segments))
			if joined := checkJoined(t, rt, code); bytes.Equal(joined, code) == tt.joins {
				t.Errorf("joined: %t, want %t", !bytes.Equal(joined, code), tt.joins)
			}
		})
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var segments []segment
		for at := uint64(r.IntN(100)); at < 130_000 && len(segments) < 40; at += uint64(r.IntN(700)) {
			data := make([]byte, r.IntN(60))
			for n := range data {
				data[n] = byte(1 + r.IntN(255))
			}
			segments = append(segments, segment{at, data})
			if r.IntN(30) > 0 {
				at += uint64(len(data))
			}
		}
		r.Shuffle(len(segments), func(a, b int) { segments[a], segments[b] = segments[b], segments[a] })
		checkJoined(t, rt, withData(dataSection(segments)))
	}
}

// FuzzJoinData: whatever the section's bytes, joining does not panic and does not change what
// the engine makes of them.
func FuzzJoinData(f *testing.F) {
	f.Add(dataSection([]segment{{5, []byte("ab")}, {9, []byte("cd")}}))
	f.Add(dataSection([]segment{{0xfffffff0, []byte("a")}, {0xfffffff8, []byte("b")}}))
	f.Add([]byte("\xff\xff\xff\xff\x0f"))
	rt := wazero.NewRuntimeWithConfig(context.Background(), wazero.NewRuntimeConfigInterpreter())
	f.Fuzz(func(t *testing.T, section []byte) {
		joinData(section)
		if code := withData(section); !bytes.Equal(joinData(code), code) { // else the engine may allocate what a header claims
			checkJoined(t, rt, code)
		}
	})
}
