package rpc

import (
	"github.com/fxamacker/cbor/v2"
	"github.com/kalima-chain/kalima/abi"
)

// Methods.
const (
	MethodSubmit  = "submit"
	MethodGet     = "get"
	MethodList    = "list"
	MethodHistory = "history"
	MethodBlock   = "block"
	MethodTx      = "tx"
	MethodHead    = "head"
	MethodStatus  = "status"
	MethodCheck   = "check"
	MethodPutBlob = "blob.put"
	MethodGetBlob = "blob.get"
	MethodQuery   = "query"
	MethodWatch   = "watch"
)

// Error codes beside those of chain.Reason.
const (
	CodeNotFound      = "not-found"
	CodeBadRequest    = "bad-request"
	CodeCorrupt       = "corrupt"
	CodeUnknownMethod = "unknown-method"
	CodeUnknown       = "unknown-outcome" // the transaction may or may not be in the chain: ask again with the same one
	CodeDigest        = "digest-mismatch"
	CodeTokenMismatch = "token-mismatch" // a resume token of another chain, or of a fork
)

// Submit asks a master to get a transaction into the chain. Any master takes it; the
// leader executes it. Submitting the same bytes again is safe: the receipt is the first one.
type Submit struct {
	Envelope []byte `cbor:"1,keyasint"`
	Forward  bool   `cbor:"2,keyasint,omitempty"` // from a master to the leader: do not forward again
}

// Receipt says where a transaction is and what became of it.
type Receipt struct {
	TxID      abi.TxID       `cbor:"1,keyasint" json:"tx"`
	Height    abi.Height     `cbor:"2,keyasint" json:"height"`
	Index     uint32         `cbor:"3,keyasint" json:"index"`
	Block     abi.Digest     `cbor:"4,keyasint" json:"block"`
	Time      abi.Time       `cbor:"5,keyasint" json:"time"`
	Code      abi.Code       `cbor:"6,keyasint" json:"code"`
	Reason    int32          `cbor:"7,keyasint,omitempty" json:"reason,omitempty"`
	Message   string         `cbor:"8,keyasint,omitempty" json:"message,omitempty"`
	Gas       uint64         `cbor:"9,keyasint,omitempty" json:"gas,omitempty"`
	Sequences []abi.Sequence `cbor:"10,keyasint,omitempty" json:"sequences,omitempty"`
	Replayed  bool           `cbor:"11,keyasint,omitempty" json:"replayed,omitempty"` // the transaction was in the chain before this submit
}

// Accepted reports whether the transaction took effect.
func (r *Receipt) Accepted() bool { return r.Code == abi.OK }

// GetQ asks for the current value of a key.
type GetQ struct {
	Address abi.Address `cbor:"1,keyasint"`
	Key     string      `cbor:"2,keyasint"`
}

// Item is a current value.
type Item struct {
	Address  abi.Address  `cbor:"1,keyasint" json:"address"`
	Key      string       `cbor:"2,keyasint" json:"key"`
	Value    []byte       `cbor:"3,keyasint" json:"value"`
	Sequence abi.Sequence `cbor:"4,keyasint" json:"sequence"`
	Height   abi.Height   `cbor:"5,keyasint" json:"height"`
	Index    uint32       `cbor:"6,keyasint" json:"index"`
	Time     abi.Time     `cbor:"7,keyasint" json:"time"`
	At       abi.Time     `cbor:"8,keyasint,omitempty" json:"at,omitempty"`
	Sender   abi.Identity `cbor:"9,keyasint" json:"sender"`
}

// QueryQ asks the query entry of a deployed contract.
type QueryQ struct {
	Instance string `cbor:"1,keyasint"`
	Key      string `cbor:"2,keyasint"`
	Argument []byte `cbor:"3,keyasint,omitempty"`
}

// QueryA is what it answered, as of a height. Code says how the call ended; only abi.OK has a
// Reply, and it may be empty.
type QueryA struct {
	Height  abi.Height `cbor:"1,keyasint" json:"height"`
	Code    abi.Code   `cbor:"2,keyasint" json:"-"`
	Reason  int32      `cbor:"3,keyasint,omitempty" json:"reason,omitempty"`
	Message string     `cbor:"4,keyasint,omitempty" json:"message,omitempty"`
	Gas     uint64     `cbor:"5,keyasint" json:"gas"`
	Reply   []byte     `cbor:"6,keyasint,omitempty" json:"-"`
}

