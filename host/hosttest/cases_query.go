package hosttest

import (
	"fmt"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// queryCases are questions to other contracts.
func queryCases() []tcase {
	marked := all(one(own, "mark", "new"), one(own, "a", ""))
	state := string(own)
	list := []tcase{
		{name: "query", key: "query", arg: "twin echo hello world", out: out("=hello world")},
		{name: "query every byte", key: "query", arg: "twin echo " + allBytes(), out: out("=" + allBytes())},
		{name: "query an empty answer", key: "query", arg: "twin echo ", out: out("=")},
		{name: "query no answer", key: "query", arg: "twin accept ", out: out("=")},
		{name: "query nobody", key: "query", arg: "nobody echo x", out: out("none")},
		{name: "query without a name", key: "query", arg: " echo x", out: out("none")},
		{name: "query alone", key: "query", arg: "twin echo x", alone: true, out: out("none")},
		{name: "query a rejection", key: "query", arg: "twin reject 7 no", out: out("none")},
		{name: "query an exit code", key: "query", arg: "twin exit 3", out: out("none")},
		{name: "query an unknown case", key: "query", arg: "twin nonsense x", out: out("none")},
		{name: "query itself", key: "query", arg: name + " get  k", out: out("==value")},
		{name: "query reads its own state", key: "query", arg: "twin get  k", out: out("==other"), usage: &host.Usage{Reads: 1, Writes: 1, Bytes: len(own) + 3 + 7}},
		{name: "query reads any state", key: "query", arg: "twin get /other x", out: out("==y")},
		{name: "query scans its own state", key: "query", arg: "twin scan    10", out: out("=k=other,t=2,")},
		{name: "query has the caller's address", key: "query", arg: "twin field 1", out: out("=/plant1/line2/press4")},
		{name: "query has its own key", key: "query", arg: "twin field 2", out: out("=field")},
		{name: "query has its own value", key: "query", arg: "twin field 3", out: out("=3")},
		{name: "query has the caller's roles", key: "query", arg: "twin field 6", out: out("=device writer")},
		{name: "query has its own name", key: "query", arg: "twin field 7", out: out("=twin")},
		{name: "query has its own phase", key: "query", arg: "twin number 5", out: out("=3")},
		{name: "query has the caller's sequence", key: "query", arg: "twin number 3", out: out("=41")},
		{name: "query sees the caller's writes", key: "put-query", arg: "twin get " + state + " mark", writes: marked, out: out("==new")},
		{name: "query sees the caller's deletions", key: "put-query", arg: "twin get " + state + " a", writes: marked, out: out("=absent")},
		{name: "query walks the caller's writes", key: "put-query", arg: "twin keys " + state, writes: marked, out: out("=k,mark,z,")},
		{name: "query scans the caller's writes", key: "put-query", arg: "twin scan " + state + "   5", writes: marked, out: out("=k=value,mark=new,z=26,")},
		{name: "query gets many of the caller's writes", key: "put-query", arg: "twin get-many " + state + " a " + state + " mark", writes: marked, out: out("=absent,=new,")},
		{name: "queries see through each other", key: "put-query", arg: "twin query conf query twin get " + state + " mark", writes: marked, out: out("====new")},
		{name: "a write after a refused query stays", key: "put-query", arg: "twin exit 1", writes: marked, out: out("none")},
		{name: "query remembers nothing", key: "query", arg: "twin remember me", out: out("=[]")},
		{name: "query does not count on", key: "query", arg: "twin count ", out: out("=1")},
		{name: "queries nested 2 deep", key: "query", arg: "twin query conf echo x", out: out("==x")},
		{name: "queries nested 4 deep", key: "query", arg: nested(3) + "twin echo deep", out: out("====deep")},
		{name: "queries nested 5 deep", key: "query", arg: nested(4) + "twin echo deep", codes: codes(abi.StackOverflow)},
		{name: "a query nested in a rejection", key: "query", arg: "twin query conf exit 1", out: out("=none")},
		{name: "query the largest", key: "query-big", arg: fmt.Sprint(abi.MaxValue), out: out(fmt.Sprint(abi.MaxValue))},
		{name: "query too large", key: "query-big", arg: fmt.Sprint(abi.MaxValue + 1), codes: codes(abi.BadHostCall)},
		{name: "query with the longest key", key: "query", arg: "twin " + longKey + " x", out: out("none")},
		{name: "work in a query", key: "query", arg: "twin work 500", out: out("=" + work(500))},
		{name: "a fault in a query can not be caught", key: "swallow-query", codes: codes(abi.Trap)},
	}
	list = append(list, fails(abi.BadHostCall,
		tcase{name: "query without a key", key: "query", arg: "twin  x"},
		tcase{name: "query with a long key", key: "query", arg: "twin " + longKey + "k x"},
		tcase{name: "query with a control character", key: "query", arg: "twin a\x01b x"},
		tcase{name: "query with a long name", key: "query", arg: longKey + "k echo x"},
		tcase{name: "query a bad host call", key: "query", arg: "twin field 99"},
		tcase{name: "query answered twice", key: "query", arg: "twin reply 2 5"},
		tcase{name: "query answered beyond a value", key: "query", arg: fmt.Sprint("twin reply 1 ", abi.MaxValue+1)},
		tcase{name: "query of a nested bad host call", key: "query", arg: "twin query conf number 99"},
	)...)
	list = append(list, fails(abi.Denied,
		tcase{name: "query may not put", key: "query", arg: "twin put  key v"},
		tcase{name: "query may not put what the caller may", key: "query", arg: "twin put /granted/here key v"},
		tcase{name: "query may not delete", key: "query", arg: "twin delete  k"},
		tcase{name: "query may not submit", key: "query", arg: "twin submit /submit/alarms key high"},
		tcase{name: "query may not emit", key: "query", arg: "twin emit topic data"},
		tcase{name: "query may not reach out", phase: abi.React, key: "query", arg: "twin http GET " + origin + "/hello "},
		tcase{name: "query may not read the clock", phase: abi.React, key: "query", arg: "twin clock "},
		tcase{name: "a fault in a query drops writes", key: "put-query", arg: "twin delete  k"},
	)...)
	list = append(list, fails(abi.Trap,
		tcase{name: "query a trap", key: "query", arg: "twin trap "},
		tcase{name: "query a nested trap", key: "query", arg: "twin query conf trap "},
	)...)
	return append(list, fails(abi.OutOfGas,
		tcase{name: "a query is paid by the caller", key: "query", arg: "twin loop ", limits: host.Limits{Gas: 3_000_000}},
		tcase{name: "a nested query is paid by the caller", key: "query", arg: nested(2) + "twin work 100000000", limits: host.Limits{Gas: 3_000_000}},
	)...)
}

// nested is the argument of query for n queries around another one.
func nested(n int) string { return strings.Repeat("twin query ", n) }

func replyCases() []tcase {
	return in(abi.Query, []tcase{
		{name: "reply", key: "reply", arg: "1 5", out: out("rrrrr")},
		{name: "reply nothing", key: "reply", arg: "1 0", out: out("")},
		{name: "no reply", key: "reply", arg: "0 0"},
		{name: "reply the largest", key: "reply", arg: fmt.Sprint("1 ", abi.MaxValue), out: out(strings.Repeat("r", abi.MaxValue)), usage: &host.Usage{}},
		{name: "reply too large", key: "reply", arg: fmt.Sprint("1 ", abi.MaxValue+1), codes: codes(abi.BadHostCall)},
		{name: "reply twice", key: "reply", arg: "2 5", codes: codes(abi.BadHostCall)},
		{name: "reply nothing twice", key: "reply", arg: "2 0", codes: codes(abi.BadHostCall)},
		{name: "every byte", key: "echo", arg: allBytes(), out: out(allBytes())},
		{name: "random too much", key: "random", arg: "65537", codes: codes(abi.BadHostCall)},
		{name: "loop", key: "loop", limits: host.Limits{Gas: 3_000_000}, codes: codes(abi.OutOfGas)},
	}...)
}
