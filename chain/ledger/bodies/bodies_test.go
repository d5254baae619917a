package bodies_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/kalima-chain/kalima/chain/ledger/bodies"
)

var key = []byte("0123456789abcdef0123456789abcdef")

func open(t testing.TB, cfg bodies.Config) *bodies.Store {
	t.Helper()
	s, err := bodies.Open(cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// both runs a test on an encrypted and on a plain store.
func both(t *testing.T, f func(*testing.T, bodies.Config)) {
	for _, k := range [][]byte{key, nil} {
		t.Run(fmt.Sprintf("encrypted=%t", k != nil), func(t *testing.T) {
			f(t, bodies.Config{Dir: t.TempDir(), Key: k, File: 4096})
		})
	}
}

// fill appends n records of up to 900 bytes and returns their places.
func fill(t testing.TB, s *bodies.Store, from, n int) (places []bodies.Place) {
	t.Helper()
	for i := from; i < from+n; i++ {
		p, err := s.Append(uint64(i), content(i))
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, p)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	return places
}

func content(i int) []byte { return bytes.Repeat([]byte{byte(i), byte(i >> 8), 'x'}, 1+i*7%300) }

// What was appended is read, also by a store that was opened again, with files of its own.
func TestAppendAndRead(t *testing.T) {
	both(t, func(t *testing.T, cfg bodies.Config) {
		s := open(t, cfg)
		places := fill(t, s, 0, 50)
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
		again := open(t, cfg) // as after a crash: the first was never closed
		places = append(places, fill(t, again, 50, 100)...)
		for i, p := range places {
			if got, err := again.Read(uint64(i), p); err != nil || !bytes.Equal(got, content(i)) {
				t.Fatalf("Read(%d, %v) = %d bytes, %v, want %d", i, p, len(got), err, len(content(i)))
			}
		}
		if files := places[len(places)-1].File; files < 10 || places[50].File == places[49].File {
			t.Errorf("records went to files 0 to %d, the second store began with %d, the first ended with %d", files, places[50].File, places[49].File)
		}
		for _, wrong := range []struct {
			number uint64
			place  bodies.Place
		}{{7, places[8]}, {7, bodies.Place{File: places[7].File, Offset: places[7].Offset + 1}}, {7, bodies.Place{File: 9999}}, {0, bodies.Place{}}} {
			if got, err := again.Read(wrong.number, wrong.place); !errors.Is(err, bodies.ErrDamaged) {
				t.Errorf("Read(%d, %v) = %d bytes, %v, want %v", wrong.number, wrong.place, len(got), err, bodies.ErrDamaged)
			}
		}
	})
}

// No byte of a file can change, and no byte be missing, without the records in it saying so.
func TestDamage(t *testing.T) {
	both(t, func(t *testing.T, cfg bodies.Config) {
		s := open(t, cfg)
		places := fill(t, s, 0, 6)
		s.Close()
		name := filepath.Join(cfg.Dir, "00000000.blk")
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if places[5].File != 0 {
			t.Fatalf("records are in files up to %d, the test wants one", places[5].File)
		}
		damaged := func(b []byte) (n int) {
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
			s := open(t, cfg)
			defer s.Close()
			for i, p := range places {
				got, err := s.Read(uint64(i), p)
				if err == nil && !bytes.Equal(got, content(i)) {
					t.Fatalf("Read(%d) = other bytes than were written", i)
				}
				if err != nil && !errors.Is(err, bodies.ErrDamaged) && !errors.Is(err, bodies.ErrWrongKey) {
					t.Fatalf("Read(%d): %v, want %v", i, err, bodies.ErrDamaged)
				}
				if err != nil {
					n++
				}
			}
			return n
		}
		for at := range whole {
			b := bytes.Clone(whole)
			b[at] ^= 0x04
			want := 1
			if at < int(places[0].Offset) {
				want = len(places)
			}
			if n := damaged(b); n != want {
				t.Fatalf("after a bit flipped at %d of %d, %d records are damaged, want %d", at, len(whole), n, want)
			}
		}
		for at := range whole {
			if n := damaged(whole[:at]); n == 0 {
				t.Fatalf("after the file was cut at %d of %d no record is damaged", at, len(whole))
			}
		}
	})
}

func TestWrongKey(t *testing.T) {
	cfg := bodies.Config{Dir: t.TempDir(), Key: key}
	places := fill(t, open(t, cfg), 0, 1)
	plain := bodies.Config{Dir: t.TempDir()}
	fill(t, open(t, plain), 0, 1)
	other := bytes.Clone(key)
	other[3]++
	for _, c := range []bodies.Config{{Dir: cfg.Dir, Key: other}, {Dir: cfg.Dir}, {Dir: plain.Dir, Key: key}} {
		if _, err := open(t, c).Read(0, places[0]); !errors.Is(err, bodies.ErrWrongKey) {
			t.Errorf("Read with another key: %v, want %v", err, bodies.ErrWrongKey)
		}
	}
	if _, err := bodies.Open(bodies.Config{Dir: t.TempDir(), Key: key[:7]}); err == nil {
		t.Error("Open with a key of 7 bytes succeeded")
	}
}

// A file that stands under another's name is not read for it.
func TestSwappedFiles(t *testing.T) {
	both(t, func(t *testing.T, cfg bodies.Config) {
		places := fill(t, open(t, cfg), 0, 40)
		a, b := filepath.Join(cfg.Dir, "00000000.blk"), filepath.Join(cfg.Dir, "00000001.blk")
		for _, m := range [][2]string{{a, a + "x"}, {b, a}, {a + "x", b}} {
			if err := os.Rename(m[0], m[1]); err != nil {
				t.Fatal(err)
			}
		}
		s := open(t, cfg)
		if got, err := s.Read(0, places[0]); !errors.Is(err, bodies.ErrDamaged) {
			t.Errorf("Read(0) after files were swapped = %d bytes, %v, want %v", len(got), err, bodies.ErrDamaged)
		}
	})
}

func TestRefuses(t *testing.T) {
	s := open(t, bodies.Config{Dir: t.TempDir()})
	for _, n := range []int{0, bodies.MaxRecord + 1} {
		if _, err := s.Append(1, make([]byte, n)); err == nil {
			t.Errorf("Append of %d bytes succeeded", n)
		}
	}
	p, err := s.Append(1, make([]byte, bodies.MaxRecord))
	if err := errors.Join(err, s.Flush()); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Read(1, p); err != nil || len(got) != bodies.MaxRecord {
		t.Errorf("Read of the largest record = %d bytes, %v", len(got), err)
	}
	s.Close()
	if _, err := s.Append(1, []byte("x")); err == nil {
		t.Error("Append to a closed store succeeded")
	}
}

// Many read while one writes and another syncs, in more files than are held open.
func TestTogether(t *testing.T) {
	s := open(t, bodies.Config{Dir: t.TempDir(), Key: key, File: 2048})
	places := fill(t, s, 0, 300)
	var all sync.WaitGroup
	for r := range 4 {
		all.Go(func() {
			for i := range 600 {
				n := (i*31 + r*77) % 300
				if got, err := s.Read(uint64(n), places[n]); err != nil || !bytes.Equal(got, content(n)) {
					t.Errorf("Read(%d) = %d bytes, %v", n, len(got), err)
					return
				}
			}
		})
	}
	all.Go(func() {
		for range 50 {
			if err := s.Sync(); err != nil {
				t.Error(err)
			}
		}
	})
	fill(t, s, 300, 300)
	all.Wait()
}

// Whatever is appended in whatever portions, with the store opened again in between, is read.
func TestProperty(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		cfg := bodies.Config{Dir: filepath.Join(dir, fmt.Sprint(n)), Key: key, File: int64(rapid.IntRange(76, 3000).Draw(t, "file"))}
		s, err := bodies.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { s.Close() }()
		var places []bodies.Place
		var want [][]byte
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			if rapid.IntRange(0, 4).Draw(t, "again") == 0 {
				s.Close()
				if s, err = bodies.Open(cfg); err != nil {
					t.Fatal(err)
				}
			}
			for _, b := range rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 500), 1, 6).Draw(t, "batch") {
				p, err := s.Append(uint64(len(want)), b)
				if err != nil {
					t.Fatal(err)
				}
				places, want = append(places, p), append(want, b)
			}
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		for i := range want {
			if got, err := s.Read(uint64(i), places[i]); err != nil || !bytes.Equal(got, want[i]) {
				t.Fatalf("Read(%d) = %x, %v, want %x", i, got, err, want[i])
			}
		}
	})
}

