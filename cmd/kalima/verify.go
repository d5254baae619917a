package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/cmd/kalima/internal/verify"
	"github.com/kalima-chain/kalima/node/rpc"
)

func (a *app) verifyCmd() *cobra.Command {
	var which string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "check every block, signature and hash of a master's chain",
		Long: `verify asks a master for every block and checks them here, trusting nothing it says:

  form       each block decodes, fits its limits, and its entries give the root it names
  links      each block names the hash of the one before, and time never goes back
  signature  every transaction verifies, is in the chain once, and within its validity
  policy     every sender was known and had a grant for what it changed
  replay     sequences have no gap, and the blocks lead to the state that the master has
  ledger     tree root and ledger hash are the ones the master states
  disk       the master reads its files again, past its caches, and finds no damage

It names each wrong place and goes on. Exit code 1 when anything is wrong.`,
		Example: `  kalima verify
  kalima verify --master all
  kalima verify --master master-3 -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.profile()
			if err != nil {
				return err
			}
			masters, err := pickMasters(p, which)
			if err != nil {
				return err
			}
			return a.verify(cmd.Context(), p, masters)
		},
	}
	cmd.Flags().StringVar(&which, "master", "", "name of a master, or all (default: the first that answers)")
	return cmd
}

func pickMasters(p *rpc.Profile, which string) ([]*rpc.MasterInfo, error) {
	var all []*rpc.MasterInfo
	var names []string
	for i := range p.Masters {
		m := &p.Masters[i]
		if m.Name == which {
			return []*rpc.MasterInfo{m}, nil
		}
		all, names = append(all, m), append(names, m.Name)
	}
	switch which {
	case "":
		return []*rpc.MasterInfo{nil}, nil
	case "all":
		return all, nil
	}
	return nil, invalid(fmt.Errorf("no master %q; there are: %s", which, strings.Join(names, ", ")))
}

// masterReport is what verify found at one master.
type masterReport struct {
	Master string `json:"master"`
	OK     bool   `json:"ok"`
	Error  string `json:"error,omitempty"` // the check could not be made
	*verify.Report
}

func (a *app) verify(ctx context.Context, p *rpc.Profile, masters []*rpc.MasterInfo) error {
	reports, ok := []masterReport{}, true
	for _, m := range masters {
		r, err := a.verifyOne(ctx, p, m)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if len(masters) == 1 {
				return err
			}
			r.Error = err.Error()
		}
		r.OK = err == nil && r.Clean()
		ok = ok && r.OK
		reports = append(reports, r)
		if a.output != "json" {
			a.showReport(&r)
		}
	}
	agree := a.compare(reports)
	if a.output == "json" {
		if err := a.printJSON(struct {
			SchemaVersion int            `json:"schemaVersion"`
			OK            bool           `json:"ok"`
			Masters       []masterReport `json:"masters"`
		}{schemaVersion, ok && agree, reports}); err != nil {
			return err
		}
	}
	if !ok || !agree {
		return &exitError{code: exitFailure, err: errors.New("something is wrong"), said: true}
	}
	return nil
}

func (a *app) verifyOne(ctx context.Context, p *rpc.Profile, m *rpc.MasterInfo) (masterReport, error) {
	r := masterReport{}
	if m != nil {
		r.Master = m.Name
	}
	c, err := a.dial(p, m)
	if err != nil {
		return r, err
	}
	defer c.Close()
	first, cancel := a.context(ctx)
	status, err := c.Status(first)
	cancel()
	if err != nil {
		return r, err
	}
	if r.Master = status.Name; m == nil { // every later question must go to the same master
		for i := range p.Masters {
			if p.Masters[i].Name == status.Name {
				return a.verifyOne(ctx, p, &p.Masters[i])
			}
		}
		return r, fmt.Errorf("master %s is not in the profile", status.Name)
	}
	var done, head abi.Height
	bar := newProgress(a, func() string {
		return fmt.Sprintf("%s: %s of %s", r.Master, thousands(done), count(head, "block"))
	})
	r.Report, err = verify.Run(ctx, c, p.Chain, func(d, h abi.Height) {
		done, head = d, h
		bar.update()
	})
	bar.clear()
	return r, err
}

func (a *app) showReport(r *masterReport) {
	if r.Error != "" {
		fmt.Fprintf(a.stdout, "%s  NOT CHECKED  %s\n", r.Master, r.Error)
		return
	}
	verdict := "ok  "
	if !r.OK {
		verdict = "WRONG"
	}
	fmt.Fprintf(a.stdout, "%s  %s  %s, %s, %s, ledger %s\n", r.Master, verdict, count(r.Blocks, "block"),
		count(r.Transactions, "signature"), count(r.Events, "event"), ledgerShort(r.LedgerHash))
	for _, p := range r.Problems {
		fmt.Fprintf(a.stdout, "  block %d: %s\n", p.Height, p.What)
	}
	for _, d := range r.Disk {
		fmt.Fprintf(a.stdout, "  on its disk: %s\n", d)
	}
	if r.More {
		fmt.Fprintf(a.stdout, "  and more; the first %d are shown\n", verify.MaxProblems)
	}
}

func ledgerShort(d abi.Digest) string {
	if d == (abi.Digest{}) {
		return "not known"
	}
	return d.Short()
}

// compare finds masters that are clean, and yet differ at the same height.
func (a *app) compare(reports []masterReport) bool {
	first := map[abi.Height]*masterReport{}
	agree := true
	for i := range reports {
		r := &reports[i]
		if r.Report == nil || !r.Clean() {
			continue
		}
		f, ok := first[r.Height]
		if !ok {
			first[r.Height] = r
			continue
		}
		if f.LedgerHash != r.LedgerHash {
			agree = false
			if a.output != "json" {
				fmt.Fprintf(a.stdout, "%s and %s differ at height %d: ledger %s and %s\n", f.Master, r.Master, r.Height, f.LedgerHash.Short(), r.LedgerHash.Short())
			}
		}
	}
	return agree
}
