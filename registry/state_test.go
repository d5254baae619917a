package registry

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/kalima-chain/kalima/abi"
)

// memory is a chain's state. Its heights count the operations that were accepted.
type memory struct {
	values map[abi.Address]map[string][]byte
	height abi.Height
}

func newMemory() *memory { return &memory{values: map[abi.Address]map[string][]byte{}} }

func (m *memory) Get(a abi.Address, key string) ([]byte, bool) {
	v, ok := m.values[a][key]
	return v, ok
}

func (m *memory) Next(a abi.Address, after string) (string, bool) {
	for _, k := range slices.Sorted(maps.Keys(m.values[a])) {
		if k > after {
			return k, true
		}
	}
	return "", false
}

// actor makes an environment. The first letter of the name is the identity.
func actor(name string, roles ...string) Env {
	return Env{Sender: abi.Identity{name[0]}, Name: name, Roles: roles, Time: 1_700_000_000_000_000}
}

// do runs an operation and keeps its writes.
func (m *memory) do(t testing.TB, env Env, op string, body any) *abi.Fault {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	env.Height = m.height
	writes, fault := Apply(m, env, op, text)
	if fault != nil {
		if len(writes) != 0 {
			t.Fatalf("Apply(%s) = %d writes beside the fault %v", op, len(writes), fault)
		}
		return fault
	}
	m.height++
	for _, w := range writes {
		if err := abi.CheckKey(w.Key); err != nil {
			t.Fatalf("Apply(%s) writes a bad key: %v", op, err)
		}
		if _, err := abi.ParseAddress(string(w.Address)); err != nil {
			t.Fatalf("Apply(%s) writes a bad address: %v", op, err)
		}
		if m.values[w.Address] == nil {
			m.values[w.Address] = map[string][]byte{}
		}
		if len(w.Value) == 0 {
			delete(m.values[w.Address], w.Key)
		} else {
			m.values[w.Address][w.Key] = w.Value
		}
	}
	return nil
}

func (m *memory) must(t testing.TB, env Env, op string, body any) {
	t.Helper()
	if f := m.do(t, env, op, body); f != nil {
		t.Fatalf("Apply(%s, %+v) by %s: %v", op, body, env.Name, f)
	}
}

var (
	author   = actor("author", RoleAuthor)
	reviewer = actor("reviewer", RoleReviewer)
	operator = actor("operator", RoleOperator)
	admin    = actor("zadmin", RoleAdmin)
	device   = actor("device")
)

// version is a publish body whose digests follow from name and version.
func version(name, v string, phases ...string) Publish {
	if len(phases) == 0 {
		phases = []string{"validate"}
	}
	return Publish{
		Claims: Claims{Name: name, Version: v, Language: Go, Phases: phases, Submit: []abi.Pattern{"/alarms/*"}},
		Bundle: DigestOf([]byte(name + v)), Artefact: DigestOf([]byte("a" + name + v)), Source: DigestOf([]byte("s" + name + v)),
		Size: 1000,
	}
}

func (p Publish) approve() Approve {
	return Approve{Name: p.Name, Version: p.Version, Bundle: p.Bundle}
}

func (p Publish) deploy(phase, pattern string) Deploy {
	return Deploy{Name: p.Name, Version: p.Version, Bundle: p.Bundle, Phase: phase, Pattern: abi.Pattern(pattern)}
}
