package meter

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestRewriteAccepts(t *testing.T) {
	for name, code := range seeds() {
		t.Run(name, func(t *testing.T) {
			m, err := Rewrite(code, Config{})
			if err != nil {
				t.Fatalf("Rewrite = %v, want it accepted", err)
			}
			again, err := Rewrite(code, Config{})
			if err != nil || !bytes.Equal(m.Code, again.Code) {
				t.Errorf("a second Rewrite gives other bytes (%v)", err)
			}
			if _, err := Rewrite(m.Code, Config{}); err == nil {
				t.Error("Rewrite of what it made = nil, want a refusal: the names are reserved")
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	nested := bytes.Repeat([]byte{opBlock, voidish}, 6000)
	nested = append(nested, bytes.Repeat([]byte{opEnd}, 6000)...)
	small := Config{Limits: Limits{Functions: 1, Locals: 10, Body: 64, Targets: 3, Exports: 2, Imports: 1, Pages: 2, Table: 5, Product: 40, Globals: 1, Types: 1, Params: 2}}
	for _, tt := range []struct {
		name string
		code []byte
		cfg  Config
		want string // in the reason
		hint bool
	}{
		{name: "nothing", want: "not a WebAssembly module"},
		{name: "text", code: []byte("(module)"), want: "not a WebAssembly module"},
		{name: "component", code: []byte("\x00asm\x0d\x00\x01\x00"), want: "core", hint: true},
		{name: "cut", code: oneFunc(opI32Const, 1, opDrop)[:20], want: "does not end"},
		{name: "simd", code: oneFunc(0xfd, 12), want: "SIMD", hint: true},
		{name: "relaxed simd", code: oneFunc(0xfd, 0x80, 0x02), want: "relaxed SIMD", hint: true},
		{name: "simd local", code: module1(section(secType, sig("", "")), section(secFunction, []byte{0}), section(secCode, codeLocals([]byte{1, 1, 0x7b}))), want: "SIMD", hint: true},
		{name: "wide arithmetic", code: oneFunc(opI64Const, 1, opI64Const, 1, opI64Const, 1, opI64Const, 1, opPrefix, 19, opDrop, opDrop), want: "wide arithmetic", hint: true},
		{name: "wide multiplication", code: oneFunc(opI64Const, 1, opI64Const, 1, opPrefix, 22, opDrop, opDrop), want: "wide arithmetic", hint: true},
		{name: "page size", code: module1(section(secMemory, []byte{8, 1, 0})), want: "pages of another size", hint: true},
		{name: "table64", code: module1(section(secTable, []byte{0x70, 4, 1})), want: "64-bit", hint: true},
		{name: "try table", code: oneFunc(0x1f, voidish, 0, opEnd), want: "exception", hint: true},
		{name: "throw", code: oneFunc(0x08, 0), want: "exception", hint: true},
		{name: "catch all", code: oneFunc(0x19), want: "exception", hint: true},
		{name: "exception reference", code: module1(section(secTable, []byte{0x69, 0, 1})), want: "exception", hint: true},
		{name: "indirect tail call", code: oneFunc(0x13, 0, 0), want: "tail calls", hint: true},
		{name: "call of a reference", code: oneFunc(0x14, 0), want: "garbage collection", hint: true},
		{name: "typed reference", code: module1(section(secType, []byte{0x60, 1, 0x64, 0, 0})), want: "garbage collection", hint: true},
		{name: "group of types", code: module1(section(secType, []byte{0x4e, 0})), want: "garbage collection", hint: true},
		{name: "table with a first element", code: module1(section(secTable, []byte{0x40, 0, 0x70, 0, 1, 0xd0, 0x70, opEnd})), want: "garbage collection", hint: true},
		{name: "memory of another, in bulk", code: oneFunc(opI32Const, 0, opI32Const, 0, opI32Const, 0, opPrefix, 11, 1), want: "more than one memory", hint: true},
		{name: "growth of another memory", code: oneFunc(opI32Const, 0, opMemoryGrow, 1, opDrop), want: "more than one memory", hint: true},
		{name: "data for another memory", code: module1(section(secMemory, []byte{0, 1}), section(secData, []byte{2, 1, opI32Const, 0, opEnd, 0})), want: "more than one memory", hint: true},
		{name: "imported tag", code: module1(section(secType, sig("", "")), section(secImport, append(putName(putName(nil, "kalima"), "t"), kindTag, 0, 0))), want: "exception", cfg: Config{AnyImport: true}, hint: true},
		{name: "extended constant in an element", code: module1(section(secTable, []byte{0x70, 0, 1}), section(secElement, []byte{0, opI32Const, 0, opI32Const, 0, 0x6a, opEnd, 0})), want: "constant", hint: true},
		{name: "simd type", code: module1(section(secType, sig("\x7b", ""))), want: "SIMD", hint: true},
		{name: "atomics", code: oneFunc(0xfe, 0), want: "threads", hint: true},
		{name: "shared memory", code: module1(section(secMemory, []byte{3, 1, 1})), want: "threads", hint: true},
		{name: "exceptions", code: oneFunc(0x06, voidish, opEnd), want: "exception", hint: true},
		{name: "tags", code: module1(section(secTag)), want: "exception", hint: true},
		{name: "tail call", code: oneFunc(0x12, 0), want: "tail calls", hint: true},
		{name: "gc", code: oneFunc(0xfb, 0), want: "garbage collection", hint: true},
		{name: "gc type", code: module1(section(secType, []byte{0x5f, 0})), want: "garbage collection", hint: true},
		{name: "memory64", code: module1(section(secMemory, []byte{4, 1})), want: "64-bit memory", hint: true},
		{name: "two memories", code: module1(section(secMemory, []byte{0, 1}, []byte{0, 1})), want: "more than one memory", hint: true},
		{name: "memory of another", code: oneFunc(opI32Const, 0, 0x28, 0x42, 1, 0, opDrop), want: "more than one memory", hint: true},
		{name: "extended constant", code: module1(section(secGlobal, []byte{i32Type, 0, opI32Const, 1, opI32Const, 1, 0x6a, opEnd})), want: "constant", hint: true},
		{name: "other module", code: module1(section(secType, sig("", "")), section(secImport, importFn("env", "x", 0))), want: "env", hint: true},
		{name: "our module", code: module1(section(secType, sig("", "")), section(secImport, importFn(ImportModule, ImportRefill, 0))), cfg: Config{Imports: []string{ImportModule}}, want: "not allowed", hint: true},
		{name: "imported memory", code: module1(section(secImport, append(putName(putName(nil, "kalima"), "m"), kindMemory, 0, 1))), want: "not a function", hint: true},
		{name: "reserved export", code: module1(section(secMemory, []byte{0, 1}), section(secExport, export("kalima_internal.gas", kindMemory, 0))), want: "reserved"},
		{name: "export twice", code: module1(section(secMemory, []byte{0, 1}), section(secExport, export("a", kindMemory, 0), export("a", kindMemory, 0))), want: "two exports"},
		{name: "our local", code: oneFunc(opLocalGet, 0, opDrop), want: "local 0"},
		{name: "our global", code: oneFunc(opGlobalGet, 1, opDrop), want: "global 1"},
		{name: "our global set", code: oneFunc(opI32Const, 0, opGlobalSet, 2), want: "global 2"},
		{name: "our function", code: oneFunc(opCall, 1), want: "function 1"},
		{name: "our type", code: oneFunc(opBlock, 1, opEnd), want: "type"},
		{name: "our block", code: oneFunc(opBr, 1), want: "block"},
		{name: "table index", code: oneFunc(opI32Const, 0, opCallIndirect, 0, 1), want: "table 1"},
		{name: "underflow", code: oneFunc(opDrop), want: "operand"},
		{name: "underflow in a block", code: oneFunc(opI32Const, 1, opBlock, voidish, opDrop, opEnd), want: "operand"},
		{name: "operand left", code: oneFunc(opI32Const, 1), want: "operands are left"},
		{name: "no end", code: oneFunc(opBlock, voidish), want: "does not end"},
		{name: "after the end", code: oneFunc(opEnd, opEnd), want: "after the end"},
		{name: "undeclared ref.func", code: module1(section(secType, sig("", "")), section(secFunction, []byte{0}), section(secCode, code(opRefFunc, 0, opDrop))), want: "ref.func"},
		{name: "nesting", code: oneFunc(nested...), want: "nested"},
		{name: "unknown opcode", code: oneFunc(0x27), want: "0x27"},
		{name: "long number", code: oneFunc(opI32Const, 0x80, 0x80, 0x80, 0x80, 0x80, 0, opDrop), want: "malformed"},
		{name: "number out of range", code: oneFunc(opI32Const, 0xff, 0xff, 0xff, 0xff, 0x4f, opDrop), want: "malformed"},
		{name: "sections twice", code: module1(section(secType), section(secType)), want: "order"},
		{name: "start with parameters", code: module1(section(secType, sig("\x7f", "")), section(secFunction, []byte{0}), putSection(nil, secStart, []byte{0}), section(secCode, code())), want: "start"},
		{name: "functions without code", code: module1(section(secType, sig("", "")), section(secFunction, []byte{0})), want: "no code"},

		{name: "limit functions", cfg: small, code: module1(section(secType, sig("", "")), section(secFunction, []byte{0}, []byte{0})), want: "at most 1"},
		{name: "limit locals", cfg: small, code: module1(section(secType, sig("", "")), section(secFunction, []byte{0}), section(secCode, codeLocals([]byte{1, 11, i32Type}))), want: "10 parameters and locals"},
		{name: "limit locals 4 Gi", code: module1(section(secType, sig("", "")), section(secFunction, []byte{0}), section(secCode, codeLocals([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f, i32Type}))), want: "parameters and locals"},
		{name: "limit body", cfg: small, code: oneFunc(bytes.Repeat([]byte{1}, 65)...), want: "at most 64"},
		{name: "limit targets", cfg: small, code: oneFunc(opI32Const, 0, opBrTable, 4, 0, 0, 0, 0, 0), want: "targets"},
		{name: "limit exports", cfg: Config{Limits: Limits{Exports: 1}}, code: oneFunc(), want: "exports"},
		{name: "limit pages", cfg: small, code: module1(section(secMemory, []byte{0, 3})), want: "pages"},
		{name: "limit table", cfg: small, code: module1(section(secTable, []byte{0x70, 0, 6})), want: "at most 5"},
		{name: "limit params", cfg: small, code: module1(section(secType, sig("\x7f\x7f\x7f", ""))), want: "parameters"},
		{name: "limit product", cfg: Config{Limits: Limits{Product: 3}}, code: oneFunc(bytes.Repeat([]byte{opBlock, voidish, opEnd}, 5)...), want: "5 blocks with 0 locals", hint: true},
		{name: "limit total", cfg: Config{Limits: Limits{Total: 3}}, code: oneFunc(bytes.Repeat([]byte{opBlock, voidish, opEnd}, 5)...), want: "all functions", hint: true},
		{name: "limit blocks", code: oneFunc(bytes.Repeat([]byte{opBlock, voidish, opEnd}, 5000)...), want: "5000 blocks", hint: true},
		{name: "limit branches", code: oneFunc(bytes.Repeat([]byte{opI32Const, 0, opBrIf, 0}, 3000)...), want: "6000 blocks", hint: true},
		{name: "limit module", cfg: Config{Limits: Limits{Module: 10}}, code: oneFunc(), want: "at most 10"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Rewrite(tt.code, tt.cfg)
			var r *Refusal
			if !errors.As(err, &r) {
				t.Fatalf("Rewrite = %v, want a refusal", err)
			}
			if !strings.Contains(r.Reason, tt.want) {
				t.Errorf("Reason = %q, want %q in it", r.Reason, tt.want)
			}
			if (r.Hint != "") != tt.hint {
				t.Errorf("Hint = %q, want one: %v", r.Hint, tt.hint)
			}
		})
	}
}

func TestInfo(t *testing.T) {
	m, err := Rewrite(oneFunc(opCall, 0), Config{})
	if err != nil {
		t.Fatal(err)
	}
	i := m.Info
	if !i.MemoryOut || i.MinPages != 1 || i.Globals != 1 || i.Functions != 1 || i.Checked != 1 || i.Sticky || i.Start {
		t.Errorf("Info = %+v, want an exported memory of a page, one global, one checked function", i)
	}
	if f, ok := i.Funcs["f"]; !ok || f != (Func{}) {
		t.Errorf("Funcs = %v, want f without parameters and results", i.Funcs)
	}
	if m, _ = Rewrite(seeds()["tables"], Config{}); !m.Info.Sticky {
		t.Error("Info.Sticky = false for a module that grows a table, want true")
	}
	if m, _ = Rewrite(seeds()["start"], Config{}); !m.Info.Start {
		t.Error("Info.Start = false for a module with a start function, want true")
	}
}

// TestSegments shows what is charged where: one line for each function body.
func TestSegments(t *testing.T) {
	for _, tt := range []struct {
		name string
		body []byte
		want []uint64
	}{
		{"straight", []byte{opI32Const, 1, opDrop}, []uint64{1}},
		{"block without a branch is no segment", []byte{opI32Const, 1, opBlock, voidish, opEnd, opDrop}, []uint64{1}},
		{"arms; what follows belongs to what came before", []byte{opI32Const, 1, opIf, voidish, 1, opElse, opI32Const, 1, opDrop, opEnd, opI32Const, 5, opDrop}, []uint64{3, 0, 1}},
		{"an arm that leaves", []byte{opI32Const, 1, opIf, voidish, opReturn, opEnd, opI32Const, 5, opDrop}, []uint64{2, 1, 1}},
		{"after br_if, joined at the end", []byte{opBlock, voidish, opI32Const, 1, opBrIf, 0, opI32Const, 1, opDrop, opEnd, opI32Const, 1, opDrop}, []uint64{3, 1}},
		{"loop", []byte{opLoop, voidish, opI32Const, 1, opBrIf, 0, opEnd, opI32Const, 1, opDrop}, []uint64{0, 2, 1}},
		{"dead code", []byte{opReturn, opI32Const, 1, opDrop}, []uint64{1}},
		{"division is dear", []byte{opI32Const, 1, opI32Const, 1, 0x6d, opDrop}, []uint64{2 + priceDiv}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := decode(oneFunc(tt.body...), Config{}.withDefaults())
			if err != nil {
				t.Fatal(err)
			}
			w := walker{m: m, f: m.funcs[0]}
			if err := w.walk(); err != nil {
				t.Fatal(err)
			}
			if got := m.funcs[0].segs; !slices.Equal(got, tt.want) {
				t.Errorf("segments = %v, want %v", got, tt.want)
			}
		})
	}
}

// TestChecks: somewhere in every cycle of calls somebody has to look.
func TestChecks(t *testing.T) {
	types, one := section(secType, sig("", "")), []byte{0}
	build := func(bodies ...[]byte) []byte {
		var funcs [][]byte
		for range bodies {
			funcs = append(funcs, one)
		}
		return module1(types, section(secFunction, funcs...), section(secCode, bodies...))
	}
	tower := func(n int) []byte { // each calls the next twice: 2^n calls without a loop
		var b [][]byte
		for i := range n {
			b = append(b, code(opCall, byte(i+1), opCall, byte(i+1)))
		}
		return build(append(b, code())...)
	}
	for _, tt := range []struct {
		name      string
		code      []byte
		least, at int // checked functions, at least and at most
	}{
		{"leaf", build(code()), 0, 0},
		{"chain", build(code(opCall, 1), code(opCall, 2), code()), 0, 0},
		{"self", build(code(opCall, 0)), 1, 1},
		{"pair", build(code(opCall, 1), code(opCall, 0)), 1, 1},
		{"two cycles", build(code(opCall, 1, opCall, 2), code(opCall, 0), code(opCall, 0)), 1, 2},
		{"call tree", tower(60), 3, 59},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Rewrite(tt.code, Config{})
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Info.Checked; got < tt.least || got > tt.at {
				t.Errorf("checked functions = %d, want %d to %d", got, tt.least, tt.at)
			}
		})
	}
}

func FuzzRewrite(f *testing.F) {
	for _, code := range seeds() {
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		m, err := Rewrite(code, Config{})
		if err != nil {
			var r *Refusal
			if !errors.As(err, &r) || r.Reason == "" {
				t.Fatalf("Rewrite = %v, want a refusal with a reason", err)
			}
			return
		}
		// Growth is bounded: a loop head is the largest single addition.
		if len(m.Code) > 1000+80*len(code) {
			t.Errorf("%d bytes became %d", len(code), len(m.Code))
		}
	})
}
