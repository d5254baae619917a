package regex

// Match looks for the expression in a text from position start on, and returns the bounds of
// the match and of each group in pairs, -1 for a group that took no part; nil when there
// is no match. With sticky it must begin at start. spend is told of the steps before they
// are taken, and may panic to end the search.
func (p *Program) Match(text []rune, start int, sticky bool, spend func(steps int)) []int {
	m := &machine{p: p, text: text, slots: 2 * (p.Groups + 1)}
	n := len(p.insts)
	m.now, m.next = newThreads(n), newThreads(n)
	spend(8*n + m.slots)
	var found []int
	for pos := start; ; pos++ {
		if found == nil && (pos == start || !sticky) {
			m.add(m.now, 0, pos, m.fresh())
		}
		if len(m.now.list) == 0 {
			if found != nil || sticky || pos >= len(text) {
				break
			}
		}
		spend(1 + m.steps*(1+m.slots/8))
		m.steps = 0
		found = m.step(pos, found)
		if pos >= len(text) {
			break
		}
		m.now, m.next = m.next, m.now
		m.next.clear()
	}
	return found
}

type machine struct {
	p     *Program
	text  []rune
	slots int
	steps int
	now   *threads
	next  *threads
	free  [][]int
}

// threads is a list of places in the program, the preferred one first, each once.
type threads struct {
	list []thread
	seen []int // round in which an instruction was put into the list
	turn int
}

type thread struct {
	at    int
	slots []int
}

func newThreads(n int) *threads { return &threads{seen: make([]int, n), turn: 1} }

func (t *threads) clear() {
	t.list = t.list[:0]
	t.turn++
}

func (m *machine) fresh() []int {
	s := m.slice()
	for i := range s {
		s[i] = -1
	}
	return s
}

func (m *machine) slice() []int {
	if n := len(m.free); n > 0 {
		s := m.free[n-1]
		m.free = m.free[:n-1]
		return s
	}
	return make([]int, m.slots)
}

// add puts a thread, or those it leads to without a character, into a list. It owns slots.
func (m *machine) add(t *threads, at, pos int, slots []int) {
	type todo struct {
		at    int
		slots []int
	}
	stack := []todo{{at, slots}}
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		at, slots := top.at, top.slots
		for {
			m.steps++
			if t.seen[at] == t.turn {
				m.free = append(m.free, slots)
				break
			}
			t.seen[at] = t.turn
			i := &m.p.insts[at]
			ok := true
			switch i.op {
			case opJump:
				at = i.x
				continue
			case opSplit:
				other := m.slice()
				copy(other, slots)
				stack = append(stack, todo{i.y, other})
				at = i.x
				continue
			case opSave:
				slots[i.x] = pos
			case opClear:
				for g := i.x; g < i.y; g++ {
					slots[2*g], slots[2*g+1] = -1, -1
				}
			case opBegin:
				ok = pos == 0 || m.p.Flags.Multiline && lineEnd(m.text[pos-1])
			case opEnd:
				ok = pos == len(m.text) || m.p.Flags.Multiline && lineEnd(m.text[pos])
			case opWord:
				ok = m.wordAt(pos-1) != m.wordAt(pos)
			case opNotWord:
				ok = m.wordAt(pos-1) == m.wordAt(pos)
			default:
				t.list = append(t.list, thread{at, slots})
				slots = nil
			}
			if slots == nil {
				break
			}
			if !ok {
				m.free = append(m.free, slots)
				break
			}
			at++
		}
	}
}

func (m *machine) wordAt(pos int) bool {
	return pos >= 0 && pos < len(m.text) && word.has(m.text[pos])
}

func lineEnd(c rune) bool { return c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029 }

// step moves all threads over the character at pos.
func (m *machine) step(pos int, found []int) []int {
	for i, t := range m.now.list {
		in := &m.p.insts[t.at]
		if in.op == opMatch {
			found = append([]int(nil), t.slots...)
			for _, rest := range m.now.list[i:] {
				m.free = append(m.free, rest.slots)
			}
			return found // what comes behind is less preferred
		}
		if pos < len(m.text) && m.takes(in, m.text[pos]) {
			m.add(m.next, t.at+1, pos+1, t.slots)
			continue
		}
		m.free = append(m.free, t.slots)
	}
	return found
}

func (m *machine) takes(in *inst, c rune) bool {
	f := &m.p.Flags
	switch in.op {
	case opAny:
		return f.DotAll || !lineEnd(c)
	case opSet:
		m.steps += in.set.size()
		if f.IgnoreCase {
			return in.set.hasFolded(c, f.Unicode)
		}
		return in.set.has(c)
	}
	return c == in.char || f.IgnoreCase && fold(c, f.Unicode) == fold(in.char, f.Unicode)
}
