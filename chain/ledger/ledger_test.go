package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/ledger"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

func TestOpenRefuses(t *testing.T) {
	used := config(t)
	m := newMaker(t)
	m.grow(open(t, used), 1, 10)

	closed := config(t)
	newMaker(t).grow(open(t, closed), 1, 10)
	l := open(t, ledger.Config{Dir: t.TempDir(), Plain: true})
	l.Close()

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other := append([]byte(nil), testKey...)
	other[0]++

	tests := []struct {
		name string
		cfg  ledger.Config
		want error // nil: any error
	}{
		{"no directory", ledger.Config{Key: testKey}, nil},
		{"no key", ledger.Config{Dir: t.TempDir()}, nil},
		{"key and plain", ledger.Config{Dir: t.TempDir(), Key: testKey, Plain: true}, nil},
		{"short key", ledger.Config{Dir: t.TempDir(), Key: testKey[:16]}, nil},
		{"little memory", ledger.Config{Dir: t.TempDir(), Key: testKey, Memory: 1}, nil},
		{"a file", ledger.Config{Dir: file, Key: testKey}, nil},
		{"below a file", ledger.Config{Dir: filepath.Join(file, "x"), Key: testKey}, nil},
		{"in use", used, ledger.ErrInUse},
		{"no space", ledger.Config{Dir: t.TempDir(), Key: testKey, MinFree: 1 << 60}, ledger.ErrDiskFull},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := ledger.Open(tt.cfg)
			if err == nil {
				l.Close()
				t.Fatalf("Open succeeded, want an error")
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("Open: %v, want %v", err, tt.want)
			}
		})
	}
	t.Run("wrong key", func(t *testing.T) {
		cfg := config(t)
		l := open(t, cfg)
		newMaker(t).grow(l, 1, 10)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []ledger.Config{{Dir: cfg.Dir, Key: other}, {Dir: cfg.Dir, Plain: true}} {
			if _, err := ledger.Open(bad); !errors.Is(err, ledger.ErrWrongKey) {
				t.Errorf("Open with plain=%v: %v, want %v", bad.Plain, err, ledger.ErrWrongKey)
			}
		}
		open(t, cfg)
	})
}

func TestEmpty(t *testing.T) {
	l := open(t, config(t))
	s, err := l.State()
	if err != nil || !s.Empty() {
		t.Fatalf("State() = %v, %v, want an empty state", s, err)
	}
	if _, ok := l.Head(); ok || l.Index() != 0 {
		t.Errorf("Head is there, or Index() = %d, want nothing", l.Index())
	}
	if err := l.CheckHead(); err != nil {
		t.Errorf("CheckHead() = %v", err)
	}
	if _, err := l.Block(0); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("Block(0): %v, want %v", err, ledger.ErrNotFound)
	}
	if err := l.SetIndex(7); err != nil || l.Index() != 7 {
		t.Errorf("SetIndex(7): %v, Index() = %d", err, l.Index())
	}
	if err := l.SetIndex(6); err == nil {
		t.Error("SetIndex(6) after 7 succeeded")
	}
}

