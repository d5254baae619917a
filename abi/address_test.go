package abi_test

import (
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
)

func TestAddressVectors(t *testing.T) {
	var v struct {
		Valid   []string
		Invalid []struct{ Address, Error string }
	}
	vectors(t, "addresses.json", &v)
	for _, s := range v.Valid {
		if got, err := abi.ParseAddress(s); err != nil || string(got) != s {
			t.Errorf("ParseAddress(%q) = %q, %v, want the address itself", s, got, err)
		}
	}
	for _, tt := range v.Invalid {
		got, err := abi.ParseAddress(tt.Address)
		if err == nil || got != "" || !strings.Contains(err.Error(), tt.Error) {
			t.Errorf("ParseAddress(%q) = %q, %v, want an error with %q", tt.Address, got, err, tt.Error)
		}
	}
}

func TestPatternVectors(t *testing.T) {
	var v struct {
		Invalid []struct{ Pattern, Error string }
		Match   []struct {
			Pattern string
			Yes, No []string
		}
	}
	vectors(t, "patterns.json", &v)
	for _, tt := range v.Invalid {
		got, err := abi.ParsePattern(tt.Pattern)
		if err == nil || got != "" || !strings.Contains(err.Error(), tt.Error) {
			t.Errorf("ParsePattern(%q) = %q, %v, want an error with %q", tt.Pattern, got, err, tt.Error)
		}
	}
	for _, tt := range v.Match {
		p, err := abi.ParsePattern(tt.Pattern)
		if err != nil {
			t.Errorf("ParsePattern(%q) = %v, want a pattern", tt.Pattern, err)
			continue
		}
		for want, list := range map[bool][]string{true: tt.Yes, false: tt.No} {
			for _, s := range list {
				a, err := abi.ParseAddress(s)
				if err != nil {
					t.Errorf("ParseAddress(%q) = %v, want an address", s, err)
					continue
				}
				if got := p.Match(a); got != want {
					t.Errorf("Pattern(%q).Match(%q) = %t, want %t", p, a, got, want)
				}
			}
		}
	}
}

func TestKeyVectors(t *testing.T) {
	var v struct {
		Valid   []string
		Invalid []struct {
			Key   text
			Error string
		}
	}
	vectors(t, "keys.json", &v)
	for _, s := range v.Valid {
		if err := abi.CheckKey(s); err != nil {
			t.Errorf("CheckKey(%q) = %v, want nil", s, err)
		}
	}
	for _, tt := range v.Invalid {
		if err := abi.CheckKey(string(tt.Key)); err == nil || !strings.Contains(err.Error(), tt.Error) {
			t.Errorf("CheckKey(%q) = %v, want an error with %q", tt.Key, err, tt.Error)
		}
	}
}

// The limits are where the numbers say, not one off.
func TestLimits(t *testing.T) {
	segment := "/" + strings.Repeat("a", 63)
	long := strings.Repeat(segment, 4) // 256 bytes
	for _, tt := range []struct {
		name string
		err  func() error
		want bool
	}{
		{"address of 255 bytes", func() error { _, err := abi.ParseAddress(long[:abi.MaxAddress]); return err }, true},
		{"address of 256 bytes", func() error { _, err := abi.ParseAddress(long); return err }, false},
		{"16 segments", func() error { _, err := abi.ParseAddress(strings.Repeat("/a", abi.MaxSegments)); return err }, true},
		{"17 segments", func() error { _, err := abi.ParseAddress(strings.Repeat("/a", abi.MaxSegments+1)); return err }, false},
		{"pattern of 17 segments", func() error { _, err := abi.ParsePattern(strings.Repeat("/*", abi.MaxSegments+1)); return err }, false},
		{"key of 255 bytes", func() error { return abi.CheckKey(long[:abi.MaxKey]) }, true},
		{"key of 256 bytes", func() error { return abi.CheckKey(long) }, false},
		{"value of 15 KiB", func() error { return abi.CheckValue(make([]byte, abi.MaxValue)) }, true},
		{"value of 15 KiB and a byte", func() error { return abi.CheckValue(make([]byte, abi.MaxValue+1)) }, false},
	} {
		if err := tt.err(); (err == nil) != tt.want {
			t.Errorf("%s: error %v, want accepted %t", tt.name, err, tt.want)
		}
	}
}

func TestSystem(t *testing.T) {
	for _, tt := range []struct {
		address abi.Address
		want    bool
	}{
		{"/_kalima", true},
		{"/_kalima/state/x", true},
		{abi.StateAddress("threshold"), true},
		{"/_kalimax", false},
		{"/plant1/_kalima", false},
	} {
		if got := tt.address.IsSystem(); got != tt.want {
			t.Errorf("Address(%q).IsSystem() = %t, want %t", tt.address, got, tt.want)
		}
	}
}

// FuzzParseAddress: an accepted address is what was given, keeps to the limits, matches
// itself and "/**", and is a pattern too.
func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"/plant1/line2/press4", "/", "//", "/a/../b", "/a*", "/" + strings.Repeat("x", 300), "/é", "/a\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := abi.ParseAddress(s)
		if err != nil {
			if a != "" || len(err.Error()) > 1024 {
				t.Fatalf("ParseAddress(%q) = %q with an error of %d bytes", s, a, len(err.Error()))
			}
			return
		}
		if string(a) != s || len(a) > abi.MaxAddress || strings.Count(s, "/") > abi.MaxSegments || strings.ContainsAny(s, "*# \x00") {
			t.Fatalf("ParseAddress(%q) = %q, want it refused", s, a)
		}
		p, err := abi.ParsePattern(s)
		if err != nil || !p.Match(a) || !abi.Pattern("/**").Match(a) {
			t.Fatalf("ParsePattern(%q) = %q, %v: it must match itself, and /** must match it", s, p, err)
		}
	})
}

// FuzzParsePattern: an accepted pattern answers for any address as the plain definition
// does, one segment after the other.
func FuzzParsePattern(f *testing.F) {
	for _, s := range []string{"/**", "/*/b", "/plant1/**", "/a/**/b", "/***", "/a*"} {
		f.Add(s, "/plant1/b")
	}
	f.Fuzz(func(t *testing.T, s, address string) {
		p, err := abi.ParsePattern(s)
		if err != nil {
			return
		}
		a, err := abi.ParseAddress(address)
		if err != nil {
			return
		}
		if got, want := p.Match(a), matches(strings.Split(s, "/")[1:], strings.Split(address, "/")[1:]); got != want {
			t.Fatalf("Pattern(%q).Match(%q) = %t, want %t", p, a, got, want)
		}
	})
}

func matches(pattern, path []string) bool {
	switch {
	case len(pattern) == 0:
		return len(path) == 0
	case pattern[0] == "**":
		return true
	case len(path) == 0 || pattern[0] != "*" && pattern[0] != path[0]:
		return false
	}
	return matches(pattern[1:], path[1:])
}
