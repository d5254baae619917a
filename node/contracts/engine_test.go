package contracts

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

// Two contracts run in the order of their names; the second sees what the first wrote, and
// the outcome holds the reads of both.
func TestValidate(t *testing.T) {
	n := newNet(t)
	n.deploy("b-second", "/plant/**", func(s *host.Session) *abi.Fault {
		v, ok, f := s.Get("/out/x", "last")
		if f != nil {
			return f
		}
		next, _, f := s.Next("/out/x", "")
		if f != nil {
			return f
		}
		if !ok || string(v) != "21" || next != "last" {
			return abi.Faultf(abi.Rejected, "read %q %v, next %q", v, ok, next)
		}
		return s.Put("", "seen", v)
	})
	n.deploy("a-first", "/plant/*", func(s *host.Session) *abi.Fault {
		if v, f := s.Field(abi.FieldContract); f != nil || string(v) != "a-first" {
			return abi.Faultf(abi.Rejected, "contract is %q", v)
		}
		if _, ok, f := s.Get("/plant/press", "temp"); f != nil || ok {
			return abi.Faultf(abi.Rejected, "the operation is done already")
		}
		return s.Put("/out/x", "last", s.Call.Value)
	})
	out := n.do(3, chain.Put("/plant/press", "temp", []byte("21")))
	wantReads := []chain.Read{
		{Address: "/plant/press", Key: "temp"}, {Address: "/out/x", Key: "last"},
	}
	if out.Gas != 20 || !reflect.DeepEqual(out.Reads, wantReads) {
		t.Errorf("outcome = gas %d, reads %v, want 20 and %v", out.Gas, out.Reads, wantReads)
	}
	if len(out.Writes) != 2 || out.Writes[0].Address != "/out/x" || out.Writes[1].Address != abi.StateAddress("b-second") {
		t.Errorf("writes = %+v, want those of a-first, then of b-second", out.Writes)
	}
	if out = n.do(3, chain.Put("/elsewhere", "temp", []byte("21"))); out.Gas != 0 || len(out.Reads) != 0 {
		t.Errorf("outcome where nothing is bound = %+v", out)
	}
	n.cut()
	if v, _ := n.state.Get(abi.StateAddress("b-second"), "seen"); string(v) != "21" {
		t.Errorf("state of b-second = %q, want 21", v)
	}
}

// The first fault ends the operation: later contracts do not run, nothing is written.
func TestFirstFault(t *testing.T) {
	n := newNet(t)
	ran := false
	n.deploy("a", "/p", func(s *host.Session) *abi.Fault { return s.Put("/out/x", "k", []byte("v")) })
	n.deploy("b", "/p", func(s *host.Session) *abi.Fault { s.Get("/p", "k"); f := s.Reject(7, "too hot"); return f })
	n.deploy("c", "/p", func(s *host.Session) *abi.Fault { ran = true; return nil })
	out, err := n.execute(3, chain.Put("/p", "k", []byte("v")))
	if err != nil {
		t.Fatal(err)
	}
	if out.Code != abi.Rejected || out.Reason != 7 || out.Message != "too hot" || out.Gas != 20 || len(out.Writes) != 0 || len(out.Reads) != 1 {
		t.Errorf("outcome = %+v, want rejected (7) too hot, gas 20, no writes, 1 read", out)
	}
	if ran {
		t.Error("a contract ran after the first fault")
	}
}

// An instance whose two patterns select the address runs once.
func TestOncePerInstance(t *testing.T) {
	n := newNet(t)
	runs := 0
	p := n.deploy("one", "/p/*", func(s *host.Session) *abi.Fault { runs++; return nil })
	n.do(2, n.deployOp(p, "validate", "/p/**"))
	n.do(3, chain.Put("/p/x", "k", []byte("v")))
	if runs != 1 {
		t.Errorf("contract ran %d times, want once", runs)
	}
}

// What every master finds in the same way is an outcome.
func TestDeterministicFaults(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(n *net)
		code abi.Code
		want string
	}{
		{"revoked", func(n *net) {
			p := n.deploy("c", "/p", func(*host.Session) *abi.Fault { return nil })
			n.do(3, chain.Put("/p", "k", []byte("before")))
			n.do(1, system(n.t, registry.OpRevoke, registry.Revoke{Bundle: p.Bundle, Reason: "bad"}))
		}, abi.Denied, "contract c is not approved"},
		{"refused by the runtime", func(n *net) {
			n.deploy("c", "/p", nil)
		}, abi.WrongABI, "contract c: ABI 2"},
		{"record wider than the manifest", func(n *net) {
			p := n.contract("c", "validate", func(*host.Session) *abi.Fault { return nil })
			p.Write = append(p.Write, "/secrets/*")
			n.approve(p)
			n.do(2, n.deployOp(p, "validate", "/p"))
		}, abi.Denied, "its manifest says other things"},
		{"record of another language", func(n *net) {
			n.engine.cfg.Runtimes["go"] = n.script
			p := n.contract("c", "validate", func(*host.Session) *abi.Fault { return nil })
			p.Language = registry.Go
			n.approve(p)
			n.do(2, n.deployOp(p, "validate", "/p"))
		}, abi.Denied, "its record says go"},
		{"bytes that are no bundle", func(n *net) {
			p := n.contract("c", "validate", nil)
			p.Bundle = registry.DigestOf([]byte("noise"))
			n.blobs[p.Bundle] = []byte("noise")
			n.approve(p)
			n.do(2, n.deployOp(p, "validate", "/p"))
		}, abi.Denied, "not a bundle"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNet(t)
			tt.do(n)
			for range 2 { // the second time from the cache
				out, err := n.execute(3, chain.Put("/p", "k", []byte("v")))
				if err != nil || out.Code != tt.code || !strings.Contains(out.Message, tt.want) {
					t.Errorf("Execute = %v %q, %v, want %v with %q", out.Code, out.Message, err, tt.code, tt.want)
				}
			}
			if loads := n.script.count(n.script.loads, "c"); loads > 1 {
				t.Errorf("loaded %d times, want at most once", loads)
			}
		})
	}
}

