package js

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/kalima-chain/kalima/host"
)

// Limits on source text. goja's parser recurses for each level of nesting, and compiles
// a chain of operators in quadratic time, with no way to interrupt either.
const (
	MaxSource  = 64 << 10 // bytes; 80 KB of 1+1+... took goja 10 s
	maxNesting = 128      // open brackets
	maxChain   = 2000     // tokens without a bracket, a ; or a , between statements
	maxArrows  = 6        // parameters (...)=> within each other; goja reads each twice
)

// scan refuses source that goja should not see. It reads tokens only roughly: a regular
// expression may confuse it, but those are refused later anyway, and MaxSource bounds what
// it can miss.
func scan(code []byte) *host.Refusal {
	switch {
	case len(code) == 0:
		return &host.Refusal{Reason: "the source is empty"}
	case len(code) > MaxSource:
		return &host.Refusal{Reason: fmt.Sprintf("source of %d bytes, at most %d", len(code), MaxSource), Hint: "minify it, or split the contract"}
	case !utf8.Valid(code):
		return &host.Refusal{Reason: "the source is not UTF-8"}
	}
	if strings.HasPrefix(string(code), "#!") {
		return &host.Refusal{Reason: "line 1: a contract does not start with #!"}
	}
	s := scanner{src: string(code), line: 1}
	return s.run()
}

type scanner struct {
	src   string
	pos   int
	line  int
	depth int
	chain int
	text  []int // nesting depths at which a template literal goes on
	inner []int // for each open bracket, the deepest nest of parameters inside it
	value bool  // the last token ends a value, so that / divides
}

func (s *scanner) run() *host.Refusal {
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		switch {
		case c == '\n':
			s.line++
			s.pos++
		case c == ' ' || c == '\t' || c == '\r':
			s.pos++
		case strings.HasPrefix(s.src[s.pos:], "//"):
			s.skipTo("\n", false)
		case strings.HasPrefix(s.src[s.pos:], "/*"):
			s.pos += 2
			s.skipTo("*/", true)
		case c == '"' || c == '\'':
			s.quoted(c)
			s.chain++
			s.value = true
		case c == '`':
			s.pos++
			s.chain++
			s.value = true
			s.template()
		case strings.IndexByte("([{", c) >= 0:
			s.pos++
			s.open()
			s.chain++
			if c == '{' {
				s.chain = 0
			}
		case strings.IndexByte(")]}", c) >= 0:
			if s.close(c) > maxArrows {
				return &host.Refusal{Reason: fmt.Sprintf("line %d: parameters of arrow functions nested more than %d deep", s.line, maxArrows), Hint: "use names for the inner functions"}
			}
		case c == '/' && !s.value:
			return &host.Refusal{Reason: fmt.Sprintf("line %d: regular expressions are not available in contracts yet", s.line), Hint: "use indexOf, split or a loop"}
		case c == ';' || c == ',':
			s.pos++
			s.chain = 0
			s.value = false
		case wordByte(c):
			start := s.pos
			for s.pos < len(s.src) && wordByte(s.src[s.pos]) {
				s.pos++
			}
			s.chain++
			s.value = !beforeValue[s.src[start:s.pos]]
		case (c == '+' || c == '-') && s.pos+1 < len(s.src) && s.src[s.pos+1] == c:
			s.pos += 2 // x++ / y and ++x: the value before it stays one
			s.chain++
		default:
			s.pos++
			s.chain++
			s.value = false
		}
		if s.depth > maxNesting {
			return &host.Refusal{Reason: fmt.Sprintf("line %d: brackets nested more than %d deep", s.line, maxNesting), Hint: "move inner parts into functions"}
		}
		if s.chain > maxChain {
			return &host.Refusal{Reason: fmt.Sprintf("line %d: an expression of more than %d parts", s.line, maxChain), Hint: "end statements with ; and split long expressions"}
		}
	}
	return nil
}

// beforeValue are words after which a / starts a regular expression.
var beforeValue = map[string]bool{"return": true, "typeof": true, "case": true, "in": true, "of": true, "void": true,
	"delete": true, "instanceof": true, "new": true, "do": true, "else": true, "throw": true, "yield": true, "await": true}

func (s *scanner) open() {
	s.depth++
	s.inner = append(s.inner, 0)
	s.value = false
}

// close returns how deep parameters of arrow functions nest in the bracket it closes.
func (s *scanner) close(c byte) int {
	s.pos++
	s.value = true
	nest := 0
	if n := len(s.inner); n > 0 {
		nest = s.inner[n-1]
		s.inner = s.inner[:n-1]
		if c == ')' && s.arrow() {
			nest++
		}
		if n > 1 {
			s.inner[n-2] = max(s.inner[n-2], nest)
		}
	}
	if n := len(s.text); n > 0 && c == '}' && s.text[n-1] == s.depth {
		s.text = s.text[:n-1]
		s.depth--
		s.template()
		return nest
	}
	if s.depth > 0 {
		s.depth--
	}
	if c == '}' {
		s.chain = 0
	}
	return nest
}

// arrow reports whether => comes next.
func (s *scanner) arrow() bool {
	for rest := s.src[s.pos:]; ; {
		rest = strings.TrimLeft(rest, " \t\r\n")
		switch {
		case strings.HasPrefix(rest, "/*"):
			_, after, _ := strings.Cut(rest[2:], "*/")
			rest = after
		case strings.HasPrefix(rest, "//"):
			_, after, _ := strings.Cut(rest, "\n")
			rest = after
		default:
			return strings.HasPrefix(rest, "=>")
		}
	}
}

// template reads the text of a template literal up to its end or the next ${.
func (s *scanner) template() {
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '\\':
			s.pos++
		case c == '\n':
			s.line++
		case c == '`':
			s.pos++
			return
		case strings.HasPrefix(s.src[s.pos:], "${"):
			s.pos += 2
			s.open()
			s.chain++
			s.text = append(s.text, s.depth)
			return
		}
		s.pos++
	}
}

func (s *scanner) quoted(quote byte) {
	for s.pos++; s.pos < len(s.src); s.pos++ {
		switch s.src[s.pos] {
		case '\\':
			s.pos++
			if s.pos < len(s.src) && s.src[s.pos] == '\n' {
				s.line++
			}
		case '\n':
			return // the parser will say what is wrong
		case quote:
			s.pos++
			return
		}
	}
}

func (s *scanner) skipTo(end string, past bool) {
	n := strings.Index(s.src[s.pos:], end)
	if n < 0 {
		s.pos = len(s.src)
		return
	}
	s.line += strings.Count(s.src[s.pos:s.pos+n], "\n")
	s.pos += n
	if past {
		s.pos += len(end)
	}
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}
