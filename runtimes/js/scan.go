package js

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kalima-chain/kalima/host"
)

// Limits on source text. goja's parser recurses for each level of nesting, and compiles
// a chain of operators in quadratic time, with no way to interrupt either.
const (
	MaxSource  = 64 << 10 // bytes, the map of its lines not counted; 80 KB of 1+1+... took goja 10 s
	MaxMap     = 1 << 20  // bytes of that map
	maxNesting = 128      // open brackets
	maxChain   = 2000     // tokens without a bracket, a ; or a , between statements
	maxArrows  = 6        // parameters (...)=> within each other; goja reads each twice
)

// scan refuses source that goja should not see. It reads tokens only, and refuses what it
// can not tell apart without a parser.
func scan(code string) *host.Refusal {
	switch {
	case len(code) == 0:
		return &host.Refusal{Reason: "the source is empty"}
	case len(code) > MaxSource:
		return &host.Refusal{Reason: fmt.Sprintf("source of %d bytes, at most %d", len(code), MaxSource), Hint: "minify it, or split the contract"}
	case !utf8.ValidString(code):
		return &host.Refusal{Reason: "the source is not UTF-8"}
	}
	if strings.HasPrefix(code, "#!") {
		return &host.Refusal{Reason: "line 1: a contract does not start with #!"}
	}
	s := scanner{src: code, line: 1}
	return s.run()
}

type scanner struct {
	src   string
	pos   int
	line  int
	depth int
	chain int
	text  []int     // nesting depths at which a template literal goes on
	open  []bracket // open ones, outermost first
	after slash     // what the last token was
	word  string    // the last token, when it is a word
	broke bool      // a line ended since the last token
}

// bracket is an open one.
type bracket struct {
	inner   int  // the deepest nest of parameters inside it
	control bool // the ( of an if, while, for or with
}

// slash is what a token means for a / behind it.
type slash int

const (
	afterOperator slash = iota // a regular expression
	afterValue                 // a division
	afterUnclear               // it takes a parser to tell
	afterDot                   // a name follows, whatever word it is
)

func (s *scanner) refusal(hint, format string, args ...any) *host.Refusal {
	return &host.Refusal{Reason: fmt.Sprintf("line %d: ", s.line) + fmt.Sprintf(format, args...), Hint: hint}
}

func (s *scanner) run() *host.Refusal {
	for s.pos < len(s.src) {
		if s.space() {
			continue
		}
		if refusal := s.token(); refusal != nil {
			return refusal
		}
		s.broke = false
		if s.depth > maxNesting {
			return s.refusal("move inner parts into functions", "brackets nested more than %d deep", maxNesting)
		}
		if s.chain > maxChain {
			return s.refusal("end statements with ; and split long expressions", "an expression of more than %d parts", maxChain)
		}
	}
	return nil
}

// space skips white space or a comment.
func (s *scanner) space() bool {
	rest := s.src[s.pos:]
	switch {
	case strings.HasPrefix(rest, "//"):
		s.pos += 2
		for s.pos < len(s.src) && !s.lineEnd() {
			s.pos++
		}
	case strings.HasPrefix(rest, "/*"):
		n := strings.Index(rest[2:], "*/")
		if n < 0 {
			n = len(rest) - 4
		}
		lines := strings.Count(rest[:n+4], "\n")
		s.line += lines
		s.broke = s.broke || lines > 0 || strings.ContainsAny(rest[:n+4], "\r\u2028\u2029")
		s.pos += n + 4
	case s.lineEnd():
		s.broke = true
		if rest[0] == '\n' {
			s.line++
		}
		_, n := utf8.DecodeRuneInString(rest)
		s.pos += n
	default:
		r, n := utf8.DecodeRuneInString(rest)
		if r != '\t' && r != '\v' && r != '\f' && r != 0xFEFF && !unicode.Is(unicode.Zs, r) {
			return false
		}
		s.pos += n
	}
	return true
}

// lineEnd tells whether a line ends here.
func (s *scanner) lineEnd() bool {
	c := s.src[s.pos]
	return c == '\n' || c == '\r' || c == 0xE2 && (strings.HasPrefix(s.src[s.pos:], "\u2028") || strings.HasPrefix(s.src[s.pos:], "\u2029"))
}

