package contract

import "github.com/kalima-chain/kalima/abi"

// Accept is what an entry returns to accept.
const Accept int32 = 0

// Event is what the call is about.
type Event struct {
	Address    string
	Key        string
	Value      []byte // empty for a delete
	Op         abi.OpKind
	Height     abi.Height   // of the block being built, or of the event's block
	Time       abi.Time     // of that block
	Sequence   abi.Sequence // the event has, or will have when accepted
	OpIndex    uint32       // position of the operation in its transaction
	Sender     abi.Identity // who signed the transaction
	SenderName string       // the sender's name on chain
	Roles      string       // the sender's roles, joined by single spaces
	TxID       abi.TxID
}

// Current returns the event of the call. Each use reads it from the host again; a
// contract that needs a part of it is cheaper with Field and Number.
func Current() Event {
	e := Event{
		Address:    string(Field(abi.FieldAddress)),
		Key:        string(Field(abi.FieldKey)),
		Value:      Field(abi.FieldValue),
		Op:         abi.OpKind(Number(abi.NumberOp)),
		Height:     abi.Height(Number(abi.NumberHeight)),
		Time:       abi.Time(Number(abi.NumberTime)),
		Sequence:   abi.Sequence(Number(abi.NumberSequence)),
		OpIndex:    uint32(Number(abi.NumberOpIndex)),
		SenderName: string(Field(abi.FieldName)),
		Roles:      string(Field(abi.FieldRoles)),
	}
	copy(e.Sender[:], Field(abi.FieldSender))
	copy(e.TxID[:], Field(abi.FieldTxID))
	return e
}

// Field returns a byte field of the call. The caller owns the bytes.
func Field(f abi.Field) []byte {
	b, _ := fetch(func(buf []byte) int32 { return hostField(int32(f), pointer(buf), uint32(len(buf))) })
	return b
}

// Number returns a numeric field of the call.
func Number(n abi.Number) int64 { return hostNumber(int32(n)) }

// Get returns the current value of a key, the call's own writes included. ok is false
// when there is none. The caller owns the bytes.
func Get(address, key string) (value []byte, ok bool) {
	return fetch(func(buf []byte) int32 { return hostGet(address, key, pointer(buf), uint32(len(buf))) })
}

// Put writes a value; an empty one deletes.
func Put(address, key string, value []byte) {
	hostPut(address, key, pointer(value), uint32(len(value)))
}

// Delete deletes a key.
func Delete(address, key string) { hostDelete(address, key) }

// Next returns the first key of the address that is greater than after, in byte order;
// start with "". ok is false at the end.
func Next(address, after string) (key string, ok bool) {
	b, ok := fetch(func(buf []byte) int32 { return hostNext(address, after, pointer(buf), uint32(len(buf))) })
	return string(b), ok
}

// Submit asks the node to send a put as a transaction of its own. React only.
func Submit(address, key string, value []byte) {
	hostSubmit(address, key, pointer(value), uint32(len(value)))
}

// Log keeps a line for people. It is never part of the outcome.
func Log(line string) { hostLog(line) }

// Reject ends the call: the transaction is refused with this code and message.
func Reject(code int32, message string) {
	hostReject(code, message)
	panic("kalima: the host came back from reject")
}

// SHA256 hashes bytes.
func SHA256(b []byte) abi.Digest {
	var d abi.Digest
	hostSHA256(pointer(b), uint32(len(b)), pointer(d[:]))
	return d
}

// Ed25519Verify reports whether the signature is valid. A key that is not 32 bytes or a
// signature that is not 64 is invalid.
func Ed25519Verify(pub, message, sig []byte) bool {
	if len(pub) != 32 || len(sig) != 64 {
		return false
	}
	return hostEd25519Verify(pointer(pub), pointer(message), uint32(len(message)), pointer(sig)) == 1
}

// Random returns n bytes that are the same at every node and different in every call. A
// sender can predict them: no secret, no lottery.
func Random(n int) []byte {
	b := make([]byte, n)
	hostRandom(pointer(b), uint32(n))
	return b
}

// small is enough for most values, so that most reads take one host call.
const small = 256

// fetch calls read with a buffer and again with a larger one when the answer is longer.
func fetch(read func(buf []byte) int32) ([]byte, bool) {
	buf := make([]byte, small)
	n := read(buf)
	if n > small {
		buf = make([]byte, n)
		n = read(buf)
	}
	if n < 0 {
		return nil, false
	}
	return buf[:n], true
}
