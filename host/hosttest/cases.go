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

	codes   []abi.Code // any of these; none means OK
	reason  int32
	message string // wanted exactly when the code is Rejected
	writes  []abi.Write
	submits []abi.Write
	log     []string
}

// big gas, so that another limit is met first.
const plenty = 1 << 40

func out(v string) []abi.Write { return []abi.Write{{Address: own, Key: "out", Value: []byte(v)}} }

func one(a abi.Address, k, v string) []abi.Write {
	return []abi.Write{{Address: a, Key: k, Value: []byte(v)}}
}

func codes(c ...abi.Code) []abi.Code { return c }

func cases(kit Kit) []tcase {
	all := plainCases()
	all = append(all, stateCases()...)
	all = append(all, endCases(kit)...)
	all = append(all, hostCases()...)
	if kit.Pointers {
		all = append(all, tcase{name: "bad pointer", key: "bad-pointer", codes: codes(abi.BadHostCall)})
	}
	return all
}

func plainCases() []tcase {
	call := NewCall(abi.Validate, "fields", "arg")
	fields := []string{"", "/plant1/line2/press4", "fields", "arg", string(call.Sender[:]), string(call.TxID[:]),
		"device writer", name, string(call.Chain[:]), "press-4"}
	var fw, nw, rw []abi.Write
	for i := 1; i < len(fields); i++ {
		fw = append(fw, one(own, fmt.Sprintf("f%d", i), fields[i])...)
	}
	numbers := []string{"", "1099511627776", "1795000000123456", "41", "1", "1", "3"}
	for i := 1; i < len(numbers); i++ {
		nw = append(nw, one(own, fmt.Sprintf("n%d", i), numbers[i])...)
	}
	rw = append(rw, one(own, "a", randomBytes(abi.Validate, "40", 80)[:40])...)
	rw = append(rw, one(own, "b", randomBytes(abi.Validate, "40", 80)[40:])...)
	return []tcase{
		{name: "accept", key: "accept"},
		{name: "react accepts", phase: abi.React, key: "accept"},
		{name: "echo text", key: "echo", arg: "hello", writes: out("hello")},
		{name: "echo every byte", key: "echo", arg: allBytes(), writes: out(allBytes())},
		{name: "echo nothing is a delete", key: "echo", writes: out("")},
		{name: "echo 10 KiB", key: "echo", arg: strings.Repeat("0123456789abcdef", 640), writes: out(strings.Repeat("0123456789abcdef", 640))},
		{name: "every field", key: "fields", arg: "arg", writes: fw},
		{name: "every number", key: "numbers", writes: nw},
		{name: "one field", key: "field", arg: "9", writes: out("press-4")},
		{name: "one number", key: "number", arg: "3", writes: out("41")},
		{name: "the sender's time", key: "number", arg: "7", writes: out("1794999999000001")},
		{name: "unknown field", key: "field", arg: "99", codes: codes(abi.BadHostCall)},
		{name: "field 0", key: "field", arg: "0", codes: codes(abi.BadHostCall)},
		{name: "field -1", key: "field", arg: "-1", codes: codes(abi.BadHostCall)},
		{name: "unknown number", key: "number", arg: "99", codes: codes(abi.BadHostCall)},
		{name: "unknown case", key: "no such case", codes: codes(abi.Rejected), reason: 99, message: "unknown case"},
		{name: "work", key: "work", arg: "1000", writes: out(work(1000))},
		{name: "random", key: "random", arg: "40", writes: rw},
		{name: "random too much", key: "random", arg: "65537", codes: codes(abi.BadHostCall)},
	}
}

func work(n int) string {
	x := uint64(1)
	for range n {
		x = (x*69069 + 1) % 65536
	}
	return fmt.Sprint(x)
}

