package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/devsecops/scenario"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

func scenarioTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "scenario",
		Short: "how a test scenario is written",
		Long: `A scenario is a text file with one statement a line; # begins a comment. A word with
spaces stands in double quotes. Events go in:

  put ADDRESS KEY VALUE        an event: runs validate and, when it accepts, react
  delete ADDRESS KEY           an event
  as NAME [ROLE...]            who sends the events that follow
  at TIME                      block time of the next event, such as 2026-01-31T08:00:00Z
  set ADDRESS KEY VALUE        a value that is in the chain already

Below an event stands what must have come of it. Without accept, reject or fault it
must have been accepted. The address . is the contract's own state.

  accept                       it was accepted
  reject [CODE [MESSAGE]]      the contract rejected it
  fault CODE                   the contract failed: trap, out-of-gas, denied, ...
  value ADDRESS KEY VALUE      the current value is now this
  absent ADDRESS KEY           there is no current value now
  submitted ADDRESS KEY VALUE  react submitted this
  logged TEXT                  a line of the log contains this

For example:

  put /plant/line1 temperature 21.5
    value . temperature 1
  put /plant/line1 temperature warm
    reject 1 "value is not a number"`,
	}
}

func (a *app) testCmd() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:   "test [PROJECT|BUNDLE]",
		Short: "run a contract's scenarios in the real engine",
		Long: `test builds a project (default: the one in this folder) or takes a bundle, and runs it
through its scenarios, PROJECT/tests/*.scenario, in the engine that masters use, alone and
without a chain. It exits with 3 when a statement does not hold.

How a scenario is written: kalima-contract help scenario`,
		Example: "  kalima-contract test\n  kalima-contract test meter --scenario meter/tests/limits.scenario",
		Args:    args("[PROJECT|BUNDLE]"),
		RunE: func(cmd *cobra.Command, given []string) error {
			path := "."
			if len(given) > 0 {
				path = given[0]
			}
			if len(files) == 0 {
				var err error
				if files, err = scenariosOf(path); err != nil {
					return err
				}
			}
			return a.test(cmd.Context(), path, files)
		},
	}
	cmd.Flags().StringSliceVar(&files, "scenario", nil, "scenario files to run instead")
	return cmd
}

func scenariosOf(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &exitError{code: exitUsage, err: errors.New("a bundle brings no scenarios"), hint: "name them with --scenario FILE"}
	}
	files, err := filepath.Glob(filepath.Join(path, "tests", "*.scenario"))
	if err == nil && len(files) == 0 {
		err = &exitError{code: exitNotFound, err: fmt.Errorf("no scenario in %s", filepath.Join(path, "tests")), hint: "how to write one: " + self() + " help scenario"}
	}
	return files, err
}

// tested is what test prints about one scenario.
type tested struct {
	File string `json:"file"`
	OK   bool   `json:"ok"`
	*scenario.Report
}

func (a *app) test(ctx context.Context, path string, files []string) error {
	scripts := make([]*scenario.Script, len(files))
	for i, f := range files { // a mistake in a script shows before a build takes its time
		text, err := readScript(f)
		if err != nil {
			return err
		}
		if scripts[i], err = scenario.Parse(text); err != nil {
			return &exitError{code: exitUsage, err: fmt.Errorf("%s: %w", f, err), hint: self() + " help scenario"}
		}
	}
	b, err := a.bundleToTest(ctx, path)
	if err != nil {
		return err
	}
	l, err := a.load(ctx, b)
	if err != nil {
		return err
	}
	defer l.close()
	m := b.Manifest
	contract := scenario.Contract{Module: l.module, Instance: m.Name, Grant: host.Grant{Write: m.Write, Submit: m.Submit}}
	results := make([]tested, 0, len(files))
	passed := true
	for i, s := range scripts {
		r, err := scenario.Run(ctx, s, contract)
		if err != nil {
			return fmt.Errorf("%s: %w", files[i], err)
		}
		t := tested{files[i], len(r.Failures) == 0, r}
		passed = passed && t.OK
		results = append(results, t)
	}
	if err := a.reportTest(m, results, passed); err != nil {
		return err
	}
	if !passed {
		return &exitError{code: exitFindings, err: errors.New("a scenario failed"), said: true}
	}
	a.next("publish %s%s", shellWord(path), a.flags())
	return nil
}

// bundleToTest compiles a project or opens a bundle; the caller loads it.
func (a *app) bundleToTest(ctx context.Context, path string) (*registry.Bundle, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if info.IsDir() {
		return a.compile(ctx, path)
	}
	encoded, err := readBundle(path)
	if err != nil {
		return nil, err
	}
	return registry.Open(encoded, registry.DigestOf(encoded))
}

func readScript(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, scenario.MaxScript+1))
}

func (a *app) reportTest(m registry.Manifest, results []tested, passed bool) error {
	if a.output == "json" {
		return a.printJSON(struct {
			SchemaVersion int      `json:"schemaVersion"`
			Name          string   `json:"name"`
			Version       string   `json:"version"`
			OK            bool     `json:"ok"`
			Scenarios     []tested `json:"scenarios"`
		}{schemaVersion, m.Name, m.Version, passed, results})
	}
	for _, t := range results {
		if t.OK {
			fmt.Fprintf(a.stdout, "ok    %s  %s, at most %d gas\n", t.File, count(t.Events, "event"), t.MaxGas)
			continue
		}
		fmt.Fprintf(a.stdout, "FAIL  %s  %s not as it says\n", t.File, count(len(t.Failures), "statement"))
		for _, f := range t.Failures {
			fmt.Fprintf(a.stdout, "      line %d: %s\n      got: %s\n", f.Line, f.Statement, strings.ReplaceAll(strings.TrimSpace(f.Got), "\n", "\n           "))
		}
	}
	return nil
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
