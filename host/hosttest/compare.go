package hosttest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// Named is the contract "conformance" in one language, loaded.
type Named struct {
	Name   string
	Module host.Module
}

// Compare makes n random calls of the same contract in several languages, each on the state
// that the calls before it left, and demands that they agree: on code, reason and message of
// the end, on writes, events and submits in their order, on the reply, on the log, and on
// what counts against the limits. Seed makes the same calls again.
func Compare(t *testing.T, seed uint64, n int, modules ...Named) {
	g := &caller{rand.New(rand.NewPCG(seed, 1)), State{}}
	g.reset()
	ends, phases, emitted := map[string]int{}, map[abi.Phase]int{}, 0
	for i := range n {
		if i%500 == 0 {
			g.reset()
		}
		tt := g.call()
		var first host.Result
		for j, m := range modules {
			s := session(m.Module, tt)
			s.Contracts, s.World = contracts{m.Module}, world{}
			res, err := m.Module.Call(context.Background(), s)
			if err != nil {
				t.Fatalf("call %d, %s %q %q of %s: %v", i, tt.during(), tt.key, tt.arg, m.Name, err)
			}
			if j == 0 {
				first = res
			} else if got, want := agreed(res), agreed(first); got != want {
				t.Fatalf("call %d, %s %q %q:\n%s: %.2000s\n%s: %.2000s", i, tt.during(), tt.key, tt.arg, m.Name, got, modules[0].Name, want)
			}
		}
		end := abi.OK
		if first.Fault != nil {
			end = first.Fault.Code
		}
		ends[end.String()]++
		phases[tt.during()]++
		emitted += g.apply(first.Writes)
	}
	for _, code := range []abi.Code{abi.OK, abi.Rejected, abi.BadHostCall, abi.Denied, abi.TooMuch, abi.StackOverflow} {
		if ends[code.String()] < n/1000 {
			t.Errorf("%d of %d calls ended with %s, want %d at least", ends[code.String()], n, code, n/1000)
		}
	}
	t.Logf("%d calls in %d languages, phases %v, ends %v, %d events emitted", n, len(modules), phases, ends, emitted)
}

// agreed is what all languages must agree on.
func agreed(r host.Result) string {
	s := fmt.Sprintf("writes %d, bytes %d\n", r.Used.Writes, r.Used.Bytes)
	if f := r.Fault; f != nil {
		s += fmt.Sprintf("%v %d", f.Code, f.Reason)
		if f.Code == abi.Trap { // each language says in its own words why
			return s
		}
		s += fmt.Sprintf(" %q", f.Message)
	}
	s += fmt.Sprintf(" log %q", r.Log)
	return fmt.Sprintf("%s, reply %q\n%s\n%s", s, r.Reply, show(r.Writes), show(r.Submits))
}

// caller makes random calls on a state of its own.
type caller struct {
	*rand.Rand
	state State
}

func (g *caller) reset() {
	clear(g.state)
	for a, keys := range testState() {
		g.state[a] = maps.Clone(keys)
	}
}

// apply writes to the state, and returns how many of the writes are events.
func (g *caller) apply(writes []abi.Write) (events int) {
	for _, w := range writes {
		switch {
		case w.Address == abi.EventsAddress(name):
			events++
		case len(w.Value) == 0:
			delete(g.state[w.Address], w.Key)
		default:
			if g.state[w.Address] == nil {
				g.state[w.Address] = map[string]string{}
			}
			g.state[w.Address][w.Key] = string(w.Value)
		}
	}
	return events
}

func (g *caller) one(list ...string) string { return list[g.IntN(len(list))] }

func (g *caller) int(from, to int) string { return fmt.Sprint(from + g.IntN(to-from+1)) }

func (g *caller) address() string {
	return g.one("", "", "", "/other", "/keys", "/granted/here", "/granted/two", "/submit/alarms", string(own),
		string(abi.StateAddress(twin)), "/nothing", longAddress, "no-slash", "/a//b", "/_kalima/grants", longAddress+"s")
}

