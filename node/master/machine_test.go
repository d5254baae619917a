package master

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/consensus"
)

// A peer that sends good blocks and then a wrong one leaves memory and disk alike, and the
// next peer can go on from there.
func TestRestoreSurvivesAWrongPeer(t *testing.T) {
	a := newAlone(t)
	a.apply(a.block(chain.Put("/a", "k", []byte("0")))) // the log is not at its beginning
	var raw [][]byte
	var last *chain.Block
	for range 4 {
		last = a.block(chain.Put("/a", "k", []byte("1")))
		raw = append(raw, last.Bytes())
	}
	m := a.machine
	pointer := consensus.Pointer{Index: 9, Height: 5, Hash: last.Hash}
	for _, tt := range []struct {
		name   string
		blocks [][]byte
		height chain.Height // afterwards
		err    string
	}{
		{"garbage after a block", [][]byte{raw[0], []byte("garbage")}, 2, "decode block"},
		{"a gap", [][]byte{raw[1], raw[3]}, 3, "does not extend"},
		{"nothing", nil, 3, "block 4: nobody has it"},
		{"the rest", raw[2:], 5, ""},
	} {
		tries := 0
		m.Connect(func(context.Context, chain.Height, int) ([][]byte, error) {
			if tries++; tries > 1 {
				return nil, errors.New("asked again")
			}
			return tt.blocks, nil
		}, func() {})
		err := m.Restore(t.Context(), pointer)
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: Restore = %v, want %q", tt.name, err, tt.err)
		}
		stored, serr := m.ledger.Block(tt.height)
		if got := m.Head(); got.Height != tt.height || serr != nil || stored.Hash != got.Hash {
			t.Errorf("%s: head is block %d, the ledger has %v, %v; want block %d in both", tt.name, got.Height, stored, serr, tt.height)
		}
	}
	if got := m.Applied(); got != pointer.Index {
		t.Errorf("Applied() = %d, want %d", got, pointer.Index)
	}
}
