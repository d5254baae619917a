package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/cmd/kalima/internal/devnet"
)

func (a *app) nodeCmd() *cobra.Command {
	var dir string
	var child bool
	cmd := &cobra.Command{
		Use:   "node --dir DIR",
		Short: "run one node from its folder",
		Long: `node runs the node whose folder --dir names: a master or a client, as its node.json says.
It prints one line when it is ready, logs to stderr, and ends on Ctrl-C. "kalima dev
--processes" runs its nodes this way.`,
		Example: "  kalima node --dir .kalima/dev/nodes/master-1",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			if child {
				a.output = "json" // the parent reads errors
				go func() {
					io.Copy(io.Discard, a.stdin) // ends with the parent
					cancel()
				}()
			}
			if dir == "" {
				return usageError(cmd, fmt.Errorf("--dir is missing: which node?"))
			}
			return a.node(ctx, dir)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the node's folder")
	cmd.Flags().BoolVar(&child, "child", false, "end when stdin does, and print errors as JSON")
	cmd.Flags().MarkHidden("child")
	return cmd
}

func (a *app) node(ctx context.Context, dir string) error {
	n, err := devnet.ReadNode(dir)
	if err != nil {
		return err
	}
	engines, err := openRuntimes(filepath.Join(n.Data(), "code"), n.Storage)
	if err != nil {
		return err
	}
	defer engines.Close()
	log := slog.New(slog.NewTextHandler(a.stderr, nil))
	r, err := devnet.Start(ctx, n, engines.languages(), log)
	if err != nil {
		return err
	}
	address := n.Listen
	if r.Master != nil {
		address = r.Master.Address()
	}
	fmt.Fprintf(a.stdout, "ready %s %s %s\n", n.Name, n.Role, dash(address))
	select {
	case <-ctx.Done():
		return r.Close()
	case err := <-r.Failed():
		r.Close()
		return err
	}
}
