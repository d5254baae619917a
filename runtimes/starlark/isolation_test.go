package starlark

import (
	"context"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

// The contract tries to leave a secret behind wherever a value might outlive its call. Its
// react entry, another call of the same module, tells what it finds there.
const hider = `kalima_abi = 1

words = ["a"]
table = {"k": ["v"], "n": 1}
group = set([1])
pair = ([], {})
alias = words

def default(x = [], y = {}):
    x.append("secret")
    y["secret"] = 1
    return x

def counter():
    state = [0]
    def next():
        state[0] += 1
        return state[0]
    return next

count = counter()
bound = words.append
text = "%s"
iterator = range(10)
module = kalima
functions = [counter, len, math.sin]

def hide(place):
    s = "secret"
    if place == "list": words.append(s)
    elif place == "element": words[0] = s
    elif place == "element in place": words[0] += s
    elif place == "list in place": table["k"] += [s]
    elif place == "extend": alias.extend([s])
    elif place == "dict": table[s] = s
    elif place == "nested": table["k"].append(s)
    elif place == "update": table.update({s: s})
    elif place == "setdefault": table.setdefault(s, s)
    elif place == "pop": table.pop("n")
    elif place == "set": group.add(s)
    elif place == "tuple": pair[0].append(s)
    elif place == "clear": words.clear()
    elif place == "pattern": (words[0], x) = (s, 1)
    elif place == "loop": 
        for words[0] in [s]: pass
    elif place == "bound method": bound(s)
    elif place == "closure": count()
    elif place == "default": default()
    elif place == "functions": functions[0] = s
    elif place == "iteration":
        for x in words: words.append(s)
    elif place == "sorted": sorted(words, key = lambda w: words.append(s))
    elif place == "local":
        local = [s]
        local.append(s)
        kalima.log(str(local))
    elif place == "json": json.decode(json.encode([s]))
    elif place == "event": kalima.log(kalima.event.value)
    elif place == "exception": fail(s)
    elif place == "state": kalima.put("", "k", s)

def validate():
    place, end = kalima.event.value.split("/")
    hide(place)
    if end == "reject": kalima.reject(5, "secret")
    elif end == "fail": fail("secret")
    elif end == "gas":
        while True: pass
    elif end == "host": kalima.put("secret", "k", "v")

def react():
    kalima.log(repr([words, table, group, pair, alias, text, iterator, kalima.get("", "k")]))
`

// TestIsolation proves that no byte crosses from one call to the next, however the first
// ends.
func TestIsolation(t *testing.T) {
	ctx := context.Background()
	m, err := New().Load(ctx, []byte(hider))
	if err != nil {
		t.Fatal(err)
	}
	call := func(phase abi.Phase, value string) host.Result {
		t.Helper()
		s := host.NewSession(hosttest.NewCall(phase, "key", value), hosttest.State{}, host.Grant{}, host.Limits{Gas: 200_000})
		res, err := m.Call(ctx, s)
		if err != nil {
			t.Fatalf("Call(%v, %q) = error %v", phase, value, err)
		}
		return res
	}
	look := func() host.Result { return call(abi.React, "") }
	clean := look()
	if clean.Fault != nil || len(clean.Log) != 1 || !strings.Contains(clean.Log[0], `["v"]`) {
		t.Fatalf("the first look = %+v", clean)
	}
	frozen := map[string]bool{} // places that must refuse
	for _, p := range strings.Split("list,element,element in place,list in place,extend,dict,nested,update,setdefault,pop,set,tuple,clear,pattern,loop,bound method,closure,default,functions,iteration,sorted", ",") {
		frozen[p] = true
	}
	places := []string{"local", "json", "event", "exception", "state"}
	for p := range frozen {
		places = append(places, p)
	}
	for _, place := range places {
		for _, end := range []string{"accept", "reject", "fail", "gas", "host"} {
			res := call(abi.Validate, place+"/"+end)
			if frozen[place] && (res.Fault == nil || res.Fault.Code != abi.Trap || !strings.Contains(res.Fault.Message, "frozen")) {
				t.Errorf("hiding in %q = %v, want a trap that says frozen", place, res.Fault)
			}
			if got := look(); got.Fault != nil || got.Used != clean.Used || len(got.Log) != 1 || got.Log[0] != clean.Log[0] {
				t.Errorf("after hiding in %q with %s: %v, log %q, used %+v, want as at first: %q, %+v", place, end, got.Fault, got.Log, got.Used, clean.Log, clean.Used)
			}
		}
	}
}

// Calls of one module at once are as separate as calls one after the other.
func TestConcurrentCalls(t *testing.T) {
	ctx := context.Background()
	m, err := New().Load(ctx, []byte("kalima_abi = 1\nnames = {'a': [1, 2]}\ndef validate():\n    x = []\n    for i in range(200): x.append(kalima.event.value + str(names['a'][i % 2]))\n    kalima.put('', 'out', x[-1])\n"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan string)
	for i := range 8 {
		go func() {
			value := strings.Repeat("v", i)
			for range 20 {
				res, err := m.Call(ctx, host.NewSession(hosttest.NewCall(abi.Validate, "key", value), hosttest.State{}, host.Grant{}, host.Limits{}))
				if err != nil || res.Fault != nil || string(res.Writes[0].Value) != value+"2" {
					done <- "Call = " + res.Fault.Error()
					return
				}
			}
			done <- ""
		}()
	}
	for range 8 {
		if problem := <-done; problem != "" {
			t.Error(problem)
		}
	}
}