// What may differ between nodes is an error, leaves nothing behind and is tried again.
func TestNodeFailures(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spoil  func(n *net, d abi.Digest)
		repair func(n *net, d abi.Digest)
	}{
		{"bytes missing", func(n *net, d abi.Digest) { n.blobs[abi.Digest{}] = n.blobs[d]; delete(n.blobs, d) },
			func(n *net, d abi.Digest) { n.blobs[d] = n.blobs[abi.Digest{}] }},
		{"other bytes", func(n *net, d abi.Digest) { n.blobs[abi.Digest{}] = n.blobs[d]; n.blobs[d] = []byte("KALIMAB1 lies") },
			func(n *net, d abi.Digest) { n.blobs[d] = n.blobs[abi.Digest{}] }},
		{"runtime out of processes", func(n *net, d abi.Digest) { n.script.fail = errProcesses },
			func(n *net, d abi.Digest) { n.script.fail = nil }},
		{"no runtime", func(n *net, d abi.Digest) { delete(n.engine.cfg.Runtimes, "js") },
			func(n *net, d abi.Digest) { n.engine.cfg.Runtimes["js"] = n.script }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNet(t)
			p := n.deploy("c", "/p", func(s *host.Session) *abi.Fault { return nil })
			tt.spoil(n, p.Bundle)
			before := n.builder.Len()
			if out, err := n.execute(3, chain.Put("/p", "k", []byte("v"))); err == nil {
				t.Fatalf("Execute = %v %q, want an error of the node", out.Code, out.Message)
			}
			if n.builder.Len() != before {
				t.Error("the block holds a transaction that this node could not run")
			}
			tt.repair(n, p.Bundle)
			n.do(3, chain.Put("/p", "k", []byte("v")))
		})
	}
}

// A transaction that is dropped leaves nothing in the cache: another may reach the same
// sequences with other records.
func TestBindingsOfADroppedTransaction(t *testing.T) {
	n := newNet(t)
	ran := map[string]int{}
	count := func(name string) func(*host.Session) *abi.Fault {
		return func(*host.Session) *abi.Fault { ran[name]++; return nil }
	}
	a, b := n.contract("a", "validate", count("a")), n.contract("b", "validate", count("b"))
	n.approve(a)
	n.approve(b)
	n.do(3, chain.Put("/p", "k", []byte("v"))) // fills the cache: nothing is bound
	out, err := n.execute(2, n.deployOp(a, "validate", "/p"), chain.Put("/p", "k", []byte("v")), chain.Move("/p", "absent", "/p", "k"))
	if err != nil || out.Accepted() || ran["a"] != 1 {
		t.Fatalf("Execute = %v, %v; a ran %d times, want a refusal after one run", out.Code, err, ran["a"])
	}
	n.do(2, n.deployOp(b, "validate", "/p"), chain.Put("/p", "k", []byte("v")))
	n.do(3, chain.Put("/p", "k", []byte("v")))
	if ran["a"] != 1 || ran["b"] != 2 {
		t.Errorf("runs = %v, want a 1 and b 2", ran)
	}
}

// For follows deploy, another version and undeploy.
func TestBindingsFollowTheChain(t *testing.T) {
	n := newNet(t)
	names := func() (out []string) {
		t.Helper()
		n.cut()
		n.builder.Begin(2)
		n.open = true
		found, err := n.bindings.For(n.state, abi.Validate, "/p/x")
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range found {
			out = append(out, b.Instance)
		}
		return out
	}
	n.do(3, chain.Put("/p/x", "k", []byte("v")))
	if got := names(); got != nil {
		t.Errorf("For before deploy = %v", got)
	}
	n.deploy("z", "/p/**", func(*host.Session) *abi.Fault { return nil })
	n.deploy("a", "/**", func(*host.Session) *abi.Fault { return nil })
	if got := names(); !reflect.DeepEqual(got, []string{"a", "z"}) {
		t.Errorf("For = %v, want a and z", got)
	}
	if found, err := n.bindings.For(n.state, abi.React, "/p/x"); len(found) != 0 || err != nil {
		t.Errorf("For(react) = %v, %v, want none", found, err)
	}
	if found, err := n.bindings.For(n.state, abi.Validate, "/_kalima/grants"); len(found) != 0 || err != nil {
		t.Errorf("For(a system address) = %v, %v, want none", found, err)
	}
	n.do(2, system(t, registry.OpUndeploy, registry.Undeploy{Instance: "z"}))
	if got := names(); !reflect.DeepEqual(got, []string{"a"}) {
		t.Errorf("For after undeploy = %v, want a", got)
	}
}

