package regex

import (
	"fmt"
	"strings"
)

// Program is a compiled expression. It is never changed.
type Program struct {
	Flags  Flags
	Groups int      // captures, the whole match not counted
	Names  []string // of the groups; empty for those without

	insts []inst
}

type inst struct {
	op   op
	char rune
	set  *set
	x, y int // where to go; opSave and opClear: what
}

type op uint8

const (
	opMatch op = iota
	opChar
	opAny
	opSet
	opBegin
	opEnd
	opWord
	opNotWord
	opSplit // x before y
	opJump
	opSave
	opClear // groups x to y-1
)

// Compile prepares an expression. The pattern's characters are UTF-16 units, or with the
// flag u code points.
func Compile(pattern []rune, flags Flags) (*Program, error) {
	if len(pattern) > MaxPattern {
		return nil, fmt.Errorf("regular expression of %d characters, at most %d", len(pattern), MaxPattern)
	}
	p := &parser{src: pattern, flags: flags, named: strings.Contains(string(pattern), "(?<")}
	root, err := p.choice()
	if err == nil && p.more() {
		err = fmt.Errorf(") without (")
	}
	if err != nil {
		return nil, fmt.Errorf("regular expression: %w", err)
	}
	c := &compiler{}
	c.emit(inst{op: opSave, x: 0})
	c.node(root)
	c.emit(inst{op: opSave, x: 1})
	c.emit(inst{op: opMatch})
	if c.full {
		return nil, fmt.Errorf("regular expression: more than %d steps when repetitions are written out", maxProgram)
	}
	return &Program{Flags: flags, Groups: p.groups, Names: p.names, insts: c.insts}, nil
}

// Size is the number of instructions, which bounds the steps for a character.
func (p *Program) Size() int { return len(p.insts) }

type compiler struct {
	insts []inst
	full  bool
}

func (c *compiler) emit(i inst) int {
	if len(c.insts) >= maxProgram {
		c.full = true
		return 0
	}
	c.insts = append(c.insts, i)
	return len(c.insts) - 1
}

func (c *compiler) node(n *node) {
	if c.full {
		return
	}
	switch n.kind {
	case kindChar:
		c.emit(inst{op: opChar, char: n.char})
	case kindAny:
		c.emit(inst{op: opAny})
	case kindSet:
		c.emit(inst{op: opSet, set: n.set})
	case kindBegin:
		c.emit(inst{op: opBegin})
	case kindEnd:
		c.emit(inst{op: opEnd})
	case kindWord:
		c.emit(inst{op: opWord})
	case kindNotWord:
		c.emit(inst{op: opNotWord})
	case kindConcat:
		for _, s := range n.subs {
			c.node(s)
		}
	case kindChoice:
		c.choice(n.subs)
	case kindGroup:
		if n.group > 0 {
			c.emit(inst{op: opSave, x: 2 * n.group})
		}
		c.node(n.subs[0])
		if n.group > 0 {
			c.emit(inst{op: opSave, x: 2*n.group + 1})
		}
	case kindRepeat:
		c.repeat(n)
	}
}

func (c *compiler) choice(subs []*node) {
	var ends []int
	for i, s := range subs {
		if i == len(subs)-1 {
			c.node(s)
			break
		}
		split := c.emit(inst{op: opSplit})
		c.insts[split].x = len(c.insts)
		c.node(s)
		ends = append(ends, c.emit(inst{op: opJump}))
		c.insts[split].y = len(c.insts)
	}
	for _, e := range ends {
		c.insts[e].x = len(c.insts)
	}
}

func (c *compiler) repeat(n *node) {
	body := func() {
		if n.first < n.last {
			c.emit(inst{op: opClear, x: n.first, y: n.last})
		}
		c.node(n.subs[0])
	}
	fork := func(at, into, past int) {
		if n.lazy {
			into, past = past, into
		}
		c.insts[at].x, c.insts[at].y = into, past
	}
	for range n.least {
		body()
		if c.full {
			return
		}
	}
	if n.most < 0 {
		split := c.emit(inst{op: opSplit})
		body()
		c.emit(inst{op: opJump, x: split})
		fork(split, split+1, len(c.insts))
		return
	}
	var splits []int
	for range n.most - n.least {
		splits = append(splits, c.emit(inst{op: opSplit}))
		body()
		if c.full {
			return
		}
	}
	for _, s := range splits {
		fork(s, s+1, len(c.insts))
	}
}
