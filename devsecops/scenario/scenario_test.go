package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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
		return []abi.Phase{abi.Validate, abi.React, abi.Query, abi.Migrate}
	}
	return []abi.Phase{abi.Validate}
}

func (counter) Close() error { return nil }

type meter struct{}

func (meter) Charge(uint64) *abi.Fault { return nil }
func (meter) Left() uint64             { return 1 << 62 }

func (counter) Call(ctx context.Context, s *host.Session) (host.Result, error) {
	s.Begin(meter{})
	call := s.Call
	var fault *abi.Fault
	switch {
	case call.Phase == abi.Query:
		v, _, _ := s.Get("", call.Key)
		fault = s.Reply([]byte(call.Key + "=" + string(v) + string(call.Value)))
	case call.Phase == abi.Migrate:
		v, _, _ := s.Get("", "t")
		fault = s.Put("", "t2", []byte("new "+string(v)))
	case call.Phase == abi.React && string(call.Value) == "ask":
		r, ok, f, _ := s.HTTP(ctx, host.HTTPRequest{Method: "POST", URL: "https://api/x", Body: []byte("b")})
		now, f2 := s.Clock()
		if fault = cmp.Or(f, f2); fault == nil {
			s.Log(fmt.Sprintf("%v %d %s at %d", ok, r.Status, r.Body, now))
		}
	case call.Phase == abi.Validate && string(call.Value) == "other":
		a, ok, f, _ := s.Query(ctx, "meter", "k", []byte("arg"))
		fault = f
		s.Log(fmt.Sprintf("%s %v", a, ok))
	case call.Phase == abi.Validate && string(call.Value) == "emit":
		s.Emit("a", []byte("1"))
		fault = s.Emit("a", []byte("2"))
	case call.Phase == abi.React && call.Address == "/alarms/a":
		fault = s.Submit("/alarms/b", call.Key, []byte("seen"))
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
	c := Contract{Module: counter{react: true}, Instance: "counter", Grant: host.Grant{Submit: []abi.Pattern{"/alarms/*"}}}
	open := func(_ context.Context, path string) (Contract, error) {
		if path != "old" {
			return c, errors.New("not there")
		}
		return c, nil
	}
	r, err := Run(t.Context(), s, Setup{Contract: c, Open: open})
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

// What is around a contract is what the script says.
func TestRunAround(t *testing.T) {
	r := run(t, `as x
case world
grant http https://api
grant clock
clock 2026-03-01T00:00:00Z
put /a t ask
  logged "false 0  at 1772323200000000"
  requested POST https://api/x b
http POST https://api/x 201 done
put /a t ask
  logged "true 201 done at"
http POST https://api/x
put /a t ask
  logged "false 0"
case "no grant"
put /a t ask
  fault denied
case "other contracts"
put /a t other
  logged " false"
answer meter k arg 42
put /a t other
  logged "42 true"
case emits
put /a t emit
  emitted a 1
  emitted a 2
  value /_kalima/events/counter a 2
case deliver
put /a t high
  submitted /alarms/a t "high by x"
  absent /alarms/a t
deliver edge alarm
put /a t high
  value /alarms/a t "high by x"
  value /alarms/b t seen
deliver
put /a t2 high
  absent /alarms/a t2
case query
set . t 7
query t
  reply t=7
query t "?"
  reply t=7?
  gas 10
  gas <=10
case migrate
state @old.yaml
put /a t 3
  value . t 6x
use old
put /a t ""
migrate
  value . t2 "new 6xx"
case limit
limit bytes 20
put /a t 3
  fault too-much-output
-- old.yaml --
.:
  t: 6
`)
	if len(r.Failures) != 0 || len(r.Cases) != 8 {
		t.Errorf("Run = %+v, want 8 cases and no failures", r)
	}
}

// What fails is rewritten so that it holds, and the rest stays as it is.
func TestUpdate(t *testing.T) {
	script := `# first
as x
put /a t bad
put /a t 1
    value . t "no such"
	absent . t
  reject 1
  gas 1
  submitted /x/y t 1
put /a t high
  accept
  submitted /x/y t 1
  absent /a t
query t
  reply ?
-- file --
value . t "no such"
`
	want := `# first
as x
put /a t bad
  reject 7 "bad value"
put /a t 1
    value . t x
	value . t x
  accept
  gas 20
put /a t high
  accept
  submitted /alarms/a t "high by x"
  value /a t high
query t
  reply t=xx
-- file --
value . t "no such"
`
	r := run(t, script)
	got, left := Update([]byte(script), r.Failures)
	if string(got) != want || left != 0 {
		t.Errorf("Update = %d left and\n%s\nwant\n%s", left, got, want)
	}
	if r := run(t, string(got)); len(r.Failures) != 0 {
		t.Errorf("the updated script fails: %+v", r.Failures)
	}
	if _, left := Update([]byte("put /a t 1\nlogged x"), run(t, "put /a t 1\nlogged x").Failures); left != 1 {
		t.Errorf("Update leaves %d lines, want the one about the log", left)
	}
}

// A delivered event that is refused fails the event that led to it, and a circle ends.
func TestDeliverFails(t *testing.T) {
	r := run(t, "limit bytes 24\ndeliver edge\nput /a t high")
	if len(r.Failures) != 1 || !strings.Contains(r.Failures[0].Got, `the submitted put /alarms/a t "high by device": too much output`) {
		t.Errorf("Run = %+v, want the delivered event's failure", r.Failures)
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
		{"emitted nothing", "put /a t 1\nemitted a 1", "3: emitted a 1: nothing more was emitted"},
		{"emitted another", "put /a t emit\nemitted a 3", `3: emitted a 3: emitted "a" "1"`},
		{"reply", "query t\nreply x", `3: reply x: "t="`},
		{"gas", "put /a t 1\ngas 21", "3: gas 21: 20"},
		{"more gas than allowed", "put /a t 1\ngas <=19", "3: gas <=19: 20"},
		{"requested nothing", "put /a t 1\nrequested GET https://api/x", "3: requested GET https://api/x: nothing more"},
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
	if _, err := Run(t.Context(), s, Setup{Contract: Contract{Module: counter{}, Instance: "c"}}); err == nil || !strings.Contains(err.Error(), "line 2: contract c, validate: the node broke") {
		t.Errorf("Run = %v, want the node's error with its line", err)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, script, want string }{
		{"an unknown word", "frobnicate /a t 1", `line 1: unknown word "frobnicate"`},
		{"a mistyped word", "put /a t 1\nvaleu /a t 1", `line 2: unknown word "valeu": did you mean value?`},
		{"too few words", "put /a t", "line 1: put has 2 words after it, want: put ADDRESS KEY VALUE"},
		{"too many words", "put /a t 1 2", "put has 4 words"},
		{"a bad address", "put a t 1", "does not start with /"},
		{"the own address as target", "put . t 1", "does not start with /"},
		{"a value too large", "put /a t " + strings.Repeat("x", abi.MaxValue+1), "at most 15360"},
		{"a bad time", "at noon", "want the form"},
		{"a bad code", "put /a t 1\nreject seven", "line 2: reject: code"},
		{"an unknown fault", "put /a t 1\nfault boredom", `unknown fault "boredom"`},
		{"an expectation of nothing", "as x\naccept", "line 2: accept stands below no event, query or migrate"},
		{"an open quote", `put /a t "x`, "a quote is not closed"},
		{"words run together", `put /a t "x"y`, "no space after"},
		{"a file that is not there", "put /a t @x", `the script has no file "x"`},
		{"two cases of one name", "case a\nput /a t 1\ncase a", "line 3: case a stands at line 1 already"},
		{"a case without a name", "case", "want: case NAME"},
		{"an unknown limit", "limit time 3\nput /a t 1", `no limit "time"`},
		{"a grant of nothing", "grant time\nput /a t 1", "want: grant write|submit PATTERN"},
		{"a state that is none", "state @s\nput /a t 1\n-- s --\nx: {y: 1}\n", "does not start with /"},
		{"a status that is none", "http GET https://x ok y\nput /a t 1", `status "ok"`},
		{"gas that is none", "put /a t 1\ngas >3", `gas ">3"`},
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
		s, err := Parse(text)
		if err != nil {
			return
		}
		for _, c := range s.cases {
			for _, st := range c.steps { // what is written for a statement is read as the same
				words, err := split(st.text(), nil)
				if err != nil || !slices.Equal(words, append([]string{st.verb}, st.args...)) {
					t.Fatalf("split(%q) = %q, %v, want the words of line %d", st.text(), words, err, st.line)
				}
			}
		}
		if Update(text, nil); len(s.cases) == 0 {
			t.Errorf("Parse(%q) accepted a script without a case", text)
		}
	})
}
