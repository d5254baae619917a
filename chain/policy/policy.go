// Package policy says who may do what, as of a height: identities, roles and grants are
// records of the chain's state, changed only by system operations of an admin.
//
//	/_kalima/identities   key: identity, hexadecimal   {"name": ..., "roles": [...]}
//	/_kalima/grants       key: identity, hexadecimal   {"pub": [pattern, ...], "sub": [pattern, ...]}
//	/_kalima/masters      key: identity, hexadecimal   {"name": ..., "address": "host:port"}
//
// Values are JSON, so that anyone who may read them can. An identity that is not there
// can not connect. PUB lets it put, delete and move; SUB lets it read current values,
// history and events. Admins and masters may read everything; nobody may write without
// a grant.
package policy

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sort"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
)

// Addresses of the records.
const (
	Identities = abi.System + "/identities"
	Grants     = abi.System + "/grants"
	Masters    = abi.System + "/masters"
)

// Roles an identity may have.
const (
	Admin    = "admin"    // changes identities and grants, reads everything
	Master   = "master"   // full node, Raft
	Client   = "client"   // synchronises what it may see
	Author   = "author"   // publishes contracts
	Reviewer = "reviewer" // approves contracts of others
	Operator = "operator" // deploys approved contracts
)

// Roles lists the roles, sorted.
var Roles = []string{Admin, Author, Client, Master, Operator, Reviewer}

// Identity is the record of an identity.
type Identity struct {
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
}

// Grant is what an identity may do with addresses.
type Grant struct {
	Pub []abi.Pattern `json:"pub,omitempty"`
	Sub []abi.Pattern `json:"sub,omitempty"`
}

// MasterNode is where a master listens.
type MasterNode struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// Limits of a record.
const (
	maxPatterns = 64
	maxRoles    = 8
)

var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Check applies the rules for an identity's record.
func (i *Identity) Check() error {
	if !nameRule.MatchString(i.Name) {
		return fmt.Errorf("name %q: want 1 to 64 letters, digits and . _ -", i.Name)
	}
	if len(i.Roles) > maxRoles {
		return fmt.Errorf("%d roles, at most %d", len(i.Roles), maxRoles)
	}
	for _, r := range i.Roles {
		if !slices.Contains(Roles, r) {
			return fmt.Errorf("role %q is not one of %v", r, Roles)
		}
	}
	return nil
}

// Check applies the rules for a grant. Nobody may be granted to PUB system addresses.
func (g *Grant) Check() error {
	if len(g.Pub)+len(g.Sub) > maxPatterns {
		return fmt.Errorf("%d patterns, at most %d", len(g.Pub)+len(g.Sub), maxPatterns)
	}
	for _, p := range append(slices.Clone(g.Pub), g.Sub...) {
		if _, err := abi.ParsePattern(string(p)); err != nil {
			return err
		}
	}
	return nil
}

// Set is the policy as of one state. It is immutable and safe for concurrent use.
type Set struct {
	members map[abi.Identity]*Member
	masters map[abi.Identity]MasterNode
}

// Member is an identity with its grants.
type Member struct {
	Identity
	Grant
}

// Has reports whether the member has a role.
func (m *Member) Has(role string) bool { return slices.Contains(m.Identity.Roles, role) }

// MayPublish reports whether the member may change keys of the address.
func (m *Member) MayPublish(a abi.Address) bool { return !a.IsSystem() && match(m.Pub, a) }

// MaySubscribe reports whether the member may read the address.
func (m *Member) MaySubscribe(a abi.Address) bool {
	return m.ReadsAll() || match(m.Sub, a)
}

// ReadsAll reports whether the member may read everything, blocks included.
func (m *Member) ReadsAll() bool {
	return m.Has(Admin) || m.Has(Master) || slices.Contains(m.Sub, "/**")
}

func match(patterns []abi.Pattern, a abi.Address) bool {
	for _, p := range patterns {
		if p.Match(a) {
			return true
		}
	}
	return false
}

// Member returns an identity's record, or false when the chain does not know it.
func (s *Set) Member(id abi.Identity) (*Member, bool) { m, ok := s.members[id]; return m, ok }

// Masters returns the masters by identity. The caller must not change it.
func (s *Set) Masters() map[abi.Identity]MasterNode { return s.masters }

// Admit is the policy's part in admitting a transaction: a known sender with a PUB grant
// for every address it changes. Whether a system operation is allowed, it says itself.
func (s *Set) Admit(tx *chain.Tx) (chain.Member, error) {
	m, ok := s.Member(tx.Sender)
	if !ok {
		return chain.Member{}, chain.Refusef(chain.Unknown, "identity %s is not known on this chain", tx.Sender.Short())
	}
	for i := range tx.Ops {
		op := &tx.Ops[i]
		if op.Kind == chain.OpSystem {
			continue
		}
		if !m.MayPublish(op.Address) {
			return chain.Member{}, noGrant(m, op.Address)
		}
		if op.Kind == chain.OpMove && !m.MayPublish(op.ToAddress) {
			return chain.Member{}, noGrant(m, op.ToAddress)
		}
	}
	return chain.Member{Name: m.Name, Roles: m.Identity.Roles}, nil
}

func noGrant(m *Member, a abi.Address) error {
	return chain.Refusef(chain.NoGrant, "%s has no PUB grant for %s", m.Name, a)
}

// Cache keeps the Set of the state it was last asked about. The last sequences of the
// record addresses tell whether the set still holds, so asking costs three look-ups.
// One Cache serves one line of states: make a new one for a speculative state, whose
// sequences may come to stand for other records. Not safe for concurrent use.
type Cache struct {
	at  [3]abi.Sequence
	set *Set
}

// At returns the policy as of the view.
func (c *Cache) At(v chain.View) (*Set, error) {
	at := [3]abi.Sequence{v.Sequence(Identities), v.Sequence(Grants), v.Sequence(Masters)}
	if c.set != nil && c.at == at {
		return c.set, nil
	}
	set, err := load(v)
	if err != nil {
		return nil, err
	}
	c.at, c.set = at, set
	return set, nil
}

func load(v chain.View) (*Set, error) {
	s := &Set{members: map[abi.Identity]*Member{}, masters: map[abi.Identity]MasterNode{}}
	err := each(v, Identities, func(id abi.Identity, value []byte) error {
		m := &Member{}
		if err := json.Unmarshal(value, &m.Identity); err != nil {
			return err
		}
		sort.Strings(m.Identity.Roles)
		s.members[id] = m
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = each(v, Grants, func(id abi.Identity, value []byte) error {
		m, ok := s.members[id]
		if !ok {
			return nil // a grant without its identity gives nothing
		}
		return json.Unmarshal(value, &m.Grant)
	})
	if err != nil {
		return nil, err
	}
	return s, each(v, Masters, func(id abi.Identity, value []byte) error {
		var n MasterNode
		if err := json.Unmarshal(value, &n); err != nil {
			return err
		}
		s.masters[id] = n
		return nil
	})
}

func each(v chain.View, a abi.Address, f func(abi.Identity, []byte) error) error {
	for key, ok := v.Next(a, ""); ok; key, ok = v.Next(a, key) {
		id, err := abi.ParseIdentity(key)
		if err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
		value, _ := v.Get(a, key)
		if err := f(id, value); err != nil {
			return fmt.Errorf("%s %s: %w", a, id.Short(), err)
		}
	}
	return nil
}
