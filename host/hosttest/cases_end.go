package hosttest

import (
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// endCases are the ways in which a call ends.
func endCases(kit Kit) []tcase {
	recursion := codes(abi.StackOverflow)
	if kit.NoRecursion {
		recursion = append(recursion, abi.Trap)
	}
	memory := codes(abi.OutOfMemory, abi.Crashed)
	return []tcase{
		{name: "reject negative", key: "reject", arg: "-5 no", codes: codes(abi.Rejected), reason: -5, message: "no"},
		{name: "reject 0 is a rejection", key: "reject", arg: "0 no", codes: codes(abi.Rejected), message: "no"},
		{name: "reject without text", key: "reject", arg: "1 ", codes: codes(abi.Rejected), reason: 1},
		{name: "reject in another script", key: "reject", arg: "1 值太大", codes: codes(abi.Rejected), reason: 1, message: "值太大"},
		{name: "reject with the longest text", key: "reject", arg: "1 " + strings.Repeat("x", abi.MaxMessage), codes: codes(abi.Rejected), reason: 1, message: strings.Repeat("x", abi.MaxMessage)},
		{name: "reject cuts text", key: "reject", arg: "1 " + strings.Repeat("x", 300), codes: codes(abi.Rejected), reason: 1, message: strings.Repeat("x", abi.MaxMessage)},
		{name: "reject cuts no character", key: "reject", arg: "1 x" + strings.Repeat("é", 150), codes: codes(abi.Rejected), reason: 1, message: "x" + strings.Repeat("é", 127)},
		{name: "exit drops writes", key: "put-exit", codes: codes(abi.Rejected), reason: 7},
		{name: "trap drops writes", key: "put-trap", codes: codes(abi.Trap)},
		{name: "a fault can not be caught", key: "swallow", codes: codes(abi.BadHostCall)},
		{name: "a rejection can not be caught", key: "swallow-reject", codes: codes(abi.Rejected), reason: 5, message: "no"},
		{name: "loop", key: "loop", limits: host.Limits{Gas: 5_000_000}, codes: codes(abi.OutOfGas)},
		{name: "loop in migrate", phase: abi.Migrate, key: "loop", limits: host.Limits{Gas: 1_000_000}, codes: codes(abi.OutOfGas)},
		{name: "work beyond gas", key: "work", arg: "100000000", limits: host.Limits{Gas: 1_000_000}, codes: codes(abi.OutOfGas)},
		{name: "writes beyond gas", key: "writes", arg: "60", limits: host.Limits{Gas: 40_000}, codes: codes(abi.OutOfGas)},
		{name: "hashes beyond gas", key: "sha256", arg: strings.Repeat("x", 8000), limits: host.Limits{Gas: 30_000}, codes: codes(abi.OutOfGas)},
		{name: "one unit of gas", key: "accept", limits: host.Limits{Gas: 1}, codes: codes(abi.OutOfGas)},
		{name: "memory", key: "memory", limits: host.Limits{Gas: plenty}, codes: memory},
		{name: "recursion", key: "recurse", limits: host.Limits{Gas: plenty}, codes: recursion},
	}
}
