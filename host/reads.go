package host

import (
	"context"

	"github.com/kalima-chain/kalima/abi"
)

// Get returns the current value of a key, the call's own writes included. ok is false
// when there is none. The caller must not change the bytes.
func (s *Session) Get(address, key string) (value []byte, ok bool, f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnGet); f != nil {
			return nil, false, f
		}
		defer func() { s.Probe.leave(s, f, shown(value, ok), address, key) }()
	}
	if f := s.meter.Charge(PriceGet + PriceByte*uint64(len(address)+len(key))); f != nil {
		return nil, false, f
	}
	a, f := s.target(address, key)
	if f != nil {
		return nil, false, f
	}
	s.used.Reads++
	value, ok = s.current(a, key)
	return value, ok, s.meter.Charge(PriceByte * uint64(len(value)))
}

// GetMany is Get for up to abi.MaxKeys keys. The caller must not change the bytes.
func (s *Session) GetMany(keys []abi.KeyRef) (values []abi.Value, f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnGetMany); f != nil {
			return nil, f
		}
		defer func() { s.Probe.leave(s, f, count(len(values), "value"), refs(keys)...) }()
	}
	if len(keys) > abi.MaxKeys {
		return nil, abi.Faultf(abi.BadHostCall, "get_many: %d keys, at most %d", len(keys), abi.MaxKeys)
	}
	price := uint64(PriceCall)
	for _, k := range keys {
		price += PriceGet + PriceByte*uint64(len(k.Address)+len(k.Key))
	}
	if f := s.meter.Charge(price); f != nil {
		return nil, f
	}
	at := make([]Key, len(keys))
	for i, k := range keys {
		a, f := s.target(k.Address, k.Key)
		if f != nil {
			return nil, f
		}
		at[i] = Key{a, k.Key}
	}
	s.used.Reads += len(keys)
	values, size := s.currentMany(at), 0
	for _, v := range values {
		size += len(v.Bytes)
	}
	if size > abi.MaxAnswer {
		return nil, abi.Faultf(abi.TooMuch, "get_many: values of %d bytes, at most %d", size, abi.MaxAnswer)
	}
	return values, s.meter.Charge(PriceByte * uint64(size))
}

// Next returns the first key of the address greater than after, in byte order, the
// call's own writes included.
func (s *Session) Next(address, after string) (key string, ok bool, f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnNext); f != nil {
			return "", false, f
		}
		defer func() { s.Probe.leave(s, f, shown([]byte(key), ok), address, after) }()
	}
	if f := s.meter.Charge(PriceNext + PriceByte*uint64(len(address)+len(after))); f != nil {
		return "", false, f
	}
	a, f := s.address(address)
	if f != nil {
		return "", false, f
	}
	s.used.Reads++
	key, ok = s.next(a, after)
	return key, ok, s.meter.Charge(PriceByte * uint64(len(key)))
}

// Scan returns the first limit entries of the address whose keys are greater than after
// and, unless before is empty, less than before, in byte order, the call's own writes
// included. Fewer come when their values would pass abi.MaxAnswer bytes; none is the end.
// The caller must not change the bytes.
func (s *Session) Scan(address, after, before string, limit int) (entries []abi.KeyValue, f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnScan); f != nil {
			return nil, f
		}
		defer func() { s.Probe.leave(s, f, count(len(entries), "value"), address, after, before) }()
	}
	if limit < 1 || limit > abi.MaxScan {
		return nil, abi.Faultf(abi.BadHostCall, "scan: limit of %d entries, want 1 to %d", limit, abi.MaxScan)
	}
	if f := s.meter.Charge(PriceCall + PriceByte*uint64(len(address)+len(after)+len(before))); f != nil {
		return nil, f
	}
	a, f := s.address(address)
	if f != nil {
		return nil, f
	}
	c := cursor{s: s, address: a, after: after, before: before, limit: limit}
	for size := 0; len(entries) < limit; {
		if f := s.meter.Charge(PriceNext + PriceGet); f != nil {
			return nil, f
		}
		s.used.Reads++
		e, ok := c.next()
		if !ok || size+len(e.Key)+len(e.Value) > abi.MaxAnswer {
			break
		}
		n := len(e.Key) + len(e.Value)
		if f := s.meter.Charge(PriceByte * uint64(n)); f != nil {
			return nil, f
		}
		entries, size = append(entries, e), size+n
	}
	return entries, nil
}

