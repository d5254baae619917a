// Package chain holds the rules: what a transaction, a block and the state are, and
// what makes them valid. It is pure: no clock, disk, network, goroutine or map order.
// Package node decides when these rules run.
//
// Read in this order: tx.go (what a sender signs), block.go (what the leader makes of
// it), state.go (what a block does), builder.go (how the leader executes), tree.go
// (how the whole history is one hash).
//
// # Bytes
//
// Everything is CBOR in the core deterministic encoding of RFC 8949 section 4.2.1:
// definite lengths, shortest integers. Structures are arrays; a field keeps its
// position for ever. Bytes marked h are SHA-256 digests. testdata/vectors.json holds
// one example of each structure, byte for byte.
//
// Envelope, the transaction as signed, sent and stored; at most MaxEnvelope bytes:
//
//	18([                     COSE_Sign1, RFC 9052 section 4.2
//	  bstr{1: -8, 4: kid},   protected: EdDSA; kid is the sender's 32-byte public key
//	  {},                    unprotected: must be empty
//	  bstr payload,
//	  bstr signature,        64 bytes, Ed25519 over the Sig_structure
//	])
//
// Sig_structure, RFC 9052 section 4.4; its SHA-256 is the transaction's id:
//
//	["Signature1", bstr protected, bstr chain id (external_aad), bstr payload]
//
// Payload:
//
//	[1, valid_until, bstr nonce (8 to 32 bytes), [operation, 1 to MaxOps of them]]
//
// Operation:
//
//	[1, address, key, bstr value, at]            put; at: microseconds, 0 for none
//	[2, address, key]                            delete
//	[3, address, key, address, key]              move from the first to the second
//	[4, name, bstr body]                         system operation, see packages policy and registry
//
// Block, at most MaxBlock bytes:
//
//	[bstr header, [entry, ...]]
//
// Header; the SHA-256 of its bytes is the block's hash:
//
//	[1, h chain id, height, h parent, time, term, bstr leader (32 bytes), h entries root, h engine]
//
// The engine is a digest of whatever decides how a contract ends and what it costs, see
// host.Engine. Only a node with the same one can run the block's contracts again and expect
// the same outcomes.
//
// Entry:
//
//	[bstr envelope, outcome]
//
// The entries root is the RFC 6962 tree hash over the entries' bytes. The entry of the
// genesis block holds the genesis document instead of an envelope, and the chain id is
// the SHA-256 of that document.
//
// Outcome:
//
//	[code, reason, message, gas, [sequence, ...], [write, ...], [read, ...]]
//
// code and reason are abi.Code and the contract's own code. A transaction whose code
// is not 0 has no sequences and no writes. The number of sequences an operation takes
// is 1 for a put, a delete and the source of a move, and 0 for a system operation; then
// each write takes one, which it carries itself. The target of a move is a write,
// because only the leader's state knows the value that moved. Writes stand in the order in
// which they were made, each with the position of the operation that led to it; the events
// of a transaction are its operations in order, each followed by its writes:
//
//	write: [operation, address, key, bstr value, sequence]     value empty: deleted
//	read:  [address, key]                                      what contracts read, in order, once each
//
// Genesis document:
//
//	[1, name, time, bstr nonce, [[address, key, bstr value], ...]]
package chain
