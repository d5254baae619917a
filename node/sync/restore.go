package sync

import (
	"fmt"
	"slices"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
)

// base is what a machine is beside its items.
func (m *Machine) base() *baseRecord {
	return &baseRecord{Chain: m.chain, Patterns: m.patterns, Token: m.token, Lenient: m.lenient, Fill: m.fill}
}

// restoreBase is the reverse. When the patterns are others now, the machine keeps its place
// in the chain, and fills in what it did not see before: no event in between is lost.
func (m *Machine) restoreBase(b *baseRecord) error {
	if b.Chain != m.chain {
		return fmt.Errorf("%w: %s, not %s", ErrOtherChain, b.Chain.Short(), m.chain.Short())
	}
	m.token, m.lenient, m.fill = m.here(b.Token), b.Lenient, b.Fill
	if b.Token != nil && !slices.Equal(b.Patterns, m.patterns) {
		m.fill, m.lenient = true, true
	}
	return nil
}

// here is a token for the machine's own patterns.
func (m *Machine) here(t *rpc.Token) *rpc.Token {
	if t == nil {
		return nil
	}
	own := *t
	own.Filter = m.filter
	return &own
}

// restoreItem loads an item, unless the node no longer follows its address.
func (m *Machine) restoreItem(it *diskItem) {
	e := &it.Event
	if !m.follows(e.Address) {
		return
	}
	m.work.Load(item(e.Address, e.Key), value(e))
	if it.Loose {
		m.loose[e.Address] = true
	}
}

// replay does again what advance did: the events were checked then.
func (m *Machine) replay(events []rpc.Event, token *rpc.Token, fill bool) {
	for i := range events {
		if e := events[i].Event(); m.follows(e.Address) {
			set(m.work, &e)
			delete(m.loose, abi.Address(e.Address))
		}
	}
	m.token, m.fill = m.here(token), m.fill || fill
	m.publish(m.work)
}

var _ chain.View = (*chain.State)(nil)