// Query asks another contract. ok is false when there is none of that name, when it has no
// query entry, and when it rejects the question; any other end of it that is not an
// answer is the caller's end too. The error is the node's.
//
// The other contract sees what this call has written so far and pays from its gas.
func (s *Session) Query(ctx context.Context, name, key string, arg []byte) (answer []byte, ok bool, f *abi.Fault, err error) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnQuery); f != nil {
			return nil, false, f, nil
		}
		defer func() { s.Probe.leave(s, f, shown(answer, ok), name, key, string(arg)) }()
	}
	if f := s.meter.Charge(PriceQuery + PriceByte*uint64(len(name)+len(key)+len(arg))); f != nil {
		return nil, false, f, nil
	}
	if len(name) > abi.MaxKey {
		return nil, false, abi.Faultf(abi.BadHostCall, "query: name of %d bytes, at most %d", len(name), abi.MaxKey), nil
	}
	if err := abi.CheckKey(key); err != nil {
		return nil, false, abi.Faultf(abi.BadHostCall, "query %.40s: %v", name, err), nil
	}
	if err := abi.CheckValue(arg); err != nil {
		return nil, false, abi.Faultf(abi.BadHostCall, "query %.40s: %v", name, err), nil
	}
	if s.Nested >= abi.MaxNested {
		return nil, false, abi.Faultf(abi.StackOverflow, "queries nested more than %d deep", abi.MaxNested), nil
	}
	if s.Contracts == nil {
		return nil, false, nil, nil
	}
	call := s.Call
	call.Phase, call.Contract, call.Key, call.Value = abi.Query, name, key, append([]byte(nil), arg...)
	limits := s.Limits
	limits.Gas = s.meter.Left()
	if limits.Gas == 0 { // zero means the default
		return nil, false, abi.Faultf(abi.OutOfGas, "no gas left for the query of %s", name), nil
	}
	q := NewSession(call, under{s}, Grant{}, limits)
	q.Contracts, q.Nested = s.Contracts, s.Nested+1
	r, found, err := s.Contracts.Query(ctx, q)
	if err != nil || !found {
		return nil, false, nil, err
	}
	s.used.Reads += r.Used.Reads
	for _, line := range r.Log {
		s.keepLog(line)
	}
	if f := s.meter.Charge(min(r.Used.Gas, limits.Gas)); f != nil {
		return nil, false, f, nil
	}
	switch {
	case r.Fault == nil:
		return r.Reply, true, s.meter.Charge(PriceByte * uint64(len(r.Reply))), nil
	case r.Fault.Code == abi.Rejected:
		return nil, false, nil, nil
	}
	return nil, false, abi.Faultf(r.Fault.Code, "query of %s: %s", name, r.Fault.Message), nil
}

// Reply sets what a query answers, once.
func (s *Session) Reply(answer []byte) (f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnReply); f != nil {
			return f
		}
		defer func() { s.Probe.leave(s, f, "", string(answer)) }()
	}
	if f := s.meter.Charge(PriceCall + PriceByte*uint64(len(answer))); f != nil {
		return f
	}
	switch {
	case s.Call.Phase != abi.Query:
		return abi.Faultf(abi.Denied, "%s may not reply", s.Call.Phase)
	case s.replied:
		return abi.Faultf(abi.BadHostCall, "reply: the query was answered already")
	case len(answer) > abi.MaxValue:
		return abi.Faultf(abi.BadHostCall, "reply of %d bytes, at most %d", len(answer), abi.MaxValue)
	}
	s.reply, s.replied = append([]byte{}, answer...), true
	return nil
}

// Keep keeps an answer for Result and returns its length. For runtimes whose contracts
// get answers in two steps.
func (s *Session) Keep(answer []byte) int {
	s.kept = answer
	return len(answer)
}

// Result returns what was kept last, to be copied to a buffer of room bytes; only what fits
// is paid for. The caller must not change the bytes.
func (s *Session) Result(room int) ([]byte, *abi.Fault) {
	price := uint64(PriceCall)
	if len(s.kept) <= room {
		price += PriceByte * uint64(len(s.kept))
	}
	return s.kept, s.meter.Charge(price)
}

// current is the value of a valid key as the call sees it.
func (s *Session) current(a abi.Address, key string) ([]byte, bool) {
	if i := s.written(a, key); i >= 0 {
		v := s.order[i].Value
		return v, len(v) > 0
	}
	return s.state.Get(a, key)
}

func (s *Session) currentMany(keys []Key) []abi.Value {
	values := make([]abi.Value, len(keys))
	if b, ok := s.state.(Batcher); ok && len(keys) > 1 {
		copy(values, b.GetMany(keys))
		for i, k := range keys {
			if j := s.written(k.Address, k.Key); j >= 0 {
				v := s.order[j].Value
				values[i] = abi.Value{Bytes: v, Ok: len(v) > 0}
			}
		}
		return values
	}
	for i, k := range keys {
		v, ok := s.current(k.Address, k.Key)
		values[i] = abi.Value{Bytes: v, Ok: ok}
	}
	return values
}

// next is the first key after one as the call sees it.
func (s *Session) next(a abi.Address, after string) (string, bool) {
	mine, has := "", false
	for i := range s.order {
		w := &s.order[i]
		if w.Address == a && w.Key > after && len(w.Value) > 0 && (!has || w.Key < mine) {
			mine, has = w.Key, true
		}
	}
	var w walk
	defer s.remember(a, &w)
	for {
		key, ok := s.state.Next(a, after)
		if !ok || has && mine <= key {
			return mine, has
		}
		if i := s.written(a, key); i < 0 || len(s.order[i].Value) > 0 {
			return key, true
		}
		after = s.pass(a, key, &w) // deleted in this call: look further
	}
}

// A walk goes past keys of the state that were deleted in this call. Where it came to is
// remembered until the next write, for nobody pays for the deleted keys: without that a
// contract that deletes sixty makes each of its look-ups sixty for the price of one.
type walk struct {
	from []string // deleted keys, each the first of some that follow one another
	to   string   // the last deleted key that was come to
}

// pass goes past a deleted key, and all of which it is known that they follow.
func (s *Session) pass(a abi.Address, key string, w *walk) (to string) {
	w.from, w.to = append(w.from, key), key
	if known, ok := s.passed[Key{a, key}]; ok {
		w.to = known
	}
	return w.to
}

func (s *Session) remember(a abi.Address, w *walk) {
	for _, key := range w.from {
		if s.passed == nil {
			s.passed = map[Key]string{}
		}
		s.passed[Key{a, key}] = w.to
	}
}

// under is the state as a query sees it: the caller's, with the caller's writes.
type under struct{ s *Session }

func (u under) Get(a abi.Address, key string) ([]byte, bool)    { return u.s.current(a, key) }
func (u under) Next(a abi.Address, after string) (string, bool) { return u.s.next(a, after) }
