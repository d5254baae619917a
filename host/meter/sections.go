package meter

import "strings"

func (m *module) readImports(s *reader) *Refusal {
	n := s.count()
	if n > m.cfg.Limits.Imports {
		return refuse("%d imports, at most %d", n, m.cfg.Limits.Imports)
	}
	for range n {
		i := imported{module: s.name(), name: s.name(), kind: s.byte()}
		if s.bad {
			return refuse("an import is malformed")
		}
		if i.module == ImportModule || !m.hasImportModule(i.module) {
			hint := "a contract may import from " + strings.Join(m.cfg.Imports, " and ") + " only"
			if strings.HasPrefix(i.module, "kalima") && i.module != ImportModule {
				hint += "; this one belongs to a version of the ABI that this host does not have"
			}
			return &Refusal{Reason: quote("import of %q from module %q", i.name, i.module) + " is not allowed", Hint: hint}
		}
		if i.kind != kindFunc && !m.cfg.AnyImport {
			return &Refusal{Reason: quote("import of %q from module %q", i.name, i.module) + " is not a function",
				Hint: "clang: drop --import-memory and --import-table"}
		}
		from := s.pos
		switch i.kind {
		case kindFunc:
			i.typ = s.u32()
			if int64(i.typ) >= int64(len(m.types)) {
				return refuse("an import has a type that does not exist")
			}
			m.impFuncs++
		case kindTable:
			if _, err := m.readTable(s); err != nil {
				return err
			}
			m.impTables++
		case kindMemory:
			if _, err := m.readMemory(s); err != nil {
				return err
			}
			m.impMems++
		case kindGlobal:
			if err := valType(s.byte()); err != nil {
				return err
			}
			s.byte()
			m.impGlobals++
		case kindTag:
			return exceptions.refuse()
		default:
			return refuse("import of unknown kind %d", i.kind)
		}
		i.raw = s.b[from:s.pos]
		m.imports = append(m.imports, i)
	}
	return nil
}

func (m *module) readTable(s *reader) (table, *Refusal) {
	t := table{elem: s.byte()}
	if err := refType(t.elem); err != nil {
		return t, err
	}
	var err *Refusal
	t.size, err = readLimit(s)
	if max := uint32(m.cfg.Limits.Table); err == nil && t.size.min > max {
		err = refuse("a table of %d elements, at most %d", t.size.min, max)
	}
	return t, err
}

func (m *module) readTables(s *reader) *Refusal {
	n := s.count()
	if n > m.cfg.Limits.Tables {
		return refuse("%d tables, at most %d", n, m.cfg.Limits.Tables)
	}
	for range n {
		t, err := m.readTable(s)
		if err != nil {
			return err
		}
		if max := uint32(m.cfg.Limits.Table); !t.size.has || t.size.max > max {
			if t.size.has && t.size.max < t.size.min {
				return refuse("a table's maximum is below its size")
			}
			t.size.has, t.size.max = true, max
		}
		m.tables = append(m.tables, t)
	}
	return nil
}

func readLimit(s *reader) (l limit, err *Refusal) {
	switch flags := s.byte(); {
	case s.bad:
		return l, refuse("a limit is malformed")
	case flags&4 != 0:
		return l, memory64.refuse()
	case flags&8 != 0:
		return l, pageSizes.refuse()
	case flags&2 != 0:
		return l, threads.refuse()
	case flags > 1:
		return l, refuse("a limit of unknown kind %d", flags)
	default:
		l.min = s.u32()
		if l.has = flags == 1; l.has {
			l.max = s.u32()
		}
	}
	return l, nil
}

func (m *module) readMemory(s *reader) (limit, *Refusal) {
	l, err := readLimit(s)
	if err != nil {
		return l, err
	}
	if max := uint32(m.cfg.Limits.Pages); l.min > max {
		return l, refuse("a memory of %d pages of 64 KiB, at most %d", l.min, max)
	}
	return l, nil
}

func (m *module) readMemories(s *reader) *Refusal {
	n := s.count()
	if n+m.impMems > 1 {
		return multiMemory.refuse()
	}
	for range n {
		l, err := m.readMemory(s)
		if err != nil {
			return err
		}
		m.memory = &l
	}
	return nil
}

func (m *module) readGlobals(s *reader) *Refusal {
	n := s.count()
	if n > m.cfg.Limits.Globals {
		return refuse("%d globals, at most %d", n, m.cfg.Limits.Globals)
	}
	for range n {
		g := global{typ: s.byte(), mut: s.byte()}
		if err := valType(g.typ); err != nil {
			return err
		}
		if g.mut == 1 && (g.typ == 0x70 || g.typ == 0x6f) {
			m.refVars = true
		}
		var err *Refusal
		if g.init, err = m.constant(s, nil); err != nil {
			return err
		}
		m.globals = append(m.globals, g)
	}
	return nil
}

