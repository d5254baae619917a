package contracts

import (
	"context"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

// versions deploys version 1.0.0 of a contract and returns version 2.0.0, approved, whose
// migrate is f.
func versions(n *net, f func(*host.Session) *abi.Fault) registry.Publish {
	n.t.Helper()
	n.deploy("meter", "/plant/**", func(s *host.Session) *abi.Fault { return s.Put("", "count", []byte("7")) })
	n.do(3, chain.Put("/plant/press", "temp", []byte("21")))
	n.script.entry["v2"] = func(s *host.Session) *abi.Fault {
		if s.Call.Phase == abi.Migrate {
			return f(s)
		}
		return nil
	}
	p := n.bundle("meter", "2.0.0", "v2", `phases = ["validate", "migrate"]`)
	n.approve(p)
	return p
}

// A deployment that replaces a version runs migrate of the new one, once, on the state that the
// old one left, in the same transaction.
func TestMigrate(t *testing.T) {
	n := newNet(t)
	runs := 0
	p := versions(n, func(s *host.Session) *abi.Fault {
		runs++
		v, _, f := s.Get("", "count")
		if f != nil {
			return f
		}
		if s.Call.Key != "1.0.0" || string(s.Call.Value) != "2.0.0" || s.Call.Address != abi.StateAddress("meter") || s.Call.Contract != "meter" {
			t.Errorf("migrate was called with %s %s = %q for %s", s.Call.Address, s.Call.Key, s.Call.Value, s.Call.Contract)
		}
		if f := s.Emit("migrated", v); f != nil {
			return f
		}
		return s.Put("", "total", v)
	})
	out := n.do(2, n.deployOp(p, "validate", "/plant/**"))
	if out.Gas != 10 || len(out.Reads) != 1 || runs != 1 {
		t.Errorf("deploy: gas %d, %d reads, %d runs, want 10, 1 and 1", out.Gas, len(out.Reads), runs)
	}
	n.cut()
	if v, _ := n.state.Get(abi.StateAddress("meter"), "total"); string(v) != "7" {
		t.Errorf("state after migrate: total = %q, want 7", v)
	}
	if v, _ := n.state.Get(abi.EventsAddress("meter"), "migrated"); string(v) != "7" {
		t.Errorf("event after migrate = %q, want 7", v)
	}
	n.do(2, n.deployOp(p, "validate", "/mill/**"))
	if runs != 1 {
		t.Errorf("migrate ran %d times, want once", runs)
	}
	n.do(2, system(t, registry.OpUndeploy, registry.Undeploy{Instance: "meter"}))
	p3 := n.bundle("meter", "3.0.0", "v2", `phases = ["validate", "migrate"]`+"\ndescription = \"third\"")
	n.approve(p3)
	n.script.entry["v2"] = func(s *host.Session) *abi.Fault {
		if s.Call.Phase == abi.Migrate && s.Call.Key != "2.0.0" {
			return abi.Faultf(abi.Rejected, "from %s", s.Call.Key)
		}
		runs++
		return nil
	}
	n.do(2, n.deployOp(p3, "validate", "/plant/**"))
	if runs != 2 {
		t.Errorf("migrate ran %d times, want once more: the state is that of 2.0.0, deployed or not", runs)
	}
}

// What migrate does not accept is not deployed, and leaves nothing behind.
func TestMigrateRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    func(*host.Session) *abi.Fault
		code abi.Code
		want string
	}{
		{"rejects", func(s *host.Session) *abi.Fault { s.Put("", "x", []byte("y")); return s.Reject(3, "count is odd") }, abi.Rejected, "count is odd"},
		{"faults", func(s *host.Session) *abi.Fault { return s.Put("/plant/press", "temp", []byte("0")) }, abi.Denied, "contract meter: "},
		{"may not submit", func(s *host.Session) *abi.Fault { return s.Submit("/alarms/x", "k", nil) }, abi.Denied, "may not submit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNet(t)
			p := versions(n, tt.f)
			out, err := n.execute(2, n.deployOp(p, "validate", "/plant/**"))
			if err != nil || out.Code != tt.code || !strings.Contains(out.Message, tt.want) || len(out.Writes) > 0 || out.Gas != 10 {
				t.Errorf("deploy = %v %q, %d writes, %d gas, %v, want %v with %q", out.Code, out.Message, len(out.Writes), out.Gas, err, tt.code, tt.want)
			}
			n.cut()
			bs, err := registry.InstanceBindings(n.state, "meter")
			if err != nil || len(bs) != 1 || bs[0].Version != "1.0.0" {
				t.Errorf("bindings = %+v, %v, want version 1.0.0", bs, err)
			}
		})
	}
}

