package wasm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host/meter"
)

func newCodeCache(t *testing.T, dir, key string, size int64) *codeCache {
	t.Helper()
	c, err := openCodeCache(dir, []byte(key), size)
	if err != nil {
		t.Fatalf("openCodeCache(%q) = %v", dir, err)
	}
	return c
}

// codeOf makes a file of n bytes as wazero would, and an entry's name for it.
func codeOf(t *testing.T, n int) (codeFile, abi.Digest, []byte) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, uint64(n)))
	code := make([]byte, n)
	var key, name abi.Digest
	for _, b := range [][]byte{code, key[:], name[:]} {
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	f := codeFile{path: filepath.Join(t.TempDir(), "code"), name: hex.EncodeToString(name[:])}
	if err := os.WriteFile(f.path, code, 0o600); err != nil {
		t.Fatal(err)
	}
	return f, key, code
}

// TestCacheDamage: whatever happens to an entry, it is given back whole or not at all, and
// what is not whole is removed.
func TestCacheDamage(t *testing.T) {
	const size = 3000
	f, key, code := codeOf(t, size)
	other, otherKey, _ := codeOf(t, size+1)
	type damage struct {
		name string
		do   func(t *testing.T, c *codeCache, path string)
	}
	edit := func(f func([]byte) []byte) func(*testing.T, *codeCache, string) {
		return func(t *testing.T, _ *codeCache, path string) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := []damage{
		{"empty", edit(func([]byte) []byte { return nil })},
		{"one byte", edit(func(b []byte) []byte { return b[:1] })},
		{"a head only", edit(func(b []byte) []byte { return b[:entryHead] })},
		{"a byte short", edit(func(b []byte) []byte { return b[:len(b)-1] })},
		{"a byte more", edit(func(b []byte) []byte { return append(b, 0) })},
		{"no sum", edit(func(b []byte) []byte { return b[:len(b)-32] })},
		{"another format", edit(func(b []byte) []byte { b[len(entryMagic)]++; return b })},
		{"code alone", edit(func(b []byte) []byte { return b[entryHead : entryHead+size] })},
		{"a length beyond the file", edit(func(b []byte) []byte { b[73] = 0xff; return b })},
		{"another entry", func(t *testing.T, c *codeCache, path string) {
			if err := errors.Join(c.put(otherKey, other), os.Rename(c.path(otherKey), path)); err != nil {
				t.Fatal(err)
			}
		}},
		{"a planted entry", func(t *testing.T, c *codeCache, path string) {
			forged := newCodeCache(t, c.dir, "a guess", 1<<20)
			if err := forged.put(key, f); err != nil {
				t.Fatal(err)
			}
		}},
		{"a directory", func(t *testing.T, _ *codeCache, path string) {
			if err := errors.Join(os.Remove(path), os.MkdirAll(filepath.Join(path, "x"), 0o700)); err != nil {
				t.Fatal(err)
			}
		}},
		{"a link", func(t *testing.T, c *codeCache, path string) {
			if err := errors.Join(os.Rename(path, path+".moved"), os.Symlink(path+".moved", path)); err != nil {
				t.Fatal(err)
			}
		}},
	}
	r := rand.New(rand.NewPCG(7, 7))
	for range 60 {
		at, bit := r.IntN(size+entryFrame), byte(1)<<r.IntN(8)
		all = append(all, damage{fmt.Sprintf("bits %02x of byte %d", bit, at), edit(func(b []byte) []byte { b[at] ^= bit; return b })})
	}
	for _, tt := range all {
		t.Run(tt.name, func(t *testing.T) {
			c := newCodeCache(t, t.TempDir(), "the key", 1<<20)
			if err := c.put(key, f); err != nil {
				t.Fatalf("put = %v", err)
			}
			to := t.TempDir()
			got, err := c.get(key, to)
			if err != nil || got.name != f.name {
				t.Fatalf("get = %q, %v, want %q", got.name, err, f.name)
			}
			if b, err := os.ReadFile(got.path); err != nil || !bytes.Equal(b, code) {
				t.Fatalf("get gives %d bytes, %v, want the %d that were put in", len(b), err, len(code))
			}
			if err := os.Remove(got.path); err != nil {
				t.Fatal(err)
			}
			tt.do(t, c, c.path(key))
			if got, err := c.get(key, to); err == nil || errors.Is(err, os.ErrNotExist) {
				t.Errorf("get of a damaged entry = %+v, %v, want an error", got, err)
			}
			if list, err := os.ReadDir(to); err != nil || len(list) != 0 {
				t.Errorf("get of a damaged entry leaves %v, %v", list, err)
			}
			if _, err := c.get(key, to); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("get once more = %v, want os.ErrNotExist", err)
			}
			if err := c.put(key, f); err != nil {
				t.Errorf("put after that = %v", err)
			}
			if _, err := c.get(key, to); err != nil {
				t.Errorf("get after that = %v", err)
			}
		})
	}
}

