package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/cmd/kalima/internal/ingest"
	"github.com/kalima-chain/kalima/node/rpc"
)

func (a *app) putCmd() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use:   "put ADDRESS KEY VALUE",
		Short: "set a key",
		Long: `put signs a transaction that sets a key and waits until it is ordered and applied.

` + valueHelp,
		Example: `  kalima put /plant1/line2/press4 temperature 21.5
  kalima put /plant1/line2/press4 manual @manual.pdf
  echo 21.5 | kalima put /plant1/line2/press4 temperature - --at 2026-11-23T08:00:00Z`,
		Args: exactArgs("ADDRESS", "KEY", "VALUE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := target(args[0], args[1])
			if err != nil {
				return err
			}
			value, err := a.value(args[2])
			if err != nil {
				return err
			}
			if len(value) == 0 {
				return &exitError{code: exitUsage, err: errors.New("value is empty, which would delete the key"),
					hint: fmt.Sprintf("%s delete %s %s", self(), shellWord(args[0]), shellWord(args[1]))}
			}
			op := chain.Put(address, args[1], value)
			if at != "" {
				if op.At, err = ingest.ParseTime(at, "auto"); err != nil {
					return invalid(err)
				}
			}
			return a.submit(cmd.Context(), op)
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "when the value was measured: RFC 3339, \"2006-01-02 15:04:05\" (UTC), or Unix seconds or milliseconds")
	return cmd
}

// receiptJSON is a receipt for programs.
type receiptJSON struct {
	SchemaVersion int            `json:"schemaVersion"`
	Tx            abi.TxID       `json:"tx"`
	Accepted      bool           `json:"accepted"`
	Code          string         `json:"code"`
	Reason        int32          `json:"reason,omitempty"`
	Message       string         `json:"message,omitempty"`
	Height        abi.Height     `json:"height"`
	Index         uint32         `json:"index"`
	Block         abi.Digest     `json:"block"`
	Time          string         `json:"time"`
	Gas           uint64         `json:"gas"`
	Sequences     []abi.Sequence `json:"sequences"`
	Replayed      bool           `json:"replayed,omitempty"`
	ElapsedMS     float64        `json:"elapsed_ms,omitempty"`
}

func asReceipt(r *rpc.Receipt) receiptJSON {
	return receiptJSON{
		SchemaVersion: schemaVersion, Tx: r.TxID, Accepted: r.Accepted(), Code: r.Code.String(), Reason: r.Reason,
		Message: r.Message, Height: r.Height, Index: r.Index, Block: r.Block, Time: jsonTime(r.Time), Gas: r.Gas,
		Sequences: append([]abi.Sequence{}, r.Sequences...), Replayed: r.Replayed,
	}
}

// submit sends operations as one transaction and prints the receipt.
func (a *app) submit(ctx context.Context, ops ...chain.Op) error {
	c, err := a.connect(nil)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := a.context(ctx)
	defer cancel()
	start := time.Now()
	r, err := c.Submit(ctx, ops...)
	if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, rpc.ErrNoMaster) {
		return a.late(c)
	}
	if err != nil {
		return err
	}
	return a.printReceipt(&r, time.Since(start))
}

// late says why a transaction got no receipt in time, as far as the master it was given to
// knows. What became of it is not known.
func (a *app) late(c *rpc.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), masterPatience)
	defer cancel()
	what := "no receipt"
	if s, err := c.Status(ctx); err == nil && s.Leader == "" {
		what = "no leader"
	}
	return &exitError{
		code: exitPending,
		err:  fmt.Errorf("%s within %v: whether the transaction takes effect is not known yet", what, a.timeout),
		hint: "more than half of the masters must be up: " + self() + " status" + a.flags(),
	}
}

func (a *app) printReceipt(r *rpc.Receipt, took time.Duration) error {
	if a.output == "json" {
		out := asReceipt(r)
		out.ElapsedMS = float64(took.Microseconds()) / 1000
		if err := a.printJSON(out); err != nil {
			return err
		}
		if !r.Accepted() {
			return &exitError{code: exitRefused, err: errors.New(r.Code.String()), said: true}
		}
		return nil
	}
	if !r.Accepted() {
		return refusal(r)
	}
	var seqs []string
	for _, s := range r.Sequences {
		seqs = append(seqs, fmt.Sprint(s))
	}
	line := fmt.Sprintf("block %d", r.Height)
	if len(seqs) > 0 {
		line += "  sequence " + strings.Join(seqs, ",")
	}
	fmt.Fprintf(a.stdout, "%s  tx %s\n", line, r.TxID)
	if r.Replayed {
		a.say("the transaction was in the chain already; this is its first receipt")
	}
	return nil
}