// constant copies a constant expression to out, its function indices moved.
func (m *module) constant(s *reader, out []byte) ([]byte, *Refusal) {
	for {
		from := s.pos
		code := s.byte()
		switch code {
		case opEnd:
			return append(out, code), nil
		case opI32Const:
			s.signed(32)
		case opI64Const:
			s.signed(64)
		case opF32Const:
			s.take(4)
		case opF64Const:
			s.take(8)
		case opGlobalGet:
			if g := s.u32(); int64(g) >= int64(m.impGlobals+len(m.globals)) {
				return nil, refuse("a constant expression reads a global that does not exist")
			}
		case opRefNull:
			if err := refType(s.byte()); err != nil {
				return nil, err
			}
		case opRefFunc:
			f := s.u32()
			m.take(f)
			out = putU32(append(out, code), m.at(f))
			from = s.pos
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e:
			return nil, extended.refuse()
		default:
			if s.bad {
				return nil, refuse("a constant expression does not end")
			}
			return nil, refuse("instruction 0x%02x in a constant expression", code)
		}
		if s.bad {
			return nil, refuse("a constant expression does not end")
		}
		out = append(out, s.b[from:s.pos]...)
	}
}

// take notes that a function's address is taken.
func (m *module) take(f uint32) {
	m.taken[f] = true
	m.wanted = append(m.wanted, f)
}

func (m *module) readExports(s *reader) *Refusal {
	n := s.count()
	if n > m.cfg.Limits.Exports {
		return refuse("%d exports, at most %d", n, m.cfg.Limits.Exports)
	}
	seen := make(map[string]bool, n)
	for range n {
		e := exported{name: s.name(), kind: s.byte(), idx: s.u32()}
		switch {
		case s.bad:
			return refuse("an export is malformed")
		case strings.HasPrefix(e.name, reserved):
			return refuse("%s", quote("export of the reserved name %q", e.name))
		case seen[e.name]:
			return refuse("%s", quote("two exports named %q", e.name))
		case e.kind == kindTag:
			return exceptions.refuse()
		case e.kind > kindGlobal:
			return refuse("export of unknown kind %d", e.kind)
		}
		seen[e.name] = true
		m.exports = append(m.exports, e)
	}
	return nil
}

func (m *module) readElements(s *reader) *Refusal {
	n := s.count()
	if n > m.cfg.Limits.Segments {
		return refuse("%d element segments, at most %d", n, m.cfg.Limits.Segments)
	}
	for range n {
		flags := s.u32()
		if flags > 7 {
			return refuse("an element segment of unknown kind %d", flags)
		}
		out := putU32(nil, flags)
		var err *Refusal
		if flags&1 == 0 { // active
			if flags&2 != 0 {
				out = putU32(out, s.u32())
			}
			if out, err = m.constant(s, out); err != nil {
				return err
			}
		}
		if flags&3 != 0 {
			kind := s.byte()
			if flags&4 != 0 {
				err = refType(kind)
			} else if kind != 0 {
				err = refuse("an element segment of unknown kind %d", kind)
			}
			if err != nil {
				return err
			}
			out = append(out, kind)
		}
		items := s.count()
		if items > m.cfg.Limits.Table {
			return refuse("an element segment of %d, at most %d", items, m.cfg.Limits.Table)
		}
		out = putU32(out, uint32(items))
		for range items {
			if flags&4 != 0 {
				if out, err = m.constant(s, out); err != nil {
					return err
				}
				continue
			}
			f := s.u32()
			m.take(f)
			out = putU32(out, m.at(f))
		}
		if s.bad {
			return refuse("an element segment is malformed")
		}
		m.elems = append(m.elems, out)
	}
	return nil
}

func (m *module) readData(s *reader) *Refusal {
	m.datas = s.count()
	if m.datas > m.cfg.Limits.Segments {
		return refuse("%d data segments, at most %d", m.datas, m.cfg.Limits.Segments)
	}
	out := putU32(nil, uint32(m.datas))
	for range m.datas {
		flags := s.u32()
		if flags > 2 {
			return refuse("a data segment of unknown kind %d", flags)
		}
		out = putU32(out, flags)
		if flags == 2 {
			if s.u32() != 0 {
				return multiMemory.refuse()
			}
			out = append(out, 0)
		}
		if flags != 1 {
			var err *Refusal
			if out, err = m.constant(s, out); err != nil {
				return err
			}
		}
		n := s.u32()
		out = append(putU32(out, n), s.take(int(n))...)
		if s.bad {
			return refuse("a data segment is malformed")
		}
	}
	m.data = out
	return nil
}
