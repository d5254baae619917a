package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/devsecops/local"
	"github.com/kalima-chain/kalima/devsecops/scenario"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

// tests is what the verb test was asked for.
type tests struct {
	path    string
	files   []string
	only    *regexp.Regexp
	verbose bool
	update  bool
}

func (a *app) testCmd() *cobra.Command {
	var t tests
	var only string
	cmd := &cobra.Command{
		Use:   "test [PROJECT|BUNDLE]",
		Short: "run a contract's scenarios in the real engine",
		Long: `test builds a project (default: the one in this folder) or takes a bundle, and runs it
through its scenarios, PROJECT/tests/*.scenario and *.txtar, in the engine that masters
use, alone and without a chain. It exits with 3 when a statement does not hold, and shows
what was expected (-) beside what was found (+). With --update it writes what was found
into the scenarios: look at the difference before you keep it.

How a scenario is written: kalima-contract help scenario`,
		Example: "  kalima-contract test\n  kalima-contract test meter --run 'limits/too high' -v\n" +
			"  kalima-contract test meter --scenario meter/tests/limits.scenario --update\n  kalima-contract test -o junit > report.xml",
		Annotations: map[string]string{formatsAnnotation: "junit"},
		Args:        args("[PROJECT|BUNDLE]"),
		RunE: func(cmd *cobra.Command, given []string) error {
			t.path = pathOf(given)
			if only != "" {
				var err error
				if t.only, err = regexp.Compile(only); err != nil {
					return usageError(cmd, fmt.Errorf("--run: %w", err))
				}
			}
			return a.test(cmd.Context(), &t)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&t.files, "scenario", nil, "scenario files to run instead")
	f.StringVar(&only, "run", "", "run only cases whose FILE/CASE matches this regular expression")
	f.BoolVarP(&t.verbose, "verbose", "v", false, "show each case and each call")
	f.BoolVar(&t.update, "update", false, "write what was found into the scenarios")
	return cmd
}

// tested is what test prints about one scenario.
type tested struct {
	File string `json:"file"`
	OK   bool   `json:"ok"`
	*scenario.Report
	Updated bool `json:"updated,omitempty"`

	calls []line // for -v
}

// line is a call, with the line of the scenario that led to it.
type line struct {
	number int
	step   local.Step
}

func (a *app) test(ctx context.Context, t *tests) error {
	scripts, err := a.scripts(t.path, t.files)
	if err != nil {
		return err
	}
	s, err := a.open(ctx, t.path)
	if err != nil {
		return err
	}
	defer s.close()
	results := make([]tested, 0, len(scripts))
	passed := true
	for _, sc := range scripts {
		one, err := a.testOne(ctx, s, sc, t)
		if err != nil {
			return err
		}
		if len(one.Cases) == 0 {
			continue // --run leaves nothing of it
		}
		passed = passed && one.OK
		a.warnNear(sc.file, one.calls)
		results = append(results, one)
	}
	if len(results) == 0 {
		return &exitError{code: exitNotFound, err: fmt.Errorf("no case matches %q", t.only), hint: "what there is: " + self() + " test -v " + shellWord(t.path)}
	}
	if err := a.reportTest(s.bundle.Manifest, results, passed, t); err != nil {
		return err
	}
	if !passed {
		return &exitError{code: exitFindings, err: errors.New("a scenario failed"), said: true}
	}
	a.next("publish %s%s", shellWord(t.path), a.flags())
	return nil
}

func (a *app) testOne(ctx context.Context, s *subject, sc script, t *tests) (tested, error) {
	one := tested{File: sc.file}
	setup := a.setup(s, sc.file)
	if t.only != nil {
		setup.Only = func(name string) bool { return t.only.MatchString(sc.file + "/" + name) }
	}
	setup.Watch = func(n int, st local.Step) { one.calls = append(one.calls, line{n, st}) }
	var err error
	if one.Report, err = scenario.Run(ctx, sc.parsed, setup); err != nil {
		var lacks *local.NoEntryError
		if errors.As(err, &lacks) {
			err = &exitError{code: exitFindings, err: err}
		}
		return one, fmt.Errorf("%s: %w", sc.file, err)
	}
	one.OK = len(one.Failures) == 0
	if !t.update || one.OK {
		return one, nil
	}
	text, left := scenario.Update(sc.text, one.Failures)
	if !bytes.Equal(text, sc.text) {
		if err := os.WriteFile(sc.file, text, 0o644); err != nil {
			return one, err
		}
		one.Updated = true
	}
	one.OK = left == 0
	return one, nil
}

func (a *app) reportTest(m registry.Manifest, results []tested, passed bool, t *tests) error {
	switch a.output {
	case "json":
		return a.printJSON(struct {
			SchemaVersion int      `json:"schemaVersion"`
			Name          string   `json:"name"`
			Version       string   `json:"version"`
			OK            bool     `json:"ok"`
			Scenarios     []tested `json:"scenarios"`
		}{schemaVersion, m.Name, m.Version, passed, results})
	case "junit":
		return writeJUnit(a.stdout, m, results)
	}
	for i := range results {
		a.printTested(&results[i], t)
	}
	return nil
}

// warnNear says which calls have little room left below a limit that nodes have. Limits that
// a scenario sets itself are meant to be met.
func (a *app) warnNear(file string, calls []line) {
	nodes := map[string]uint64{}
	for _, u := range usages(host.Usage{}, host.DefaultLimits) {
		nodes[u.Name] = u.Limit
	}
	for _, l := range calls {
		for _, u := range usages(l.step.Result.Used, l.step.Limits) {
			if u.Near && u.Limit == nodes[u.Name] {
				a.say("warning: %s:%d: %s used %d %% of the %s that a call may take", file, l.number, l.step.Call.Phase, u.Used*100/u.Limit, u.Name)
			}
		}
	}
}

func (a *app) printTested(r *tested, t *tests) {
	if t.verbose {
		a.printCalls(r)
	}
	switch {
	case r.Updated && r.OK:
		fmt.Fprintf(a.stdout, "UPDATED  %s  %s\n", r.File, count(len(r.Failures), "statement"))
	case r.OK:
		fmt.Fprintf(a.stdout, "ok    %s  %s, at most %d gas\n", r.File, count(r.Events, "event"), r.MaxGas)
		return
	default:
		fmt.Fprintf(a.stdout, "FAIL  %s  %s not as it says\n", r.File, count(len(r.Failures), "statement"))
	}
	for _, c := range r.Cases {
		for _, f := range c.Failures {
			fmt.Fprint(a.stdout, indent(failureText(r.File, c.Name, f), "      "))
		}
	}
}

// failureText is a difference: what the scenario says and what would hold.
func failureText(file, name string, f scenario.Failure) string {
	at := fmt.Sprintf("%s:%d", file, f.Line)
	if name != "" {
		at += "  case " + name
	}
	s := at + "\n"
	if below := len(f.Instead) > 0 && f.Inserted(); below {
		s += "    " + f.Statement + "\n"
	} else {
		s += "  - " + f.Statement + "\n"
	}
	for _, l := range f.Instead {
		s += "  + " + l + "\n"
	}
	return s + "  got: " + strings.ReplaceAll(strings.TrimSpace(f.Got), "\n", "\n       ") + "\n"
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+by) + "\n"
}

func (a *app) printCalls(r *tested) {
	for _, c := range r.Cases {
		state := "ok  "
		if len(c.Failures) > 0 {
			state = "FAIL"
		}
		if c.Name != "" {
			fmt.Fprintf(a.stdout, "%s  %s/%s  %s\n", state, r.File, c.Name, count(c.Events, "event"))
		}
	}
	rows := [][]string{{"LINE", "PHASE", "KEY", "OUTCOME", "GAS"}}
	for _, l := range r.calls {
		o := "accepted"
		if f := l.step.Result.Fault; f != nil {
			o = f.Error()
		}
		rows = append(rows, []string{fmt.Sprint(l.number), l.step.Call.Phase.String(), cut(l.step.Call.Key, 20), cut(o, 40), fmt.Sprint(l.step.Result.Used.Gas)})
	}
	table(a.stdout, rows)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
