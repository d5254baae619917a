package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
)

func TestLifeOfAVersion(t *testing.T) {
	m, v1, v2 := newMemory(), version("meter", "1.0.0"), version("meter", "1.1.0", "validate", "react")
	m.must(t, author, OpPublish, v1)
	if Approved(m, v1.Bundle) {
		t.Fatal("Approved(v1) = true before any approval")
	}
	m.must(t, reviewer, OpApprove, v1.approve())
	if !Approved(m, v1.Bundle) {
		t.Fatal("Approved(v1) = false after approval")
	}
	m.must(t, operator, OpDeploy, v1.deploy("validate", "/plant/**"))
	m.must(t, operator, OpDeploy, v1.deploy("validate", "/mill/*"))
	m.must(t, author, OpPublish, v2)
	m.must(t, admin, OpApprove, v2.approve())
	m.must(t, operator, OpDeploy, v2.deploy("react", "/plant/**"))

	bindings, err := Bindings(m)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range bindings {
		got = append(got, fmt.Sprintf("%s %s %s %s %v %v", b.Instance, b.Phase, b.Pattern, b.Version, b.Language, b.Submit))
	}
	want := []string{
		"meter react /plant/** 1.1.0 go [/alarms/*]",
		"meter validate /mill/* 1.1.0 go [/alarms/*]",
		"meter validate /plant/** 1.1.0 go [/alarms/*]",
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("Bindings after the second version = %q, want %q", got, want)
	}

	m.must(t, reviewer, OpRevoke, Revoke{Bundle: v2.Bundle, Reason: "leaks"})
	if Approved(m, v2.Bundle) {
		t.Error("Approved(v2) = true after it was revoked")
	}
	if bindings, _ = Bindings(m); len(bindings) != 3 || !bindings[0].Revoked {
		t.Errorf("Bindings after revoking = %+v, want 3, all revoked", bindings)
	}
	// An older version may follow a revoked one, but only one that serves every binding.
	if f := m.do(t, operator, OpDeploy, v1.deploy("validate", "/mill/*")); f == nil || !strings.Contains(f.Message, "no phase react") {
		t.Errorf("deploy v1 over revoked v2 = %v, want: no phase react", f)
	}
	m.must(t, operator, OpUndeploy, Undeploy{Instance: "meter", Phase: "react", Pattern: "/plant/**"})
	m.must(t, operator, OpDeploy, v1.deploy("validate", "/mill/*"))
	m.must(t, operator, OpUndeploy, Undeploy{Instance: "meter"})
	if bindings, _ = Bindings(m); len(bindings) != 0 {
		t.Errorf("Bindings after undeploy = %+v, want none", bindings)
	}
	records, err := Versions(m)
	if err != nil || len(records) != 2 || records[0].Version != "1.0.0" || records[1].Status != StatusRevoked {
		t.Errorf("Versions = %+v, %v, want 1.0.0 and a revoked 1.1.0", records, err)
	}
}

