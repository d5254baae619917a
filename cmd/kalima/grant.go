package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain/policy"
)

func (a *app) grantCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "grant",
		Short: "say what an identity may write and read: set, remove, ls",
		Long: `grant changes what an identity may write (PUB) and read (SUB), as address patterns.
Changes are transactions of an admin, so they act as "admin" unless --as names another.`,
		Example: `  kalima grant set press4 --pub '/plant1/line2/**' --sub '/plant1/**'
  kalima grant ls`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var pub, sub []string
	set := &cobra.Command{
		Use:   "set NAME",
		Short: "set what an identity may do; it replaces what it could before",
		Example: `  kalima grant set press4 --pub '/plant1/line2/press4/**' --sub '/plant1/**'
  kalima grant set press4 --sub '/plant1/**'`,
		Args: exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(pub)+len(sub) == 0 {
				return usageError(cmd, errors.New("neither --pub nor --sub is given; to take everything away: kalima grant remove NAME"))
			}
			g := policy.Grant{Pub: patterns(pub), Sub: patterns(sub)}
			if err := g.Check(); err != nil {
				return invalid(err)
			}
			id, err := a.member(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.administer(cmd.Context(), policy.OpGrantPut, policy.GrantBody{ID: id, Grant: g})
		},
	}
	set.Flags().StringSliceVar(&pub, "pub", nil, "pattern of addresses it may write; may be given more than once")
	set.Flags().StringSliceVar(&sub, "sub", nil, "pattern of addresses it may read; may be given more than once")
	cmd.AddCommand(set, &cobra.Command{
		Use:     "remove NAME",
		Short:   "take every grant from an identity",
		Example: "  kalima grant remove press4",
		Args:    exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := a.member(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.administer(cmd.Context(), policy.OpGrantRemove, policy.TargetBody{ID: id})
		},
	}, &cobra.Command{
		Use:     "ls",
		Short:   "list who may do what",
		Example: "  kalima grant ls",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listMembers(cmd.Context()) },
	})
	return cmd
}

func patterns(list []string) []abi.Pattern {
	var out []abi.Pattern
	for _, s := range list {
		out = append(out, abi.Pattern(s))
	}
	return out
}
