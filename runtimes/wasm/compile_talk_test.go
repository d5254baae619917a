package wasm

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// talker is a child that answers with some bytes, whatever it is told.
type talker struct{ io.Reader }

func (talker) Write(b []byte) (int, error) { return len(b), nil }

// TestChildTalksGarbage: what is no verdict is an error in words, and however much a child says, a
// bounded part of it is read.
func TestChildTalksGarbage(t *testing.T) {
	for name, said := range map[string]string{
		"nothing": "", "another letter": "x", "zeros": strings.Repeat("\x00", 100), "text": "done", "megabytes": strings.Repeat("z", 5<<20),
	} {
		in := bytes.NewReader([]byte(said))
		_, text, err := converse(talker{in}, 1, []byte("module"))
		if name == "text" {
			if err != nil || text != "one" {
				t.Errorf("a child that says %q: %q, %v, want a verdict", said, text, err)
			}
			continue
		}
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("a child that says %s: %v, want an error", name, err)
		}
		if read := len(said) - in.Len(); read > maxVerdict {
			t.Errorf("a child that says %s: %d bytes were read, want %d at most", name, read, maxVerdict)
		}
	}
}