// Every refusal leaves the state as it was.
func TestRefusals(t *testing.T) {
	v1, v2, other := version("meter", "1.0.0"), version("meter", "1.1.0"), version("other", "1.0.0")
	both := version("both", "1.0.0", "validate", "react")
	revoked, unseen := version("bad", "1.0.0"), DigestOf([]byte("never published"))
	m := newMemory()
	for _, p := range []Publish{v1, v2, other, both, revoked} {
		m.must(t, author, OpPublish, p)
	}
	for _, p := range []Publish{v1, v2, other, both, revoked} {
		m.must(t, reviewer, OpApprove, p.approve())
	}
	unapproved, mine := version("fresh", "1.0.0"), version("mine", "1.0.0")
	m.must(t, author, OpPublish, unapproved)
	m.must(t, admin, OpPublish, mine)
	m.must(t, reviewer, OpRevoke, Revoke{Bundle: revoked.Bundle, Reason: "bad"})
	m.must(t, reviewer, OpRevoke, Revoke{Bundle: unseen, Reason: "known bad"})
	m.must(t, operator, OpDeploy, v2.deploy("validate", "/plant/**"))
	m.must(t, operator, OpDeploy, both.deploy("react", "/plant/**"))

	edit := func(p Publish, f func(*Publish)) Publish { p.Name = "new"; p.Bundle = abi.Digest{1}; f(&p); return p }
	long := abi.Pattern("/" + strings.Repeat("a", 240))
	tests := []struct {
		name string
		env  Env
		op   string
		body any
		want string
	}{
		{"publish without role", device, OpPublish, version("x", "1.0.0"), "needs role author"},
		{"publish as reviewer", reviewer, OpPublish, version("x", "1.0.0"), "needs role author"},
		{"publish the same version", author, OpPublish, v1, "a changed byte is a new version"},
		{"publish other bytes under a version", author, OpPublish, func() Publish { p := v1; p.Bundle = abi.Digest{9}; return p }(), "a changed byte is a new version"},
		{"publish the same bytes under a name", author, OpPublish, func() Publish { p := v1; p.Name = "twin"; return p }(), "is meter 1.0.0 already"},
		{"publish revoked bytes", author, OpPublish, func() Publish { p := version("y", "1.0.0"); p.Bundle = unseen; return p }(), "was revoked"},
		{"publish a bad name", author, OpPublish, edit(v1, func(p *Publish) { p.Name = "A" }), "not allowed"},
		{"publish a bad version", author, OpPublish, edit(v1, func(p *Publish) { p.Version = "1.0" }), "not of the form"},
		{"publish build metadata", author, OpPublish, edit(v1, func(p *Publish) { p.Version = "1.0.0+x" }), "not of the form"},
		{"publish an unknown language", author, OpPublish, edit(v1, func(p *Publish) { p.Language = "lua" }), "is not one of"},
		{"publish an unknown phase", author, OpPublish, edit(v1, func(p *Publish) { p.Phases = []string{"init"} }), "is not one of"},
		{"publish a phase twice", author, OpPublish, edit(v1, func(p *Publish) { p.Phases = []string{"react", "react"} }), "twice"},
		{"publish no phase", author, OpPublish, edit(v1, func(p *Publish) { p.Phases = nil }), "phases is empty"},
		{"publish a grant to the system", author, OpPublish, edit(v1, func(p *Publish) { p.Write = []abi.Pattern{"/_kalima/**"} }), "only system operations"},
		{"publish a grant to all", author, OpPublish, edit(v1, func(p *Publish) { p.Write = []abi.Pattern{"/**"} }), "may not be a wildcard"},
		{"publish without digest", author, OpPublish, edit(v1, func(p *Publish) { p.Source = abi.Digest{} }), "need a digest"},
		{"publish a huge bundle", author, OpPublish, edit(v1, func(p *Publish) { p.Size = MaxBundle + 1 }), "at most"},
		{"publish a trick in the description", author, OpPublish, edit(v1, func(p *Publish) { p.Description = "safe\u202e" }), "invisible character"},
		{"approve without role", author, OpApprove, unapproved.approve(), "needs role reviewer"},
		{"approve one's own", actor("author", RoleAuthor, RoleReviewer), OpApprove, unapproved.approve(), "may not approve it"},
		{"approve one's own as admin", admin, OpApprove, mine.approve(), "may not approve it"},
		{"approve other bytes", reviewer, OpApprove, Approve{Name: "fresh", Version: "1.0.0", Bundle: v1.Bundle}, "not " + v1.Bundle.Short()},
		{"approve what is not there", reviewer, OpApprove, Approve{Name: "fresh", Version: "9.0.0"}, "never published"},
		{"approve twice", reviewer, OpApprove, v1.approve(), "approved meter 1.0.0 already"},
		{"approve a revoked one", admin, OpApprove, revoked.approve(), "was revoked"},
		{"deploy without role", reviewer, OpDeploy, v1.deploy("validate", "/a"), "needs role operator"},
		{"deploy an unapproved one", operator, OpDeploy, unapproved.deploy("validate", "/a"), "is not approved"},
		{"deploy a revoked one", operator, OpDeploy, revoked.deploy("validate", "/a"), "was revoked"},
		{"deploy other bytes", operator, OpDeploy, func() Deploy { d := v1.deploy("validate", "/a"); d.Bundle = v2.Bundle; return d }(), "not " + v2.Bundle.Short()},
		{"deploy a phase it has not", operator, OpDeploy, other.deploy("react", "/a"), "has no phase react"},
		{"deploy a phase nobody binds", operator, OpDeploy, v1.deploy("migrate", "/a"), "can not be deployed"},
		{"deploy with an origin nobody declared", operator, OpDeploy, func() Deploy { d := both.deploy("react", "/a"); d.HTTP = []string{"https://a.b"}; return d }(), "was not declared"},
		{"deploy with a clock nobody declared", operator, OpDeploy, func() Deploy { d := both.deploy("react", "/a"); d.Clock = true; return d }(), "was not declared"},
		{"deploy a validate contract on events", operator, OpDeploy, both.deploy("validate", "/_kalima/events/meter"), "where no contract runs"},
		{"publish http without react", author, OpPublish, edit(v1, func(p *Publish) { p.HTTP = []string{"https://a.b"} }), "phase react"},
		{"publish a path for an origin", author, OpPublish, edit(both, func(p *Publish) { p.HTTP = []string{"https://a.b/"} }), "not an origin"},
		{"publish a user in an origin", author, OpPublish, edit(both, func(p *Publish) { p.HTTP = []string{"https://u@a.b"} }), "not an origin"},
		{"publish a file for an origin", author, OpPublish, edit(both, func(p *Publish) { p.HTTP = []string{"file:///etc"} }), "not an origin"},
		{"publish an origin twice", author, OpPublish, edit(both, func(p *Publish) { p.HTTP = []string{"https://a.b", "https://a.b"} }), "twice"},
		{"deploy on the system", operator, OpDeploy, v1.deploy("validate", "/_kalima/**"), "where no contract runs"},
		{"deploy on a bad pattern", operator, OpDeploy, v1.deploy("validate", "/a/**/b"), "only at the end"},
		{"deploy on a long pattern", operator, OpDeploy, v1.deploy("validate", string(long)), "at most 200"},
		{"deploy an older version", operator, OpDeploy, v1.deploy("validate", "/plant/**"), "newer than 1.0.0"},
		{"deploy over another's state", operator, OpDeploy, func() Deploy { d := other.deploy("validate", "/a"); d.Instance = "meter"; return d }(), "holds the state of contract meter"},
		{"deploy under a bad instance", operator, OpDeploy, func() Deploy { d := v1.deploy("validate", "/a"); d.Instance = "a b"; return d }(), "instance"},
		{"undeploy what is not there", operator, OpUndeploy, Undeploy{Instance: "other"}, "is not deployed"},
		{"undeploy half named", operator, OpUndeploy, Undeploy{Instance: "meter", Phase: "validate"}, "or neither"},
		{"undeploy the other phase", operator, OpUndeploy, Undeploy{Instance: "meter", Phase: "react", Pattern: "/plant/**"}, "is not deployed for"},
		{"undeploy without role", author, OpUndeploy, Undeploy{Instance: "meter"}, "needs role operator"},
		{"revoke without role", operator, OpRevoke, Revoke{Bundle: v1.Bundle, Reason: "x"}, "needs role reviewer"},
		{"revoke without reason", reviewer, OpRevoke, Revoke{Bundle: v1.Bundle}, "reason"},
		{"revoke twice", reviewer, OpRevoke, Revoke{Bundle: revoked.Bundle, Reason: "x"}, "revoked already"},
		{"an unknown operation", admin, "contract.burn", Revoke{}, "not an operation"},
		{"an unknown key", admin, OpUndeploy, map[string]any{"instance": "meter", "force": true}, "unknown field"},
		{"a body too large", admin, OpUndeploy, map[string]any{"instance": strings.Repeat("x", MaxBody)}, "at most 6144"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := fmt.Sprint(m.values)
			f := m.do(t, tt.env, tt.op, tt.body)
			if f == nil {
				t.Fatalf("Apply(%s, %+v) was accepted, want %q", tt.op, tt.body, tt.want)
			}
			if f.Code != abi.SystemRejected || !strings.Contains(f.Message, tt.want) {
				t.Errorf("Apply(%s, %+v) = %v %q, want %v with %q", tt.op, tt.body, f.Code, f.Message, abi.SystemRejected, tt.want)
			}
			if after := fmt.Sprint(m.values); after != before {
				t.Errorf("Apply(%s) was refused and changed the state", tt.op)
			}
		})
	}
}

