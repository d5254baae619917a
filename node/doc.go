// Package node is the wiring: what a master and a client node are made of, started in one
// order and stopped in the reverse. Read StartMaster first; it is one page.
//
// A node's folder:
//
//	ledger/    blocks, state, indexes (Badger, encrypted)
//	raft/      the Raft log (sealed), votes, snapshot pointers
//	blobs/     contract bundles by digest
//	lock       held while the node runs
package node
