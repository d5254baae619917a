// Package keyring keeps a node's secrets in files: Ed25519 identities as PKCS#8 PEM, and
// storage keys as 64 hexadecimal digits. Files are written once, readable by the owner
// only, and never overwritten.
package keyring

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"github.com/kalima-chain/kalima/abi"
)

const (
	keyExt      = ".key"
	maxKeyBytes = 4 << 10 // a PKCS#8 Ed25519 key has 119 bytes of PEM
)

// Ring is a folder of keys, one file NAME.key each.
type Ring struct{ dir string }

// Open returns the ring in a folder, which need not exist yet.
func Open(dir string) Ring { return Ring{dir} }

// ErrNoKey means that a key file is not there.
var ErrNoKey = errors.New("no such key")

var nameRule = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func (r Ring) path(name string) (string, error) {
	if !nameRule.MatchString(name) {
		return "", fmt.Errorf("key name %q: want 1 to 64 of a-z 0-9 . _ -", name)
	}
	return filepath.Join(r.dir, name+keyExt), nil
}

// Create makes a new identity under a name that is not taken.
func (r Ring) Create(name string) (ed25519.PrivateKey, error) {
	path, err := r.path(name)
	if err != nil {
		return nil, err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := writeNew(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return nil, fmt.Errorf("create key %s: %w", name, err)
	}
	return key, nil
}

// Load reads an identity. A missing file is ErrNoKey.
func (r Ring) Load(name string) (ed25519.PrivateKey, error) {
	path, err := r.path(name)
	if err != nil {
		return nil, err
	}
	b, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		have, _ := r.Names()
		return nil, fmt.Errorf("%w: %s in %s (there: %s)", ErrNoKey, name, r.dir, orNone(have))
	}
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", name, err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("read key %s: %s is not PEM", name, path)
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", name, err)
	}
	key, ok := k.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read key %s: not an Ed25519 key", name)
	}
	return key, nil
}

// Names lists the keys, sorted.
func (r Ring) Names() ([]string, error) {
	entries, err := os.ReadDir(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if n, ok := strings.CutSuffix(e.Name(), keyExt); ok && nameRule.MatchString(n) {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	return names, nil
}

// Identity returns the public half of a key.
func Identity(key ed25519.PrivateKey) (id abi.Identity) {
	copy(id[:], key.Public().(ed25519.PublicKey))
	return id
}

// StorageKey reads the 32-byte key in a file, or makes it when there is none.
func StorageKey(path string) ([]byte, error) {
	b, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		key := make([]byte, 32)
		rand.Read(key)
		if err := writeNew(path, []byte(hex.EncodeToString(key)+"\n")); err != nil {
			return nil, fmt.Errorf("create storage key: %w", err)
		}
		return key, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read storage key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("read storage key: %s does not hold 64 hexadecimal digits", path)
	}
	return key, nil
}

// readSecret refuses a file that others may read.
func readSecret(path string) ([]byte, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s may be read by others (mode %04o): chmod 600 it", path, fi.Mode().Perm())
	}
	if fi.Size() > maxKeyBytes {
		return nil, fmt.Errorf("%s has %d bytes: not a key", path, fi.Size())
	}
	return os.ReadFile(path)
}

func writeNew(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
