package local

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// MaxState bounds a state's file, in bytes: far more than a person writes.
const MaxState = 64 << 20

// State is a chain's current values, and where it stands.
type State struct {
	Height abi.Height // of the last event
	Time   abi.Time   // of the next event; 0 means Start

	values    map[abi.Address]map[string][]byte
	sequences map[abi.Address]abi.Sequence
}

var _ host.State = (*State)(nil)

// NewState returns an empty state.
func NewState() *State {
	return &State{values: map[abi.Address]map[string][]byte{}, sequences: map[abi.Address]abi.Sequence{}}
}

// Set puts a value into the state; an empty one deletes.
func (s *State) Set(a abi.Address, key string, value []byte) {
	if len(value) == 0 {
		delete(s.values[a], key)
		return
	}
	if s.values[a] == nil {
		s.values[a] = map[string][]byte{}
	}
	s.values[a][key] = value
}

func (s *State) count(a abi.Address) { s.sequences[a]++ }

// Sequence is the sequence of the last event of an address, 0 when there was none.
func (s *State) Sequence(a abi.Address) abi.Sequence { return s.sequences[a] }

// Get returns the current value of a key.
func (s *State) Get(a abi.Address, key string) ([]byte, bool) {
	v, ok := s.values[a][key]
	return v, ok
}

// Next returns the first key of the address that is greater than after.
func (s *State) Next(a abi.Address, after string) (string, bool) {
	least, ok := "", false
	for k := range s.values[a] {
		if k > after && (!ok || k < least) {
			least, ok = k, true
		}
	}
	return least, ok
}

// Addresses lists the addresses that have values, in order.
func (s *State) Addresses() []abi.Address {
	var all []abi.Address
	for a, keys := range s.values {
		if len(keys) > 0 {
			all = append(all, a)
		}
	}
	slices.Sort(all)
	return all
}

// Copy returns a state that shares nothing that changes.
func (s *State) Copy() *State {
	c := &State{Height: s.Height, Time: s.Time, values: map[abi.Address]map[string][]byte{}, sequences: maps.Clone(s.sequences)}
	for a, keys := range s.values {
		c.values[a] = maps.Clone(keys)
	}
	return c
}

// file is a state as people write it, in YAML or JSON:
//
//	height: 7                        # of the last event; may be left out, as may the next two
//	time: 2026-01-31T08:00:00Z       # of the next event
//	sequences: {/plant/line1: 3}     # of the last event of an address
//	/plant/line1:
//	  temperature: 21.5
type file struct {
	Height    uint64            `yaml:"height,omitempty" json:"height,omitempty"`
	Time      string            `yaml:"time,omitempty" json:"time,omitempty"`
	Sequences map[string]uint64 `yaml:"sequences,omitempty" json:"sequences,omitempty"`

	Values map[string]map[string]string `yaml:",inline" json:"-"`
}

// ParseState reads a state's file. own, the state's address of the contract, may be written
// as ".".
func ParseState(text []byte, own abi.Address) (*State, error) {
	if len(text) > MaxState {
		return nil, fmt.Errorf("state of %d bytes, at most %d", len(text), MaxState)
	}
	var f file
	d := yaml.NewDecoder(bytes.NewReader(text)) // JSON is YAML too
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read state: %s", yamlWords(err))
	}
	s := NewState()
	s.Height = abi.Height(f.Height)
	if f.Time != "" {
		t, err := time.Parse(time.RFC3339Nano, f.Time)
		if err != nil {
			return nil, fmt.Errorf("read state: time %q: want the form 2026-01-31T08:00:00Z", f.Time)
		}
		s.Time = abi.Time(t.UnixMicro())
	}
	for a, n := range f.Sequences {
		at, err := address(a, own)
		if err != nil {
			return nil, fmt.Errorf("read state: sequences: %w", err)
		}
		s.sequences[at] = abi.Sequence(n)
	}
	for a, keys := range f.Values {
		at, err := address(a, own)
		if err != nil {
			return nil, fmt.Errorf("read state: %w", err)
		}
		for k, v := range keys {
			if err := abi.CheckKey(k); err != nil {
				return nil, fmt.Errorf("read state: %s: %w", a, err)
			}
			if err := abi.CheckValue([]byte(v)); err != nil {
				return nil, fmt.Errorf("read state: %s %s: %w", a, k, err)
			}
			s.Set(at, k, []byte(v))
		}
	}
	return s, nil
}

func address(word string, own abi.Address) (abi.Address, error) {
	if word == "." {
		return own, nil
	}
	return abi.ParseAddress(word)
}

// Bytes writes the state for ParseState, as JSON or as YAML. The same state gives the same bytes.
func (s *State) Bytes(asJSON bool) ([]byte, error) {
	f := file{Height: uint64(s.Height), Sequences: map[string]uint64{}, Values: map[string]map[string]string{}}
	if s.Time != 0 {
		f.Time = time.UnixMicro(int64(s.Time)).UTC().Format(time.RFC3339Nano)
	}
	for a, n := range s.sequences {
		f.Sequences[string(a)] = uint64(n)
	}
	for a, keys := range s.values {
		for k, v := range keys {
			if f.Values[string(a)] == nil {
				f.Values[string(a)] = map[string]string{}
			}
			f.Values[string(a)][k] = string(v)
		}
	}
	if asJSON {
		return s.json(f)
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(f); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

func (s *State) json(f file) ([]byte, error) {
	all := map[string]any{}
	head, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(head, &all); err != nil {
		return nil, err
	}
	for a, keys := range f.Values {
		for k, v := range keys {
			if b, _ := json.Marshal(v); strings.Contains(string(b), `\ufffd`) {
				return nil, fmt.Errorf("%s %s: the value is not text: write the state as YAML", a, k)
			}
		}
		all[a] = keys
	}
	b, err := json.MarshalIndent(all, "", "  ")
	return append(b, '\n'), err
}
