package ledger_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/ledger"
)

// copyDir copies the files of a directory: what another process would find after the
// first one was killed.
func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// verdict opens a damaged ledger and reads everything. It returns the first error; when
// there is none, what was read is right.
func verdict(t *testing.T, cfg ledger.Config, m *maker) error {
	l, err := ledger.Open(cfg)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.CheckHead(); err != nil {
		return err
	}
	s, err := l.State()
	if err != nil {
		return err
	}
	if s.Head() != m.state.Head() {
		return fmt.Errorf("silently at height %d", s.Head().Height)
	}
	sameState(t, s, m.state)
	return nil
}

// A bit that flips anywhere in the ledger's files is found, or does no harm.
func TestBitFlips(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("plain=%v", plain), func(t *testing.T) {
			cfg := config(t)
			if cfg.Plain = plain; plain {
				cfg.Key = nil
			}
			l := open(t, cfg)
			m := newMaker(t)
			m.grow(l, 300, 3000)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if err := verdict(t, cfg, m); err != nil {
				t.Fatalf("undamaged: %v", err)
			}
			found := map[string]int{}
			for _, name := range files(t, cfg.Dir) {
				whole, err := os.ReadFile(filepath.Join(cfg.Dir, name))
				if err != nil {
					t.Fatal(err)
				}
				for _, at := range positions(len(whole)) {
					hurt := cfg
					hurt.Dir = copyDir(t, cfg.Dir)
					b := append([]byte(nil), whole...)
					b[at] ^= 0x10
					if err := os.WriteFile(filepath.Join(hurt.Dir, name), b, 0o600); err != nil {
						t.Fatal(err)
					}
					err := verdict(t, hurt, m)
					switch {
					case err == nil:
					case errors.Is(err, ledger.ErrCorrupt) || errors.Is(err, ledger.ErrWrongKey):
						found[filepath.Ext(name)]++
					default:
						t.Errorf("bit flipped in %s at %d of %d: %v, want %v", name, at, len(whole), err, ledger.ErrCorrupt)
					}
				}
			}
			if found[".sst"] == 0 || found[".blk"] == 0 {
				t.Errorf("no flip in a table, or none in the blocks, was found: %v", found)
			}
		})
	}
}

// files lists the files below a directory.
func files(t testing.TB, dir string) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// positions spreads over a file, and is dense where the layout is intricate: at its end.
func positions(size int) []int {
	var out []int
	for i := range 12 {
		if at := i * size / 12; size > 0 {
			out = append(out, at)
		}
	}
	for back := 1; back <= min(size, 40); back += 3 {
		out = append(out, size-back)
	}
	return out
}

