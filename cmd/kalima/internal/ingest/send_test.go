package ingest

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

// ledger is a chain that keeps what it is sent, and fails as it is told.
type ledger struct {
	key    ed25519.PrivateKey
	height abi.Height
	known  map[abi.TxID]rpc.Receipt
	values []string // key=value, in order
	txs    int

	fail   func(tx *chain.Tx) error // before the transaction is taken
	lose   func(tx *chain.Tx) error // after it was: its receipt gets lost
	refuse func(op *chain.Op) *abi.Fault
	most   int // operations that fit; 0: all
}

var testChain = abi.Digest{1}

func newLedger() *ledger {
	return &ledger{key: ed25519.NewKeyFromSeed(make([]byte, 32)), known: map[abi.TxID]rpc.Receipt{}}
}

func (l *ledger) Sign(_ context.Context, ops ...chain.Op) (*chain.Tx, error) {
	l.txs++
	return chain.Sign(l.key, testChain, l.height+100, []byte(fmt.Sprintf("nonce %06d", l.txs)), ops...)
}

func (l *ledger) SubmitTx(_ context.Context, envelope []byte) (rpc.Receipt, error) {
	tx, err := chain.Decode(envelope, testChain)
	if err != nil {
		return rpc.Receipt{}, err
	}
	if r, ok := l.known[tx.ID]; ok && tx.ValidUntil >= l.height {
		r.Replayed = true
		return r, nil
	}
	if tx.ValidUntil < l.height {
		return rpc.Receipt{}, transport.Errorf(string(chain.Expired), "too late")
	}
	if l.fail != nil {
		if err := l.fail(tx); err != nil {
			return rpc.Receipt{}, err
		}
	}
	l.height++
	r := rpc.Receipt{TxID: tx.ID, Height: l.height}
	if l.most > 0 && len(tx.Ops) > l.most {
		r.Code = abi.TooMuch
	}
	for i := range tx.Ops {
		if l.refuse != nil && r.Code == abi.OK {
			if f := l.refuse(&tx.Ops[i]); f != nil {
				r.Code, r.Reason, r.Message = f.Code, f.Reason, f.Message
			}
		}
	}
	l.known[tx.ID] = r
	if r.Accepted() {
		for i := range tx.Ops {
			l.values = append(l.values, tx.Ops[i].Key+"="+string(tx.Ops[i].Value))
		}
	}
	if l.lose != nil {
		if err := l.lose(tx); err != nil {
			return rpc.Receipt{}, err
		}
	}
	return r, nil
}

func (l *ledger) Tx(_ context.Context, id abi.TxID) (rpc.TxA, error) {
	r, ok := l.known[id]
	if !ok {
		return rpc.TxA{}, transport.Errorf(rpc.CodeNotFound, "no such transaction")
	}
	return rpc.TxA{Receipt: r}, nil
}

// file makes n rows a=0, a=1, ...
func file(n int) string {
	var b strings.Builder
	b.WriteString("a,b\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,x\n", i)
	}
	return b.String()
}

// want is what the chain has when every row came once, in order, but those left out.
func want(n int, without ...int) string {
	var all []string
	for i := range n {
		skip := false
		for _, w := range without {
			skip = skip || w == i
		}
		if !skip {
			all = append(all, fmt.Sprintf("a=%d", i), "b=x")
		}
	}
	return strings.Join(all, " ")
}

