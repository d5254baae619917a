// Package sync keeps a client node in step with the chain: a memcache with the current
// value of every key that the node may see, fed by one subscription.
//
// Machine is the core: what a frame does to the memcache, when something is missing, and
// what to ask next. It is pure: no clock, disk, network or goroutine. Replica is the rim:
// it subscribes, changes the master when one is silent, and keeps the memcache on disk.
//
// # In step
//
// The place in the chain is a token that the node itself holds: the master keeps nothing
// for it. A frame moves the token over one block or several, whole. Events before the
// token are dropped as known; an event that does not continue its address, or a frame that
// does not continue the token, makes the node subscribe again from the token. When the
// chain then says the same again, the events between were not for this node to see (its
// SUB grant came later): it goes on, and fills in older values from a snapshot. Nothing of
// this is silent; see Stats.
//
// Frames of one subscription come in order, because a QUIC stream is one. Frames that
// carry their After are checked to do so.
//
// # On disk
//
// One file, memcache.log, that is only ever appended to; when it has grown it is written
// anew beside and renamed. Integers are big-endian.
//
//	0   8 bytes   magic, "KALIMAM1"
//	8   16 bytes  salt, random for each file
//	24  records:
//	    4 bytes   length n of the rest, 16 to maxRecord
//	    n bytes   AES-256-GCM sealing; the nonce is the record's number in the file, the
//	              key HKDF-SHA256(storage key, salt, "kalima/memcache/1")
//
// A file begins with a base: one head record, records of items and of notes, and an end
// record; then come updates. Each record is a CBOR map with integer keys, see the type
// record. No file is appended to after a restart, so that no nonce is ever used twice.
//
// A torn end is what a crash leaves: the records before it hold, and the chain sends again
// what came after. Damage in the base is ErrCorrupt.
package sync
