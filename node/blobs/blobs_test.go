package blobs

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/registry"
)

var key = bytes.Repeat([]byte{7}, 32)

func open(t *testing.T, dir string, cfg Config) *Store {
	t.Helper()
	s, err := Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	for name, cfg := range map[string]Config{"sealed": {Key: key}, "plain": {Plain: true}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, cfg)
			for _, b := range [][]byte{nil, []byte("bundle"), bytes.Repeat([]byte("x"), MaxBlob)} {
				want := abi.Digest(sha256.Sum256(b))
				if s.Has(want) {
					t.Fatalf("Has(%s) before Put = true", want.Short())
				}
				for range 2 { // the second changes nothing
					if got, err := s.Put(b); err != nil || got != want {
						t.Fatalf("Put(%d bytes) = %s, %v, want %s", len(b), got, err, want)
					}
				}
				if got, err := s.Get(want); err != nil || !bytes.Equal(got, b) {
					t.Errorf("Get(%s) = %d bytes, %v, want %d", want.Short(), len(got), err, len(b))
				}
			}
			again := open(t, dir, cfg)
			if again.Used() != s.Used() || again.Used() < MaxBlob {
				t.Errorf("Used() after Open = %d, want %d", again.Used(), s.Used())
			}
			if _, err := again.Put(make([]byte, MaxBlob+1)); !errors.Is(err, ErrTooLarge) {
				t.Errorf("Put(MaxBlob+1 bytes) = %v, want ErrTooLarge", err)
			}
			if _, err := again.Get(abi.Digest{1}); !errors.Is(err, ErrNotFound) {
				t.Errorf("Get(unknown) = %v, want ErrNotFound", err)
			}
		})
	}
}

// Whatever byte of a file changes, Get never returns other bytes, and Put repairs it.
func TestDamage(t *testing.T) {
	for name, cfg := range map[string]Config{"sealed": {Key: key}, "plain": {Plain: true}} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir(), cfg)
			blob := []byte("what was approved")
			d, err := s.Put(blob)
			if err != nil {
				t.Fatal(err)
			}
			file, err := os.ReadFile(s.path(d))
			if err != nil {
				t.Fatal(err)
			}
			for i := range file {
				bad := bytes.Clone(file)
				bad[i] ^= 0x10
				if err := os.WriteFile(s.path(d), bad, 0o600); err != nil {
					t.Fatal(err)
				}
				got, err := s.Get(d)
				if err == nil {
					t.Fatalf("Get with byte %d changed = %q, nil, want an error", i, got)
				}
				var mismatch *DigestMismatch
				if name == "plain" && i > 0 && (!errors.As(err, &mismatch) || mismatch.Want != d) {
					t.Errorf("Get with byte %d changed = %v, want a DigestMismatch", i, err)
				}
				if name == "sealed" && i > 0 && !errors.Is(err, ErrWrongKey) {
					t.Errorf("Get with byte %d changed = %v, want ErrWrongKey", i, err)
				}
			}
			used := s.Used()
			if _, err := s.Put(blob); err != nil {
				t.Fatalf("Put over a damaged file: %v", err)
			}
			if got, err := s.Get(d); err != nil || !bytes.Equal(got, blob) {
				t.Errorf("Get after repair = %q, %v", got, err)
			}
			if s.Used() != used {
				t.Errorf("Used() after repair = %d, want %d", s.Used(), used)
			}
		})
	}
}

func TestSealedOnDisk(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Config{Key: key})
	secret := []byte("source code of a contract")
	d, err := s.Put(secret)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(s.path(d))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file, secret[:8]) {
		t.Error("the file of a sealed store shows the blob")
	}
	other := open(t, dir, Config{Key: bytes.Repeat([]byte{8}, 32)})
	if _, err := other.Get(d); !errors.Is(err, ErrWrongKey) {
		t.Errorf("Get with another key = %v, want ErrWrongKey", err)
	}
}

func TestOpen(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  Config
	}{
		{"no key", Config{}},
		{"short key", Config{Key: key[:16]}},
	} {
		if _, err := Open(t.TempDir(), tt.cfg); err == nil {
			t.Errorf("Open(%s) = nil, want an error", tt.name)
		}
	}
	dir := t.TempDir()
	half := filepath.Join(dir, tmpPrefix+"123")
	if err := os.WriteFile(half, []byte("half a blob"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := open(t, dir, Config{Plain: true}); s.Used() != 0 {
		t.Errorf("Used() = %d, want 0: a half-written file counts", s.Used())
	}
	if _, err := os.Stat(half); err == nil {
		t.Error("Open left a half-written file")
	}
}

func TestFull(t *testing.T) {
	s := open(t, t.TempDir(), Config{Plain: true, MaxTotal: 10})
	d, err := s.Put([]byte("12345"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put([]byte("abcde")); !errors.Is(err, ErrFull) {
		t.Errorf("Put over MaxTotal = %v, want ErrFull", err)
	}
	if _, err := s.Get(d); err != nil {
		t.Errorf("Get after a refused Put: %v", err)
	}
}

func TestConcurrentPut(t *testing.T) {
	s := open(t, t.TempDir(), Config{Key: key})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			b := []byte{byte(i % 4)}
			d, err := s.Put(b)
			if err != nil {
				t.Errorf("Put: %v", err)
				return
			}
			if got, err := s.Get(d); err != nil || !bytes.Equal(got, b) {
				t.Errorf("Get = %v, %v, want %v", got, err, b)
			}
		})
	}
	wg.Wait()
	if again := open(t, s.dir, Config{Key: key}); again.Used() != s.Used() {
		t.Errorf("Used() = %d, the folder has %d", s.Used(), again.Used())
	}
}

// What the registry calls a bundle can be kept: publish refuses a larger one before it
// asks a master.
func TestBundlesFit(t *testing.T) {
	if registry.MaxBundle > MaxBlob {
		t.Errorf("a bundle may have %d bytes, a blob %d", registry.MaxBundle, MaxBlob)
	}
}
