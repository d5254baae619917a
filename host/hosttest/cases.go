package hosttest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// tcase is one call and what must come of it.
type tcase struct {
	name   string
	phase  abi.Phase // 0 means Validate
	key    string
	arg    string
	limits host.Limits
	call   func(*abi.Call) // changes the call
	grant  *host.Grant     // nil is testGrant
	alone  bool            // no other contracts, no world
	batch  bool            // the state is a host.Batcher
	state  State           // nil is testState

	codes   []abi.Code // any of these; none means OK
	reason  int32
	message string      // wanted exactly when the code is Rejected
	writes  []abi.Write // before what it hands out
	submits []abi.Write
	out     *string // what it hands out, each phase in its way; nil is nothing
	log     []string
	usage   *host.Usage // reads, writes and bytes; nil is any
}

// during is the phase of the case.
func (tt tcase) during() abi.Phase {
	if tt.phase == 0 {
		return abi.Validate
	}
	return tt.phase
}

// big gas, so that another limit is met first.
const plenty = 1 << 40

func out(v string) *string { return &v }

func one(a abi.Address, k, v string) []abi.Write {
	return []abi.Write{{Address: a, Key: k, Value: []byte(v)}}
}

func all(lists ...[]abi.Write) (ws []abi.Write) {
	for _, l := range lists {
		ws = append(ws, l...)
	}
	return ws
}

func codes(c ...abi.Code) []abi.Code { return c }

// in makes the same cases of another phase.
func in(phase abi.Phase, list ...tcase) []tcase {
	for i := range list {
		list[i].phase = phase
		list[i].name += " in " + phase.String()
	}
	return list
}

// fails makes cases of calls that end with a code.
func fails(code abi.Code, list ...tcase) []tcase {
	for i := range list {
		list[i].codes = codes(code)
	}
	return list
}

func cases(kit Kit) (list []tcase) {
	for _, more := range [][]tcase{
		plainCases(), phaseCases(), stateCases(), writeCases(), limitCases(), listCases(), queryCases(), replyCases(),
		eventCases(), worldCases(), endCases(kit), hostCases(), logCases(), pointerCases(kit),
	} {
		list = append(list, more...)
	}
	return list
}

func plainCases() []tcase {
	call := NewCall(abi.Validate, "fields", "arg")
	fields := []string{"", "/plant1/line2/press4", "fields", "arg", string(call.Sender[:]), string(call.TxID[:]),
		"device writer", name, string(call.Chain[:]), "press-4"}
	var fw, nw []abi.Write
	for i := 1; i < len(fields); i++ {
		fw = append(fw, one(own, fmt.Sprintf("f%d", i), fields[i])...)
	}
	numbers := []string{"", "1099511627776", "1795000000123456", "41", "1", "1", "3"}
	for i := 1; i < len(numbers); i++ {
		nw = append(nw, one(own, fmt.Sprintf("n%d", i), numbers[i])...)
	}
	drawn := randomBytes(abi.Validate, "40", 80)
	return []tcase{
		{name: "accept", key: "accept"},
		{name: "echo text", key: "echo", arg: "hello", out: out("hello")},
		{name: "echo every byte", key: "echo", arg: allBytes(), out: out(allBytes())},
		{name: "echo nothing is a delete", key: "echo", out: out("")},
		{name: "echo 10 KiB", key: "echo", arg: strings.Repeat("0123456789abcdef", 640), out: out(strings.Repeat("0123456789abcdef", 640))},
		{name: "every field", key: "fields", arg: "arg", writes: fw},
		{name: "every number", key: "numbers", writes: nw},
		{name: "unknown field", key: "field", arg: "99", codes: codes(abi.BadHostCall)},
		{name: "field 0", key: "field", arg: "0", codes: codes(abi.BadHostCall)},
		{name: "field -1", key: "field", arg: "-1", codes: codes(abi.BadHostCall)},
		{name: "field 10", key: "field", arg: "10", codes: codes(abi.BadHostCall)},
		{name: "unknown number", key: "number", arg: "99", codes: codes(abi.BadHostCall)},
		{name: "number 0", key: "number", arg: "0", codes: codes(abi.BadHostCall)},
		{name: "number -1", key: "number", arg: "-1", codes: codes(abi.BadHostCall)},
		{name: "unknown case", key: "no such case", codes: codes(abi.Rejected), reason: 99, message: "unknown case"},
		{name: "work", key: "work", arg: "1000", out: out(work(1000))},
		{name: "random", key: "random", arg: "40", writes: all(one(own, "a", drawn[:40]), one(own, "b", drawn[40:]))},
		{name: "random of no bytes", key: "random", arg: "0", writes: all(one(own, "a", ""), one(own, "b", ""))},
		{name: "random too much", key: "random", arg: "65537", codes: codes(abi.BadHostCall)},
		{name: "nothing is remembered", key: "remember", arg: "me", out: out("[]")},
	}
}

func work(n int) string {
	x := uint64(1)
	for range n {
		x = (x*69069 + 1) % 65536
	}
	return fmt.Sprint(x)
}

