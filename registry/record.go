package registry

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kalima-chain/kalima/abi"
)

// Where the records stand on chain.
const (
	ContractsAddress = abi.System + "/contracts"
	BindingsAddress  = abi.System + "/bindings"
	OwnersAddress    = BindingsAddress + "/owners"
)

// VersionsAddress is where the versions of a contract stand.
func VersionsAddress(name string) abi.Address { return ContractsAddress + "/" + abi.Address(name) }

// Limits of what is deployed, so that a master can hold all bindings in memory and match
// each address against them.
const (
	MaxBindings         = 256
	MaxInstanceBindings = 8   // they change in one transaction, which must fit a block
	MaxBindingPattern   = 200 // bytes; instance, phase and pattern together are one key
)

// Status of a version.
type Status string

// The statuses. A revoked version never leaves that status.
const (
	StatusPublished Status = "published"
	StatusApproved  Status = "approved"
	StatusRevoked   Status = "revoked"
)

// Record is a version of a contract on chain. Nothing of it changes after publishing but
// Status, Approvals and Revocation.
type Record struct {
	Claims
	Bundle     abi.Digest `json:"bundle"`
	Artefact   abi.Digest `json:"artefact"`
	Source     abi.Digest `json:"source"`
	Size       int        `json:"size"` // bytes of the bundle
	Status     Status     `json:"status"`
	Published  Stamp      `json:"published"`
	Approvals  []Stamp    `json:"approvals,omitempty"`
	Revocation *Stamp     `json:"revocation,omitempty"`
}

// Stamp says who did something, and when.
type Stamp struct {
	By     abi.Identity `json:"by"`
	Name   string       `json:"name,omitempty"` // the identity's name on chain at that time
	Height abi.Height   `json:"height"`
	Time   abi.Time     `json:"time"` // microseconds since the Unix epoch
	Reason string       `json:"reason,omitempty"`
}

// Entry leads from the digest of a bundle to its version. A digest that was revoked before
// anybody published it has no version.
type Entry struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	Revoked *Stamp `json:"revoked,omitempty"`
}

// Binding says that a version runs, as an instance, in a phase, for the addresses that a
// pattern selects. All bindings of an instance have the same version.
type Binding struct {
	Instance     string      `json:"instance"` // names the state address, see abi.StateAddress
	Phase        string      `json:"phase"`
	Pattern      abi.Pattern `json:"pattern"`
	Name         string      `json:"name"`
	Version      string      `json:"version"`
	Digest       abi.Digest  `json:"bundle"`
	Deployed     Stamp       `json:"deployed"`
	Capabilities             // granted

	// The fields below come from the version's record; a stored binding leaves them out.

	Language Language      `json:"language,omitempty"`
	Write    []abi.Pattern `json:"write,omitempty"`
	Submit   []abi.Pattern `json:"submit,omitempty"`

	// Revoked says that the digest was revoked while deployed. The binding stays, so that
	// no event passes unchecked: a validate binding then refuses every event, a react
	// binding does not run.
	Revoked bool `json:"revoked,omitempty"`
}

// Owner says which contract an instance belongs to. It outlives the bindings, because the
// instance's state does.
type Owner struct {
	Contract string `json:"contract"`
	Version  string `json:"version,omitempty"` // that was deployed last
}

// Matches reports whether the binding is for the address. No binding is for the chain's own
// addresses, whatever its pattern, but those that name where contracts emit.
func (b Binding) Matches(a abi.Address) bool {
	if a.IsSystem() && !(isEvents(a) && isEvents(abi.Address(b.Pattern))) {
		return false
	}
	return b.Pattern.Match(a)
}

// PhaseOf returns the phase as a number.
func (b Binding) PhaseOf() abi.Phase { p, _ := abi.ParsePhase(b.Phase); return p }

// Check refuses a bundle that is not the one the binding names, or whose manifest says
// other things than its record on chain does. Node and reviewer call it after Open: whoever
// published the version wrote the record, and might have written what is not in the bundle.
func (b Binding) Check(bundle *Bundle) error {
	c := bundle.Manifest.claims()
	same := Claims{
		Name: b.Name, Version: b.Version, Language: b.Language, Phases: c.Phases,
		Write: b.Write, Submit: b.Submit, Description: c.Description, Capabilities: c.Capabilities,
	}
	if !same.equal(c) || b.within(c.Capabilities) != nil || !bundle.Manifest.HasPhase(b.PhaseOf()) {
		return fmt.Errorf("bundle %s: its manifest says other things than the record of %s %s", b.Digest.Short(), b.Name, b.Version)
	}
	return nil
}

