// Package ledger keeps the chain on disk: blocks, the current state, the history of
// every key and the indexes over them. It is the only door to Badger.
//
// One goroutine appends; any number may read meanwhile. Nothing that Append wrote is
// forced to disk until Sync: the Raft log holds every block until then and plays it
// back. So after a crash the ledger may end earlier than it did, but always at a whole
// block, and Index says from where to play back.
//
// What is read from disk is checked. A record that does not pass is a *CorruptError with
// the height it concerns, never a shorter history: see DESIGN.md for what is checked
// where.
//
// # Records
//
// Numbers are big-endian, heights and sequences 8 bytes. "address\0" is an address and
// a zero byte, which neither an address nor a key can hold. The first byte of a key
// names the kind of the record:
//
//	h height                          time (8), block hash (32), file (4) and offset (4) of the
//	                                  block's bytes in package bodies
//	t number                          32 bytes: tlog stored hash of that number
//	x transaction id (32)             height, index in the block (4)
//	e address\0 sequence              height, number of the event in the block (4)
//	k address\0 key\0 ^sequence       height, number of the event in the block (4)
//	s item                            state record; item is "address\0key" as in chain.State
//	m                                 meta record, rewritten by every commit
//
// In k the bits of the sequence are inverted, so that a forward scan meets the newest
// event first.
//
// State record, of a key's current value:
//
//	0    1 byte     version and kind: 0x11
//	1    uvarint    sequence
//	     uvarint    height
//	     uvarint    index in the block
//	     varint     time
//	     varint     at
//	     32 bytes   sender
//	     rest       value
//
// State record, of an address's last sequence (the key in the item is empty):
//
//	0    1 byte     version and kind: 0x12
//	1    uvarint    sequence
//	     uvarint    height
//	     uvarint    index in the block
//	     varint     time
//
// Meta record:
//
//	0    1 byte     version: 0x12
//	1    8 bytes    Raft index of the last entry applied
//	9    8 bytes    number of state records
//	17   8 bytes    sum of the state records, see below
//	25   8 bytes    tree size: 0 when the chain is empty, and then nothing follows
//	33   32 bytes   chain id
//	65   8 bytes    head height
//	73   32 bytes   head hash
//	105  8 bytes    head time
//	113  8 bytes    head term
//	121  32 bytes   edge of the tree, as many as the size has one bits
//
// The sum is the sum, modulo 2^64, of XXH64(item, 0xff, state record) over all state
// records. It finds records that were lost or doubled; it is no defence against a
// forger, which is what checkpoints are for.
//
// The bytes of blocks stand beside the tree, in the directory blocks: they are most of what
// is written, and never change. Package bodies has their form.
//
// Beside Badger's own files the directory holds the file SYNCED, which says how far
// the ledger was forced to disk. It holds one line: the word kalima-synced-1, the Raft
// index, the number of blocks, the hash of the last of them (zeros when there is none),
// and the CRC-32C of all that, in hexadecimal.
package ledger
