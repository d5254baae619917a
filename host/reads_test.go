package host_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

// batched is a state that answers several look-ups at once.
type batched struct{ hosttest.State }

func (b batched) GetMany(keys []host.Key) []abi.Value {
	values := make([]abi.Value, len(keys))
	for i, k := range keys {
		values[i].Bytes, values[i].Ok = b.Get(k.Address, k.Key)
	}
	return values
}

func (b batched) Range(a abi.Address, after, before string, limit int) (entries []abi.KeyValue) {
	for key, ok := b.Next(a, after); ok && len(entries) < limit && (before == "" || key < before); key, ok = b.Next(a, key) {
		v, _ := b.Get(a, key)
		entries = append(entries, abi.KeyValue{Key: key, Value: v})
	}
	return entries
}

// TestReadsAgainstModel: whatever was written before, get, get_many, next and scan tell what
// a plain map of the state with the writes in it holds, for the same gas with a state that
// answers in batches as with one that does not.
func TestReadsAgainstModel(t *testing.T) {
	own := abi.StateAddress("conf")
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SampledFrom([]string{"a", "aa", "b", "c", "d", "é", "z"})
		model, state := map[string]string{}, hosttest.State{own: {}}
		for _, k := range rapid.SliceOf(key).Draw(t, "state") {
			model[k], state[own][k] = "old "+k, "old "+k
		}
		plain, p1 := sessionOn(state)
		batch, p2 := sessionOn(batched{state})
		for i, k := range rapid.SliceOfN(key, 0, 12).Draw(t, "writes") {
			v := fmt.Sprintf("new %d", i)
			if rapid.Bool().Draw(t, "delete") {
				v = ""
			}
			if model[k] = v; v == "" {
				delete(model, k)
			}
			for _, s := range []*host.Session{plain, batch} {
				if f := s.Put("", k, []byte(v)); f != nil {
					t.Fatal(f)
				}
			}
		}
		after := rapid.SampledFrom([]string{"", "a", "b", "bb", "zz"}).Draw(t, "after")
		before := rapid.SampledFrom([]string{"", "a", "c", "d0", "zzz"}).Draw(t, "before")
		limit := rapid.IntRange(1, 9).Draw(t, "limit")
		var want []string
		for k := range model {
			if k > after && (before == "" || k < before) {
				want = append(want, k+"="+model[k])
			}
		}
		slices.Sort(want)
		want = want[:min(len(want), limit)]
		for _, s := range []*host.Session{plain, batch} {
			entries, f := s.Scan("", after, before, limit)
			var got []string
			for _, e := range entries {
				got = append(got, e.Key+"="+string(e.Value))
			}
			if f != nil || !slices.Equal(got, want) {
				t.Fatalf("Scan(%q, %q, %d) = %q, %v, want %q", after, before, limit, got, f, want)
			}
			refs := []abi.KeyRef{{Key: "a"}, {Key: "c"}, {Address: string(own), Key: "é"}}
			values, f := s.GetMany(refs)
			if f != nil || len(values) != len(refs) {
				t.Fatalf("GetMany = %v, %v", values, f)
			}
			for i, r := range refs {
				w, ok := model[r.Key]
				if values[i].Ok != ok || string(values[i].Bytes) != w {
					t.Fatalf("GetMany(%q) = %q, %t, want %q, %t", r.Key, values[i].Bytes, values[i].Ok, w, ok)
				}
				if v, ok, _ := s.Get("", r.Key); ok != values[i].Ok || string(v) != string(values[i].Bytes) {
					t.Fatalf("Get(%q) = %q, %t, GetMany %q, %t", r.Key, v, ok, values[i].Bytes, values[i].Ok)
				}
			}
			next, ok, f := s.Next("", after)
			least := ""
			for k := range model {
				if k > after && (least == "" || k < least) {
					least = k
				}
			}
			if f != nil || next != least || ok != (least != "") {
				t.Fatalf("Next(%q) = %q, %t, %v, want %q", after, next, ok, f, least)
			}
		}
		if p1.charged != p2.charged {
			t.Fatalf("gas %d, with batches %d", p1.charged, p2.charged)
		}
	})
}

