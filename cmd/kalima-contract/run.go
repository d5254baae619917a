package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/devsecops/local"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

const stateHelp = `--state names a file with the values that are in the chain, in YAML or JSON; --save writes
back what the call changed, and begins one that is not there:

  height: 7                      of the last event; may be left out, as may the next two
  time: 2026-01-31T08:00:00Z     block time of the next event
  sequences: {/plant/line1: 3}   of the last event of an address
  /plant/line1:
    temperature: 21.5
  .:                             the contract's own state
    temperature: 1`

// around is the flags that say what is around a call.
type around struct {
	state  string
	save   bool
	sender string
	roles  []string
	height uint64
	time   string
	limits host.Limits
	trace  bool
}

func (r *around) flags(f *pflag.FlagSet) {
	f.StringVar(&r.state, "state", "", "file with the values that are in the chain, YAML or JSON")
	f.BoolVar(&r.save, "save", false, "write what changed back to the file of --state")
	f.StringVar(&r.sender, "sender", "device", "name of who asks")
	f.StringSliceVar(&r.roles, "role", nil, "role of the sender; may be given several times")
	f.Uint64Var(&r.height, "height", 0, "height of the block (default: one more than the state's)")
	f.StringVar(&r.time, "time", "", "time of the block, such as 2026-01-31T08:00:00Z")
	f.BoolVar(&r.trace, "trace", false, "list every call of a host function")
	limitFlags(f, &r.limits)
}

func limitFlags(f *pflag.FlagSet, l *host.Limits) {
	d := host.DefaultLimits
	f.Uint64Var(&l.Gas, "gas", d.Gas, "gas that the call may take")
	f.Uint64Var(&l.Memory, "memory", d.Memory, "bytes of memory it may have")
	f.IntVar(&l.Depth, "depth", d.Depth, "how deep its calls may nest")
	f.IntVar(&l.Writes, "writes", d.Writes, "puts, deletes, events and submits it may make")
	f.IntVar(&l.Bytes, "bytes", d.Bytes, "bytes of those together")
}

func (r *around) check() error {
	l := &r.limits
	if l.Gas == 0 || l.Memory == 0 || l.Depth <= 0 || l.Writes <= 0 || l.Bytes <= 0 {
		return errors.New("a limit must be more than 0")
	}
	if r.save && r.state == "" {
		return errors.New("--save needs --state FILE")
	}
	return nil
}

// chain is the chain of one contract that the flags describe.
func (r *around) chain(s *subject) (*local.Chain, error) {
	st, err := readState(r.state, r.save, abi.StateAddress(s.bundle.Manifest.Name))
	if err != nil {
		return nil, err
	}
	if r.height > 0 {
		st.Height = abi.Height(r.height) - 1
	}
	if r.time != "" {
		if st.Time, err = parseTime("time", r.time); err != nil {
			return nil, err
		}
	}
	return &local.Chain{Contract: s.contract(r.limits), State: st, World: &local.World{Clock: local.Start}}, nil
}

func parseTime(flag, s string) (abi.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.UnixMicro() < 0 {
		return 0, &exitError{code: exitUsage, err: fmt.Errorf("--%s %q: want the form 2026-01-31T08:00:00Z", flag, s)}
	}
	return abi.Time(t.UnixMicro()), nil
}

// event is the flags of the event itself.
type event struct {
	address, key, value, at string
	remove                  bool
}

func (e *event) flags(f *pflag.FlagSet) {
	f.StringVar(&e.address, "address", "", "address of the event, such as /plant/line1")
	f.StringVar(&e.key, "key", "", "key of the event")
	f.StringVar(&e.value, "value", "", "its value; @FILE takes a file's content, - that of stdin")
	f.BoolVar(&e.remove, "delete", false, "the event deletes the key")
	f.StringVar(&e.at, "measured", "", "when the sender measured the value")
}

func (a *app) event(e event, from local.Sender) (local.Event, error) {
	out := local.Event{Key: e.key, Sender: from}
	usage := func(err error) (local.Event, error) { return out, &exitError{code: exitUsage, err: err} }
	var err error
	if e.address == "" || e.key == "" || (e.value == "") == !e.remove {
		return usage(errors.New("an event has --address, --key, and --value or --delete"))
	}
	if out.Address, err = abi.ParseAddress(e.address); err != nil {
		return usage(err)
	}
	if err := abi.CheckKey(e.key); err != nil {
		return usage(err)
	}
	if e.at != "" {
		if out.At, err = parseTime("measured", e.at); err != nil {
			return out, err
		}
	}
	out.Value, err = a.content(e.value)
	return out, err
}

