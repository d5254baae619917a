package chain

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/tidwall/btree"
)

// Value is the current value of a key, and where it came from.
type Value struct {
	Bytes    []byte
	Sequence Sequence // of the event that set it
	Height   Height
	Index    uint32 // the transaction's position in its block
	Time     Time
	At       Time
	Sender   Identity
}

// State is the current value of every key, the last sequence of every address, the
// head of the chain and the tree over its blocks. It is a copy-on-write B-tree: Copy
// costs nothing, and a copy never sees later changes.
//
// A State is used by one goroutine at a time, Copy included; a copy may be read by
// many. The same blocks on the same state give the same state and the same Digest
// everywhere.
type State struct {
	items *btree.Map[string, *Value] // "address\x00key"; an empty key holds the address's last sequence
	head  Head
	tree  Tree

	// The lattice is brought up to date only when a digest is asked for: touched
	// remembers what an item was when it was last taken in (nil: absent). So a key that
	// changes a thousand times between two checkpoints costs two hashes, not two thousand.
	// Nil in copies, which have no digest.
	sum     *lattice
	touched map[string]*Value
}

// Head is the last block of a chain.
type Head struct {
	Chain  Digest
	Height Height
	Hash   Digest
	Time   Time
	Term   uint64
}

// NewState returns the state before the genesis block.
func NewState() *State {
	return &State{items: new(btree.Map[string, *Value]), sum: new(lattice), touched: map[string]*Value{}}
}

// Copy returns a state that shares memory with this one and never changes unless it is
// changed itself. It has no digest.
func (s *State) Copy() *State {
	t := s.tree
	t.Edge = append([]Digest(nil), t.Edge...)
	return &State{items: s.items.Copy(), head: s.head, tree: t}
}

// Head returns the head of the chain.
func (s *State) Head() Head { return s.head }

// Empty reports whether not even the genesis block was applied.
func (s *State) Empty() bool { return s.tree.Size == 0 }

// Tree returns the tree over the blocks' hashes.
func (s *State) Tree() Tree { return s.tree }

func itemKey(a Address, key string) string { return string(a) + "\x00" + key }

// SplitItem splits the key of an item into address and key. The key is empty for the
// item that holds an address's last sequence.
func SplitItem(item string) (Address, string, bool) {
	a, key, ok := strings.Cut(item, "\x00")
	return Address(a), key, ok
}

// Value returns the current value of a key. The caller must not change it.
func (s *State) Value(a Address, key string) (*Value, bool) { return s.items.Get(itemKey(a, key)) }

// Get returns the bytes of a key's current value, as a contract sees them.
func (s *State) Get(a Address, key string) ([]byte, bool) {
	if v, ok := s.Value(a, key); ok {
		return v.Bytes, true
	}
	return nil, false
}

// Next returns the first key of the address greater than after, in byte order.
func (s *State) Next(a Address, after string) (string, bool) {
	start, prefix := itemKey(a, after), string(a)+"\x00"
	var found string
	s.items.Ascend(start, func(item string, _ *Value) bool {
		if item == start || item == prefix {
			return true
		}
		if strings.HasPrefix(item, prefix) {
			found = item[len(prefix):]
		}
		return false
	})
	return found, found != ""
}

// Sequence returns the last sequence of an address, 0 when it never had an event.
func (s *State) Sequence(a Address) Sequence {
	if v, ok := s.items.Get(itemKey(a, "")); ok {
		return v.Sequence
	}
	return 0
}

// Addresses calls f for each address that the pattern selects, in byte order, with its
// last sequence, until f returns false.
func (s *State) Addresses(p abi.Pattern, f func(Address, Sequence) bool) {
	for after := ""; ; {
		var a Address
		var seq Sequence
		s.items.Ascend(after, func(item string, v *Value) bool {
			a, _, _ = SplitItem(item)
			seq = v.Sequence
			return false
		})
		if a == "" {
			return
		}
		if p.Match(a) && !f(a, seq) {
			return
		}
		after = string(a) + "\x01" // past every key of this address
	}
}

// Keys calls f for each key of an address after the given one, in byte order, until f
// returns false.
func (s *State) Keys(a Address, after string, f func(string, *Value) bool) {
	start, prefix := itemKey(a, after), string(a)+"\x00"
	s.items.Ascend(start, func(item string, v *Value) bool {
		if !strings.HasPrefix(item, prefix) {
			return false
		}
		if item == start || item == prefix {
			return true
		}
		return f(item[len(prefix):], v)
	})
}

// Items calls f for every item in byte order until f returns false; see SplitItem.
func (s *State) Items(f func(item string, v *Value) bool) { s.items.Scan(f) }

// Len is the number of items: keys and addresses.
func (s *State) Len() int { return s.items.Len() }

func (s *State) set(item string, v *Value) {
	old, _ := s.items.Get(item)
	if s.sum != nil {
		if _, again := s.touched[item]; !again {
			s.touched[item] = old
		}
	}
	if v == nil {
		s.items.Delete(item)
	} else {
		s.items.Set(item, v)
	}
}

