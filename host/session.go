package host

import (
	"fmt"
	"strings"

	"github.com/kalima-chain/kalima/abi"
)

// Meter is how a Session charges gas. The runtime that runs the contract provides it.
type Meter interface {
	// Charge takes gas before the work it pays for. It returns a fault when there is
	// not enough, which the host function passes on.
	Charge(gas uint64) *abi.Fault

	// Left is the gas that is still there.
	Left() uint64
}

// Session is one call of one contract: its input, its buffered writes, its log. It is
// made for one call and used by one goroutine.
//
// Every host function returns a fault when the call must end; the runtime then stops
// the contract at once and passes the fault to Finish.
//
// The exported fields are set, if at all, between NewSession and Module.Call.
type Session struct {
	Call   abi.Call
	Limits Limits

	Contracts Contracts // whom query asks; nil: no contract is deployed
	World     World     // what http and clock reach; nil: this host offers neither
	Probe     *Probe    // watches the call; nil for all but tools
	Nested    int       // how many queries this call stands within

	state State
	grant Grant
	own   abi.Address
	meter Meter

	order   []abi.Write
	passed  map[Key]string // see walk; nil until needed
	submits []abi.Write
	reply   []byte
	replied bool
	kept    []byte // what result copies
	sent    int    // requests to the world
	log     []string
	logged  int
	used    Usage
	random  [32]byte // seed of the next block of random bytes
	drawn   uint64   // blocks drawn
	rest    []byte   // undelivered random bytes
}

// NewSession prepares a call. Limits' zero fields take their defaults.
func NewSession(call abi.Call, state State, grant Grant, limits Limits) *Session {
	return &Session{
		Call: call, Limits: limits.withDefaults(), state: state, grant: grant,
		own: abi.StateAddress(call.Contract),
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	if l.Gas == 0 {
		l.Gas = d.Gas
	}
	if l.Memory == 0 {
		l.Memory = d.Memory
	}
	if l.Depth == 0 {
		l.Depth = d.Depth
	}
	if l.Writes == 0 {
		l.Writes = d.Writes
	}
	if l.Bytes == 0 {
		l.Bytes = d.Bytes
	}
	if l.Log == 0 {
		l.Log = d.Log
	}
	if l.Deadline == 0 {
		l.Deadline = d.Deadline
	}
	return l
}

// Begin gives the session the runtime's meter. It must come before any host function.
func (s *Session) Begin(m Meter) { s.meter = m }

// Finish makes the result of the call. Gas and memory are the runtime's figures.
func (s *Session) Finish(fault *abi.Fault, gas, memory uint64) Result {
	s.used.Gas, s.used.Memory = gas, memory
	r := Result{Fault: fault, Used: s.used, Log: s.log}
	if fault == nil {
		r.Writes, r.Submits, r.Reply = s.order, s.submits, s.reply
	}
	return r
}

// Exit turns the value an entry returned into its fault: nil for 0.
func Exit(code int32) *abi.Fault {
	if code == 0 {
		return nil
	}
	return &abi.Fault{Code: abi.Rejected, Reason: code}
}

// Log keeps a line for people. Beyond the limit lines are dropped, not refused.
func (s *Session) Log(line string) (f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnLog); f != nil {
			return f
		}
		defer func() { s.Probe.leave(s, f, "", line) }()
	}
	if f := s.meter.Charge(PriceLog + PriceByte*uint64(len(line))); f != nil {
		return f
	}
	s.keepLog(line)
	return nil
}

func (s *Session) keepLog(line string) {
	if s.logged+len(line) <= s.Limits.Log {
		s.logged += len(line)
		s.log = append(s.log, strings.ToValidUTF8(line, "\uFFFD"))
	}
}

// Reject returns the fault of a contract that says no.
func (s *Session) Reject(code int32, message string) (f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnReject); f != nil {
			return f
		}
		defer func() { s.Probe.leave(s, nil, "", fmt.Sprint(code), message) }()
	}
	if f := s.meter.Charge(PriceCall + PriceByte*uint64(len(message))); f != nil {
		return f
	}
	return &abi.Fault{Code: abi.Rejected, Reason: code, Message: abi.Clip(message)}
}

// target resolves an address (empty is the contract's own) and checks the key.
func (s *Session) target(address, key string) (abi.Address, *abi.Fault) {
	a, f := s.address(address)
	if f != nil {
		return "", f
	}
	if err := abi.CheckKey(key); err != nil {
		return "", abi.Faultf(abi.BadHostCall, "%v", err)
	}
	return a, nil
}

func (s *Session) address(address string) (abi.Address, *abi.Fault) {
	if address == "" {
		return s.own, nil
	}
	a, err := abi.ParseAddress(address)
	if err != nil {
		return "", abi.Faultf(abi.BadHostCall, "%v", err)
	}
	return a, nil
}
