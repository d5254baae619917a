package meter

// step takes one instruction.
func (w *walker) step() *Refusal {
	r, m := &w.r, w.m
	from := r.pos
	code := r.byte()
	w.weigh(code)
	o := ops[code]
	if w.seg != none && mayFault(code) {
		w.markAt(Site, 0, from)
	}
	w.price(uint64(o.price))
	if o.float != 0 || code >= opI32Const && code != opPrefix && o.imm != immFunc && o.imm != immRef && o.imm != immBad {
		return w.plain(code, o, from)
	}
	switch o.imm {
	case immBad:
		if code == 0xfd && r.u32() >= 0x100 {
			return relaxed.refuse()
		}
		return unknown(code)
	case immBlock:
		if err := w.pop(int(o.pop), true); err != nil {
			return err
		}
		return w.open(code, from)
	case immLabel:
		return w.branch(code, r.u32())
	case immTable:
		return w.branchTable()
	case immFunc:
		return w.function(code, r.u32())
	case immIndirect:
		return w.indirect(from)
	case immPrefix:
		return w.prefixed(from)
	}
	switch code {
	case opElse:
		return w.elseArm()
	case opEnd:
		return w.end()
	case opUnreachable:
		w.escape(none)
		w.spill()
		w.write(code)
		w.die()
		return nil
	case opReturn:
		w.escape(none)
		if err := w.show(len(w.ctl[0].results)); err != nil {
			return err
		}
		if w.f.wrapped() {
			w.write(opBr)
			w.number(w.label(uint32(len(w.ctl) - 1)))
		} else {
			w.write(opReturn)
		}
		w.die()
		return nil
	case opMemoryGrow:
		return w.memoryGrow()
	case 0x26: // table.set
		m.keeps = true
	}
	return w.plain(code, o, from)
}

// plain takes an instruction that is copied as it is.
func (w *walker) plain(code byte, o op, from int) *Refusal {
	operand := w.r.pos
	if err := w.immediate(o.imm, code); err != nil {
		return err
	}
	if w.r.bad {
		return refuse("malformed instruction at byte %d", w.r.pos)
	}
	if o.imm == immLocal {
		return w.local(code, from)
	}
	var typ byte
	if o.push > 0 {
		typ = w.resultType(code, operand)
	}
	// What only drops a value, or computes without showing it, does not see its bits.
	if err := w.pop(int(o.pop), o.float&absorbs == 0 && code != opDrop); err != nil {
		return err
	}
	if o.push > 0 {
		w.push(typ)
	}
	if (code == opSelect || code == opSelectT) && w.seg != none && (typ == f32Type || typ == f64Type) {
		w.f.nan32 = w.f.nan32 || typ == f32Type
		w.f.nan64 = w.f.nan64 || typ == f64Type
		w.blocks += 2
		w.choose(typ)
		return nil
	}
	if w.emit {
		w.out = append(w.out, w.r.b[from:w.r.pos]...)
	}
	if o.float&(makes32|makes64) != 0 {
		w.makes(o.float&makes32 != 0)
	}
	return nil
}

func (w *walker) immediate(kind imm, code byte) *Refusal {
	r, m := &w.r, w.m
	switch kind {
	case immLocal:
		if w.nans.local = r.u32(); int64(w.nans.local) >= int64(w.f.locals) {
			return refuse("local %d does not exist", w.nans.local)
		}
	case immGlobal:
		if i := r.u32(); int64(i) >= int64(m.gas()) {
			return refuse("global %d does not exist", i)
		}
	case immMem:
		if align := r.u32(); align >= 32 { // bit 6 names another memory
			return multiMemory.refuse()
		}
		r.u32()
	case immZero:
		if r.byte() != 0 {
			return multiMemory.refuse()
		}
	case immI32:
		r.signed(32)
	case immI64:
		r.signed(64)
	case immF32:
		r.take(4)
	case immF64:
		r.take(8)
	case immRef:
		return refType(r.byte())
	case immSelect:
		if n := r.u32(); n != 1 {
			return refuse("a select with %d types", n)
		}
		return valType(r.byte())
	case immTab:
		return w.tableIndex()
	}
	return nil
}

func (w *walker) tableIndex() *Refusal {
	if i := w.r.u32(); int64(i) >= int64(w.m.impTables+len(w.m.tables)) {
		return refuse("table %d does not exist", i)
	}
	return nil
}

func (w *walker) branch(code byte, depth uint32) *Refusal {
	if w.r.bad {
		return refuse("malformed branch")
	}
	if code == opBrIf {
		if err := w.pop(1, true); err != nil {
			return err
		}
	}
	if err := w.leave(depth); err != nil {
		return err
	}
	w.jump(code, depth)
	if code == opBr {
		w.die()
		return nil
	}
	if w.seg != none {
		w.begin()
	}
	return nil
}

