package meter

// walker goes over one function. The first walk (emit false) checks it, finds its
// segments and their prices; the second writes it with the charges in. Both take the
// same steps, so segment and instruction numbers agree.
type walker struct {
	m     *module
	f     *fn
	index int // of f in the input
	emit  bool
	out   []byte
	wrap  []byte // the block around the body, when there is one

	r      reader
	ctl    []frame
	stack  []operand
	seg    int    // current segment, -1 in dead code
	segs   int    // begun so far
	made   int    // instructions that can make a NaN, so far
	level  uint32 // open blocks in the output
	clean  bool   // the gas global holds what the gas local does
	blocks int
	nans   nans
}

// operand is a value on the stack.
type operand struct {
	from int32 // where a NaN in it may come from, see nan.go
	typ  byte  // 0: not known, and no number
}

// frame is one block of the input that is open.
type frame struct {
	op       byte
	params   []byte // types
	results  []byte
	height   int // of the operand stack below the parameters
	dead     bool
	wasDead  bool
	branched bool // a branch goes to its end
	exit     int  // the outermost block that something in it branches to; blocks inside that are left otherwise than by their end
	effects  bool // it holds a call or a loop
	openSeg  int
	elseSeen bool
	label    uint32 // level in the output that a branch to it names
}

func (w *walker) walk() *Refusal {
	f := w.f
	w.r = reader{b: f.code}
	w.ctl = append(w.ctl, frame{op: opBlock, results: f.typ.results, openSeg: none})
	w.prologue()
	w.begin()
	for len(w.ctl) > 0 {
		if w.r.done() {
			return refuse("the code does not end")
		}
		if err := w.step(); err != nil {
			return err
		}
		if w.r.bad {
			return refuse("malformed instruction at byte %d", w.r.pos)
		}
	}
	if w.r.pos != len(f.code) {
		return refuse("bytes after the end of the code")
	}
	if !w.emit {
		for _, p := range f.segs {
			f.price = satAdd(f.price, p)
		}
		w.settle()
		w.weighNaNs()
		if w.product() > w.m.cfg.Limits.Product {
			return tooIntricate("%d blocks with %d locals and %d operands: the compiler would take too long", w.blocks, f.locals, f.stack)
		}
	}
	return nil
}

// begin starts a segment.
func (w *walker) begin() {
	if w.top().wasDead {
		w.seg = none
		return
	}
	w.seg = w.segs
	w.segs++
	if !w.emit {
		w.f.segs = append(w.f.segs, 0)
		return
	}
	w.take(w.f.segs[w.seg])
	w.mark(Segment, w.f.segs[w.seg])
}

func (w *walker) price(n uint64) {
	if !w.emit && w.seg != none {
		w.f.segs[w.seg] += n
	}
}

func (w *walker) top() *frame { return &w.ctl[len(w.ctl)-1] }

func (w *walker) push(types ...byte) {
	for _, t := range types {
		w.stack = append(w.stack, operand{from: none, typ: t})
	}
	w.f.stack = max(w.f.stack, len(w.stack))
}

// pop takes n operands and tells, for each, whether the bits of a NaN in it matter.
func (w *walker) pop(n int, seen bool) *Refusal {
	for range n {
		if len(w.stack) == w.top().height {
			if w.top().dead {
				return nil
			}
			return refuse("an operand is missing at byte %d", w.r.pos)
		}
		w.need(w.stack[len(w.stack)-1].from, seen)
		w.stack = w.stack[:len(w.stack)-1]
	}
	return nil
}

// show marks the n highest operands as seen without taking them.
func (w *walker) show(n int) *Refusal {
	for i := len(w.stack) - 1; i >= len(w.stack)-n; i-- {
		if i < w.top().height {
			if w.top().dead {
				return nil
			}
			return refuse("an operand is missing at byte %d", w.r.pos)
		}
		w.need(w.stack[i].from, true)
		w.stack[i].from = none
	}
	return nil
}

// die marks what follows, up to the end of the block, as never reached.
func (w *walker) die() {
	t := w.top()
	t.dead = true
	w.stack = w.stack[:t.height]
	w.seg = none
}

// leave notes a branch to the block that is depth outwards and shows what it carries.
func (w *walker) leave(depth uint32) *Refusal {
	if int64(depth) >= int64(len(w.ctl)) {
		return refuse("a branch to a block that does not exist")
	}
	target := len(w.ctl) - 1 - int(depth)
	w.escape(target)
	t := &w.ctl[target]
	if t.op == opLoop {
		return w.show(len(t.params))
	}
	t.branched = true
	return w.show(len(t.results))
}

