package host

import "github.com/kalima-chain/kalima/abi"

// Put writes a value; an empty one deletes. The value is copied.
func (s *Session) Put(address, key string, value []byte) (f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnPut); f != nil {
			return f
		}
		defer func() { s.Probe.leave(s, f, "", address, key, string(value)) }()
	}
	if f := s.meter.Charge(PriceWrite + PriceByte*uint64(len(address)+len(key)+len(value))); f != nil {
		return f
	}
	a, f := s.target(address, key)
	if f != nil {
		return f
	}
	if s.Call.Phase == abi.Query || s.Call.Phase == abi.React {
		return abi.Faultf(abi.Denied, "%s may not write", s.Call.Phase)
	}
	// A grant of /** must not reach identities, grants or another contract's state.
	if a != s.own && (a.IsSystem() || !matchAny(s.grant.Write, a)) {
		return abi.Faultf(abi.Denied, "contract %s was not granted to write %s", s.Call.Contract, a)
	}
	if f := s.take(a, key, value); f != nil {
		return f
	}
	w := abi.Write{Address: a, Key: key, Value: append([]byte(nil), value...)}
	if i := s.written(a, key); i >= 0 {
		s.order[i] = w
		return nil
	}
	s.order = append(s.order, w)
	return nil
}

// Delete writes the empty value.
func (s *Session) Delete(address, key string) *abi.Fault { return s.Put(address, key, nil) }

// Emit makes an event of the contract's own: a write of the key topic at
// abi.EventsAddress, each of which counts, also of the same topic. The data is copied.
func (s *Session) Emit(topic string, data []byte) (f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnEmit); f != nil {
			return f
		}
		defer func() { s.Probe.leave(s, f, "", topic, string(data)) }()
	}
	if f := s.meter.Charge(PriceWrite + PriceByte*uint64(len(topic)+len(data))); f != nil {
		return f
	}
	if s.Call.Phase != abi.Validate && s.Call.Phase != abi.Migrate {
		return abi.Faultf(abi.Denied, "%s may not emit", s.Call.Phase)
	}
	if err := abi.CheckKey(topic); err != nil {
		return abi.Faultf(abi.BadHostCall, "emit: %v", err)
	}
	if len(data) == 0 {
		return abi.Faultf(abi.BadHostCall, "emit %s: no data", topic)
	}
	a := abi.EventsAddress(s.Call.Contract)
	if f := s.take(a, topic, data); f != nil {
		return f
	}
	s.order = append(s.order, abi.Write{Address: a, Key: topic, Value: append([]byte(nil), data...)})
	return nil
}

// Submit asks the node to send a put as a transaction of its own. React only.
func (s *Session) Submit(address, key string, value []byte) (f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnSubmit); f != nil {
			return f
		}
		defer func() { s.Probe.leave(s, f, "", address, key, string(value)) }()
	}
	if f := s.meter.Charge(PriceSubmit + PriceByte*uint64(len(address)+len(key)+len(value))); f != nil {
		return f
	}
	a, f := s.target(address, key)
	if f != nil {
		return f
	}
	if s.Call.Phase != abi.React {
		return abi.Faultf(abi.Denied, "%s may not submit", s.Call.Phase)
	}
	if a.IsSystem() || !matchAny(s.grant.Submit, a) {
		return abi.Faultf(abi.Denied, "contract %s was not granted to submit to %s", s.Call.Contract, a)
	}
	if f := s.take(a, key, value); f != nil {
		return f
	}
	s.submits = append(s.submits, abi.Write{Address: a, Key: key, Value: append([]byte(nil), value...)})
	return nil
}

// written is the position of the last write of a key, -1 when there is none. Writes are few
// (Limits.Writes), so looking through them beats a map.
func (s *Session) written(a abi.Address, key string) int {
	for i := len(s.order) - 1; i >= 0; i-- {
		if w := &s.order[i]; w.Key == key && w.Address == a {
			return i
		}
	}
	return -1
}

// take counts a write against the limits.
func (s *Session) take(a abi.Address, key string, value []byte) *abi.Fault {
	if err := abi.CheckValue(value); err != nil {
		return abi.Faultf(abi.BadHostCall, "%v", err)
	}
	clear(s.passed)
	s.used.Writes++
	s.used.Bytes += len(a) + len(key) + len(value)
	if s.used.Writes > s.Limits.Writes {
		return abi.Faultf(abi.TooMuch, "more than %d writes in one call", s.Limits.Writes)
	}
	if s.used.Bytes > s.Limits.Bytes {
		return abi.Faultf(abi.TooMuch, "more than %d bytes written in one call", s.Limits.Bytes)
	}
	return nil
}

func matchAny(patterns []abi.Pattern, a abi.Address) bool {
	for _, p := range patterns {
		if p.Match(a) {
			return true
		}
	}
	return false
}
