package registry

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kalima-chain/kalima/abi"
)

// The roles an identity can have on chain.
const (
	RoleAdmin    = "admin"
	RoleMaster   = "master"
	RoleClient   = "client"
	RoleAuthor   = "author"
	RoleReviewer = "reviewer"
	RoleOperator = "operator"
)

// Roles lists every role.
func Roles() []string {
	return []string{RoleAdmin, RoleMaster, RoleClient, RoleAuthor, RoleReviewer, RoleOperator}
}

// The system operations of the registry.
const (
	OpPublish  = "contract.publish"
	OpApprove  = "contract.approve"
	OpDeploy   = "contract.deploy"
	OpUndeploy = "contract.undeploy"
	OpRevoke   = "contract.revoke"
)

// Limits of an operation, in bytes.
const (
	MaxBody   = 6 << 10 // body and record stand in one block of 16 KiB
	MaxReason = 400
)

// Publish is the body of contract.publish. The node that stores the bundle does not matter:
// whoever opens it finds out whether it is the one named here.
type Publish struct {
	Claims
	Bundle   abi.Digest `json:"bundle"`
	Artefact abi.Digest `json:"artefact"`
	Source   abi.Digest `json:"source"`
	Size     int        `json:"size"` // bytes of the bundle
}

// Approve is the body of contract.approve. It names the exact bytes, so that nobody
// approves what another put in their place.
type Approve struct {
	Name    string     `json:"name"`
	Version string     `json:"version"`
	Bundle  abi.Digest `json:"bundle"`
}

// Deploy is the body of contract.deploy. Deploying another version under an instance that
// is deployed already moves all its bindings to that version.
type Deploy struct {
	Name         string      `json:"name"`
	Version      string      `json:"version"`
	Bundle       abi.Digest  `json:"bundle"`
	Instance     string      `json:"instance"` // empty means Name
	Phase        string      `json:"phase"`
	Pattern      abi.Pattern `json:"pattern"`
	Capabilities             // granted to the instance from now on; none when left out
}

// Undeploy is the body of contract.undeploy. With neither phase nor pattern it removes
// every binding of the instance. The instance's state stays.
type Undeploy struct {
	Instance string      `json:"instance"`
	Phase    string      `json:"phase,omitempty"`
	Pattern  abi.Pattern `json:"pattern,omitempty"`
}

// Revoke is the body of contract.revoke. It bars a digest on this chain for ever, under
// whatever name, whether it was published or not.
type Revoke struct {
	Bundle abi.Digest `json:"bundle"`
	Reason string     `json:"reason"`
}

// Env says who asks, and when. Height and Time are those of the block being built.
type Env struct {
	Sender abi.Identity
	Name   string   // the sender's name on chain
	Roles  []string // the sender's roles
	Height abi.Height
	Time   abi.Time
}

// Apply runs a system operation and returns what it writes, all of it under
// ContractsAddress and BindingsAddress. A fault has code SystemRejected and writes
// nothing. Apply depends on its arguments alone, so every master gets the same result.
func Apply(r Reader, env Env, op string, body []byte) ([]abi.Write, *abi.Fault) {
	if len(body) > MaxBody {
		return nil, refuse(op, fmt.Errorf("body of %d bytes, at most %d", len(body), MaxBody))
	}
	var writes []abi.Write
	var err error
	switch op {
	case OpPublish:
		writes, err = run(r, env, body, publish)
	case OpApprove:
		writes, err = run(r, env, body, approve)
	case OpDeploy:
		writes, err = run(r, env, body, deploy)
	case OpUndeploy:
		writes, err = run(r, env, body, undeploy)
	case OpRevoke:
		writes, err = run(r, env, body, revoke)
	default:
		return nil, refuse(short(op), fmt.Errorf("not an operation of the registry"))
	}
	if err != nil {
		return nil, refuse(op, err)
	}
	return writes, nil
}

func refuse(op string, err error) *abi.Fault {
	return abi.Faultf(abi.SystemRejected, "%s: %v", op, err)
}

func run[B any](r Reader, env Env, body []byte, operation func(Reader, Env, B) ([]abi.Write, error)) ([]abi.Write, error) {
	var b B
	if err := decodeJSON(body, &b); err != nil {
		return nil, err
	}
	return operation(r, env, b)
}

func (e Env) stamp() Stamp {
	return Stamp{By: e.Sender, Name: e.Name, Height: e.Height, Time: e.Time}
}

// need refuses a sender that has none of the roles.
func (e Env) need(role string) error {
	if slices.Contains(e.Roles, role) || slices.Contains(e.Roles, RoleAdmin) {
		return nil
	}
	return fmt.Errorf("%s may not: needs role %s or admin, has %s", e.who(), role, orNone(e.Roles))
}

func (e Env) who() string {
	if e.Name != "" {
		return e.Name
	}
	return e.Sender.Short()
}

func orNone(roles []string) string {
	if len(roles) == 0 {
		return "none"
	}
	return strings.Join(roles, ", ")
}

