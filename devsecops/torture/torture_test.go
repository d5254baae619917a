package torture

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/devsecops/local"
	"github.com/kalima-chain/kalima/host"
)

// engine is a scripted runtime: ten charges of 7, four host functions, and whatever is
// broken about it.
type engine struct {
	leaks   bool // leaves writes behind when it faults
	drunk   bool // ends otherwise each time
	greedy  bool // lets a call take more than its limit
	mild    bool // carries on when a host function fails
	silent  bool // reports no charges
	crashes bool // the node fails when memory is short
	calls   int
}

func (e *engine) Phases() []abi.Phase { return []abi.Phase{abi.Validate, abi.React} }
func (e *engine) Close() error        { return nil }

type meter struct {
	used, limit uint64
	probe       *host.Probe
	silent      bool
}

func (m *meter) Left() uint64 { return m.limit - min(m.used, m.limit) }

func (m *meter) Charge(gas uint64) *abi.Fault {
	if m.used+gas > m.limit {
		m.used = m.limit
		return abi.Faultf(abi.OutOfGas, "gas limit of %d reached", m.limit)
	}
	m.used += gas
	if m.probe != nil && m.probe.Charge != nil && !m.silent {
		m.probe.Charge([]abi.Place{{Function: "f", Line: int(m.used)}}, gas)
	}
	return nil
}

func (e *engine) Call(_ context.Context, s *host.Session) (host.Result, error) {
	e.calls++
	m := &meter{limit: s.Limits.Gas, probe: s.Probe, silent: e.silent}
	s.Begin(m)
	const memory = 4096
	if s.Limits.Memory < memory && e.crashes {
		return host.Result{}, errors.New("out of processes")
	}
	f := e.run(s, m)
	if f == nil && s.Limits.Memory < memory {
		f = abi.Faultf(abi.OutOfMemory, "memory limit of %d reached", s.Limits.Memory)
	}
	used := m.used
	if e.greedy && f != nil {
		used = s.Limits.Gas + 1
	}
	r := s.Finish(f, used, memory)
	if e.leaks && f != nil {
		r.Writes = []abi.Write{{Address: "/x", Key: "k"}}
	}
	if e.drunk && e.calls%5 == 0 && f == nil {
		r.Submits = append(r.Submits, abi.Write{Address: "/alarms/a", Key: fmt.Sprint(e.calls)})
	}
	return r, nil
}

func (e *engine) run(s *host.Session, m *meter) *abi.Fault {
	for range 10 {
		if f := m.Charge(7); f != nil {
			return f
		}
	}
	steps := []func() *abi.Fault{
		func() *abi.Fault { _, _, f := s.Get("", "k"); return f },
		func() *abi.Fault { return s.Log("line") },
		func() *abi.Fault { return s.Put("", "a", []byte("1")) },
		func() *abi.Fault { return s.Put("", "b", []byte("2")) },
	}
	if s.Call.Phase == abi.React {
		steps[2] = func() *abi.Fault { return s.Submit("/alarms/a", "k", []byte("1")) }
		steps[3] = func() *abi.Fault { return s.Submit("/alarms/b", "k", []byte("1")) }
	}
	for _, step := range steps {
		if f := step(); f != nil && !(e.mild && f.Code == abi.BadHostCall) {
			return f
		}
	}
	return nil
}

func run(t *testing.T, e *engine, tt *Torture) Report {
	t.Helper()
	c := &local.Chain{
		Contract: local.Contract{Module: e, Instance: "c", Grant: host.Grant{Submit: []abi.Pattern{"/alarms/*"}}},
		State:    local.NewState(),
		Before:   func(ctx context.Context, a local.Attempt) error { return tt.Call(ctx, 3, a) },
	}
	if _, err := c.Event(t.Context(), local.Event{Address: "/p", Key: "k", Value: []byte("1")}); err != nil {
		t.Fatalf("Event: %v", err)
	}
	return tt.Report()
}

