package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/registry"
)

func (a *app) approveCmd() *cobra.Command {
	var digest string
	cmd := &cobra.Command{
		Use:   "approve NAME VERSION",
		Short: "approve the exact bytes of a version",
		Long: `approve fetches a version's bundle, verifies its digest, compares its manifest with
what stands on chain, shows what it may do, and approves exactly these bytes. The author
of a version may not approve it. Acts as reviewer unless --as says otherwise.`,
		Example: "  kalima-contract approve meter 1.0.0\n  kalima-contract approve meter 1.0.0 --digest 61e067… --as reviewer",
		Args:    args("NAME", "VERSION"),
		RunE: func(cmd *cobra.Command, given []string) error {
			var want *abi.Digest
			if digest != "" {
				d, err := abi.ParseDigest(digest)
				if err != nil {
					return &exitError{code: exitUsage, err: err}
				}
				want = &d
			}
			return a.approve(cmd.Context(), given[0], given[1], want)
		},
	}
	cmd.Flags().StringVar(&digest, "digest", "", "approve only when the bundle has this digest")
	return cmd
}

func (a *app) approve(ctx context.Context, name, version string, want *abi.Digest) error {
	c, err := a.connect(asReviewer)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := a.context(ctx)
	defer cancel()
	rec, err := a.version(readRecords(ctx, c), name, version)
	if err != nil {
		return err
	}
	if want != nil && rec.Bundle != *want {
		return &registry.DigestMismatch{Want: *want, Got: rec.Bundle}
	}
	encoded, err := c.Blob(ctx, rec.Bundle)
	if err != nil {
		return fmt.Errorf("fetch bundle %s: %w", rec.Bundle.Short(), err)
	}
	b, err := registry.Open(encoded, rec.Bundle)
	if err != nil {
		return err
	}
	if err := rec.Check(b); err != nil {
		return &exitError{code: exitDigest, err: err, hint: "do not approve it: ask its author, " + who(rec.Published)}
	}
	tools := b.Toolchain
	if tools == "" {
		tools = "none: the source is what runs"
	}
	a.say("%s %s by %s, in %s", rec.Name, rec.Version, who(rec.Published), rec.Language)
	a.say("  phases  %s", strings.Join(rec.Phases, " "))
	a.say("  write   %s", joinPatterns(rec.Write))
	a.say("  submit  %s", joinPatterns(rec.Submit))
	a.say("  http    %s", orDash(strings.Join(rec.HTTP, " ")))
	a.say("  clock   %s", yesOrDash(rec.Clock))
	a.say("  tools   %s", tools)
	op, err := systemOp(registry.OpApprove, registry.Approve{Name: rec.Name, Version: rec.Version, Bundle: rec.Bundle})
	if err != nil {
		return err
	}
	r, err := submit(ctx, c, op)
	if err != nil {
		return err
	}
	if err := a.reportDid("approved", rec, r, ""); err != nil {
		return err
	}
	a.next("deploy %s %s --phase %s --pattern PATTERN%s", rec.Name, rec.Version, rec.Phases[0], a.flags())
	return nil
}

func yesOrDash(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

func who(s registry.Stamp) string {
	if s.Name != "" {
		return s.Name
	}
	return s.By.Short()
}

func (a *app) revokeCmd() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "revoke NAME VERSION",
		Short: "bar a version's bytes for ever",
		Long: `revoke bars the digest of a version on this chain for ever, under whatever name. Where
the version is deployed to validate, every event is refused until an operator undeploys
it or deploys another version. Acts as reviewer unless --as says otherwise.`,
		Example: "  kalima-contract revoke meter 1.0.0 --reason 'counts twice'",
		Args:    args("NAME", "VERSION"),
		RunE: func(cmd *cobra.Command, given []string) error {
			if reason == "" {
				return usageError(cmd, errors.New("--reason is missing"))
			}
			return a.revoke(cmd.Context(), given[0], given[1], reason)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for everyone to read on chain")
	return cmd
}

func (a *app) revoke(ctx context.Context, name, version, reason string) error {
	c, err := a.connect(asReviewer)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := a.context(ctx)
	defer cancel()
	rec, err := a.version(readRecords(ctx, c), name, version)
	if err != nil {
		return err
	}
	op, err := systemOp(registry.OpRevoke, registry.Revoke{Bundle: rec.Bundle, Reason: reason})
	if err != nil {
		return err
	}
	r, err := submit(ctx, c, op)
	if err != nil {
		return err
	}
	return a.reportDid("revoked", rec, r, "")
}