func (g *caller) key() string {
	return g.one("a", "b", "k", "out", "x", "z", "mark", "w1", "é", "世界", "𝄞", "\uFFFD", "k100", longKey, longKey+"k", "", "a\x01", "\x7f")
}

// value is bytes without a NUL or a space at its ends, mostly text.
func (g *caller) value() string {
	if g.IntN(5) == 0 {
		b := make([]byte, g.IntN(40))
		for i := range b {
			b[i] = byte(1 + g.IntN(255))
		}
		return string(b)
	}
	return g.text()
}

func (g *caller) text() string {
	return g.one("", "v", "some value", "  two  spaces ", "Grüße", "世界 𝄞", "0", "-1e5", strings.Repeat("long ", 50), strings.Repeat("é", 200))
}

// call makes one call. The contract may know the cases of the table only.
func (g *caller) call() tcase {
	tt := tcase{phase: abi.Validate, state: g.state}
	if n := g.IntN(10); n < 4 {
		tt.phase = abi.Phases()[n]
	}
	tt.key, tt.arg = g.question()
	switch g.IntN(20) {
	case 0:
		tt.limits.Writes = 1 + g.IntN(5)
	case 1:
		tt.limits.Bytes = 20 + g.IntN(300)
	case 2:
		tt.limits.Log = 1 + g.IntN(100)
	}
	return tt
}

// question is a case and its argument.
func (g *caller) question() (key, arg string) {
	key = g.one("accept", "echo", "fields", "numbers", "field", "number", "get", "keys", "after", "put", "put", "put", "delete", "submit", "overlay",
		"get-many", "scan", "scan", "scan-count", "scan-all", "overlay-many", "query", "query", "query-big", "put-query", "reply", "emit", "emit", "emits",
		"emit-order", "http", "http-size", "http-many", "clock", "reject", "exit", "put-exit", "trap", "writes", "big", "log", "sha256", "random",
		"count", "remember", "work", "nonsense")
	switch key {
	case "echo", "sha256":
		arg = g.value()
	case "field", "number":
		arg = g.int(-1, 11)
	case "get", "after", "delete":
		arg = g.address() + " " + g.key()
	case "keys", "scan-all":
		if arg = g.address(); g.IntN(20) == 0 {
			arg = "/many"
		}
	case "put", "submit":
		arg = g.address() + " " + g.key() + " " + g.value()
	case "get-many":
		var words []string
		for range g.IntN(6) {
			words = append(words, g.address(), g.key())
		}
		if arg = strings.Join(words, " "); strings.HasSuffix(arg, " ") {
			arg += "k" // what ends with an empty word is read in more than one way
		}
	case "scan", "scan-count":
		arg = g.address() + " " + g.key() + " " + g.key() + " " + g.int(0, 258)
	case "query", "put-query":
		if g.IntN(8) == 0 { // too deep, or just not
			return key, nested(2+g.IntN(3)) + "twin echo " + g.value()
		}
		arg = g.one(twin, twin, name, "nobody", "")
		key, value := g.question()
		arg += " " + key + " " + value
	case "query-big":
		arg = g.int(0, abi.MaxValue+1)
	case "reply":
		arg = g.int(0, 2) + " " + g.int(0, 30)
	case "emit":
		arg = g.key() + " " + g.value()
	case "emits", "writes":
		arg = g.int(0, 12)
	case "http-many":
		arg = g.int(1, 12) + " " + origin + g.one("/hello", "/silent", "/missing")
	case "http", "http-size":
		arg = g.one("GET", "POST", "PUT", "get") + " " + g.one(origin, plain, "https://example.com", "nowhere") + g.one("/hello", "/echo", "/bytes", "/nothing", "/silent")
		if key == "http" {
			arg += " " + g.value()
		} else {
			arg += " " + g.int(0, 100)
		}
	case "reject":
		arg = g.int(-3, 3) + " " + g.text()
	case "exit":
		arg = g.int(-3, 3)
	case "big":
		arg = g.int(0, 200)
	case "log":
		arg = g.int(0, 4) + " " + g.text()
	case "random":
		arg = g.int(0, 100)
	case "remember":
		arg = g.text()
	case "work":
		arg = g.int(0, 100)
	}
	return key, arg
}
