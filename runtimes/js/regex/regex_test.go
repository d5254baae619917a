package regex

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

func compile(t testing.TB, pattern, flags string) *Program {
	t.Helper()
	f, err := ParseFlags(flags)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(chars(pattern, f.Unicode), f)
	if err != nil {
		t.Fatalf("Compile(%q, %q) = %v", pattern, flags, err)
	}
	return p
}

func chars(s string, unicode bool) []rune {
	if unicode {
		return []rune(s)
	}
	var out []rune
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, rune(u))
	}
	return out
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct{ pattern, flags, text, want string }{
		{"b", "", "abc", "1-2"},
		{"^b", "", "ab", "none"},
		{"^b", "m", "a\nb", "2-3"},
		{"a|ab", "", "ab", "0-1"},
		{"(a|ab)(c|bcd)(d*)", "", "abcd", "0-4 0-1 1-4 4-4"},
		{"a*?b", "", "aaab", "0-4"},
		{"a{2,3}", "", "aaaa", "0-3"},
		{"a{2,3}?", "", "aaaa", "0-2"},
		{"a{2}", "", "a", "none"},
		{"(?:(a)|b)*", "", "ab", "0-2 -"},
		{"(z)((a+)?(b+)?(c))*", "", "zaacbbbcac", "0-10 0-1 8-10 8-9 - 9-10"},
		{"(a*)*", "", "b", "0-0 -"},
		{`\bfoo\b`, "", "a foo b", "2-5"},
		{`\Boo\b`, "", "a foo b", "3-5"},
		{`[^a-c]+`, "", "abcxyz", "3-6"},
		{`[\d\s]+`, "", "a1 2b", "1-4"},
		{`[\w-]+`, "", "!a-b_9!", "1-6"},
		{`\W`, "", "ab-c", "2-3"},
		{`[]`, "", "a", "none"},
		{`[^]`, "", "\n", "0-1"},
		{".", "", "\n", "none"},
		{".", "s", "\n", "0-1"},
		{"HeLLo", "i", "say hEllO", "4-9"},
		{"[a-c]", "i", "B", "0-1"},
		{"É", "i", "é", "0-1"},
		{"ſ", "i", "s", "none"},
		{"ſ", "iu", "s", "0-1"},
		{"^.$", "", "😀", "none"},
		{"^.$", "u", "😀", "0-1"},
		{`^\u{1F600}$`, "u", "😀", "0-1"},
		{`\ud83d\ude00`, "u", "😀", "0-1"},
		{`\x41\u0042\t\cJ\0`, "", "AB\t\n\x00", "0-5"},
		{"a{,2}", "", "a{,2}", "0-5"},
		{"x{", "", "x{", "0-2"},
		{"(?<year>\\d{4})-(?<m>\\d\\d)", "", "in 2026-11", "3-10 3-7 8-10"},
		{"(?:)", "", "abc", "0-0"},
		{"$", "", "abc", "3-3"},
		{"$", "m", "a\nb", "1-1"},
		{"(a?)*?b", "", "aab", "0-3 1-2"},
	} {
		p := compile(t, tt.pattern, tt.flags)
		found := p.Match(chars(tt.text, p.Flags.Unicode), 0, false, func(int) {})
		got := "none"
		if found != nil {
			var parts []string
			for i := 0; i < len(found); i += 2 {
				if found[i] < 0 {
					parts = append(parts, "-")
				} else {
					parts = append(parts, fmt.Sprintf("%d-%d", found[i], found[i+1]))
				}
			}
			got = strings.Join(parts, " ")
		}
		if got != tt.want {
			t.Errorf("/%s/%s on %q = %s, want %s", tt.pattern, tt.flags, tt.text, got, tt.want)
		}
	}
}

