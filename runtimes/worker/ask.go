package worker

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// equipment is what a session has beside its call: the fields of host.Session that can not
// cross the pipe, and stand for something that the child asks the parent for.
type equipment struct {
	contracts, world, trace, charges bool
	failAt, nested                   int
}

func (f frame) equipment(e equipment) frame {
	return f.bool(e.contracts).bool(e.world).bool(e.trace).bool(e.charges).int(e.failAt).int(e.nested)
}

func (f *fields) equipment() equipment {
	return equipment{contracts: f.bool(), world: f.bool(), trace: f.bool(), charges: f.bool(), failAt: f.int(), nested: f.int()}
}

// equip gives a session of the child what the parent's has.
func (s *server) equip(session *host.Session, f *fields) {
	e := f.equipment()
	session.Nested = e.nested
	if e.contracts {
		session.Contracts = s
	}
	if e.world {
		session.World = s
	}
	if !e.trace && !e.charges && e.failAt == 0 {
		return
	}
	session.Probe = &host.Probe{FailAt: e.failAt}
	if e.trace {
		session.Probe.HostCall = func(c host.HostCall) { s.tell(s.frame(kindTrace).hostCall(c)) }
	}
	if e.charges {
		session.Probe.Charge = func(stack []abi.Place, gas uint64) { s.tell(s.frame(kindCharge).places(stack).num(gas)) }
	}
}

var (
	_ host.State     = (*server)(nil)
	_ host.Batcher   = (*server)(nil)
	_ host.Contracts = (*server)(nil)
	_ host.World     = (*server)(nil)
)

// question begins a frame that asks the parent for something, or ends the call: first the
// parent learns what was read of that which it sent ahead, so that its session reads all
// the contract did, in the same order.
func (s *server) question(kind byte) frame { return s.ahead.tell(s.frame(kind)) }

// Get asks the parent, unless the value came with the call.
func (s *server) Get(a abi.Address, key string) ([]byte, bool) {
	if v, ok := s.ahead.get(host.Key{Address: a, Key: key}); ok {
		return v.Bytes, v.Ok
	}
	f := s.ask(s.question(kindGet).str(string(a)).str(key), kindValue)
	found, value := f.bool(), f.bytes()
	s.must(f.done())
	return value, found
}

// Next asks the parent.
func (s *server) Next(a abi.Address, after string) (string, bool) {
	f := s.ask(s.question(kindNext).str(string(a)).str(after), kindValue)
	found, key := f.bool(), f.str()
	s.must(f.done())
	return key, found
}

// GetMany asks the parent.
func (s *server) GetMany(keys []host.Key) []abi.Value {
	f := s.ask(s.question(kindMany).keys(keys), kindValues)
	values := f.values()
	s.must(f.done())
	return values
}

// Range asks the parent.
func (s *server) Range(a abi.Address, after, before string, limit int) []abi.KeyValue {
	if s.ended == (span{a, after, before}) {
		return nil // the answer before was the rest
	}
	f := s.ask(s.question(kindRange).str(string(a)).str(after).str(before).int(limit), kindEntries)
	entries, last := f.entries(), f.bool()
	s.must(f.done())
	if n := len(entries); last && n > 0 {
		s.ended = span{a, entries[n-1].Key, before}
	}
	return entries
}

// span is where a scan would go on.
type span struct {
	address       abi.Address
	after, before string
}

// Query asks the parent, which knows what the call has written so far from here.
func (s *server) Query(_ context.Context, q *host.Session) (host.Result, bool, error) {
	writes := s.session.Finish(nil, 0, 0).Writes // so far: Finish ends nothing
	f := s.ask(s.question(kindQuery).str(q.Call.Contract).str(q.Call.Key).bytes(q.Call.Value).num(q.Limits.Gas).writes(writes), kindReply)
	if f == nil {
		return host.Result{}, false, errors.New("the node could not run the query")
	}
	found, r := f.bool(), f.result()
	s.must(f.done())
	return r, found, nil
}

// HTTP asks the parent.
func (s *server) HTTP(_ context.Context, r host.HTTPRequest) (host.HTTPResponse, error) {
	f := s.ask(s.frame(kindHTTP).request(r), kindResponse)
	if f == nil {
		return host.HTTPResponse{}, errors.New("the node could not send the request")
	}
	fault, answer := f.str(), f.response()
	s.must(f.done())
	if fault != "" {
		return host.HTTPResponse{}, errors.New(fault)
	}
	return answer, nil
}

// Now asks the parent.
func (s *server) Now() abi.Time {
	f := s.ask(s.frame(kindClock), kindTime)
	now := abi.Time(f.num())
	s.must(f.done())
	return now
}

// ask sends a question and returns the answer, nil when the node failed to find one.
func (s *server) ask(q frame, want byte) *fields {
	s.tell(q)
	kind, f, err := s.receive()
	s.must(err)
	if kind == kindFailed && (want == kindReply || want == kindResponse) {
		return nil
	}
	if kind != want {
		s.must(fmt.Errorf("%w: kind %q, want %q", errFrame, kind, want))
	}
	return f
}

// exit ends the process with its last words.
func exit(err error) {
	fmt.Fprintf(os.Stderr, "worker: %v\n", err)
	os.Exit(2)
}

func (s *server) tell(f frame) { s.must(s.send(f)) }

// must ends the process on an error: the parent is gone or speaks nonsense, and without it
// there is no answer that a contract could be given.
func (s *server) must(err error) {
	if err != nil {
		s.die(fmt.Errorf("ask the node: %w", err))
	}
}
