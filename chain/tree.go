package chain

import (
	"crypto/sha256"
	"fmt"

	"github.com/fxamacker/cbor/v2"
	"golang.org/x/mod/sumdb/tlog"
)

type rawMessage = cbor.RawMessage

// leafHash is the RFC 6962 section 2.1 hash of a leaf.
func leafHash(data []byte) Digest { return Digest(tlog.RecordHash(data)) }

// treeHash is the RFC 6962 section 2.1 hash of a list of leaf hashes.
func treeHash(leaves []Digest) Digest {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		return Digest(tlog.NodeHash(tlog.Hash(treeHash(leaves[:k])), tlog.Hash(treeHash(leaves[k:]))))
	}
}

// Tree is the RFC 6962 tree whose leaves are the hashes of the blocks, in order of
// height. It keeps only its right edge: one hash for each complete subtree, largest
// first. The zero Tree is empty.
type Tree struct {
	Size uint64 // number of leaves: the height of the next block
	Edge []Digest
}

// Append adds the next block's hash and returns the hashes of the subtrees that it
// completed, in the order in which tlog numbers stored hashes; the ledger keeps them
// for proofs.
func (t *Tree) Append(block Digest) []Digest {
	h := leafHash(block[:])
	stored := []Digest{h}
	edge := append([]Digest(nil), t.Edge...)
	for n := t.Size; n&1 == 1; n >>= 1 {
		left := edge[len(edge)-1]
		edge = edge[:len(edge)-1]
		h = Digest(tlog.NodeHash(tlog.Hash(left), tlog.Hash(h)))
		stored = append(stored, h)
	}
	t.Edge = append(edge, h)
	t.Size++
	return stored
}

// Root returns the tree hash.
func (t *Tree) Root() Digest {
	if len(t.Edge) == 0 {
		return sha256.Sum256(nil)
	}
	h := t.Edge[len(t.Edge)-1]
	for i := len(t.Edge) - 2; i >= 0; i-- {
		h = Digest(tlog.NodeHash(tlog.Hash(t.Edge[i]), tlog.Hash(h)))
	}
	return h
}

// check reports whether the edge fits the size.
func (t *Tree) check() error {
	n := 0
	for s := t.Size; s != 0; s &= s - 1 {
		n++
	}
	if n != len(t.Edge) {
		return fmt.Errorf("tree of %d blocks has %d edge hashes, want %d", t.Size, len(t.Edge), n)
	}
	return nil
}

// LedgerHash captures the ledger as of one height: the tree over every block's hash and
// the digest of the state they lead to.
func LedgerHash(root Digest, state Digest) Digest {
	return sha256.Sum256(append(append([]byte("kalima/ledger/1"), root[:]...), state[:]...))
}
