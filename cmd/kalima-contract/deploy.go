package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/registry"
)

func (a *app) deployCmd() *cobra.Command {
	var patterns, phases []string
	var instance string
	var granted registry.Capabilities
	cmd := &cobra.Command{
		Use:   "deploy NAME VERSION --phase PHASE --pattern PATTERN",
		Short: "bind an approved version to addresses",
		Long: `deploy binds an approved version to the addresses that a pattern selects, in a phase:
validate runs at the masters and may refuse an event, react runs at clients after it. Both
flags may be given several times; it is one transaction, whole or not at all.

A deployed contract is an instance; its state is under the instance's name. Deploying
another version under the same instance moves all its bindings to that version.
A version that has the phase migrate runs it once, when it replaces another one.

A react contract may send requests and read the clock only if its manifest says so (http
and clock in kalima.toml) and --http and --clock grant it, each time it is deployed. What
a react contract did wrong stands in the log of its client, not in a block.
Acts as operator unless --as says otherwise.`,
		Example: "  kalima-contract deploy meter 1.0.0 --phase validate --pattern '/plant/**'\n  kalima-contract deploy meter 1.0.0 --instance meter-east --phase validate --phase react --pattern '/plant/east/*'",
		Args:    args("NAME", "VERSION"),
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(phases) == 0 || len(patterns) == 0 {
				return usageError(cmd, errors.New("--phase and --pattern are needed"))
			}
			return a.deploy(cmd.Context(), registry.Deploy{Name: given[0], Version: given[1], Instance: instance, Capabilities: granted}, phases, patterns)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&phases, "phase", nil, "validate, react or query")
	f.StringArrayVar(&patterns, "pattern", nil, "addresses, such as /plant/line1 or '/plant/**'")
	f.StringArrayVar(&granted.HTTP, "http", nil, "origin it may send requests to, such as https://api.example.com")
	f.BoolVar(&granted.Clock, "clock", false, "let it read the node's clock")
	f.StringVar(&instance, "instance", "", "name to deploy under (default: NAME)")
	_ = cmd.RegisterFlagCompletionFunc("phase", completePhases)
	return cmd
}

func completePhases(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{abi.Validate.String(), abi.React.String(), abi.Query.String()}, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) deploy(ctx context.Context, d registry.Deploy, phases, patterns []string) error {
	if d.Instance == "" {
		d.Instance = d.Name
	}
	slices.Sort(d.HTTP)
	for _, p := range patterns {
		if _, err := abi.ParsePattern(p); err != nil {
			return &exitError{code: exitUsage, err: err}
		}
	}
	c, err := a.connect(asOperator)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := a.context(ctx)
	defer cancel()
	records := readRecords(ctx, c)
	rec, err := a.version(records, d.Name, d.Version)
	if err != nil {
		return err
	}
	before, err := registry.InstanceBindings(records, d.Instance)
	if err := errors.Join(records.err, err); err != nil {
		return err
	}
	d.Bundle = rec.Bundle
	var ops []chain.Op
	for _, phase := range phases {
		for _, pattern := range patterns {
			d.Phase, d.Pattern = phase, abi.Pattern(pattern)
			op, err := systemOp(registry.OpDeploy, d)
			if err != nil {
				return err
			}
			ops = append(ops, op)
		}
	}
	r, err := submit(ctx, c, ops...)
	if err != nil {
		return err
	}
	if len(before) > 0 && before[0].Version != rec.Version {
		a.say("instance %s moved from %s to %s", d.Instance, before[0].Version, rec.Version)
	}
	if err := a.reportDid("deployed", rec, r, fmt.Sprintf("%s as %s on %s", strings.Join(phases, " and "), d.Instance, strings.Join(patterns, " "))); err != nil {
		return err
	}
	if held := withheld(rec.Capabilities, d.Capabilities); len(held) > 0 && slices.Contains(phases, abi.React.String()) {
		a.say("note: not granted, and a call that needs it fails: %s", strings.Join(held, " "))
	}
	return nil
}

// withheld lists the flags that would grant what a contract declares and is not granted.
func withheld(declared, granted registry.Capabilities) []string {
	var flags []string
	for _, origin := range declared.HTTP {
		if !slices.Contains(granted.HTTP, origin) {
			flags = append(flags, "--http "+origin)
		}
	}
	if declared.Clock && !granted.Clock {
		flags = append(flags, "--clock")
	}
	return flags
}

func (a *app) undeployCmd() *cobra.Command {
	var pattern, phase string
	cmd := &cobra.Command{
		Use:   "undeploy INSTANCE",
		Short: "remove a deployed contract from its addresses",
		Long: `undeploy removes the bindings of an instance, or the one that --phase and --pattern
name. The instance's state stays. Acts as operator unless --as says otherwise.`,
		Example: "  kalima-contract undeploy meter\n  kalima-contract undeploy meter --phase react --pattern '/plant/**'",
		Args:    args("INSTANCE"),
		RunE: func(cmd *cobra.Command, given []string) error {
			if (pattern == "") != (phase == "") {
				return usageError(cmd, errors.New("--phase and --pattern go together"))
			}
			return a.undeploy(cmd.Context(), registry.Undeploy{Instance: given[0], Phase: phase, Pattern: abi.Pattern(pattern)})
		},
	}
	f := cmd.Flags()
	f.StringVar(&phase, "phase", "", "validate or react")
	f.StringVar(&pattern, "pattern", "", "the pattern it is deployed on")
	_ = cmd.RegisterFlagCompletionFunc("phase", completePhases)
	return cmd
}

func (a *app) undeploy(ctx context.Context, u registry.Undeploy) error {
	op, err := systemOp(registry.OpUndeploy, u)
	if err != nil {
		return err
	}
	c, err := a.connect(asOperator)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := a.context(ctx)
	defer cancel()
	r, err := submit(ctx, c, op)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.printJSON(struct {
			SchemaVersion int        `json:"schemaVersion"`
			Did           string     `json:"did"`
			Instance      string     `json:"instance"`
			TxID          abi.TxID   `json:"tx"`
			Height        abi.Height `json:"height"`
		}{schemaVersion, "undeployed", u.Instance, r.TxID, r.Height})
	}
	_, err = fmt.Fprintf(a.stdout, "undeployed %s, block %d\n", u.Instance, r.Height)
	return err
}
