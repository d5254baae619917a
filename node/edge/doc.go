// Package edge is a client node that acts: a memcache in step with the chain, and the react
// contracts that are bound to its events.
//
// An event starts a contract when a react binding selects its address as of the block
// before it, so neither the first snapshot nor anything older than the binding does. What
// the contract asks to submit goes out as one transaction.
//
// # Neither missed nor doubled
//
// Each trigger is a note on disk, written in one record with the block that brought it; the
// place in the chain and the work that is due move together. The work then goes through
// three states, each in the same note:
//
//	due      the contract has not run, or nothing it asked for has left this node
//	signed   the transaction is on disk, forced, before it is sent for the first time
//	done     there is a receipt; kept until the memcache is past its block
//
// After a crash what is due runs again, and what is signed is sent again: the same bytes,
// the same id, which the chain takes once. The nonce follows from contract and trigger, and
// the transaction is valid as long as a chain allows, counted from the trigger:
//
//	nonce = first 16 bytes of SHA-256("kalima/react/1" 0 instance 0 address 0 sequence attempt)
//	        sequence 8 bytes, attempt 4 bytes, big-endian
//
// A contract reads the memcache as of the trigger's block; after a restart, as it then is.
//
// When that window passed while no master was reached, a master that is beyond it is asked
// for the transaction. Only when it is not there, a new one is signed, with the next attempt.
//
// # Loops
//
// An event that an instance's own transaction made does not start that instance again. It
// may start others, up to MaxHops transactions after the event of a device. The count is
// this node's own: two nodes that answer each other are not found out.
//
// Two nodes that run the same binding both submit: say which instances a node runs.
package edge
