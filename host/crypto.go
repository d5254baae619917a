package host

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/kalima-chain/kalima/abi"
)

// SHA256 hashes bytes.
func (s *Session) SHA256(b []byte) (d abi.Digest, f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnSHA256); f != nil {
			return d, f
		}
		defer func() { s.Probe.leave(s, f, d.String(), string(b)) }()
	}
	if f := s.meter.Charge(PriceSHA256 + PriceHashByte*uint64(len(b))); f != nil {
		return abi.Digest{}, f
	}
	return sha256.Sum256(b), nil
}

// Ed25519Verify checks a signature by the rule of crypto/ed25519. A key or signature of
// the wrong length is invalid, not a fault.
func (s *Session) Ed25519Verify(pub, message, sig []byte) (valid bool, f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnEd25519Verify); f != nil {
			return false, f
		}
		defer func() { s.Probe.leave(s, f, fmt.Sprint(valid), string(pub), string(message), string(sig)) }()
	}
	if f := s.meter.Charge(PriceEd25519 + PriceHashByte*uint64(len(message))); f != nil {
		return false, f
	}
	return len(pub) == ed25519.PublicKeySize && ed25519.Verify(pub, message, sig), nil
}

// Random returns n bytes of SHA-256 in counter mode, seeded by chain, transaction,
// operation, contract and phase: the same at every node, different in every call. A
// sender can predict it, so it is no secret and no lottery.
func (s *Session) Random(n int) (out []byte, f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnRandom); f != nil {
			return nil, f
		}
		defer func() { s.Probe.leave(s, f, quoted(out), fmt.Sprint(n)) }()
	}
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
	out = make([]byte, 0, n)
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