func stateCases() []tcase {
	long := strings.Repeat("k", abi.MaxKey+1)
	return []tcase{
		{name: "get own", key: "get", arg: " k", writes: out("=value")},
		{name: "get own by address", key: "get", arg: string(own) + " k", writes: out("=value")},
		{name: "get absent", key: "get", arg: " nothing", writes: out("absent")},
		{name: "get another address", key: "get", arg: "/other x", writes: out("=y")},
		{name: "get bytes", key: "get", arg: "/other bin", writes: out("=\x00\xff")},
		{name: "get in react", phase: abi.React, key: "get", arg: "no-slash k", codes: codes(abi.BadHostCall)},
		{name: "get malformed address", key: "get", arg: "other x", codes: codes(abi.BadHostCall)},
		{name: "get empty key", key: "get", arg: "/other ", codes: codes(abi.BadHostCall)},
		{name: "get long key", key: "get", arg: "/other " + long, codes: codes(abi.BadHostCall)},
		{name: "keys own", key: "keys", writes: out("a,k,z,")},
		{name: "keys other", key: "keys", arg: "/other", writes: out("bin,x,")},
		{name: "keys none", key: "keys", arg: "/nothing", writes: out("none")},
		{name: "keys malformed address", key: "keys", arg: "//", codes: codes(abi.BadHostCall)},
		{name: "after", key: "after", arg: " a", writes: out("=k")},
		{name: "after between", key: "after", arg: " l", writes: out("=z")},
		{name: "after the last", key: "after", arg: " z", writes: out("absent")},
		{name: "put own", key: "put", arg: " key some value", writes: one(own, "key", "some value")},
		{name: "put granted", key: "put", arg: "/granted/here key v", writes: one("/granted/here", "key", "v")},
		{name: "put empty deletes", key: "put", arg: " k ", writes: one(own, "k", "")},
		{name: "put not granted", key: "put", arg: "/other key v", codes: codes(abi.Denied)},
		{name: "put another contract's state", key: "put", arg: string(abi.StateAddress("other")) + " key v", codes: codes(abi.Denied)},
		{name: "put system", key: "put", arg: "/_kalima/grants key v", codes: codes(abi.Denied)},
		{name: "put malformed address", key: "put", arg: "/a//b key v", codes: codes(abi.BadHostCall)},
		{name: "put empty key", key: "put", arg: "/granted  v", codes: codes(abi.BadHostCall)},
		{name: "put control character", key: "put", arg: "/granted a\x01b v", codes: codes(abi.BadHostCall)},
		{name: "put long key", key: "put", arg: " " + long + " v", codes: codes(abi.BadHostCall)},
		{name: "put in react", phase: abi.React, key: "put", arg: " key v", codes: codes(abi.Denied)},
		{name: "delete", key: "delete", arg: " k", writes: one(own, "k", "")},
		{name: "delete not granted", key: "delete", arg: "/other x", codes: codes(abi.Denied)},
		{name: "own writes are seen", key: "overlay", writes: append(append(append(one(own, "b", "3"), one(own, "c", "4")...),
			one(own, "a", "")...), out("absent,3,4;b,c,k,z,")...)},
		{name: "64 writes", key: "writes", arg: "64", writes: manyWrites(64)},
		{name: "65 writes", key: "writes", arg: "65", codes: codes(abi.TooMuch)},
		{name: "fewer writes allowed", key: "writes", arg: "3", limits: host.Limits{Writes: 2}, codes: codes(abi.TooMuch)},
		{name: "12000 bytes", key: "big", arg: "12000", writes: out(strings.Repeat("b", 12000))},
		{name: "13000 bytes", key: "big", arg: "13000", codes: codes(abi.TooMuch)},
		{name: "largest value", key: "big", arg: fmt.Sprint(abi.MaxValue), limits: host.Limits{Bytes: 1 << 20}, writes: out(strings.Repeat("b", abi.MaxValue))},
		{name: "value too large", key: "big", arg: fmt.Sprint(abi.MaxValue + 1), limits: host.Limits{Bytes: 1 << 20}, codes: codes(abi.BadHostCall)},
	}
}

func manyWrites(n int) (w []abi.Write) {
	for i := range n {
		w = append(w, one(own, fmt.Sprintf("w%d", i), "x")...)
	}
	return w
}

