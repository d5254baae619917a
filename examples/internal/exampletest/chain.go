// Package exampletest builds the contracts under examples and runs them on a small chain
// in memory, for the tests of the examples.
package exampletest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// Instance is the name that contracts run under, whatever their manifest says, so that
// contracts in different languages keep their state at the same address.
const Instance = "example"

// Start is the time of the first event of a Chain; each event is a second later.
const Start abi.Time = 1_800_000_000_000_000

// Chain is the current values of a chain without blocks, consensus or disk. Each Put and
// Delete is one event. The zero Chain is empty.
type Chain struct {
	Limits host.Limits // of each call

	values map[abi.Address]map[string][]byte
	events abi.Height
}

var _ host.State = (*Chain)(nil)

// Get returns the value of a key.
func (c *Chain) Get(a abi.Address, key string) ([]byte, bool) {
	v, ok := c.values[a][key]
	return v, ok
}

// Next returns the first key of the address greater than after.
func (c *Chain) Next(a abi.Address, after string) (string, bool) {
	next, found := "", false
	for key := range c.values[a] {
		if key > after && (!found || key < next) {
			next, found = key, true
		}
	}
	return next, found
}

// Set writes a value without running a contract.
func (c *Chain) Set(a abi.Address, key string, value []byte) {
	if len(value) == 0 {
		delete(c.values[a], key)
		return
	}
	if c.values == nil {
		c.values = make(map[abi.Address]map[string][]byte)
	}
	if c.values[a] == nil {
		c.values[a] = make(map[string][]byte)
	}
	c.values[a][key] = value
}

// Put runs the contract's validate entry for a put and, when it accepts, applies the event
// and the contract's writes.
func (c *Chain) Put(t testing.TB, m *Contract, a abi.Address, key, value string) host.Result {
	t.Helper()
	r := c.call(t, m, abi.Call{Phase: abi.Validate, Op: abi.Put, Address: a, Key: key, Value: []byte(value)})
	if r.Fault == nil {
		c.Set(a, key, []byte(value))
		c.apply(r.Writes)
	}
	return r
}

// Delete is Put of a delete.
func (c *Chain) Delete(t testing.TB, m *Contract, a abi.Address, key string) host.Result {
	t.Helper()
	r := c.call(t, m, abi.Call{Phase: abi.Validate, Op: abi.Delete, Address: a, Key: key})
	if r.Fault == nil {
		c.Set(a, key, nil)
		c.apply(r.Writes)
	}
	return r
}

// React runs the contract's react entry for the current value of a key. It changes
// nothing: what the contract submits stands in the result.
func (c *Chain) React(t testing.TB, m *Contract, a abi.Address, key string) host.Result {
	t.Helper()
	return c.call(t, m, abi.Call{Phase: abi.React, Op: abi.Put, Address: a, Key: key, Value: c.values[a][key]})
}

// Query asks the contract's query entry. It changes nothing: the answer stands in the result.
func (c *Chain) Query(t testing.TB, m *Contract, key string, arg []byte) host.Result {
	t.Helper()
	return c.call(t, m, abi.Call{Phase: abi.Query, Op: abi.Put, Address: "/asked", Key: key, Value: arg})
}

func (c *Chain) apply(writes []abi.Write) {
	for _, w := range writes {
		c.Set(w.Address, w.Key, w.Value)
	}
}

func (c *Chain) call(t testing.TB, m *Contract, call abi.Call) host.Result {
	t.Helper()
	call.Contract, call.Chain = Instance, sha256.Sum256([]byte("chain"))
	call.Height, call.Sequence = c.events, abi.Sequence(c.events)+1
	call.Time = Start + abi.Time(c.events)*1_000_000
	call.Sender, call.Name, call.Roles = sha256.Sum256([]byte("sender")), "sender", []string{"device"}
	call.TxID = sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(c.events)))
	c.events++
	grant := host.Grant{Write: m.Manifest.Write, Submit: m.Manifest.Submit}
	r, err := m.module.Call(context.Background(), host.NewSession(call, c, grant, c.Limits))
	if err != nil {
		t.Fatalf("Call(%s, %s %s %s %q) = %v, want an outcome", m.Manifest.Name, call.Phase, call.Address, call.Key, call.Value, err)
	}
	return r
}

// Digest returns the SHA-256 of all addresses, keys and values in byte order, each with its
// length before it.
func (c *Chain) Digest() abi.Digest {
	h := sha256.New()
	write := func(s string) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	for _, a := range slices.Sorted(maps.Keys(c.values)) {
		for _, key := range slices.Sorted(maps.Keys(c.values[a])) {
			write(string(a))
			write(key)
			write(string(c.values[a][key]))
		}
	}
	return abi.Digest(h.Sum(nil))
}
