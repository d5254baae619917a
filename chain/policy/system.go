package policy

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
)

// System operations of this package. Bodies are JSON; unknown fields are refused.
const (
	OpIdentityPut    = "identity.put"    // IdentityBody
	OpIdentityRemove = "identity.remove" // TargetBody; removes the grant too
	OpGrantPut       = "grant.put"       // GrantBody
	OpGrantRemove    = "grant.remove"    // TargetBody
)

// IdentityBody adds or changes an identity.
type IdentityBody struct {
	ID abi.Identity `json:"identity"`
	Identity
}

// GrantBody sets what an identity may do.
type GrantBody struct {
	ID abi.Identity `json:"identity"`
	Grant
}

// TargetBody names an identity.
type TargetBody struct {
	ID abi.Identity `json:"identity"`
}

// Owns reports whether the operation is one of this package's.
func Owns(op string) bool {
	return strings.HasPrefix(op, "identity.") || strings.HasPrefix(op, "grant.")
}

// System runs a system operation of an admin and returns what it writes.
func System(v chain.View, env chain.Env, op *chain.Op) ([]abi.Write, *abi.Fault) {
	refuse := func(format string, args ...any) ([]abi.Write, *abi.Fault) {
		return nil, abi.Faultf(abi.SystemRejected, op.Name+": "+format, args...)
	}
	if !slices.Contains(env.Member.Roles, Admin) {
		return refuse("%s is not an admin", env.Member.Name)
	}
	known := func(id abi.Identity) bool { _, ok := v.Get(Identities, id.String()); return ok }
	switch op.Name {
	case OpIdentityPut:
		var b IdentityBody
		if err := strict(op.Body, &b); err != nil {
			return refuse("%v", err)
		}
		if b.ID == (abi.Identity{}) {
			return refuse("identity is missing")
		}
		if err := b.Identity.Check(); err != nil {
			return refuse("%v", err)
		}
		if other, taken := holder(v, b.Name, b.ID); taken {
			return refuse("name %s belongs to %s", b.Name, other.Short())
		}
		if b.ID == env.Sender && !slices.Contains(b.Roles, Admin) {
			return refuse("an admin can not take the role from itself: another admin must")
		}
		return []abi.Write{record(Identities, b.ID, b.Identity)}, nil
	case OpGrantPut:
		var b GrantBody
		if err := strict(op.Body, &b); err != nil {
			return refuse("%v", err)
		}
		if !known(b.ID) {
			return refuse("identity %s is not known on this chain", b.ID.Short())
		}
		if err := b.Grant.Check(); err != nil {
			return refuse("%v", err)
		}
		return []abi.Write{record(Grants, b.ID, b.Grant)}, nil
	case OpIdentityRemove, OpGrantRemove:
		var b TargetBody
		if err := strict(op.Body, &b); err != nil {
			return refuse("%v", err)
		}
		if !known(b.ID) {
			return refuse("identity %s is not known on this chain", b.ID.Short())
		}
		var out []abi.Write
		if op.Name == OpIdentityRemove {
			if b.ID == env.Sender {
				return refuse("an admin can not remove itself: another admin must")
			}
			out = append(out, abi.Write{Address: Identities, Key: b.ID.String()})
		}
		if _, ok := v.Get(Grants, b.ID.String()); ok {
			out = append(out, abi.Write{Address: Grants, Key: b.ID.String()})
		}
		return out, nil
	}
	return refuse("no such system operation")
}

// holder returns the other identity that has a name.
func holder(v chain.View, name string, but abi.Identity) (found abi.Identity, taken bool) {
	each(v, Identities, func(id abi.Identity, value []byte) error {
		var i Identity
		if json.Unmarshal(value, &i) == nil && i.Name == name && id != but {
			found, taken = id, true
		}
		return nil
	})
	return found, taken
}

// Record is a record of this package as a genesis document holds it.
func Record(a abi.Address, id abi.Identity, v any) chain.GenesisRecord {
	w := record(a, id, v)
	return chain.GenesisRecord{Address: w.Address, Key: w.Key, Value: w.Value}
}

func record(a abi.Address, id abi.Identity, v any) abi.Write {
	b, err := json.Marshal(v)
	if err != nil {
		panic("policy: encode record: " + err.Error())
	}
	return abi.Write{Address: a, Key: id.String(), Value: b}
}

func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
