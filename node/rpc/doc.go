// Package rpc is what a client and a master say to each other: the methods, their
// questions and answers, and a Client that asks them.
//
// Bodies are CBOR maps with integer keys, so that a later version may add a field. A
// master answers a method it does not know with the code "unknown-method".
//
//	submit     Submit     Receipt       a signed transaction; answered when ordered and applied
//	get        GetQ       Item          the current value of a key
//	list       ListQ      ListA         the keys of an address, or the addresses below a pattern
//	history    HistoryQ   HistoryA      the events of a key, newest first
//	block      BlockQ     bytes         a block as stored
//	tx         TxQ        TxA           a transaction and its outcome
//	head       -          HeadA         the head of the master's chain
//	status     -          StatusA       what the master knows about itself and the others
//	check      -          CheckA        have the master read its disk again and compare all checksums
//	blob.put   bytes      Digest        keep bytes by their digest (contract bundles)
//	blob.get   Digest     bytes         the bytes of a digest
//	watch      WatchQ     stream of WatchFrame
//
// Errors carry the codes of package chain's Reason, or one of the constants here.
package rpc
