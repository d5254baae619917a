package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kalima-chain/kalima/abi"
)

// Limits of a script.
const (
	MaxScript = 1 << 20 // bytes
	MaxSteps  = 10_000
)

// Script is a parsed script.
type Script struct {
	steps []step
}

// step is a statement with what must come of it.
type step struct {
	line    int
	verb    string
	args    []string
	expects []step // of an event
}

// SyntaxError says which line is not understood.
type SyntaxError struct {
	Line   int
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// form is what a verb takes after it.
type form struct {
	min, max int    // arguments
	usage    string // for the message
	expect   bool   // stands below an event
}

const many = 1 << 10

var forms = map[string]form{
	"set":       {3, 3, "set ADDRESS KEY VALUE", false},
	"as":        {1, many, "as NAME [ROLE...]", false},
	"at":        {1, 1, "at TIME", false},
	"put":       {3, 3, "put ADDRESS KEY VALUE", false},
	"delete":    {2, 2, "delete ADDRESS KEY", false},
	"accept":    {0, 0, "accept", true},
	"reject":    {0, 2, "reject [CODE [MESSAGE]]", true},
	"fault":     {1, 1, "fault CODE", true},
	"value":     {3, 3, "value ADDRESS KEY VALUE", true},
	"absent":    {2, 2, "absent ADDRESS KEY", true},
	"submitted": {3, 3, "submitted ADDRESS KEY VALUE", true},
	"logged":    {1, 1, "logged TEXT", true},
}

// Parse reads a script. The error is a *SyntaxError.
func Parse(text []byte) (*Script, error) {
	if len(text) > MaxScript {
		return nil, &SyntaxError{1, fmt.Sprintf("script of %d bytes, at most %d", len(text), MaxScript)}
	}
	s := &Script{}
	n, events := 0, 0
	for line := range strings.Lines(string(text)) {
		n++
		words, err := split(line)
		if err != nil {
			return nil, &SyntaxError{n, err.Error()}
		}
		if len(words) == 0 {
			continue
		}
		if n > MaxSteps {
			return nil, &SyntaxError{n, fmt.Sprintf("more than %d lines", MaxSteps)}
		}
		st := step{line: n, verb: words[0], args: words[1:]}
		if err := st.check(); err != nil {
			return nil, &SyntaxError{n, err.Error()}
		}
		if !forms[st.verb].expect {
			if st.event() {
				events++
			}
			s.steps = append(s.steps, st)
			continue
		}
		if len(s.steps) == 0 || !s.steps[len(s.steps)-1].event() {
			return nil, &SyntaxError{n, st.verb + " stands below no event"}
		}
		last := &s.steps[len(s.steps)-1]
		last.expects = append(last.expects, st)
	}
	if events == 0 {
		return nil, &SyntaxError{max(n, 1), "the script has no event: put or delete"}
	}
	return s, nil
}

func (s *step) event() bool { return s.verb == "put" || s.verb == "delete" }

func (s *step) check() error {
	f, ok := forms[s.verb]
	if !ok {
		return fmt.Errorf("unknown word %q", s.verb)
	}
	if len(s.args) < f.min || len(s.args) > f.max {
		return fmt.Errorf("%s has %d words after it, want: %s", s.verb, len(s.args), f.usage)
	}
	switch s.verb {
	case "put", "delete", "set", "value", "absent", "submitted":
		return s.checkTarget()
	case "at":
		if _, err := time.Parse(time.RFC3339, s.args[0]); err != nil {
			return fmt.Errorf("time %q: want the form 2026-01-31T08:00:00Z", s.args[0])
		}
	case "reject":
		if len(s.args) > 0 {
			if _, err := strconv.ParseInt(s.args[0], 10, 32); err != nil {
				return fmt.Errorf("reject: code %q is not a number", s.args[0])
			}
		}
	case "fault":
		if _, ok := faultCodes()[s.args[0]]; !ok {
			return fmt.Errorf("unknown fault %q", s.args[0])
		}
	}
	return nil
}

func (s *step) checkTarget() error {
	own := s.args[0] == "." && (s.verb == "set" || s.verb == "value" || s.verb == "absent")
	if !own {
		if _, err := abi.ParseAddress(s.args[0]); err != nil {
			return err
		}
	}
	if err := abi.CheckKey(s.args[1]); err != nil {
		return err
	}
	if len(s.args) == 3 {
		return abi.CheckValue([]byte(s.args[2]))
	}
	return nil
}

// faultCodes are the codes of faults by the names a script uses: "out of gas" is out-of-gas.
func faultCodes() map[string]abi.Code {
	codes := map[string]abi.Code{}
	for c := abi.Trap; c <= abi.SystemRejected; c++ {
		codes[strings.ReplaceAll(strings.ToLower(c.String()), " ", "-")] = c
	}
	return codes
}

// split cuts a line into words.
func split(line string) ([]string, error) {
	var words []string
	rest := strings.TrimSpace(line)
	if strings.HasPrefix(rest, "#") {
		return nil, nil
	}
	for rest != "" {
		var word string
		if rest[0] == '"' {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return nil, fmt.Errorf("a quote is not closed")
			}
			if word, err = strconv.Unquote(quoted); err != nil {
				return nil, fmt.Errorf("%s is not a quoted word", quoted)
			}
			rest = rest[len(quoted):]
			if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
				return nil, fmt.Errorf("no space after %s", quoted)
			}
		} else {
			end := strings.IndexAny(rest, " \t")
			if end < 0 {
				end = len(rest)
			}
			word, rest = rest[:end], rest[end:]
		}
		words = append(words, word)
		rest = strings.TrimLeft(rest, " \t")
	}
	return words, nil
}
