package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/consensus"
	"github.com/kalima-chain/kalima/chain/ledger"
	"github.com/kalima-chain/kalima/cmd/internal/cli"
	"github.com/kalima-chain/kalima/cmd/kalima/internal/devnet"
	"github.com/kalima-chain/kalima/node"
	"github.com/kalima-chain/kalima/node/keyring"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitAuth        = 4
	exitNotFound    = 5
	exitConflict    = 6
	exitRefused     = 7
	exitPending     = 8
	exitTimeout     = 9
	exitInterrupted = 130
)

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "what the exit codes mean",
		Long: `Exit codes of kalima:

    0  ok
    1  failure; for verify: something is wrong with a ledger
    2  usage: a flag, argument, address, key or value that can not work
    4  authorisation: no key file, identity not known on chain, no grant
    5  not found
    6  conflict: it exists already, or another process has it
    7  refused: a contract or a rule of the chain said no
    8  pending: sent, and what became of it is not known; asking again is safe
    9  timeout
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

var errInterrupted = errors.New("interrupted")

// usageError is a mistake on the command line, with the way to the manual.
func usageError(cmd *cobra.Command, err error) error {
	return &exitError{code: exitUsage, err: err, hint: self() + strings.TrimPrefix(cmd.CommandPath(), "kalima") + " --help"}
}

// invalid is an argument that can not work.
func invalid(err error) error { return &exitError{code: exitUsage, err: err} }

// exactArgs checks the number of arguments and says which ones are wanted.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		if len(args) < len(names) {
			return usageError(cmd, fmt.Errorf("%s is missing: want %s", names[len(args)], strings.Join(names, " ")))
		}
		return usageError(cmd, fmt.Errorf("%d arguments, want %d: %s", len(args), len(names), strings.Join(names, " ")))
	}
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasAvailableSubCommands() {
		return usageError(cmd, fmt.Errorf("no command %q", args[0]))
	}
	return usageError(cmd, fmt.Errorf("argument %q is not expected", args[0]))
}

func someArgs(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError(cmd, fmt.Errorf("%s is missing", name))
		}
		return nil
	}
}

// explain finds the exit code of an error, a word for programs, and a hint.
func (a *app) explain(err error) (code int, word, hint string) {
	var (
		exit    *exitError
		refused *transport.RefusedError
		wrong   *transport.WrongKeyError
		answer  *transport.Error
		busy    *devnet.BusyError
		child   *devnet.NodeError
	)
	if errors.As(err, &exit) {
		if exit.hint != "" || exit.code != exitFailure {
			return exit.code, exitWord(exit.code), exit.hint
		}
	}
	start := "start one: " + self() + " dev"
	switch {
	case errors.Is(err, rpc.ErrNoProfile):
		return exitNotFound, "no-profile", start + ", or name the folder of a running one with --home"
	case errors.Is(err, keyring.ErrNoKey):
		return exitAuth, "no-key", "list the keys: " + self() + " keys" + a.flags()
	case errors.As(err, &child):
		return child.Exit, child.Code, child.Fix
	case errors.Is(err, node.ErrInUse):
		return exitConflict, "in-use", "stop the other process first"
	case errors.As(err, &busy):
		return exitConflict, "in-use", "stop the other one first, or use another folder: " + self() + " dev --dir OTHER"
	case errors.Is(err, transport.ErrPortInUse):
		return exitConflict, "port-in-use", "stop the program that has the port, or make a new chain: " + self() + " dev --dir OTHER"
	case errors.Is(err, ledger.ErrWrongKey), errors.Is(err, consensus.ErrWrongKey):
		return exitAuth, "wrong-storage-key", "the node's storage.hex must be the one its files were written with"
	case errors.Is(err, ledger.ErrCorrupt), errors.Is(err, consensus.ErrCorrupt):
		return exitFailure, "damaged", "nothing was cut off or repaired; keep the folder and look at its disk. A majority goes on without it: " + self() + " node --dir DIR for each other node"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, ledger.ErrDiskFull):
		return exitFailure, "disk-full", "make room, then run the same command again"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return exitFailure, "permission", "choose a folder that this user may write to"
	case errors.As(err, &refused):
		return exitAuth, "unknown-identity", a.addHint()
	case errors.As(err, &wrong):
		return exitAuth, "wrong-node", "the profile is of another chain: was the folder made anew?"
	case errors.As(err, &answer):
		code, hint := a.explainCode(answer)
		return code, answer.Code, hint
	case errors.Is(err, rpc.ErrNoMaster):
		return exitFailure, "no-master", "is the chain running? start it: " + self() + " dev" + a.dirFlag()
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout, "timeout", "ask what the masters say: " + self() + " status" + a.flags()
	case errors.Is(err, transport.ErrLost):
		return exitFailure, "connection-lost", "ask what the masters say: " + self() + " status" + a.flags()
	}
	return exitFailure, "failure", ""
}

func (a *app) explainCode(e *transport.Error) (code int, hint string) {
	switch e.Code {
	case rpc.CodeNotFound:
		return exitNotFound, ""
	case rpc.CodeUnknown:
		return exitPending, "it is safe to look again later: " + self() + " status" + a.flags()
	case rpc.CodeBadRequest, rpc.CodeUnknownMethod, transport.CodeTooLarge:
		return exitUsage, ""
	case rpc.CodeTokenMismatch:
		return exitConflict, "start anew, without --from"
	case rpc.CodeCorrupt:
		return exitFailure, "find out where: " + self() + " verify --master all" + a.flags()
	}
	switch chain.Reason(e.Code) {
	case chain.Unknown:
		return exitAuth, a.addHint()
	case chain.NoGrant:
		return exitAuth, "an admin grants it: " + self() + " grant set " + a.who() + " --pub PATTERN --sub PATTERN" + a.flags()
	case chain.NoLeader:
		return exitTimeout, "more than half of the masters must be up: " + self() + " status" + a.flags()
	case chain.NoPlace:
		return exitTimeout, "the masters are busy: try again, or give it longer with --timeout 60s"
	case chain.Malformed, chain.BadSign, chain.Expired, chain.TooFar, chain.TooLarge, chain.Replayed:
		return exitRefused, ""
	}
	return exitFailure, ""
}

// who is the key this run acts as.
func (a *app) who() string {
	if a.as != "" {
		return a.as
	}
	if p, err := a.profile(); err == nil {
		return p.As
	}
	return "NAME"
}

func (a *app) addHint() string {
	return "an admin makes it known: " + self() + " identity add " + a.who() + " --role client" + a.flags()
}

func exitWord(code int) string {
	switch code {
	case exitUsage:
		return "usage"
	case exitAuth:
		return "auth"
	case exitNotFound:
		return "not-found"
	case exitConflict:
		return "conflict"
	case exitRefused:
		return "refused"
	case exitPending:
		return "pending"
	case exitTimeout:
		return "timeout"
	case exitInterrupted:
		return "interrupted"
	}
	return "failure"
}

// fail reports an error: one line and at most one hint, or one JSON object.
func (a *app) fail(cmd *cobra.Command, err error) int {
	var exit *exitError
	if errors.As(err, &exit) && exit.said {
		return exit.code
	}
	if exit == nil && strings.HasPrefix(err.Error(), "unknown command") {
		err = usageError(cmd, fmt.Errorf("no command %q", strings.Trim(strings.Fields(err.Error())[2], `"`)))
	}
	code, word, hint := a.explain(err)
	var refused *transport.RefusedError
	switch {
	case errors.As(err, &refused):
		err = errors.New(refused.Reason) // every master refuses for the same reason
	case err.Error() == rpc.ErrNoMaster.Error()+": "+context.DeadlineExceeded.Error():
		err = fmt.Errorf("%w: none answers within %v", rpc.ErrNoMaster, a.timeout)
	case err == context.DeadlineExceeded:
		err = fmt.Errorf("no answer within %v", a.timeout)
	}
	if code == exitInterrupted && a.output != "json" {
		return code
	}
	p := cli.Problem{Code: word, Exit: code, Message: err.Error(), Fix: hint}
	_ = p.Print(a.output == "json", a.stdout, a.stderr) // where else to say that it can not be said?
	return code
}

// refusal is the error of a transaction that is in the chain without effect.
func refusal(r *rpc.Receipt) error {
	f := abi.Fault{Code: r.Code, Reason: r.Reason, Message: r.Message}
	what := f.Error()
	switch r.Code {
	case abi.Rejected, abi.SystemRejected:
	default: // not what was put is at fault
		what = "a contract bound to the address failed: " + what
	}
	return &exitError{
		code: exitRefused,
		err:  fmt.Errorf("%s; block %d keeps the transaction, without effect", what, r.Height),
		hint: "look at it: " + self() + " tx " + r.TxID.String(),
	}
}
