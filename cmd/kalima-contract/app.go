package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/cmd/internal/cli"
	contractssdk "github.com/kalima-chain/kalima/contracts-sdk"
	"github.com/kalima-chain/kalima/registry"
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
	sdk     string
	timeout time.Duration
	quiet   bool

	dial func(as string) (chainClient, error) // tests replace it
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
		err = &exitError{code: exitInterrupted, err: errors.New("interrupted")}
	}
	return a.fail(cmd, err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "kalima-contract",
		Short: "write, review and deploy contracts of a Kalima chain",
		Long: `kalima-contract takes a contract from an empty folder to a running chain.

An author makes a project, tries it in the real engine, and publishes it:

  kalima-contract new meter --language go
  kalima-contract run meter --address /plant/line1 --key t --value 21.5 --trace
  kalima-contract test meter
  kalima-contract torture meter
  kalima-contract publish meter

A reviewer approves exactly these bytes, an operator binds them to addresses:

  kalima-contract approve meter 1.0.0
  kalima-contract deploy meter 1.0.0 --phase validate --pattern '/plant/**'
  kalima-contract status

When something went wrong, a transaction of the chain runs again here:

  kalima-contract debug TX --trace

Data goes to stdout, talk to stderr. With -o json every object has a schemaVersion.
Exit codes: kalima-contract help exit-codes`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return a.checkFlags(cmd)
		},
	}
	root.SuggestionsMinimumDistance = 2
	f := root.PersistentFlags()
	home := defaultHome
	if h := os.Getenv("KALIMA_HOME"); h != "" {
		home = h
	}
	f.StringVar(&a.home, "home", home, "folder with profile.json and keys/; KALIMA_HOME sets the default")
	f.StringVar(&a.as, "as", "", "name of the key to act as (default: the one the verb says)")
	f.StringVarP(&a.output, "output", "o", "text", "text or json")
	f.StringVar(&a.sdk, "sdk", os.Getenv("KALIMA_SDK"), "checkout of Kalima to take the SDK from instead of the built-in one; KALIMA_SDK sets the default")
	f.DurationVar(&a.timeout, "timeout", 30*time.Second, "how long to try to reach the chain; 0 means for ever")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no talk on stderr, errors excepted")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError(cmd, err) })
	root.AddGroup(
		&cobra.Group{ID: "author", Title: "Write:"},
		&cobra.Group{ID: "registry", Title: "Review and deploy:"},
		&cobra.Group{ID: "machine", Title: "This machine:"},
	)
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("author", a.newCmd(), a.buildCmd(), a.runCmd(), a.queryCmd(), a.testCmd(), a.profileCmd(), a.tortureCmd(), a.publishCmd())
	add("registry", a.approveCmd(), a.deployCmd(), a.undeployCmd(), a.revokeCmd(), a.statusCmd(), a.debugCmd())
	add("machine", a.doctorCmd(), a.versionCmd())
	root.AddCommand(exitCodesTopic(), scenarioTopic())
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() == "help" {
			c.Args = func(_ *cobra.Command, topic []string) error { return noTopic(root, topic) }
		}
	}
	return root
}

// formatsAnnotation names the format that a verb can print beside text and json.
const formatsAnnotation = "formats"

func (a *app) checkFlags(cmd *cobra.Command) error {
	formats := []string{"text", "json"}
	if more := cmd.Annotations[formatsAnnotation]; more != "" {
		formats = append(formats, more)
	}
	if err := cli.CheckFlags(&a.output, a.timeout, formats...); err != nil {
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
	if a.output == "text" {
		a.say("next: "+self()+" "+format, args...)
	}
}

// talk is where compilers and installers speak.
func (a *app) talk() io.Writer {
	if a.quiet {
		return io.Discard
	}
	return a.stderr
}

// self is how this program is called: a newcomer runs it from the source.
func self() string {
	p, _ := os.Executable() // a test binary is started from a go-build folder too
	if cli.RunFromSource() && strings.TrimSuffix(filepath.Base(p), ".exe") == "kalima-contract" {
		return "go run ./cmd/kalima-contract"
	}
	return "kalima-contract"
}

// flags returns the global flags that a suggested command must repeat to reach the same chain.
func (a *app) flags() string {
	if a.home == defaultHome || a.home == os.Getenv("KALIMA_HOME") {
		return ""
	}
	return " --home " + shellWord(a.home)
}

func shellWord(s string) string { return cli.ShellWord(s) }

// sdkFiles returns the SDK to build with, by path in a project.
func (a *app) sdkFiles(l registry.Language) (map[string][]byte, error) {
	if a.sdk != "" {
		return contractssdk.FilesFrom(os.DirFS(a.sdk), string(l))
	}
	return contractssdk.Files(string(l))
}
