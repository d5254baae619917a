// Package bodies keeps records that never change, the bytes of blocks, in files that only
// grow. It knows nothing of blocks: a record has a number, and whoever wrote it keeps the
// Place that says where it is.
//
// Append hands records to the operating system, so they outlive the process; Sync forces
// them to disk, so they outlive the machine. Read returns what was written or an error,
// never other bytes.
//
// # Files
//
// A file is named by its number, 00000000.blk and on. Numbers are big-endian. It begins
// with a header of 76 bytes:
//
//	0    8 bytes    "KBODIES1", or "KBODIES0" when nothing in it is encrypted
//	8    4 bytes    number of the file
//	12   12 bytes   nonce, random
//	24   48 bytes   the file's own random AES-256 key, sealed with the store's key and that
//	                nonce by AES-256-GCM, with the 12 bytes before the nonce as additional data
//	72   4 bytes    CRC-32C of what is before it
//
// Nonce and key are zeros when nothing is encrypted. Records follow, one after the other:
//
//	0    4 bytes    length of the content, 1 to MaxRecord
//	4    8 bytes    number of the record
//	12   content    sealed with the file's key by AES-256-GCM; the nonce is 8 zero bytes and the
//	                offset of the record, the 12 bytes before are additional data
//	     16 bytes   the tag; or, unencrypted, the CRC-32C of all that is before it in the
//	                record, and zeros
//
// No nonce is used twice with a file's key, because a file only grows and is written by the
// process that made it: a store that is opened again begins a new file.
package bodies