// ListQ asks for the keys of an address, or, with Pattern, for addresses. A page holds at
// most Limit entries (0 and above MaxPage mean MaxPage) after After.
type ListQ struct {
	Address abi.Address `cbor:"1,keyasint,omitempty"`
	Pattern abi.Pattern `cbor:"2,keyasint,omitempty"`
	After   string      `cbor:"3,keyasint,omitempty"`
	Limit   int         `cbor:"4,keyasint,omitempty"`
}

// MaxPage bounds the entries of one answer.
const MaxPage = 1000

// ListA is a page of a list. More says that another page follows.
type ListA struct {
	Height    abi.Height    `cbor:"1,keyasint"`
	Items     []Item        `cbor:"2,keyasint,omitempty"`
	Addresses []AddressInfo `cbor:"3,keyasint,omitempty"`
	More      bool          `cbor:"4,keyasint,omitempty"`
}

// AddressInfo is an address and its last sequence.
type AddressInfo struct {
	Address  abi.Address  `cbor:"1,keyasint" json:"address"`
	Sequence abi.Sequence `cbor:"2,keyasint" json:"sequence"`
}

// HistoryQ asks for the events of a key, newest first, that are older than Before (0: all).
type HistoryQ struct {
	Address abi.Address  `cbor:"1,keyasint"`
	Key     string       `cbor:"2,keyasint"`
	Before  abi.Sequence `cbor:"3,keyasint,omitempty"`
	Limit   int          `cbor:"4,keyasint,omitempty"`
}

// Event is an event on the wire.
type Event struct {
	Address  abi.Address  `cbor:"1,keyasint" json:"address"`
	Key      string       `cbor:"2,keyasint" json:"key"`
	Value    []byte       `cbor:"3,keyasint" json:"value"`
	Sequence abi.Sequence `cbor:"4,keyasint" json:"sequence"`
	Height   abi.Height   `cbor:"5,keyasint" json:"height"`
	Index    uint32       `cbor:"6,keyasint" json:"index"`
	Time     abi.Time     `cbor:"7,keyasint" json:"time"`
	At       abi.Time     `cbor:"8,keyasint,omitempty" json:"at,omitempty"`
	Sender   abi.Identity `cbor:"9,keyasint" json:"sender"`
	TxID     abi.TxID     `cbor:"10,keyasint" json:"tx"`
}

// FromEvent puts an event on the wire.
func FromEvent(e *abi.Event) Event {
	return Event{Address: e.Address, Key: e.Key, Value: e.Value, Sequence: e.Sequence, Height: e.Height,
		Index: e.Index, Time: e.Time, At: e.At, Sender: e.Sender, TxID: e.TxID}
}

// Event takes it off again.
func (e *Event) Event() abi.Event {
	return abi.Event{Address: e.Address, Key: e.Key, Value: e.Value, Sequence: e.Sequence, Height: e.Height,
		Index: e.Index, Time: e.Time, At: e.At, Sender: e.Sender, TxID: e.TxID}
}

// HistoryA is a page of a key's history.
type HistoryA struct {
	Events []Event `cbor:"1,keyasint,omitempty"`
	More   bool    `cbor:"2,keyasint,omitempty"`
}

// BlockQ asks for a block.
type BlockQ struct {
	Height abi.Height `cbor:"1,keyasint"`
	Count  int        `cbor:"2,keyasint,omitempty"` // this many, one after the other; 0 means 1
}

// BlocksA is consecutive blocks, as stored. There may be fewer than asked for.
type BlocksA struct {
	Blocks [][]byte `cbor:"1,keyasint"`
}

// TxQ asks for a transaction.
type TxQ struct {
	ID abi.TxID `cbor:"1,keyasint"`
}

// TxA is a transaction and its receipt.
type TxA struct {
	Envelope []byte  `cbor:"1,keyasint"`
	Receipt  Receipt `cbor:"2,keyasint"`
	Writes   []Event `cbor:"3,keyasint,omitempty"` // the events it made
}

// HeadA is the head of a chain.
type HeadA struct {
	Chain  abi.Digest `cbor:"1,keyasint" json:"chain"`
	Height abi.Height `cbor:"2,keyasint" json:"height"`
	Hash   abi.Digest `cbor:"3,keyasint" json:"hash"`
	Time   abi.Time   `cbor:"4,keyasint" json:"time"`
}

