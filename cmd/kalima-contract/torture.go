package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/devsecops/local"
	"github.com/kalima-chain/kalima/devsecops/torture"
)

func (a *app) tortureCmd() *cobra.Command {
	var o occasion
	var points, line int
	var attack string
	cmd := &cobra.Command{
		Use:   "torture [PROJECT|BUNDLE]",
		Short: "make a contract's calls go wrong in every way, and see that nothing is left",
		Long: `torture runs a contract's scenarios, or the one event that --address, --key and --value
make. Each call is then made again and again: with gas that ends at each of its charges,
with each of its host functions failing, with memory, depth, writes and bytes at their
limits, and simply once more. It exits with 3 when a promise was not kept:

  a call that did not accept leaves no write, no submit and no reply
  the same call ends in the same way, with the same gas
  gas used is never more than the limit, and never less with a higher limit

A call with more charges than --points is tried at so many of them, evenly.`,
		Example: "  kalima-contract torture meter\n  kalima-contract torture meter --scenario meter/tests/basic.scenario --line 7 --attack gas:3391",
		Args:    args("[PROJECT|BUNDLE]"),
		RunE: func(cmd *cobra.Command, given []string) error {
			o.path = pathOf(given)
			t := &torture.Torture{Points: points}
			if points < 1 {
				return usageError(cmd, errors.New("--points must be 1 or more"))
			}
			if attack != "" {
				only, err := torture.ParseAttack(attack)
				if err != nil {
					return usageError(cmd, err)
				}
				t.Only = &only
			}
			return a.torture(cmd.Context(), &o, t, line)
		},
	}
	f := cmd.Flags()
	o.flags(f)
	f.IntVar(&points, "points", torture.DefaultPoints, "at how many charges of a call gas ends, at most")
	f.StringVar(&attack, "attack", "", "try this alone, such as gas:3391 or host:2, as a violation names it")
	f.IntVar(&line, "line", 0, "only the calls of this line of the scenarios")
	return cmd
}

// violated is a violation, with the command that shows it again.
type violated struct {
	torture.Violation
	File   string `json:"file,omitempty"`
	Repeat string `json:"repeat"`
}

func (a *app) torture(ctx context.Context, o *occasion, t *torture.Torture, only int) error {
	var files []string // of each call, by its number
	var found []violated
	_, _, err := a.occasion(ctx, o, watcher{before: func(ctx context.Context, file string, line int, at local.Attempt) error {
		if only != 0 && line != only {
			return nil
		}
		if file != "" && (len(files) == 0 || files[len(files)-1] != file) {
			files = append(files, file)
			a.say("%s", file)
		}
		before := len(t.Report().Violations)
		if err := t.Call(ctx, line, at); err != nil {
			return err
		}
		for _, v := range t.Report().Violations[before:] {
			found = append(found, violated{v, file, a.repeat(o, file, v)})
		}
		return nil
	}})
	if err != nil {
		return err
	}
	r := t.Report()
	if r.Calls == 0 {
		return &exitError{code: exitNotFound, err: fmt.Errorf("no call comes of line %d", only)}
	}
	if err := a.reportTorture(r, found); err != nil {
		return err
	}
	if r.Broken > 0 {
		return &exitError{code: exitFindings, err: errors.New("a promise was not kept"), said: true}
	}
	return nil
}

func (a *app) repeat(o *occasion, file string, v torture.Violation) string {
	s := self() + " torture " + shellWord(o.path)
	if file != "" {
		return fmt.Sprintf("%s --scenario %s --line %d --attack %s", s, shellWord(file), v.Line, v.Attack)
	}
	for _, flag := range []struct{ name, value string }{{"state", o.from.state}, {"sender", o.from.sender}, {"address", o.event.address}, {"key", o.event.key}, {"value", o.event.value}} {
		if flag.value != "" {
			s += " --" + flag.name + " " + shellWord(flag.value)
		}
	}
	for _, role := range o.from.roles {
		s += " --role " + shellWord(role)
	}
	if o.event.remove {
		s += " --delete"
	}
	return s + " --attack " + v.Attack
}

// kinds says what each kind of attack is, for the table.
var kinds = map[torture.Kind]string{
	torture.Again: "the same call again", torture.Gas: "gas ends", torture.Host: "a host function fails",
	torture.Memory: "little memory", torture.Depth: "little depth", torture.Writes: "few writes", torture.Bytes: "few bytes",
}

func (a *app) reportTorture(r torture.Report, found []violated) error {
	if a.output == "json" {
		return a.printJSON(struct {
			SchemaVersion int             `json:"schemaVersion"`
			OK            bool            `json:"ok"`
			Calls         int             `json:"calls"`
			Counts        []torture.Count `json:"counts"`
			Broken        int             `json:"broken"`
			Violations    []violated      `json:"violations"`
		}{schemaVersion, r.Broken == 0, r.Calls, r.Counts, r.Broken, append([]violated{}, found...)})
	}
	rows := [][]string{{"", "TRIED", "DID NOT ACCEPT"}}
	for _, c := range r.Counts {
		row := []string{kinds[c.Kind], fmt.Sprint(c.Tries), fmt.Sprint(c.Faults)}
		if c.Left > 0 {
			row = append(row, fmt.Sprintf("%d more charges were left out: --points", c.Left))
		}
		if c.Unknown {
			row = append(row, "at even steps: the engine reports no charges")
		}
		rows = append(rows, row)
	}
	table(a.stdout, rows)
	fmt.Fprintln(a.stdout)
	if r.Broken == 0 {
		_, err := fmt.Fprintf(a.stdout, "ok    %s: nothing was left behind, and every end was the same each time\n", count(r.Calls, "call"))
		return err
	}
	fmt.Fprintf(a.stdout, "FAIL  %s: %s not kept\n", count(r.Calls, "call"), count(r.Broken, "promise"))
	for _, v := range found {
		at := v.Phase
		if v.File != "" {
			at = fmt.Sprintf("%s:%d, %s", v.File, v.Line, v.Phase)
		}
		fmt.Fprintf(a.stdout, "      %s, %s: %s\n        %s\n", at, v.Attack, v.Broken, v.Repeat)
	}
	return nil
}
