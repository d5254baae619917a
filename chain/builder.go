package chain

import (
	"context"
	"errors"
	"fmt"

	"github.com/kalima-chain/kalima/abi"
)

// View reads the state that a transaction sees: the blocks before, the entries before
// it in its block, and its own earlier operations.
type View interface {
	Get(a Address, key string) ([]byte, bool)
	Next(a Address, after string) (string, bool)
	Sequence(a Address) Sequence
}

// Rules is what the chain does not decide itself: who may do what, what system
// operations do, and what contracts say. Package node provides it.
type Rules interface {
	// Admit says who the sender is, or refuses the transaction with a *Refusal.
	Admit(v View, tx *Tx) (Member, error)

	// System runs a system operation, with the contract code that belongs to it. An error
	// is the node's fault and says nothing about the transaction.
	System(ctx context.Context, v View, env Env, op *Op) (Verdict, error)

	// Engine says by what contracts run, for the header. It never changes.
	Engine() Digest

	// Validate runs the validate contracts bound to the call's address. An error is the
	// node's fault and says nothing about the transaction.
	Validate(ctx context.Context, v View, call abi.Call) (Verdict, error)
}

// Member is an identity as the chain knows it.
type Member struct {
	Name  string
	Roles []string
}

// Env is the circumstance of a system operation.
type Env struct {
	Chain  Digest
	TxID   TxID
	Index  uint32 // position of the operation in its transaction
	Sender Identity
	Member Member
	Height Height
	Time   Time
}

// Verdict is what the contracts bound to one operation said together. The first fault
// ends the operation; writes are in the order they were made.
type Verdict struct {
	Fault  *abi.Fault
	Gas    uint64
	Writes []abi.Write
	Reads  []Read
}

// Reason says why a transaction was refused, in one word that programs branch on.
type Reason string

// The reasons for a refusal.
const (
	Malformed  Reason = "malformed"
	BadSign    Reason = "bad-signature"
	Unknown    Reason = "unknown-identity"
	NoGrant    Reason = "no-grant"
	Expired    Reason = "expired"
	TooFar     Reason = "valid-until-too-far"
	TooLarge   Reason = "too-large"
	Replayed   Reason = "replayed" // a transaction with this id is in the chain already
	NoPlace    Reason = "busy"
	NoLeader   Reason = "no-leader"
	NodeFailed Reason = "node-failed"
)

// Refusal is a transaction that does not get into a block: the caller's fault, not the
// contract's. Nothing of it stays on the chain.
type Refusal struct {
	Reason  Reason
	Message string
}

func (r *Refusal) Error() string { return r.Message }

