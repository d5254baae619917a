package main

import (
	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/chain"
)

func (a *app) deleteCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "delete ADDRESS KEY",
		Short: "delete a key",
		Long: `delete signs a transaction that takes a key's current value away. Its history stays:
nothing leaves the chain.`,
		Example: "  kalima delete /plant1/line2/press4 temperature",
		Args:    exactArgs("ADDRESS", "KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := target(args[0], args[1])
			if err != nil {
				return err
			}
			return a.submit(cmd.Context(), chain.Delete(address, args[1]))
		},
	}
}
