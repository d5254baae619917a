package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/keyring"
	"github.com/kalima-chain/kalima/node/rpc"
)

func (a *app) keysCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "list the keys of this home, or make one",
		Long: `keys lists the private keys in the home folder and the identities that sign with them.
A key alone may do nothing: an admin makes its identity known on chain, see
"kalima identity add", and says what it may do, see "kalima grant set".`,
		Example: `  kalima keys
  kalima keys new press4`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return a.listKeys() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "new NAME",
		Short:   "make a key",
		Long:    "new makes an Ed25519 key in the home folder, readable by its owner only, and prints its\nidentity. It never overwrites one.",
		Example: "  kalima keys new press4",
		Args:    exactArgs("NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := rpc.Keys(a.home).Create(args[0])
			if errors.Is(err, fs.ErrExist) {
				return &exitError{code: exitConflict, err: fmt.Errorf("key %s exists already", args[0]), hint: "list the keys: " + self() + " keys" + a.flags()}
			}
			var path *fs.PathError
			if err != nil && !errors.As(err, &path) {
				return invalid(err)
			}
			if err != nil {
				return err
			}
			id := keyring.Identity(key)
			if a.output == "json" {
				return a.printJSON(keyJSON{SchemaVersion: schemaVersion, Name: args[0], Identity: id})
			}
			fmt.Fprintln(a.stdout, id)
			a.next("identity add %s --role client --as admin%s", args[0], a.flags())
			return nil
		},
	})
	return cmd
}

type keyJSON struct {
	SchemaVersion int          `json:"schemaVersion,omitempty"`
	Name          string       `json:"name"`
	Identity      abi.Identity `json:"identity"`
	Default       bool         `json:"default,omitempty"`
}

func (a *app) listKeys() error {
	ring := rpc.Keys(a.home)
	names, err := ring.Names()
	if err != nil {
		return err
	}
	as := ""
	p, err := a.profile()
	switch {
	case err == nil:
		as = p.As
	case len(names) == 0 || !errors.Is(err, rpc.ErrNoProfile):
		return err
	}
	keys := []keyJSON{}
	for _, n := range names {
		key, err := ring.Load(n)
		if err != nil {
			return err
		}
		keys = append(keys, keyJSON{Name: n, Identity: keyring.Identity(key), Default: n == as})
	}
	if a.output == "json" {
		return a.printJSON(struct {
			SchemaVersion int       `json:"schemaVersion"`
			Keys          []keyJSON `json:"keys"`
		}{schemaVersion, keys})
	}
	rows := [][]string{{"NAME", "IDENTITY", ""}}
	for _, k := range keys {
		note := ""
		if k.Default {
			note = "used without --as"
		}
		rows = append(rows, []string{k.Name, k.Identity.String(), note})
	}
	table(a.stdout, rows)
	return nil
}
