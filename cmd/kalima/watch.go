package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

func (a *app) watchCmd() *cobra.Command {
	var (
		from     uint64
		number   int
		snapshot bool
	)
	cmd := &cobra.Command{
		Use:   "watch PATTERN...",
		Short: "print events as they arrive",
		Long: `watch prints each event of the addresses that a pattern selects: * stands for one
segment, ** at the end for any number of them. It goes on, without a gap or a double,
when a master goes away and another takes over. Ctrl-C ends it.

--from SEQ starts with that event of one address, so that nothing is missed since.`,
		Example: `  kalima watch '/hosts/**'
  kalima watch /plant1/line2/press4 --from 1 --count 10
  kalima watch '/alarms/**' --snapshot -o json`,
		Args: someArgs("PATTERN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := rpc.WatchQ{Snapshot: snapshot, From: abi.Sequence(from)}
			for _, s := range args {
				p, err := abi.ParsePattern(s)
				if err != nil {
					return invalid(err)
				}
				q.Patterns = append(q.Patterns, p)
			}
			if cmd.Flags().Changed("from") {
				if _, err := abi.ParseAddress(args[0]); err != nil || len(args) > 1 {
					return invalid(errors.New("--from counts the events of one address: give one address, without *"))
				}
				if from == 0 {
					return invalid(errors.New("--from 0: sequences begin with 1"))
				}
				if snapshot {
					return invalid(errors.New("--from and --snapshot exclude each other"))
				}
			}
			if number < 0 {
				return invalid(fmt.Errorf("--count %d is negative", number))
			}
			return a.watch(cmd.Context(), q, number)
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&from, "from", 0, "begin with this sequence of the address")
	f.IntVar(&number, "count", 0, "stop after this many events; 0 means never")
	f.BoolVar(&snapshot, "snapshot", false, "begin with the current values")
	return cmd
}

// watch prints events until ctx ends or n were printed (0: no limit).
func (a *app) watch(ctx context.Context, q rpc.WatchQ, n int) error {
	c, err := a.connect(nil)
	if err != nil {
		return err
	}
	defer c.Close()
	printed := 0
	wait := 50 * time.Millisecond
	connected := false
	last := time.Now()
	for {
		err := a.watchOnce(ctx, c, &q, func(e *rpc.Event, snap bool) (bool, error) {
			printed++
			return n > 0 && printed >= n, a.printEvent(e, snap)
		}, func() {
			if !connected {
				connected = true
				a.say("watching; Ctrl-C ends")
			}
			wait, last = 50*time.Millisecond, time.Now()
		})
		switch {
		case err == errEnough:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil || errors.Is(err, io.EOF) || rpc.Retryable(err) && !errors.Is(err, errPrint):
		default:
			return err
		}
		if a.timeout > 0 && time.Since(last) > a.timeout {
			if err == nil {
				err = io.EOF
			}
			return fmt.Errorf("no master for %v: %w", a.timeout, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, 2*time.Second)
	}
}

var (
	errEnough = errors.New("enough events")
	errPrint  = errors.New("print event")
)

// watchOnce follows one stream. It moves q on, so that the next stream continues it.
func (a *app) watchOnce(ctx context.Context, c *rpc.Client, q *rpc.WatchQ, each func(*rpc.Event, bool) (bool, error), alive func()) error {
	dial, cancel := a.context(ctx)
	_, err := c.Head(dial) // finds a master that answers, before the stream begins
	cancel()
	if err != nil {
		return err
	}
	w, err := c.Watch(ctx, *q)
	if err != nil {
		return err
	}
	defer w.Close()
	// Frames between two tokens are parts of one block: a stream that breaks there sends
	// them again, so they are printed only once they are whole.
	var part []rpc.Event
	for {
		f, err := w.Recv()
		if errors.Is(err, transport.ErrClosed) && ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		alive()
		part = append(part, f.Events...)
		if f.Token == nil {
			continue
		}
		for i := range part {
			if part[i].Key == "" { // the last sequence of an address, in a snapshot: no value
				continue
			}
			enough, err := each(&part[i], f.Snapshot)
			if err != nil {
				return fmt.Errorf("%w: %w", errPrint, err)
			}
			if enough {
				return errEnough
			}
		}
		part = part[:0]
		q.Token, q.From, q.Snapshot = f.Token, 0, false
	}
}

// eventJSON is an event for programs.
type eventJSON struct {
	SchemaVersion int         `json:"schemaVersion,omitempty"`
	Address       abi.Address `json:"address"`
	Key           string      `json:"key"`
	Deleted       bool        `json:"deleted,omitempty"`
	valueJSON
	Sequence abi.Sequence `json:"sequence"`
	Height   abi.Height   `json:"height"`
	Index    uint32       `json:"index"`
	Time     string       `json:"time"`
	At       string       `json:"at,omitempty"`
	Sender   abi.Identity `json:"sender"`
	Tx       abi.TxID     `json:"tx"`
	Snapshot bool         `json:"snapshot,omitempty"`
}

func asEvent(e *rpc.Event) eventJSON {
	out := eventJSON{
		SchemaVersion: schemaVersion, Address: e.Address, Key: e.Key, Sequence: e.Sequence, Height: e.Height,
		Index: e.Index, Time: jsonTime(e.Time), At: jsonTime(e.At), Sender: e.Sender, Tx: e.TxID,
	}
	if out.Deleted = len(e.Value) == 0; !out.Deleted {
		out.valueJSON = asJSON(e.Value)
	}
	return out
}

func (a *app) printEvent(e *rpc.Event, snapshot bool) error {
	if a.output == "json" {
		out := asEvent(e)
		out.Snapshot = snapshot
		return a.printJSON(out)
	}
	what := printable(e.Key) + " = " + show(e.Value, 60)
	if len(e.Value) == 0 {
		what = printable(e.Key) + " deleted"
	}
	_, err := fmt.Fprintf(a.stdout, "%s  %s  %s  (sequence %d, block %d)\n", stamp(e.Time), e.Address, what, e.Sequence, e.Height)
	return err
}
