package cli

import (
	"strings"
	"testing"
)

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{
		"": "''", "meter": "meter", "/a/b-1.0": "/a/b-1.0", "two words": "'two words'", "it's": `'it'\''s'`, "$x": "'$x'", "é": "'é'",
	} {
		if got := ShellWord(in); got != want {
			t.Errorf("ShellWord(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	Table(&b, [][]string{{"A", "", "LAST"}, {"größer", "1", "x  "}, {"b"}})
	if want := "A          LAST\ngrößer  1  x\nb\n"; b.String() != want {
		t.Errorf("Table =\n%swant\n%s", &b, want)
	}
}

func TestProblem(t *testing.T) {
	p := Problem{Code: "usage", Exit: 2, Message: "a <b>\nmore\n", Fix: "do c"}
	var out, talk strings.Builder
	if err := p.Print(false, &out, &talk); err != nil || out.Len() > 0 || talk.String() != "error: a <b>\n       more\nhint: do c\n" {
		t.Errorf("Print = %v, stdout %q, stderr %q", err, &out, &talk)
	}
	talk.Reset()
	want := `{"schemaVersion":1,"error":{"code":"usage","exit":2,"message":"a <b>\nmore\n","fix":"do c"}}` + "\n"
	if err := p.Print(true, &out, &talk); err != nil || talk.Len() > 0 || out.String() != want {
		t.Errorf("Print = %v, stdout %q, stderr %q, want %s", err, &out, &talk, want)
	}
}

func TestCheckFlags(t *testing.T) {
	for _, tt := range []struct{ output, after, want string }{
		{"json", "json", ""}, {"text", "text", ""}, {"yaml", "text", `output "yaml": want text or json`}, {"", "text", `output "": want text or json`},
	} {
		o := tt.output
		err := CheckFlags(&o, 0, "text", "json")
		if got := ""; err != nil {
			got = err.Error()
			if got != tt.want || o != tt.after {
				t.Errorf("CheckFlags(%q) = %q, output %q, want %q, %q", tt.output, got, o, tt.want, tt.after)
			}
		} else if tt.want != "" || o != tt.after {
			t.Errorf("CheckFlags(%q) = nil, output %q, want %q", tt.output, o, tt.want)
		}
	}
	o := "text"
	if err := CheckFlags(&o, -1, "text", "json"); err == nil {
		t.Error("CheckFlags takes a negative timeout")
	}
}
