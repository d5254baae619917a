package consensus

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/raft"
	"github.com/hashicorp/raft-wal/types"
)

const (
	voteName = "VOTE"
	listName = "SEGMENTS"
	maxVote  = 4 << 10 // bytes; term, term of the vote and candidate take some 150
	maxList  = 4 << 20 // bytes; some 200 for each file of the log
)

var _ raft.StableStore = (*vote)(nil)

// vote keeps Raft's term and vote. A vote that is lost without notice would allow a
// second one in the same term, so term and vote stand and fall together.
type vote struct{ record }

func openVote(dir string, key []byte, g *guard) (*vote, error) {
	v := &vote{record{dir: dir, name: voteName, purpose: "kalima raft vote", limit: maxVote, key: key, guard: g}}
	return v, v.open()
}

// Set is part of raft.StableStore.
func (v *vote) Set(key, val []byte) error { return v.set(string(key), val) }

// Get is part of raft.StableStore.
func (v *vote) Get(key []byte) ([]byte, error) { return v.get(string(key)), nil }

// SetUint64 is part of raft.StableStore.
func (v *vote) SetUint64(key []byte, n uint64) error {
	return v.Set(key, binary.BigEndian.AppendUint64(nil, n))
}

// GetUint64 is part of raft.StableStore.
func (v *vote) GetUint64(key []byte) (uint64, error) {
	b := v.get(string(key))
	switch len(b) {
	case 0:
		return 0, nil
	case 8:
		return binary.BigEndian.Uint64(b), nil
	}
	return 0, fmt.Errorf("%w: %s has %d bytes", ErrCorrupt, key, len(b))
}

var _ types.MetaStore = (*segments)(nil)

// segments keeps raft-wal's list of the files that make up the log. raft-wal's own
// keeper of that list does not check what it reads, and never gives up its lock.
type segments struct{ record }

func newSegments(dir string, key []byte, g *guard) *segments {
	return &segments{record{dir: dir, name: listName, purpose: "kalima raft segments", limit: maxList, key: key, guard: g}}
}

// Load is part of types.MetaStore.
func (s *segments) Load(string) (state types.PersistentState, err error) {
	if err := s.open(); err != nil {
		return state, err
	}
	if b := s.get("list"); len(b) > 0 {
		if err := json.Unmarshal(b, &state); err != nil {
			return state, fmt.Errorf("%w: list of files: %w", ErrCorrupt, err)
		}
	}
	return state, nil
}

// CommitState is part of types.MetaStore.
func (s *segments) CommitState(state types.PersistentState) error {
	b, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return s.set("list", b)
}

// GetStable is part of types.MetaStore; the vote has a file of its own.
func (s *segments) GetStable(key []byte) ([]byte, error) { return s.get("stable " + string(key)), nil }

// SetStable is part of types.MetaStore.
func (s *segments) SetStable(key, value []byte) error { return s.set("stable "+string(key), value) }

// Close is part of types.MetaStore.
func (s *segments) Close() error { return nil }
