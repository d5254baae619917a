package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/rpc"
)

func (a *app) historyCmd() *cobra.Command {
	var (
		limit  int
		before uint64
	)
	cmd := &cobra.Command{
		Use:   "history ADDRESS KEY",
		Short: "list the events of a key, newest first",
		Long: `history lists what happened to a key, newest first: each value it had, when, by whom,
and in which block. Nothing is ever forgotten; --before goes on where a list ended.`,
		Example: `  kalima history /plant1/line2/press4 temperature
  kalima history /plant1/line2/press4 temperature --limit 0 -o json`,
		Args: exactArgs("ADDRESS", "KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := readable(args[0], args[1])
			if err != nil {
				return err
			}
			if limit < 0 {
				return invalid(fmt.Errorf("--limit %d is negative", limit))
			}
			c, err := a.connect(nil)
			if err != nil {
				return err
			}
			defer c.Close()
			ctx, cancel := a.context(cmd.Context())
			defer cancel()
			events, more := []rpc.Event{}, true
			q := rpc.HistoryQ{Address: address, Key: args[1], Before: abi.Sequence(before)}
			for more && (limit == 0 || len(events) < limit) {
				if q.Limit = rpc.MaxPage; limit > 0 {
					q.Limit = min(rpc.MaxPage, limit-len(events))
				}
				page, err := c.History(ctx, q)
				if err != nil {
					return err
				}
				events, more = append(events, page.Events...), page.More && len(page.Events) > 0
				if len(events) > 0 {
					q.Before = events[len(events)-1].Sequence
				}
			}
			return a.printHistory(address, args[1], events, more)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "at most this many events; 0 means all")
	cmd.Flags().Uint64Var(&before, "before", 0, "only events with a smaller sequence")
	return cmd
}

func (a *app) printHistory(address abi.Address, key string, events []rpc.Event, more bool) error {
	if a.output == "json" {
		out := make([]eventJSON, len(events))
		for i := range events {
			out[i] = asEvent(&events[i])
			out[i].SchemaVersion = 0
		}
		return a.printJSON(struct {
			SchemaVersion int         `json:"schemaVersion"`
			Address       abi.Address `json:"address"`
			Key           string      `json:"key"`
			Events        []eventJSON `json:"events"`
			More          bool        `json:"more"`
		}{schemaVersion, address, key, out, more})
	}
	if len(events) == 0 {
		return &exitError{code: exitNotFound, err: fmt.Errorf("%s never had a key %q", address, key),
			hint: "see what is there: " + self() + " ls " + shellWord(string(address)) + a.flags()}
	}
	rows := [][]string{{"SEQUENCE", "TIME (UTC)", "VALUE", "BLOCK", "SENDER", "TX"}}
	for i := range events {
		e := &events[i]
		rows = append(rows, []string{fmt.Sprint(e.Sequence), stamp(e.Time), show(e.Value, 32), fmt.Sprint(e.Height), e.Sender.Short(), e.TxID.Short()})
	}
	table(a.stdout, rows)
	if more {
		a.next("history %s %s --before %d%s", shellWord(string(address)), shellWord(key), events[len(events)-1].Sequence, a.flags())
	}
	return nil
}