// What an operation puts into its block, body and writes together, stays below a block.
func TestOperationsFitABlock(t *testing.T) {
	const block = 16<<10 - 1024 // header, signature and outcome
	m := newMemory()
	p := version(strings.Repeat("n", MaxName), "1.0.0", "validate", "react")
	p.Description = strings.Repeat("<", 300)
	for i := range MaxPatterns - 1 {
		p.Write = append(p.Write, abi.Pattern(fmt.Sprintf("/w%02d%s", i, strings.Repeat("x", 96))))
	}
	p.Submit = []abi.Pattern{abi.Pattern("/a" + strings.Repeat("y", 250))}
	size := func(env Env, op string, body any) {
		t.Helper()
		text, _ := json.Marshal(body)
		writes, fault := Apply(m, env, op, text)
		if fault != nil {
			t.Fatalf("Apply(%s): %v", op, fault)
		}
		n := len(text)
		for _, w := range writes {
			n += len(w.Address) + len(w.Key) + len(w.Value)
		}
		if n > block {
			t.Errorf("%s takes %d bytes of a block, at most %d", op, n, block)
		}
		m.must(t, env, op, body)
	}
	size(author, OpPublish, p)
	for i := range maxApprovals {
		size(actor(string(rune('A'+i))+strings.Repeat("r", 40), RoleReviewer), OpApprove, p.approve())
	}
	for i := range MaxInstanceBindings {
		pattern := fmt.Sprintf("/%02d%s", i, strings.Repeat("p", MaxBindingPattern-3))
		size(operator, OpDeploy, p.deploy("validate", pattern))
	}
	if f := m.do(t, operator, OpDeploy, p.deploy("react", "/one/more")); f == nil || !strings.Contains(f.Message, "bindings already") {
		t.Errorf("deploy beyond the limit = %v, want: bindings already", f)
	}
	size(reviewer, OpRevoke, Revoke{Bundle: p.Bundle, Reason: strings.Repeat("x", MaxReason)})
	size(operator, OpUndeploy, Undeploy{Instance: p.Name})
}