func (s *scanner) token() *host.Refusal {
	c := s.src[s.pos]
	word := s.word
	s.word = ""
	switch {
	case c == '"' || c == '\'':
		s.chain++
		s.after = afterValue
		return s.quoted(c)
	case c == '`':
		s.pos++
		s.chain++
		s.after = afterValue
		s.template()
	case strings.IndexByte("([{", c) >= 0:
		s.pos++
		s.opened(c == '(' && control[word] && s.after != afterDot)
		if s.chain++; c == '{' {
			s.chain = 0
		}
	case strings.IndexByte(")]}", c) >= 0:
		if s.close(c) > maxArrows {
			return s.refusal("use names for the inner functions", "parameters of arrow functions nested more than %d deep", maxArrows)
		}
	case c == '/' && s.after == afterUnclear:
		return s.refusal("put the regular expression or the division into parentheses", "a / that could be either a division or the start of a regular expression")
	case c == '/' && s.after == afterOperator:
		s.chain++
		s.after = afterValue
		return s.expression()
	case c == ';' || c == ',':
		s.pos++
		s.chain = 0
		s.after = afterOperator
	case wordByte(c):
		s.read()
	case (c == '+' || c == '-') && s.pos+1 < len(s.src) && s.src[s.pos+1] == c:
		s.pos += 2
		if s.chain++; s.after != afterValue || s.broke {
			s.after = afterOperator // ++x; otherwise x++, and what was a value stays one
		}
	case c == '.' && !strings.HasPrefix(s.src[s.pos:], "..."):
		s.pos++
		s.chain++
		s.after = afterDot
	default:
		s.pos++
		s.chain++
		s.after = afterOperator
	}
	return nil
}

// read takes a word or a number.
func (s *scanner) read() {
	start := s.pos
	for s.pos < len(s.src) && wordByte(s.src[s.pos]) && !s.lineEnd() {
		if s.src[s.pos] >= 0x80 {
			if r, n := utf8.DecodeRuneInString(s.src[s.pos:]); unicode.Is(unicode.Zs, r) || r == 0xFEFF {
				break
			} else {
				s.pos += n
				continue
			}
		}
		s.pos++
	}
	if s.pos == start {
		s.pos++
	}
	name := s.after == afterDot
	s.word = s.src[start:s.pos]
	s.chain++
	switch {
	case name:
		s.after, s.word = afterValue, ""
	case beforeValue[s.word]:
		s.after = afterOperator
	case s.word == "of" || s.word == "yield" || s.word == "await":
		s.after = afterUnclear
	default:
		s.after = afterValue
	}
}

// beforeValue are words after which a / starts a regular expression.
var beforeValue = map[string]bool{"return": true, "typeof": true, "case": true, "in": true, "void": true,
	"delete": true, "instanceof": true, "new": true, "do": true, "else": true, "throw": true}

// control are words whose ( holds a condition and not a value.
var control = map[string]bool{"if": true, "while": true, "for": true, "with": true}

// expression skips a regular expression.
func (s *scanner) expression() *host.Refusal {
	class := false
	for s.pos++; s.pos < len(s.src) && !s.lineEnd(); s.pos++ {
		switch c := s.src[s.pos]; {
		case c == '\\':
			s.pos++
			if s.pos < len(s.src) && s.lineEnd() {
				return s.refusal("", "a regular expression has no end")
			}
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '/' && !class:
			s.pos++
			for s.pos < len(s.src) && wordByte(s.src[s.pos]) && s.src[s.pos] < 0x80 {
				s.pos++
			}
			return nil
		}
	}
	return s.refusal("", "a regular expression has no end")
}

func (s *scanner) opened(control bool) {
	s.depth++
	s.open = append(s.open, bracket{control: control})
	s.after = afterOperator
}

// close returns how deep parameters of arrow functions nest in the bracket it closes.
func (s *scanner) close(c byte) int {
	s.pos++
	s.after = afterValue
	if c == '}' {
		s.after = afterUnclear
	}
	nest := 0
	if n := len(s.open); n > 0 {
		b := s.open[n-1]
		s.open = s.open[:n-1]
		if b.control && c == ')' {
			s.after = afterOperator
		}
		if nest = b.inner; c == ')' && s.arrow() {
			nest++
		}
		if n > 1 {
			s.open[n-2].inner = max(s.open[n-2].inner, nest)
		}
	}
	if n := len(s.text); n > 0 && c == '}' && s.text[n-1] == s.depth {
		s.text = s.text[:n-1]
		s.depth--
		s.after = afterValue
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
		rest = strings.TrimLeft(rest, " \t\v\f\r\n\u00a0\ufeff\u2028\u2029")
		switch {
		case strings.HasPrefix(rest, "/*"):
			_, after, _ := strings.Cut(rest[2:], "*/")
			rest = after
		case strings.HasPrefix(rest, "//"):
			i := strings.IndexAny(rest, "\n\r\u2028\u2029")
			if i < 0 {
				return false
			}
			rest = rest[i:]
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
			s.opened(false)
			s.chain++
			s.text = append(s.text, s.depth)
			return
		}
		s.pos++
	}
}

func (s *scanner) quoted(quote byte) *host.Refusal {
	for s.pos++; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; {
		case c == '\\':
			s.pos++
			if s.pos < len(s.src) && s.src[s.pos] == '\r' && strings.HasPrefix(s.src[s.pos:], "\r\n") {
				s.pos++
			}
			if s.pos < len(s.src) && s.src[s.pos] == '\n' {
				s.line++
			}
		case c == '\n' || c == '\r':
			return s.refusal("", "a string has no end")
		case c == quote:
			s.pos++
			return nil
		}
	}
	return s.refusal("", "a string has no end")
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}
