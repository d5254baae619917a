package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/devsecops/local"
	"github.com/kalima-chain/kalima/devsecops/profile"
	"github.com/kalima-chain/kalima/devsecops/scenario"
	"github.com/kalima-chain/kalima/host"
)

// occasion is what makes the calls that profile and torture look at: scenarios, or one event.
type occasion struct {
	path  string
	files []string
	event event
	from  around
}

func (o *occasion) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&o.files, "scenario", nil, "scenario files to run instead of PROJECT/tests")
	o.event.flags(f)
	f.StringVar(&o.from.state, "state", "", "with --address: file with the values that are in the chain")
	f.StringVar(&o.from.sender, "sender", "device", "with --address: name of the sender")
	f.StringSliceVar(&o.from.roles, "role", nil, "with --address: role of the sender")
}

// watcher is what looks at the calls. Either may be nil.
type watcher struct {
	before func(ctx context.Context, file string, line int, a local.Attempt) error
	probe  func(abi.Call) *host.Probe
}

// run makes the calls, and returns the gas that they took, and their number.
func (a *app) occasion(ctx context.Context, o *occasion, w watcher) (gas uint64, calls int, err error) {
	var all []script
	if o.event.address == "" {
		if all, err = a.scripts(o.path, o.files); err != nil {
			return 0, 0, err
		}
	}
	s, err := a.open(ctx, o.path)
	if err != nil {
		return 0, 0, err
	}
	defer s.close()
	tally := func(_ int, st local.Step) { gas, calls = gas+st.Result.Used.Gas, calls+1 }
	for _, sc := range all {
		setup := a.setup(s, sc.file)
		setup.Probe, setup.Watch = w.probe, tally
		if w.before != nil {
			setup.Before = func(ctx context.Context, line int, at local.Attempt) error { return w.before(ctx, sc.file, line, at) }
		}
		r, err := scenario.Run(ctx, sc.parsed, setup)
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", sc.file, err)
		}
		if n := len(r.Failures); n > 0 {
			a.say("warning: %s: %s not as it says: see test", sc.file, count(n, "statement"))
		}
	}
	if o.event.address == "" {
		return gas, calls, nil
	}
	e, err := a.event(o.event, local.Sender{Name: o.from.sender, Roles: o.from.roles})
	if err != nil {
		return 0, 0, err
	}
	c, err := o.from.chain(s)
	if err != nil {
		return 0, 0, err
	}
	c.Probe = w.probe
	if w.before != nil {
		c.Before = func(ctx context.Context, at local.Attempt) error { return w.before(ctx, "", 0, at) }
	}
	steps, err := c.Event(ctx, e)
	for _, st := range steps {
		tally(0, st)
	}
	return gas, calls, err
}

func (a *app) profileCmd() *cobra.Command {
	var o occasion
	var out, folded string
	var top int
	cmd := &cobra.Command{
		Use:   "profile [PROJECT|BUNDLE]",
		Short: "show where in the source a contract's gas goes",
		Long: `profile runs a contract's scenarios, or the one event that --address, --key and --value
make, and writes down at which function and line each unit of gas was charged: a profile
that "go tool pprof" reads, and a table of the dearest places. FLAT is what a place took
itself, CUM what it took with all that it called. Gas is no time: a profile is the same on
every machine.`,
		Example: "  kalima-contract profile meter && go tool pprof -http : gas.pprof\n" +
			"  kalima-contract profile meter --address /plant/line1 --key t --value 21.5 --top 20\n  kalima-contract profile meter --folded - | flamegraph.pl > gas.svg",
		Args: args("[PROJECT|BUNDLE]"),
		RunE: func(cmd *cobra.Command, given []string) error {
			o.path = pathOf(given)
			if top < 0 {
				return usageError(cmd, errors.New("--top is negative"))
			}
			return a.profile(cmd.Context(), &o, out, folded, top)
		},
	}
	f := cmd.Flags()
	o.flags(f)
	f.StringVar(&out, "out", "gas.pprof", "file to write for go tool pprof; empty for none")
	f.StringVar(&folded, "folded", "", "file to write as folded stacks, for flame graphs; - for stdout alone")
	f.IntVar(&top, "top", 10, "how many functions, and lines, the table has")
	return cmd
}

func (a *app) profile(ctx context.Context, o *occasion, out, folded string, top int) error {
	g := &profile.Gas{}
	gas, calls, err := a.occasion(ctx, o, watcher{probe: func(c abi.Call) *host.Probe {
		return &host.Probe{Charge: g.Charge(c.Phase.String())}
	}})
	if err != nil {
		return err
	}
	if g.Total() == 0 && gas > 0 {
		return errors.New("the engine reports no charges of gas")
	}
	if out != "" {
		if err := writeTo(out, g.Write); err != nil {
			return err
		}
	}
	switch folded {
	case "":
	case "-":
		return g.Folded(a.stdout)
	default:
		if err := writeTo(folded, g.Folded); err != nil {
			return err
		}
	}
	functions, lines := g.Functions(), g.Lines()
	if a.output == "json" {
		return a.printJSON(struct {
			SchemaVersion int           `json:"schemaVersion"`
			Calls         int           `json:"calls"`
			Gas           uint64        `json:"gas"`
			Charged       uint64        `json:"charged"`
			Functions     []profile.Row `json:"functions"`
			Lines         []profile.Row `json:"lines"`
			File          string        `json:"file,omitempty"`
		}{schemaVersion, calls, gas, g.Total(), append([]profile.Row{}, functions...), append([]profile.Row{}, lines...), out})
	}
	fmt.Fprintf(a.stdout, "%d gas in %s", gas, count(calls, "call"))
	if t := g.Total(); t != gas {
		fmt.Fprintf(a.stdout, ", of which the engine places %d", t)
	}
	fmt.Fprint(a.stdout, "\n\n")
	printRows(a.stdout, "FUNCTION", functions, gas, top)
	if len(lines) > 0 {
		fmt.Fprintln(a.stdout)
		printRows(a.stdout, "LINE", lines, gas, top)
	}
	if out != "" && a.output == "text" {
		a.say("next: go tool pprof -http : %s", shellWord(out))
	}
	return nil
}

func printRows(w io.Writer, title string, rows []profile.Row, total uint64, top int) {
	out := [][]string{{"FLAT", "", "CUM", "", title}}
	share := func(n uint64) string { return fmt.Sprintf("%.1f %%", float64(n)*100/float64(max(total, 1))) }
	for i, r := range rows {
		if i == top {
			out = append(out, []string{"", "", "", "", fmt.Sprintf("and %d more", len(rows)-top)})
			break
		}
		out = append(out, []string{strconv.FormatUint(r.Flat, 10), share(r.Flat), strconv.FormatUint(r.Cum, 10), share(r.Cum), r.Name})
	}
	table(w, out)
}

func writeTo(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
