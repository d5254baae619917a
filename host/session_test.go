package host_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

// purse is a meter with a limit.
type purse struct{ left, charged uint64 }

func (p *purse) Charge(n uint64) *abi.Fault {
	p.charged += n
	if n > p.left {
		return abi.Faultf(abi.OutOfGas, "out of gas")
	}
	p.left -= n
	return nil
}

func (p *purse) Left() uint64 { return p.left }

func begin(phase abi.Phase, limits host.Limits) (*host.Session, *purse) {
	state := hosttest.State{abi.StateAddress("conf"): {"a": "1", "c": "3"}, "/other": {"x": "y"}}
	s := host.NewSession(hosttest.NewCall(phase, "key", "value"), state,
		host.Grant{Write: []abi.Pattern{"/w/**", "/_kalima/**"}, Submit: []abi.Pattern{"/s", "/_kalima/**"}}, limits)
	p := &purse{left: 1 << 40}
	s.Begin(p)
	return s, p
}

func code(f *abi.Fault) abi.Code {
	if f == nil {
		return abi.OK
	}
	return f.Code
}

func TestPut(t *testing.T) {
	for _, tt := range []struct {
		name         string
		phase        abi.Phase
		address, key string
		want         abi.Code
	}{
		{"own", abi.Validate, "", "k", abi.OK},
		{"own in migrate", abi.Migrate, "", "k", abi.OK},
		{"granted", abi.Validate, "/w/x", "k", abi.OK},
		{"not granted", abi.Validate, "/v", "k", abi.Denied},
		{"system", abi.Validate, "/_kalima/x", "k", abi.Denied},
		{"identities", abi.Validate, "/_kalima/identities", "k", abi.Denied},
		{"another contract's state", abi.Validate, string(abi.StateAddress("other")), "k", abi.Denied},
		{"malformed", abi.Validate, "w", "k", abi.BadHostCall},
		{"empty key", abi.Validate, "", "", abi.BadHostCall},
		{"react", abi.React, "", "k", abi.Denied},
		{"query", abi.Query, "", "k", abi.Denied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := begin(tt.phase, host.Limits{})
			if got := code(s.Put(tt.address, tt.key, []byte("v"))); got != tt.want {
				t.Errorf("Put(%q, %q) = %v, want %v", tt.address, tt.key, got, tt.want)
			}
			if n := len(s.Finish(nil, 0, 0).Writes); (n == 1) != (tt.want == abi.OK) {
				t.Errorf("Put(%q, %q) left %d writes after %v", tt.address, tt.key, n, tt.want)
			}
		})
	}
}

func TestSubmit(t *testing.T) {
	for _, tt := range []struct {
		name    string
		phase   abi.Phase
		address string
		want    abi.Code
	}{
		{"granted", abi.React, "/s", abi.OK},
		{"not granted", abi.React, "/w/x", abi.Denied},
		{"system, whatever the grant says", abi.React, "/_kalima/x", abi.Denied},
		{"own state", abi.React, "", abi.Denied},
		{"validate", abi.Validate, "/s", abi.Denied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := begin(tt.phase, host.Limits{})
			if got := code(s.Submit(tt.address, "k", nil)); got != tt.want {
				t.Errorf("Submit(%q) = %v, want %v", tt.address, got, tt.want)
			}
		})
	}
}

func TestOverlay(t *testing.T) {
	s, _ := begin(abi.Validate, host.Limits{})
	value := []byte("2")
	for _, f := range []*abi.Fault{s.Put("", "b", value), s.Delete("", "a"), s.Put("", "d", nil)} {
		if f != nil {
			t.Fatal(f)
		}
	}
	value[0] = 'X' // the session has its own copy
	var keys []string
	for key, ok, _ := s.Next("", ""); ok; key, ok, _ = s.Next("", key) {
		keys = append(keys, key)
	}
	if want := []string{"b", "c"}; !slices.Equal(keys, want) {
		t.Errorf("keys = %q, want %q", keys, want)
	}
	if v, ok, _ := s.Get("", "b"); !ok || string(v) != "2" {
		t.Errorf("Get(b) = %q, %v, want its own write", v, ok)
	}
	if v, ok, _ := s.Get("", "a"); ok {
		t.Errorf("Get(a) = %q, want it deleted", v)
	}
	if v, ok, _ := s.Get("/other", "x"); !ok || string(v) != "y" {
		t.Errorf("Get(/other x) = %q, %v, want y", v, ok)
	}
}

