package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

// masterPatience is how long status waits for one master: the others are shown anyway.
const masterPatience = 3 * time.Second

func (a *app) statusCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "ask every master how it is, and say what is wrong",
		Long: `status asks every master of the profile about itself, side by side, and says in words
what is wrong: a master that does not answer, one that is behind, ledger hashes that
differ at the same height, no leader. Exit code 1 when the chain can not take
transactions, or when ledgers differ.`,
		Example: `  kalima status
  kalima status -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.profile()
			if err != nil {
				return err
			}
			all, err := a.askAll(cmd.Context(), p)
			if err != nil {
				return err
			}
			if cmd.Context().Err() != nil {
				return cmd.Context().Err()
			}
			for i := range all { // whom one master does not know, none does
				var refused *transport.RefusedError
				if errors.As(all[i].err, &refused) {
					return all[i].err
				}
			}
			return a.printStatus(p, all)
		},
	}
}

// masterStatus is what one master said, or why it did not.
type masterStatus struct {
	info   rpc.MasterInfo
	status *rpc.StatusA
	err    error
}

// askAll asks every master at once.
func (a *app) askAll(ctx context.Context, p *rpc.Profile) ([]masterStatus, error) {
	patience := masterPatience
	if a.timeout > 0 {
		patience = min(patience, a.timeout)
	}
	out := make([]masterStatus, len(p.Masters))
	var wg sync.WaitGroup
	for i := range p.Masters {
		c, err := a.dial(p, &p.Masters[i])
		if err != nil {
			return nil, err
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer c.Close()
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			out[i].info = p.Masters[i]
			s, err := c.Status(ctx)
			if err != nil {
				out[i].err = err
				return
			}
			out[i].status = &s
		}()
	}
	wg.Wait()
	return out, nil
}

// diagnose says what is wrong, worst first, and whether the chain works.
func diagnose(all []masterStatus) (findings []string, works bool) {
	up, leader := 0, ""
	var head abi.Height
	ledgers := map[abi.Height]*rpc.StatusA{}
	works = true
	for i := range all {
		m := &all[i]
		if m.status == nil {
			continue
		}
		s := m.status
		up++
		if s.Role == "leader" {
			leader = s.Name
		}
		head = max(head, s.Head.Height)
		if other, ok := ledgers[s.Head.Height]; !ok {
			ledgers[s.Head.Height] = s
		} else if other.LedgerHash != s.LedgerHash {
			works = false
			findings = append(findings, fmt.Sprintf("%s and %s have different ledgers at height %d: %s and %s",
				other.Name, s.Name, s.Head.Height, other.LedgerHash.Short(), s.LedgerHash.Short()))
		}
	}
	need := len(all)/2 + 1
	switch {
	case up < need:
		works = false
		findings = append(findings, fmt.Sprintf("%d of %d masters answer, %d are needed: nothing new can be ordered", up, len(all), need))
	case leader == "":
		works = false
		findings = append(findings, "there is no leader at the moment: nothing can be ordered until the masters have chosen one")
	}
	for i := range all {
		m := &all[i]
		switch s := m.status; {
		case s == nil:
			findings = append(findings, fmt.Sprintf("%s does not answer: %s", m.info.Name, why(m.err)))
		case head > s.Head.Height+100:
			findings = append(findings, fmt.Sprintf("%s is %s behind", s.Name, count(head-s.Head.Height, "block")))
		}
	}
	return findings, works
}

// why says in a few words why a master did not answer.
func why(err error) string {
	var refused *transport.RefusedError
	var wrong *transport.WrongKeyError
	switch {
	case errors.As(err, &refused):
		return refused.Error()
	case errors.As(err, &wrong):
		return "another node has its address: " + wrong.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, rpc.ErrNoMaster):
		return "nothing listens there, or nothing comes through"
	}
	return err.Error()
}

type statusJSON struct {
	SchemaVersion int                `json:"schemaVersion"`
	Chain         abi.Digest         `json:"chain"`
	OK            bool               `json:"ok"`
	Findings      []string           `json:"findings"`
	Masters       []masterStatusJSON `json:"masters"`
}

type masterStatusJSON struct {
	Name       string      `json:"name"`
	Address    string      `json:"address"`
	Up         bool        `json:"up"`
	Role       string      `json:"role,omitempty"`
	Leader     string      `json:"leader,omitempty"`
	Term       uint64      `json:"term,omitempty"`
	Height     abi.Height  `json:"height"`
	Hash       *abi.Digest `json:"hash,omitempty"`
	LedgerHash *abi.Digest `json:"ledger_hash,omitempty"`
	TreeRoot   *abi.Digest `json:"tree_root,omitempty"`
	StateHash  *abi.Digest `json:"state_digest,omitempty"`
	Items      int         `json:"items"`
	DiskBytes  int64       `json:"disk_bytes"`
	UptimeS    int64       `json:"uptime_s"`
	Error      string      `json:"error,omitempty"`
}

func (a *app) printStatus(p *rpc.Profile, all []masterStatus) error {
	findings, works := diagnose(all)
	if a.output == "json" {
		out := statusJSON{SchemaVersion: schemaVersion, Chain: p.Chain, OK: works && len(findings) == 0, Findings: append([]string{}, findings...)}
		for i := range all {
			m := masterStatusJSON{Name: all[i].info.Name, Address: all[i].info.Address}
			if s := all[i].status; s != nil {
				m.Up, m.Role, m.Leader, m.Term, m.Height = true, s.Role, s.Leader, s.Term, s.Head.Height
				m.Hash, m.LedgerHash, m.TreeRoot, m.StateHash = &s.Head.Hash, &s.LedgerHash, &s.TreeRoot, &s.StateHash
				m.Items, m.DiskBytes, m.UptimeS = s.Items, s.DiskBytes, s.Uptime
			} else {
				m.Error = all[i].err.Error()
			}
			out.Masters = append(out.Masters, m)
		}
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.stdout, "chain %s\n", p.Chain)
		rows := [][]string{{"MASTER", "ADDRESS", "ROLE", "HEIGHT", "LEDGER", "DISK", "UP"}}
		for i := range all {
			m := &all[i]
			row := []string{m.info.Name, m.info.Address, "down", "-", "-", "-", "-"}
			if s := m.status; s != nil {
				row = []string{m.info.Name, m.info.Address, s.Role, thousands(s.Head.Height), s.LedgerHash.Short(), bytesText(s.DiskBytes),
					(time.Duration(s.Uptime) * time.Second).String()}
			}
			rows = append(rows, row)
		}
		table(a.stdout, rows)
		for _, f := range findings {
			fmt.Fprintln(a.stdout, f)
		}
		if len(findings) == 0 {
			fmt.Fprintln(a.stdout, "all is well")
		}
	}
	if !works {
		down := 0
		for i := range all {
			if all[i].status == nil {
				down++
			}
		}
		if down == len(all) && a.output != "json" {
			fmt.Fprintln(a.stderr, "hint: is the chain running? start it: "+self()+" dev"+a.dirFlag())
		}
		return &exitError{code: exitFailure, err: errors.New("the chain does not work"), said: true}
	}
	return nil
}

// bytesText writes a size for people.
func bytesText(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