// TestCacheRoom: what was not used for longest goes first, and the bound is kept.
func TestCacheRoom(t *testing.T) {
	dir := t.TempDir()
	c := newCodeCache(t, dir, "", 3*1200)
	var keys []abi.Digest
	age := func(key abi.Digest, d time.Duration) {
		at := time.Now().Add(-d)
		if err := os.Chtimes(c.path(key), at, at); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		f, key, _ := codeOf(t, 1000+i)
		if err := c.put(key, f); err != nil {
			t.Fatalf("put = %v", err)
		}
		age(key, time.Duration(10-i)*time.Minute)
		keys = append(keys, key)
	}
	if _, err := c.get(keys[0], t.TempDir()); err != nil { // used: now the youngest
		t.Fatalf("get = %v", err)
	}
	f, key, _ := codeOf(t, 900)
	for name, d := range map[string]time.Duration{"old.part": 2 * staleTemp, "new.part": 0, "other.txt": 2 * staleTemp} {
		path := filepath.Join(dir, name)
		at := time.Now().Add(-d)
		if err := errors.Join(os.WriteFile(path, make([]byte, 5000), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.put(key, f); err != nil {
		t.Fatalf("put = %v", err)
	}
	for i, want := range map[int]bool{0: true, 1: false, 2: true} {
		if _, err := os.Stat(c.path(keys[i])); (err == nil) != want {
			t.Errorf("entry %d is there: %v, want %v", i, err == nil, want)
		}
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var others []string
	for _, d := range list {
		if filepath.Ext(d.Name()) != entrySuffix {
			others = append(others, d.Name())
		}
	}
	if got := strings.Join(others, " "); got != "new.part other.txt" {
		t.Errorf("beside entries there are %q, want the unfinished file that is young and what is not ours", got)
	}
	big, bigKey, _ := codeOf(t, 4000)
	if err := c.put(bigKey, big); err == nil {
		t.Errorf("put of more than the cache holds = nil, want an error")
	}
}

// tiny is a contract that accepts everything.
const tiny = "\x00asm\x01\x00\x00\x00\x01\b\x02`\x00\x00`\x00\x01\x7f\x03\x03\x02\x01\x01\x05\x03\x01\x00\x01\a\"\x03\x06memory\x02\x00\nkalima_abi\x00\x00\bvalidate\x00\x01\n\v\x02\x04\x00A\x01\v\x04\x00A\x00\v"

// TestSealedGarbage: an entry with our seal that wazero can not load goes, and the contract is
// compiled anew; so does one that wazero would look for under another name, which is how it
// shows that the code is for another processor. Neither is compiled in this process.
func TestSealedGarbage(t *testing.T) {
	code := []byte(tiny)
	cfg := Config{CacheDir: t.TempDir(), CacheKey: []byte("k")}
	metered, err := meter.Rewrite(code, meter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(f *codeFile){
		"not code":       func(f *codeFile) { _ = os.WriteFile(f.path, []byte("WAZEVO"), 0o600) },
		"another's name": func(f *codeFile) { f.name = strings.Repeat("ab", 32) },
	} {
		t.Run(name, func(t *testing.T) {
			for n, want := range []CompileStats{{Compiled: 1, Rejected: 1}, {Cached: 1}} {
				rt, err := New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				defer rt.Close()
				c := rt.compiler
				key := c.key(sha256.Sum256(code), metered.Code)
				if n == 0 {
					f, err := c.inChild(context.Background(), metered.Code)
					if err != nil {
						t.Fatal(err)
					}
					change(&f)
					if err := c.cache.put(key, f); err != nil {
						t.Fatal(err)
					}
				}
				m, err := rt.Load(context.Background(), code)
				if err != nil {
					t.Fatalf("Load = %v", err)
				}
				m.Close()
				if got := rt.CompileStats(); got != want {
					t.Errorf("stats = %+v, want %+v", got, want)
				}
			}
		})
	}
}
