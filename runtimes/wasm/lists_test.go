package wasm_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// deployed is a host.Contracts: modules by name. A nil module is the node's error.
type deployed map[string]host.Module

var errNode = errors.New("the node's disk is gone")

func (d deployed) Query(ctx context.Context, s *host.Session) (host.Result, bool, error) {
	m, ok := d[s.Call.Contract]
	if !ok {
		return host.Result{}, false, nil
	} else if m == nil {
		return host.Result{}, false, errNode
	}
	r, err := m.Call(ctx, s)
	return r, err == nil, err
}

// world answers requests with what they sent.
type world struct{ err error }

func (w world) HTTP(_ context.Context, r host.HTTPRequest) (host.HTTPResponse, error) {
	return host.HTTPResponse{Status: 201, Body: []byte(r.Method + " " + r.URL + " " + string(r.Body))}, w.err
}
func (world) Now() abi.Time { return 1_795_000_000_123_456 }

func refs(keys ...abi.KeyRef) string {
	var b []byte
	for _, k := range keys {
		b, _ = abi.AppendKeyRef(b, k)
	}
	return string(b)
}

func values(vs ...abi.Value) string {
	var b []byte
	for _, v := range vs {
		b = abi.AppendValue(b, v)
	}
	return string(b)
}

func entries(kv ...string) string {
	var b []byte
	for n := 0; n < len(kv); n += 2 {
		b = abi.AppendKeyValue(b, abi.KeyValue{Key: kv[n], Value: []byte(kv[n+1])})
	}
	return string(b)
}

// TestLists calls each function at the boundary: pointers, kept answers, faults, gas.
func TestLists(t *testing.T) {
	code := buildC(t, "lists")
	state := hosttest.State{
		abi.StateAddress("conf"): {"a": "1", "k": "value", "z": ""},
		"/other":                 {"a": "0", "b": "1", "c": "22", "d": "3"},
	}
	many := refs(abi.KeyRef{Key: "k"}, abi.KeyRef{Address: "/other", Key: "c"}, abi.KeyRef{Key: "none"})
	grant := host.Grant{Submit: []abi.Pattern{"/submit/**"}, HTTP: []string{"https://example.com"}, Clock: true}
	tests := []struct {
		phase    abi.Phase
		key, arg string
		want     abi.Code
		out      string // written to "out", submitted, or replied
	}{
		{key: "get_many", arg: many, out: values(abi.Value{Bytes: []byte("value"), Ok: true}, abi.Value{Bytes: []byte("22"), Ok: true}, abi.Value{})},
		{key: "get_many", arg: many[:len(many)-1], want: abi.BadHostCall},
		{key: "get_many", arg: strings.Repeat("\x00\x01a", 65), want: abi.BadHostCall},
		{key: "get_many", arg: "\x00\x00", want: abi.BadHostCall},
		{key: "scan", arg: "2", out: entries("a", "1", "k", "value")},
		{key: "scan", arg: "0", want: abi.BadHostCall},
		{key: "scan-limit", want: abi.BadHostCall},
		{key: "scan-between", out: entries("b", "1", "c", "22")},
		{key: "scan-mine", out: entries("b", "new", "k", "value", "z", "")},
		{key: "query", arg: "x", out: "x"},
		{key: "query", arg: "", out: ""},
		{key: "query-self", arg: "3", out: "0..."},
		{key: "query-self", arg: "4", want: abi.StackOverflow},
		{key: "query-none", out: "none"},
		{key: "emit", arg: "1"},
		{key: "emit", arg: "", want: abi.BadHostCall},
		{key: "reply", arg: "x", want: abi.Denied},
		{key: "http", arg: "https://example.com/", want: abi.Denied},
		{key: "clock", want: abi.Denied},
		{key: "result", out: "empty"},
		{key: "bad-list", want: abi.BadHostCall},
		{key: "bad-scan", want: abi.BadHostCall},
		{key: "bad-query", want: abi.BadHostCall},
		{key: "bad-result", want: abi.BadHostCall},
		{key: "bad-emit", want: abi.BadHostCall},
		{key: "bad-reply", want: abi.BadHostCall},
		{phase: abi.Query, key: "k", arg: "hello", out: "hello"},
		{phase: abi.Query, key: "twice", arg: "hello", want: abi.BadHostCall},
		{phase: abi.Query, key: "reject", want: abi.Rejected},
		{phase: abi.React, key: "http", arg: "body", out: "201 POST https://example.com/x body"},
		{phase: abi.React, key: "clock", out: "1795000000123456"},
	}
	for name, cfg := range map[string]wasm.Config{"compiler": {}, "one instance": {Instances: 1, Slice: 1}, "interpreter": {Interpreter: true}} {
		m := loadModule(t, newRuntime(t, cfg), code)
		for _, tt := range tests {
			t.Run(name+"/"+tt.key, func(t *testing.T) {
				if tt.phase == 0 {
					tt.phase = abi.Validate
				}
				run := func(gas uint64) host.Result {
					s := host.NewSession(hosttest.NewCall(tt.phase, tt.key, tt.arg), state, grant, host.Limits{Gas: gas})
					s.Contracts, s.World = deployed{"conf": m, "other": m}, world{}
					res, err := m.Call(context.Background(), s)
					if err != nil {
						t.Fatalf("Call(%s) = %v, want an outcome", tt.key, err)
					}
					return res
				}
				res := run(0)
				got := abi.OK
				if res.Fault != nil {
					got = res.Fault.Code
				}
				if got != tt.want {
					t.Fatalf("Call(%s, %q) = %v, want %v", tt.key, tt.arg, res.Fault, tt.want)
				}
				if out := answer(res); tt.want == abi.OK && out != tt.out {
					t.Errorf("Call(%s, %q) gives %q, want %q", tt.key, tt.arg, out, tt.out)
				}
				if tt.key == "emit" && tt.want == abi.OK && (len(res.Writes) != 2 || res.Writes[0].Address != abi.EventsAddress("conf")) {
					t.Errorf("Call(emit) writes %v, want two events", res.Writes)
				}
				// Whatever the gas, the call ends either as with plenty of it, or out of gas with all of it used.
				for gas := uint64(1); gas < res.Used.Gas; gas += 1 + res.Used.Gas/20 {
					if short := run(gas); short.Fault == nil || short.Fault.Code != abi.OutOfGas || short.Used.Gas != gas || answer(short) != "" {
						t.Errorf("Call(%s) with %d gas of %d: %v, used %d, gives %q; want out of gas, all used, nothing", tt.key, gas, res.Used.Gas, short.Fault, short.Used.Gas, answer(short))
					}
				}
				if again := run(res.Used.Gas); again.Used != res.Used || faultText(again.Fault) != faultText(res.Fault) {
					t.Errorf("Call(%s) with exactly %d gas: %+v %v, want %+v %v", tt.key, res.Used.Gas, again.Used, again.Fault, res.Used, res.Fault)
				}
			})
		}
	}
}

