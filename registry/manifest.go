package registry

import (
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"golang.org/x/mod/semver"

	"github.com/kalima-chain/kalima/abi"
)

// ManifestFile is the name of the manifest in a project and in a source archive.
const ManifestFile = "kalima.toml"

// Limits of a manifest. Published versions carry the same, in their record on chain.
const (
	MaxManifest    = 16 << 10 // bytes of kalima.toml; a long one today has 1 KiB
	MaxName        = 40       // bytes; a name is one segment of an address
	MaxVersion     = 40       // bytes
	MaxPatterns    = 16       // patterns in write, and in submit
	MaxGrant       = 3 << 10  // bytes of all those patterns; the record must fit a block
	MaxSources     = 64       // entries in source
	MaxDescription = 400      // bytes; a paragraph
	MaxOrigins     = 8        // entries in http
	MaxOrigin      = 128      // bytes of one
)

// Language is what a contract is written in.
type Language string

// The languages.
const (
	C        Language = "c"
	Go       Language = "go"
	Rust     Language = "rust"
	JS       Language = "js"
	Starlark Language = "starlark"
)

// Languages lists every language.
func Languages() []Language { return []Language{C, Go, Rust, JS, Starlark} }

// Runtime returns the name of the runtime that runs the language: "wasm", "js" or
// "starlark"; "" when the language is unknown.
func (l Language) Runtime() string {
	switch l {
	case C, Go, Rust:
		return "wasm"
	case JS:
		return "js"
	case Starlark:
		return "starlark"
	}
	return ""
}

// Manifest says what a contract is and what it wants to do. ParseManifest and Open
// return valid ones in canonical order.
type Manifest struct {
	Name        string        `json:"name" toml:"name"`
	Version     string        `json:"version" toml:"version"`
	Language    Language      `json:"language" toml:"language"`
	ABI         int           `json:"abi" toml:"abi"`
	Phases      []string      `json:"phases" toml:"phases"` // in the order of their numbers
	Source      []string      `json:"source" toml:"source"` // sorted
	Write       []abi.Pattern `json:"write,omitempty" toml:"write"`
	Submit      []abi.Pattern `json:"submit,omitempty" toml:"submit"`
	HTTP        []string      `json:"http,omitempty" toml:"http"`   // origins, see Capabilities
	Clock       bool          `json:"clock,omitempty" toml:"clock"` // it reads the node's clock
	Description string        `json:"description,omitempty" toml:"description"`
}

var manifestKeys = []string{"name", "version", "language", "abi", "phases", "source", "write", "submit", "http", "clock", "description"}

// ParseManifest reads kalima.toml strictly.
func ParseManifest(text []byte) (Manifest, error) {
	if len(text) > MaxManifest {
		return Manifest{}, fmt.Errorf("manifest of %d bytes, at most %d", len(text), MaxManifest)
	}
	var m Manifest
	meta, err := toml.Decode(string(text), &m)
	if err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	for _, key := range meta.Keys() { // the decoder takes NAME for name; a manifest has one spelling
		if !slices.Contains(manifestKeys, key.String()) {
			return Manifest{}, fmt.Errorf("manifest: unknown key %s (known: %s)", key, strings.Join(manifestKeys, ", "))
		}
	}
	m.sort()
	if err := m.Validate(); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	return m, nil
}

// HasPhase reports whether the contract declares the phase.
func (m Manifest) HasPhase(p abi.Phase) bool { return slices.Contains(m.Phases, p.String()) }

// sort brings the lists into canonical order.
func (m *Manifest) sort() {
	slices.SortFunc(m.Phases, comparePhases)
	slices.Sort(m.Source)
	slices.Sort(m.Write)
	slices.Sort(m.Submit)
	slices.Sort(m.HTTP)
}

// Validate checks every field, and that the lists are in canonical order.
func (m Manifest) Validate() error {
	if err := m.claims().check(); err != nil {
		return err
	}
	if m.ABI != abi.Version {
		return fmt.Errorf("abi %d is not supported, only %d", m.ABI, abi.Version)
	}
	if len(m.Source) == 0 || len(m.Source) > MaxSources {
		return fmt.Errorf("source has %d entries, want 1 to %d", len(m.Source), MaxSources)
	}
	for _, s := range m.Source {
		if err := checkFilePath(s); err != nil {
			return fmt.Errorf("source %q: %w", s, err)
		}
	}
	return checkSorted("source", m.Source, strings.Compare)
}

// claims is the part of a manifest that goes on chain.
func (m Manifest) claims() Claims {
	return Claims{
		Name: m.Name, Version: m.Version, Language: m.Language, Phases: m.Phases,
		Write: m.Write, Submit: m.Submit, Description: m.Description,
		Capabilities: Capabilities{HTTP: m.HTTP, Clock: m.Clock},
	}
}

// Claims is the part of a manifest that stands on chain, because masters and clients act
// on it before they have the bytes.
type Claims struct {
	Name        string        `json:"name"`
	Version     string        `json:"version"`
	Language    Language      `json:"language"`
	Phases      []string      `json:"phases"`
	Write       []abi.Pattern `json:"write,omitempty"`
	Submit      []abi.Pattern `json:"submit,omitempty"`
	Description string        `json:"description,omitempty"`
	Capabilities
}