func hostCases() []tcase {
	seed := sha256.Sum256([]byte("hosttest"))
	key := ed25519.NewKeyFromSeed(seed[:])
	msg := "forty-two"
	good := string(key.Public().(ed25519.PublicKey)) + string(ed25519.Sign(key, []byte(msg))) + msg
	bad := good[:len(good)-1] + "x"
	mute := string(key.Public().(ed25519.PublicKey)) + string(ed25519.Sign(key, nil))
	sum, none := sha256.Sum256([]byte("abc")), sha256.Sum256(nil)
	long := strings.Repeat("0123456789abcdef", 640)
	longSum := sha256.Sum256([]byte(long))
	return []tcase{
		{name: "sha256", key: "sha256", arg: "abc", out: out(string(sum[:]))},
		{name: "sha256 of nothing", key: "sha256", out: out(string(none[:]))},
		{name: "sha256 of 10 KiB", key: "sha256", arg: long, out: out(string(longSum[:]))},
		{name: "ed25519 good", key: "ed25519", arg: good, out: out("1")},
		{name: "ed25519 bad", key: "ed25519", arg: bad, out: out("0")},
		{name: "ed25519 of nothing", key: "ed25519", arg: mute, out: out("1")},
		{name: "ed25519 another key", key: "ed25519", arg: strings.Repeat("\x01", 32) + good[32:], out: out("0")},
	}
}

func logCases() []tcase {
	return []tcase{
		{name: "log", key: "log", arg: "1 hello world", log: []string{"hello world"}},
		{name: "log twice", key: "log", arg: "2 Grüße, 世界", log: []string{"Grüße, 世界", "Grüße, 世界"}},
		{name: "log a line break", key: "log", arg: "1 a\nb", log: []string{"a\nb"}},
		{name: "log nothing", key: "log", arg: "2 ", log: []string{"", ""}},
		{name: "log in react", phase: abi.React, key: "log", arg: "1 x", log: []string{"x"}},
		{name: "log in query", phase: abi.Query, key: "log", arg: "1 x", log: []string{"x"}},
		{name: "log up to the limit", key: "log", arg: "3 12345678", limits: host.Limits{Log: 16}, log: []string{"12345678", "12345678"}},
		{name: "log bounded", key: "log", arg: "5 12345678", limits: host.Limits{Log: 20}, log: []string{"12345678", "12345678"}},
		{name: "log longer than all", key: "log", arg: "1 " + strings.Repeat("x", 9000), log: []string{}},
		{name: "log is kept on a fault", key: "log", arg: "100000 x", limits: host.Limits{Gas: 100_000, Log: 1}, codes: codes(abi.OutOfGas), log: []string{"x"}},
		{name: "a query's log is the caller's", key: "query", arg: "twin log 2 asked", log: []string{"asked", "asked"}, out: out("=")},
	}
}

func pointerCases(kit Kit) (list []tcase) {
	if !kit.Pointers {
		return nil
	}
	ref := func(address, key string) string {
		return string(rune(len(address))) + address + string(rune(len(key))) + key
	}
	value := func(v string) string { return string(abi.AppendValue(nil, abi.Value{Bytes: []byte(v), Ok: true})) }
	list = fails(abi.BadHostCall,
		tcase{name: "bad pointer", key: "bad-pointer"},
		tcase{name: "list with a length alone", key: "list", arg: ref("", "k") + "\x00"},
		tcase{name: "list cut off in an address", key: "list", arg: "\x05/a"},
		tcase{name: "list cut off after an address", key: "list", arg: "\x02/a"},
		tcase{name: "list cut off in a key", key: "list", arg: "\x00\x03k"},
		tcase{name: "list with an empty key", key: "list", arg: ref("", "")},
		tcase{name: "list with a bad address", key: "list", arg: ref("", "k") + ref("/a/", "k")},
		tcase{name: "list with a bad key", key: "list", arg: ref("", "a\xff")},
		tcase{name: "list of 65 keys", key: "list", arg: strings.Repeat(ref("", "k"), 65)},
	)
	list = append(list,
		tcase{name: "list", key: "list", arg: ref("", "k") + ref("/other", "none") + ref("/other", "x"),
			out: out(value("value") + "\xff\xff\xff\xff" + value("y"))},
		tcase{name: "list of nothing", key: "list", out: out("")})
	if !kit.Raw {
		return list
	}
	list = append(list, tcase{name: "kept answers", key: "kept", out: out("0 9 1 1")})
	for _, f := range abi.Functions() {
		switch phase := abi.Validate; f.Name {
		case abi.FnNumber, abi.FnClock: // have no pointer
		case abi.FnSubmit, abi.FnHTTP:
			list = append(list, in(abi.React, fails(abi.BadHostCall, tcase{name: "bad pointer of " + f.Name, key: "bad-pointer", arg: f.Name})...)...)
		default:
			if f.Name == abi.FnReply {
				phase = abi.Query
			}
			list = append(list, in(phase, fails(abi.BadHostCall, tcase{name: "bad pointer of " + f.Name, key: "bad-pointer", arg: f.Name})...)...)
		}
	}
	return list
}
