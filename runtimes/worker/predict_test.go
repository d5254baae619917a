package worker_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

// walk reads what the event's value says, a word each: a key of its own, "@key" at the
// event's address, ">key" the key after it, "*" two at once, "!key" writes. It leaves what
// it found in its log.
func (m wildModule) walk(s *host.Session) (host.Result, error) {
	meter := &counter{left: s.Limits.Gas}
	s.Begin(meter)
	var f *abi.Fault
	for _, word := range strings.Fields(string(s.Call.Value)) {
		found := ""
		switch key := word[1:]; word[0] {
		case '@':
			var v []byte
			v, _, f = s.Get(string(s.Call.Address), key)
			found = string(v)
		case '>':
			found, _, f = s.Next("", key)
		case '*':
			var vs []abi.Value
			vs, f = s.GetMany([]abi.KeyRef{{Key: "a"}, {Key: s.Call.Key}})
			found = fmt.Sprint(vs)
		case '[':
			var es []abi.KeyValue
			es, f = s.Scan("", key, "", 3)
			found = fmt.Sprint(es)
		case '!':
			f = s.Put("", key, []byte("written"))
		default:
			var v []byte
			v, _, f = s.Get("", word)
			found = string(v)
		}
		if f == nil {
			f = s.Log(word + "=" + found)
		}
		if f != nil {
			break
		}
	}
	return s.Finish(f, s.Limits.Gas-meter.left, 0), nil
}

type counter struct{ left uint64 }

func (c *counter) Left() uint64 { return c.left }
func (c *counter) Charge(n uint64) *abi.Fault {
	if n > c.left {
		c.left = 0
		return abi.Faultf(abi.OutOfGas, "out of gas")
	}
	c.left -= n
	return nil
}

// noting is a state that notes what was read, once each, and can be read without that.
type noting struct {
	hosttest.State
	reads *[]host.Key
}

func (n noting) note(k host.Key) {
	if !slices.Contains(*n.reads, k) {
		*n.reads = append(*n.reads, k)
	}
}

func (n noting) Get(a abi.Address, key string) ([]byte, bool) {
	n.note(host.Key{Address: a, Key: key})
	return n.State.Get(a, key)
}

func (n noting) Next(a abi.Address, after string) (string, bool) {
	key, ok := n.State.Next(a, after)
	if ok {
		n.note(host.Key{Address: a, Key: key})
	}
	return key, ok
}

func (n noting) Quiet() host.State { return n.State }

// TestPredictionsAreNotSeen proves that values which are sent ahead change nothing: result,
// gas and what the state notes are those of the same contract in this process.
func TestPredictionsAreNotSeen(t *testing.T) {
	rt := newRuntime(t, worker.Config{Engine: "wild", Processes: 1})
	defer rt.Close()
	far, near := load(t, rt, "walk"), wildModule("walk")
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{"a", "b", "c", "none", "@a", "@e1", "@e2", "e1", "e2", ">", ">a", "*", "[", "[a", "!a", "!e1", "!new"}
	programs := make([]string, 6) // few, so that predictions hold now and then
	for i := range programs {
		for range 1 + random.IntN(6) {
			programs[i] += words[random.IntN(len(words))] + " "
		}
	}
	for i := range 600 {
		name := []string{"conf", "other"}[random.IntN(2)]
		state := hosttest.State{
			abi.StateAddress(name): {"a": fmt.Sprint("own a ", i), "b": "b", "e1": strings.Repeat("long ", 1000)},
			"/plant/press":         {"a": fmt.Sprint("event a ", i), "e2": "2"},
		}
		call := hosttest.NewCall(abi.Validate, []string{"e1", "e2", "a"}[random.IntN(3)], programs[random.IntN(len(programs))])
		call.Contract, call.Address = name, "/plant/press"
		limits := host.Limits{Gas: uint64(1000 + random.IntN(60_000))}
		run := func(m host.Module) (host.Result, []host.Key) {
			var reads []host.Key
			res, err := m.Call(context.Background(), host.NewSession(call, noting{state, &reads}, host.Grant{}, limits))
			if err != nil {
				t.Fatal(err)
			}
			return res, reads
		}
		got, gotReads := run(far)
		want, wantReads := run(near)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("call %d of %q with key %s = %+v, in this process %+v", i, call.Value, call.Key, got, want)
		}
		if !slices.Equal(gotReads, wantReads) {
			t.Fatalf("call %d of %q with key %s noted %v, in this process %v", i, call.Value, call.Key, gotReads, wantReads)
		}
	}
}

// TestPredictionsSettle proves that after a few calls of a contract whose reads follow its
// calls exactly what it reads is sent ahead.
func TestPredictionsSettle(t *testing.T) {
	rt := newRuntime(t, worker.Config{Engine: "wild", Processes: 1})
	defer rt.Close()
	m := load(t, rt, "walk")
	asked := 0
	for i, key := range []string{"e1", "e2", "e3", "e4"} {
		var reads []host.Key
		call := hosttest.NewCall(abi.Validate, key, "a "+key+" @"+key+" last/"+key)
		st := counting{noting{hosttest.State{}, &reads}, &asked}
		s := host.NewSession(call, st, host.Grant{}, host.Limits{})
		if res, err := m.Call(context.Background(), s); err != nil || res.Fault != nil || len(reads) != 4 {
			t.Fatalf("Call = %+v, %v, read %v, want 4 reads", res, err, reads)
		}
		if first, last := i == 0, i == 3; first && asked != 0 || last && asked != 4 {
			t.Errorf("with call %d %d values were sent ahead, want none with the first and 4 with the last", i, asked)
		}
		asked = 0
	}
}

// counting counts what is read ahead.
type counting struct {
	noting
	ahead *int
}

func (c counting) Quiet() host.State { return countingAhead{c} }

type countingAhead struct{ counting }

func (c countingAhead) Get(a abi.Address, key string) ([]byte, bool) {
	*c.ahead++
	return c.State.Get(a, key)
}
