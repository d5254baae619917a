package host

import (
	"fmt"
	"strings"

	"github.com/kalima-chain/kalima/abi"
)

// Probe watches a call from outside, for the tools that explain contracts to their
// authors. Outcome and gas of the call stay the same, FailAt aside.
type Probe struct {
	// HostCall is told of each host function when it is over. May be nil.
	HostCall func(HostCall)

	// FailAt ends the call with a fault at its n-th host function, from 1. 0 never does.
	FailAt int

	// Charge is told of each charge of gas, with the places in the contract that led to it,
	// innermost first. It must not keep the slice. With it a call may be a hundred times
	// slower. May be nil.
	Charge func(stack []abi.Place, gas uint64)

	calls int
	name  string
	left  uint64
}

// HostCall is a call of a host function, as people read it.
type HostCall struct {
	Number int      // from 1
	Name   string   // as in package abi
	Args   []string // texts; bytes that are not text as Go writes them in quotes, long ones cut
	Result string   // empty when it has none
	Gas    uint64   // what it cost
	Fault  *abi.Fault
}

// enter begins a host function, and ends the call when this is the one to fail.
func (p *Probe) enter(s *Session, name string) *abi.Fault {
	p.calls++
	p.name, p.left = name, s.meter.Left()
	if p.calls == p.FailAt {
		f := abi.Faultf(abi.BadHostCall, "host call %d, %s, made to fail", p.calls, name)
		p.leave(s, f, "")
		return f
	}
	return nil
}

func (p *Probe) leave(s *Session, f *abi.Fault, result string, args ...string) {
	if p.HostCall == nil {
		return
	}
	c := HostCall{Number: p.calls, Name: p.name, Args: args, Result: result, Fault: f}
	if left := s.meter.Left(); left < p.left {
		c.Gas = p.left - left
	}
	for i, a := range args {
		if i == 0 && a == "" && s.addressed(p.name) {
			a = string(s.own)
		}
		args[i] = quotedText(a)
	}
	p.HostCall(c)
}

// addressed tells whether the first argument of a host function is an address, which may
// be empty for the contract's own.
func (s *Session) addressed(name string) bool {
	switch name {
	case abi.FnGet, abi.FnPut, abi.FnDelete, abi.FnNext, abi.FnScan, abi.FnSubmit:
		return true
	}
	return false
}

const longestShown = 64 // bytes of an argument

func shown(value []byte, ok bool) string {
	if !ok {
		return "none"
	}
	return quoted(value)
}

func quoted(b []byte) string { return quotedText(string(b)) }

func quotedText(s string) string {
	rest := ""
	if len(s) > longestShown {
		s, rest = s[:longestShown], fmt.Sprintf("... (%d bytes)", len(s))
	}
	if q := fmt.Sprintf("%q", s); s == "" || len(q) != len(s)+2 || strings.ContainsAny(s, " ,()") {
		s = q
	}
	return s + rest
}

func refs(keys []abi.KeyRef) (args []string) {
	for _, k := range keys {
		args = append(args, k.Address+" "+k.Key)
	}
	return args
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
