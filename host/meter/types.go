package meter

// resultType is the type of the one value that an instruction leaves, 0 for references and
// where it is not known; operand is where its immediates begin. For a select its operands
// are still on the stack.
func (w *walker) resultType(code byte, operand int) byte {
	r := reader{b: w.r.b, pos: operand}
	switch code {
	case opLocalGet, opLocalTee:
		return w.f.types[w.nans.local]
	case opGlobalGet:
		return w.m.globalType(r.u32())
	case opSelectT:
		r.u32()
		return r.byte()
	case opSelect:
		if n := len(w.stack); n >= w.top().height+2 {
			return w.stack[n-2].typ
		}
		return 0
	}
	switch {
	case code == 0x25 || code == opRefNull || code == opRefFunc:
		return 0
	case code == 0x2a || code == opF32Const || code >= 0x8b && code <= 0x98 || code >= 0xb2 && code <= 0xb6 || code == 0xbe:
		return f32Type
	case code == 0x2b || code == opF64Const || code >= 0x99 && code <= 0xa6 || code >= 0xb7 && code <= 0xbb || code == 0xbf:
		return f64Type
	}
	return i32Type // or i64, which nothing here tells apart
}

func (m *module) globalType(i uint32) byte {
	if n := int(i) - m.impGlobals; n >= 0 {
		return m.globals[n].typ
	}
	for _, im := range m.imports {
		if im.kind == kindGlobal {
			if i == 0 {
				return im.raw[0]
			}
			i--
		}
	}
	return 0
}
