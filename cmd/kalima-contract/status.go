package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/registry"
)

func (a *app) statusCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "status [NAME]",
		Short:   "show the registry: versions, approvals, and what is deployed where",
		Example: "  kalima-contract status\n  kalima-contract status meter -o json",
		Args:    args("[NAME]"),
		RunE: func(cmd *cobra.Command, given []string) error {
			name := ""
			if len(given) > 0 {
				name = given[0]
			}
			return a.status(cmd.Context(), name)
		},
	}
}

func (a *app) status(ctx context.Context, name string) error {
	c, err := a.connect("")
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := a.context(ctx)
	defer cancel()
	r := readRecords(ctx, c)
	versions, verr := registry.Versions(r)
	bindings, berr := registry.Bindings(r)
	if r.err != nil { // what could not be read looks like what is not there
		return r.err
	}
	if err := errors.Join(verr, berr); err != nil {
		return err
	}
	if name != "" {
		versions = slices.DeleteFunc(versions, func(v registry.Record) bool { return v.Name != name })
		bindings = slices.DeleteFunc(bindings, func(b registry.Binding) bool { return b.Name != name })
		if len(versions) == 0 {
			return &exitError{code: exitNotFound, err: fmt.Errorf("no contract %s in the registry", name)}
		}
	}
	if a.output == "json" {
		return a.printJSON(struct {
			SchemaVersion int                `json:"schemaVersion"`
			Versions      []registry.Record  `json:"versions"`
			Bindings      []registry.Binding `json:"bindings"`
		}{schemaVersion, append([]registry.Record{}, versions...), append([]registry.Binding{}, bindings...)})
	}
	if len(versions) == 0 {
		a.say("the registry is empty")
		a.next("publish%s", a.flags())
		return nil
	}
	rows := [][]string{{"CONTRACT", "VERSION", "STATUS", "LANGUAGE", "BUNDLE", "AUTHOR", "APPROVED BY"}}
	for _, v := range versions {
		var by []string
		for _, s := range v.Approvals {
			by = append(by, who(s))
		}
		rows = append(rows, []string{v.Name, v.Version, string(v.Status), string(v.Language), v.Bundle.Short(), who(v.Published), orDash(strings.Join(by, ", "))})
	}
	table(a.stdout, rows)
	if len(bindings) == 0 {
		return nil
	}
	fmt.Fprintln(a.stdout)
	rows = [][]string{{"INSTANCE", "PHASE", "CONTRACT", "VERSION", "PATTERN"}}
	for _, b := range bindings {
		pattern := string(b.Pattern)
		for _, o := range b.HTTP {
			pattern += "  http " + o
		}
		if b.Clock {
			pattern += "  clock"
		}
		if b.Revoked {
			pattern += "  REVOKED: refuses every event"
		}
		rows = append(rows, []string{b.Instance, b.Phase, b.Name, b.Version, pattern})
	}
	table(a.stdout, rows)
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
