package chain

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/kalima-chain/kalima/abi"
)

// The words of the chain, as package abi defines them for host and guest.
type (
	Address  = abi.Address
	Digest   = abi.Digest
	Height   = abi.Height
	Identity = abi.Identity
	Sequence = abi.Sequence
	Time     = abi.Time
	TxID     = abi.TxID
)

// Limits of a transaction.
const (
	MaxEnvelope  = 15*1024 + 512 // bytes; an envelope, its outcome and the header fit one block
	MaxOps       = 128           // operations in one transaction
	MaxNonce     = 32            // bytes
	MinNonce     = 8             // bytes; enough that one sender never meets its own
	MaxSystem    = 8 << 10       // bytes of a system operation's body
	MaxValidity  = 65_536        // blocks that a transaction may stay valid; bounds the dedupe window
	txVersion    = 1
	maxNameBytes = 64
)

// OpKind says what an operation does.
type OpKind uint8

// The kinds of operation.
const (
	OpPut    OpKind = 1
	OpDelete OpKind = 2
	OpMove   OpKind = 3
	OpSystem OpKind = 4
)

// Op is one operation of a transaction.
type Op struct {
	Kind    OpKind
	Address Address
	Key     string
	Value   []byte
	At      Time // put: when the sender measured the value; 0 for none

	ToAddress Address // move: the target
	ToKey     string

	Name string // system: the operation's name
	Body []byte // system: its argument
}

// Put returns an operation that sets a key. An empty value deletes it.
func Put(a Address, key string, value []byte) Op {
	return Op{Kind: OpPut, Address: a, Key: key, Value: value}
}

// Delete returns an operation that deletes a key.
func Delete(a Address, key string) Op { return Op{Kind: OpDelete, Address: a, Key: key} }

// Move returns an operation that carries a key's current value to another key.
func Move(a Address, key string, to Address, toKey string) Op {
	return Op{Kind: OpMove, Address: a, Key: key, ToAddress: to, ToKey: toKey}
}

// System returns a system operation.
func System(name string, body []byte) Op { return Op{Kind: OpSystem, Name: name, Body: body} }

// Tx is a decoded transaction. It is immutable.
type Tx struct {
	ID         TxID
	Sender     Identity
	ValidUntil Height // the last height at which it may enter a block
	Nonce      []byte
	Ops        []Op

	envelope  []byte
	signed    []byte // Sig_structure
	signature []byte
}

// Envelope returns the bytes as signed and stored. The caller must not change them.
func (t *Tx) Envelope() []byte { return t.envelope }

// ErrSignature means that an envelope's signature does not verify on this chain.
var ErrSignature = errors.New("signature does not verify on this chain")

// Sign makes a transaction and signs it for one chain.
func Sign(key ed25519.PrivateKey, chain Digest, validUntil Height, nonce []byte, ops ...Op) (*Tx, error) {
	t := &Tx{ValidUntil: validUntil, Nonce: nonce, Ops: ops}
	copy(t.Sender[:], key.Public().(ed25519.PublicKey))
	if err := t.check(); err != nil {
		return nil, err
	}
	payload := t.appendPayload(nil)
	protected := protectedHeader(t.Sender)
	t.signed = sigStructure(protected, chain, payload)
	t.ID = sha256.Sum256(t.signed)
	t.signature = ed25519.Sign(key, t.signed)

	b := make([]byte, 0, len(payload)+len(protected)+80)
	b = append(b, coseSign1)
	b = appendHead(b, majorArray, 4)
	b = appendBytes(b, protected)
	b = append(b, emptyMap)
	b = appendBytes(b, payload)
	t.envelope = appendBytes(b, t.signature)
	if len(t.envelope) > MaxEnvelope {
		return nil, fmt.Errorf("transaction of %d bytes, at most %d: a block holds 16 KiB", len(t.envelope), MaxEnvelope)
	}
	return t, nil
}

// Decode reads an envelope that was signed for chain. It checks form and limits, and
// that the bytes are the one deterministic encoding, but not the signature: see Verify.
// The transaction keeps the slice.
func Decode(envelope []byte, chain Digest) (*Tx, error) {
	if len(envelope) > MaxEnvelope {
		return nil, fmt.Errorf("transaction of %d bytes, at most %d", len(envelope), MaxEnvelope)
	}
	if len(envelope) == 0 || envelope[0] != coseSign1 {
		return nil, errors.New("not a COSE_Sign1 envelope")
	}
	r := reader{b: envelope[1:]}
	r.tuple(4)
	protected := r.bytes(majorBytes)
	if r.err == nil && len(r.b) > 0 && r.b[0] != emptyMap {
		return nil, errors.New("decode envelope: the unprotected header is not empty")
	}
	if len(r.b) > 0 {
		r.b = r.b[1:]
	}
	payload := r.bytes(majorBytes)
	signature := r.bytes(majorBytes)
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("decode envelope: %w", err)
	}
	t := &Tx{envelope: envelope, signature: signature}
	if n := len(protected) - len(t.Sender); n != len(protectedPrefix) || string(protected[:n]) != protectedPrefix {
		return nil, errors.New("decode envelope: the protected header is not {1: -8, 4: 32-byte kid}")
	}
	copy(t.Sender[:], protected[len(protectedPrefix):])
	if len(signature) != ed25519.SignatureSize {
		return nil, fmt.Errorf("decode envelope: signature of %d bytes, want %d", len(signature), ed25519.SignatureSize)
	}
	if err := t.decodePayload(payload); err != nil {
		return nil, fmt.Errorf("decode payload: %w", err)
	}
	t.signed = sigStructure(protected, chain, payload)
	t.ID = sha256.Sum256(t.signed)
	return t, nil
}

// Verify checks the signature by the rule of crypto/ed25519.
func (t *Tx) Verify() error {
	if !ed25519.Verify(t.Sender[:], t.signed, t.signature) {
		return ErrSignature
	}
	return nil
}

const (
	coseSign1       = 0xd2                       // tag 18
	emptyMap        = 0xa0                       //
	protectedPrefix = "\xa2\x01\x27\x04\x58\x20" // {1: -8, 4: 32 bytes that follow}
)

func protectedHeader(kid Identity) []byte { return append([]byte(protectedPrefix), kid[:]...) }

func sigStructure(protected []byte, chain Digest, payload []byte) []byte {
	b := make([]byte, 0, len(protected)+len(payload)+64)
	b = appendHead(b, majorArray, 4)
	b = append(appendHead(b, majorText, 10), "Signature1"...)
	b = appendBytes(b, protected)
	b = appendBytes(b, chain[:])
	return appendBytes(b, payload)
}
