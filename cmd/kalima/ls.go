package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/rpc"
)

func (a *app) lsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "ls [ADDRESS | PATTERN]",
		Short: "list the keys of an address, or the addresses of a pattern",
		Long: `ls ADDRESS lists the keys of an address with their current values. ls PATTERN lists
addresses with the number of events each had: * stands for one segment, and ** at the
end for any number of them. Without an argument it lists every address you may see.`,
		Example: `  kalima ls
  kalima ls /plant1/line2/press4
  kalima ls '/plant1/**'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return exactArgs("ADDRESS")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] == "/" {
				args = []string{"/**"}
			}
			if strings.Contains(args[0], "*") {
				p, err := abi.ParsePattern(args[0])
				if err != nil {
					return invalid(err)
				}
				return a.lsAddresses(cmd.Context(), p)
			}
			address, err := abi.ParseAddress(strings.TrimSuffix(args[0], "/"))
			if err != nil {
				return invalid(err)
			}
			return a.lsKeys(cmd.Context(), address)
		},
	}
}

func (a *app) lsKeys(ctx context.Context, address abi.Address) error {
	c, err := a.connect(nil)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := a.context(ctx)
	defer cancel()
	items, height, err := allKeys(ctx, c, address)
	if err != nil {
		return err
	}
	if a.output == "json" {
		out := make([]itemJSON, len(items))
		for i := range items {
			out[i] = asItem(&items[i])
			out[i].SchemaVersion = 0
		}
		return a.printJSON(struct {
			SchemaVersion int         `json:"schemaVersion"`
			Address       abi.Address `json:"address"`
			Height        abi.Height  `json:"height"`
			Keys          []itemJSON  `json:"keys"`
		}{schemaVersion, address, height, out})
	}
	if len(items) == 0 {
		a.say("%s has no keys", address)
		if below, err := c.List(ctx, rpc.ListQ{Pattern: abi.Pattern(address) + "/**", Limit: 1}); err == nil && len(below.Addresses) > 0 {
			a.next("ls %s%s", shellWord(string(address)+"/**"), a.flags())
		}
		return nil
	}
	rows := [][]string{{"KEY", "VALUE", "SEQUENCE", "BLOCK", "TIME (UTC)"}}
	for _, i := range items {
		rows = append(rows, []string{printable(i.Key), show(i.Value, 40), fmt.Sprint(i.Sequence), fmt.Sprint(i.Height), stamp(i.Time)})
	}
	table(a.stdout, rows)
	return nil
}

func allKeys(ctx context.Context, c *rpc.Client, address abi.Address) (items []rpc.Item, height abi.Height, err error) {
	for after := ""; ; {
		page, err := c.List(ctx, rpc.ListQ{Address: address, After: after})
		if err != nil {
			return nil, 0, err
		}
		items, height = append(items, page.Items...), page.Height
		if !page.More || len(page.Items) == 0 {
			return items, height, nil
		}
		after = items[len(items)-1].Key
	}
}

func (a *app) lsAddresses(ctx context.Context, p abi.Pattern) error {
	c, err := a.connect(nil)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := a.context(ctx)
	defer cancel()
	all := []rpc.AddressInfo{}
	var height abi.Height
	for after := ""; ; {
		page, err := c.List(ctx, rpc.ListQ{Pattern: p, After: after})
		if err != nil {
			return err
		}
		all, height = append(all, page.Addresses...), page.Height
		if !page.More || len(page.Addresses) == 0 {
			break
		}
		after = string(all[len(all)-1].Address)
	}
	if a.output == "json" {
		return a.printJSON(struct {
			SchemaVersion int               `json:"schemaVersion"`
			Pattern       abi.Pattern       `json:"pattern"`
			Height        abi.Height        `json:"height"`
			Addresses     []rpc.AddressInfo `json:"addresses"`
		}{schemaVersion, p, height, all})
	}
	if len(all) == 0 {
		a.say("no address of %s has events that you may see", p)
		return nil
	}
	rows := [][]string{{"ADDRESS", "EVENTS"}}
	for _, i := range all {
		rows = append(rows, []string{string(i.Address), thousands(i.Sequence)})
	}
	table(a.stdout, rows)
	return nil
}
