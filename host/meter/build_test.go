package meter

// Tests write modules with these few words.

func module1(sections ...[]byte) []byte {
	b := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range sections {
		b = append(b, s...)
	}
	return b
}

func section(id byte, items ...[]byte) []byte {
	body := putU32(nil, uint32(len(items)))
	for _, i := range items {
		body = append(body, i...)
	}
	return putSection(nil, id, body)
}

func sig(params, results string) []byte {
	b := append([]byte{0x60, byte(len(params))}, params...)
	return append(append(b, byte(len(results))), results...)
}

func importFn(module, name string, typ byte) []byte {
	return append(putName(putName(nil, module), name), kindFunc, typ)
}

func export(name string, kind, idx byte) []byte { return append(putName(nil, name), kind, idx) }

// code is a function body without locals; end is added.
func code(instructions ...byte) []byte { return codeLocals(nil, instructions...) }

func codeLocals(locals []byte, instructions ...byte) []byte {
	if locals == nil {
		locals = []byte{0}
	}
	b := append(append([]byte{}, locals...), instructions...)
	b = append(b, opEnd)
	return append(putU32(nil, uint32(len(b))), b...)
}

// oneFunc is a module with a memory of a page, a table of one, a mutable global i32, and
// one function of type ()->() that is exported as "f".
func oneFunc(instructions ...byte) []byte {
	return module1(
		section(secType, sig("", "")),
		section(secFunction, []byte{0}),
		section(secTable, []byte{0x70, 0, 1}),
		section(secMemory, []byte{0, 1}),
		section(secGlobal, []byte{i32Type, 1, opI32Const, 0, opEnd}),
		section(secExport, export("f", kindFunc, 0), export("memory", kindMemory, 0)),
		section(secCode, code(instructions...)),
	)
}

// seeds are small modules with every construct the rewriter treats by itself.
func seeds() map[string][]byte {
	f64s := string([]byte{f64Type})
	return map[string][]byte{
		"empty":  module1(),
		"plain":  oneFunc(opI32Const, 1, opDrop),
		"loop":   oneFunc(opLoop, voidish, opI32Const, 1, opBrIf, 0, opEnd),
		"blocks": oneFunc(opBlock, voidish, opBlock, voidish, opI32Const, 1, opBrTable, 1, 0, 1, opEnd, opEnd),
		"if":     oneFunc(opI32Const, 1, opIf, i32Type, opI32Const, 2, opElse, opI32Const, 3, opEnd, opDrop),
		"dead":   oneFunc(opReturn, opBlock, voidish, opLoop, voidish, opBr, 0, opEnd, opEnd, opI32Const, 1, opIf, voidish, opEnd),
		"call":   oneFunc(opCall, 0, opI32Const, 0, opCallIndirect, 0, 0),
		"grow":   oneFunc(opI32Const, 1, opMemoryGrow, 0, opDrop),
		"bulk":   oneFunc(opI32Const, 0, opI32Const, 0, opI32Const, 9, opPrefix, opMemoryFill, 0),
		"tables": oneFunc(opRefNull, 0x70, opI32Const, 1, opPrefix, opTableGrow, 0, opDrop),
		"start": module1(section(secType, sig("", "")), section(secFunction, []byte{0}),
			putSection(nil, secStart, []byte{0}), section(secCode, code())),
		"import": module1(section(secType, sig("", "")), section(secImport, importFn("kalima", "x", 0)),
			section(secFunction, []byte{0}), section(secTable, []byte{0x70, 0, 2}),
			section(secElement, []byte{0, opI32Const, 0, opEnd, 2, 0, 1}), section(secCode, code(opCall, 0, opCall, 1))),
		"floats": module1(section(secType, sig(f64s+f64s, f64s)), section(secFunction, []byte{0}), section(secExport, export("f", kindFunc, 0)),
			section(secCode, codeLocals([]byte{1, 1, f64Type}, opLocalGet, 0, opLocalGet, 1, 0xa2, opLocalTee, 2, opLocalGet, 2, 0xa0))),
		"values": module1(section(secType, sig(f64s+f64s, f64s+f64s)), section(secFunction, []byte{0}),
			section(secCode, code(opLocalGet, 0, opLocalGet, 1, opLoop, 0, opEnd))),
	}
}
