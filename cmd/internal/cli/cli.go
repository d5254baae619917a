// Package cli is what the programs have in common on a terminal: how they print tables,
// objects and errors, and how they name themselves.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// SchemaVersion of every JSON object that the programs print. It grows when a field changes
// its meaning or goes away, not when one is added.
const SchemaVersion = 1

// PrintJSON writes one object on one line.
func PrintJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Table prints rows in columns. The last column is not padded.
func Table(w io.Writer, rows [][]string) {
	var width []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// ShellWord quotes a word for a POSIX shell where it needs it.
func ShellWord(s string) string {
	plain := s != "" && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("/._:@%+=,-", r)
	}) < 0
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Timeout bounds ctx; 0 is for ever.
func Timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

// CheckFlags checks what --output, which may be one of the formats, and --timeout say. An
// output that is none becomes text, so that the error can be printed.
func CheckFlags(output *string, timeout time.Duration, formats ...string) error {
	known := false
	for _, f := range formats {
		known = known || *output == f
	}
	if !known {
		o := *output
		*output = "text"
		last := len(formats) - 1
		return fmt.Errorf("output %q: want %s or %s", o, strings.Join(formats[:last], ", "), formats[last])
	}
	if timeout < 0 {
		return fmt.Errorf("timeout %v is negative", timeout)
	}
	return nil
}

// RunFromSource reports whether this process was built and started by go run.
func RunFromSource() bool {
	p, err := os.Executable()
	return err == nil && strings.Contains(filepath.ToSlash(p), "/go-build")
}

// Problem is an error as the programs print it.
type Problem struct {
	Code    string `json:"code"` // one word
	Exit    int    `json:"exit"`
	Message string `json:"message"`       // one line or more
	Fix     string `json:"fix,omitempty"` // what to do about it, one line
}

// Print writes a problem: as one object to stdout, or its lines and the hint to stderr.
func (p Problem) Print(asJSON bool, stdout, stderr io.Writer) error {
	if asJSON {
		return PrintJSON(stdout, struct {
			SchemaVersion int     `json:"schemaVersion"`
			Error         Problem `json:"error"`
		}{SchemaVersion, p})
	}
	var err error
	for i, line := range strings.Split(strings.TrimSpace(p.Message), "\n") {
		head := "error: "
		if i > 0 {
			head = "       "
		}
		_, e := fmt.Fprintln(stderr, head+line)
		err = errors.Join(err, e)
	}
	if p.Fix != "" {
		_, e := fmt.Fprintln(stderr, "hint: "+p.Fix)
		err = errors.Join(err, e)
	}
	return err
}
