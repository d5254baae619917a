package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/rpc"
)

func (a *app) getCmd() *cobra.Command {
	var raw bool
	cmd := &cobra.Command{
		Use:   "get ADDRESS KEY",
		Short: "print a key's current value",
		Long: `get prints the current value of a key, with a line end. --raw prints its bytes and
nothing else. A key without a value is exit code 5.`,
		Example: `  kalima get /plant1/line2/press4 temperature
  kalima get /plant1/line2/press4 manual --raw > manual.pdf
  kalima get /plant1/line2/press4 temperature -o json`,
		Args: exactArgs("ADDRESS", "KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := readable(args[0], args[1])
			if err != nil {
				return err
			}
			c, err := a.connect(nil)
			if err != nil {
				return err
			}
			defer c.Close()
			ctx, cancel := a.context(cmd.Context())
			defer cancel()
			item, err := c.Get(ctx, address, args[1])
			if rpc.Code(err) == rpc.CodeNotFound {
				return &exitError{code: exitNotFound, err: fmt.Errorf("%s has no key %q", address, args[1]),
					hint: "see what is there: " + self() + " ls " + shellWord(args[0]) + a.flags()}
			}
			if err != nil {
				return err
			}
			switch {
			case a.output == "json":
				return a.printJSON(asItem(&item))
			case raw:
				_, err = a.stdout.Write(item.Value)
				return err
			}
			if _, _, tty := terminal(a.stdout); tty && bytes.IndexByte(item.Value, 0) >= 0 {
				return &exitError{code: exitFailure, err: errors.New("the value is binary, which would confuse the terminal"),
					hint: "write it to a file: " + self() + " get " + shellWord(args[0]) + " " + shellWord(args[1]) + " --raw > FILE"}
			}
			if !bytes.HasSuffix(item.Value, []byte("\n")) {
				item.Value = append(item.Value, '\n')
			}
			_, err = a.stdout.Write(item.Value)
			return err
		},
	}
	cmd.Flags().BoolVar(&raw, "raw", false, "print the bytes only")
	return cmd
}

// itemJSON is a current value for programs.
type itemJSON struct {
	SchemaVersion int         `json:"schemaVersion,omitempty"`
	Address       abi.Address `json:"address"`
	Key           string      `json:"key"`
	valueJSON
	Sequence abi.Sequence `json:"sequence"`
	Height   abi.Height   `json:"height"`
	Index    uint32       `json:"index"`
	Time     string       `json:"time"`
	At       string       `json:"at,omitempty"`
	Sender   abi.Identity `json:"sender"`
}

func asItem(i *rpc.Item) itemJSON {
	return itemJSON{
		SchemaVersion: schemaVersion, Address: i.Address, Key: i.Key, valueJSON: asJSON(i.Value), Sequence: i.Sequence,
		Height: i.Height, Index: i.Index, Time: jsonTime(i.Time), At: jsonTime(i.At), Sender: i.Sender,
	}
}
