package chain

import (
	"crypto/sha256"
	"crypto/sha3"
	"encoding/binary"
)

// lattice is LtHash16 with 1,024 lanes: a hash of a set that one adds to and removes
// from (Bellare and Micciancio 1997; parameters of Lewi, Kim, Maykov and Weis 2019,
// "Securing update propagation with homomorphic hashing", section 3). The hash of an
// element is 2,048 bytes of SHAKE128; the hash of a set is their sum, lane by lane,
// modulo 2^16.
type lattice [1024]uint16

func (l *lattice) add(element []byte) { l.mix(element, 1) }
func (l *lattice) sub(element []byte) { l.mix(element, ^uint16(0)) }

func (l *lattice) mix(element []byte, factor uint16) {
	var buf [2 * len(l)]byte
	x := sha3.NewSHAKE128()
	x.Write(element)
	x.Read(buf[:])
	for i := range l {
		l[i] += factor * binary.LittleEndian.Uint16(buf[2*i:])
	}
}

func (l *lattice) bytes() []byte {
	b := make([]byte, 0, 2*len(l))
	for _, v := range l {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return b
}

func (l *lattice) digest() Digest { return sha256.Sum256(l.bytes()) }

// element is what the lattice hashes for one item: every field, with lengths in front
// of what varies.
func element(key string, v *Value) []byte {
	b := make([]byte, 0, len(key)+len(v.Bytes)+96)
	b = binary.BigEndian.AppendUint32(b, uint32(len(key)))
	b = append(b, key...)
	b = binary.BigEndian.AppendUint64(b, uint64(v.Sequence))
	b = binary.BigEndian.AppendUint64(b, uint64(v.Height))
	b = binary.BigEndian.AppendUint32(b, v.Index)
	b = binary.BigEndian.AppendUint64(b, uint64(v.Time))
	b = binary.BigEndian.AppendUint64(b, uint64(v.At))
	b = append(b, v.Sender[:]...)
	return append(b, v.Bytes...)
}
