package abi

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits that both sides know. Bytes, each.
const (
	MaxAddress  = 255       // one length byte in index keys
	MaxSegments = 16        // depth of the hierarchy
	MaxKey      = 255       // one length byte in index keys
	MaxValue    = 15 * 1024 // a block is 16 KiB; the rest holds header, signature and outcome
)

// System is the address under which the chain keeps its own records. Only system
// operations change it.
const System Address = "/_kalima"

// Address is a hierarchical path such as /plant1/line2/press4: the unit of
// authorisation, subscription and contract binding. ParseAddress says what is valid.
type Address string

// ParseAddress checks an address: it starts with "/", has 1 to MaxSegments segments
// of letters, digits and ._:@~+-, none of them "." or "..", and at most MaxAddress bytes.
func ParseAddress(s string) (Address, error) {
	if err := checkPath(s, false); err != nil {
		return "", fmt.Errorf("address %s: %w", quoteShort(s), err)
	}
	return Address(s), nil
}

// IsSystem reports whether the address is reserved for the chain's own records.
func (a Address) IsSystem() bool {
	return a == System || strings.HasPrefix(string(a), string(System)+"/")
}

// StateAddress is where the contract deployed under that name keeps its state.
func StateAddress(contract string) Address { return System + "/state/" + Address(contract) }

// EventsAddress is where the events stand that the contract deployed under that name emits:
// one key for each topic.
func EventsAddress(contract string) Address { return EventsRoot + "/" + Address(contract) }

// EventsRoot is what all of them are under.
const EventsRoot = System + "/events"

// CheckKey checks a key: 1 to MaxKey bytes of UTF-8 without control characters.
func CheckKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("key is empty")
	case len(key) > MaxKey:
		return fmt.Errorf("key %s: %d bytes, at most %d", quoteShort(key), len(key), MaxKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("key %s: not valid UTF-8", quoteShort(key))
	}
	for _, r := range key {
		if r < 0x20 || r == 0x7f {
			return fmt.Errorf("key %s: control character %U", quoteShort(key), r)
		}
	}
	return nil
}

// CheckValue checks the size of a value.
func CheckValue(value []byte) error {
	if len(value) > MaxValue {
		return fmt.Errorf("value of %d bytes, at most %d: a block holds 16 KiB", len(value), MaxValue)
	}
	return nil
}

// Pattern selects addresses. "*" stands for one segment; "**", only as the last
// segment, for any number of segments, none included: /plant1/** selects /plant1
// and everything below it.
type Pattern string

// ParsePattern checks a pattern.
func ParsePattern(s string) (Pattern, error) {
	if err := checkPath(s, true); err != nil {
		return "", fmt.Errorf("pattern %s: %w", quoteShort(s), err)
	}
	return Pattern(s), nil
}

// Match reports whether the pattern selects the address. Both are valid.
// "/**" selects every address, those of the system included.
func (p Pattern) Match(a Address) bool {
	pat, path := string(p), string(a)
	for pat != "" {
		var seg, want string
		want, pat = cutSegment(pat)
		if want == "**" {
			return true
		}
		if path == "" {
			return false
		}
		seg, path = cutSegment(path)
		if want != "*" && want != seg {
			return false
		}
	}
	return path == ""
}

// cutSegment splits "/a/b/c" into "a" and "/b/c".
func cutSegment(s string) (seg, rest string) {
	s = s[1:]
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

func checkPath(s string, pattern bool) error {
	if s == "" {
		return fmt.Errorf("is empty")
	}
	if len(s) > MaxAddress {
		return fmt.Errorf("%d bytes, at most %d", len(s), MaxAddress)
	}
	if s[0] != '/' {
		return fmt.Errorf("does not start with /")
	}
	segments := 0
	for rest := s; rest != ""; {
		var seg string
		seg, rest = cutSegment(rest)
		segments++
		switch {
		case seg == "":
			return fmt.Errorf("empty segment")
		case seg == "." || seg == "..":
			return fmt.Errorf("segment %q is not allowed", seg)
		case pattern && seg == "*":
			continue
		case pattern && seg == "**":
			if rest != "" {
				return fmt.Errorf("** is allowed only at the end")
			}
			continue
		}
		for _, r := range seg {
			if !pathRune(r) {
				return fmt.Errorf("character %q is not allowed", r)
			}
		}
	}
	if segments > MaxSegments {
		return fmt.Errorf("%d segments, at most %d", segments, MaxSegments)
	}
	return nil
}

func pathRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r < 0x80 && strings.ContainsRune("._:@~+-", r)
}

func quoteShort(s string) string {
	if len(s) > 64 {
		return fmt.Sprintf("%q...", s[:64])
	}
	return fmt.Sprintf("%q", s)
}

func toValidUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
