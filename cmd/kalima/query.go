package main

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/rpc"
)

func (a *app) queryCmd() *cobra.Command {
	var raw bool
	cmd := &cobra.Command{
		Use:   "query INSTANCE KEY [ARGUMENT]",
		Short: "ask a deployed contract",
		Long: `query runs the query entry of a deployed contract at a master, on the state as it is now,
and prints its answer. The contract sees KEY and ARGUMENT as the event's key and value, and
writes nothing. It needs a SUB grant for the contract's state, /_kalima/state/INSTANCE.`,
		Example: `  kalima query counter /plant1/press4
  kalima query counter /plant1/press4 -o json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 || len(args) > 3 {
				return invalid(fmt.Errorf("want INSTANCE, KEY and perhaps ARGUMENT, not %d arguments", len(args)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			q := rpc.QueryQ{Instance: args[0], Key: args[1]}
			if len(args) == 3 {
				q.Argument = []byte(args[2])
			}
			c, err := a.connect(nil)
			if err != nil {
				return err
			}
			defer c.Close()
			ctx, cancel := a.context(cmd.Context())
			defer cancel()
			r, err := c.Query(ctx, q)
			if rpc.Code(err) == rpc.CodeNotFound {
				return &exitError{code: exitNotFound, err: err, hint: "see what is deployed: kalima-contract status"}
			}
			if err != nil {
				return err
			}
			if r.Code != abi.OK {
				f := abi.Fault{Code: r.Code, Reason: r.Reason, Message: r.Message}
				return &exitError{code: exitRefused, err: fmt.Errorf("contract %s: %w", args[0], &f)}
			}
			if a.output == "json" {
				return a.printJSON(struct {
					SchemaVersion int    `json:"schemaVersion"`
					Instance      string `json:"instance"`
					Key           string `json:"key"`
					valueJSON
					Height abi.Height `json:"height"`
					Gas    uint64     `json:"gas"`
				}{schemaVersion, args[0], args[1], asJSON(r.Reply), r.Height, r.Gas})
			}
			if !raw && !bytes.HasSuffix(r.Reply, []byte("\n")) {
				r.Reply = append(r.Reply, '\n')
			}
			_, err = a.stdout.Write(r.Reply)
			return err
		},
	}
	cmd.Flags().BoolVar(&raw, "raw", false, "print the bytes of the answer only")
	return cmd
}
