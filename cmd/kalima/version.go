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
		Example: "  kalima version -o json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				SchemaVersion int    `json:"schemaVersion"`
				Version       string `json:"version"`
				Revision      string `json:"revision,omitempty"`
				Modified      bool   `json:"modified,omitempty"` // built from a tree with changes that are not committed
				Go            string `json:"go"`
				Platform      string `json:"platform"`
				ABI           int    `json:"abi"`
			}{SchemaVersion: schemaVersion, Version: "development", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, ABI: abi.Version}
			if info, ok := debug.ReadBuildInfo(); ok {
				if info.Main.Version != "" && info.Main.Version != "(devel)" {
					v.Version = info.Main.Version
				}
				for _, s := range info.Settings {
					switch s.Key {
					case "vcs.revision":
						v.Revision = s.Value
					case "vcs.modified":
						v.Modified = s.Value == "true"
					}
				}
			}
			if a.output == "json" {
				return a.printJSON(v)
			}
			fmt.Fprintf(a.stdout, "kalima %s, contract ABI %d, %s, %s\n", v.Version, v.ABI, v.Go, v.Platform)
			if v.Revision != "" {
				dirty := ""
				if v.Modified {
					dirty = ", with changes"
				}
				fmt.Fprintf(a.stdout, "revision %s%s\n", v.Revision, dirty)
			}
			return nil
		},
	}
}
