package local

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var mistyped = regexp.MustCompile("^line (\\d+): cannot unmarshal !!(\\w+)(?: `.*`)? into (.+)$")

// yamlWords says what is wrong with a state's file without the words of Go and YAML.
func yamlWords(err error) string {
	var wrong *yaml.TypeError
	if !errors.As(err, &wrong) || len(wrong.Errors) == 0 {
		return strings.TrimPrefix(err.Error(), "yaml: ")
	}
	m := mistyped.FindStringSubmatch(wrong.Errors[0]) // the first will do
	if m == nil {
		return wrong.Errors[0]
	}
	found, ok := map[string]string{"seq": "a list", "map": "keys with values", "str": "text", "int": "a number", "float": "a number", "bool": "true or false", "null": "nothing"}[m[2]]
	if !ok {
		found = m[2]
	}
	want, ok := map[string]string{
		"string": "a value is", "uint64": "a number is", "local.file": "addresses with their keys and values are",
		"map[string]string": "keys with their values are", "map[string]uint64": "addresses with their sequences are",
	}[m[3]]
	if !ok {
		want = m[3] + " is"
	}
	return "line " + m[1] + ": " + found + " where " + want + " wanted"
}

var escapes = strings.NewReplacer("..", "::", "$LT$", "<", "$GT$", ">", "$LP$", "(", "$RP$", ")", "$RF$", "&", "$BP$", "*",
	"$C$", ",", "$SP$", "@", "$u20$", " ", "$u22$", `"`, "$u27$", "'", "$u2b$", "+", "$u3b$", ";", "$u5b$", "[", "$u5d$", "]", "$u7b$", "{", "$u7d$", "}", "$u7e$", "~")

// FunctionName is a function's name as its source has it. The Rust compiler writes core::str::from_utf8 as
// _ZN4core3str9from_utf817h7f8f44250cff8394E: the length of each part before it, and a hash as
// the last part. Any other name stays as it is.
func FunctionName(name string) string {
	rest, ok := strings.CutPrefix(name, "_ZN")
	if !ok {
		return name
	}
	var parts []string
	for rest != "" && rest[0] != 'E' {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.Atoi(rest[:digits])
		if err != nil || n == 0 || n > len(rest)-digits {
			return name
		}
		part := rest[digits : digits+n]
		if strings.HasPrefix(part, "_$") { // an escape may not begin a part
			part = part[1:]
		}
		parts, rest = append(parts, escapes.Replace(part)), rest[digits+n:]
	}
	if rest != "E" || len(parts) == 0 {
		return name
	}
	if last := parts[len(parts)-1]; len(parts) > 1 && len(last) == 17 && last[0] == 'h' {
		parts = parts[:len(parts)-1]
	}
	return strings.Join(parts, "::")
}