// escape notes that control leaves every block inside target, -1 for all. Blocks hand it on
// to the one around them when they end.
func (w *walker) escape(target int) { w.top().exit = min(w.top().exit, target) }

// effect notes a call or loop, likewise.
func (w *walker) effect() { w.top().effects = true }

// label gives the depth to write for a branch that names one in the input.
func (w *walker) label(depth uint32) uint32 {
	return w.level - w.ctl[len(w.ctl)-1-int(depth)].label
}

// blockType reads the type of a block: parameters, results, and its bytes.
func (w *walker) blockType() (params, results []byte, err *Refusal) {
	if !w.r.done() {
		switch c := w.r.b[w.r.pos]; {
		case c == voidish:
			w.r.pos++
			return nil, nil, nil
		case c&0x40 != 0 && c&0x80 == 0:
			w.r.pos++
			return nil, w.r.b[w.r.pos-1 : w.r.pos], valType(c)
		}
	}
	t := w.r.signed(33)
	if w.r.bad || t < 0 || t >= int64(len(w.m.types)) {
		return nil, nil, refuse("a block has a type that does not exist")
	}
	return w.m.types[t].params, w.m.types[t].results, nil
}

func (w *walker) open(code byte, from int) *Refusal {
	params, results, err := w.blockType()
	if err != nil {
		return err
	}
	if len(w.ctl) > w.m.cfg.Limits.Nesting {
		return refuse("blocks nested more than %d deep", w.m.cfg.Limits.Nesting)
	}
	if code == opLoop {
		w.effect()
		w.f.loops = true
	}
	if err := w.show(len(params)); err != nil { // a loop's parameters come from branches too
		return err
	}
	height := max(len(w.stack)-len(params), w.top().height)
	raw := w.r.b[from:w.r.pos]
	wasDead := w.seg == none
	label := w.level + 1
	if w.emit {
		if code == opLoop {
			w.loopHead(raw, len(params))
			label = w.level - 1
		} else {
			w.out = append(w.out, raw...)
			w.level++
		}
	}
	w.ctl = append(w.ctl, frame{op: code, params: params, results: results, height: height, wasDead: wasDead,
		openSeg: w.seg, exit: len(w.ctl), label: label})
	// In dead code fewer operands than parameters may be there.
	w.stack = w.stack[:height]
	w.push(params...)
	if code != opBlock {
		w.begin()
		if code == opLoop && w.emit && !wasDead {
			w.publish()
		}
	}
	return nil
}

func (w *walker) elseArm() *Refusal {
	t := w.top()
	if t.op != opIf || t.elseSeen {
		return refuse("an else without an if")
	}
	if err := w.close(); err != nil {
		return err
	}
	t.elseSeen, t.dead = true, false
	w.stack = w.stack[:t.height]
	w.push(t.params...)
	w.write(opElse)
	w.clean = false
	w.begin()
	return nil
}

// close checks and shows the results at the end of a block or arm.
func (w *walker) close() *Refusal {
	t := w.top()
	if err := w.show(len(t.results)); err != nil {
		return err
	}
	if !t.dead && len(w.stack) != t.height+len(t.results) {
		return refuse("operands are left at the end of a block")
	}
	return nil
}

func (w *walker) end() *Refusal {
	if err := w.close(); err != nil {
		return err
	}
	t := *w.top()
	if len(w.ctl) == 1 {
		w.ctl = w.ctl[:0]
		w.epilogue()
		w.write(opEnd)
		return nil
	}
	if t.op == opIf && !t.elseSeen && len(t.params) != len(t.results) {
		return refuse("an if without else that changes the stack")
	}
	reached := !t.dead
	w.stack = w.stack[:t.height]
	w.ctl = w.ctl[:len(w.ctl)-1]
	w.escape(t.exit)
	if t.effects {
		w.effect()
	}
	w.push(t.results...)
	if t.op == opLoop {
		w.loopEnd(len(t.params))
	} else {
		w.write(opEnd)
		w.level--
	}
	w.clean = false
	switch {
	case t.wasDead:
		w.seg = none
	case t.op != opLoop && t.exit >= len(w.ctl) && !t.effects:
		w.seg = t.openSeg // runs exactly as often as what came before the block
	case t.branched || t.op == opIf:
		w.begin()
	case !reached:
		w.top().dead = true
		w.seg = none
		w.stack = w.stack[:w.top().height]
	}
	return nil
}
