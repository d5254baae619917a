package host

import (
	"fmt"
	"strings"

	"github.com/kalima-chain/kalima/abi"
)

// Field returns a byte field of the call. The caller must not change it.
func (s *Session) Field(id abi.Field) (b []byte, f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnField); f != nil {
			return nil, f
		}
		defer func() { s.Probe.leave(s, f, shown(b, f == nil), fmt.Sprint(id)) }()
	}
	b, ok := s.field(id)
	if !ok {
		return nil, abi.Faultf(abi.BadHostCall, "field %d is not known in ABI %d", id, abi.Version)
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
func (s *Session) Number(n abi.Number) (v int64, f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnNumber); f != nil {
			return 0, f
		}
		defer func() { s.Probe.leave(s, f, fmt.Sprint(v), fmt.Sprint(n)) }()
	}
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