func endCases(kit Kit) []tcase {
	recursion := codes(abi.StackOverflow)
	if kit.NoRecursion {
		recursion = append(recursion, abi.Trap)
	}
	memory := codes(abi.OutOfMemory, abi.Crashed)
	return []tcase{
		{name: "reject", key: "reject", arg: "7 value out of range", codes: codes(abi.Rejected), reason: 7, message: "value out of range"},
		{name: "reject in react", phase: abi.React, key: "reject", arg: "7 no", codes: codes(abi.Rejected), reason: 7, message: "no"},
		{name: "reject negative", key: "reject", arg: "-5 no", codes: codes(abi.Rejected), reason: -5, message: "no"},
		{name: "reject 0 is a rejection", key: "reject", arg: "0 no", codes: codes(abi.Rejected), message: "no"},
		{name: "reject without text", key: "reject", arg: "1 ", codes: codes(abi.Rejected), reason: 1},
		{name: "reject cuts text", key: "reject", arg: "1 " + strings.Repeat("x", 300), codes: codes(abi.Rejected), reason: 1, message: strings.Repeat("x", abi.MaxMessage)},
		{name: "exit 0", key: "exit", arg: "0"},
		{name: "exit 7", key: "exit", arg: "7", codes: codes(abi.Rejected), reason: 7},
		{name: "exit -1", key: "exit", arg: "-1", codes: codes(abi.Rejected), reason: -1},
		{name: "exit drops writes", key: "put-exit", codes: codes(abi.Rejected), reason: 7},
		{name: "trap drops writes", key: "put-trap", codes: codes(abi.Trap)},
		{name: "trap", key: "trap", codes: codes(abi.Trap)},
		{name: "trap in react", phase: abi.React, key: "trap", codes: codes(abi.Trap)},
		{name: "a fault can not be caught", key: "swallow", codes: codes(abi.BadHostCall)},
		{name: "a rejection can not be caught", key: "swallow-reject", codes: codes(abi.Rejected), reason: 5, message: "no"},
		{name: "loop", key: "loop", limits: host.Limits{Gas: 5_000_000}, codes: codes(abi.OutOfGas)},
		{name: "work beyond gas", key: "work", arg: "100000000", limits: host.Limits{Gas: 1_000_000}, codes: codes(abi.OutOfGas)},
		{name: "writes beyond gas", key: "writes", arg: "60", limits: host.Limits{Gas: 40_000}, codes: codes(abi.OutOfGas)},
		{name: "memory", key: "memory", limits: host.Limits{Gas: plenty}, codes: memory},
		{name: "recursion", key: "recurse", limits: host.Limits{Gas: plenty}, codes: recursion},
	}
}

func hostCases() []tcase {
	seed := sha256.Sum256([]byte("hosttest"))
	key := ed25519.NewKeyFromSeed(seed[:])
	msg := "forty-two"
	good := string(key.Public().(ed25519.PublicKey)) + string(ed25519.Sign(key, []byte(msg))) + msg
	bad := good[:len(good)-1] + "x"
	sum, none := sha256.Sum256([]byte("abc")), sha256.Sum256(nil)
	return []tcase{
		{name: "sha256", key: "sha256", arg: "abc", writes: out(string(sum[:]))},
		{name: "sha256 of nothing", key: "sha256", writes: out(string(none[:]))},
		{name: "ed25519 good", key: "ed25519", arg: good, writes: out("1")},
		{name: "ed25519 bad", key: "ed25519", arg: bad, writes: out("0")},
		{name: "log", key: "log", arg: "1 hello world", log: []string{"hello world"}},
		{name: "log bounded", key: "log", arg: "5 12345678", limits: host.Limits{Log: 20}, log: []string{"12345678", "12345678"}},
		{name: "log is kept on a fault", key: "log", arg: "100000 x", limits: host.Limits{Gas: 100_000, Log: 1}, codes: codes(abi.OutOfGas), log: []string{"x"}},
		{name: "submit", phase: abi.React, key: "submit", arg: "/submit/alarms key high", submits: one("/submit/alarms", "key", "high")},
		{name: "submit not granted", phase: abi.React, key: "submit", arg: "/granted key high", codes: codes(abi.Denied)},
		{name: "submit to own state", phase: abi.React, key: "submit", arg: " key high", codes: codes(abi.Denied)},
		{name: "submit malformed", phase: abi.React, key: "submit", arg: "submit key high", codes: codes(abi.BadHostCall)},
		{name: "submit in validate", key: "submit", arg: "/submit/alarms key high", codes: codes(abi.Denied)},
	}
}