func TestReact(t *testing.T) {
	n := newNet(t)
	p := n.contract("alarm", "react", func(s *host.Session) *abi.Fault {
		v, _, f := s.Get("/limits", "max")
		if f != nil {
			return f
		}
		if f := s.Put("", "k", v); f == nil || f.Code != abi.Denied {
			return abi.Faultf(abi.Rejected, "put in react = %v, want denied", f)
		}
		return s.Submit("/alarms/a", s.Call.Key, append(v, s.Call.Value...))
	})
	n.approve(p)
	n.do(2, n.deployOp(p, "react", "/p"))
	n.do(3, chain.Put("/limits", "max", []byte("90")))
	n.cut()
	found, err := n.bindings.For(n.state, abi.React, "/p")
	if err != nil || len(found) != 1 {
		t.Fatalf("For(react) = %v, %v, want one binding", found, err)
	}
	call := abi.Call{Address: "/p", Key: "temp", Value: []byte("!")}
	r, err := n.engine.React(t.Context(), found[0], n.state, call)
	want := []abi.Write{{Address: "/alarms/a", Key: "temp", Value: []byte("90!")}}
	if err != nil || r.Fault != nil || !reflect.DeepEqual(r.Submits, want) {
		t.Errorf("React = %+v, %v, want submits %v", r, err, want)
	}
	n.do(1, system(t, registry.OpRevoke, registry.Revoke{Bundle: p.Bundle, Reason: "bad"}))
	n.cut()
	if r, err = n.engine.React(t.Context(), found[0], n.state, call); err != nil || r.Fault == nil || r.Fault.Code != abi.Denied {
		t.Errorf("React after revoke = %+v, %v, want denied", r, err)
	}
}

// However many calls ask at once, a digest is loaded once; who stops waiting spoils
// nothing for the others.
func TestLoadOnce(t *testing.T) {
	n := newNet(t)
	p := n.deploy("c", "/p", func(*host.Session) *abi.Fault { return nil })
	n.script.gate = make(chan struct{})
	n.cut()
	found, err := n.bindings.For(n.state, abi.Validate, "/p")
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.engine.Warm(ctx, found[0]); !errors.Is(err, context.Canceled) {
		t.Errorf("Warm with an ended context = %v, want Canceled", err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if f, err := n.engine.Warm(t.Context(), found[0]); f != nil || err != nil {
				t.Errorf("Warm = %v, %v", f, err)
			}
		})
	}
	close(n.script.gate)
	wg.Wait()
	if loads := n.script.count(n.script.loads, p.Name); loads != 1 {
		t.Errorf("loaded %d times, want once", loads)
	}
}

// The cache holds what Config says. A module that is evicted while it runs is closed after
// the call; one that is evicted is loaded again.
func TestEviction(t *testing.T) {
	n := newNet(t)
	n.engine.Close()
	n.engine = New(Config{Runtimes: map[string]host.Runtime{"js": n.script}, Fetch: n.fetch, MaxModules: leastModule})
	var inner error
	n.deploy("other", "/other", func(*host.Session) *abi.Fault { return nil })
	n.deploy("outer", "/p", func(s *host.Session) *abi.Fault {
		found, err := new(Bindings).For(n.state, abi.Validate, "/other")
		if err == nil && len(found) == 1 {
			_, err = n.engine.Warm(context.Background(), found[0]) // evicts the module that runs
		}
		inner = err
		if c := n.script.count(n.script.closed, "outer"); c != 0 {
			return abi.Faultf(abi.Rejected, "closed while it runs")
		}
		return nil
	})
	n.cut()
	n.do(3, chain.Put("/p", "k", []byte("v")))
	if inner != nil {
		t.Fatal(inner)
	}
	if c := n.script.count(n.script.closed, "outer"); c != 1 {
		t.Errorf("evicted module was closed %d times after its call, want once", c)
	}
	n.engine.Close()
	if c := n.script.count(n.script.closed, "other"); c != 1 {
		t.Errorf("Close closed the other module %d times, want once", c)
	}
	if _, err := n.engine.Warm(t.Context(), registry.Binding{}); !errors.Is(err, errClosed) {
		t.Errorf("Warm after Close = %v, want errClosed", err)
	}
}

// BenchmarkValidateUnbound is what every operation pays where nothing is bound.
func BenchmarkValidateUnbound(b *testing.B) {
	n := newNet(b)
	call := abi.Call{Address: "/plant/line/press", Key: "temp", Value: []byte("1")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := n.engine.Validate(b.Context(), n.bindings, n.state, call); err != nil {
			b.Fatal(err)
		}
	}
}
