package registry

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kalima-chain/kalima/abi"
)

func deploy(r Reader, env Env, d Deploy) ([]abi.Write, error) {
	if err := env.need(RoleOperator); err != nil {
		return nil, err
	}
	if d.Instance == "" {
		d.Instance = d.Name
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	rec, err := exact(r, d.Name, d.Version, d.Bundle)
	if err != nil {
		return nil, err
	}
	switch rec.Status {
	case StatusApproved:
	case StatusRevoked:
		return nil, revokedError(rec)
	default:
		return nil, fmt.Errorf("%s %s is not approved", d.Name, d.Version)
	}
	if err := ownerAllows(r, d); err != nil {
		return nil, err
	}
	if err := d.within(rec.Capabilities); err != nil {
		return nil, fmt.Errorf("%s %s: %w", d.Name, d.Version, err)
	}
	bindings, err := InstanceBindings(r, d.Instance)
	if err != nil {
		return nil, err
	}
	wanted := Binding{Instance: d.Instance, Phase: d.Phase, Pattern: d.Pattern}
	if !slices.ContainsFunc(bindings, func(b Binding) bool { return b.key() == wanted.key() }) {
		if err := roomFor(r, bindings, d.Instance); err != nil {
			return nil, err
		}
		bindings = append(bindings, wanted)
	}
	changes := []change{{OwnersAddress, d.Instance, Owner{Contract: d.Name, Version: d.Version}}}
	for _, b := range bindings {
		if b.Version != "" && !b.Revoked && CompareVersions(d.Version, b.Version) < 0 {
			return nil, fmt.Errorf("%s runs %s, newer than %s: undeploy it first", d.Instance, b.Version, d.Version)
		}
		if !slices.Contains(rec.Phases, b.Phase) {
			return nil, fmt.Errorf("%s %s has no phase %s, which %s is deployed for", d.Name, d.Version, b.Phase, d.Instance)
		}
		changes = append(changes, change{BindingsAddress, b.key(), Binding{
			Instance: b.Instance, Phase: b.Phase, Pattern: b.Pattern,
			Name: rec.Name, Version: rec.Version, Digest: rec.Bundle, Deployed: env.stamp(), Capabilities: d.Capabilities,
		}})
	}
	return storeAll(changes...)
}

func (d Deploy) check() error {
	if err := CheckName(d.Instance); err != nil {
		return fmt.Errorf("instance: %w", err)
	}
	p, ok := abi.ParsePhase(d.Phase)
	if !ok || p == abi.Migrate {
		return fmt.Errorf("phase %s can not be deployed, only validate, react and query", short(d.Phase))
	}
	if err := d.Capabilities.check(); err != nil {
		return err
	}
	if len(d.Pattern) > MaxBindingPattern {
		return fmt.Errorf("pattern of %d bytes, at most %d", len(d.Pattern), MaxBindingPattern)
	}
	if _, err := abi.ParsePattern(string(d.Pattern)); err != nil {
		return err
	}
	if isSystem(d.Pattern) && (p != abi.React || !isEvents(abi.Address(d.Pattern))) {
		return fmt.Errorf("pattern %q is under %s, where no contract runs but react contracts on %s/NAME", d.Pattern, abi.System, abi.EventsRoot)
	}
	return nil
}

// Migration tells whether a deployment that Apply accepted replaces another version under
// its instance, and by one that has the phase migrate. The binding is that of the new
// version, in that phase; from is the version that ran last, deployed still or not.
func Migration(r Reader, body []byte) (b Binding, from string, ok bool, err error) {
	var d Deploy
	if err := decodeJSON(body, &d); err != nil {
		return Binding{}, "", false, err
	}
	if d.Instance == "" {
		d.Instance = d.Name
	}
	var o Owner
	if _, err := load(r, OwnersAddress, d.Instance, &o); err != nil {
		return Binding{}, "", false, err
	}
	rec, err := exact(r, d.Name, d.Version, d.Bundle)
	if err != nil {
		return Binding{}, "", false, err
	}
	if o.Version == "" || o.Version == d.Version || !slices.Contains(rec.Phases, abi.Migrate.String()) {
		return Binding{}, "", false, nil
	}
	return Binding{
		Instance: d.Instance, Phase: abi.Migrate.String(), Name: rec.Name, Version: rec.Version, Digest: rec.Bundle,
		Language: rec.Language, Write: rec.Write, Submit: rec.Submit,
	}, o.Version, true, nil
}

// isEvents tells whether an address, or all that a pattern selects, is where contracts emit.
func isEvents(a abi.Address) bool { return strings.HasPrefix(string(a), string(abi.EventsRoot)+"/") }

// ownerAllows refuses an instance that holds another contract's state.
func ownerAllows(r Reader, d Deploy) error {
	var o Owner
	ok, err := load(r, OwnersAddress, d.Instance, &o)
	if err != nil {
		return err
	}
	if ok && o.Contract != d.Name {
		return fmt.Errorf("instance %s holds the state of contract %s, not of %s", d.Instance, o.Contract, d.Name)
	}
	return nil
}

func roomFor(r Reader, ofInstance []Binding, instance string) error {
	if len(ofInstance) >= MaxInstanceBindings {
		return fmt.Errorf("%s has %d bindings already, at most %d", instance, len(ofInstance), MaxInstanceBindings)
	}
	all := 0
	for key, ok := r.Next(BindingsAddress, ""); ok; key, ok = r.Next(BindingsAddress, key) {
		all++
	}
	if all >= MaxBindings {
		return fmt.Errorf("the chain has %d bindings already, at most %d", all, MaxBindings)
	}
	return nil
}

func undeploy(r Reader, env Env, u Undeploy) ([]abi.Write, error) {
	if err := env.need(RoleOperator); err != nil {
		return nil, err
	}
	if err := CheckName(u.Instance); err != nil {
		return nil, fmt.Errorf("instance: %w", err)
	}
	if (u.Phase == "") != (u.Pattern == "") {
		return nil, fmt.Errorf("name both phase and pattern, or neither")
	}
	bindings, err := InstanceBindings(r, u.Instance)
	if err != nil {
		return nil, err
	}
	var writes []abi.Write
	for _, b := range bindings {
		if u.Phase == "" || b.Phase == u.Phase && b.Pattern == u.Pattern {
			writes = append(writes, abi.Write{Address: BindingsAddress, Key: b.key()})
		}
	}
	if len(writes) == 0 {
		if u.Phase != "" {
			return nil, fmt.Errorf("%s is not deployed for phase %s on %s", u.Instance, short(u.Phase), short(string(u.Pattern)))
		}
		return nil, fmt.Errorf("%s is not deployed", u.Instance)
	}
	return writes, nil
}

// orderVersions puts versions in the order of name, then of version.
func orderVersions(names []string, byName map[string][]Record) []Record {
	slices.Sort(names)
	var all []Record
	for _, name := range names {
		records := byName[name]
		slices.SortFunc(records, func(a, b Record) int { return CompareVersions(a.Version, b.Version) })
		all = append(all, records...)
	}
	return all
}