// One contract asks another, which sees what the first has written.
func TestQuery(t *testing.T) {
	n := newNet(t)
	n.script.entry["ask"] = func(s *host.Session) *abi.Fault {
		switch {
		case s.Call.Phase != abi.Query:
			return nil
		case s.Call.Key == "no":
			return s.Reject(1, "no")
		case s.Call.Key == "trap":
			return abi.Faultf(abi.Trap, "oops")
		}
		v, _, f := s.Get(string(abi.StateAddress("user")), "k")
		if f != nil {
			return f
		}
		return s.Reply([]byte(s.Call.Key + string(v)))
	}
	lib := n.bundle("lib", "1.0.0", "ask", `phases = ["query"]`)
	n.approve(lib)
	n.do(2, n.deployOp(lib, "query", "/any"))
	n.deploy("plain", "/elsewhere", func(*host.Session) *abi.Fault { return nil })
	n.deploy("user", "/plant/**", func(s *host.Session) *abi.Fault {
		if f := s.Put("", "k", []byte("mine")); f != nil {
			return f
		}
		name, question, _ := strings.Cut(string(s.Call.Value), " ")
		v, ok, f, err := s.Query(context.Background(), name, question, nil)
		if err != nil {
			t.Error(err)
		}
		if f != nil {
			return f
		}
		if !ok {
			v = []byte("none")
		}
		return s.Put("", "answer", v)
	})
	for _, tt := range []struct {
		ask, want string
		code      abi.Code
		message   string
	}{
		{ask: "lib what", want: "whatmine"},
		{ask: "lib no", want: "none"},
		{ask: "nobody what", want: "none"},
		{ask: "plain what", want: "none"},
		{ask: "a/b what", want: "none"},
		{ask: "lib trap", code: abi.Trap, message: "contract user: query of lib: oops"},
	} {
		out, err := n.execute(3, chain.Put("/plant/press", "temp", []byte(tt.ask)))
		answer := ""
		for _, w := range out.Writes {
			if w.Key == "answer" {
				answer = string(w.Value)
			}
		}
		if err != nil || out.Code != tt.code || answer != tt.want || out.Message != tt.message {
			t.Errorf("%q: %v %q, answer %q, %v, want %v %q, answer %q", tt.ask, out.Code, out.Message, answer, err, tt.code, tt.message, tt.want)
		}
	}
	n.cut()
	r, found, err := n.engine.Query(t.Context(), n.state, abi.Call{Contract: "lib", Key: "what"})
	if err != nil || !found || string(r.Reply) != "whatmine" {
		t.Errorf("Query(lib) = %q, %t, %v, want whatmine", r.Reply, found, err)
	}
	n.do(1, system(t, registry.OpRevoke, registry.Revoke{Bundle: lib.Bundle, Reason: "bad"}))
	if out, err := n.execute(3, chain.Put("/plant/press", "temp", []byte("lib what"))); err != nil || out.Code != abi.Denied {
		t.Errorf("asking a revoked contract = %v %q, %v, want %v", out.Code, out.Message, err, abi.Denied)
	}
}

// Capabilities reach a contract only when its deployment granted them, and only in react.
func TestCapabilities(t *testing.T) {
	n := newNet(t)
	n.engine.cfg.World = fixedWorld{}
	var grants []host.Grant
	n.script.entry["cap"] = func(s *host.Session) *abi.Fault {
		grants = append(grants, s.Grant())
		_, f := s.Clock()
		return f
	}
	p := n.bundle("cap", "1.0.0", "cap", "phases = [\"validate\", \"react\"]\nhttp = [\"https://a.b\", \"https://c.d\"]\nclock = true")
	n.approve(p)
	d := registry.Deploy{Name: "cap", Version: "1.0.0", Bundle: p.Bundle, Phase: "react", Pattern: "/plant/**"}
	n.do(2, system(t, registry.OpDeploy, d))
	n.cut()
	react := func() (host.Result, error) {
		bs, err := registry.InstanceBindings(n.state, "cap")
		if err != nil {
			t.Fatal(err)
		}
		return n.engine.React(t.Context(), bs[0], n.state, abi.Call{Address: "/plant/x", Key: "k"})
	}
	if r, err := react(); err != nil || r.Fault == nil || r.Fault.Code != abi.Denied {
		t.Errorf("clock without a grant = %+v, %v, want %v", r.Fault, err, abi.Denied)
	}
	d.Capabilities = registry.Capabilities{HTTP: []string{"https://c.d"}, Clock: true}
	n.do(2, system(t, registry.OpDeploy, d))
	n.cut()
	if r, err := react(); err != nil || r.Fault != nil {
		t.Errorf("clock with a grant = %v, %v, want it", r.Fault, err)
	}
	if g := grants[1]; len(g.HTTP) != 1 || g.HTTP[0] != "https://c.d" || !g.Clock {
		t.Errorf("grant = %+v, want what the deployment named", g)
	}
}

type fixedWorld struct{}

func (fixedWorld) HTTP(context.Context, host.HTTPRequest) (host.HTTPResponse, error) {
	return host.HTTPResponse{Status: 200}, nil
}
func (fixedWorld) Now() abi.Time { return 42 }

// A react contract can be bound to what another contract emits, and to nothing else of the
// chain's own.
func TestReactToEvents(t *testing.T) {
	n := newNet(t)
	p := n.contract("listener", "react", func(*host.Session) *abi.Fault { return nil })
	n.approve(p)
	n.do(2, n.deployOp(p, "react", "/_kalima/events/meter"))
	n.do(2, n.deployOp(p, "react", "/**"))
	n.cut()
	for _, tt := range []struct {
		address abi.Address
		want    int
	}{{"/_kalima/events/meter", 1}, {"/_kalima/events/other", 0}, {"/_kalima/contracts", 0}, {"/plant", 1}} {
		got, err := n.bindings.For(n.state, abi.React, tt.address)
		if err != nil || len(got) != tt.want {
			t.Errorf("For(%s) = %d bindings, %v, want %d", tt.address, len(got), err, tt.want)
		}
	}
}
