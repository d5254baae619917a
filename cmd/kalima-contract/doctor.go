package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/devsecops/toolchain"
	"github.com/kalima-chain/kalima/registry"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

func (a *app) doctorCmd() *cobra.Command {
	var fix bool
	var only []string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "find the compilers, and install what is missing",
		Long: `doctor looks for what contracts in C, Go and Rust are built with, and says version
and path. JavaScript and Starlark need no compiler. With --fix it installs what is
missing with apt-get, as root. It exits with 3 when something is missing.

Its last lines say what confines the processes in which contracts in JavaScript and
Starlark run here. What the system lacks is named, and is no failure.`,
		Example: "  kalima-contract doctor --fix\n  kalima-contract doctor --for c,rust -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			languages, err := parseLanguages(only)
			if err != nil {
				return err
			}
			look := func() []*toolchain.Toolchain {
				var wanted []*toolchain.Toolchain
				for _, t := range toolchain.FindAll(cmd.Context()) {
					if languages[t.Language] {
						wanted = append(wanted, t)
					}
				}
				return wanted
			}
			found := look()
			var fixErr error
			if missing := toolchain.Missing(found); fix && len(missing) > 0 {
				a.say("installing %s", strings.Join(missing, " "))
				if fixErr = toolchain.Fix(cmd.Context(), missing, a.talk()); fixErr == nil {
					found = look()
				}
			}
			return a.reportTools(found, confinement(cmd.Context()), fixErr)
		},
	}
	cmd.Flags().BoolVar(&fix, "fix", false, "install what is missing")
	cmd.Flags().StringSliceVar(&only, "for", nil, "languages to look at (default: all)")
	return cmd
}

func parseLanguages(names []string) (map[registry.Language]bool, error) {
	chosen := map[registry.Language]bool{}
	for _, l := range registry.Languages() {
		chosen[l] = len(names) == 0
	}
	for _, n := range names {
		if _, ok := chosen[registry.Language(n)]; !ok {
			return nil, &exitError{code: exitUsage, err: fmt.Errorf("language %q: want c, go, rust, js or starlark", n)}
		}
		chosen[registry.Language(n)] = true
	}
	return chosen, nil
}

// pieceJSON is a part of what confines a contract's process.
type pieceJSON struct {
	Name    string `json:"name"`
	Missing string `json:"missing,omitempty"`
}

// confinement starts a worker and asks what confines it.
func confinement(ctx context.Context) []pieceJSON {
	pieces, err := workerPieces(ctx)
	if err != nil {
		return []pieceJSON{{"a process for contracts", err.Error()}}
	}
	var out []pieceJSON
	for _, p := range pieces {
		out = append(out, pieceJSON{p.Name, p.Missing})
	}
	return out
}

func workerPieces(ctx context.Context) ([]worker.Piece, error) {
	rt, err := worker.New(worker.Config{Engine: "starlark", Processes: 1})
	if err != nil {
		return nil, err
	}
	defer rt.Close()
	return rt.Sandbox(ctx)
}

func (a *app) reportTools(found []*toolchain.Toolchain, sandbox []pieceJSON, fixErr error) error {
	ok := true
	rows := [][]string{}
	for _, t := range found {
		ok = ok && t.OK()
		if len(t.Tools) == 0 {
			rows = append(rows, []string{"ok", string(t.Language), "built in"})
		}
		for _, tool := range t.Tools {
			if tool.Problem != "" {
				rows = append(rows, []string{"MISSING", string(t.Language), tool.Name, "", tool.Problem})
				continue
			}
			rows = append(rows, []string{"ok", string(t.Language), tool.Name, tool.Version, tool.Path})
		}
	}
	for _, p := range sandbox {
		if p.Missing != "" {
			rows = append(rows, []string{"absent", "sandbox", p.Name, "", p.Missing})
			continue
		}
		rows = append(rows, []string{"ok", "sandbox", p.Name})
	}
	missing := toolchain.Missing(found)
	if a.output == "json" {
		err := a.printJSON(struct {
			SchemaVersion int                    `json:"schemaVersion"`
			OK            bool                   `json:"ok"`
			Missing       []string               `json:"missing_packages"`
			Toolchains    []*toolchain.Toolchain `json:"toolchains"`
			Sandbox       []pieceJSON            `json:"sandbox"`
		}{schemaVersion, ok, append([]string{}, missing...), found, sandbox})
		if err != nil {
			return err
		}
	} else {
		table(a.stdout, rows)
	}
	if fixErr != nil {
		return a.fixFailed(missing, fixErr)
	}
	if ok {
		return nil
	}
	if len(missing) > 0 {
		a.next("doctor --fix")
	}
	return &exitError{code: exitFindings, err: errors.New("tools are missing"), said: true}
}

func (a *app) fixFailed(missing []string, err error) error {
	hint := "see what apt-get said above, and run it again"
	if errors.Is(err, toolchain.ErrCannotInstall) {
		hint = "install with your system's packages: clang and lld with the target wasm32, wasi-libc and compiler-rt for it, rustc with the target wasm32-unknown-unknown" +
			" (Debian, as root: apt-get install " + strings.Join(missing, " ") + ")"
	}
	if a.output == "json" { // the report is on stdout already: one object, the error on stderr
		a.say("error: %v\nhint: %s", err, hint)
		return &exitError{code: exitFindings, err: err, said: true}
	}
	return &exitError{code: exitFindings, err: err, hint: hint}
}
