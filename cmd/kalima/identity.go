package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/node/keyring"
	"github.com/kalima-chain/kalima/node/rpc"
)

func (a *app) identityCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "identity",
		Short: "say who is known on chain: add, remove, ls",
		Long: `identity changes who is known on chain. Whoever is not can not even connect. Changes are
transactions of an admin, so they act as "admin" unless --as names another.`,
		Example: `  kalima identity add press4 --role client
  kalima identity ls`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var roles []string
	var key string
	add := &cobra.Command{
		Use:   "add NAME",
		Short: "make an identity known, or change its name and roles",
		Long: `add makes an identity known under a name. The identity is that of the key NAME in the home
folder, or with --key of another key there, or 64 hexadecimal digits.

Roles: ` + strings.Join(policy.Roles, ", ") + `. A role says what one may do with contracts and
policy; what one may read and write, a grant says: see "kalima grant set".`,
		Example: `  kalima identity add press4 --role client
  kalima identity add bob --key 5be0cd19137e2179c7f6e9a2b4f61d2b1f83d9abfb41bd6b9b05688c2b3e6c1f --role reviewer`,
		Args: exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if key == "" {
				key = args[0]
			}
			id, err := a.identityOf(key)
			if err != nil {
				return err
			}
			i := policy.Identity{Name: args[0], Roles: append([]string{}, roles...)}
			slices.Sort(i.Roles)
			if err := i.Check(); err != nil {
				return invalid(err)
			}
			if err := a.administer(cmd.Context(), policy.OpIdentityPut, policy.IdentityBody{ID: id, Identity: i}); err != nil {
				return err
			}
			a.next("grant set %s --pub PATTERN --sub PATTERN%s", args[0], a.flags())
			return nil
		},
	}
	add.Flags().StringSliceVar(&roles, "role", nil, "a role; may be given more than once")
	add.Flags().StringVar(&key, "key", "", "name of a key in the home folder, or an identity in hexadecimal (default NAME)")
	cmd.AddCommand(add, &cobra.Command{
		Use:     "remove NAME",
		Short:   "make an identity unknown, and end its connections",
		Example: "  kalima identity remove press4",
		Args:    exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := a.member(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.administer(cmd.Context(), policy.OpIdentityRemove, policy.TargetBody{ID: id})
		},
	}, &cobra.Command{
		Use:     "ls",
		Short:   "list who is known, their roles and grants",
		Example: "  kalima identity ls",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listMembers(cmd.Context()) },
	})
	return cmd
}

// identityOf reads an identity: a key of the home folder, or hexadecimal digits.
func (a *app) identityOf(s string) (abi.Identity, error) {
	if id, err := abi.ParseIdentity(s); err == nil {
		return id, nil
	}
	key, err := rpc.Keys(a.home).Load(s)
	if err != nil {
		if _, statErr := os.Stat(a.home); statErr != nil {
			_, err = a.profile() // the home is not there at all: say that instead
		}
		return abi.Identity{}, err
	}
	return keyring.Identity(key), nil
}

// admin makes the admin act unless --as names another.
func (a *app) admin() {
	if a.as == "" {
		a.as = "admin"
	}
}

// administer submits a system operation with a JSON body.
func (a *app) administer(ctx context.Context, op string, body any) error {
	a.admin()
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return a.submit(ctx, chain.System(op, b))
}

// memberJSON is an identity with its grants.
type memberJSON struct {
	Identity abi.Identity  `json:"identity"`
	Name     string        `json:"name"`
	Roles    []string      `json:"roles"`
	Pub      []abi.Pattern `json:"pub"`
	Sub      []abi.Pattern `json:"sub"`
}

// members reads who is known on chain, sorted by name.
func (a *app) members(ctx context.Context) ([]memberJSON, error) {
	a.admin()
	c, err := a.connect(nil)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ctx, cancel := a.context(ctx)
	defer cancel()
	items, _, err := allKeys(ctx, c, policy.Identities)
	if err != nil {
		return nil, err
	}
	grants, _, err := allKeys(ctx, c, policy.Grants)
	if err != nil {
		return nil, err
	}
	out := []memberJSON{}
	at := map[string]int{}
	for _, i := range items {
		var rec policy.Identity
		id, err := abi.ParseIdentity(i.Key)
		if err == nil {
			err = json.Unmarshal(i.Value, &rec)
		}
		if err != nil {
			return nil, fmt.Errorf("record %s %s: %w", i.Address, i.Key, err)
		}
		at[i.Key] = len(out)
		out = append(out, memberJSON{Identity: id, Name: rec.Name, Roles: append([]string{}, rec.Roles...), Pub: []abi.Pattern{}, Sub: []abi.Pattern{}})
	}
	for _, g := range grants {
		var rec policy.Grant
		if err := json.Unmarshal(g.Value, &rec); err != nil {
			return nil, fmt.Errorf("record %s %s: %w", g.Address, g.Key, err)
		}
		if i, ok := at[g.Key]; ok {
			out[i].Pub, out[i].Sub = append(out[i].Pub, rec.Pub...), append(out[i].Sub, rec.Sub...)
		}
	}
	slices.SortFunc(out, func(x, y memberJSON) int { return strings.Compare(x.Name, y.Name) })
	return out, nil
}

// member finds an identity by its name on chain, or takes hexadecimal digits.
func (a *app) member(ctx context.Context, name string) (abi.Identity, error) {
	if id, err := abi.ParseIdentity(name); err == nil {
		return id, nil
	}
	all, err := a.members(ctx)
	if err != nil {
		return abi.Identity{}, err
	}
	for _, m := range all {
		if m.Name == name {
			return m.Identity, nil
		}
	}
	return abi.Identity{}, &exitError{code: exitNotFound, err: fmt.Errorf("nobody on this chain is named %q", name),
		hint: "see who is: " + self() + " identity ls" + a.flags()}
}

func (a *app) listMembers(ctx context.Context) error {
	all, err := a.members(ctx)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.printJSON(struct {
			SchemaVersion int          `json:"schemaVersion"`
			Identities    []memberJSON `json:"identities"`
		}{schemaVersion, all})
	}
	rows := [][]string{{"NAME", "IDENTITY", "ROLES", "PUB", "SUB"}}
	for _, m := range all {
		rows = append(rows, []string{m.Name, m.Identity.Short(), dash(strings.Join(m.Roles, " ")), dash(join(m.Pub)), dash(join(m.Sub))})
	}
	table(a.stdout, rows)
	return nil
}

func join(patterns []abi.Pattern) string {
	var s []string
	for _, p := range patterns {
		s = append(s, string(p))
	}
	return strings.Join(s, " ")
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