func TestStart(t *testing.T) {
	p := compile(t, "^a|b", "")
	if found := p.Match(chars("ab", false), 1, true, func(int) {}); found == nil || found[0] != 1 {
		t.Errorf("sticky at 1 = %v, want 1-2", found)
	}
	if found := p.Match(chars("aab", false), 1, true, func(int) {}); found != nil {
		t.Errorf("sticky at 1 of aab = %v, want none: ^ is the start of the text", found)
	}
	if found := p.Match(chars("aab", false), 1, false, func(int) {}); found == nil || found[0] != 2 {
		t.Errorf("from 1 of aab = %v, want 2-3", found)
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct{ pattern, flags, want string }{
		{"a(?=b)", "", "lookahead"}, {"a(?!b)", "", "lookahead"}, {"(?<=a)b", "", "lookbehind"}, {"(?<!a)b", "", "lookbehind"},
		{`(a)\1`, "", "backreference"}, {`(?<x>a)\k<x>`, "", "backreference"}, {"(", "", "( without )"}, {")", "", ") without ("},
		{"[a", "", "[ without ]"}, {"[b-a]", "", "out of order"}, {"a**", "", "nothing to repeat"}, {"*", "", "nothing to repeat"},
		{"a{3,2}", "", "out of order"}, {"a{1001}", "", "repetition"}, {"(?:(?:a{100}){100})", "", "written out"}, {`\`, "", "too early"},
		{strings.Repeat("(", 100) + strings.Repeat(")", 100), "", "nested"}, {strings.Repeat("()", 65), "", "groups"},
		{strings.Repeat("a", MaxPattern+1), "", "characters"}, {`\p{L}`, "u", `\p`}, {`\u{110000}`, "u", "no character"}, {`\q`, "u", "not known"},
		{"{", "u", "repeat"}, {"(?<a>.)(?<a>.)", "", "two groups"}, {"(?x)", "", "unknown kind"}, {`\01`, "", "octal"}, {`^*`, "", "nothing to repeat"},
	} {
		f, err := ParseFlags(tt.flags)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Compile(chars(tt.pattern, f.Unicode), f); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Compile(%.40q) = %v, want an error with %q", tt.pattern, err, tt.want)
		}
	}
	for _, flags := range []string{"gg", "d", "v", "x"} {
		if _, err := ParseFlags(flags); err == nil {
			t.Errorf("ParseFlags(%q) = no error", flags)
		}
	}
}

// TestSteps proves that what takes a backtracking engine for ever takes steps in proportion
// to the text and the expression.
func TestSteps(t *testing.T) {
	for _, pattern := range []string{"(a*)*b", "(a|a)*b", "(a|aa)+$", "(?:a?){50}a{50}b", "(.*)(.*)(.*)(.*)x", "(([a-z])+.)+[A-Z]([a-z])+$"} {
		p := compile(t, pattern, "")
		steps := func(n int) (sum int) {
			p.Match(chars(strings.Repeat("a", n), false), 0, false, func(s int) { sum += s })
			return sum
		}
		one, ten := steps(500), steps(5000)
		if ten > 11*one || one > 500*(p.Size()+1)*16*(2*(p.Groups+1)+8) {
			t.Errorf("/%s/ takes %d steps for 500 characters and %d for ten times as many", pattern, one, ten)
		}
	}
}

// FuzzCompile: no expression panics, and what compiles matches within its steps.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{"a|b", "(?<n>[^\\d]+?)*", "[a-z-]{2,}", "\\u{1f}", "(()|())*$"} {
		f.Add(s, "gimsuy"[:len(s)%6], "abc\u00e9\U0001F600")
	}
	f.Fuzz(func(t *testing.T, pattern, flags, text string) {
		fl, err := ParseFlags(flags)
		if err != nil || len(pattern) > 200 || len(text) > 200 {
			return
		}
		p, err := Compile(chars(pattern, fl.Unicode), fl)
		if err != nil {
			return
		}
		in, steps := chars(text, fl.Unicode), 0
		found := p.Match(in, 0, false, func(n int) { steps += n })
		for i := 0; i < len(found); i += 2 {
			if a, b := found[i], found[i+1]; a > b || b > len(in) || (a < 0) != (b < 0) {
				t.Fatalf("/%s/%s on %q = %v", pattern, flags, text, found)
			}
		}
		if most := (len(in) + 2) * (p.Size() + 2) * 64 * (p.Groups + 9); steps > most {
			t.Fatalf("/%s/%s on %q took %d steps, at most %d", pattern, flags, text, steps, most)
		}
	})
}
