package worker

import (
	"fmt"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// replay makes a worker's writes once more in the call's own session, which checks them
// against the grant and the limits. What a worker could not have got from its own session
// makes the call a crash.
func replay(s *host.Session, r host.Result) host.Result {
	fault := r.Fault
	bad := func(what string) host.Result {
		f := abi.Faultf(abi.Crashed, "the contract's process spoke nonsense")
		f.Detail = what
		return s.Finish(f, s.Limits.Gas, 0)
	}
	if r.Used.Gas > s.Limits.Gas {
		return bad("more gas than there was")
	}
	if fault != nil && (fault.Code > abi.Crashed || len(r.Writes)+len(r.Submits)+len(r.Reply) > 0) {
		return bad(fmt.Sprintf("fault %v", fault))
	}
	for _, line := range r.Log {
		if f := s.Log(line); f != nil {
			return bad(f.Error())
		}
	}
	if f := apply(s, r.Writes); f != nil {
		return bad(f.Error())
	}
	for _, w := range r.Submits {
		if f := s.Submit(string(w.Address), w.Key, w.Value); f != nil {
			return bad(f.Error())
		}
	}
	if r.Reply != nil {
		if f := s.Reply(r.Reply); f != nil {
			return bad(f.Error())
		}
	}
	done := s.Finish(fault, r.Used.Gas, r.Used.Memory)
	done.Where = r.Where
	// The session counted what was left in the end; the contract may have written a key
	// twice, and read what it wrote.
	done.Used.Depth, done.Used.Reads = r.Used.Depth, r.Used.Reads
	done.Used.Writes = min(max(r.Used.Writes, done.Used.Writes), s.Limits.Writes+1)
	done.Used.Bytes = min(max(r.Used.Bytes, done.Used.Bytes), s.Limits.Bytes+abi.MaxValue+abi.MaxAddress+abi.MaxKey)
	return done
}

// apply makes writes in a session: puts, deletes and events as they were made in another.
func apply(s *host.Session, writes []abi.Write) *abi.Fault {
	events := abi.EventsAddress(s.Call.Contract)
	for _, w := range writes {
		f := (*abi.Fault)(nil)
		if w.Address == events {
			f = s.Emit(w.Key, w.Value)
		} else {
			f = s.Put(string(w.Address), w.Key, w.Value)
		}
		if f != nil {
			return f
		}
	}
	return nil
}

// free is the meter of the parent's sessions: the worker's has charged already.
type free struct{}

func (free) Charge(uint64) *abi.Fault { return nil }
func (free) Left() uint64             { return 1 << 62 }