func sessionOn(st host.State) (*host.Session, *purse) {
	s := host.NewSession(hosttest.NewCall(abi.Validate, "key", "value"), st, host.Grant{}, host.Limits{})
	p := &purse{left: 1 << 40}
	s.Begin(p)
	return s, p
}

func TestScanBounds(t *testing.T) {
	state := hosttest.State{"/big": {}}
	for i := range 40 {
		state["/big"][fmt.Sprintf("k%02d", i)] = strings.Repeat("x", abi.MaxValue)
	}
	for _, tt := range []struct {
		limit, want int
		code        abi.Code
	}{
		{-1, 0, abi.BadHostCall}, {0, 0, abi.BadHostCall}, {abi.MaxScan + 1, 0, abi.BadHostCall},
		{3, 3, abi.OK}, {abi.MaxScan, abi.MaxAnswer / (abi.MaxValue + 3), abi.OK},
	} {
		s, _ := sessionOn(state)
		if got, f := s.Scan("/big", "", "", tt.limit); len(got) != tt.want || code(f) != tt.code {
			t.Errorf("Scan of %d = %d entries, %v, want %d, %v", tt.limit, len(got), f, tt.want, tt.code)
		}
	}
	s, _ := sessionOn(state)
	var keys []abi.KeyRef
	for i := range 20 {
		keys = append(keys, abi.KeyRef{Address: "/big", Key: fmt.Sprintf("k%02d", i)})
	}
	if _, f := s.GetMany(keys); code(f) != abi.TooMuch {
		t.Errorf("GetMany of %d bytes = %v, want %v", 20*abi.MaxValue, f, abi.TooMuch)
	}
}

// contracts answers queries with a function.
type contracts func(s *host.Session) (host.Result, bool, error)

func (c contracts) Query(_ context.Context, s *host.Session) (host.Result, bool, error) { return c(s) }

func TestQuery(t *testing.T) {
	down := errors.New("the node is down")
	for _, tt := range []struct {
		name     string
		contract contracts
		nested   int
		gas      uint64
		answer   string
		ok       bool
		code     abi.Code
		err      error
		charged  uint64
	}{
		{name: "answer", contract: func(s *host.Session) (host.Result, bool, error) {
			return host.Result{Reply: []byte("hi"), Used: host.Usage{Gas: 1000}}, true, nil
		}, answer: "hi", ok: true, charged: host.PriceQuery + 3 + 1 + 3 + 1000 + 2},
		{name: "none", contract: func(*host.Session) (host.Result, bool, error) { return host.Result{}, false, nil }, charged: host.PriceQuery + 7},
		{name: "rejected", contract: func(*host.Session) (host.Result, bool, error) {
			return host.Result{Fault: &abi.Fault{Code: abi.Rejected, Message: "no"}, Used: host.Usage{Gas: 5}}, true, nil
		}, charged: host.PriceQuery + 7 + 5},
		{name: "fault", contract: func(*host.Session) (host.Result, bool, error) {
			return host.Result{Fault: abi.Faultf(abi.Trap, "oops")}, true, nil
		}, code: abi.Trap, charged: host.PriceQuery + 7},
		{name: "out of gas", gas: 6000, contract: func(s *host.Session) (host.Result, bool, error) {
			return host.Result{Fault: abi.Faultf(abi.OutOfGas, "all"), Used: host.Usage{Gas: s.Limits.Gas}}, true, nil
		}, code: abi.OutOfGas, charged: 6000},
		{name: "the node's error", contract: func(*host.Session) (host.Result, bool, error) { return host.Result{}, false, down }, err: down, charged: host.PriceQuery + 7},
		{name: "too deep", nested: abi.MaxNested, code: abi.StackOverflow, charged: host.PriceQuery + 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, p := begin(abi.Validate, host.Limits{})
			s.Contracts, s.Nested = tt.contract, tt.nested
			if tt.gas > 0 {
				p.left = tt.gas
			}
			answer, ok, f, err := s.Query(context.Background(), "abc", "k", []byte("arg"))
			if string(answer) != tt.answer || ok != tt.ok || code(f) != tt.code || !errors.Is(err, tt.err) {
				t.Errorf("Query = %q, %t, %v, %v, want %q, %t, %v, %v", answer, ok, f, err, tt.answer, tt.ok, tt.code, tt.err)
			}
			if p.charged != tt.charged {
				t.Errorf("Query charged %d, want %d", p.charged, tt.charged)
			}
		})
	}
	s, _ := begin(abi.Validate, host.Limits{})
	s.Put("", "k", []byte("mine"))
	s.Contracts = contracts(func(q *host.Session) (host.Result, bool, error) {
		q.Begin(&purse{left: q.Limits.Gas})
		v, _, _ := q.Get(string(abi.StateAddress("conf")), "k")
		if f := q.Reply(append([]byte(q.Call.Contract+" "+q.Call.Key+" "+string(q.Call.Value)+" "), v...)); f != nil {
			t.Errorf("Reply = %v", f)
		}
		if f := q.Put("", "k", []byte("x")); code(f) != abi.Denied {
			t.Errorf("Put in a query = %v, want %v", f, abi.Denied)
		}
		if q.Nested != 1 || q.Call.Phase != abi.Query || q.Call.TxID != s.Call.TxID {
			t.Errorf("the query's call is %+v, nested %d", q.Call, q.Nested)
		}
		return q.Finish(nil, 7, 0), true, nil
	})
	if answer, ok, f, err := s.Query(context.Background(), "other", "q", []byte("arg")); string(answer) != "other q arg mine" || !ok || f != nil || err != nil {
		t.Errorf("Query = %q, %t, %v, %v, want what the caller wrote", answer, ok, f, err)
	}
}