func TestBindingsAreBounded(t *testing.T) {
	m, p := newMemory(), version("meter", "1.0.0")
	m.must(t, author, OpPublish, p)
	m.must(t, reviewer, OpApprove, p.approve())
	d := p.deploy("validate", "/a")
	for i := range MaxBindings {
		d.Instance = fmt.Sprintf("meter-%d", i)
		m.must(t, operator, OpDeploy, d)
	}
	d.Instance = "one-more"
	if f := m.do(t, operator, OpDeploy, d); f == nil || !strings.Contains(f.Message, "the chain has 256 bindings") {
		t.Errorf("deploy number 257 = %v, want: the chain has 256 bindings", f)
	}
	d.Instance = "meter-7"
	m.must(t, operator, OpDeploy, d) // the same binding again takes no room
}

func TestBindingNeverMatchesTheSystem(t *testing.T) {
	b := Binding{Pattern: "/**"}
	for a, want := range map[abi.Address]bool{"/a": true, "/_kalima": false, "/_kalima/bindings": false, "/_kalimas": true} {
		if got := b.Matches(a); got != want {
			t.Errorf("Binding(/**).Matches(%s) = %v, want %v", a, got, want)
		}
	}
}

// Random actors do random things in random order, against the rules written as a list of
// what happened: whatever they try, no binding names bytes that nobody else approved, an
// instance has one version, and the same steps give the same state.
func TestNothingUnapprovedIsBound(t *testing.T) {
	for seed := range uint64(40) {
		a, b := play(t, seed), play(t, seed)
		if !bytes.Equal(a, b) {
			t.Fatalf("seed %d: two plays end in different states", seed)
		}
	}
}

