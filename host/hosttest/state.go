package hosttest

import (
	"maps"
	"slices"

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
func (s State) Next(a abi.Address, after string) (least string, ok bool) {
	for k := range s[a] {
		if k > after && (!ok || k < least) {
			least, ok = k, true
		}
	}
	return least, ok
}

// batches is a State that also answers for several keys at once, as a node's does.
type batches struct{ State }

var _ host.Batcher = batches{}

func (b batches) GetMany(keys []host.Key) []abi.Value {
	values := make([]abi.Value, len(keys))
	for i, k := range keys {
		values[i].Bytes, values[i].Ok = b.Get(k.Address, k.Key)
	}
	return values
}

func (b batches) Range(a abi.Address, after, before string, limit int) (entries []abi.KeyValue) {
	for _, k := range slices.Sorted(maps.Keys(b.State[a])) {
		if k > after && (before == "" || k < before) && len(entries) < limit {
			entries = append(entries, abi.KeyValue{Key: k, Value: []byte(b.State[a][k])})
		}
	}
	return entries
}