func (c Claims) check() error {
	if err := CheckName(c.Name); err != nil {
		return err
	}
	if err := CheckVersion(c.Version); err != nil {
		return err
	}
	if c.Language.Runtime() == "" {
		return fmt.Errorf("language %s is not one of c, go, rust, js, starlark", short(string(c.Language)))
	}
	if len(c.Phases) == 0 {
		return fmt.Errorf("phases is empty: name at least one of validate, react")
	}
	for _, p := range c.Phases {
		if _, ok := abi.ParsePhase(p); !ok {
			return fmt.Errorf("phase %s is not one of validate, react, query, migrate", short(p))
		}
	}
	if err := checkSorted("phases", c.Phases, comparePhases); err != nil {
		return err
	}
	if err := checkGrant("write", c.Write); err != nil {
		return err
	}
	if err := checkGrant("submit", c.Submit); err != nil {
		return err
	}
	total := 0
	for _, p := range slices.Concat(c.Write, c.Submit) {
		total += len(p)
	}
	if total > MaxGrant {
		return fmt.Errorf("write and submit have patterns of %d bytes, at most %d", total, MaxGrant)
	}
	if err := c.Capabilities.check(); err != nil {
		return err
	}
	if !c.Capabilities.none() && !slices.Contains(c.Phases, abi.React.String()) {
		return fmt.Errorf("http and clock are for phase react, which phases does not name")
	}
	if len(c.Description) > MaxDescription {
		return fmt.Errorf("description of %d bytes, at most %d", len(c.Description), MaxDescription)
	}
	return checkText("description", c.Description)
}

func (c Claims) equal(d Claims) bool {
	return c.Name == d.Name && c.Version == d.Version && c.Language == d.Language && c.Description == d.Description &&
		slices.Equal(c.Phases, d.Phases) && slices.Equal(c.Write, d.Write) && slices.Equal(c.Submit, d.Submit) &&
		slices.Equal(c.HTTP, d.HTTP) && c.Clock == d.Clock
}

// CheckName checks the name of a contract or of an instance: 1 to MaxName characters of
// a-z, 0-9 and -, with no - at its ends.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("name %s: %d characters, want 1 to %d", short(name), len(name), MaxName)
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return fmt.Errorf("name %q: character %q is not allowed, only a-z, 0-9 and -", name, r)
		}
	}
	if name[0] == '-' || name[len(name)-1] == '-' {
		return fmt.Errorf("name %q: begins or ends with -", name)
	}
	return nil
}

// CheckVersion checks a version: MAJOR.MINOR.PATCH with an optional pre-release part, in
// the one spelling semantic versioning gives it, and without build metadata.
func CheckVersion(v string) error {
	if len(v) > MaxVersion {
		return fmt.Errorf("version %s: %d bytes, at most %d", short(v), len(v), MaxVersion)
	}
	if s := "v" + v; !semver.IsValid(s) || semver.Canonical(s) != s {
		return fmt.Errorf("version %q: not of the form 1.2.3 or 1.2.3-rc.1", v)
	}
	return nil
}

// CompareVersions orders two valid versions as semantic versioning does.
func CompareVersions(a, b string) int { return semver.Compare("v"+a, "v"+b) }

// checkGrant checks patterns a contract may write or submit to. The first segment must be
// a name, because /** and /*/x also select what the chain keeps under /_kalima.
func checkGrant(field string, patterns []abi.Pattern) error {
	if len(patterns) > MaxPatterns {
		return fmt.Errorf("%s has %d patterns, at most %d", field, len(patterns), MaxPatterns)
	}
	for _, p := range patterns {
		if _, err := abi.ParsePattern(string(p)); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
		if isSystem(p) {
			return fmt.Errorf("%s: pattern %q is under %s, which only system operations change", field, p, abi.System)
		}
		if strings.HasPrefix(string(p), "/*") {
			return fmt.Errorf("%s: pattern %q: the first segment may not be a wildcard", field, p)
		}
	}
	return checkSorted(field, patterns, func(a, b abi.Pattern) int { return strings.Compare(string(a), string(b)) })
}

func isSystem(p abi.Pattern) bool { return abi.Address(p).IsSystem() }

func checkSorted[T any](field string, list []T, compare func(a, b T) int) error {
	for i := 1; i < len(list); i++ {
		switch c := compare(list[i-1], list[i]); {
		case c == 0:
			return fmt.Errorf("%s names %v twice", field, list[i])
		case c > 0:
			return fmt.Errorf("%s is not in order: %v comes before %v", field, list[i], list[i-1])
		}
	}
	return nil
}

// comparePhases orders names of phases by their numbers; unknown ones come first.
func comparePhases(a, b string) int {
	pa, _ := abi.ParsePhase(a)
	pb, _ := abi.ParsePhase(b)
	if pa != pb {
		return int(pa) - int(pb)
	}
	return strings.Compare(a, b)
}