// Refusef returns a refusal with a formatted message.
func Refusef(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// ErrFull means that the block has no room for the transaction; it fits the next one.
var ErrFull = errors.New("block is full")

// Builder is the leader's side: it executes transactions in order on a speculative state
// and cuts blocks from them. The state runs ahead of the committed one by the blocks in
// flight; when one of those turns out void, or leadership is lost, drop the builder.
//
// Used by one goroutine.
type Builder struct {
	rules  Rules
	state  *State
	leader Identity
	term   uint64

	header  Header
	raw     []rawItem
	entries []Entry
	txs     []*Tx
	size    int
}

// NewBuilder starts from the head of a state, which it copies. The caller has made sure
// that every block of earlier terms was applied to it (raft.Barrier).
func NewBuilder(head *State, rules Rules, leader Identity, term uint64) *Builder {
	return &Builder{rules: rules, state: head.Copy(), leader: leader, term: term}
}

// Begin opens the next block. now is the leader's clock; the block's time is never
// before its parent's.
func (b *Builder) Begin(now Time) {
	h := b.state.Head()
	b.header = Header{
		Chain: h.Chain, Height: h.Height + 1, Parent: h.Hash, Time: max(now, h.Time),
		Term: b.term, Leader: b.leader, Engine: b.rules.Engine(),
	}
	b.raw, b.entries, b.txs, b.size = nil, nil, nil, headerRoom
}

// Len is the number of entries of the open block, Size its bytes so far, at most.
func (b *Builder) Len() int  { return len(b.entries) }
func (b *Builder) Size() int { return b.size }

// Height is the height of the open block.
func (b *Builder) Height() Height { return b.header.Height }

// Execute runs a transaction and adds it to the open block. It returns a *Refusal when
// the transaction can not enter any block, ErrFull when it does not fit this one, and any
// other error when this node failed; then nothing was added. A contract that rejects or
// faults is an outcome like another: the entry is in the block, without effects.
//
// The signature was verified before, and the id is new to the chain.
func (b *Builder) Execute(ctx context.Context, tx *Tx) (Outcome, error) {
	h := b.header.Height
	switch {
	case tx.ValidUntil < h:
		return Outcome{}, Refusef(Expired, "transaction was valid until block %d, the chain is at %d", tx.ValidUntil, h-1)
	case tx.ValidUntil > h+MaxValidity:
		return Outcome{}, Refusef(TooFar, "transaction would be valid until block %d, at most %d blocks ahead of %d", tx.ValidUntil, MaxValidity, h-1)
	}
	if b.size+len(tx.envelope) > MaxBlock && len(b.entries) > 0 {
		return Outcome{}, ErrFull // before any contract runs
	}
	member, err := b.rules.Admit(b.state, tx)
	if err != nil {
		return Outcome{}, err
	}
	o := overlay{state: b.state}
	outcome, err := b.run(ctx, &o, member, tx)
	if err != nil {
		return Outcome{}, err
	}
	raw := (&Entry{Envelope: tx.envelope, Outcome: outcome}).append(nil)
	if b.size+len(raw) > MaxBlock {
		if len(b.entries) > 0 {
			return Outcome{}, ErrFull
		}
		// Alone in a block and still too large: only what contracts wrote can be the cause.
		outcome = Outcome{Code: abi.TooMuch, Gas: outcome.Gas, Message: "transaction and what its contracts wrote do not fit one block"}
		raw = (&Entry{Envelope: tx.envelope, Outcome: outcome}).append(nil)
		if b.size+len(raw) > MaxBlock {
			return Outcome{}, Refusef(TooLarge, "transaction of %d bytes does not fit a block", len(tx.envelope))
		}
	}
	b.raw, b.entries, b.txs = append(b.raw, raw), append(b.entries, Entry{Envelope: tx.envelope, Outcome: outcome}), append(b.txs, tx)
	b.size += len(raw)
	if outcome.Accepted() {
		b.merge()
	}
	return outcome, nil
}

// run executes the operations in order. Everything goes to the overlay.
func (b *Builder) run(ctx context.Context, o *overlay, member Member, tx *Tx) (Outcome, error) {
	var out Outcome
	env := Env{Chain: b.header.Chain, TxID: tx.ID, Sender: tx.Sender, Member: member, Height: b.header.Height, Time: b.header.Time}
	fault := func(f *abi.Fault) (Outcome, error) {
		return Outcome{Code: f.Code, Reason: f.Reason, Message: abi.Clip(f.Message), Gas: out.Gas, Reads: dedupe(out.Reads)}, nil
	}
	write := func(op int, w abi.Write) {
		out.Writes = append(out.Writes, Write{Op: uint32(op), Address: w.Address, Key: w.Key, Value: w.Value, Sequence: o.take(w.Address)})
		o.set(w.Address, w.Key, w.Value)
	}
	for i := range tx.Ops {
		op := &tx.Ops[i]
		if op.Kind == OpSystem {
			env.Index = uint32(i)
			v, err := b.rules.System(ctx, o, env, op)
			if err != nil {
				return Outcome{}, fmt.Errorf("%s: %w", op.Name, err)
			}
			out.Gas += v.Gas
			out.Reads = append(out.Reads, v.Reads...)
			if v.Fault != nil {
				return fault(v.Fault)
			}
			for _, w := range v.Writes {
				write(i, w)
			}
			continue
		}
		call := abi.Call{
			Phase: abi.Validate, Chain: b.header.Chain, OpIndex: uint32(i), Height: env.Height, Time: env.Time,
			Sender: tx.Sender, Name: member.Name, Roles: member.Roles, TxID: tx.ID,
			Op: abi.Put, Address: op.Address, Key: op.Key, Value: op.Value, At: op.At,
		}
		calls := []abi.Call{call}
		if op.Kind == OpMove { // contracts see a delete and a put
			v, ok := o.Get(op.Address, op.Key)
			if !ok {
				return fault(abi.Faultf(abi.Rejected, "move: %s has no key %q", op.Address, op.Key))
			}
			calls = append(calls, call)
			calls[0].Value, calls[1].Address, calls[1].Key, calls[1].Value = nil, op.ToAddress, op.ToKey, v
		}
		for j, c := range calls {
			if len(c.Value) == 0 {
				c.Op = abi.Delete
			}
			c.Sequence = o.take(c.Address)
			v, err := b.rules.Validate(ctx, o, c)
			if err != nil {
				return Outcome{}, fmt.Errorf("validate %s %s: %w", c.Address, c.Key, err)
			}
			out.Gas += v.Gas
			out.Reads = append(out.Reads, v.Reads...)
			if v.Fault != nil {
				return fault(v.Fault)
			}
			o.set(c.Address, c.Key, c.Value)
			if j == 0 {
				out.Sequences = append(out.Sequences, c.Sequence)
			} else {
				out.Writes = append(out.Writes, Write{Op: uint32(i), Address: c.Address, Key: c.Key, Value: c.Value, Sequence: c.Sequence})
			}
			for _, w := range v.Writes {
				write(i, w)
			}
		}
	}
	out.Reads = dedupe(out.Reads)
	return out, nil
}

func dedupe(reads []Read) []Read {
	seen := make(map[Read]bool, len(reads))
	out := reads[:0]
	for _, r := range reads {
		if !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}

// merge applies an accepted entry, the last one, to the speculative state.
func (b *Builder) merge() {
	i := len(b.entries) - 1
	one := Block{Header: b.header, Entries: b.entries[i:], txs: b.txs[i:]}
	events := one.Events()
	for j := range events {
		events[j].Index = uint32(i)
		b.state.applyEvent(nil, &events[j])
	}
}

// Seal closes the open block and makes it the head of the speculative state.
func (b *Builder) Seal() *Block {
	blk := seal(b.header, b.raw, b.entries, b.txs)
	b.state.tree.Append(blk.Hash)
	b.state.head = Head{Chain: b.header.Chain, Height: b.header.Height, Hash: blk.Hash, Time: b.header.Time, Term: b.term}
	b.raw, b.entries, b.txs = nil, nil, nil
	return blk
}
