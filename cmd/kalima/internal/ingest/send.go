package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
)

// Chain is what Send needs of a client.
type Chain interface {
	Sign(ctx context.Context, ops ...chain.Op) (*chain.Tx, error)
	SubmitTx(ctx context.Context, envelope []byte) (rpc.Receipt, error)
	Tx(ctx context.Context, id abi.TxID) (rpc.TxA, error)
}

var _ Chain = (*rpc.Client)(nil)

// room is the bytes of operations that one transaction is filled with: it leaves space for
// the envelope, and for outcomes of contracts that write nothing.
const room = 13 << 10

// opBytes is what an operation takes beside address, key and value, at most.
const opBytes = 24

// Sender brings the rows of one file into the chain, in order: a transaction is sent only
// when the one before it is in. Several rows share a transaction, and a row never spans
// two. When the chain refuses a transaction of several rows, it is halved until the row
// at fault stands alone, so that exactly that row is rejected.
type Sender struct {
	Chain  Chain
	Reader *Reader
	State  *State
	Batch  int // rows in one transaction; 0 means as many as fit

	// Submit bounds one transaction, such as context.WithTimeout; nil means no bound.
	Submit func(context.Context) (context.Context, context.CancelFunc)

	Rejected func(*Reject) // called for each line that does not get into the chain
	Progress func()        // called whenever State moved on

	room int
}

// item is a row, or a line that is none.
type item struct {
	row *Row
	bad bool
}

// Run reads to the end of the file, or to the first failure that is not the fault of a
// line. State says how far it got, and is saved.
func (s *Sender) Run(ctx context.Context) error {
	s.room = room
	if p := s.State.Pending; p != nil {
		in, _, err := s.settle(ctx, p)
		if err != nil {
			return err
		}
		if in {
			if err := s.advance(p.End, p.Total); err != nil {
				return err
			}
		}
		s.State.Pending = nil
		if in { // the reader stands before the rows of that transaction
			for s.Reader.Place() != s.State.Place {
				if _, err := s.Reader.Next(); err != nil {
					var bad *Reject
					if !errors.As(err, &bad) {
						return fmt.Errorf("%s: go on after line %d: %w", s.State.File, s.State.Line, err)
					}
				}
			}
		}
	}
	var batch []item
	ops, size := 0, 0
	flush := func() error {
		err := s.send(ctx, batch)
		batch, ops, size = batch[:0], 0, 0
		return err
	}
	for {
		row, err := s.Reader.Next()
		var bad *Reject
		switch {
		case errors.Is(err, io.EOF):
			if err := flush(); err != nil {
				return err
			}
			s.State.Done = true
			return s.advance(s.Reader.Place(), Total{})
		case errors.As(err, &bad):
			s.Rejected(bad)
			batch = append(batch, item{row, true})
			if len(batch) < 4096 {
				continue
			}
		case err != nil:
			return fmt.Errorf("read %s: %w", s.State.File, err)
		default:
			n := s.bytes(row)
			if len(batch) > 0 && (ops+len(row.Values) > chain.MaxOps || size+n > s.room || s.Batch > 0 && rows(batch) >= s.Batch) {
				if err := flush(); err != nil {
					return err
				}
			}
			batch, ops, size = append(batch, item{row, false}), ops+len(row.Values), size+n
			if len(batch) < 4096 {
				continue
			}
		}
		if err := flush(); err != nil {
			return err
		}
	}
}

func rows(batch []item) (n int) {
	for _, i := range batch {
		if !i.bad {
			n++
		}
	}
	return n
}

func (s *Sender) bytes(r *Row) (n int) {
	for _, v := range r.Values {
		n += len(s.State.Address) + len(v.Key) + len(v.Value) + opBytes
	}
	return n
}

