package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
)

func (a *app) blockCmd() *cobra.Command {
	var raw bool
	cmd := &cobra.Command{
		Use:   "block HEIGHT",
		Short: "show a block",
		Long: `block shows the header of a block and each of its transactions with its outcome.
HEIGHT may be "head". --raw prints the block's bytes as stored: CBOR, see chain/doc.go.`,
		Example: `  kalima block head
  kalima block 0 -o json
  kalima block 42 --raw > 42.cbor`,
		Args: exactArgs("HEIGHT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var height abi.Height
			if args[0] != "head" {
				n, err := strconv.ParseUint(args[0], 10, 63)
				if err != nil {
					return invalid(fmt.Errorf("height %q: want a number, or head", args[0]))
				}
				height = abi.Height(n)
			}
			c, err := a.connect(nil)
			if err != nil {
				return err
			}
			defer c.Close()
			ctx, cancel := a.context(cmd.Context())
			defer cancel()
			if args[0] == "head" {
				head, err := c.Head(ctx)
				if err != nil {
					return err
				}
				height = head.Height
			}
			blocks, err := c.Blocks(ctx, height, 1)
			if err == nil && len(blocks) == 0 || rpc.Code(err) == rpc.CodeNotFound {
				return &exitError{code: exitNotFound, err: fmt.Errorf("there is no block %d yet", height),
					hint: "the newest one: " + self() + " block head" + a.flags()}
			}
			if err != nil {
				return err
			}
			if raw {
				_, err := a.stdout.Write(blocks[0])
				return err
			}
			b, err := chain.DecodeBlock(blocks[0])
			if err != nil {
				return err
			}
			if a.output == "json" {
				return a.printJSON(asBlock(b))
			}
			showBlock(a.stdout, b)
			return nil
		},
	}
	cmd.Flags().BoolVar(&raw, "raw", false, "print the block's bytes")
	return cmd
}

type blockJSON struct {
	SchemaVersion int          `json:"schemaVersion"`
	Height        abi.Height   `json:"height"`
	Hash          abi.Digest   `json:"hash"`
	Parent        abi.Digest   `json:"parent"`
	Chain         abi.Digest   `json:"chain"`
	Time          string       `json:"time"`
	Term          uint64       `json:"term"`
	Leader        abi.Identity `json:"leader"`
	Root          abi.Digest   `json:"entries_root"`
	Engine        abi.Digest   `json:"engine"`
	Bytes         int          `json:"bytes"`
	Transactions  []entryJSON  `json:"transactions"`
}

type entryJSON struct {
	Tx         *abi.TxID     `json:"tx,omitempty"` // none in the genesis block
	Sender     *abi.Identity `json:"sender,omitempty"`
	ValidUntil abi.Height    `json:"valid_until,omitempty"`
	Code       string        `json:"code"`
	Reason     int32         `json:"reason,omitempty"`
	Message    string        `json:"message,omitempty"`
	Gas        uint64        `json:"gas"`
	Operations []opJSON      `json:"operations"`
	Events     []eventJSON   `json:"events"`
	Reads      []readJSON    `json:"reads,omitempty"`
}

type opJSON struct {
	Kind      string      `json:"kind"`
	Address   abi.Address `json:"address,omitempty"`
	Key       string      `json:"key,omitempty"`
	ToAddress abi.Address `json:"to_address,omitempty"`
	ToKey     string      `json:"to_key,omitempty"`
	Name      string      `json:"name,omitempty"`
	At        string      `json:"at,omitempty"`
	valueJSON
}

type readJSON struct {
	Address abi.Address `json:"address"`
	Key     string      `json:"key"`
}

var opNames = map[chain.OpKind]string{chain.OpPut: "put", chain.OpDelete: "delete", chain.OpMove: "move", chain.OpSystem: "system"}

func asOp(o *chain.Op) opJSON {
	out := opJSON{Kind: opNames[o.Kind], Address: o.Address, Key: o.Key, ToAddress: o.ToAddress, ToKey: o.ToKey, Name: o.Name, At: jsonTime(o.At)}
	switch o.Kind {
	case chain.OpPut:
		out.valueJSON = asJSON(o.Value)
	case chain.OpSystem:
		out.valueJSON = asJSON(o.Body)
	}
	return out
}

