package abi

// Version is the ABI version this package describes.
const Version = 1

// Module is the name contracts import host functions from.
const Module = "kalima"

// VersionExport is the export (WASM) or global (JavaScript, Starlark) that names the
// ABI version a contract was built for.
const VersionExport = "kalima_abi"

// Height is the number of blocks before a block; the genesis block has height 0.
type Height uint64

// Sequence counts the events of one address, gapless, from 1.
type Sequence uint64

// Time is microseconds since the Unix epoch, as the leader stamped it on the block.
// It never decreases from one block to the next. Microseconds fit a float64 exactly
// until the year 2255, so JavaScript sees the same number.
type Time int64

// Identity is an Ed25519 public key. Whoever signs with it is that identity.
type Identity [32]byte

// Digest is a SHA-256 digest.
type Digest [32]byte

// TxID names a transaction: the SHA-256 of its COSE Sig_structure, that is of all
// that the signature covers.
type TxID = Digest

// Phase is the occasion on which a contract runs.
type Phase uint8

// The phases. A contract exports an entry of the phase's name for each it serves.
const (
	Validate Phase = 1 // at the leader, inside the transaction, may reject
	React    Phase = 2 // at a client, after an event arrived, may submit
	Query    Phase = 3 // read-only
	Migrate  Phase = 4 // from one version's state to the next's
)

var phaseNames = [...]string{Validate: "validate", React: "react", Query: "query", Migrate: "migrate"}

// Phases lists every phase, in the order of their numbers.
func Phases() []Phase { return []Phase{Validate, React, Query, Migrate} }

// String returns the name of the phase, which is also the name of the entry.
func (p Phase) String() string {
	if p >= Validate && int(p) < len(phaseNames) {
		return phaseNames[p]
	}
	return "phase?"
}

// ParsePhase returns the phase with that name.
func ParsePhase(name string) (Phase, bool) {
	for _, p := range Phases() {
		if p.String() == name {
			return p, true
		}
	}
	return 0, false
}

// OpKind says what an operation does to its key.
type OpKind uint8

// The kinds of operation a contract can see. A move arrives as a delete at its
// source and a put at its target.
const (
	Put    OpKind = 1
	Delete OpKind = 2
)

// Field names a byte field of the call, read with the host function field.
type Field int32

// The byte fields of ABI version 1.
const (
	FieldAddress  Field = 1 // address of the event
	FieldKey      Field = 2 // key of the event
	FieldValue    Field = 3 // value of the event; empty for a delete
	FieldSender   Field = 4 // 32 bytes: identity that signed the transaction
	FieldTxID     Field = 5 // 32 bytes
	FieldRoles    Field = 6 // the sender's roles, names joined by single spaces
	FieldContract Field = 7 // name of the running contract
	FieldChain    Field = 8 // 32 bytes: chain id
	FieldName     Field = 9 // the sender's name on chain
)

// Number names a numeric field of the call, read with the host function number.
type Number int32

// The numeric fields of ABI version 1.
const (
	NumberHeight   Number = 1 // height of the block being built, or of the event's block
	NumberTime     Number = 2 // Time of that block
	NumberSequence Number = 3 // sequence the event has, or will have when accepted
	NumberOp       Number = 4 // OpKind
	NumberPhase    Number = 5 // Phase
	NumberOpIndex  Number = 6 // position of the operation in its transaction
	NumberAt       Number = 7 // Time at which the sender says it measured the value; 0 when it does not say
)

// Host functions of the module "kalima", by name.
const (
	FnField         = "field"
	FnNumber        = "number"
	FnGet           = "get"
	FnPut           = "put"
	FnDelete        = "delete"
	FnNext          = "next"
	FnSubmit        = "submit"
	FnLog           = "log"
	FnReject        = "reject"
	FnSHA256        = "sha256"
	FnEd25519Verify = "ed25519_verify"
	FnRandom        = "random"
	FnGetMany       = "get_many"
	FnScan          = "scan"
	FnQuery         = "query"
	FnReply         = "reply"
	FnResult        = "result"
	FnEmit          = "emit"
	FnHTTP          = "http"
	FnClock         = "clock"
)

// Event is one accepted change of one key. An empty Value means deleted.
type Event struct {
	Address  Address
	Key      string
	Value    []byte
	Sequence Sequence
	Height   Height
	Index    uint32 // position of the transaction in its block
	Time     Time
	At       Time // the sender's own time of measurement; 0 when it gave none
	Sender   Identity
	TxID     TxID
}

// Write is one change a contract wants: Value is empty to delete.
type Write struct {
	Address Address
	Key     string
	Value   []byte
}

// Call is everything a contract can learn about why it runs.
type Call struct {
	Phase    Phase
	Contract string // name the contract is deployed under
	Chain    Digest
	Op       OpKind
	OpIndex  uint32
	Address  Address
	Key      string
	Value    []byte
	Sequence Sequence
	Height   Height
	Time     Time
	At       Time // the sender's own time of measurement; 0 when it gave none
	Sender   Identity
	Name     string   // the sender's name on chain
	Roles    []string // the sender's roles, sorted
	TxID     TxID
}