func play(t *testing.T, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	m := newMemory()
	type act struct {
		by     abi.Identity
		digest abi.Digest
	}
	published, approvedBy, revoked := map[abi.Digest]abi.Identity{}, map[act]bool{}, map[abi.Digest]bool{}
	people := []Env{author, reviewer, operator, admin, device, actor("both", RoleAuthor, RoleReviewer), actor("chief", RoleAuthor, RoleReviewer, RoleOperator)}
	var versions []Publish
	for _, name := range []string{"a", "b"} {
		for _, v := range []string{"1.0.0", "1.0.1-rc.1", "2.0.0"} {
			versions = append(versions, version(name, v, "validate", "react"))
		}
	}
	for step := range 400 {
		who, v := people[rng.IntN(len(people))], versions[rng.IntN(len(versions))]
		var fault *abi.Fault
		switch rng.IntN(8) {
		case 0:
			if fault = m.do(t, who, OpPublish, v); fault == nil {
				published[v.Bundle] = who.Sender
			}
		case 1, 2:
			if fault = m.do(t, who, OpApprove, v.approve()); fault == nil {
				approvedBy[act{who.Sender, v.Bundle}] = true
			}
		case 3, 4, 5:
			d := v.deploy([]string{"validate", "react"}[rng.IntN(2)], []string{"/p/**", "/q"}[rng.IntN(2)])
			d.Instance = []string{"a", "b", "c"}[rng.IntN(3)]
			m.do(t, who, OpDeploy, d)
		case 6:
			m.do(t, who, OpUndeploy, Undeploy{Instance: v.Name})
		case 7:
			if rng.IntN(10) == 0 {
				if fault = m.do(t, who, OpRevoke, Revoke{Bundle: v.Bundle, Reason: "r"}); fault == nil {
					revoked[v.Bundle] = true
				}
			}
		}
		bindings, err := Bindings(m)
		if err != nil {
			t.Fatalf("seed %d step %d: Bindings: %v", seed, step, err)
		}
		versionOf := map[string]string{}
		for _, b := range bindings {
			by, known := published[b.Digest]
			approved := false
			for a := range approvedBy {
				approved = approved || a.digest == b.Digest && a.by != by
			}
			if !known || !approved || b.Revoked != revoked[b.Digest] || Approved(m, b.Digest) == revoked[b.Digest] {
				t.Fatalf("seed %d step %d: binding %+v: published %v, approved by another %v, revoked %v", seed, step, b, known, approved, revoked[b.Digest])
			}
			if was := versionOf[b.Instance]; was != "" && was != b.Name+b.Version {
				t.Fatalf("seed %d step %d: instance %s runs %s and %s", seed, step, b.Instance, was, b.Version)
			}
			versionOf[b.Instance] = b.Name + b.Version
		}
	}
	return []byte(fmt.Sprint(m.values))
}

func FuzzApply(f *testing.F) {
	for _, op := range []string{OpPublish, OpApprove, OpDeploy, OpUndeploy, OpRevoke} {
		f.Add(op, []byte(`{"name":"meter","version":"1.0.0"}`))
	}
	body, _ := json.Marshal(version("meter", "1.1.0"))
	f.Add(OpPublish, body)
	m, v := newMemory(), version("meter", "1.0.0")
	m.must(f, author, OpPublish, v)
	m.must(f, reviewer, OpApprove, v.approve())
	f.Fuzz(func(t *testing.T, op string, body []byte) {
		writes, fault := Apply(m, admin, op, body)
		if fault != nil && (fault.Code != abi.SystemRejected || len(writes) > 0) {
			t.Errorf("Apply(%q, %q) = %d writes, %v", op, body, len(writes), fault)
		}
		for _, w := range writes {
			if w.Address != ContractsAddress && w.Address != BindingsAddress && w.Address != OwnersAddress &&
				!strings.HasPrefix(string(w.Address), string(ContractsAddress)+"/") {
				t.Errorf("Apply(%q, %q) writes to %s", op, body, w.Address)
			}
		}
	})
}
