package hosttest

import (
	"sort"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// State is a host.State in memory: address, then key, then value. It is read only
// while a call runs.
type State map[abi.Address]map[string]string

var _ host.State = State(nil)

// Get returns the value of a key.
func (s State) Get(a abi.Address, key string) ([]byte, bool) {
	v, ok := s[a][key]
	return []byte(v), ok
}

// Next returns the first key of the address greater than after.
func (s State) Next(a abi.Address, after string) (string, bool) {
	var keys []string
	for k := range s[a] {
		if k > after {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return "", false
	}
	sort.Strings(keys)
	return keys[0], true
}
