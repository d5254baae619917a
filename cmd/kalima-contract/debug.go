package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/cmd/kalima-contract/internal/replay"
	"github.com/kalima-chain/kalima/devsecops/local"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

func (a *app) debugCmd() *cobra.Command {
	var with string
	var trace bool
	cmd := &cobra.Command{
		Use:   "debug TX",
		Short: "run a transaction of the chain again, here, and compare",
		Long: `debug fetches a transaction, its block, the bundles that were deployed and the values
that stood in the chain just before it, and runs it again in the engine that masters use. It
shows what the contracts did, with the source line of a fault, and whether outcome, gas,
writes and reads are those of the block. It exits with 3 when they are not.

--with runs another bundle, or project, of the same name in place of what was deployed: does
the repaired contract take the event that the old one refused?

React contracts run at clients, not in blocks: try those with kalima-contract run. Whoever
asks needs a SUB grant for /**.`,
		Example: "  kalima-contract debug e90371344e8b41fc70a3f9907c43cecd34815a00ad549a02c45f88ad8a77705e --trace\n" +
			"  kalima-contract debug e90371344e8b41fc70a3f9907c43cecd34815a00ad549a02c45f88ad8a77705e --with meter",
		Args: args("TX"),
		RunE: func(cmd *cobra.Command, given []string) error {
			id, err := abi.ParseDigest(given[0])
			if err != nil {
				return usageError(cmd, fmt.Errorf("transaction: %w", err))
			}
			return a.debug(cmd.Context(), id, with, trace)
		},
	}
	cmd.Flags().StringVar(&with, "with", "", "bundle or project to run in place of the deployed one of its name")
	cmd.Flags().BoolVar(&trace, "trace", false, "list every call of a host function")
	return cmd
}

// debugged is what debug prints.
type debugged struct {
	SchemaVersion int                 `json:"schemaVersion"`
	TxID          abi.TxID            `json:"tx"`
	Height        abi.Height          `json:"height"`
	Index         uint32              `json:"index"`
	Equal         bool                `json:"equal"`
	Differences   []replay.Difference `json:"differences"`
	SameEngine    bool                `json:"same_engine"`
	Calls         []called            `json:"calls"`
}

func (a *app) debug(ctx context.Context, id abi.TxID, with string, trace bool) error {
	cfg := replay.Config{Trace: trace, Symbols: a.symbols}
	var instead *registry.Bundle
	if with != "" {
		var err error
		if instead, cfg.With, err = a.bundleOf(ctx, with); err != nil {
			return err
		}
	}
	c, err := a.connect("")
	if err != nil {
		return err
	}
	defer c.Close()
	var ok bool
	if cfg.Source, ok = c.(replay.Source); !ok {
		return errors.New("this client can not ask for a chain's past")
	}
	ctx, cancel := a.context(ctx)
	defer cancel()
	runtimes := map[string]host.Runtime{}
	defer func() {
		for _, rt := range runtimes {
			rt.Close()
		}
	}()
	cfg.Runtimes = map[string]host.Runtime{}
	for _, l := range registry.Languages() { // those of one engine share it
		rt := runtimes[l.Runtime()]
		if rt == nil {
			if rt, err = newRuntime(l); err != nil {
				return err
			}
			runtimes[l.Runtime()] = rt
		}
		cfg.Runtimes[string(l)] = rt
	}
	r, err := replay.Tx(ctx, cfg, id)
	if err != nil {
		return err
	}
	return a.reportDebug(r, instead)
}

func (a *app) reportDebug(r *replay.Run, with *registry.Bundle) error {
	d := debugged{
		SchemaVersion: schemaVersion, TxID: r.Tx.ID, Height: r.Block.Header.Height, Index: r.Index,
		Differences: r.Differences(), SameEngine: r.Engine, Calls: []called{},
	}
	d.Equal = len(d.Differences) == 0
	for _, c := range r.Calls {
		d.Calls = append(d.Calls, report(c.Bundle, local.Step{Call: c.Call, Result: c.Result, Limits: c.Limits}, c.Trace))
	}
	if a.output == "json" {
		if err := a.printJSON(d); err != nil {
			return err
		}
	} else {
		a.printDebug(r, &d)
		if n := len(d.Calls); with == nil && d.Equal && r.There().Code != abi.OK && n > 0 && d.Calls[n-1].Phase != abi.Migrate.String() {
			a.next("debug %s --with PROJECT%s", d.TxID, a.flags())
		}
	}
	if with != nil && !ran(r.Calls, with) {
		return &exitError{code: exitNotFound, err: fmt.Errorf("%s %s did not run in this transaction, so nothing was tried", with.Manifest.Name, with.Manifest.Version), hint: "the calls above say which contracts did"}
	}
	if !d.Equal {
		return &exitError{code: exitFindings, err: errors.New("the transaction does not end as in its block"), said: true}
	}
	return nil
}

// ran says whether one of the calls ran the bundle.
func ran(calls []replay.Call, b *registry.Bundle) bool {
	return slices.ContainsFunc(calls, func(c replay.Call) bool {
		return c.Bundle.Manifest.Name == b.Manifest.Name && bytes.Equal(c.Bundle.Source, b.Source)
	})
}

func (a *app) printDebug(r *replay.Run, d *debugged) {
	there := r.There()
	table(a.stdout, [][]string{
		{"tx", d.TxID.String()},
		{"block", fmt.Sprintf("%d, entry %d", d.Height, d.Index)},
		{"outcome", replay.Ending(there)},
		{"gas", strconv.FormatUint(there.Gas, 10)},
	})
	for i, c := range d.Calls {
		fmt.Fprintf(a.stdout, "\ncall %d, for %s %s\n", i+1, r.Calls[i].Call.Address, shown([]byte(r.Calls[i].Call.Key)))
		c.print(a.stdout)
	}
	if len(d.Calls) == 0 {
		fmt.Fprintln(a.stdout, "\nno contract ran")
	}
	fmt.Fprintln(a.stdout)
	if d.Equal {
		fmt.Fprintf(a.stdout, "equal: outcome, gas, %s and %s are those of the block\n", count(len(there.Writes), "write"), count(len(there.Reads), "read"))
		return
	}
	fmt.Fprintln(a.stdout, "DIFFERENT: - in the block, + here")
	for _, x := range d.Differences {
		fmt.Fprintf(a.stdout, "  %s\n", x.What)
		for _, side := range []struct{ sign, text string }{{"-", x.Block}, {"+", x.Here}} {
			if side.text == "" {
				side.text = "none"
			}
			fmt.Fprintf(a.stdout, "    %s %s\n", side.sign, side.text)
		}
	}
	if !d.SameEngine {
		a.say("the block names another engine (gas prices, limits or languages) than this program has: gas may differ for that alone")
	}
}
