package scenario

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// counter is a contract in Go: it counts the events of a key, rejects "bad", traps on
// "trap", and its react submits an alarm for "high".
type counter struct{ react bool }

func (c counter) Phases() []abi.Phase {
	if c.react {
		return []abi.Phase{abi.Validate, abi.React}
	}
	return []abi.Phase{abi.Validate}
}

func (counter) Close() error { return nil }

type meter struct{}

func (meter) Charge(uint64) *abi.Fault { return nil }
func (meter) Left() uint64             { return 1 << 62 }

func (counter) Call(_ context.Context, s *host.Session) (host.Result, error) {
	s.Begin(meter{})
	call := s.Call
	var fault *abi.Fault
	switch {
	case string(call.Value) == "node":
		return host.Result{}, errors.New("the node broke")
	case string(call.Value) == "bad":
		fault = s.Reject(7, "bad value")
	case string(call.Value) == "trap":
		fault = abi.Faultf(abi.Trap, "unreachable")
	case call.Phase == abi.React && string(call.Value) == "high":
		fault = s.Submit("/alarms/a", call.Key, []byte("high by "+call.Name))
	case call.Phase == abi.Validate:
		old, _, _ := s.Get("", call.Key)
		s.Log(fmt.Sprintf("time %d sequence %d roles %v", call.Time, call.Sequence, call.Roles))
		fault = s.Put("", call.Key, []byte(string(old)+"x"))
	}
	return s.Finish(fault, 10, 0), nil
}

func run(t *testing.T, script string) *Report {
	t.Helper()
	s, err := Parse([]byte(script))
	if err != nil {
		t.Fatalf("Parse(%q): %v", script, err)
	}
	r, err := Run(t.Context(), s, Contract{
		Module: counter{react: true}, Instance: "counter", Grant: host.Grant{Submit: []abi.Pattern{"/alarms/*"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRun(t *testing.T) {
	r := run(t, `
# two events of one key
set . t old
at 2026-02-01T00:00:00Z
as press4 writer alarm
put /plant/line1 t 21.5
  accept
  value . t oldx
  value /plant/line1 t 21.5
  logged "time 1769904000000000 sequence 1 roles [alarm writer]"
delete /plant/line1 t
  absent /plant/line1 t
  value . t oldxx
  logged "sequence 2"
put /plant/line1 t bad
  reject 7 "bad value"
  absent /plant/line1 t
put /plant/line1 t trap
  fault trap
put /plant/line1 t high
  submitted /alarms/a t "high by press4"
put /plant/line2 t 1
`)
	if len(r.Failures) != 0 || r.Events != 6 || r.Gas != 100 {
		t.Errorf("Run = %+v, want 6 events, 100 gas, no failures", r)
	}
}

// Each statement fails when it does not hold.
func TestRunFails(t *testing.T) {
	tests := []struct{ name, script, want string }{
		{"an event is accepted by default", "put /a t bad", "2: put /a t bad: rejected (7): bad value"},
		{"accept", "put /a t bad\naccept", "3: accept: rejected (7)"},
		{"reject", "put /a t 1\nreject", "3: reject: accepted"},
		{"reject with another code", "put /a t bad\nreject 8", "3: reject 8: rejected (7)"},
		{"reject with another message", "put /a t bad\nreject 7 \"no good\"", "3: reject 7 \"no good\": rejected (7)"},
		{"reject is not a trap", "put /a t trap\nreject", "3: reject: trap"},
		{"fault", "put /a t 1\nfault trap", "3: fault trap: accepted"},
		{"another fault", "put /a t trap\nfault out-of-gas", "3: fault out-of-gas: trap"},
		{"value", "put /a t 1\nvalue . t xx", `3: value . t xx: "x"`},
		{"no value", "put /a t 1\nvalue . u x", "3: value . u x: no value"},
		{"absent", "put /a t 1\nabsent . t", `3: absent . t: "x"`},
		{"submitted nothing", "put /a t 1\nsubmitted /alarms/a t high", "3: submitted /alarms/a t high: nothing more"},
		{"submitted another", "put /a t high\nsubmitted /alarms/b t high", "3: submitted /alarms/b t high: submitted /alarms/a"},
		{"logged", "put /a t 1\nlogged nothing", `3: logged nothing: log ["time`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := run(t, "as x\n"+tt.script)
			if len(r.Failures) != 1 {
				t.Fatalf("Run = %+v, want one failure", r.Failures)
			}
			f := r.Failures[0]
			if got := fmt.Sprintf("%d: %s: %s", f.Line, f.Statement, f.Got); !strings.HasPrefix(got, tt.want) {
				t.Errorf("Run fails with %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRunReportsTheNodesFailure(t *testing.T) {
	s, err := Parse([]byte("\nput /a t node"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), s, Contract{Module: counter{}, Instance: "c"}); err == nil || !strings.Contains(err.Error(), "line 2: the node broke") {
		t.Errorf("Run = %v, want the node's error with its line", err)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, script, want string }{
		{"an unknown word", "push /a t 1", `line 1: unknown word "push"`},
		{"too few words", "put /a t", "line 1: put has 2 words after it, want: put ADDRESS KEY VALUE"},
		{"too many words", "put /a t 1 2", "put has 4 words"},
		{"a bad address", "put a t 1", "does not start with /"},
		{"the own address as target", "put . t 1", "does not start with /"},
		{"a value too large", "put /a t " + strings.Repeat("x", abi.MaxValue+1), "at most 15360"},
		{"a bad time", "at noon", "want the form"},
		{"a bad code", "put /a t 1\nreject seven", "line 2: reject: code"},
		{"an unknown fault", "put /a t 1\nfault boredom", `unknown fault "boredom"`},
		{"an expectation of nothing", "as x\naccept", "line 2: accept stands below no event"},
		{"an open quote", `put /a t "x`, "a quote is not closed"},
		{"words run together", `put /a t "x"y`, "no space after"},
		{"no event", "# nothing\nas x", "no event"},
		{"too large", strings.Repeat("#", MaxScript+1), "at most 1048576"},
		{"too long", strings.Repeat("put /a t 1\n", MaxSteps+1), "more than 10000 lines"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.script))
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse = %v, want a SyntaxError with %q", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("as x y\nput /a \"k k\" 1\n reject 7 \"m\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := Parse(text); err == nil && len(s.steps) == 0 {
			t.Errorf("Parse(%q) accepted a script without steps", text)
		}
	})
}