// send runs a sender on a file's text, as a new run of the program would.
func send(t *testing.T, dir, text string, l *ledger, batch int) (*State, []string, error) {
	t.Helper()
	f := strings.NewReader(text)
	s, err := Load(dir, f, "file.csv", testChain, "/a", Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(f, Options{}, s.Place)
	if err != nil {
		t.Fatal(err)
	}
	var rejects []string
	sender := &Sender{Chain: l, Reader: r, State: s, Batch: batch, Rejected: func(r *Reject) { rejects = append(rejects, r.Error()) }}
	err = sender.Run(context.Background())
	return s, rejects, err
}

func TestSend(t *testing.T) {
	for _, batch := range []int{0, 1, 7} {
		l := newLedger()
		s, rejects, err := send(t, t.TempDir(), file(500), l, batch)
		if err != nil || len(rejects) > 0 {
			t.Fatalf("batch %d: Run: %v, rejects %v", batch, err, rejects)
		}
		if got := strings.Join(l.values, " "); got != want(500) {
			t.Errorf("batch %d: the chain has %.80s..., want every row once, in order", batch, got)
		}
		if s.Rows != 500 || s.Values != 1000 || !s.Done {
			t.Errorf("batch %d: state = %+v, want 500 rows, 1000 values, done", batch, s.Total)
		}
		if batch == 1 && l.txs != 500 || batch == 0 && l.txs > 20 {
			t.Errorf("batch %d: %d transactions for 500 rows", batch, l.txs)
		}
	}
}

// A row that a contract refuses is left out alone, and the order stays.
func TestSendRefused(t *testing.T) {
	l := newLedger()
	l.refuse = func(op *chain.Op) *abi.Fault {
		if v := string(op.Value); v == "13" || v == "77" {
			return abi.Faultf(abi.Rejected, "unlucky")
		}
		return nil
	}
	s, rejects, err := send(t, t.TempDir(), file(100)+"broken\n", l, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(l.values, " "); got != want(100, 13, 77) {
		t.Errorf("the chain has %s, want all rows but two, in order", got)
	}
	if got := strings.Join(rejects, "; "); !strings.Contains(got, "line 15: rejected: unlucky") || !strings.Contains(got, "line 79: rejected: unlucky") || !strings.Contains(got, "line 102: 1 fields") || len(rejects) != 3 {
		t.Errorf("rejects = %s", got)
	}
	if s.Rows != 98 || s.Rejects != 3 {
		t.Errorf("state = %+v, want 98 rows and 3 rejects", s.Total)
	}
}

// What contracts write takes room too: batches become smaller until they fit.
func TestSendTooMuch(t *testing.T) {
	l := newLedger()
	l.most = 10
	if _, rejects, err := send(t, t.TempDir(), file(300), l, 0); err != nil || len(rejects) > 0 {
		t.Fatalf("Run: %v, rejects %v", err, rejects)
	}
	if got := strings.Join(l.values, " "); got != want(300) {
		t.Errorf("the chain has %.80s..., want every row once, in order", got)
	}
}

var errCut = errors.New("the program is cut off")

// Wherever the program ends, the next run goes on without a lost or doubled row.
func TestSendResumes(t *testing.T) {
	for cut := 1; cut <= 12; cut++ {
		for _, tt := range []struct {
			name string
			set  func(*ledger, func(*chain.Tx) error)
		}{
			{"before", func(l *ledger, f func(*chain.Tx) error) { l.fail = f }},
			{"after", func(l *ledger, f func(*chain.Tx) error) { l.lose = f }},
		} {
			l, dir, n := newLedger(), t.TempDir(), 0
			tt.set(l, func(*chain.Tx) error {
				if n++; n == cut {
					return errCut
				}
				return nil
			})
			if _, _, err := send(t, dir, file(60), l, 5); !errors.Is(err, errCut) {
				t.Fatalf("cut %s transaction %d: Run = %v, want the cut", tt.name, cut, err)
			}
			l.height += abi.Height(cut%3) * 100 // sometimes so late that the pending transaction expired
			s, _, err := send(t, dir, file(60), l, 5)
			if err != nil {
				t.Fatalf("cut %s transaction %d: second Run: %v", tt.name, cut, err)
			}
			if got := strings.Join(l.values, " "); got != want(60) {
				t.Errorf("cut %s transaction %d: the chain has %s, want every row once, in order", tt.name, cut, got)
			}
			if s.Rows != 60 || !s.Done {
				t.Errorf("cut %s transaction %d: state = %+v, want 60 rows, done", tt.name, cut, s.Total)
			}
		}
	}
}

// A missing grant stops the file at once: every other row would fail alike.
func TestSendNoGrant(t *testing.T) {
	l := newLedger()
	l.fail = func(*chain.Tx) error { return transport.Errorf(string(chain.NoGrant), "no grant") }
	s, rejects, err := send(t, t.TempDir(), file(60), l, 5)
	if rpc.Code(err) != string(chain.NoGrant) || len(rejects) > 0 || s.Rows != 0 || l.txs != 1 {
		t.Errorf("Run = %v after %d transactions, rejects %v, rows %d; want the refusal after one", err, l.txs, rejects, s.Rows)
	}
}
