package hosttest

import (
	"fmt"
	"strings"

	"github.com/kalima-chain/kalima/abi"
)

// phaseCases are the fields of the call, in every phase and with other calls, and what each
// phase may not do.
func phaseCases() (list []tcase) {
	call := NewCall(abi.Validate, "", "")
	for _, phase := range abi.Phases() {
		list = append(list, in(phase,
			tcase{name: "accept", key: "accept"},
			tcase{name: "field 1", key: "field", arg: "1", out: out(string(call.Address))},
			tcase{name: "field 2", key: "field", arg: "2", out: out("field")},
			tcase{name: "field 3", key: "field", arg: "3", out: out("3")},
			tcase{name: "field 4", key: "field", arg: "4", out: out(string(call.Sender[:]))},
			tcase{name: "field 5", key: "field", arg: "5", out: out(string(call.TxID[:]))},
			tcase{name: "field 6", key: "field", arg: "6", out: out("device writer")},
			tcase{name: "field 7", key: "field", arg: "7", out: out(name)},
			tcase{name: "field 8", key: "field", arg: "8", out: out(string(call.Chain[:]))},
			tcase{name: "field 9", key: "field", arg: "9", out: out("press-4")},
			tcase{name: "number 1", key: "number", arg: "1", out: out("1099511627776")},
			tcase{name: "number 2", key: "number", arg: "2", out: out("1795000000123456")},
			tcase{name: "number 3", key: "number", arg: "3", out: out("41")},
			tcase{name: "number 4", key: "number", arg: "4", out: out("1")},
			tcase{name: "number 5", key: "number", arg: "5", out: out(fmt.Sprint(int(phase)))},
			tcase{name: "number 6", key: "number", arg: "6", out: out("3")},
			tcase{name: "number 7", key: "number", arg: "7", out: out("1794999999000001")},
			tcase{name: "number 8", key: "number", arg: "8", codes: codes(abi.BadHostCall)},
			tcase{name: "get", key: "get", arg: " k", out: out("=value")},
			tcase{name: "scan", key: "scan", arg: "  z 10", out: out("a=1,k=value,")},
			tcase{name: "get-many", key: "get-many", arg: "/other x  none", out: out("=y,absent,")},
			tcase{name: "query", key: "query", arg: "twin get  t", out: out("==2")},
			tcase{name: "reject", key: "reject", arg: "7 value out of range", codes: codes(abi.Rejected), reason: 7, message: "value out of range"},
			tcase{name: "exit 0", key: "exit", arg: "0"},
			tcase{name: "exit 7", key: "exit", arg: "7", codes: codes(abi.Rejected), reason: 7},
			tcase{name: "exit -1", key: "exit", arg: "-1", codes: codes(abi.Rejected), reason: -1},
			tcase{name: "exit of the largest", key: "exit", arg: "2147483647", codes: codes(abi.Rejected), reason: 2147483647},
			tcase{name: "exit of the smallest", key: "exit", arg: "-2147483648", codes: codes(abi.Rejected), reason: -2147483648},
			tcase{name: "trap", key: "trap", codes: codes(abi.Trap)},
		)...)
	}
	denied := func(phase abi.Phase, keysAndArgs ...string) {
		for i := 0; i < len(keysAndArgs); i += 2 {
			key, arg := keysAndArgs[i], keysAndArgs[i+1]
			list = append(list, in(phase, fails(abi.Denied, tcase{name: strings.TrimSpace(key + " " + arg), key: key, arg: arg})...)...)
		}
	}
	denied(abi.Validate, "submit", "/submit/alarms key high", "reply", "1 3", "http", "GET "+origin+"/hello ", "clock", "")
	denied(abi.React, "put", " key v", "put", "/granted/here key v", "delete", " k", "reply", "1 3", "emit", "t data", "fields", "",
		"put-exit", "", "put-trap", "", "overlay", "")
	denied(abi.Query, "put", " key v", "delete", " k", "submit", "/submit/alarms key high", "emit", "t data",
		"http", "GET "+origin+"/hello ", "clock", "", "random", "8", "writes", "1")
	denied(abi.Migrate, "submit", "/submit/alarms key high", "reply", "1 3", "http", "GET "+origin+"/hello ", "clock", "")
	list = append(list, in(abi.Migrate,
		tcase{name: "put own", key: "put", arg: " key v", writes: one(own, "key", "v")},
		tcase{name: "put granted", key: "put", arg: "/granted/here key v", writes: one("/granted/here", "key", "v")},
		tcase{name: "put not granted", key: "put", arg: "/other key v", codes: codes(abi.Denied)},
		tcase{name: "delete", key: "delete", arg: " k", writes: one(own, "k", "")},
		tcase{name: "emit", key: "emit", arg: "moved 1", writes: one(abi.EventsAddress(name), "moved", "1")},
		tcase{name: "exit drops writes", key: "put-exit", codes: codes(abi.Rejected), reason: 7},
		tcase{name: "nothing is remembered", key: "remember", arg: "me", out: out("[]")},
	)...)
	return append(list, callCases()...)
}

// callCases are fields of calls other than usual.
func callCases() []tcase {
	roles := make([]string, 200)
	for i := range roles {
		roles[i] = fmt.Sprintf("role-%03d", i)
	}
	return []tcase{
		{name: "200 roles", key: "field", arg: "6", call: func(c *abi.Call) { c.Roles = roles }, out: out(strings.Join(roles, " "))},
		{name: "one role", key: "field", arg: "6", call: func(c *abi.Call) { c.Roles = roles[:1] }, out: out("role-000")},
		{name: "no roles", key: "field", arg: "6", call: func(c *abi.Call) { c.Roles = nil }, out: out("")},
		{name: "no name", key: "field", arg: "9", call: func(c *abi.Call) { c.Name = "" }, out: out("")},
		{name: "a name in another script", key: "field", arg: "9", call: func(c *abi.Call) { c.Name = "Œuvre-世界" }, out: out("Œuvre-世界")},
		{name: "the longest address", key: "field", arg: "1", call: func(c *abi.Call) { c.Address = abi.Address(longAddress) }, out: out(longAddress)},
		{name: "a delete", key: "number", arg: "4", call: func(c *abi.Call) { c.Op = abi.Delete }, out: out("2")},
		{name: "no value", key: "field", arg: "3", call: func(c *abi.Call) { c.Key, c.Value = "echo", nil }, out: out("")},
		{name: "no time of measurement", key: "number", arg: "7", call: func(c *abi.Call) { c.At = 0 }, out: out("0")},
		{name: "a time before 1970", key: "number", arg: "7", call: func(c *abi.Call) { c.At = -5 }, out: out("-5")},
		{name: "the first operation", key: "number", arg: "6", call: func(c *abi.Call) { c.OpIndex = 0 }, out: out("0")},
		{name: "the last operation", key: "number", arg: "6", call: func(c *abi.Call) { c.OpIndex = 1<<32 - 1 }, out: out("4294967295")},
		{name: "the genesis block", key: "number", arg: "1", call: func(c *abi.Call) { c.Height = 0 }, out: out("0")},
		{name: "sequence 2^53", key: "number", arg: "3", call: func(c *abi.Call) { c.Sequence = 1 << 53 }, out: out("9007199254740992")},
	}
}
