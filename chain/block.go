package chain

import (
	"crypto/sha256"
	"fmt"

	"github.com/kalima-chain/kalima/abi"
)

// MaxBlock bounds a block's bytes: small blocks keep latency low, and no buffer on
// the way ever holds more (white paper, "Nodes architecture" 3).
const MaxBlock = 16 << 10

const (
	blockVersion = 1
	headerRoom   = 226 // bytes of header, heads and array; the rest of a block is entries
)

// Header is what a block's hash covers. Its bytes are in doc.go.
type Header struct {
	_       struct{} `cbor:",toarray"`
	Version uint64
	Chain   Digest
	Height  Height
	Parent  Digest // hash of the block before; zero in the genesis block
	Time    Time   // the leader's clock, never before the parent's
	Term    uint64 // Raft term in which the block was made
	Leader  Identity
	Root    Digest // RFC 6962 tree hash over the entries
	Engine  Digest // by which the leader ran contracts: their gas prices and rules; zero in the genesis block
}

// Entry is a transaction and what became of it.
type Entry struct {
	_        struct{} `cbor:",toarray"`
	Envelope []byte
	Outcome  Outcome
}

// Outcome is the result of a transaction, as the leader found it.
type Outcome struct {
	_         struct{} `cbor:",toarray"`
	Code      abi.Code
	Reason    int32
	Message   string
	Gas       uint64
	Sequences []Sequence // of the events the operations make
	Writes    []Write    // what contracts and system operations wrote
	Reads     []Read
}

// Accepted reports whether the transaction took effect.
func (o *Outcome) Accepted() bool { return o.Code == abi.OK }

// Write is a change made by a contract or a system operation.
type Write struct {
	_        struct{} `cbor:",toarray"`
	Op       uint32   // position of the operation that led to it
	Address  Address
	Key      string
	Value    []byte // empty: deleted
	Sequence Sequence
}

// Read names a key that a contract read.
type Read struct {
	_       struct{} `cbor:",toarray"`
	Address Address
	Key     string
}

// Block is a decoded block. It is immutable.
type Block struct {
	Header  Header
	Entries []Entry
	Hash    Digest

	bytes []byte
	txs   []*Tx
}

// Bytes returns the block's encoding. The caller must not change it.
func (b *Block) Bytes() []byte { return b.bytes }

// Tx returns the transaction of entry i, decoded. The signature is not checked.
// The genesis block has none.
func (b *Block) Tx(i int) *Tx { return b.txs[i] }

type wireBlock struct {
	_       struct{} `cbor:",toarray"`
	Header  []byte
	Entries []rawItem
}

// rawItem is an encoded data item, kept as it came.
type rawItem = rawMessage

// seal makes a block of encoded entries. h.Root and h.Version are filled in.
func seal(h Header, raw []rawItem, entries []Entry, txs []*Tx) *Block {
	h.Version = blockVersion
	h.Root = entriesRoot(raw)
	header := encode(&h)
	b := &Block{Header: h, Entries: entries, txs: txs, Hash: sha256.Sum256(header)}
	b.bytes = encode(&wireBlock{Header: header, Entries: raw})
	return b
}

// DecodeBlock reads a block and checks all that can be checked without the state: size,
// form, the entries root, and that every envelope decodes on the header's chain. It does
// not check signatures. The block shares memory with b.
func DecodeBlock(b []byte) (*Block, error) {
	if len(b) > MaxBlock {
		return nil, fmt.Errorf("block of %d bytes, at most %d", len(b), MaxBlock)
	}
	var w wireBlock
	if err := dec.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("decode block: %w", err)
	}
	blk := &Block{bytes: b, Hash: sha256.Sum256(w.Header)}
	if err := dec.Unmarshal(w.Header, &blk.Header); err != nil {
		return nil, fmt.Errorf("decode header: %w", err)
	}
	h := &blk.Header
	if h.Version != blockVersion {
		return nil, fmt.Errorf("block version %d, this node knows %d", h.Version, blockVersion)
	}
	if root := entriesRoot(w.Entries); root != h.Root {
		return nil, fmt.Errorf("block %d: entries root is %s, the header says %s", h.Height, root.Short(), h.Root.Short())
	}
	blk.Entries = make([]Entry, len(w.Entries))
	blk.txs = make([]*Tx, len(w.Entries))
	for i, raw := range w.Entries {
		e := &blk.Entries[i]
		if err := e.decode(raw); err != nil {
			return nil, fmt.Errorf("block %d: decode entry %d: %w", h.Height, i, err)
		}
		if h.Height == 0 {
			continue
		}
		tx, err := Decode(e.Envelope, h.Chain)
		if err != nil {
			return nil, fmt.Errorf("block %d: entry %d: %w", h.Height, i, err)
		}
		blk.txs[i] = tx
	}
	return blk, nil
}

func entriesRoot(raw []rawItem) Digest {
	leaves := make([]Digest, len(raw))
	for i, e := range raw {
		leaves[i] = leafHash(e)
	}
	return treeHash(leaves)
}

// Events lists the events of a block in order: for each accepted transaction, and each of
// its operations, the operation's own and then those of the writes it led to.
func (b *Block) Events() []abi.Event {
	var out []abi.Event
	for i := range b.Entries {
		o := &b.Entries[i].Outcome
		if !o.Accepted() {
			continue
		}
		base := abi.Event{Height: b.Header.Height, Index: uint32(i), Time: b.Header.Time}
		seq, writes := o.Sequences, o.Writes
		wrote := func(op int) {
			for len(writes) > 0 && (op < 0 || writes[0].Op == uint32(op)) {
				e, w := base, &writes[0]
				e.Address, e.Key, e.Value, e.Sequence = w.Address, w.Key, w.Value, w.Sequence
				out, writes = append(out, e), writes[1:]
			}
		}
		tx := b.txs[i]
		if tx == nil { // genesis
			wrote(-1)
			continue
		}
		base.Sender, base.TxID = tx.Sender, tx.ID
		for j := range tx.Ops {
			if op := &tx.Ops[j]; op.Kind != OpSystem && len(seq) > 0 {
				e := base
				e.Address, e.Key, e.Sequence = op.Address, op.Key, seq[0]
				if op.Kind == OpPut {
					e.Value, e.At = op.Value, op.At
				}
				out, seq = append(out, e), seq[1:]
			}
			wrote(j)
		}
	}
	return out
}
