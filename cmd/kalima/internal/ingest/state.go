package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kalima-chain/kalima/abi"
)

// State is how far a file got. It is saved before a transaction is sent, with the signed
// transaction in Pending, and after its receipt. A later run sends Pending again first:
// the chain takes a transaction only once, so no row is lost or doubled wherever the
// program ended.
type State struct {
	File    string      `json:"file"` // for people
	Digest  abi.Digest  `json:"digest"`
	Address abi.Address `json:"address"`
	Options Options     `json:"options"`
	Chain   abi.Digest  `json:"chain"`

	Place
	Total
	Pending *Pending `json:"pending,omitempty"`
	Done    bool     `json:"done,omitempty"`

	path string
}

// Total counts what became of a file's rows.
type Total struct {
	Rows    int64 `json:"rows"`    // in the chain
	Values  int64 `json:"values"`  // of those rows
	Empty   int64 `json:"empty"`   // fields without content
	Rejects int64 `json:"rejects"` // lines that are not in the chain: broken, or refused by it
}

// Add adds another total.
func (t *Total) Add(o Total) {
	t.Rows += o.Rows
	t.Values += o.Values
	t.Empty += o.Empty
	t.Rejects += o.Rejects
}

// Pending is a transaction that may or may not be in the chain.
type Pending struct {
	Envelope []byte `json:"envelope"`
	End      Place  `json:"end"`   // where its last row ends
	Total    Total  `json:"total"` // what it adds when it is accepted
}

// Load finds the state of a file for an address and options, or begins one. The file is
// known by its content: it may move.
func Load(dir string, file io.ReadSeeker, name string, chain abi.Digest, address abi.Address, o Options) (*State, error) {
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	s := &State{File: name, Digest: abi.Digest(h.Sum(nil)), Address: address, Options: o, Chain: chain}
	id, err := json.Marshal([]any{s.Digest, address, o, chain})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(id)
	s.path = filepath.Join(dir, hex.EncodeToString(sum[:8])+".json")
	b, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read state of %s: %w", name, err)
	}
	path := s.path
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("read state of %s: %s: %w", name, path, err)
	}
	s.path, s.File = path, name
	return s, nil
}

// Restart forgets how far the file got.
func (s *State) Restart() error {
	*s = State{File: s.File, Digest: s.Digest, Address: s.Address, Options: s.Options, Chain: s.Chain, path: s.path}
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Save puts the state on disk, whole or not at all.
func (s *State) Save() error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return fmt.Errorf("save state of %s: %w", s.File, err)
	}
	if err := os.WriteFile(s.path+".new", b, 0o600); err != nil {
		return fmt.Errorf("save state of %s: %w", s.File, err)
	}
	if err := os.Rename(s.path+".new", s.path); err != nil {
		return fmt.Errorf("save state of %s: %w", s.File, err)
	}
	return nil
}
