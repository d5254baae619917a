package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/cmd/internal/cli"
)

const schemaVersion = cli.SchemaVersion

// printJSON writes one object on one line.
func (a *app) printJSON(v any) error { return cli.PrintJSON(a.stdout, v) }

// stamp shows a time of the chain.
func stamp(t abi.Time) string {
	return time.UnixMicro(int64(t)).UTC().Format("2006-01-02 15:04:05.000")
}

// jsonTime is a time of the chain for programs: RFC 3339, microseconds, UTC; "" for none.
func jsonTime(t abi.Time) string {
	if t == 0 {
		return ""
	}
	return time.UnixMicro(int64(t)).UTC().Format("2006-01-02T15:04:05.000000Z07:00")
}

// valueJSON is a value in JSON: as text when it is UTF-8, else in base 64.
type valueJSON struct {
	Value       *string `json:"value,omitempty"`
	ValueBase64 []byte  `json:"value_base64,omitempty"`
}

func asJSON(b []byte) valueJSON {
	if utf8.Valid(b) {
		s := string(b)
		return valueJSON{Value: &s}
	}
	return valueJSON{ValueBase64: b}
}

// show makes a value fit one line of a table. Control characters never reach the terminal.
func show(b []byte, most int) string {
	if len(b) == 0 {
		return "(deleted)"
	}
	if !utf8.Valid(b) {
		return fmt.Sprintf("(%d bytes, not text)", len(b))
	}
	s := printable(string(b))
	if r := []rune(s); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return s
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, s)
}

func table(w io.Writer, rows [][]string) { cli.Table(w, rows) }

// thousands writes a number with separators.
func thousands[T ~int | ~int64 | ~uint64](n T) string {
	s := fmt.Sprintf("%d", n)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	var parts []string
	for len(s) > 3 {
		parts = append([]string{s[len(s)-3:]}, parts...)
		s = s[:len(s)-3]
	}
	s = strings.Join(append([]string{s}, parts...), ",")
	if neg {
		return "-" + s
	}
	return s
}

// count writes a number with its noun: 1 row, 2 rows.
func count[T ~int | ~int64 | ~uint64](n T, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") || strings.HasSuffix(noun, "x") {
		return thousands(n) + " " + noun + "es"
	}
	return thousands(n) + " " + noun + "s"
}

// terminal reports whether a stream is a terminal that may be redrawn, and its size.
func terminal(w io.Writer) (width, height int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" || os.Getenv("CI") != "" {
		return 80, 24, false
	}
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 80, 24, false
	}
	return width, height, true
}

// colour reports whether a terminal may be coloured.
func colour() bool { return os.Getenv("NO_COLOR") == "" }
