package host

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"sort"
	"strings"

	"github.com/kalima-chain/kalima/abi"
)

// Meter is how a Session charges gas. The runtime that runs the contract provides it.
type Meter interface {
	// Charge takes gas before the work it pays for. It returns a fault when there is
	// not enough, which the host function passes on.
	Charge(gas uint64) *abi.Fault
}

// Session is one call of one contract: its input, its buffered writes, its log. It is
// made for one call and used by one goroutine.
//
// Every host function returns a fault when the call must end; the runtime then stops
// the contract at once and passes the fault to Finish.
type Session struct {
	Call   abi.Call
	Limits Limits

	state State
	grant Grant
	own   abi.Address
	meter Meter

	writes  map[entry]int // position in order
	order   []abi.Write
	submits []abi.Write
	log     []string
	logged  int
	used    Usage
	random  [32]byte // seed of the next block of random bytes
	drawn   uint64   // blocks drawn
	rest    []byte   // undelivered random bytes
}

type entry struct {
	address abi.Address
	key     string
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
		r.Writes, r.Submits = s.order, s.submits
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

// Field returns a byte field of the call. The caller must not change it.
func (s *Session) Field(f abi.Field) ([]byte, *abi.Fault) {
	b, ok := s.field(f)
	if !ok {
		return nil, abi.Faultf(abi.BadHostCall, "field %d is not known in ABI %d", f, abi.Version)
	}
	return b, s.meter.Charge(PriceCall + PriceByte*uint64(len(b)))
}

func (s *Session) field(f abi.Field) ([]byte, bool) {
	c := &s.Call
	switch f {
	case abi.FieldAddress:
		return []byte(c.Address), true
	case abi.FieldKey:
		return []byte(c.Key), true
	case abi.FieldValue:
		return c.Value, true
	case abi.FieldSender:
		return c.Sender[:], true
	case abi.FieldTxID:
		return c.TxID[:], true
	case abi.FieldRoles:
		return []byte(strings.Join(c.Roles, " ")), true
	case abi.FieldContract:
		return []byte(c.Contract), true
	case abi.FieldChain:
		return c.Chain[:], true
	case abi.FieldName:
		return []byte(c.Name), true
	}
	return nil, false
}

// Number returns a numeric field of the call.
func (s *Session) Number(n abi.Number) (int64, *abi.Fault) {
	var v int64
	switch n {
	case abi.NumberHeight:
		v = int64(s.Call.Height)
	case abi.NumberTime:
		v = int64(s.Call.Time)
	case abi.NumberSequence:
		v = int64(s.Call.Sequence)
	case abi.NumberOp:
		v = int64(s.Call.Op)
	case abi.NumberPhase:
		v = int64(s.Call.Phase)
	case abi.NumberOpIndex:
		v = int64(s.Call.OpIndex)
	case abi.NumberAt:
		v = int64(s.Call.At)
	default:
		return 0, abi.Faultf(abi.BadHostCall, "number %d is not known in ABI %d", n, abi.Version)
	}
	return v, s.meter.Charge(PriceCall)
}

// Get returns the current value of a key, the call's own writes included. ok is false
// when there is none. The caller must not change the bytes.
func (s *Session) Get(address, key string) (value []byte, ok bool, f *abi.Fault) {
	if f := s.meter.Charge(PriceGet + PriceByte*uint64(len(address)+len(key))); f != nil {
		return nil, false, f
	}
	a, f := s.target(address, key)
	if f != nil {
		return nil, false, f
	}
	s.used.Reads++
	if i, mine := s.writes[entry{a, key}]; mine {
		value = s.order[i].Value
		ok = len(value) > 0
	} else {
		value, ok = s.state.Get(a, key)
	}
	return value, ok, s.meter.Charge(PriceByte * uint64(len(value)))
}

// Next returns the first key of the address greater than after, in byte order, the
// call's own writes included.
func (s *Session) Next(address, after string) (key string, ok bool, f *abi.Fault) {
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

func (s *Session) next(a abi.Address, after string) (string, bool) {
	var mine []string
	for e, i := range s.writes {
		if e.address == a && e.key > after && len(s.order[i].Value) > 0 {
			mine = append(mine, e.key)
		}
	}
	sort.Strings(mine)
	for {
		key, ok := s.state.Next(a, after)
		if ok && (len(mine) == 0 || key < mine[0]) {
			if i, written := s.writes[entry{a, key}]; written && len(s.order[i].Value) == 0 {
				after = key // deleted in this call: look further
				continue
			}
			return key, true
		}
		if len(mine) > 0 {
			return mine[0], true
		}
		return "", false
	}
}

// Put writes a value; an empty one deletes. The value is copied.
func (s *Session) Put(address, key string, value []byte) *abi.Fault {
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
	if s.writes == nil {
		s.writes = make(map[entry]int)
	}
	if i, again := s.writes[entry{a, key}]; again {
		s.order[i] = w
		return nil
	}
	s.writes[entry{a, key}] = len(s.order)
	s.order = append(s.order, w)
	return nil
}

// Delete writes the empty value.
func (s *Session) Delete(address, key string) *abi.Fault { return s.Put(address, key, nil) }

// Submit asks the node to send a put as a transaction of its own. React only.
func (s *Session) Submit(address, key string, value []byte) *abi.Fault {
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

// Log keeps a line for people. Beyond the limit lines are dropped, not refused.
func (s *Session) Log(line string) *abi.Fault {
	if f := s.meter.Charge(PriceLog + PriceByte*uint64(len(line))); f != nil {
		return f
	}
	if s.logged+len(line) <= s.Limits.Log {
		s.logged += len(line)
		s.log = append(s.log, strings.ToValidUTF8(line, "\uFFFD"))
	}
	return nil
}

// Reject returns the fault of a contract that says no.
func (s *Session) Reject(code int32, message string) *abi.Fault {
	if f := s.meter.Charge(PriceCall + PriceByte*uint64(len(message))); f != nil {
		return f
	}
	return &abi.Fault{Code: abi.Rejected, Reason: code, Message: abi.Clip(message)}
}

// SHA256 hashes bytes.
func (s *Session) SHA256(b []byte) (abi.Digest, *abi.Fault) {
	if f := s.meter.Charge(PriceSHA256 + PriceHashByte*uint64(len(b))); f != nil {
		return abi.Digest{}, f
	}
	return sha256.Sum256(b), nil
}

// Ed25519Verify checks a signature by the rule of crypto/ed25519. A key or signature of
// the wrong length is invalid, not a fault.
func (s *Session) Ed25519Verify(pub, message, sig []byte) (bool, *abi.Fault) {
	if f := s.meter.Charge(PriceEd25519 + PriceHashByte*uint64(len(message))); f != nil {
		return false, f
	}
	return len(pub) == ed25519.PublicKeySize && ed25519.Verify(pub, message, sig), nil
}

// Random returns n bytes of SHA-256 in counter mode, seeded by chain, transaction,
// operation, contract and phase: the same at every node, different in every call. A
// sender can predict it, so it is no secret and no lottery.
func (s *Session) Random(n int) ([]byte, *abi.Fault) {
	if n < 0 || n > 1<<16 {
		return nil, abi.Faultf(abi.BadHostCall, "random: %d bytes, at most 65536", n)
	}
	if f := s.meter.Charge(PriceRandom + PriceHashByte*uint64(n)); f != nil {
		return nil, f
	}
	if s.drawn == 0 {
		h := sha256.New()
		h.Write([]byte("kalima/random/1"))
		h.Write(s.Call.Chain[:])
		h.Write(s.Call.TxID[:])
		var b [8]byte
		binary.BigEndian.PutUint32(b[:4], s.Call.OpIndex)
		b[4] = byte(s.Call.Phase)
		h.Write(b[:])
		h.Write([]byte(s.Call.Contract))
		h.Sum(s.random[:0])
	}
	out := make([]byte, 0, n)
	for len(out) < n {
		if len(s.rest) == 0 {
			var b [40]byte
			copy(b[:], s.random[:])
			binary.BigEndian.PutUint64(b[32:], s.drawn)
			s.drawn++
			sum := sha256.Sum256(b[:])
			s.rest = sum[:]
		}
		k := min(n-len(out), len(s.rest))
		out = append(out, s.rest[:k]...)
		s.rest = s.rest[k:]
	}
	return out, nil
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

// take counts a write against the limits.
func (s *Session) take(a abi.Address, key string, value []byte) *abi.Fault {
	if err := abi.CheckValue(value); err != nil {
		return abi.Faultf(abi.BadHostCall, "%v", err)
	}
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
