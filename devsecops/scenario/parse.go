package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/devsecops/local"
	"github.com/kalima-chain/kalima/host"
)

// Limits of a script.
const (
	MaxScript = 1 << 20 // bytes
	MaxSteps  = 10_000
)

// Script is a parsed script.
type Script struct {
	cases []testCase
}

// testCase is a part of a script that begins with an empty state.
type testCase struct {
	name  string
	line  int
	steps []step
}

// Cases lists the names of the script's cases: one empty name when it names none.
func (s *Script) Cases() []string {
	var names []string
	for _, c := range s.cases {
		names = append(names, c.name)
	}
	return names
}

// step is a statement with what must come of it.
type step struct {
	line    int
	verb    string
	args    []string
	expects []step // of an action
}

// SyntaxError says which line is not understood.
type SyntaxError struct {
	Line   int
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// kind is what a statement is for.
type kind int

const (
	setting kind = iota
	action       // something happens
	expectation
)

// form is what a verb takes after it.
type form struct {
	min, max int    // arguments
	usage    string // for the message
	kind     kind
}

const many = 1 << 10

var forms = map[string]form{
	"set":      {3, 3, "set ADDRESS KEY VALUE", setting},
	"state":    {1, 1, "state @NAME", setting},
	"as":       {1, many, "as NAME [ROLE...]", setting},
	"at":       {1, 1, "at TIME", setting},
	"measured": {1, 1, "measured TIME", setting},
	"grant":    {1, 2, "grant write|submit PATTERN, grant http ORIGIN or grant clock", setting},
	"limit":    {2, 2, "limit NAME NUMBER", setting},
	"http":     {2, 4, "http METHOD URL [STATUS BODY]", setting},
	"clock":    {1, 1, "clock TIME", setting},
	"answer":   {4, 4, "answer NAME KEY ARG REPLY", setting},
	"deliver":  {0, many, "deliver [NAME [ROLE...]]", setting},
	"use":      {1, 1, "use PATH", setting},

	"put":     {3, 3, "put ADDRESS KEY VALUE", action},
	"delete":  {2, 2, "delete ADDRESS KEY", action},
	"query":   {1, 2, "query KEY [ARG]", action},
	"migrate": {0, 1, "migrate [FROM]", action},

	"accept":    {0, 0, "accept", expectation},
	"reject":    {0, 2, "reject [CODE [MESSAGE]]", expectation},
	"fault":     {1, 1, "fault CODE", expectation},
	"value":     {3, 3, "value ADDRESS KEY VALUE", expectation},
	"absent":    {2, 2, "absent ADDRESS KEY", expectation},
	"emitted":   {2, 2, "emitted TOPIC DATA", expectation},
	"submitted": {3, 3, "submitted ADDRESS KEY VALUE", expectation},
	"requested": {2, 3, "requested METHOD URL [BODY]", expectation},
	"reply":     {1, 1, "reply TEXT", expectation},
	"gas":       {1, 1, "gas NUMBER or gas <=NUMBER", expectation},
	"logged":    {1, 1, "logged TEXT", expectation},
}

// Parse reads a script. The error is a *SyntaxError.
func Parse(text []byte) (*Script, error) {
	if len(text) > MaxScript {
		return nil, &SyntaxError{1, fmt.Sprintf("script of %d bytes, at most %d", len(text), MaxScript)}
	}
	script, files := unpack(string(text))
	p := parser{files: files, script: &Script{}}
	for line := range strings.Lines(script) {
		p.line++
		if err := p.statement(line); err != nil {
			return nil, &SyntaxError{p.line, err.Error()}
		}
	}
	return p.finish()
}

// parser is a script half read.
type parser struct {
	files  map[string]string
	line   int
	head   []step // what stands before the first case
	script *Script
	events int
}

func (p *parser) statement(line string) error {
	words, err := split(line, p.files)
	if err != nil || len(words) == 0 {
		return err
	}
	if p.line > MaxSteps {
		return fmt.Errorf("more than %d lines", MaxSteps)
	}
	if words[0] == "case" {
		if len(words) != 2 || words[1] == "" {
			return fmt.Errorf("want: case NAME")
		}
		for _, c := range p.script.cases {
			if c.name == words[1] {
				return fmt.Errorf("case %s stands at line %d already", word(words[1]), c.line)
			}
		}
		p.script.cases = append(p.script.cases, testCase{name: words[1], line: p.line})
		return nil
	}
	st := step{line: p.line, verb: words[0], args: words[1:]}
	if err := st.check(); err != nil {
		return err
	}
	steps := &p.head
	if n := len(p.script.cases); n > 0 {
		steps = &p.script.cases[n-1].steps
	}
	switch forms[st.verb].kind {
	case action:
		p.events++
	case expectation:
		n := len(*steps)
		if n == 0 || forms[(*steps)[n-1].verb].kind != action {
			return fmt.Errorf("%s stands below no event, query or migrate", st.verb)
		}
		(*steps)[n-1].expects = append((*steps)[n-1].expects, st)
		return nil
	}
	*steps = append(*steps, st)
	return nil
}

func (p *parser) finish() (*Script, error) {
	if p.events == 0 {
		return nil, &SyntaxError{max(p.line, 1), "the script has no event: put or delete"}
	}
	if len(p.script.cases) == 0 {
		p.script.cases = []testCase{{line: 1, steps: p.head}}
		return p.script, nil
	}
	for i := range p.script.cases {
		c := &p.script.cases[i]
		c.steps = append(p.head[:len(p.head):len(p.head)], c.steps...)
	}
	return p.script, nil
}

func (s *step) check() error {
	f, ok := forms[s.verb]
	if !ok {
		if near := nearest(s.verb); near != "" {
			return fmt.Errorf("unknown word %q: did you mean %s?", s.verb, near)
		}
		return fmt.Errorf("unknown word %q", s.verb)
	}
	if len(s.args) < f.min || len(s.args) > f.max {
		return fmt.Errorf("%s has %d words after it, want: %s", s.verb, len(s.args), f.usage)
	}
	switch s.verb {
	case "put", "delete", "set", "value", "absent", "submitted":
		return s.checkTarget()
	case "at", "measured", "clock":
		if _, err := time.Parse(time.RFC3339Nano, s.args[0]); err != nil {
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
	case "query":
		return abi.CheckKey(s.args[0])
	case "gas":
		if _, err := strconv.ParseUint(strings.TrimPrefix(s.args[0], "<="), 10, 64); err != nil {
			return fmt.Errorf("gas %q: want a number, or <= and a number", s.args[0])
		}
	case "http":
		if len(s.args) == 3 {
			return fmt.Errorf("http has a status and no body, want: %s", f.usage)
		}
		if len(s.args) == 4 {
			if n, err := strconv.Atoi(s.args[2]); err != nil || n < 100 || n > 999 {
				return fmt.Errorf("http: status %q is not of the form 200", s.args[2])
			}
		}
	case "limit":
		return setLimit(&host.Limits{}, s.args[0], s.args[1])
	case "grant":
		return grant(&host.Grant{}, s.args)
	case "state":
		_, err := local.ParseState([]byte(s.args[0]), ownAddress)
		return err
	}
	return nil
}

// ownAddress stands for the state's address of a contract whose name is not known yet.
const ownAddress = abi.System + "/own"

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

func setLimit(l *host.Limits, name, number string) error {
	n, err := strconv.ParseUint(number, 10, 40)
	if err != nil || n == 0 {
		return fmt.Errorf("limit %s: %q is not a number from 1 to %d", name, number, uint64(1)<<40-1)
	}
	switch name {
	case "gas":
		l.Gas = n
	case "memory":
		l.Memory = n
	case "depth":
		l.Depth = int(n)
	case "writes":
		l.Writes = int(n)
	case "bytes":
		l.Bytes = int(n)
	case "log":
		l.Log = int(n)
	default:
		return fmt.Errorf("no limit %q: want gas, memory, depth, writes, bytes or log", name)
	}
	return nil
}

func grant(g *host.Grant, args []string) error {
	if args[0] == "clock" && len(args) == 1 {
		g.Clock = true
		return nil
	}
	if len(args) != 2 {
		return fmt.Errorf("want: %s", forms["grant"].usage)
	}
	switch args[0] {
	case "http":
		g.HTTP = append(g.HTTP, args[1])
		return nil
	case "write", "submit":
		p, err := abi.ParsePattern(args[1])
		if err != nil {
			return err
		}
		if args[0] == "write" {
			g.Write = append(g.Write, p)
		} else {
			g.Submit = append(g.Submit, p)
		}
		return nil
	}
	return fmt.Errorf("want: %s", forms["grant"].usage)
}

// faultCodes are the codes of faults by the names a script uses: "out of gas" is out-of-gas.
func faultCodes() map[string]abi.Code {
	codes := map[string]abi.Code{}
	for c := abi.Trap; c <= abi.SystemRejected; c++ {
		codes[faultName(c)] = c
	}
	return codes
}

func faultName(c abi.Code) string { return strings.ReplaceAll(strings.ToLower(c.String()), " ", "-") }
