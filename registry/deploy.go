package registry

import (
	"fmt"
	"slices"

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
	changes := []change{{OwnersAddress, d.Instance, Owner{Contract: d.Name}}}
	for _, b := range bindings {
		if b.Version != "" && !b.Revoked && CompareVersions(d.Version, b.Version) < 0 {
			return nil, fmt.Errorf("%s runs %s, newer than %s: undeploy it first", d.Instance, b.Version, d.Version)
		}
		if !slices.Contains(rec.Phases, b.Phase) {
			return nil, fmt.Errorf("%s %s has no phase %s, which %s is deployed for", d.Name, d.Version, b.Phase, d.Instance)
		}
		changes = append(changes, change{BindingsAddress, b.key(), Binding{
			Instance: b.Instance, Phase: b.Phase, Pattern: b.Pattern,
			Name: rec.Name, Version: rec.Version, Digest: rec.Bundle, Deployed: env.stamp(),
		}})
	}
	return storeAll(changes...)
}

func (d Deploy) check() error {
	if err := CheckName(d.Instance); err != nil {
		return fmt.Errorf("instance: %w", err)
	}
	if p, ok := abi.ParsePhase(d.Phase); !ok || p != abi.Validate && p != abi.React {
		return fmt.Errorf("phase %s can not be deployed, only validate and react", short(d.Phase))
	}
	if len(d.Pattern) > MaxBindingPattern {
		return fmt.Errorf("pattern of %d bytes, at most %d", len(d.Pattern), MaxBindingPattern)
	}
	if _, err := abi.ParsePattern(string(d.Pattern)); err != nil {
		return err
	}
	if isSystem(d.Pattern) {
		return fmt.Errorf("pattern %q is under %s, where no contract runs", d.Pattern, abi.System)
	}
	return nil
}

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
