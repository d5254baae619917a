package worker_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

// read reads one value and writes it.
func (m wildModule) read(s *host.Session) (host.Result, error) {
	s.Begin(noMeter{})
	v, _, f := s.Get("", "k")
	if f == nil {
		f = s.Put("", "k", v)
	}
	return s.Finish(f, 1, 0), nil
}

// ask writes, asks the contract of its own name as deep as queries go, and replies how many
// answered.
func (m wildModule) ask(ctx context.Context, s *host.Session) (host.Result, error) {
	s.Begin(noMeter{})
	depth := 0
	if s.Nested < abi.MaxNested {
		if s.Call.Phase == abi.Validate {
			if f := s.Put("", "seen", []byte("by the asked")); f != nil {
				return s.Finish(f, 1, 0), nil
			}
		}
		answer, ok, f, err := s.Query(ctx, s.Call.Contract, "key", []byte("arg"))
		if err != nil || f != nil || !ok {
			return s.Finish(f, 1, 0), err
		}
		depth, _ = strconv.Atoi(string(answer))
	}
	if v, _, _ := s.Get("", "seen"); string(v) != "by the asked" {
		return s.Finish(abi.Faultf(abi.Trap, "at depth %d it says %q", s.Nested, v), 1, 0), nil
	}
	if s.Call.Phase == abi.Query {
		return s.Finish(s.Reply([]byte(strconv.Itoa(depth+1))), 1, 0), nil
	}
	return s.Finish(s.Put("", "depth", []byte(strconv.Itoa(depth))), 1, 0), nil
}

// hooked is a state that does something at each read.
type hooked struct {
	hosttest.State
	hook func()
}

func (h hooked) Get(a abi.Address, key string) ([]byte, bool) {
	h.hook()
	return []byte("v"), true
}

// asked is the contracts that a query finds: one, in the runtime that asks.
type asked struct {
	m       host.Module
	deepest *atomic.Int64
}

func (a asked) Query(ctx context.Context, s *host.Session) (host.Result, bool, error) {
	a.deepest.Store(max(a.deepest.Load(), int64(s.Nested)))
	r, err := a.m.Call(ctx, s)
	return r, true, err
}

func load(t testing.TB, rt host.Runtime, code string) host.Module {
	t.Helper()
	m, err := rt.Load(context.Background(), []byte(code))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestNested proves that queries within queries do not wait for the workers of those who
// ask, however many ask at once.
func TestNested(t *testing.T) {
	const callers = 6
	rt := newRuntime(t, worker.Config{Engine: "wild", Processes: 1})
	defer rt.Close()
	m := load(t, rt, "ask")
	before := len(children(t))
	var deepest atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			s := session(abi.Validate, host.Limits{})
			s.Contracts = asked{m, &deepest}
			res, err := m.Call(context.Background(), s)
			if err != nil || res.Fault != nil || len(res.Writes) != 2 || string(res.Writes[1].Value) != "4" {
				t.Errorf("Call = %+v, %v, want 4 that answered; %q", res, err, detail(res.Fault))
			}
		})
	}
	wg.Wait()
	if deepest.Load() != abi.MaxNested {
		t.Errorf("queries stood %d deep, want %d", deepest.Load(), abi.MaxNested)
	}
	if n := len(children(t)) - before; n > abi.MaxNested {
		t.Errorf("%d workers beside the first, want at most %d", n, abi.MaxNested)
	}
}

