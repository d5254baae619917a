package sensors

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
)

func TestSegment(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"host", "host"},
		{"Mein Rechner.local", "Mein-Rechner.local"},
		{"größe", "gr--e"},
		{"a/b", "a-b"},
		{"..", "x"},
		{"", "x"},
		{strings.Repeat("n", 100), strings.Repeat("n", 63)},
	} {
		got := Segment(tt.in)
		if got != tt.want {
			t.Errorf("Segment(%q) = %q, want %q", tt.in, got, tt.want)
		}
		if _, err := abi.ParseAddress("/hosts/" + got); err != nil {
			t.Errorf("Segment(%q) = %q, which no address may have: %v", tt.in, got, err)
		}
	}
}

// This machine has a processor, memory and a load, and every reading fits the chain.
func TestRead(t *testing.T) {
	m := New("/hosts/here")
	m.Read(context.Background())
	keys := map[string]bool{}
	for _, r := range m.Read(context.Background()) {
		keys[r.Key] = true
		if _, err := abi.ParseAddress(string(r.Address)); err != nil {
			t.Errorf("Read: %v", err)
		}
		v, err := strconv.ParseFloat(r.Value, 64)
		if err != nil {
			t.Errorf("Read: %s %s = %q, want a number", r.Address, r.Key, r.Value)
		}
		if strings.HasSuffix(r.Key, "_percent") && (v < 0 || v > 100) {
			t.Errorf("Read: %s %s = %v, want 0 to 100", r.Address, r.Key, v)
		}
	}
	for _, want := range []string{"cpu_percent", "mem_used_percent"} {
		if !keys[want] {
			t.Errorf("Read has no %s; it has %v", want, keys)
		}
	}
}
