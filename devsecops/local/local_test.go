package local

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
)

func TestState(t *testing.T) {
	own := abi.StateAddress("c")
	tests := []struct{ name, text string }{
		{"YAML", "height: 7\ntime: 2026-02-01T08:00:00.5Z\nsequences: {/a: 3, .: 1}\n/a:\n  t: 21.5\n  u: yes\n.:\n  k: \"1\"\n"},
		{"JSON", `{"height": 7, "time": "2026-02-01T08:00:00.5Z", "sequences": {"/a": 3, ".": 1}, "/a": {"t": "21.5", "u": "yes"}, ".": {"k": "1"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := ParseState([]byte(tt.text), own)
			if err != nil {
				t.Fatalf("ParseState: %v", err)
			}
			check := func(s *State) {
				t.Helper()
				v, _ := s.Get("/a", "t")
				next, _ := s.Next("/a", "t")
				k, _ := s.Get(own, "k")
				if string(v) != "21.5" || next != "u" || string(k) != "1" || s.Height != 7 || s.Time != 1769932800500000 || s.Sequence("/a") != 3 || s.Sequence(own) != 1 {
					t.Errorf("state = %+v, value %q, next %q, own %q", s, v, next, k)
				}
			}
			check(s)
			for _, asJSON := range []bool{false, true} {
				b, err := s.Bytes(asJSON)
				if err != nil {
					t.Fatalf("Bytes(%t): %v", asJSON, err)
				}
				again, err := ParseState(b, own)
				if err != nil {
					t.Fatalf("ParseState of\n%s\n%v", b, err)
				}
				check(again)
				if twice, _ := again.Bytes(asJSON); !bytes.Equal(b, twice) {
					t.Errorf("Bytes(%t) = %s, then %s", asJSON, b, twice)
				}
			}
		})
	}
}

// Bytes that are no text survive YAML, and JSON says that it can not hold them.
func TestStateOfBytes(t *testing.T) {
	s := NewState()
	s.Set("/a", "k", []byte{0, 0xff, 7})
	b, err := s.Bytes(false)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseState(b, "")
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := again.Get("/a", "k"); !bytes.Equal(v, []byte{0, 0xff, 7}) {
		t.Errorf("value = %x after\n%s", v, b)
	}
	if b, err := s.Bytes(true); err == nil || !strings.Contains(err.Error(), "write the state as YAML") {
		t.Errorf("Bytes(true) = %s, %v, want it refused", b, err)
	}
}

func TestParseStateRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no address", "a: {b: c}", "does not start with /"},
		{"a bad key", "/a: {\"\": c}", "key is empty"},
		{"a bad time", "time: noon", "want the form"},
		{"a list", "- 1", "line 1: a list where addresses with their keys and values are wanted"},
		{"a text", "\nhello", "line 2: text where addresses with their keys and values are wanted"},
		{"a list for a value", "/a:\n  b: [1]", "line 2: a list where a value is wanted"},
		{"a number for an address", "hieght: 3", "line 1: a number where keys with their values are wanted"},
		{"a text for a height", "height: high", "line 1: text where a number is wanted"},
		{"a key twice", "/a: {b: c}\n/a: {b: d}", "line 2"},
		{"a value too large", "/a: {b: " + strings.Repeat("x", abi.MaxValue+1) + "}", "at most 15360"},
		{"no YAML", "\t{", "read state"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if s, err := ParseState([]byte(tt.text), ""); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ParseState(%.40q) = %v, %v, want an error with %q", tt.text, s, err, tt.want)
			}
		})
	}
}

func FuzzParseState(f *testing.F) {
	f.Add([]byte("height: 1\n/a: {b: c}\n"))
	f.Add([]byte(`{"/a":{"b":"c"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseState(text, "/own")
		if err != nil {
			return
		}
		b, err := s.Bytes(false)
		if err != nil {
			t.Fatalf("Bytes of %q: %v", text, err)
		}
		again, err := ParseState(b, "/own")
		if err != nil {
			t.Fatalf("ParseState of %q, written from %q: %v", b, text, err)
		}
		if twice, _ := again.Bytes(false); !bytes.Equal(b, twice) {
			t.Fatalf("state of %q is written as %q, then as %q", text, b, twice)
		}
	})
}

func TestFunctionName(t *testing.T) {
	tests := []struct{ in, want string }{
		{"_ZN4core3str8converts9from_utf817h7f8f44250cff8394E", "core::str::converts::from_utf8"},
		{"_ZN5meter5check28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE", "meter::check::{{closure}}"},
		{"_ZN4text13_$LT$impl$GT$4push17h0123456789abcdefE", "text::<impl>::push"},
		{"_ZN5meter5checkE", "meter::check"},
		{"main.validate", "main.validate"},
		{"", ""},
		{"_ZN", "_ZN"},
		{"_ZN99check", "_ZN99check"},
		{"_ZN5checkx", "_ZN5checkx"},
		{"_ZN99999999999999999999xE", "_ZN99999999999999999999xE"},
		{"_Z3addii", "_Z3addii"}, // C++ has no parts to show
	}
	for _, tt := range tests {
		if got := FunctionName(tt.in); got != tt.want {
			t.Errorf("FunctionName(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