// TestQueryFails proves that the node's failure to run a query is the node's error, and
// that the worker is as good as before.
func TestQueryFails(t *testing.T) {
	rt := newRuntime(t, worker.Config{Engine: "wild", Processes: 1})
	defer rt.Close()
	m := load(t, rt, "ask")
	sick := errors.New("disk on fire")
	for range 2 {
		s := session(abi.Validate, host.Limits{})
		s.Contracts = failing{sick}
		if res, err := m.Call(context.Background(), s); !errors.Is(err, sick) {
			t.Errorf("Call = %v, %v, want the node's error", res.Fault, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Query(context.Context, *host.Session) (host.Result, bool, error) {
	return host.Result{}, false, f.err
}

func kill(t *testing.T, pids []string) {
	t.Helper()
	for _, pid := range pids {
		n, _ := strconv.Atoi(pid)
		p, err := os.FindProcess(n)
		if err != nil {
			t.Fatal(err)
		}
		_ = p.Kill() // it may have gone by itself
	}
}

// TestKilledDuringCall: once is an accident, twice is the contract's fault.
func TestKilledDuringCall(t *testing.T) {
	for deaths, want := range []abi.Code{abi.OK, abi.OK, abi.Crashed} {
		t.Run(fmt.Sprint(deaths, " deaths"), func(t *testing.T) {
			rt := newRuntime(t, worker.Config{Engine: "wild", Processes: 1})
			defer rt.Close()
			before := children(t)
			m := load(t, rt, "read")
			died := 0
			st := hooked{hook: func() {
				if died < deaths {
					died++
					kill(t, fresh(before, children(t)))
				}
			}}
			s := host.NewSession(hosttest.NewCall(abi.Validate, "key", ""), st, host.Grant{}, host.Limits{Gas: 1000})
			res, err := m.Call(context.Background(), s)
			if err != nil || code(res.Fault) != want || died != deaths {
				t.Errorf("Call after %d deaths = %v, %v, want %v", died, res.Fault, err, want)
			}
			if want == abi.Crashed && res.Used.Gas != 1000 {
				t.Errorf("a crash used %d gas, want all", res.Used.Gas)
			}
		})
	}
}

func code(f *abi.Fault) abi.Code {
	if f == nil {
		return abi.OK
	}
	return f.Code
}

// fresh are the children that were not there before.
func fresh(before, now []string) (list []string) {
	for _, pid := range now {
		if !strings.Contains(" "+strings.Join(before, " ")+" ", " "+pid+" ") {
			list = append(list, pid)
		}
	}
	return list
}

// TestCloseDuringCalls proves that Close ends calls that would not end by themselves.
func TestCloseDuringCalls(t *testing.T) {
	const callers = 5 // two at work, three that wait
	rt := newRuntime(t, worker.Config{Engine: "wild", Processes: 2})
	before := children(t)
	m := load(t, rt, "read and hang")
	reached := make(chan struct{}, callers)
	errs := make(chan error, callers)
	for range callers {
		go func() {
			st := hooked{hook: func() { reached <- struct{}{} }}
			_, err := m.Call(context.Background(), host.NewSession(hosttest.NewCall(abi.Validate, "key", ""), st, host.Grant{}, host.Limits{Deadline: time.Hour}))
			errs <- err
		}()
	}
	<-reached
	<-reached
	if err := rt.Close(); err != nil {
		t.Fatal(err)
	}
	for range callers {
		if err := <-errs; err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("a call under way at Close ended with %v, want an error", err)
		}
	}
	if left := fresh(before, children(t)); len(left) > 0 {
		t.Errorf("workers %v outlive Close", left)
	}
	if _, err := rt.Load(context.Background(), []byte("good")); err == nil {
		t.Error("Load after Close = nil, want an error")
	}
	if err := rt.Close(); err != nil {
		t.Errorf("Close again = %v", err)
	}
}

func TestManyCallers(t *testing.T) {
	rt := newRuntime(t, worker.Config{Engine: "wild", Processes: 2, Calls: 50})
	defer rt.Close()
	m := load(t, rt, "read")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			for range 10 {
				want := fmt.Sprint("value ", i)
				st := hosttest.State{abi.StateAddress("conf"): {"k": want}}
				res, err := m.Call(context.Background(), host.NewSession(hosttest.NewCall(abi.Validate, "key", ""), st, host.Grant{}, host.Limits{Deadline: time.Minute}))
				if err != nil || len(res.Writes) != 1 || string(res.Writes[0].Value) != want {
					t.Errorf("Call = %+v, %v, want a write of %s", res, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestNonsense proves that whatever a worker says that it may not say at that point is a
// crash, with all gas used, and costs the node neither time nor memory.
func TestNonsense(t *testing.T) {
	rt := worker.Unthrottled(newRuntime(t, worker.Config{Engine: "wild", Processes: 1}))
	defer rt.Close()
	frame := func(kind byte, body ...byte) string {
		return hex.EncodeToString(append(append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+1)), kind), body...))
	}
	many := binary.AppendUvarint(nil, 1<<60)
	says := map[string]string{
		"half a head": "0000", "no kind": "00000000", "four gigabytes": "ffffffff72", "cut short": "0000000a72", "nothing": "",
		"write to the system": frame('r', append(append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 8}, "/_kalima"...), 1, 'k', 1, 'v', 0, 0, 0, 0, 0)...),
	}
	// Every kind there is, those of the other side and unknown ones, without a body, with
	// one that is too long, and with one that claims a length that is not there.
	for kind := byte('A'); kind <= 'z'; kind++ {
		says[fmt.Sprintf("%c empty", kind)] = frame(kind)
		says[fmt.Sprintf("%c endless", kind)] = frame(kind, many...)
		if strings.ContainsRune("grnmsqwtpcde", rune(kind)) {
			says[fmt.Sprintf("%c with more", kind)] = frame(kind, make([]byte, 300)...)
		}
	}
	before := rss(t)
	for name, say := range says {
		t.Run(name, func(t *testing.T) {
			m := load(t, rt, "say "+say)
			res, err := m.Call(context.Background(), session(abi.Validate, host.Limits{Gas: 1000}))
			if err != nil || code(res.Fault) != abi.Crashed || res.Used.Gas != 1000 || len(res.Writes) > 0 {
				t.Errorf("Call of a worker that says %.40s = %v, gas %d, %v, want a crash with all gas", say, res.Fault, res.Used.Gas, err)
			}
		})
	}
	if grown := rss(t) - before; grown > 64<<20 {
		t.Errorf("the node grew by %d MiB, want at most 64", grown>>20)
	}
}

func detail(f *abi.Fault) string {
	if f == nil {
		return ""
	}
	return f.Detail
}