// FuzzRead: no file makes a store panic, or return what was not written.
func FuzzRead(f *testing.F) {
	dir := f.TempDir()
	s := open(f, bodies.Config{Dir: dir})
	fill(f, s, 0, 2)
	s.Close()
	b, err := os.ReadFile(filepath.Join(dir, "00000000.blk"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, uint32(76), uint64(0))
	f.Add(b[:80], uint32(76), uint64(0))
	f.Fuzz(func(t *testing.T, b []byte, offset uint32, number uint64) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "00000000.blk"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, k := range [][]byte{nil, key} {
			s := open(t, bodies.Config{Dir: dir, Key: k})
			got, err := s.Read(number, bodies.Place{Offset: offset})
			if err == nil && (k != nil || !bytes.Contains(b, got) || len(got) == 0) {
				t.Fatalf("Read(%d, %d) = %x of a file of %d bytes", number, offset, got, len(b))
			}
			s.Close()
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	s := open(b, bodies.Config{Dir: b.TempDir(), Key: key})
	block := make([]byte, 14_500)
	b.SetBytes(int64(len(block)))
	n := uint64(0)
	for b.Loop() {
		if _, err := s.Append(n, block); err != nil {
			b.Fatal(err)
		}
		if n++; n%32 == 0 {
			if err := s.Flush(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
