package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/keyring"
)

// Profile says how to reach a chain. `kalima dev` writes one; a program reads it.
type Profile struct {
	Name    string       `json:"name"`
	Chain   abi.Digest   `json:"chain"`
	Masters []MasterInfo `json:"masters"`
	As      string       `json:"as"` // name of the key to use when the user names none
}

const profileFile = "profile.json"

// ErrNoProfile means that a home folder has no profile.
var ErrNoProfile = errors.New("no profile")

// ReadProfile reads the profile in a home folder.
func ReadProfile(home string) (*Profile, error) {
	path := filepath.Join(home, profileFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is not there", ErrNoProfile, path)
	}
	if err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	var p Profile
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("read profile %s: %w", path, err)
	}
	if len(p.Masters) == 0 {
		return nil, fmt.Errorf("read profile %s: it names no masters", path)
	}
	return &p, nil
}

// Write puts the profile into a home folder, whole or not at all.
func (p *Profile) Write(home string) error {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	tmp := filepath.Join(home, profileFile+".new")
	if err := os.WriteFile(tmp, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	return os.Rename(tmp, filepath.Join(home, profileFile))
}

// Keys is the ring of identities beside the profile.
func Keys(home string) keyring.Ring { return keyring.Open(filepath.Join(home, "keys")) }
