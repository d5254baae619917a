package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/cmd/internal/cli"
	"github.com/kalima-chain/kalima/devsecops/toolchain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node/keyring"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
	"github.com/kalima-chain/kalima/registry"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitFindings    = 3
	exitAuth        = 4
	exitNotFound    = 5
	exitConflict    = 6
	exitRefused     = 7
	exitPending     = 8
	exitTimeout     = 9
	exitDigest      = 11
	exitInterrupted = 130
)

var exitWords = map[int]string{
	exitFailure: "failure", exitUsage: "usage", exitFindings: "findings", exitAuth: "auth",
	exitNotFound: "not-found", exitConflict: "conflict", exitRefused: "refused", exitPending: "pending",
	exitTimeout: "timeout", exitDigest: "digest-mismatch", exitInterrupted: "interrupted",
}

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "what the exit codes mean",
		Long: `Exit codes of kalima-contract:

    0  ok
    1  failure
    2  usage: a flag, argument or manifest that can not work
    3  findings: the contract does not compile or load, or failed; a scenario failed; a
       promise was not kept; a transaction ends otherwise here; a tool is missing
    4  authorisation: no key file, identity not known on chain
    5  not found
    6  conflict: it exists already
    7  refused: a rule of the registry said no, or the contract that was run did
    8  pending: sent, and what became of it is not known; asking again is safe
    9  timeout
   11  the bytes are not the ones that the digest names
  130  interrupted`,
	}
}

// exitError is an error with its exit code, and what to do about it.
type exitError struct {
	code int
	err  error
	hint string // one line; may be empty
	said bool   // the verb printed its result already: add nothing
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usageError is a mistake on the command line, with the way to the manual.
func usageError(cmd *cobra.Command, err error) error {
	return &exitError{code: exitUsage, err: err, hint: self() + strings.TrimPrefix(cmd.CommandPath(), "kalima-contract") + " --help"}
}

// args checks the number of arguments. Those in brackets may be left out.
func args(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		need := 0
		for _, n := range names {
			if !strings.HasPrefix(n, "[") {
				need++
			}
		}
		switch {
		case len(given) < need:
			return usageError(cmd, fmt.Errorf("%s is missing: want %s", names[len(given)], strings.Join(names, " ")))
		case len(given) > len(names):
			return usageError(cmd, fmt.Errorf("%d arguments, want %s", len(given), strings.Join(names, " ")))
		}
		return nil
	}
}

func noArgs(cmd *cobra.Command, given []string) error {
	if len(given) == 0 {
		return nil
	}
	if cmd.HasAvailableSubCommands() {
		hint := self() + " --help"
		if near := cmd.SuggestionsFor(given[0]); len(near) > 0 {
			hint = "did you mean: " + self() + " " + near[0]
		}
		return &exitError{code: exitUsage, err: fmt.Errorf("no command %q", given[0]), hint: hint}
	}
	return usageError(cmd, fmt.Errorf("argument %q is not expected", given[0]))
}

// noTopic refuses help on what there is no help on.
func noTopic(root *cobra.Command, topic []string) error {
	if _, rest, err := root.Find(topic); err != nil || len(rest) > 0 {
		return &exitError{code: exitUsage, err: fmt.Errorf("no help on %q", strings.Join(topic, " ")), hint: self() + " --help"}
	}
	return nil
}

// explain finds the exit code of an error and a hint.
func (a *app) explain(err error) (code int, hint string) {
	var (
		exit     *exitError
		missing  *toolchain.MissingError
		compile  *toolchain.CompileError
		refusal  *host.Refusal
		mismatch *registry.DigestMismatch
		refused  *transport.RefusedError
		answer   *transport.Error
	)
	start := "start one: " + strings.Replace(self(), "kalima-contract", "kalima", 1) + " dev"
	switch {
	case errors.As(err, &exit):
		return exit.code, exit.hint
	case errors.As(err, &missing):
		return exitFindings, self() + " doctor --fix"
	case errors.As(err, &compile):
		return exitFindings, ""
	case errors.As(err, &refusal):
		return exitFindings, ""
	case errors.As(err, &mismatch):
		return exitDigest, "build or fetch the bundle again, and compare digests: " + self() + " status"
	case errors.Is(err, rpc.ErrNoProfile):
		return exitNotFound, start + ", or name the folder of a running one with --home"
	case errors.Is(err, keyring.ErrNoKey):
		return exitAuth, "name one of these with --as"
	case errors.As(err, &refused):
		return exitAuth, "an admin adds the identity to the chain"
	case errors.As(err, &answer):
		return a.explainAnswer(answer)
	case errors.Is(err, rpc.ErrNoMaster):
		return exitFailure, "is the chain running? " + start
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout, "try again, or give it longer with --timeout"
	case errors.Is(err, fs.ErrNotExist):
		return exitNotFound, ""
	}
	return exitFailure, ""
}

func (a *app) explainAnswer(e *transport.Error) (code int, hint string) {
	switch e.Code {
	case rpc.CodeNotFound:
		return exitNotFound, ""
	case rpc.CodeUnknown:
		return exitPending, "look whether it took effect: " + self() + " status" + a.flags()
	case rpc.CodeDigest:
		return exitDigest, ""
	case string(chain.Unknown), string(chain.NoGrant):
		return exitAuth, "act as another identity with --as, or have an admin grant it"
	case string(chain.NoLeader), string(chain.NoPlace):
		return exitTimeout, "try again, or give it longer with --timeout"
	}
	return exitRefused, ""
}

// refusedBy is the error of a transaction that is in the chain without effect.
func refusedBy(r rpc.Receipt) error {
	f := &abi.Fault{Code: r.Code, Reason: r.Reason, Message: r.Message}
	hint := ""
	switch {
	case strings.Contains(r.Message, "needs role"):
		hint = "act as an identity that has the role: --as NAME"
	case strings.Contains(r.Message, "a changed byte is a new version"):
		hint = "raise version in " + registry.ManifestFile + " and publish again"
	case strings.Contains(r.Message, "is not approved"):
		hint = "a reviewer approves it first: " + self() + " approve NAME VERSION"
	case strings.Contains(r.Message, "may not approve it"):
		hint = "another identity must approve it: --as NAME"
	case strings.Contains(r.Message, "was not declared in the manifest"):
		hint = "a version whose " + registry.ManifestFile + " lists it may get it: " + self() + " new --help"
	case r.Code != abi.SystemRejected: // a contract's migrate ended it
		hint = "see where: " + self() + " debug " + r.TxID.String()
	}
	return &exitError{code: exitRefused, err: f, hint: hint}
}

// fail reports an error: its lines and at most one hint, or one JSON object.
func (a *app) fail(cmd *cobra.Command, err error) int {
	var exit *exitError
	if errors.As(err, &exit) && exit.said {
		return exit.code
	}
	code, hint := a.explain(err)
	p := cli.Problem{Code: exitWords[code], Exit: code, Message: err.Error(), Fix: hint}
	_ = p.Print(a.output == "json", a.stdout, a.stderr) // where else to say that it can not be said?
	return code
}
