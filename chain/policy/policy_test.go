package policy

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
)

// view is a state that a test writes.
type view struct {
	values map[string][]byte
	last   map[abi.Address]abi.Sequence
}

func newView(t *testing.T, members ...string) *view {
	v := &view{map[string][]byte{}, map[abi.Address]abi.Sequence{}}
	for _, m := range members {
		name, role, _ := strings.Cut(m, ":")
		v.write(record(Identities, id(name), Identity{Name: name, Roles: []string{role}}))
	}
	return v
}

func (v *view) write(ws ...abi.Write) {
	for _, w := range ws {
		v.values[string(w.Address)+"\x00"+w.Key] = w.Value
		v.last[w.Address]++
	}
}

func (v *view) Get(a abi.Address, key string) ([]byte, bool) {
	b := v.values[string(a)+"\x00"+key]
	return b, len(b) > 0
}

func (v *view) Next(a abi.Address, after string) (string, bool) {
	var keys []string
	for item, b := range v.values {
		if at, key, _ := strings.Cut(item, "\x00"); at == string(a) && key > after && len(b) > 0 {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	if len(keys) == 0 {
		return "", false
	}
	return keys[0], true
}

func (v *view) Sequence(a abi.Address) abi.Sequence { return v.last[a] }

func key(name string) ed25519.PrivateKey {
	s := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(s[:])
}

func id(name string) (id abi.Identity) {
	copy(id[:], key(name).Public().(ed25519.PublicKey))
	return id
}

func grant(name string, pub, sub string) abi.Write {
	list := func(s string) (out []abi.Pattern) {
		for _, p := range strings.Fields(s) {
			out = append(out, abi.Pattern(p))
		}
		return out
	}
	return record(Grants, id(name), Grant{Pub: list(pub), Sub: list(sub)})
}

func TestGrants(t *testing.T) {
	v := newView(t, "root:admin", "m:master", "dev:client", "all:client", "none:client")
	v.write(grant("dev", "/plant1/** /alarms/dev", "/plant1/line2/*"), grant("all", "/**", "/**"), grant("ghost", "/**", "/**"))
	var c Cache
	set, err := c.At(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		address  abi.Address
		pub, sub bool
	}{
		{"dev", "/plant1", true, false},
		{"dev", "/plant1/line2/press4", true, true},
		{"dev", "/plant1/line2/press4/deep", true, false},
		{"dev", "/plant10", false, false},
		{"dev", "/alarms/dev", true, false},
		{"dev", "/alarms", false, false},
		{"none", "/plant1", false, false},
		{"all", "/anything", true, true},
		{"all", "/_kalima/grants", false, true}, // no grant opens the chain's own records for writing
		{"root", "/plant1", false, true},        // an admin reads everything and writes nothing
		{"root", "/_kalima/grants", false, true},
		{"m", "/plant1", false, true},
	} {
		m, ok := set.Member(id(tt.name))
		if !ok {
			t.Fatalf("%s is not known", tt.name)
		}
		if got := m.MayPublish(tt.address); got != tt.pub {
			t.Errorf("%s may publish %s: %v, want %v", tt.name, tt.address, got, tt.pub)
		}
		if got := m.MaySubscribe(tt.address); got != tt.sub {
			t.Errorf("%s may subscribe %s: %v, want %v", tt.name, tt.address, got, tt.sub)
		}
	}
	if _, ok := set.Member(id("ghost")); ok {
		t.Error("a grant makes an identity known")
	}
}

func TestAdmit(t *testing.T) {
	v := newView(t, "dev:client")
	v.write(grant("dev", "/a/**", ""))
	var c Cache
	set, err := c.At(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		who  string
		ops  []chain.Op
		want chain.Reason
	}{
		{"dev", []chain.Op{chain.Put("/a/b", "k", []byte("v"))}, ""},
		{"dev", []chain.Op{chain.Move("/a", "k", "/a/c", "k")}, ""},
		{"dev", []chain.Op{chain.System("grant.put", nil)}, ""}, // its own rules refuse it
		{"dev", []chain.Op{chain.Put("/a", "k", nil), chain.Put("/b", "k", nil)}, chain.NoGrant},
		{"dev", []chain.Op{chain.Delete("/b", "k")}, chain.NoGrant},
		{"dev", []chain.Op{chain.Move("/a", "k", "/b", "k")}, chain.NoGrant},
		{"dev", []chain.Op{chain.Move("/b", "k", "/a", "k")}, chain.NoGrant},
		{"nobody", []chain.Op{chain.Put("/a", "k", nil)}, chain.Unknown},
	} {
		tx, err := chain.Sign(key(tt.who), abi.Digest{}, 1, []byte("12345678"), tt.ops...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = set.Admit(tx)
		var r *chain.Refusal
		if errors.As(err, &r); tt.want == "" && err != nil || tt.want != "" && (r == nil || r.Reason != tt.want) {
			t.Errorf("Admit(%s, %+v) = %v, want %q", tt.who, tt.ops, err, tt.want)
		}
	}
}

func TestCacheFollowsTheState(t *testing.T) {
	v := newView(t, "dev:client")
	var c Cache
	before, _ := c.At(v)
	if again, _ := c.At(v); again != before {
		t.Error("the same state is read twice")
	}
	v.write(grant("dev", "/a", ""))
	after, _ := c.At(v)
	if m, _ := after.Member(id("dev")); !m.MayPublish("/a") {
		t.Error("a new grant is not seen")
	}
	if m, _ := before.Member(id("dev")); m.MayPublish("/a") {
		t.Error("a set changed after it was given out")
	}
}

func TestSystemOperations(t *testing.T) {
	body := func(v any) []byte { b, _ := json.Marshal(v); return b }
	for _, tt := range []struct {
		name string
		by   string
		op   string
		body []byte
		want string // part of the refusal; "" when it is carried out
	}{
		{"add", "root", OpIdentityPut, body(IdentityBody{id("new"), Identity{"new", []string{Client}}}), ""},
		{"by a client", "dev", OpIdentityPut, body(IdentityBody{id("new"), Identity{"new", nil}}), "dev is not an admin"},
		{"grant by a client", "dev", OpGrantPut, body(GrantBody{id("dev"), Grant{Pub: []abi.Pattern{"/**"}}}), "dev is not an admin"},
		{"unknown role", "root", OpIdentityPut, body(IdentityBody{id("new"), Identity{"new", []string{"king"}}}), `role "king" is not one of`},
		{"bad name", "root", OpIdentityPut, body(IdentityBody{id("new"), Identity{"a b", nil}}), "want 1 to 64"},
		{"taken name", "root", OpIdentityPut, body(IdentityBody{id("new"), Identity{"dev", nil}}), "name dev belongs to"},
		{"no identity", "root", OpIdentityPut, []byte(`{"name":"x"}`), "identity is missing"},
		{"unknown field", "root", OpIdentityPut, []byte(`{"name":"x","rolls":[]}`), "unknown field"},
		{"admin drops the role", "root", OpIdentityPut, body(IdentityBody{id("root"), Identity{"root", nil}}), "another admin must"},
		{"admin removes itself", "root", OpIdentityRemove, body(TargetBody{id("root")}), "another admin must"},
		{"remove", "root", OpIdentityRemove, body(TargetBody{id("dev")}), ""},
		{"remove nobody", "root", OpIdentityRemove, body(TargetBody{id("new")}), "is not known"},
		{"grant", "root", OpGrantPut, body(GrantBody{id("dev"), Grant{Pub: []abi.Pattern{"/a/**"}}}), ""},
		{"grant to nobody", "root", OpGrantPut, body(GrantBody{id("new"), Grant{}}), "is not known"},
		{"bad pattern", "root", OpGrantPut, body(GrantBody{id("dev"), Grant{Pub: []abi.Pattern{"a"}}}), "does not start with /"},
		{"unknown operation", "root", "identity.rename", nil, "no such system operation"},
	} {
		v := newView(t, "root:admin", "dev:client")
		v.write(grant("dev", "/x", ""))
		var c Cache
		set, _ := c.At(v)
		m, _ := set.Member(id(tt.by))
		env := chain.Env{Sender: id(tt.by), Member: chain.Member{Name: m.Name, Roles: m.Identity.Roles}}
		op := chain.System(tt.op, tt.body)
		ws, f := System(v, env, &op)
		switch {
		case tt.want == "" && (f != nil || len(ws) == 0):
			t.Errorf("%s: System = %v, %v, want writes", tt.name, ws, f)
		case tt.want != "" && (f == nil || f.Code != abi.SystemRejected || !strings.Contains(f.Message, tt.want)):
			t.Errorf("%s: System = %v, %v, want a refusal with %q", tt.name, ws, f, tt.want)
		}
	}
}

func TestRemovedIdentityLosesItsGrant(t *testing.T) {
	v := newView(t, "root:admin", "dev:client")
	v.write(grant("dev", "/x", "/x"))
	op := chain.System(OpIdentityRemove, []byte(fmt.Sprintf(`{"identity":"%s"}`, id("dev"))))
	ws, f := System(v, chain.Env{Sender: id("root"), Member: chain.Member{Roles: []string{Admin}}}, &op)
	if f != nil || len(ws) != 2 {
		t.Fatalf("System = %v, %v, want two deletes", ws, f)
	}
	v.write(ws...)
	// The same key comes back under another record: the old grant must not.
	v.write(record(Identities, id("dev"), Identity{Name: "dev"}))
	var c Cache
	set, _ := c.At(v)
	if m, _ := set.Member(id("dev")); m.MayPublish("/x") {
		t.Error("the old grant is alive again")
	}
}