// send brings items into the chain and advances the state past them.
func (s *Sender) send(ctx context.Context, items []item) error {
	if len(items) == 0 {
		return nil
	}
	var ops []chain.Op
	var sum Total
	for _, i := range items {
		if i.bad {
			sum.Rejects++
			continue
		}
		sum.Rows++
		sum.Empty += int64(i.row.Empty)
		sum.Values += int64(len(i.row.Values))
		for _, v := range i.row.Values {
			op := chain.Put(s.State.Address, v.Key, v.Value)
			op.At = i.row.At
			ops = append(ops, op)
		}
	}
	end := items[len(items)-1].row.End
	if len(ops) == 0 {
		return s.advance(end, sum)
	}
	tx, err := s.sign(ctx, ops)
	if err != nil {
		return s.refused(ctx, items, err)
	}
	p := &Pending{Envelope: tx.Envelope(), End: end, Total: sum}
	s.State.Pending = p
	if err := s.State.Save(); err != nil {
		return err
	}
	in, fault, err := s.settle(ctx, p)
	switch {
	case err != nil:
		return err
	case in:
		return s.advance(end, sum)
	case fault == nil: // it expired on the way, and never will be in the chain
		return s.send(ctx, items)
	}
	return s.refused(ctx, items, fault)
}

func (s *Sender) sign(ctx context.Context, ops []chain.Op) (*chain.Tx, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	tx, err := s.Chain.Sign(ctx, ops...)
	if err != nil && (rpc.Code(err) != "" || ctx.Err() != nil || errors.Is(err, rpc.ErrNoMaster)) {
		return nil, &outside{err}
	}
	return tx, err
}

// outside is a failure that is not the fault of the rows.
type outside struct{ err error }

func (e *outside) Error() string { return e.err.Error() }
func (e *outside) Unwrap() error { return e.err }

// refused halves what the chain refused, down to the row at fault.
func (s *Sender) refused(ctx context.Context, items []item, fault error) error {
	var out *outside
	if errors.As(fault, &out) {
		return out.err
	}
	s.State.Pending = nil
	if rows(items) > 1 {
		var f *abi.Fault
		if errors.As(fault, &f) && f.Code == abi.TooMuch || rpc.Code(fault) == string(chain.TooLarge) {
			s.room = max(1<<10, s.room*3/4) // what contracts write needs its space too
		}
		half := len(items) / 2
		if err := s.send(ctx, items[:half]); err != nil {
			return err
		}
		return s.send(ctx, items[half:])
	}
	for i := range items {
		if !items[i].bad {
			s.Rejected(&Reject{Line: items[i].row.Line, Reason: fault.Error()})
			items[i].bad = true
		}
	}
	return s.send(ctx, items)
}

// settle finds out whether a signed transaction is in the chain, sending it if needed.
// It is either in, or without effect because of a fault, or expired (neither).
func (s *Sender) settle(ctx context.Context, p *Pending) (in bool, fault error, err error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	r, err := s.Chain.SubmitTx(ctx, p.Envelope)
	switch chain.Reason(rpc.Code(err)) {
	case chain.Expired:
		tx, err := chain.Decode(p.Envelope, s.State.Chain)
		if err != nil {
			return false, nil, err
		}
		known, err := s.Chain.Tx(ctx, tx.ID)
		if rpc.Code(err) == rpc.CodeNotFound {
			return false, nil, nil
		}
		if err != nil {
			return false, nil, err
		}
		r = known.Receipt
	case chain.TooLarge, chain.Malformed:
		return false, err, nil
	case chain.NoGrant, chain.Unknown, chain.BadSign:
		// Not in the chain, and every other row would fail alike.
		s.State.Pending = nil
		return false, nil, errors.Join(err, s.State.Save())
	default:
		if err != nil {
			return false, nil, err
		}
	}
	if !r.Accepted() {
		return false, &abi.Fault{Code: r.Code, Reason: r.Reason, Message: r.Message}, nil
	}
	return true, nil, nil
}

func (s *Sender) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.Submit == nil {
		return context.WithCancel(ctx)
	}
	return s.Submit(ctx)
}

func (s *Sender) advance(to Place, sum Total) error {
	s.State.Place = to
	s.State.Add(sum)
	s.State.Pending = nil
	err := s.State.Save()
	if s.Progress != nil {
		s.Progress()
	}
	return err
}
