package main

import (
	"github.com/spf13/cobra"
)

func (a *app) benchCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "measure this machine: chain, engine",
		Long: `bench measures what the chain and the contract engine do on this machine, and prints
beside it what the machine itself can do: a figure without those says little.`,
		Example: "  kalima bench chain --size 200\n  kalima bench engine",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.benchChainCmd(), a.benchEngineCmd())
	return cmd
}