func (a *app) runCmd() *cobra.Command {
	var e event
	var r around
	var phase string
	cmd := &cobra.Command{
		Use:   "run [PROJECT|BUNDLE]",
		Short: "run one event through a contract, here and now",
		Long: `run builds a project (default: the one in this folder) or takes a bundle, and runs one
event through it in the engine that masters use, alone and without a chain. It shows the
outcome as a block would hold it, and apart from that what helps people: log, source line
of a fault, and how much of each limit was used.

` + stateHelp + `

With --phase query, key and value are the question; with --phase migrate the key is the
version before. It exits with 7 when the contract rejects, and with 3 when it fails.`,
		Example: "  kalima-contract run meter --address /plant/line1 --key temperature --value 21.5\n" +
			"  kalima-contract run --address /plant/line1 --key t --value @reading.json --trace\n" +
			"  kalima-contract run --phase react --address /p --key t --value 95 --state now.yaml --save",
		Args: args("[PROJECT|BUNDLE]"),
		RunE: func(cmd *cobra.Command, given []string) error {
			p, ok := abi.ParsePhase(phase)
			if !ok {
				return usageError(cmd, fmt.Errorf("phase %q: want validate, react, query or migrate", phase))
			}
			if err := r.check(); err != nil {
				return usageError(cmd, err)
			}
			from := local.Sender{Name: r.sender, Roles: r.roles}
			ev := local.Event{Sender: from, Key: e.key}
			var err error
			switch p {
			case abi.Validate, abi.React:
				ev, err = a.event(e, from)
			case abi.Query:
				if err := abi.CheckKey(e.key); err != nil {
					return usageError(cmd, err)
				}
				ev.Value, err = a.content(e.value)
			case abi.Migrate:
				if err := registry.CheckVersion(e.key); err != nil {
					return usageError(cmd, fmt.Errorf("--key names the version that migrate replaces: %w", err))
				}
			}
			if err != nil {
				return err
			}
			return a.runEvent(cmd.Context(), pathOf(given), p, ev, &r)
		},
	}
	cmd.Flags().StringVar(&phase, "phase", "validate", "validate, react, query or migrate")
	e.flags(cmd.Flags())
	r.flags(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("phase", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"validate", "react", "query", "migrate"}, cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

// pathOf is the project or bundle that a verb was given: this folder unless it says.
func pathOf(given []string) string {
	if len(given) > 0 {
		return given[0]
	}
	return "."
}

func (a *app) runEvent(ctx context.Context, path string, phase abi.Phase, e local.Event, r *around) error {
	s, err := a.open(ctx, path)
	if err != nil {
		return err
	}
	defer s.close()
	c, err := r.chain(s)
	if err != nil {
		return err
	}
	var calls []host.HostCall
	c.Probe = func(abi.Call) *host.Probe {
		p := &host.Probe{Charge: func([]abi.Place, uint64) {}} // all engines measure depth with it
		if r.trace {
			p.HostCall = func(h host.HostCall) { calls = append(calls, h) }
		}
		return p
	}
	step, err := c.Run(ctx, phase, e)
	var lacks *local.NoEntryError
	if errors.As(err, &lacks) {
		return &exitError{code: exitUsage, err: err, hint: "name another one with --phase"}
	}
	if err != nil {
		return err
	}
	if r.save && step.Result.Fault == nil {
		if err := saveState(r.state, c.State); err != nil {
			return err
		}
	}
	out := report(s.bundle, step, calls)
	if a.output == "json" {
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else {
		out.print(a.stdout)
	}
	switch out.Outcome.Code {
	case abi.OutOfGas:
		a.say("hint: see which line takes the gas: %s profile %s", self(), shellWord(path))
	case abi.Denied:
		a.say("hint: what a contract may do stands in %s: %s new --help", registry.ManifestFile, self())
	}
	return out.Outcome.verdict()
}

func (a *app) queryCmd() *cobra.Command {
	var r around
	var project string
	cmd := &cobra.Command{
		Use:   "query KEY [ARG]",
		Short: "ask a contract's query entry, here and now",
		Long: `query asks the query entry of the project in this folder, or of what --project names,
alone and without a chain. KEY is what the contract sees as the event's key, ARG as its
value; @FILE takes a file's content, - that of stdin.

` + stateHelp + `

It exits with 7 when the contract rejects the question, and with 3 when it fails.`,
		Example: "  kalima-contract query temperature --state now.yaml\n  kalima-contract query latest '{\"n\": 3}' --project meter --trace",
		Args:    args("KEY", "[ARG]"),
		RunE: func(cmd *cobra.Command, given []string) error {
			if err := abi.CheckKey(given[0]); err != nil {
				return usageError(cmd, err)
			}
			if err := r.check(); err != nil {
				return usageError(cmd, err)
			}
			e := local.Event{Key: given[0], Sender: local.Sender{Name: r.sender, Roles: r.roles}}
			if len(given) > 1 {
				var err error
				if e.Value, err = a.content(given[1]); err != nil {
					return err
				}
			}
			return a.runEvent(cmd.Context(), project, abi.Query, e, &r)
		},
	}
	cmd.Flags().StringVar(&project, "project", ".", "project or bundle to ask")
	r.flags(cmd.Flags())
	return cmd
}