// answer is what a call wrote to "out", submitted or replied.
func answer(res host.Result) string {
	for _, w := range append(res.Writes, res.Submits...) {
		if w.Key == "out" || strings.HasPrefix(string(w.Address), "/submit/") {
			return string(w.Value)
		}
	}
	return string(res.Reply)
}

// TestNodeErrors: what the node can not do is an error of the call, whatever the contract
// makes of it, and the instance is not used again.
func TestNodeErrors(t *testing.T) {
	m := loadModule(t, newRuntime(t, wasm.Config{Instances: 1}), buildC(t, "lists"))
	s := host.NewSession(hosttest.NewCall(abi.Validate, "query", "x"), hosttest.State{}, host.Grant{}, host.Limits{})
	s.Contracts = deployed{"other": nil}
	if res, err := m.Call(context.Background(), s); !errors.Is(err, errNode) {
		t.Errorf("Call(query) on a broken node = %v, %v; want the node's error", res.Fault, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s = host.NewSession(hosttest.NewCall(abi.React, "http", "x"), hosttest.State{}, host.Grant{HTTP: []string{"https://example.com"}}, host.Limits{})
	s.World = world{}
	if res, err := m.Call(ctx, s); !errors.Is(err, context.Canceled) {
		t.Errorf("Call(http) with an ended context = %v, %v; want the context's error", res.Fault, err)
	}
	grant := host.Grant{Submit: []abi.Pattern{"/submit/**"}, HTTP: []string{"https://example.com"}}
	s = host.NewSession(hosttest.NewCall(abi.React, "http", "x"), hosttest.State{}, grant, host.Limits{})
	s.World = world{err: errors.New("no route")}
	if res, err := m.Call(context.Background(), s); err != nil || answer(res) != "-1 " || len(res.Log) != 1 {
		t.Errorf("Call(http) without an answer = %q, log %q, %v; want -1 and why", answer(res), res.Log, err)
	}
}