// What was forced to disk and then lost is found.
func TestLostLog(t *testing.T) {
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	tests := []struct {
		name string
		hurt func([]byte) []byte
	}{
		{"flipped in the middle", flip},
		{"cut", func(b []byte) []byte { return b[:len(b)/2] }},
		{"emptied", func(b []byte) []byte { return nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := config(t)
			l := open(t, cfg)
			m := newMaker(t)
			m.grow(l, 100, 1000)
			if err := l.Sync(); err != nil {
				t.Fatal(err)
			}
			if l.Synced() != l.Index() {
				t.Fatalf("Synced() = %d, want %d", l.Synced(), l.Index())
			}
			hurt := cfg
			hurt.Dir = copyDir(t, cfg.Dir)
			logs, err := filepath.Glob(filepath.Join(hurt.Dir, "*.mem"))
			if err != nil || len(logs) == 0 {
				t.Fatalf("no memory log found: %v", err)
			}
			for _, name := range logs {
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				b = []byte(strings.TrimRight(string(b), "\x00"))
				if err := os.WriteFile(name, tt.hurt(b), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := verdict(t, hurt, m); !errors.Is(err, ledger.ErrCorrupt) {
				t.Errorf("Open: %v, want %v", err, ledger.ErrCorrupt)
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	for _, name := range []string{"MANIFEST", "KEYREGISTRY", "000001.sst", "blocks/00000000.blk"} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			l := open(t, cfg)
			m := newMaker(t)
			m.grow(l, 20, 1000)
			l.Close()
			if err := os.Remove(filepath.Join(cfg.Dir, name)); err != nil {
				t.Fatal(err)
			}
			if err := verdict(t, cfg, m); !errors.Is(err, ledger.ErrCorrupt) {
				t.Errorf("Open without %s: %v, want %v", name, err, ledger.ErrCorrupt)
			}
		})
	}
}

// Damage that comes while the ledger runs is found past its caches.
func TestCheckWhileRunning(t *testing.T) {
	cfg := config(t)
	l := open(t, cfg)
	m := newMaker(t)
	m.grow(l, 50, 1000)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, cfg)
	defer l.Close()
	if damage, err := l.Check(); err != nil || len(damage) > 0 {
		t.Fatalf("Check of a whole ledger = %v, %v", damage, err)
	}
	if _, err := l.Block(7); err != nil { // in the cache now
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(cfg.Dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("tables: %v, %v", tables, err)
	}
	f, err := os.OpenFile(tables[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], 2000); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b[:], 2000); err != nil {
		t.Fatal(err)
	}
	damage, err := l.Check()
	if err != nil || len(damage) != 1 || !errors.Is(damage[0], ledger.ErrCorrupt) || !strings.Contains(damage[0].Error(), filepath.Base(tables[0])) {
		t.Errorf("Check after a flipped bit = %v, %v, want one damaged table", damage, err)
	}
}

// A process that is killed leaves whole blocks, and all that it appended.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("KALIMA_TEST_LEDGER"); dir != "" {
		appendUntilKilled(t, dir)
		return
	}
	cfg := config(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), "KALIMA_TEST_LEDGER="+cfg.Dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	appended := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "appended %d", &appended); err == nil && appended >= 200 {
			cmd.Process.Kill()
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	if appended < 200 {
		t.Fatalf("the child appended %d blocks and died", appended)
	}
	l := open(t, cfg)
	if err := l.CheckHead(); err != nil {
		t.Fatalf("CheckHead() = %v", err)
	}
	head, _ := l.Head()
	if int(head.Height) < appended {
		t.Errorf("head is at %d, the child had appended %d", head.Height, appended)
	}
}

func appendUntilKilled(t *testing.T, dir string) {
	l := open(t, ledger.Config{Dir: dir, Key: testKey, Memory: 8 << 20})
	m := newMaker(t)
	m.append(l, m.genesis())
	for n := 1; ; n++ {
		m.append(l, m.simple(5000))
		fmt.Printf("appended %d\n", n)
	}
}

// Copies of a living ledger's files, as a crash would leave them, open at a whole block
// whose state is the one that the block led to.
func TestCrashPrefix(t *testing.T) {
	cfg := config(t)
	l := open(t, cfg)
	m := newMaker(t)
	m.grow(l, 0, 0)
	hashes := map[chain.Height]chain.Digest{}
	for n := range 60 {
		m.grow(l, 1, 8000)
		hashes[m.state.Head().Height] = m.state.LedgerHash()
		if n%10 != 9 {
			continue
		}
		crashed := cfg
		crashed.Dir = copyDir(t, cfg.Dir)
		logs, _ := filepath.Glob(filepath.Join(crashed.Dir, "*.mem"))
		b, err := os.ReadFile(logs[len(logs)-1])
		if err != nil {
			t.Fatal(err)
		}
		used := len(strings.TrimRight(string(b), "\x00"))
		clear(b[used-used/(n+2):]) // the power failed: pages at the end were never written
		if err := os.WriteFile(logs[len(logs)-1], b, 0o600); err != nil {
			t.Fatal(err)
		}
		c := open(t, crashed)
		if err := c.CheckHead(); err != nil {
			t.Fatalf("CheckHead() after a crash at %d: %v", n, err)
		}
		s, err := c.State()
		if err != nil {
			t.Fatalf("State() after a crash at %d: %v", n, err)
		}
		head := s.Head().Height
		if head >= m.state.Head().Height {
			t.Fatalf("nothing was lost: head is %d", head)
		}
		if want, ok := hashes[head]; !ok || s.LedgerHash() != want {
			t.Errorf("after a crash at %d the head is %d, ledger hash %s, want %s", n, head, s.LedgerHash().Short(), want.Short())
		}
		if got, want := c.Index(), uint64(head+1)*2; got != want {
			t.Errorf("after a crash Index() = %d, want %d", got, want)
		}
	}
}