func TestReads(t *testing.T) {
	cfg := config(t)
	l := open(t, cfg)
	m := newMaker(t)
	put := func(key, value string) []chain.Op { return []chain.Op{chain.Put("/a", key, []byte(value))} }
	blocks := []ledger.Record{
		m.genesis(),
		m.block(put("k", "1"), put("other", "x")),
		m.block(put("k", "2"), put("refused", "x"), put("counted", "5")),
		m.block([]chain.Op{chain.Delete("/a", "k"), chain.Put("/a", "k", []byte("3"))}),
		m.block([]chain.Op{chain.Move("/a", "k", "/b", "moved"), chain.Delete("/a", "other")}),
	}
	m.append(l, blocks...)
	check := func(t *testing.T, l *ledger.Ledger) {
		m.same(l)
		if err := l.CheckHead(); err != nil {
			t.Errorf("CheckHead() = %v", err)
		}
		for _, r := range blocks {
			h := r.Block.Header.Height
			got, err := l.RawBlock(h)
			if err != nil || string(got) != string(r.Block.Bytes()) {
				t.Errorf("RawBlock(%d) = %d bytes, %v, want the block", h, len(got), err)
			}
			for i := range r.Block.Entries {
				if tx := r.Block.Tx(i); tx != nil {
					gh, gi, ok, err := l.Tx(tx.ID)
					if gh != h || gi != uint32(i) || !ok || err != nil {
						t.Errorf("Tx(%s) = %d, %d, %v, %v, want %d, %d", tx.ID.Short(), gh, gi, ok, err, h, i)
					}
				}
			}
			if got, err := l.BlockAt(r.Block.Header.Time); got != h || err != nil {
				t.Errorf("BlockAt(%d) = %d, %v, want %d", r.Block.Header.Time, got, err, h)
			}
			if got, err := l.BlockAt(r.Block.Header.Time - 1); got != h || err != nil {
				t.Errorf("BlockAt(%d) = %d, %v, want %d", r.Block.Header.Time-1, got, err, h)
			}
		}
		if _, err := l.BlockAt(1 << 40); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("BlockAt(far future): %v, want %v", err, ledger.ErrNotFound)
		}
		if _, _, ok, err := l.Tx(chain.TxID{1}); ok || err != nil {
			t.Errorf("Tx(unknown) = %v, %v, want none", ok, err)
		}
		histories := []struct {
			address chain.Address
			key     string
			before  chain.Sequence
			limit   int
			want    string
		}{
			{"/a", "k", 0, 10, "[7= 6=3 5= 3=2 1=1]"},
			{"/a", "k", 0, 2, "[7= 6=3]"},
			{"/a", "k", 6, 2, "[5= 3=2]"},
			{"/a", "k", 1, 2, "[]"},
			{"/a", "refused", 0, 10, "[]"},
			{"/a", "kk", 0, 10, "[]"},
			{"/b", "moved", 0, 10, "[1=3]"},
			{"/count", "n", 0, 10, "[1=5]"},
			{"/_kalima/g", "a", 0, 10, "[1=1]"},
		}
		for _, h := range histories {
			got, err := l.History(h.address, h.key, h.before, h.limit)
			if err != nil || short(got) != h.want {
				t.Errorf("History(%s, %s, %d, %d) = %s, %v, want %s", h.address, h.key, h.before, h.limit, short(got), err, h.want)
			}
		}
		ofs := []struct {
			address chain.Address
			from    chain.Sequence
			limit   int
			want    string
		}{
			{"/a", 0, 3, "[1=1 2=x 3=2]"},
			{"/a", 4, 100, "[4=5 5= 6=3 7= 8=]"},
			{"/a", 9, 100, "[]"},
			{"/", 0, 100, "[]"},
		}
		for _, o := range ofs {
			got, err := l.EventsOf(o.address, o.from, o.limit)
			if err != nil || short(got) != o.want {
				t.Errorf("EventsOf(%s, %d, %d) = %s, %v, want %s", o.address, o.from, o.limit, short(got), err, o.want)
			}
		}
		tree := m.state.Tree()
		root, err := tlog.TreeHash(int64(tree.Size), l)
		if err != nil || chain.Digest(root) != tree.Root() {
			t.Errorf("TreeHash(%d) = %s, %v, want %s", tree.Size, root, err, tree.Root())
		}
		proof, err := tlog.ProveRecord(int64(tree.Size), 2, l)
		if err == nil {
			err = tlog.CheckRecord(proof, int64(tree.Size), root, 2, tlog.RecordHash(blocks[2].Block.Hash[:]))
		}
		if err != nil {
			t.Errorf("proof of block 2: %v", err)
		}
	}
	check(t, l)
	index := l.Index()
	if err := l.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	if err := l.Append(nil); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("Append after Close: %v, want %v", err, ledger.ErrClosed)
	}
	if _, err := l.Block(0); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("Block after Close: %v, want %v", err, ledger.ErrClosed)
	}
	l = open(t, cfg)
	if l.Index() != index || l.Synced() != index {
		t.Errorf("after reopening: Index() = %d, Synced() = %d, want %d", l.Index(), l.Synced(), index)
	}
	check(t, l)
	if n, err := l.Size(); err != nil || n == 0 {
		t.Errorf("Size() = %d, %v", n, err)
	}
}

func short(events []abi.Event) string {
	out := []string{}
	for _, e := range events {
		out = append(out, fmt.Sprintf("%d=%s", e.Sequence, e.Value))
	}
	return fmt.Sprint(out)
}

