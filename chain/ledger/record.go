package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/ledger/bodies"
)

// Kinds of record: the first byte of a key. doc.go has the layouts.
const (
	kindHash    = 'h'
	kindTree    = 't'
	kindTx      = 'x'
	kindEvent   = 'e'
	kindHistory = 'k'
	kindState   = 's'
	kindMeta    = 'm'
)

const (
	recordValue    = 0x11
	recordSequence = 0x12
	metaVersion    = 0x12
	metaEmpty      = 33  // bytes of a meta record before the genesis block
	metaHead       = 121 // bytes of one before the edge
)

var (
	metaKey  = []byte{kindMeta}
	errShort = errors.New("record is too short")
)

func numberKey(kind byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 9), kind), n)
}

func txKey(id chain.TxID) []byte { return append([]byte{kindTx}, id[:]...) }

func stateKey(item string) []byte {
	return append(append(make([]byte, 0, 1+len(item)), kindState), item...)
}

func eventPrefix(a chain.Address) []byte {
	b := append(make([]byte, 0, len(a)+10), kindEvent)
	return append(append(b, a...), 0)
}

func eventKey(a chain.Address, seq chain.Sequence) []byte {
	return binary.BigEndian.AppendUint64(eventPrefix(a), uint64(seq))
}

func historyPrefix(a chain.Address, key string) []byte {
	b := append(make([]byte, 0, len(a)+len(key)+11), kindHistory)
	return append(append(append(append(b, a...), 0), key...), 0)
}

func historyKey(a chain.Address, key string, seq chain.Sequence) []byte {
	return binary.BigEndian.AppendUint64(historyPrefix(a, key), ^uint64(seq))
}

// place is where an event or a transaction stands.
type place struct {
	height chain.Height
	number uint32
}

func (p place) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 12), uint64(p.height))
	return binary.BigEndian.AppendUint32(b, p.number)
}

func decodePlace(b []byte) (place, error) {
	if len(b) != 12 {
		return place{}, fmt.Errorf("place of %d bytes, want 12", len(b))
	}
	return place{chain.Height(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:])}, nil
}

// stamp is the record of a block's time and hash, and of where its bytes are.
type stamp struct {
	time  chain.Time
	hash  chain.Digest
	place bodies.Place
}

func (s stamp) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 48), uint64(s.time))
	b = append(b, s.hash[:]...)
	b = binary.BigEndian.AppendUint32(b, s.place.File)
	return binary.BigEndian.AppendUint32(b, s.place.Offset)
}

func decodeStamp(b []byte) (stamp, error) {
	if len(b) != 48 {
		return stamp{}, fmt.Errorf("stamp of %d bytes, want 48", len(b))
	}
	return stamp{
		chain.Time(binary.BigEndian.Uint64(b)), chain.Digest(b[8:40]),
		bodies.Place{File: binary.BigEndian.Uint32(b[40:]), Offset: binary.BigEndian.Uint32(b[44:])},
	}, nil
}

func encodeValue(item string, v *chain.Value) []byte {
	_, key, _ := chain.SplitItem(item)
	b := make([]byte, 1, 64+len(v.Bytes))
	b[0] = recordValue
	if key == "" {
		b[0] = recordSequence
	}
	b = binary.AppendUvarint(b, uint64(v.Sequence))
	b = binary.AppendUvarint(b, uint64(v.Height))
	b = binary.AppendUvarint(b, uint64(v.Index))
	b = binary.AppendVarint(b, int64(v.Time))
	if key == "" {
		return b
	}
	b = binary.AppendVarint(b, int64(v.At))
	b = append(b, v.Sender[:]...)
	return append(b, v.Bytes...)
}

// decodeValue reads a state record. The value does not share memory with b.
func decodeValue(item string, b []byte) (*chain.Value, error) {
	_, key, ok := chain.SplitItem(item)
	want := byte(recordValue)
	if key == "" {
		want = recordSequence
	}
	if len(b) == 0 || b[0] != want || !ok {
		return nil, fmt.Errorf("item %q: not a state record of kind %#x", item, want)
	}
	v := new(chain.Value)
	r := reader{b: b[1:]}
	v.Sequence = chain.Sequence(r.uvarint())
	v.Height = chain.Height(r.uvarint())
	index := r.uvarint()
	v.Index = uint32(index)
	v.Time = chain.Time(r.varint())
	if key != "" {
		v.At = chain.Time(r.varint())
		if copy(v.Sender[:], r.b) < len(v.Sender) {
			r.failed = true
		} else if v.Bytes = append([]byte(nil), r.b[len(v.Sender):]...); len(v.Bytes) == 0 {
			return nil, fmt.Errorf("item %q: value is empty", item)
		}
	} else if len(r.b) != 0 {
		r.failed = true
	}
	if r.failed || index>>32 != 0 {
		return nil, fmt.Errorf("item %q: malformed state record", item)
	}
	return v, nil
}

// reader takes varints from a record; failed once it ran out.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) take(n int) {
	if n <= 0 {
		r.failed, n = true, len(r.b)
	}
	r.b = r.b[n:]
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.take(n)
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	r.take(n)
	return v
}

// recordSum is what a state record adds to the sum of all.
func recordSum(item string, record []byte) uint64 {
	var d xxhash.Digest
	d.Reset()
	d.WriteString(item)
	d.Write([]byte{0xff})
	d.Write(record)
	return d.Sum64()
}

// meta is what the ledger knows about itself as of its last commit.
type meta struct {
	index uint64 // Raft index of the last entry applied
	items uint64 // number of state records
	sum   uint64 // of their recordSum
	head  chain.Head
	tree  chain.Tree
}

func (m *meta) encode() []byte {
	b := append(make([]byte, 0, metaHead+32*len(m.tree.Edge)), metaVersion)
	for _, n := range []uint64{m.index, m.items, m.sum, m.tree.Size} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	if m.tree.Size == 0 {
		return b
	}
	b = append(b, m.head.Chain[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.head.Height))
	b = append(b, m.head.Hash[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.head.Time))
	b = binary.BigEndian.AppendUint64(b, m.head.Term)
	for _, e := range m.tree.Edge {
		b = append(b, e[:]...)
	}
	return b
}

func decodeMeta(b []byte) (meta, error) {
	if len(b) < metaEmpty {
		return meta{}, errShort
	}
	if b[0] != metaVersion {
		return meta{}, fmt.Errorf("meta record of version %#x, this node knows %#x", b[0], metaVersion)
	}
	number := func(at int) uint64 { return binary.BigEndian.Uint64(b[at:]) }
	m := meta{index: number(1), items: number(9), sum: number(17)}
	m.tree.Size = number(25)
	if m.tree.Size == 0 {
		if len(b) != metaEmpty {
			return meta{}, fmt.Errorf("meta record of %d bytes, want %d", len(b), metaEmpty)
		}
		return m, nil
	}
	if len(b) < metaHead || (len(b)-metaHead)%32 != 0 {
		return meta{}, fmt.Errorf("meta record of %d bytes", len(b))
	}
	m.head = chain.Head{
		Chain: chain.Digest(b[33:65]), Height: chain.Height(number(65)), Hash: chain.Digest(b[73:105]),
		Time: chain.Time(number(105)), Term: number(113),
	}
	for rest := b[metaHead:]; len(rest) > 0; rest = rest[32:] {
		m.tree.Edge = append(m.tree.Edge, chain.Digest(rest[:32]))
	}
	if uint64(m.head.Height)+1 != m.tree.Size {
		return meta{}, fmt.Errorf("head at height %d, tree of %d blocks", m.head.Height, m.tree.Size)
	}
	return m, nil
}
