package regex

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

func (p *parser) escape() (*node, error) {
	if !p.more() {
		return nil, errEnd
	}
	switch c := p.peek(); {
	case c == 'b':
		p.pos++
		return &node{kind: kindWord}, nil
	case c == 'B':
		p.pos++
		return &node{kind: kindNotWord}, nil
	case c >= '1' && c <= '9', c == 'k' && (p.flags.Unicode || p.named):
		return nil, errors.New("a backreference is not available")
	}
	if s := p.classEscape(); s != nil {
		return &node{kind: kindSet, set: s}, nil
	}
	c, err := p.charEscape(false)
	return &node{kind: kindChar, char: c}, err
}

// classEscape reads what \d and its kin stand for, nil when it is something else.
func (p *parser) classEscape() *set {
	s := escapes[p.peek()]
	if s != nil {
		p.pos++
	}
	return s
}

var controls = map[rune]rune{'t': '\t', 'n': '\n', 'v': '\v', 'f': '\f', 'r': '\r'}

// charEscape reads the character behind a backslash.
func (p *parser) charEscape(class bool) (rune, error) {
	c := p.src[p.pos]
	p.pos++
	if to, ok := controls[c]; ok {
		return to, nil
	}
	switch c {
	case 'b':
		return '\b', nil // in a class
	case '0':
		if d := p.peek(); d >= '0' && d <= '9' {
			return 0, errors.New("an octal escape is not available")
		}
		return 0, nil
	case 'c':
		if d := p.peek(); d >= 'a' && d <= 'z' || d >= 'A' && d <= 'Z' {
			p.pos++
			return d & 31, nil
		}
		return 0, errors.New("\\c without a letter")
	case 'x':
		if n, ok := p.hex(2); ok {
			return n, nil
		}
	case 'u':
		if p.flags.Unicode && p.peek() == '{' {
			return p.braced()
		}
		if n, ok := p.hex(4); ok {
			return p.surrogate(n), nil
		}
	case 'p', 'P':
		if p.flags.Unicode {
			return 0, errors.New("\\p is not available")
		}
	case '-':
		if class {
			return c, nil
		}
	}
	switch {
	case c >= '0' && c <= '9':
		return 0, errors.New("an octal escape is not available")
	case p.flags.Unicode && !strings.ContainsRune(`^$\.*+?()[]{}|/`, c):
		return 0, fmt.Errorf("\\%c is not known", c)
	}
	return c, nil
}

func (p *parser) hex(n int) (v rune, ok bool) {
	if p.pos+n > len(p.src) {
		return 0, false
	}
	for _, c := range p.src[p.pos : p.pos+n] {
		d := strings.IndexRune("0123456789abcdef", c|0x20)
		if d < 0 || c > 'f' {
			return 0, false
		}
		v = v<<4 | rune(d)
	}
	p.pos += n
	return v, true
}

func (p *parser) braced() (v rune, err error) {
	p.pos++
	digits := 0
	for p.more() && p.peek() != '}' {
		d, ok := p.hex(1)
		if v = v<<4 | d; !ok || v > 0x10FFFF {
			return 0, errors.New("\\u{} of no character")
		}
		digits++
	}
	if !p.has("}") || digits == 0 {
		return 0, errors.New("\\u{} of no character")
	}
	return v, nil
}

// surrogate joins a pair of \u escapes in Unicode mode.
func (p *parser) surrogate(high rune) rune {
	if !p.flags.Unicode || !utf16.IsSurrogate(high) {
		return high
	}
	at := p.pos
	if p.has(`\u`) {
		if low, ok := p.hex(4); ok {
			if r := utf16.DecodeRune(high, low); r != 0xFFFD {
				return r
			}
		}
	}
	p.pos = at
	return high
}