func publish(r Reader, env Env, p Publish) ([]abi.Write, error) {
	if err := env.need(RoleAuthor); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if p.Size <= prefix || p.Size > MaxBundle {
		return nil, fmt.Errorf("bundle of %d bytes, at most %d", p.Size, MaxBundle)
	}
	zero := abi.Digest{}
	if p.Bundle == zero || p.Artefact == zero || p.Source == zero {
		return nil, fmt.Errorf("bundle, artefact and source need a digest each")
	}
	if old, ok, err := Version(r, p.Name, p.Version); err != nil {
		return nil, err
	} else if ok {
		return nil, fmt.Errorf("%s %s exists with bundle %s: a changed byte is a new version", p.Name, p.Version, old.Bundle.Short())
	}
	var e Entry
	if _, err := load(r, ContractsAddress, p.Bundle.String(), &e); err != nil {
		return nil, err
	}
	if e.Revoked != nil {
		return nil, fmt.Errorf("bundle %s was revoked at height %d", p.Bundle.Short(), e.Revoked.Height)
	}
	if e.Name != "" {
		return nil, fmt.Errorf("bundle %s is %s %s already", p.Bundle.Short(), e.Name, e.Version)
	}
	rec := Record{
		Claims: p.Claims, Bundle: p.Bundle, Artefact: p.Artefact, Source: p.Source, Size: p.Size,
		Status: StatusPublished, Published: env.stamp(),
	}
	return storeAll(
		change{VersionsAddress(p.Name), p.Version, rec},
		change{ContractsAddress, p.Bundle.String(), Entry{Name: p.Name, Version: p.Version}},
	)
}

func approve(r Reader, env Env, a Approve) ([]abi.Write, error) {
	if err := env.need(RoleReviewer); err != nil {
		return nil, err
	}
	rec, err := exact(r, a.Name, a.Version, a.Bundle)
	if err != nil {
		return nil, err
	}
	if env.Sender == rec.Published.By {
		return nil, fmt.Errorf("%s published %s %s and may not approve it", env.who(), a.Name, a.Version)
	}
	if rec.Status == StatusRevoked {
		return nil, revokedError(rec)
	}
	for _, s := range rec.Approvals {
		if s.By == env.Sender {
			return nil, fmt.Errorf("%s approved %s %s already, at height %d", env.who(), a.Name, a.Version, s.Height)
		}
	}
	if len(rec.Approvals) == maxApprovals {
		return nil, fmt.Errorf("%s %s has %d approvals already", a.Name, a.Version, maxApprovals)
	}
	rec.Approvals = append(slices.Clip(rec.Approvals), env.stamp())
	rec.Status = StatusApproved
	return storeAll(change{VersionsAddress(a.Name), a.Version, rec})
}

// maxApprovals keeps a record within one value. One approval is enough today.
const maxApprovals = 16

func revoke(r Reader, env Env, v Revoke) ([]abi.Write, error) {
	if err := env.need(RoleReviewer); err != nil {
		return nil, err
	}
	if v.Reason == "" || len(v.Reason) > MaxReason {
		return nil, fmt.Errorf("reason of %d bytes, want 1 to %d", len(v.Reason), MaxReason)
	}
	if err := checkText("reason", v.Reason); err != nil {
		return nil, err
	}
	var e Entry
	if _, err := load(r, ContractsAddress, v.Bundle.String(), &e); err != nil {
		return nil, err
	}
	if e.Revoked != nil {
		return nil, fmt.Errorf("bundle %s was revoked already, at height %d", v.Bundle.Short(), e.Revoked.Height)
	}
	stamp := env.stamp()
	stamp.Reason = v.Reason
	e.Revoked = &stamp
	changes := []change{{ContractsAddress, v.Bundle.String(), e}}
	if e.Name == "" {
		return storeAll(changes...)
	}
	rec, err := exact(r, e.Name, e.Version, v.Bundle)
	if err != nil {
		return nil, err
	}
	rec.Status, rec.Revocation = StatusRevoked, &stamp
	changes = append(changes, change{VersionsAddress(rec.Name), rec.Version, rec})
	return storeAll(changes...)
}

// exact returns the version that has that name, version and digest.
func exact(r Reader, name, version string, digest abi.Digest) (Record, error) {
	rec, ok, err := Version(r, name, version)
	if err != nil {
		return Record{}, err
	}
	if !ok {
		return Record{}, fmt.Errorf("%s %s was never published", short(name), short(version))
	}
	if rec.Bundle != digest {
		return Record{}, fmt.Errorf("%s %s is bundle %s, not %s", name, version, rec.Bundle.Short(), digest.Short())
	}
	return rec, nil
}

func revokedError(rec Record) error {
	return fmt.Errorf("%s %s was revoked at height %d", rec.Name, rec.Version, rec.Revocation.Height)
}

// change is a record to be written.
type change struct {
	address abi.Address
	key     string
	record  any
}

func storeAll(changes ...change) ([]abi.Write, error) {
	writes := make([]abi.Write, 0, len(changes))
	for _, c := range changes {
		w, err := store(c.address, c.key, c.record)
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	return writes, nil
}
