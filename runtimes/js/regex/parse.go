package regex

import (
	"errors"
	"fmt"
	"strings"
)

// Bounds of an expression.
const (
	MaxPattern = 4096 // characters
	maxProgram = 4096 // instructions, counted repetitions written out
	maxGroups  = 64
	maxNesting = 64
	maxRepeat  = 1000 // of {n,m}
)

// Flags of an expression.
type Flags struct{ Global, IgnoreCase, Multiline, DotAll, Unicode, Sticky bool }

// ParseFlags reads the letters behind an expression.
func ParseFlags(s string) (f Flags, err error) {
	for i, c := range s {
		if strings.ContainsRune(s[:i], c) {
			return f, fmt.Errorf("flag %c is there twice", c)
		}
		switch c {
		case 'g':
			f.Global = true
		case 'i':
			f.IgnoreCase = true
		case 'm':
			f.Multiline = true
		case 's':
			f.DotAll = true
		case 'u':
			f.Unicode = true
		case 'y':
			f.Sticky = true
		case 'd', 'v':
			return f, fmt.Errorf("flag %c is not available", c)
		default:
			return f, fmt.Errorf("flag %q is not known", c)
		}
	}
	return f, nil
}

// node is a part of an expression.
type node struct {
	kind  kind
	char  rune
	set   *set
	subs  []*node
	least int
	most  int // -1 for no bound
	lazy  bool
	group int // for kindGroup; 0 does not capture
	first int // for kindRepeat: the first group inside, and the one behind the last
	last  int
}

type kind int

const (
	kindEmpty kind = iota
	kindChar
	kindAny
	kindSet
	kindBegin
	kindEnd
	kindWord
	kindNotWord
	kindConcat
	kindChoice
	kindRepeat
	kindGroup
)

type parser struct {
	src    []rune
	pos    int
	flags  Flags
	groups int // captures so far
	names  []string
	depth  int
	named  bool // the pattern has named groups, so that \k is a reference
}

var errEnd = errors.New("it ends too early")

func (p *parser) more() bool { return p.pos < len(p.src) }

func (p *parser) peek() rune {
	if p.more() {
		return p.src[p.pos]
	}
	return -1
}

func (p *parser) has(s string) bool {
	if !strings.HasPrefix(string(p.src[p.pos:min(len(p.src), p.pos+len(s))]), s) {
		return false
	}
	p.pos += len(s)
	return true
}

func (p *parser) choice() (*node, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, fmt.Errorf("groups nested more than %d deep", maxNesting)
	}
	defer func() { p.depth-- }()
	n := &node{kind: kindChoice}
	for {
		c, err := p.concat()
		if err != nil {
			return nil, err
		}
		n.subs = append(n.subs, c)
		if p.peek() != '|' {
			break
		}
		p.pos++
	}
	if len(n.subs) == 1 {
		return n.subs[0], nil
	}
	return n, nil
}

func (p *parser) concat() (*node, error) {
	n := &node{kind: kindConcat}
	for p.more() && p.peek() != '|' && p.peek() != ')' {
		first := p.groups + 1
		atom, err := p.atom()
		if err != nil {
			return nil, err
		}
		if atom, err = p.quantified(atom, first); err != nil {
			return nil, err
		}
		n.subs = append(n.subs, atom)
	}
	return n, nil
}

func (p *parser) quantified(atom *node, first int) (*node, error) {
	least, most, ok, err := p.quantifier()
	if err != nil || !ok {
		return atom, err
	}
	switch atom.kind {
	case kindBegin, kindEnd, kindWord, kindNotWord:
		return nil, errors.New("nothing to repeat")
	}
	n := &node{kind: kindRepeat, subs: []*node{atom}, least: least, most: most, first: first, last: p.groups + 1}
	if p.peek() == '?' {
		p.pos++
		n.lazy = true
	}
	return n, nil
}