func TestFaultDropsWrites(t *testing.T) {
	s, _ := begin(abi.Validate, host.Limits{})
	s.Put("", "k", []byte("v"))
	res := s.Finish(s.Reject(3, "no"), 10, 20)
	if res.Writes != nil || res.Fault.Code != abi.Rejected || res.Fault.Reason != 3 || res.Used.Gas != 10 || res.Used.Writes != 1 {
		t.Errorf("Finish = %+v, want rejection 3, no writes, 10 gas, 1 write counted", res)
	}
}

// TestPaidFirst: without gas no host function does anything.
func TestPaidFirst(t *testing.T) {
	s, p := begin(abi.Validate, host.Limits{})
	p.left = 10
	_, f1 := s.SHA256(make([]byte, 100))
	_, f2 := s.Ed25519Verify(nil, nil, nil)
	_, f3 := s.Random(1)
	_, _, f4 := s.Get("", "a")
	_, _, f5 := s.Next("", "")
	for i, f := range []*abi.Fault{f1, f2, f3, f4, f5, s.Put("", "k", nil), s.Log("x"), s.Reject(1, "")} {
		if code(f) != abi.OutOfGas {
			t.Errorf("host function %d without gas = %v, want %v", i, f, abi.OutOfGas)
		}
	}
	if res := s.Finish(nil, 0, 0); len(res.Writes)+len(res.Log)+res.Used.Reads != 0 {
		t.Errorf("without gas: %d writes, %d lines, %d reads, want none", len(res.Writes), len(res.Log), res.Used.Reads)
	}
}

func TestRandom(t *testing.T) {
	draw := func(change func(*abi.Call), sizes ...int) (all []byte) {
		call := hosttest.NewCall(abi.Validate, "k", "v")
		change(&call)
		s := host.NewSession(call, hosttest.State{}, host.Grant{}, host.Limits{})
		s.Begin(&purse{left: 1 << 40})
		for _, n := range sizes {
			b, f := s.Random(n)
			if f != nil || len(b) != n {
				t.Fatalf("Random(%d) = %d bytes, %v", n, len(b), f)
			}
			all = append(all, b...)
		}
		return all
	}
	same := func(*abi.Call) {}
	want := draw(same, 100)
	if got := draw(same, 1, 31, 0, 33, 35); !bytes.Equal(got, want) {
		t.Error("Random drawn in pieces differs from Random drawn at once")
	}
	for name, change := range map[string]func(*abi.Call){
		"chain":       func(c *abi.Call) { c.Chain[0]++ },
		"transaction": func(c *abi.Call) { c.TxID[0]++ },
		"operation":   func(c *abi.Call) { c.OpIndex++ },
		"contract":    func(c *abi.Call) { c.Contract += "2" },
		"phase":       func(c *abi.Call) { c.Phase = abi.React },
	} {
		if got := draw(change, 100); bytes.Equal(got, want) {
			t.Errorf("Random with another %s is the same", name)
		}
	}
}

func TestLimits(t *testing.T) {
	s, _ := begin(abi.Validate, host.Limits{Bytes: 100, Log: 5})
	if got := code(s.Put("", "k", []byte(strings.Repeat("v", 100)))); got != abi.TooMuch {
		t.Errorf("Put beyond Bytes = %v, want %v", got, abi.TooMuch)
	}
	s.Log("12345")
	s.Log("6")
	if log := s.Finish(nil, 0, 0).Log; !slices.Equal(log, []string{"12345"}) {
		t.Errorf("log = %q, want the first line alone", log)
	}
}
