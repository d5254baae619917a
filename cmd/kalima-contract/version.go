package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
)

func (a *app) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "say which build this is",
		Example: "  kalima-contract version -o json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			version := "(devel)"
			if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
				version = info.Main.Version
			}
			if a.output == "json" {
				return a.printJSON(struct {
					SchemaVersion int    `json:"schemaVersion"`
					Version       string `json:"version"`
					ABI           int    `json:"abi"`
					Go            string `json:"go"`
				}{schemaVersion, version, abi.Version, runtime.Version()})
			}
			_, err := fmt.Fprintf(a.stdout, "kalima-contract %s, contract ABI %d, %s %s/%s\n", version, abi.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
