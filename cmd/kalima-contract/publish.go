package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/registry"
)

func (a *app) publishCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "publish [PROJECT|BUNDLE]",
		Short: "put a version into the chain's registry",
		Long: `publish builds a project (default: the one in this folder) or takes a bundle, keeps
its bytes at the masters, and records the version with its digests on chain. It does not
run before a reviewer approved it. Acts as author unless --as says otherwise.`,
		Example: "  kalima-contract publish\n  kalima-contract publish build/meter-1.0.0.bundle --as author",
		Args:    args("[PROJECT|BUNDLE]"),
		RunE: func(cmd *cobra.Command, given []string) error {
			path := "."
			if len(given) > 0 {
				path = given[0]
			}
			return a.publish(cmd.Context(), path)
		},
	}
}

func (a *app) publish(ctx context.Context, path string) error {
	b, encoded, err := a.bundleOf(ctx, path)
	if err != nil {
		return err
	}
	body := b.Publish(encoded)
	op, err := systemOp(registry.OpPublish, body)
	if err != nil {
		return err
	}
	c, err := a.connect(asAuthor)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := a.context(ctx)
	defer cancel()
	kept, err := c.PutBlob(ctx, encoded)
	if err != nil {
		return err
	}
	if kept != body.Bundle {
		return &registry.DigestMismatch{Want: body.Bundle, Got: kept}
	}
	r, err := submit(ctx, c, op)
	if err != nil {
		return err
	}
	rec := registry.Record{Claims: body.Claims, Bundle: body.Bundle}
	if err := a.reportDid("published", rec, r, ""); err != nil {
		return err
	}
	a.next("approve %s %s%s", rec.Name, rec.Version, a.flags())
	return nil
}
