// Package blobs keeps bytes by their digest, in a folder: the bundles of contracts, whose
// digests the chain approves.
//
// A blob is a file named by the 64 hexadecimal digits of its SHA-256 digest. Whatever
// happens to the folder, Get returns the bytes that the digest names or an error: it
// hashes at every read. A file appears whole or not at all.
//
// # File
//
//	0   1 byte    1: plain, 2: sealed
//	1   12 bytes  sealed only: nonce
//	..  rest      the blob, or its AES-256-GCM sealing with the digest as associated data
package blobs

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/kalima-chain/kalima/abi"
)

// MaxBlob bounds one blob, in bytes: more than twice the largest bundle that our SDKs
// make, and small enough to travel in one answer.
const MaxBlob = 8 << 20

// DefaultMaxTotal bounds all blobs together when the Config does not: 512 of the largest.
const DefaultMaxTotal = 4 << 30

const (
	formPlain  = 1
	formSealed = 2
	tmpPrefix  = "new-"
)

var (
	// ErrNotFound says that the store does not have a blob.
	ErrNotFound = errors.New("no such blob")

	// ErrTooLarge says that a blob is over MaxBlob.
	ErrTooLarge = errors.New("blob is too large")

	// ErrFull says that the store would pass Config.MaxTotal.
	ErrFull = errors.New("blob store is full")

	// ErrWrongKey says that a blob was sealed with another key, or was changed on disk in
	// a sealed store: the two can not be told apart.
	ErrWrongKey = errors.New("the storage key does not open this blob")
)

// DigestMismatch says that the bytes on disk are not the ones the digest names.
type DigestMismatch struct {
	Want, Got abi.Digest
}

func (e *DigestMismatch) Error() string {
	return fmt.Sprintf("blob has digest %s, want %s", e.Got, e.Want)
}

// Config says how a store keeps its blobs.
type Config struct {
	Key      []byte // 32 bytes, AES-256; nil only with Plain
	Plain    bool   // keep blobs readable on disk; must be named when there is no key
	MaxTotal int64  // bytes on disk of all blobs together; 0 means DefaultMaxTotal
}

// Store is a folder of blobs. Safe for concurrent use by one process.
type Store struct {
	dir  string
	seal cipher.AEAD // nil: plain
	max  int64

	mu   sync.Mutex // guards used; held while a file is put in place
	used int64      // bytes of all files
}

// Open opens the store in a folder, which it makes when it is not there. What an
// interrupted Put left behind is removed.
func Open(dir string, cfg Config) (*Store, error) {
	s := &Store{dir: dir, max: cfg.MaxTotal}
	if s.max == 0 {
		s.max = DefaultMaxTotal
	}
	switch {
	case len(cfg.Key) == 32:
		block, err := aes.NewCipher(cfg.Key)
		if err != nil {
			return nil, fmt.Errorf("open blob store: %w", err)
		}
		if s.seal, err = cipher.NewGCM(block); err != nil {
			return nil, fmt.Errorf("open blob store: %w", err)
		}
	case cfg.Key != nil:
		return nil, fmt.Errorf("open blob store: key of %d bytes, want 32", len(cfg.Key))
	case !cfg.Plain:
		return nil, errors.New("open blob store: no key, and plain storage was not asked for")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tmpPrefix) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return nil, fmt.Errorf("open blob store: %w", err)
			}
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("open blob store: %w", err)
		}
		s.used += info.Size()
	}
	return s, nil
}

func (s *Store) path(d abi.Digest) string { return filepath.Join(s.dir, d.String()) }

// Put keeps a blob and returns its digest. When it returns, the blob survives a loss of
// power. A blob that is there already is left alone; a damaged one is written again.
func (s *Store) Put(b []byte) (abi.Digest, error) {
	d := abi.Digest(sha256.Sum256(b))
	if len(b) > MaxBlob {
		return d, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(b), MaxBlob)
	}
	if _, err := s.Get(d); err == nil {
		return d, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	file := s.encode(d, b)
	var old int64
	if info, err := os.Stat(s.path(d)); err == nil {
		old = info.Size()
	}
	if s.used-old+int64(len(file)) > s.max {
		return d, fmt.Errorf("%w: %d bytes, at most %d", ErrFull, s.used-old+int64(len(file)), s.max)
	}
	if err := s.write(s.path(d), file); err != nil {
		return d, fmt.Errorf("write blob %s: %w", d.Short(), err)
	}
	s.used += int64(len(file)) - old
	return d, nil
}

func (s *Store) write(path string, b []byte) error {
	f, err := os.CreateTemp(s.dir, tmpPrefix)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(s.dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Get returns the blob that the digest names; the caller owns it. The error is an
// ErrNotFound when it is not here, a *DigestMismatch or ErrWrongKey when the file is not
// what it should be.
func (s *Store) Get(d abi.Digest) ([]byte, error) {
	info, err := os.Stat(s.path(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, d.Short())
	}
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", d.Short(), err)
	}
	if info.Size() > MaxBlob+64 { // before memory is taken for it
		return nil, fmt.Errorf("read blob %s: %w: file of %d bytes", d.Short(), ErrTooLarge, info.Size())
	}
	file, err := os.ReadFile(s.path(d))
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", d.Short(), err)
	}
	b, err := s.decode(d, file)
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", d.Short(), err)
	}
	if got := abi.Digest(sha256.Sum256(b)); got != d {
		return nil, &DigestMismatch{Want: d, Got: got}
	}
	return b, nil
}

// Has reports whether the store has a file for the digest. Only Get says whether it is sound.
func (s *Store) Has(d abi.Digest) bool {
	_, err := os.Stat(s.path(d))
	return err == nil
}

// Used is the size of all blobs on disk, in bytes.
func (s *Store) Used() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

func (s *Store) encode(d abi.Digest, b []byte) []byte {
	if s.seal == nil {
		return append([]byte{formPlain}, b...)
	}
	n := s.seal.NonceSize()
	out := make([]byte, 1+n, 1+n+len(b)+s.seal.Overhead())
	out[0] = formSealed
	rand.Read(out[1:])
	return s.seal.Seal(out, out[1:], b, d[:])
}

func (s *Store) decode(d abi.Digest, file []byte) ([]byte, error) {
	if len(file) == 0 {
		return nil, errors.New("file is empty")
	}
	switch form, rest := file[0], file[1:]; form {
	case formPlain:
		return rest, nil
	case formSealed:
		if s.seal == nil || len(rest) < s.seal.NonceSize() {
			return nil, ErrWrongKey
		}
		n := s.seal.NonceSize()
		b, err := s.seal.Open(nil, rest[:n], rest[n:], d[:])
		if err != nil {
			return nil, ErrWrongKey
		}
		return b, nil
	default:
		return nil, fmt.Errorf("file of form %d, this node knows %d and %d", form, formPlain, formSealed)
	}
}