// Check refuses a bundle that says other things than the record does.
func (r Record) Check(bundle *Bundle) error {
	if !r.Claims.equal(bundle.Manifest.claims()) || r.Artefact != DigestOf(bundle.Artefact) || r.Source != DigestOf(bundle.Source) {
		return fmt.Errorf("bundle %s: it says other things than the record of %s %s", r.Bundle.Short(), r.Name, r.Version)
	}
	return nil
}

func (b Binding) key() string { return b.Instance + " " + b.Phase + " " + string(b.Pattern) }

// Reader reads the chain's state as of one height.
type Reader interface {
	// Get returns the current value of a key.
	Get(abi.Address, string) (value []byte, ok bool)
	// Next returns the first key of the address greater than after, in byte order.
	Next(address abi.Address, after string) (key string, ok bool)
}

// Version returns the record of a version. ok is false when it was never published.
func Version(r Reader, name, version string) (rec Record, ok bool, err error) {
	if CheckName(name) != nil || CheckVersion(version) != nil {
		return Record{}, false, nil
	}
	ok, err = load(r, VersionsAddress(name), version, &rec)
	return rec, ok, err
}

// Versions returns every version of every contract, ordered by name and version.
func Versions(r Reader) ([]Record, error) {
	byName := map[string][]Record{}
	var names []string
	for key, ok := r.Next(ContractsAddress, ""); ok; key, ok = r.Next(ContractsAddress, key) {
		var e Entry
		if _, err := load(r, ContractsAddress, key, &e); err != nil {
			return nil, err
		}
		if e.Name == "" {
			continue
		}
		rec, ok, err := Version(r, e.Name, e.Version)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("digest %s: no record of %s %s", short(key), e.Name, e.Version)
		}
		if byName[rec.Name] == nil {
			names = append(names, rec.Name)
		}
		byName[rec.Name] = append(byName[rec.Name], rec)
	}
	return orderVersions(names, byName), nil
}

// Approved reports whether the bundle with that digest may run: some version names it,
// was approved, and was not revoked.
func Approved(r Reader, digest abi.Digest) bool {
	var e Entry
	if ok, err := load(r, ContractsAddress, digest.String(), &e); err != nil || !ok || e.Revoked != nil {
		return false
	}
	rec, ok, err := Version(r, e.Name, e.Version)
	return err == nil && ok && rec.Status == StatusApproved && rec.Bundle == digest
}

// Bindings returns every binding in the order of instance, phase and pattern, which is the
// order in which contracts run for one event.
func Bindings(r Reader) ([]Binding, error) {
	return bindingsAfter(r, "", func(string) bool { return true })
}

// InstanceBindings returns the bindings of one instance.
func InstanceBindings(r Reader, instance string) ([]Binding, error) {
	return bindingsAfter(r, instance+" ", func(key string) bool { return strings.HasPrefix(key, instance+" ") })
}

func bindingsAfter(r Reader, after string, in func(key string) bool) ([]Binding, error) {
	var all []Binding
	for key, ok := r.Next(BindingsAddress, after); ok && in(key); key, ok = r.Next(BindingsAddress, key) {
		var b Binding
		if _, err := load(r, BindingsAddress, key, &b); err != nil {
			return nil, err
		}
		rec, ok, err := Version(r, b.Name, b.Version)
		if err != nil {
			return nil, err
		}
		if !ok || rec.Bundle != b.Digest {
			return nil, fmt.Errorf("binding %s: %s %s is not bundle %s", short(key), b.Name, b.Version, b.Digest.Short())
		}
		b.Language, b.Write, b.Submit = rec.Language, rec.Write, rec.Submit
		b.Revoked = rec.Status == StatusRevoked
		all = append(all, b)
	}
	return all, nil
}

// load reads a record. An absent one leaves into as it is.
func load(r Reader, address abi.Address, key string, into any) (ok bool, err error) {
	value, ok := r.Get(address, key)
	if !ok || len(value) == 0 {
		return false, nil
	}
	if err := json.Unmarshal(value, into); err != nil {
		return false, fmt.Errorf("record %s %s: %w", address, short(key), err)
	}
	return true, nil
}

// store makes the write of a record.
func store(address abi.Address, key string, record any) (abi.Write, error) {
	value, err := json.Marshal(record)
	if err != nil {
		return abi.Write{}, fmt.Errorf("record %s %s: %w", address, short(key), err)
	}
	if err := abi.CheckValue(value); err != nil {
		return abi.Write{}, fmt.Errorf("record %s %s: %w", address, short(key), err)
	}
	return abi.Write{Address: address, Key: key, Value: value}, nil
}
