package hosttest

import (
	"fmt"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

func stateCases() []tcase {
	return []tcase{
		{name: "get own by address", key: "get", arg: string(own) + " k", out: out("=value"), usage: &host.Usage{Reads: 1, Writes: 1, Bytes: len(own) + 3 + 6}},
		{name: "get absent", key: "get", arg: " nothing", out: out("absent")},
		{name: "get another address", key: "get", arg: "/other x", out: out("=y")},
		{name: "get another contract's state", key: "get", arg: string(abi.StateAddress(twin)) + " k", out: out("=other")},
		{name: "get bytes", key: "get", arg: "/other bin", out: out("=\x00\xff")},
		{name: "get a key in another script", key: "get", arg: "/keys é", out: out("=2")},
		{name: "get a key beyond 16 bits", key: "get", arg: "/keys 𝄞", out: out("=4")},
		{name: "get a key with a space", key: "get", arg: "/keys a b", out: out("=5")},
		{name: "get the longest key", key: "get", arg: "/keys " + longKey, out: out("=6")},
		{name: "get at the longest address", key: "get", arg: longAddress + " k", out: out("absent")},
		{name: "get at an address too long", key: "get", arg: longAddress + "s k", codes: codes(abi.BadHostCall)},
		{name: "get at an address too deep", key: "get", arg: strings.Repeat("/s", abi.MaxSegments+1) + " k", codes: codes(abi.BadHostCall)},
		{name: "get malformed address", key: "get", arg: "other x", codes: codes(abi.BadHostCall)},
		{name: "get malformed address in react", phase: abi.React, key: "get", arg: "no-slash k", codes: codes(abi.BadHostCall)},
		{name: "get a pattern", key: "get", arg: "/other/* x", codes: codes(abi.BadHostCall)},
		{name: "get empty key", key: "get", arg: "/other ", codes: codes(abi.BadHostCall)},
		{name: "get long key", key: "get", arg: "/other " + longKey + "k", codes: codes(abi.BadHostCall)},
		{name: "keys own", key: "keys", out: out("a,k,z,"), usage: &host.Usage{Reads: 4, Writes: 1, Bytes: len(own) + 3 + 6}},
		{name: "keys other", key: "keys", arg: "/other", out: out("bin,x,")},
		{name: "keys in byte order", key: "keys", arg: "/keys", out: out("a b," + longKey + ",z,é,\uFFFD,𝄞,")},
		{name: "keys none", key: "keys", arg: "/nothing", out: out("none")},
		{name: "keys malformed address", key: "keys", arg: "//", codes: codes(abi.BadHostCall)},
		{name: "after", key: "after", arg: " a", out: out("=k")},
		{name: "after between", key: "after", arg: " l", out: out("=z")},
		{name: "after the last", key: "after", arg: " z", out: out("absent")},
		{name: "after a key in another script", key: "after", arg: "/keys \uFFFD", out: out("=𝄞")},
	}
}

func writeCases() []tcase {
	return []tcase{
		{name: "put own", key: "put", arg: " key some value", writes: one(own, "key", "some value")},
		{name: "put own by address", key: "put", arg: string(own) + " key v", writes: one(own, "key", "v")},
		{name: "put granted", key: "put", arg: "/granted/here key v", writes: one("/granted/here", "key", "v")},
		{name: "put at the longest address", key: "put", arg: longAddress + " key v", writes: one(abi.Address(longAddress), "key", "v")},
		{name: "put the longest key", key: "put", arg: " " + longKey + " v", writes: one(own, longKey, "v")},
		{name: "put a key in another script", key: "put", arg: " ключ-世界 значение", writes: one(own, "ключ-世界", "значение")},
		{name: "put a key beyond 16 bits", key: "put", arg: " 𝄞 v", writes: one(own, "𝄞", "v")},
		{name: "put empty deletes", key: "put", arg: " k ", writes: one(own, "k", "")},
		{name: "put not granted", key: "put", arg: "/other key v", codes: codes(abi.Denied)},
		{name: "put another contract's state", key: "put", arg: string(abi.StateAddress("other")) + " key v", codes: codes(abi.Denied)},
		{name: "put the contract's own events", key: "put", arg: string(abi.EventsAddress(name)) + " key v", codes: codes(abi.Denied)},
		{name: "put below the own state", key: "put", arg: string(own) + "/x key v", codes: codes(abi.Denied)},
		{name: "put system", key: "put", arg: "/_kalima/grants key v", codes: codes(abi.Denied)},
		{name: "a grant of all is not the system's", key: "put", arg: "/_kalima/grants key v", grant: &host.Grant{Write: []abi.Pattern{"/**"}}, codes: codes(abi.Denied)},
		{name: "put without a grant", key: "put", arg: "/granted/here key v", grant: &host.Grant{}, codes: codes(abi.Denied)},
		{name: "put malformed address", key: "put", arg: "/a//b key v", codes: codes(abi.BadHostCall)},
		{name: "put a parent's address", key: "put", arg: "/granted/../other key v", codes: codes(abi.BadHostCall)},
		{name: "put empty key", key: "put", arg: "/granted  v", codes: codes(abi.BadHostCall)},
		{name: "put control character", key: "put", arg: "/granted a\x01b v", codes: codes(abi.BadHostCall)},
		{name: "put delete character", key: "put", arg: "/granted a\x7fb v", codes: codes(abi.BadHostCall)},
		{name: "put long key", key: "put", arg: " " + longKey + "k v", codes: codes(abi.BadHostCall)},
		{name: "delete", key: "delete", arg: " k", writes: one(own, "k", "")},
		{name: "delete what is absent", key: "delete", arg: " nothing", writes: one(own, "nothing", "")},
		{name: "delete not granted", key: "delete", arg: "/other x", codes: codes(abi.Denied)},
		{name: "delete empty key", key: "delete", arg: " ", codes: codes(abi.BadHostCall)},
		{name: "own writes are seen", key: "overlay", writes: all(one(own, "b", "3"), one(own, "c", "4"), one(own, "a", "")), out: out("absent,3,4;b,c,k,z,")},
		{name: "submit", phase: abi.React, key: "submit", arg: "/submit/alarms key high", submits: one("/submit/alarms", "key", "high"),
			usage: &host.Usage{Writes: 1, Bytes: 14 + 3 + 4}},
		{name: "submit nothing", phase: abi.React, key: "submit", arg: "/submit/alarms key ", submits: one("/submit/alarms", "key", "")},
		{name: "submit not granted", phase: abi.React, key: "submit", arg: "/granted key high", codes: codes(abi.Denied)},
		{name: "submit to own state", phase: abi.React, key: "submit", arg: " key high", codes: codes(abi.Denied)},
		{name: "submit to the system", phase: abi.React, key: "submit", arg: "/_kalima/grants key v", grant: &host.Grant{Submit: []abi.Pattern{"/**"}}, codes: codes(abi.Denied)},
		{name: "submit without a grant", phase: abi.React, key: "submit", arg: "/submit/alarms key high", grant: &host.Grant{}, codes: codes(abi.Denied)},
		{name: "submit malformed", phase: abi.React, key: "submit", arg: "submit key high", codes: codes(abi.BadHostCall)},
		{name: "submit empty key", phase: abi.React, key: "submit", arg: "/submit  high", codes: codes(abi.BadHostCall)},
	}
}

// limitCases stand at the edge of each limit, on both sides of it.
func limitCases() []tcase {
	size := len(own) + len("out") + 100
	return []tcase{
		{name: "64 writes", key: "writes", arg: "64", writes: manyWrites(64), usage: &host.Usage{Writes: 64, Bytes: 64*(len(own)+1+1) + 10 + 2*54}},
		{name: "65 writes", key: "writes", arg: "65", codes: codes(abi.TooMuch)},
		{name: "writes at their limit", key: "writes", arg: "2", limits: host.Limits{Writes: 2}, writes: manyWrites(2)},
		{name: "fewer writes allowed", key: "writes", arg: "3", limits: host.Limits{Writes: 2}, codes: codes(abi.TooMuch)},
		{name: "writes of one key count", key: "overlay", limits: host.Limits{Writes: 4}, codes: codes(abi.TooMuch)},
		{name: "submits at their limit", phase: abi.React, key: "echo", arg: "x", limits: host.Limits{Writes: 1}, out: out("x")},
		{name: "bytes at their limit", key: "big", arg: "100", limits: host.Limits{Bytes: size}, out: out(strings.Repeat("b", 100)), usage: &host.Usage{Writes: 1, Bytes: size}},
		{name: "a byte too many", key: "big", arg: "101", limits: host.Limits{Bytes: size}, codes: codes(abi.TooMuch)},
		{name: "12000 bytes", key: "big", arg: "12000", out: out(strings.Repeat("b", 12000))},
		{name: "13000 bytes", key: "big", arg: "13000", codes: codes(abi.TooMuch)},
		{name: "largest value", key: "big", arg: fmt.Sprint(abi.MaxValue), limits: host.Limits{Bytes: 1 << 20}, out: out(strings.Repeat("b", abi.MaxValue))},
		{name: "value too large", key: "big", arg: fmt.Sprint(abi.MaxValue + 1), limits: host.Limits{Bytes: 1 << 20}, codes: codes(abi.BadHostCall)},
		{name: "submit too large", phase: abi.React, key: "big", arg: fmt.Sprint(abi.MaxValue + 1), limits: host.Limits{Bytes: 1 << 20}, codes: codes(abi.BadHostCall)},
	}
}

func manyWrites(n int) (w []abi.Write) {
	for i := range n {
		w = append(w, one(own, fmt.Sprintf("w%d", i), "x")...)
	}
	return w
}
