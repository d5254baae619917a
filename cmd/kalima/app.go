package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/cmd/internal/cli"
	"github.com/kalima-chain/kalima/node/keyring"
	"github.com/kalima-chain/kalima/node/rpc"
)

// defaultHome is where `kalima dev` works unless told otherwise, below the current folder.
const defaultHome = ".kalima/dev"

// app is one run of the program: its streams and the flags that every verb has.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	home    string
	as      string
	output  string
	timeout time.Duration
	quiet   bool
}

func (a *app) run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = &exitError{code: exitInterrupted, err: errInterrupted}
	}
	return a.fail(cmd, err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "kalima",
		Short: "run a Kalima chain, and read, write and check it",
		Long: `kalima runs the nodes of a chain and is the operator's tool.

Start a whole chain on this machine, five masters and this machine's own sensors
as a device, with one command:

  kalima dev

Then, in another terminal:

  kalima put /plant1/line2/press4 temperature 21.5
  kalima get /plant1/line2/press4 temperature
  kalima watch '/hosts/**'
  kalima status

Data goes to stdout, talk to stderr. With -o json every object has a schemaVersion.
Exit codes: kalima help exit-codes`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return a.checkFlags()
		},
	}
	f := root.PersistentFlags()
	home := defaultHome
	if h := os.Getenv("KALIMA_HOME"); h != "" {
		home = h
	}
	f.StringVar(&a.home, "home", home, "folder with profile.json and keys/; KALIMA_HOME sets the default")
	f.StringVar(&a.as, "as", "", "name of the key to act as (default: the one the profile names)")
	f.StringVarP(&a.output, "output", "o", "text", "text or json")
	f.DurationVar(&a.timeout, "timeout", 15*time.Second, "how long to try before giving up; 0 means for ever")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no talk on stderr, errors excepted")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError(cmd, err) })
	root.AddGroup(
		&cobra.Group{ID: "chain", Title: "Run a chain:"},
		&cobra.Group{ID: "data", Title: "Data:"},
		&cobra.Group{ID: "ledger", Title: "Look and check:"},
		&cobra.Group{ID: "access", Title: "Who may do what:"},
		&cobra.Group{ID: "measure", Title: "Measure:"},
	)
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("chain", a.devCmd(), a.nodeCmd())
	add("data", a.putCmd(), a.deleteCmd(), a.moveCmd(), a.getCmd(), a.queryCmd(), a.lsCmd(), a.watchCmd(), a.historyCmd(), a.ingestCmd())
	add("ledger", a.statusCmd(), a.blockCmd(), a.txCmd(), a.verifyCmd())
	add("access", a.keysCmd(), a.identityCmd(), a.grantCmd())
	add("measure", a.benchCmd())
	root.AddCommand(a.versionCmd(), exitCodesTopic())
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), `"{{.CommandPath}} [command] --help"`, `"{{.CommandPath}} COMMAND --help"`))
	return root
}

func (a *app) checkFlags() error {
	if err := cli.CheckFlags(&a.output, a.timeout, "text", "json"); err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	return nil
}

// context bounds one exchange with the chain by --timeout.
func (a *app) context(ctx context.Context) (context.Context, context.CancelFunc) {
	return cli.Timeout(ctx, a.timeout)
}

// say writes a line of talk.
func (a *app) say(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}

// next shows the command that a person would most likely type now.
func (a *app) next(format string, args ...any) {
	if a.output != "json" {
		a.say("next: "+self()+" "+format, args...)
	}
}

// self is how this program is called: a newcomer runs it from the source.
func self() string {
	if cli.RunFromSource() {
		return "go run ./cmd/kalima"
	}
	return "kalima"
}

// flags returns the global flags that a suggested command must repeat to reach the same chain.
func (a *app) flags() string {
	if a.home == defaultHome || a.home == os.Getenv("KALIMA_HOME") {
		return ""
	}
	return " --home " + shellWord(a.home)
}

// dirFlag is flags for `kalima dev`.
func (a *app) dirFlag() string { return strings.Replace(a.flags(), "--home", "--dir", 1) }

func shellWord(s string) string { return cli.ShellWord(s) }

// profile reads how to reach the chain.
func (a *app) profile() (*rpc.Profile, error) { return rpc.ReadProfile(a.home) }

// connect returns a client of the chain, as the identity that --as names. Only, when not
// nil, is the one master to speak to. The caller closes it.
func (a *app) connect(only *rpc.MasterInfo) (*rpc.Client, error) {
	p, err := a.profile()
	if err != nil {
		return nil, err
	}
	return a.dial(p, only)
}

func (a *app) dial(p *rpc.Profile, only *rpc.MasterInfo) (*rpc.Client, error) {
	name := a.as
	if name == "" {
		name = p.As
	}
	key, err := rpc.Keys(a.home).Load(name)
	if err != nil && !errors.Is(err, keyring.ErrNoKey) {
		return nil, &exitError{code: exitAuth, err: err, hint: "the file must be as it was made; make another key: " + self() + " keys new NAME" + a.flags()}
	}
	if err != nil {
		return nil, err
	}
	cfg := rpc.Config{Chain: p.Chain, Masters: p.Masters, Key: key}
	if only != nil {
		cfg.Masters, cfg.Only = []rpc.MasterInfo{*only}, true
	}
	return rpc.New(cfg)
}