// Digest returns the digest of the state's items. It panics on a copy.
func (s *State) Digest() Digest {
	for item, old := range s.touched { // the sum does not depend on the order
		if old != nil {
			s.sum.sub(element(item, old))
		}
		if v, ok := s.items.Get(item); ok {
			s.sum.add(element(item, v))
		}
	}
	clear(s.touched)
	return s.sum.digest()
}

// LedgerHash returns the ledger hash as of the head.
func (s *State) LedgerHash() Digest { return LedgerHash(s.tree.Root(), s.Digest()) }

// ErrVoid means that a block does not extend the head. It stays in the Raft log and
// never enters the chain; its transactions may be proposed again.
var ErrVoid = errors.New("block does not extend the head")

// Change is what applying a block did to one item: Value is nil when it was deleted.
type Change struct {
	Item  string
	Value *Value
}

// Applied is the effect of one block.
type Applied struct {
	Events  []abi.Event
	Changes []Change // in order; an item may appear more than once
	Stored  []Digest // tree hashes that the block completed, see Tree.Append
}

// Apply extends the chain by a block, or returns ErrVoid and changes nothing. Any other
// error means that the block is wrong although it extends the head; a master that meets
// one must stop, because the leader's log and its own state contradict each other.
func (s *State) Apply(b *Block) (Applied, error) {
	if err := s.extends(b); err != nil {
		return Applied{}, err
	}
	out := Applied{Events: b.Events()}
	if err := s.checkSequences(b, out.Events); err != nil {
		return Applied{}, err
	}
	for i := range out.Events {
		out.Changes = s.applyEvent(out.Changes, &out.Events[i])
	}
	out.Stored = s.tree.Append(b.Hash)
	h := &b.Header
	s.head = Head{Chain: h.Chain, Height: h.Height, Hash: b.Hash, Time: h.Time, Term: h.Term}
	return out, nil
}

func (s *State) applyEvent(changes []Change, e *abi.Event) []Change {
	v := &Value{
		Bytes: e.Value, Sequence: e.Sequence, Height: e.Height, Index: e.Index,
		Time: e.Time, At: e.At, Sender: e.Sender,
	}
	item, address := itemKey(e.Address, e.Key), itemKey(e.Address, "")
	if len(e.Value) == 0 {
		s.set(item, nil)
		changes = append(changes, Change{item, nil})
	} else {
		s.set(item, v)
		changes = append(changes, Change{item, v})
	}
	last := &Value{Sequence: e.Sequence, Height: e.Height, Index: e.Index, Time: e.Time}
	s.set(address, last)
	return append(changes, Change{address, last})
}

// extends is the acceptance rule.
func (s *State) extends(b *Block) error {
	h := &b.Header
	if s.Empty() {
		if h.Height != 0 || h.Parent != (Digest{}) {
			return fmt.Errorf("%w: height %d, but there is no genesis block", ErrVoid, h.Height)
		}
		return checkGenesis(b)
	}
	if h.Chain != s.head.Chain {
		return fmt.Errorf("block %d is of chain %s, this is chain %s", h.Height, h.Chain.Short(), s.head.Chain.Short())
	}
	if h.Height != s.head.Height+1 || h.Parent != s.head.Hash {
		return fmt.Errorf("%w: block %d on parent %s, the head is %d %s", ErrVoid, h.Height, h.Parent.Short(), s.head.Height, s.head.Hash.Short())
	}
	if h.Time < s.head.Time {
		return fmt.Errorf("block %d: time %d is before its parent's %d", h.Height, h.Time, s.head.Time)
	}
	return nil
}

// checkSequences checks that every event continues its address without a gap, and that
// outcomes have as many sequences and writes as they make events.
func (s *State) checkSequences(b *Block, events []abi.Event) error {
	next := make(map[Address]Sequence)
	for i := range events {
		e := &events[i]
		want, ok := next[e.Address]
		if !ok {
			want = s.Sequence(e.Address) + 1
		}
		if e.Sequence != want {
			return fmt.Errorf("block %d: address %s: sequence %d, want %d", b.Header.Height, e.Address, e.Sequence, want)
		}
		next[e.Address] = want + 1
	}
	made := 0
	for i := range b.Entries {
		o := &b.Entries[i].Outcome
		made += len(o.Sequences) + len(o.Writes)
		want := 0
		if tx := b.txs[i]; tx != nil && o.Accepted() {
			for j := range tx.Ops {
				if tx.Ops[j].Kind != OpSystem {
					want++
				}
			}
		}
		if len(o.Sequences) != want {
			return fmt.Errorf("block %d: entry %d has %d sequences, want %d", b.Header.Height, i, len(o.Sequences), want)
		}
	}
	if made != len(events) {
		return fmt.Errorf("block %d: %d sequences and writes make %d events", b.Header.Height, made, len(events))
	}
	return nil
}

// Restore returns a state at a head, to be filled with Load. It is for a ledger that
// kept a State on disk.
func Restore(head Head, tree Tree) (*State, error) {
	if err := tree.check(); err != nil {
		return nil, err
	}
	if tree.Size != uint64(head.Height)+1 {
		return nil, fmt.Errorf("tree of %d blocks does not fit a head at height %d", tree.Size, head.Height)
	}
	s := NewState()
	s.head, s.tree = head, tree
	return s, nil
}

// Load puts an item into a state that is being restored.
func (s *State) Load(item string, v *Value) { s.set(item, v) }