func (w *walker) branchTable() *Refusal {
	if err := w.pop(1, true); err != nil {
		return err
	}
	n := w.r.count()
	if n > w.m.cfg.Limits.Targets {
		return refuse("a br_table with %d targets, at most %d", n, w.m.cfg.Limits.Targets)
	}
	w.write(opBrTable)
	w.number(uint32(n))
	for range n + 1 {
		depth := w.r.u32()
		if w.r.bad {
			return refuse("malformed br_table")
		}
		if err := w.leave(depth); err != nil {
			return err
		}
		if w.emit {
			w.number(w.label(depth))
		}
	}
	w.weighTable(n)
	w.die()
	return nil
}

// function takes call and ref.func.
func (w *walker) function(code byte, i uint32) *Refusal {
	t := w.m.typeOf(i)
	if w.r.bad || t == nil {
		return refuse("function %d does not exist", i)
	}
	if code == opRefFunc {
		if !w.m.taken[i] && !w.m.isExported(i) {
			return refuse("ref.func of function %d, which is in no element segment", i)
		}
		w.push(0)
		if !w.emit {
			w.m.taken[i] = true
		}
		w.write(code)
		w.number(w.m.at(i))
		return nil
	}
	w.weighCall(t)
	if err := w.pop(len(t.params), true); err != nil {
		return err
	}
	w.push(t.results...)
	w.effect()
	if !w.emit {
		w.f.any = true
		w.f.calls = append(w.f.calls, i)
		return nil
	}
	w.spill()
	w.write(code)
	w.number(w.m.at(i))
	w.reload()
	return nil
}

func (w *walker) indirect(from int) *Refusal {
	i := w.r.u32()
	if err := w.tableIndex(); err != nil {
		return err
	}
	if w.r.bad || int64(i) >= int64(len(w.m.types)) {
		return refuse("an indirect call with a type that does not exist")
	}
	t := &w.m.types[i]
	w.weighCall(t)
	if err := w.pop(len(t.params)+1, true); err != nil {
		return err
	}
	w.push(t.results...)
	w.effect()
	w.f.any, w.f.indirect = true, true
	if w.emit {
		w.deeper(siteSlots)
		w.look(true)
		w.spill()
		w.out = append(w.out, w.r.b[from:w.r.pos]...)
		w.reload()
		w.deeper(-siteSlots)
		w.look(false)
	}
	return nil
}

func (w *walker) prefixed(from int) *Refusal {
	sub := w.r.u32()
	o := op{}
	perGas := 0 // what one gas moves; 0: no size
	switch sub {
	case 0, 1, 2, 3, 4, 5, 6, 7: // saturating conversions
		o = op{pop: 1, push: 1, float: absorbs}
		w.price(prefixedPrice(sub))
		return w.plain(opPrefix, o, from)
	case opMemoryInit:
		if i := w.r.u32(); w.m.count == nil && !w.r.bad {
			return refuse("memory.init of segment %d without a data count section", i)
		}
		if err := w.immediate(immZero, 0); err != nil {
			return err
		}
		o.pop, perGas = 3, bytesPerGas
	case opDataDrop:
		w.r.u32()
		w.m.keeps = true
	case opMemoryCopy, opMemoryFill:
		for range int(12 - sub) { // copy names two memories, fill one
			if err := w.immediate(immZero, 0); err != nil {
				return err
			}
		}
		o.pop, perGas = 3, bytesPerGas
	case opTableInit:
		w.r.u32()
		if err := w.tableIndex(); err != nil {
			return err
		}
		o.pop, perGas, w.m.keeps = 3, slotsPerGas, true
	case opElemDrop:
		w.r.u32()
		w.m.keeps = true
	case opTableCopy:
		if err := w.tableIndex(); err != nil {
			return err
		}
		if err := w.tableIndex(); err != nil {
			return err
		}
		o.pop, perGas, w.m.keeps = 3, slotsPerGas, true
	case opTableGrow:
		if err := w.tableIndex(); err != nil {
			return err
		}
		o.pop, o.push, perGas, w.m.keeps = 2, 1, slotsPerGas, true
	case opTableSize:
		if err := w.tableIndex(); err != nil {
			return err
		}
		o.push = 1
	case opTableFill:
		if err := w.tableIndex(); err != nil {
			return err
		}
		o.pop, perGas, w.m.keeps = 3, slotsPerGas, true
	case 19, 20, 21, 22:
		return wide.refuse()
	default:
		return refuse("unknown instruction 0xfc %d", sub)
	}
	w.price(prefixedPrice(sub))
	if perGas > 0 {
		w.f.temp = true
		w.bulk(perGas)
	}
	return w.plain(opPrefix, o, from)
}

func (w *walker) memoryGrow() *Refusal {
	if err := w.immediate(immZero, 0); err != nil {
		return err
	}
	if err := w.pop(1, true); err != nil {
		return err
	}
	w.push(i32Type)
	w.effect()
	w.f.any, w.f.temp = true, true
	w.growth()
	return nil
}