func TestReply(t *testing.T) {
	for _, tt := range []struct {
		name  string
		phase abi.Phase
		size  int
		want  abi.Code
	}{
		{"query", abi.Query, 2, abi.OK}, {"empty", abi.Query, 0, abi.OK}, {"largest", abi.Query, abi.MaxValue, abi.OK},
		{"too large", abi.Query, abi.MaxValue + 1, abi.BadHostCall}, {"validate", abi.Validate, 2, abi.Denied}, {"react", abi.React, 2, abi.Denied},
	} {
		s, _ := begin(tt.phase, host.Limits{})
		f := s.Reply(make([]byte, tt.size))
		if reply := s.Finish(f, 0, 0).Reply; code(f) != tt.want || (reply != nil) != (tt.want == abi.OK) || len(reply) > tt.size {
			t.Errorf("%s: Reply = %v with %d bytes kept, want %v", tt.name, f, len(reply), tt.want)
		}
		if f == nil && code(s.Reply(nil)) != abi.BadHostCall {
			t.Errorf("%s: a second reply was taken", tt.name)
		}
	}
}

func TestEmit(t *testing.T) {
	s, _ := begin(abi.Validate, host.Limits{Writes: 3})
	for _, d := range []string{"one", "two"} {
		if f := s.Emit("topic", []byte(d)); f != nil {
			t.Fatal(f)
		}
	}
	for _, tt := range []struct {
		topic, data string
		want        abi.Code
	}{{"", "x", abi.BadHostCall}, {"t", "", abi.BadHostCall}, {"t", "x", abi.OK}, {"t", "x", abi.TooMuch}} {
		if f := s.Emit(tt.topic, []byte(tt.data)); code(f) != tt.want {
			t.Errorf("Emit(%q, %q) = %v, want %v", tt.topic, tt.data, f, tt.want)
		}
	}
	var got []string
	for _, w := range s.Finish(nil, 0, 0).Writes {
		got = append(got, string(w.Address)+" "+w.Key+" "+string(w.Value))
	}
	if want := []string{"/_kalima/events/conf topic one", "/_kalima/events/conf topic two", "/_kalima/events/conf t x"}; !slices.Equal(got, want) {
		t.Errorf("writes = %q, want every event: %q", got, want)
	}
	if r, _ := begin(abi.React, host.Limits{}); code(r.Emit("t", []byte("x"))) != abi.Denied {
		t.Error("a react contract could emit")
	}
}
