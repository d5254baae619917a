package wasm_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// times repeats code.
func times(n int, parts ...[]byte) []byte { return bytes.Repeat(cat(parts...), n) }

// bodies is a module of n functions with the same body, which leaves an i32.
func bodies(n int, local []byte, body ...[]byte) mod {
	m := mod{}
	for i := range n {
		f := fun{typ: 1, locals: local, body: cat(body...)}
		if i == 0 {
			f.export = "validate"
		}
		m.funcs = append(m.funcs, f)
	}
	return m
}

// hundred is a type of 100 parameters and as many results, and functions that have it.
func hundred(n int, m mod) mod {
	wide := bytes.Repeat([]byte{i32}, 100)
	m.types = [][]byte{sig(wide, wide)}
	for range n {
		m.funcs = append(m.funcs, fun{typ: 2, body: op(opUnreachable)})
	}
	return m
}

// TestBombs loads modules that are small and take a compiler seconds, minutes or gigabytes.
// Each is refused by name before it is compiled, or compiles within a budget that is far
// below a node's; the node itself does not grow by more than the code it takes over.
func TestBombs(t *testing.T) {
	zero := constI32(0)
	target := func(n int) []byte {
		return cat(op(opBlock, void, opI32, 0, opBrTable), u(n-1), rep(n, 0), op(opEnd))
	}
	swap := op(opGet, 0, opIf, void, opGet, 1, opSet, 2, opEnd)
	table := func(m mod) mod { m.tables = [][]byte{{0x70, 0, 1}}; return m }
	typed := func(n int) mod {
		m := validate(zero)
		for i := range n {
			p := bytes.Repeat([]byte{i32}, 100)
			p[i%100], p[i/100%100] = i64, f64
			m.types = append(m.types, sig(p, p))
		}
		return m
	}
	segments := func(n, size int) mod {
		m := validate(zero)
		for range n {
			m.data = append(m.data, cat(op(0, opI32, 0, opEnd), u(size), rep(size, 'x')))
		}
		return m
	}
	elements := func(n, of int) mod {
		m := validate(zero)
		m.tables = [][]byte{cat(op(0x70, 0), u(of))}
		for range n {
			m.elems = append(m.elems, cat(op(0, opI32, 0, opEnd), u(of), rep(of, 0)))
		}
		return m
	}
	with := func(change func(*mod)) mod { m := validate(zero); change(&m); return m }
	exports := func(n int) mod {
		return with(func(m *mod) {
			for i := range n {
				m.export(strings.Repeat("x", 20)+string(rune('a'+i%26))+string(rune('0'+i/26%64))+string(rune('0'+i/26/64)), 0, 0)
			}
		})
	}
	const refused, compiled = true, false
	for _, tt := range []struct {
		name    string
		m       mod
		refused bool
		want    string
	}{
		{"4000 ifs x 4000 locals", bodies(1, locals(4000, i32), times(4000, swap), zero), refused, "locals"},
		{"2000 ifs x 2000 locals", bodies(1, locals(2000, i32), times(2000, swap), zero), refused, "locals"},
		{"1000 ifs x 1000 locals", bodies(1, locals(1000, i32), times(1000, swap), zero), refused, "2000 blocks with 1000 locals"},
		{"200 ifs x 1000 locals", bodies(1, locals(1000, i32), times(200, swap), zero), compiled, ""},
		{"4 Gi locals in one declaration", bodies(1, cat(u(1), u(1<<32-1), op(i32)), zero), refused, "locals"},
		{"2^35 locals in 16 declarations", bodies(1, cat(u(16), times(16, u(1<<31-1), op(i64))), zero), refused, "locals"},
		{"40,000 nested blocks", bodies(1, nil, rep(40_000, opBlock, void), rep(40_000, opEnd), zero), refused, "nested"},
		{"10,000 nested blocks", bodies(1, nil, rep(10_000, opBlock, void), rep(10_000, opEnd), zero), refused, "nested"},
		{"2000 nested blocks", bodies(1, nil, rep(2000, opBlock, void), rep(2000, opEnd), zero), compiled, ""},
		{"2000 nested loops", bodies(1, nil, rep(2000, opLoop, void), rep(2000, opEnd), zero), refused, "12000 blocks"},
		{"600 nested loops", bodies(1, nil, rep(600, opLoop, void), rep(600, opEnd), zero), compiled, ""},
		{"br_table with 100,000 targets", bodies(1, nil, target(100_000), zero), refused, "targets"},
		{"br_table with 4 Gi targets", bodies(1, nil, op(opI32, 0, opBrTable), u(1<<32-1), zero), refused, "br_table"},
		{"7 br_tables with 4096 targets", bodies(1, nil, times(7, target(4096)), zero), compiled, ""},
		{"60 br_tables with 4096 targets", bodies(1, nil, times(60, target(4096)), zero), refused, "blocks"},
		{"300,000 additions", bodies(1, nil, zero, rep(300_000, opI32, 1, opI32Add)), refused, "at most 262144"},
		{"80,000 additions", bodies(1, nil, zero, rep(80_000, opI32, 1, opI32Add)), compiled, ""},
		{"80,000 empty blocks", bodies(1, nil, rep(80_000, opBlock, void, opEnd), zero), refused, "80000 blocks"},
		{"60,000 br_ifs", bodies(1, nil, op(opBlock, void), rep(60_000, opI32, 0, opBrIf, 0), op(opEnd), zero), refused, "blocks"},
		{"50,000 indirect calls", table(bodies(1, nil, rep(50_000, opI32, 0, opCallInd, 0, 0), zero)), refused, "blocks"},
		{"20,000 fills", bodies(1, nil, rep(20_000, opI32, 0, opI32, 0, opI32, 0, 0xfc, 11, 0), zero), refused, "blocks"},
		{"40,000 growths", bodies(1, nil, rep(40_000, opI32, 0, opMemoryGrow, 0, opDrop), zero), refused, "blocks"},
		{"17,000 NaNs", bodies(1, nil, times(17_000, zero, constF64(0), op(0x9f, 0x39, 3, 0)), zero), refused, "blocks"},
		{"1900 NaNs", bodies(1, nil, times(1900, zero, constF64(0), op(0x9f, 0x39, 3, 0)), zero), compiled, ""},
		{"220 calls of 100 parameters and results", hundred(1, bodies(1, nil, rep(100, opI32, 0), rep(220, opCall, 2), rep(100, opDrop), zero)), compiled, ""},
		{"120,000 calls of 100 parameters and results", hundred(1, bodies(1, nil, rep(100, opI32, 0), rep(120_000, opCall, 2), rep(100, opDrop), zero)), refused, "blocks"},
		{"5000 functions of 100 parameters and results", hundred(5000, validate(zero)), compiled, ""},
		{"1000 parameters", with(func(m *mod) { m.types = [][]byte{sig(bytes.Repeat([]byte{i32}, 1000), nil)} }), refused, "parameters"},
		{"990 types of 200 values", typed(990), compiled, ""},
		{"1001 types", typed(999), refused, "types"},
		{"50,000 functions", bodies(49_000, nil, zero), compiled, ""},
		{"50,001 functions", bodies(50_001, nil, zero), refused, "functions"},
		{"600 functions of 600 blocks", bodies(600, nil, rep(600, opBlock, void, opEnd), zero), compiled, ""},
		{"1200 functions of 2000 blocks", bodies(1200, nil, rep(2000, opBlock, void, opEnd), zero), refused, "all functions"},
		{"a megabyte of loads that wait for each other", bodies(4, nil, zero, rep(80_000, opLoad, 2, 0)), compiled, ""},
		{"100,000 operands at once", bodies(1, nil, rep(40_000, opI32, 0, opLoad, 2, 0), rep(40_000, opDrop), zero), compiled, ""},
		{"10,000 operands across 900 branches", bodies(1, nil, rep(10_000, opI32, 0, opLoad, 2, 0), rep(900, opI32, 0, opIf, void, opEnd), rep(10_000, opDrop), zero), refused, "operands"},
		{"36,000 data segments", segments(36_000, 1), compiled, ""},
		{"500,001 data segments", segments(500_001, 0), refused, "segments"},
		{"9 MiB of data", segments(1, 9<<20), refused, "at most 8388608"},
		{"data beyond the memory", segments(1, 1<<16+1), refused, "instantiated"},
		{"100 tables' worth of elements", elements(100, 10_000), compiled, ""},
		{"a table of 2^32-1", with(func(m *mod) { m.tables = [][]byte{cat(op(0x70, 0), u(1<<32-1))} }), refused, "table"},
		{"17 tables", with(func(m *mod) { m.tables = copies(17, []byte{0x70, 0, 1}) }), refused, "tables"},
		{"16 tables of 65,536", with(func(m *mod) { m.tables = copies(16, cat(op(0x70, 0), u(65_536))) }), compiled, ""},
		{"a memory of 4 GiB", with(func(m *mod) { m.memory = cat(op(0), u(65_536)) }), refused, "pages"},
		{"a memory of 2^32-1 pages", with(func(m *mod) { m.memory = cat(op(0), u(1<<32-1)) }), refused, "pages"},
		{"a memory that may have 4 GiB", with(func(m *mod) { m.memory = cat(op(1, 1), u(65_536)) }), compiled, ""},
		{"1001 globals", with(func(m *mod) { m.globals = copies(1001, []byte{i32, 0, opI32, 0, opEnd}) }), refused, "globals"},
		{"900 exports", exports(900), compiled, ""},
		{"1001 exports", exports(1001), refused, "exports"},
		{"101 imports", with(func(m *mod) {
			for range 101 {
				m.imports = append(m.imports, hostImport("wasi_snapshot_preview1", "sched_yield", 1))
			}
		}), refused, "imports"},
		{"7 MiB of custom section", with(func(m *mod) { m.custom = [][]byte{cat(nameOf("x"), rep(7<<20, 0))} }), compiled, ""},
		{"100,000 custom sections", with(func(m *mod) { m.custom = copies(100_000, nameOf("name")) }), compiled, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code := tt.m.bytes()
			bounded(t, 256<<20, func() {
				rt := newRuntime(t, wasm.Config{CompileMemory: 1 << 30})
				defer rt.Close()
				m, err := rt.Load(context.Background(), code)
				if m != nil {
					defer m.Close()
				}
				var r *host.Refusal
				switch {
				case !tt.refused && err != nil:
					t.Errorf("Load of %d bytes = %v, want it compiled", len(code), err)
				case tt.refused && !errors.As(err, &r):
					t.Errorf("Load of %d bytes = %v, want a refusal", len(code), err)
				case tt.refused && !strings.Contains(r.Reason, tt.want):
					t.Errorf("Load of %d bytes = %q, want %q in it", len(code), r.Reason, tt.want)
				}
				if n := rt.CompileStats().Compiled; n > 0 && tt.refused && tt.want != "instantiated" {
					t.Errorf("Load compiled it before it refused")
				}
			})
		})
	}
}

// copies is n times the same part.
func copies(n int, part []byte) (all [][]byte) {
	for range n {
		all = append(all, part)
	}
	return all
}
