package ledger_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/kalima-chain/kalima/chain/ledger"
)

// A power failure may take the bytes of blocks that the tree knows already. As long as they
// were not forced to disk the ledger opens, says which are missing, lets the Raft log be cut no
// further, and takes back these blocks and no others.
func TestPowerTakesBlocks(t *testing.T) {
	cfg := config(t)
	l := open(t, cfg)
	m := newMaker(t)
	m.grow(l, 10, 500)
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	synced := l.Synced()
	name := filepath.Join("blocks", "00000000.blk")
	fi, err := os.Stat(filepath.Join(cfg.Dir, name))
	if err != nil {
		t.Fatal(err)
	}
	var lost []ledger.Record
	for range 5 {
		r := m.simple(500)
		m.append(l, r)
		lost = append(lost, r)
	}
	crashed := cfg
	crashed.Dir = copyDir(t, cfg.Dir)
	if err := os.Truncate(filepath.Join(crashed.Dir, name), fi.Size()+100); err != nil {
		t.Fatal(err)
	}
	c := open(t, crashed)
	missing := c.Missing()
	if len(missing) != 5 || missing[0] != lost[0].Block.Header.Height {
		t.Fatalf("Missing() = %v, want the 5 blocks from %d", missing, lost[0].Block.Header.Height)
	}
	if err := c.CheckHead(); err != nil {
		t.Errorf("CheckHead() = %v", err)
	}
	m.same(c) // the state is whole
	if _, err := c.Block(missing[0]); !errors.Is(err, ledger.ErrMissing) {
		t.Errorf("Block(%d) = %v, want %v", missing[0], err, ledger.ErrMissing)
	}
	if damage, err := c.Check(); err != nil || len(damage) > 0 {
		t.Errorf("Check() = %v, %v, want nothing: they are missing, not damaged", damage, err)
	}
	next := m.simple(500)
	m.append(c, next) // the chain goes on
	if err := c.Sync(); !errors.Is(err, ledger.ErrMissing) || c.Synced() != synced {
		t.Errorf("Sync() = %v, Synced() = %d, want %v and %d", err, c.Synced(), ledger.ErrMissing, synced)
	}
}

// As TestPowerTakesBlocks, when the blocks come back.
func TestFill(t *testing.T) {
	cfg := config(t)
	l := open(t, cfg)
	m := newMaker(t)
	m.grow(l, 3, 500)
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	whole := m.simple(500)
	m.append(l, whole, m.simple(500))
	crashed := cfg
	crashed.Dir = copyDir(t, cfg.Dir)
	name := filepath.Join(crashed.Dir, "blocks", "00000000.blk")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1 // of the last block only
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, crashed)
	last := m.state.Head().Height
	if got := c.Missing(); len(got) != 1 || got[0] != last {
		t.Fatalf("Missing() = %v, want %d", got, last)
	}
	if err := c.Fill(whole.Block); err != nil {
		t.Errorf("Fill of a block that is there: %v", err)
	}
	forged := *whole.Block
	forged.Header.Height = last
	if err := c.Fill(&forged); err == nil {
		t.Error("Fill took another block than the one that was lost")
	}
	right, err := l.Block(last)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Fill(right); err != nil {
		t.Fatalf("Fill(%d): %v", last, err)
	}
	if err := c.Sync(); err != nil {
		t.Errorf("Sync() after all are back: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, crashed)
	if got, err := again.Block(last); err != nil || got.Hash != right.Hash || len(again.Missing()) > 0 {
		t.Errorf("Block(%d) = %v, %v missing, want the block", last, err, again.Missing())
	}
}