func asBlock(b *chain.Block) blockJSON {
	h := &b.Header
	out := blockJSON{
		SchemaVersion: schemaVersion, Height: h.Height, Hash: b.Hash, Parent: h.Parent, Chain: h.Chain, Time: jsonTime(h.Time),
		Term: h.Term, Leader: h.Leader, Root: h.Root, Engine: h.Engine, Bytes: len(b.Bytes()), Transactions: make([]entryJSON, len(b.Entries)),
	}
	for i := range b.Entries {
		o, e := &b.Entries[i].Outcome, &out.Transactions[i]
		*e = entryJSON{Code: o.Code.String(), Reason: o.Reason, Message: o.Message, Gas: o.Gas, Operations: []opJSON{}, Events: []eventJSON{}}
		for _, r := range o.Reads {
			e.Reads = append(e.Reads, readJSON{r.Address, r.Key})
		}
		if tx := b.Tx(i); tx != nil {
			e.Tx, e.Sender, e.ValidUntil = &tx.ID, &tx.Sender, tx.ValidUntil
			for j := range tx.Ops {
				e.Operations = append(e.Operations, asOp(&tx.Ops[j]))
			}
		}
	}
	for _, ev := range b.Events() {
		wire := rpc.FromEvent(&ev)
		j := asEvent(&wire)
		j.SchemaVersion = 0
		e := &out.Transactions[ev.Index]
		e.Events = append(e.Events, j)
	}
	return out
}

func showBlock(w io.Writer, b *chain.Block) {
	h := &b.Header
	fmt.Fprintf(w, "block %d  %s UTC  %s  %s\n", h.Height, stamp(h.Time), count(len(b.Entries), "transaction"), count(len(b.Bytes()), "byte"))
	fmt.Fprintf(w, "  hash          %s\n  parent        %s\n  entries root  %s\n  leader        %s  term %d\n", b.Hash, h.Parent, h.Root, h.Leader.Short(), h.Term)
	events := b.Events()
	for i := range b.Entries {
		o := &b.Entries[i].Outcome
		fmt.Fprintln(w)
		if tx := b.Tx(i); tx != nil {
			fmt.Fprintf(w, "  %d  tx %s  by %s\n", i, tx.ID, tx.Sender.Short())
		} else {
			fmt.Fprintf(w, "  %d  the genesis document\n", i)
		}
		showOutcome(w, "     ", o)
		if tx := b.Tx(i); tx != nil {
			for j := range tx.Ops {
				showOp(w, "     ", &tx.Ops[j])
			}
		}
		for _, e := range events {
			if int(e.Index) == i {
				fmt.Fprintf(w, "     event   %s %s = %s  sequence %d\n", e.Address, printable(e.Key), show(e.Value, 48), e.Sequence)
			}
		}
	}
}

func showOutcome(w io.Writer, indent string, o *chain.Outcome) {
	f := abi.Fault{Code: o.Code, Reason: o.Reason, Message: o.Message}
	line := indent + "outcome " + printable(f.Error())
	if o.Gas > 0 {
		line += fmt.Sprintf("  gas %s", thousands(o.Gas))
	}
	fmt.Fprintln(w, line)
}

func showOp(w io.Writer, indent string, o *chain.Op) {
	switch o.Kind {
	case chain.OpPut:
		fmt.Fprintf(w, "%sput     %s %s = %s", indent, o.Address, printable(o.Key), show(o.Value, 48))
		if o.At != 0 {
			fmt.Fprintf(w, "  measured %s", stamp(o.At))
		}
		fmt.Fprintln(w)
	case chain.OpDelete:
		fmt.Fprintf(w, "%sdelete  %s %s\n", indent, o.Address, printable(o.Key))
	case chain.OpMove:
		fmt.Fprintf(w, "%smove    %s %s to %s %s\n", indent, o.Address, printable(o.Key), o.ToAddress, printable(o.ToKey))
	case chain.OpSystem:
		fmt.Fprintf(w, "%ssystem  %s %s\n", indent, o.Name, show(o.Body, 60))
	}
}
