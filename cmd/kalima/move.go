package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/chain"
)

func (a *app) moveCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "move ADDRESS KEY TO-ADDRESS [TO-KEY]",
		Short: "carry a key's value to another key",
		Long: `move carries the current value of a key to another key, in one transaction: no reader
ever sees both or neither. Without TO-KEY the key keeps its name.`,
		Example: "  kalima move /plant1/incoming order-17 /plant1/line2 order-17",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 3 {
				return nil
			}
			return exactArgs("ADDRESS", "KEY", "TO-ADDRESS", "TO-KEY")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 3 {
				args = append(args, args[1])
			}
			from, err := target(args[0], args[1])
			if err != nil {
				return err
			}
			to, err := target(args[2], args[3])
			if err != nil {
				return err
			}
			if from == to && args[1] == args[3] {
				return invalid(errors.New("move to itself"))
			}
			return a.submit(cmd.Context(), chain.Move(from, args[1], to, args[3]))
		},
	}
}
