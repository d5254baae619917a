package contracts

import (
	"fmt"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/registry"
)

// maxRoutes bounds the addresses whose bindings are remembered, so that a sender of ever
// new addresses takes no memory: beyond it the memory starts anew.
const maxRoutes = 4096

// Bindings keeps the bindings of the state it was last asked about. The last sequences of
// the registry's addresses tell whether they still hold, so asking costs two look-ups, and
// one when nothing is bound. One Bindings serves one line of states: make a new one for a
// speculative state, whose sequences may come to stand for other records. Not safe for
// concurrent use.
type Bindings struct {
	set *bindingSet
}

// bound is a binding, and whether its digest may run.
type bound struct {
	registry.Binding
	approved bool
}

// bindingSet is the bindings as of one state.
type bindingSet struct {
	bindings, contracts abi.Sequence
	all                 []bound // in the order of instance, phase and pattern
	routes              map[route][]bound
}

type route struct {
	phase   abi.Phase
	address abi.Address
}

// For returns the bindings of a phase for an address, one for each instance, in the order
// of the instances' names. The view holds no change of a transaction under way. The caller
// must not change the slice.
func (c *Bindings) For(v chain.View, phase abi.Phase, a abi.Address) ([]registry.Binding, error) {
	found, err := c.find(v, phase, a, true)
	if len(found) == 0 || err != nil {
		return nil, err
	}
	out := make([]registry.Binding, len(found))
	for i := range found {
		out[i] = found[i].Binding
	}
	return out, nil
}

// find is For. settled says that the view holds no change of a transaction under way. When
// it may, a set that is loaded from it is not kept: the transaction may be dropped, and
// another may then reach the same sequences with other records. A set that is kept is
// never wrong for an unsettled view of its own sequences, because a transaction's changes
// only raise them.
func (c *Bindings) find(v chain.View, phase abi.Phase, a abi.Address, settled bool) ([]bound, error) {
	set, err := c.at(v, settled)
	if err != nil {
		return nil, err
	}
	return set.match(phase, a), nil
}

// at returns the bindings of a view.
func (c *Bindings) at(v chain.View, settled bool) (*bindingSet, error) {
	set := c.set
	if set == nil || !set.holds(v) {
		var err error
		if set, err = loadBindings(v); err != nil {
			return nil, err
		}
		if settled {
			c.set = set
		}
	}
	return set, nil
}

// instance returns a binding of an instance, nil when it has none.
func (s *bindingSet) instance(name string) (*bound, error) {
	for i := range s.all {
		if s.all[i].Instance == name {
			return &s.all[i], nil
		}
	}
	return nil, nil
}

// holds reports whether the set is that of the view. With no binding there is nothing
// whose record could change.
func (s *bindingSet) holds(v chain.View) bool {
	return s.bindings == v.Sequence(registry.BindingsAddress) &&
		(len(s.all) == 0 || s.contracts == v.Sequence(registry.ContractsAddress))
}

func loadBindings(v chain.View) (*bindingSet, error) {
	all, err := registry.Bindings(v)
	if err != nil {
		return nil, fmt.Errorf("read bindings: %w", err)
	}
	s := &bindingSet{
		bindings: v.Sequence(registry.BindingsAddress), contracts: v.Sequence(registry.ContractsAddress),
		routes: map[route][]bound{},
	}
	approved := map[abi.Digest]bool{}
	for _, b := range all {
		ok, known := approved[b.Digest]
		if !known {
			ok = registry.Approved(v, b.Digest)
			approved[b.Digest] = ok
		}
		s.all = append(s.all, bound{b, ok && !b.Revoked})
	}
	return s, nil
}

func (s *bindingSet) match(phase abi.Phase, a abi.Address) []bound {
	if len(s.all) == 0 {
		return nil
	}
	r := route{phase, a}
	if found, ok := s.routes[r]; ok {
		return found
	}
	var found []bound
	for i := range s.all {
		b := &s.all[i]
		if b.PhaseOf() != phase || !b.Matches(a) {
			continue
		}
		if n := len(found); n > 0 && found[n-1].Instance == b.Instance {
			continue // two patterns of one instance select the address: it runs once
		}
		found = append(found, *b)
	}
	if len(s.routes) >= maxRoutes {
		clear(s.routes)
	}
	s.routes[r] = found
	return found
}
