package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
)

func (a *app) txCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "tx ID",
		Short: "show a transaction and what became of it",
		Long: `tx shows a transaction: who signed it, whether the signature verifies (checked here, not
taken on trust), its operations, its outcome, and the events it made.`,
		Example: "  kalima tx 5be0cd19137e2179c7f6e9a2b4f61d2b1f83d9abfb41bd6b9b05688c2b3e6c1f",
		Args:    exactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := abi.ParseDigest(args[0])
			if err != nil {
				return invalid(fmt.Errorf("transaction id: %w", err))
			}
			c, err := a.connect(nil)
			if err != nil {
				return err
			}
			defer c.Close()
			ctx, cancel := a.context(cmd.Context())
			defer cancel()
			answer, err := c.Tx(ctx, id)
			if rpc.Code(err) == rpc.CodeNotFound {
				return &exitError{code: exitNotFound, err: fmt.Errorf("no transaction %s in this chain", id.Short())}
			}
			if err != nil {
				return err
			}
			tx, err := chain.Decode(answer.Envelope, c.Chain())
			if err != nil {
				return err
			}
			if tx.ID != id {
				return fmt.Errorf("the master sent transaction %s instead", tx.ID.Short())
			}
			return a.printTx(tx, &answer)
		},
	}
}

func (a *app) printTx(tx *chain.Tx, t *rpc.TxA) error {
	bad := tx.Verify()
	events := make([]eventJSON, len(t.Writes))
	for i := range t.Writes {
		events[i] = asEvent(&t.Writes[i])
		events[i].SchemaVersion = 0
	}
	if a.output == "json" {
		ops := make([]opJSON, len(tx.Ops))
		for i := range tx.Ops {
			ops[i] = asOp(&tx.Ops[i])
		}
		r := asReceipt(&t.Receipt)
		if err := a.printJSON(struct {
			receiptJSON
			Sender     abi.Identity `json:"sender"`
			ValidUntil abi.Height   `json:"valid_until"`
			Verified   bool         `json:"signature_verified"`
			Bytes      int          `json:"bytes"`
			Operations []opJSON     `json:"operations"`
			Events     []eventJSON  `json:"events"`
		}{r, tx.Sender, tx.ValidUntil, bad == nil, len(tx.Envelope()), ops, events}); err != nil {
			return err
		}
		if bad != nil {
			return &exitError{code: exitFailure, err: bad, said: true}
		}
		return nil
	}
	w, r := a.stdout, &t.Receipt
	signature := "ok"
	if bad != nil {
		signature = "WRONG"
	}
	fmt.Fprintf(w, "tx %s\n", tx.ID)
	fmt.Fprintf(w, "  block   %d, entry %d, %s UTC\n", r.Height, r.Index, stamp(r.Time))
	fmt.Fprintf(w, "  sender  %s\n  sign    %s, Ed25519 over %s\n", tx.Sender, signature, count(len(tx.Envelope()), "byte"))
	showOutcome(w, "  ", &chain.Outcome{Code: r.Code, Reason: r.Reason, Message: r.Message, Gas: r.Gas})
	for i := range tx.Ops {
		showOp(w, "  ", &tx.Ops[i])
	}
	for _, e := range t.Writes {
		fmt.Fprintf(w, "  event   %s %s = %s  sequence %d\n", e.Address, printable(e.Key), show(e.Value, 48), e.Sequence)
	}
	if bad != nil {
		return fmt.Errorf("transaction %s: %w", tx.ID.Short(), bad)
	}
	if r.Code != abi.OK && r.Code != abi.SystemRejected { // a contract's doing
		a.say("next: %s-contract debug %s%s", self(), tx.ID, a.flags())
	}
	return nil
}
