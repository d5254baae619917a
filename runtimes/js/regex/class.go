package regex

import (
	"errors"
	"unicode"
)

// set is a set of characters.
type set struct {
	ranges []span
	subs   []*set
	not    bool
}

type span struct{ from, to rune }

var (
	digits = &set{ranges: []span{{'0', '9'}}}
	word   = &set{ranges: []span{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}}
	spaces = &set{ranges: []span{{'\t', '\r'}, {' ', ' '}, {0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029},
		{0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}}}

	escapes = map[rune]*set{
		'd': digits, 'D': {subs: []*set{digits}, not: true},
		'w': word, 'W': {subs: []*set{word}, not: true},
		's': spaces, 'S': {subs: []*set{spaces}, not: true},
	}
)

// has tells whether c is in the set.
func (s *set) has(c rune) bool { return s.inside(c) != s.not }

func (s *set) inside(c rune) bool {
	for _, r := range s.ranges {
		if c >= r.from && c <= r.to {
			return true
		}
	}
	for _, sub := range s.subs {
		if sub.has(c) {
			return true
		}
	}
	return false
}

// hasFolded tells whether a character that is the same but for case is in the set.
func (s *set) hasFolded(c rune, u bool) bool {
	want := fold(c, u)
	found := s.inside(c) || s.inside(want)
	for f := unicode.SimpleFold(c); f != c && !found; f = unicode.SimpleFold(f) {
		found = fold(f, u) == want && s.inside(f)
	}
	return found != s.not
}

// fold maps characters that differ in case only to the same one, as ECMAScript does: through
// upper case, or in Unicode mode to the smallest of them, and without one that is not ASCII becoming ASCII.
func fold(c rune, u bool) rune {
	if c < 128 {
		if c >= 'a' && c <= 'z' {
			return c - 32
		}
		return c
	}
	if u {
		least := c
		for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		if least >= 'a' && least <= 'z' {
			return least - 32
		}
		return least
	}
	if up := unicode.ToUpper(c); up >= 128 {
		return up
	}
	return c
}

// size counts the comparisons that has may make.
func (s *set) size() int {
	n := len(s.ranges)
	for _, sub := range s.subs {
		n += sub.size()
	}
	return n
}

// class reads a set behind its [.
func (p *parser) class() (*set, error) {
	s := &set{}
	if p.peek() == '^' {
		p.pos++
		s.not = true
	}
	for {
		if !p.more() {
			return nil, errors.New("[ without ]")
		}
		if p.peek() == ']' {
			p.pos++
			return s, nil
		}
		from, sub, err := p.classAtom()
		if err != nil {
			return nil, err
		}
		if p.peek() != '-' || p.pos+1 >= len(p.src) || p.src[p.pos+1] == ']' {
			s.add(from, from, sub)
			continue
		}
		p.pos++
		to, other, err := p.classAtom()
		switch {
		case err != nil:
			return nil, err
		case sub != nil || other != nil:
			if p.flags.Unicode {
				return nil, errors.New("a range ends with a class")
			}
			s.add(from, from, sub)
			s.add('-', '-', nil)
			s.add(to, to, other)
		case to < from:
			return nil, errors.New("a range is out of order")
		default:
			s.add(from, to, nil)
		}
	}
}

func (s *set) add(from, to rune, sub *set) {
	if sub != nil {
		s.subs = append(s.subs, sub)
		return
	}
	s.ranges = append(s.ranges, span{from, to})
}

func (p *parser) classAtom() (rune, *set, error) {
	if !p.more() {
		return 0, nil, errors.New("[ without ]")
	}
	c := p.src[p.pos]
	p.pos++
	if c != '\\' {
		return c, nil, nil
	}
	if !p.more() {
		return 0, nil, errEnd
	}
	if s := p.classEscape(); s != nil {
		return 0, s, nil
	}
	if c := p.peek(); c == 'B' && p.flags.Unicode {
		return 0, nil, errors.New("\\B in a class")
	}
	r, err := p.charEscape(true)
	return r, nil, err
}