func TestAppendRefuses(t *testing.T) {
	tests := []struct {
		name string
		bad  func(m *maker) ledger.Record
	}{
		{"a gap", func(m *maker) ledger.Record { m.simple(1); return m.simple(1) }},
		{"an old raft index", func(m *maker) ledger.Record { r := m.simple(1); r.Index = 2; return r }},
		{"a wrong tree", func(m *maker) ledger.Record { r := m.simple(1); r.Tree.Size++; return r }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := open(t, config(t))
			m := newMaker(t)
			m.grow(l, 3, 10)
			want := l.Index()
			bad := tt.bad(m)
			if err := l.Append([]ledger.Record{bad}); err == nil {
				t.Fatal("Append succeeded")
			}
			if err := l.SetIndex(1000); err == nil {
				t.Error("SetIndex after a failed Append succeeded")
			}
			if l.Index() != want {
				t.Errorf("Index() = %d, want %d", l.Index(), want)
			}
		})
	}
}

// A batch larger than one commit of Badger arrives whole.
func TestLargeBatch(t *testing.T) {
	cfg := config(t)
	l := open(t, cfg)
	m := newMaker(t)
	batch := []ledger.Record{m.genesis()}
	for range 400 {
		batch = append(batch, m.simple(14_000))
	}
	m.append(l, batch...)
	m.same(l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, cfg)
	m.same(l)
	if err := l.CheckHead(); err != nil {
		t.Errorf("CheckHead() = %v", err)
	}
}

// Blocks that come from a peer carry no Raft index.
func TestWithoutIndex(t *testing.T) {
	l := open(t, config(t))
	m := newMaker(t)
	for _, r := range []ledger.Record{m.genesis(), m.simple(10), m.simple(10)} {
		r.Index = 0
		m.append(l, r)
	}
	if l.Index() != 0 {
		t.Errorf("Index() = %d, want 0", l.Index())
	}
	if err := l.SetIndex(50); err != nil {
		t.Fatal(err)
	}
	m.same(l)
}

// Whatever the blocks are, the state on disk is the state in memory.
func TestStateIsKept(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := ledger.Config{Dir: t.TempDir(), Key: testKey, Memory: 8 << 20}
		l, err := ledger.Open(cfg)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { l.Close() }()
		m := newMaker(t)
		m.append(l, m.genesis())
		address := rapid.SampledFrom([]chain.Address{"/a", "/a/b", "/ab", "/c"})
		key := rapid.SampledFrom([]string{"k", "kk", "l", "counted", "refused"})
		op := rapid.Custom(func(t *rapid.T) chain.Op {
			a, k := address.Draw(t, "address"), key.Draw(t, "key")
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				return chain.Delete(a, k)
			case 1:
				return chain.Move(a, k, address.Draw(t, "to"), "moved")
			}
			return chain.Put(a, k, rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "value"))
		})
		txs := rapid.SliceOfN(rapid.SliceOfN(op, 1, 4), 0, 5)
		for range rapid.IntRange(1, 6).Draw(rt, "appends") {
			var batch []ledger.Record
			for range rapid.IntRange(1, 4).Draw(rt, "blocks") {
				batch = append(batch, m.block(txs.Draw(rt, "txs")...))
			}
			if err := l.Append(batch); err != nil {
				rt.Fatal(err)
			}
			if rapid.Bool().Draw(rt, "reopen") {
				if err := l.Close(); err != nil {
					rt.Fatal(err)
				}
				if l, err = ledger.Open(cfg); err != nil {
					rt.Fatal(err)
				}
			}
		}
		m.same(l)
		for _, a := range []chain.Address{"/a", "/a/b", "/ab", "/c", "/count"} {
			events, err := l.EventsOf(a, 0, 1000)
			if err != nil || chain.Sequence(len(events)) != m.state.Sequence(a) {
				rt.Fatalf("EventsOf(%s) = %d events, %v, want %d", a, len(events), err, m.state.Sequence(a))
			}
			m.state.Keys(a, "", func(k string, v *chain.Value) bool {
				h, err := l.History(a, k, 0, 1)
				if err != nil || len(h) != 1 || h[0].Sequence != v.Sequence || string(h[0].Value) != string(v.Bytes) {
					rt.Fatalf("History(%s, %s) begins %+v, %v, want %+v", a, k, h, err, v)
				}
				return true
			})
		}
		if err := l.CheckHead(); err != nil {
			rt.Fatal(err)
		}
	})
}