func (p *parser) quantifier() (least, most int, ok bool, err error) {
	switch p.peek() {
	case '*':
		p.pos++
		return 0, -1, true, nil
	case '+':
		p.pos++
		return 1, -1, true, nil
	case '?':
		p.pos++
		return 0, 1, true, nil
	case '{':
	default:
		return 0, 0, false, nil
	}
	at := p.pos
	p.pos++
	least, found := p.number()
	if !found {
		return p.noQuantifier(at)
	}
	most = least
	if p.peek() == ',' {
		p.pos++
		if most, found = p.number(); !found {
			most = -1
		}
	}
	if p.peek() != '}' {
		return p.noQuantifier(at)
	}
	p.pos++
	if most >= 0 && most < least {
		return 0, 0, false, errors.New("the bounds of {} are out of order")
	}
	if least > maxRepeat || most > maxRepeat {
		return 0, 0, false, fmt.Errorf("a repetition of more than %d", maxRepeat)
	}
	return least, most, true, nil
}

// noQuantifier makes { a character, as it is outside of Unicode mode.
func (p *parser) noQuantifier(at int) (int, int, bool, error) {
	if p.flags.Unicode {
		return 0, 0, false, errors.New("{ without bounds")
	}
	p.pos = at
	return 0, 0, false, nil
}

func (p *parser) number() (n int, ok bool) {
	for p.more() && p.peek() >= '0' && p.peek() <= '9' {
		n, ok = min(n*10+int(p.peek()-'0'), 1<<20), true
		p.pos++
	}
	return n, ok
}

func (p *parser) atom() (*node, error) {
	c := p.src[p.pos]
	p.pos++
	switch c {
	case '^':
		return &node{kind: kindBegin}, nil
	case '$':
		return &node{kind: kindEnd}, nil
	case '.':
		return &node{kind: kindAny}, nil
	case '(':
		return p.group()
	case '[':
		s, err := p.class()
		return &node{kind: kindSet, set: s}, err
	case '\\':
		return p.escape()
	case '*', '+', '?':
		return nil, errors.New("nothing to repeat")
	case '{':
		if p.flags.Unicode {
			return nil, errors.New("nothing to repeat")
		}
		p.pos--
		if _, _, ok, _ := p.quantifier(); ok {
			return nil, errors.New("nothing to repeat")
		}
		p.pos++
	case '}', ']':
		if p.flags.Unicode {
			return nil, fmt.Errorf("a lone %c", c)
		}
	}
	return &node{kind: kindChar, char: c}, nil
}

func (p *parser) group() (*node, error) {
	n := &node{kind: kindGroup}
	switch {
	case p.has("?:"):
	case p.has("?=") || p.has("?!"):
		return nil, errors.New("lookahead is not available")
	case p.has("?<=") || p.has("?<!"):
		return nil, errors.New("lookbehind is not available")
	default:
		name := ""
		if p.has("?<") {
			for p.more() && p.peek() != '>' {
				if c := p.peek(); !(c == '_' || c == '$' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' && name != "") {
					return nil, fmt.Errorf("%q in the name of a group", c)
				}
				name += string(p.peek())
				p.pos++
			}
			if !p.has(">") || name == "" {
				return nil, errors.New("a group's name has no end")
			}
			for _, other := range p.names {
				if other == name {
					return nil, fmt.Errorf("two groups are named %s", name)
				}
			}
		} else if p.peek() == '?' {
			return nil, errors.New("(? of an unknown kind")
		}
		p.groups++
		if p.groups > maxGroups {
			return nil, fmt.Errorf("more than %d groups", maxGroups)
		}
		n.group = p.groups
		p.names = append(p.names, name)
	}
	sub, err := p.choice()
	if err != nil {
		return nil, err
	}
	if p.peek() != ')' {
		return nil, errors.New("( without )")
	}
	p.pos++
	n.subs = []*node{sub}
	return n, nil
}