// StatusA is what a master knows.
type StatusA struct {
	Name       string       `cbor:"1,keyasint" json:"name"`
	Identity   abi.Identity `cbor:"2,keyasint" json:"identity"`
	Role       string       `cbor:"3,keyasint" json:"role"` // leader, follower, candidate
	Leader     string       `cbor:"4,keyasint" json:"leader"`
	Term       uint64       `cbor:"5,keyasint" json:"term"`
	Head       HeadA        `cbor:"6,keyasint" json:"head"`
	LedgerHash abi.Digest   `cbor:"7,keyasint" json:"ledger_hash"`
	TreeRoot   abi.Digest   `cbor:"8,keyasint" json:"tree_root"`
	StateHash  abi.Digest   `cbor:"9,keyasint" json:"state_digest"`
	Items      int          `cbor:"10,keyasint" json:"items"`
	DiskBytes  int64        `cbor:"11,keyasint" json:"disk_bytes"`
	Masters    []MasterInfo `cbor:"12,keyasint" json:"masters"`
	Events     uint64       `cbor:"13,keyasint" json:"events"`  // since this node started
	Refused    uint64       `cbor:"14,keyasint" json:"refused"` // transactions refused since this node started
	Uptime     int64        `cbor:"15,keyasint" json:"uptime_s"`
}

// CheckA is what a master found when it read its disk again, past its caches.
type CheckA struct {
	Damage []string `cbor:"1,keyasint,omitempty" json:"damage"`
}

// MasterInfo is a master as another sees it.
type MasterInfo struct {
	Name     string       `cbor:"1,keyasint" json:"name"`
	Identity abi.Identity `cbor:"2,keyasint" json:"identity"`
	Address  string       `cbor:"3,keyasint" json:"address"`
}

// WatchQ asks for the events of addresses, from a place on.
//
// Without Token and From the stream begins with the current values as of one block (when
// Snapshot is set) and goes on with every event after it. With Token it goes on after the
// token's place, without a gap or a double. With From it begins, for a pattern that is
// one address, at that sequence.
type WatchQ struct {
	Patterns []abi.Pattern `cbor:"1,keyasint"`
	Snapshot bool          `cbor:"2,keyasint,omitempty"`
	Token    *Token        `cbor:"3,keyasint,omitempty"`
	From     abi.Sequence  `cbor:"4,keyasint,omitempty"`
}

// Token is a place in a chain that a subscriber keeps. The master keeps nothing for it.
type Token struct {
	Chain  abi.Digest `cbor:"1,keyasint" json:"chain"`
	Filter abi.Digest `cbor:"2,keyasint" json:"filter"` // of the patterns
	Height abi.Height `cbor:"3,keyasint" json:"height"` // everything up to and including this block was delivered
	Hash   abi.Digest `cbor:"4,keyasint" json:"hash"`   // of that block
}

// WatchFrame is one message of a watch: the events of one block (or a part of the
// snapshot), or a heartbeat without events. Token is where the stream is after it; nil
// while the frame does not complete a block.
type WatchFrame struct {
	Events   []Event `cbor:"1,keyasint,omitempty"`
	Snapshot bool    `cbor:"2,keyasint,omitempty"` // these are current values, not changes; one with an empty key is the last sequence of its address
	Token    *Token  `cbor:"3,keyasint,omitempty"`
	Head     *HeadA  `cbor:"4,keyasint,omitempty"` // heartbeat: the master's head

	// After is the height of the token before this frame: the frame holds every event
	// between the two. 0 when the sender does not say. A subscriber finds lost frames by it.
	After abi.Height `cbor:"6,keyasint,omitempty"`
}

var (
	enc = must(cbor.CoreDetEncOptions().EncMode())
	dec = must(cbor.DecOptions{
		IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxNestedLevels: 8, MaxArrayElements: 1 << 17, DupMapKey: cbor.DupMapKeyEnforcedAPF,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Encode puts a message into bytes.
func Encode(v any) []byte { return must(enc.Marshal(v)) }

// Decode reads a message. Fields it does not know are ignored.
func Decode(b []byte, v any) error { return dec.Unmarshal(b, v) }