// A sound engine keeps every promise, and everything is tried.
func TestSound(t *testing.T) {
	r := run(t, &engine{}, &Torture{})
	if r.Broken != 0 || r.Calls != 2 {
		t.Errorf("report = %+v, want two calls and no violation", r)
	}
	want := map[Kind][2]int{ // tries and faults of both calls
		Again: {4, 0}, Gas: {30, 28}, Host: {8, 8}, Memory: {26, 24}, Writes: {2, 2}, Bytes: {4, 2},
	}
	for _, c := range r.Counts {
		if w := want[c.Kind]; c.Tries != w[0] || c.Faults != w[1] || c.Left != 0 || c.Unknown {
			t.Errorf("count = %+v, want %v tries and faults", c, w)
		}
	}
	if len(r.Counts) != len(want) {
		t.Errorf("counts = %+v, want %d kinds", r.Counts, len(want))
	}
}

// Each broken promise is found, with the attack that shows it.
func TestBroken(t *testing.T) {
	tests := []struct {
		name         string
		engine       engine
		attack, what string
	}{
		{"writes that survive", engine{leaks: true}, "gas:6", "left 1 writes"},
		{"another end each time", engine{drunk: true}, "", "then"},
		{"more gas than the limit", engine{greedy: true}, "gas:6", "used 7 gas, with a limit of 6"},
		{"a fault that is swallowed", engine{mild: true}, "host:1", "ended with accepted, want bad host call"},
		{"a node that fails", engine{crashes: true}, "memory:4095", "the node failed: contract c, validate: out of processes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := run(t, &tt.engine, &Torture{})
			if r.Broken == 0 {
				t.Fatal("no violation was found")
			}
			v := r.Violations[0]
			if tt.attack != "" && v.Attack != tt.attack || !strings.Contains(v.Broken, tt.what) || v.Line != 3 || len(r.Violations) > maxViolations {
				t.Errorf("violation = %+v, want %s with %q", v, tt.attack, tt.what)
			}
			if tt.name == "another end each time" {
				return // it does not show at the same place again
			}
			attack, err := ParseAttack(v.Attack)
			if err != nil {
				t.Fatal(err)
			}
			e := tt.engine
			if r := run(t, &e, &Torture{Only: &attack}); r.Broken == 0 {
				t.Errorf("%s alone finds nothing", attack)
			}
		})
	}
}

// Charges beyond the bound are left out, evenly, and that is said.
func TestPoints(t *testing.T) {
	r := run(t, &engine{}, &Torture{Points: 5})
	for _, c := range r.Counts {
		if c.Kind == Gas && (c.Tries != 12 || c.Left != 18) {
			t.Errorf("count = %+v, want 12 tries and 18 left out", c)
		}
	}
	r = run(t, &engine{silent: true}, &Torture{Points: 5})
	for _, c := range r.Counts {
		if c.Kind == Gas && (!c.Unknown || c.Tries < 10) {
			t.Errorf("count = %+v of an engine that reports no charges, want guessed points", c)
		}
	}
}

// Millions of charges take little memory, and are tried evenly.
func TestSums(t *testing.T) {
	var s sums
	for range 10 * maxSums {
		s.add(3)
	}
	if s.count != 10*maxSums || s.sum != 30*maxSums || len(s.kept) > maxSums || len(s.kept) < maxSums/2 {
		t.Errorf("sums = %d charges, sum %d, %d kept", s.count, s.sum, len(s.kept))
	}
	step := s.kept[1] - s.kept[0]
	for i, k := range s.kept {
		if k != 3+uint64(i)*step {
			t.Fatalf("kept %d = %d, want even steps of %d", i, k, step)
		}
	}
	if last := s.kept[len(s.kept)-1]; last < s.sum-step {
		t.Errorf("the last kept is %d of %d", last, s.sum)
	}
}

func TestParseAttack(t *testing.T) {
	for _, s := range []string{"gas:3391", "host:1", "again:1"} {
		if a, err := ParseAttack(s); err != nil || a.String() != s {
			t.Errorf("ParseAttack(%q) = %v, %v", s, a, err)
		}
	}
	for _, s := range []string{"", "gas", "gas:", "gas:-1", "time:3"} {
		if a, err := ParseAttack(s); err == nil {
			t.Errorf("ParseAttack(%q) = %v, want it refused", s, a)
		}
	}
}
