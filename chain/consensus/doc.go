// Package consensus puts bytes into one order on all masters. It is the bridge to
// hashicorp/raft and the only door to it; what the bytes mean is the Machine's business.
//
// A leader proposes entries; an entry that a majority has on disk is committed, and every
// master's Machine gets all committed entries in the same order. A snapshot is a Pointer
// to a block, not its content: blocks and state come from any peer that has them.
//
// # Bytes
//
// The directory holds the log (files of raft-wal), the file SEGMENTS that lists them, the
// file VOTE with the term and the vote, the file LOCK, which is locked while the directory
// is in use, and the folder snapshots.
//
// An entry of the log is data to raft-wal, which is told its index and nothing else.
// Numbers are big-endian:
//
//	0    1 byte     form: 1 sealed, 2 plain
//	1    1 byte     type, as in hashicorp/raft
//	2    8 bytes    index
//	10   8 bytes    term
//	18   16 bytes   salt; the session's, zeros in form 2
//	34   8 bytes    counter within the session, zero in form 2
//	42   body       form 1: AES-256-GCM; form 2: plain, followed by its CRC-32C
//
// The body, before it is sealed:
//
//	0    8 bytes    time at which the leader appended it, nanoseconds since 1970, 0 for none
//	8    4 bytes    length of the extensions
//	12   bytes      extensions
//	     rest       data
//
// The AES key is HKDF-SHA-256(storage key, salt, "kalima raft log"), the nonce four zero
// bytes and the counter, the associated data the 42 bytes before the body. A session is
// one opening of the log; its salt is random. In form 2 the CRC covers all before it.
//
// The files VOTE and SEGMENTS are replaced as a whole:
//
//	0    1 byte     form: 1 sealed, 2 plain
//	1    16 bytes   salt, new for each writing
//	17   body       sealed with "kalima raft vote" or "kalima raft segments", nonce zero,
//	                associated data the 17 bytes before it; or plain with its CRC-32C
//
// Their body is a sequence of pairs; key and value each have their length in 4 bytes
// before them. SEGMENTS has one pair, whose value is JSON of raft-wal's making.
//
// A snapshot holds a Pointer, 81 bytes:
//
//	0    1 byte     version: 1
//	1    8 bytes    Raft index of the last entry applied
//	9    8 bytes    height
//	17   32 bytes   hash of the block at that height
//	49   32 bytes   digest of the state it led to
package consensus
