package wasm_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// TestTricks loads modules that reach for what is not theirs, or that are not what they
// seem. want is in the refusal; an empty one means that the module is a contract, whose call
// then has to end with a code.
func TestTricks(t *testing.T) {
	zero := constI32(0)
	changed := func(change func(*mod)) mod { m := validate(zero); change(&m); return m }
	imports := func(i imp) mod { return changed(func(m *mod) { m.imports = []imp{i} }) }
	spin := op(opLoop, void, opBr, 0, opEnd)
	for _, tt := range []struct {
		name string
		m    mod
		want string
		code abi.Code
	}{
		{name: "imports the meter's refill", m: imports(hostImport("kalima_internal", "refill", 0)), want: "kalima_internal"},
		{name: "imports the meter's gas", m: imports(imp{"kalima_internal", "gas", []byte{3, i64, 1}}), want: `import of "gas"`},
		{name: "imports a mutable global", m: imports(imp{"kalima", "x", []byte{3, i32, 1}}), want: `import of "x"`},
		{name: "imports a global", m: imports(imp{"kalima", "x", []byte{3, i32, 0}}), want: `import of "x"`},
		{name: "imports a table", m: imports(imp{"kalima", "x", []byte{1, 0x70, 0, 1}}), want: "table"},
		{name: "imports a memory", m: imports(imp{"kalima", "memory", []byte{2, 0, 1}}), want: "memory"},
		{name: "imports from env", m: imports(hostImport("env", "abort", 0)), want: `"env"`},
		{name: "imports from no module", m: imports(hostImport("", "", 0)), want: `""`},
		{name: "imports an unknown function", m: imports(hostImport("kalima", "steal", 0)), want: `"steal"`},
		{name: "imports with another type", m: imports(hostImport("kalima", "log", 0)), want: "another type"},
		{name: "imports a name that is not text", m: imports(hostImport("kalima", "lo\xffg", 0)), want: "malformed"},
		{name: "imports WASI's threads", m: imports(hostImport("wasi", "thread-spawn", 1)), want: `"wasi"`},
		{name: "exports the meter's gas", m: changed(func(m *mod) {
			m.globals = [][]byte{{i64, 1, opI64, 0, opEnd}}
			m.export("kalima_internal.gas", 3, 0)
		}), want: "kalima_internal.gas"},
		{name: "exports a name the meter may use later", m: changed(func(m *mod) { m.export("kalima_internal.more", 0, 0) }), want: "kalima_internal"},
		{name: "exports a name twice", m: changed(func(m *mod) { m.export("validate", 0, 0) }), want: "two exports"},
		{name: "exports a function that does not exist", m: changed(func(m *mod) { m.export("x", 0, 1000) }), want: "does not exist"},
		{name: "exports the meter's function by its number", m: changed(func(m *mod) { m.export("x", 0, 2) }), want: "does not exist"},
		{name: "reads the meter's global by its number", m: validate(op(opGlobalGet, 0, opDrop), zero), want: "global"},
		{name: "sets the meter's global by its number", m: validate(op(opI64, 0, opGlobalSet, 0), zero), want: "global"},
		{name: "calls the meter's function by its number", m: validate(op(opI64, 0, opCall, 2, opDrop), zero), want: "does not exist"},
		{name: "exports memory as a function", m: mod{bare: true, funcs: []fun{{typ: 1, body: constI32(1), export: "memory"}, {typ: 1, body: zero, export: "validate"}}}, want: "memory"},
		{name: "has no memory", m: mod{bare: true, memory: []byte{}, funcs: []fun{{typ: 1, body: constI32(1), export: "kalima_abi"}, {typ: 1, body: zero, export: "validate"}}}, want: "memory"},
		{name: "exports its memory twice", m: changed(func(m *mod) { m.export("again", 2, 0) })},
		{name: "exports one function for all entries", m: changed(func(m *mod) {
			for _, name := range []string{"react", "query", "migrate"} {
				m.export(name, 0, 1)
			}
		})},
		{name: "its entry is a function of the host", m: changed(func(m *mod) {
			m.imports = []imp{hostImport("wasi_snapshot_preview1", "sched_yield", 1)}
			m.funcs[0].export = "react"
			m.export("validate", 0, 0)
		})},
		{name: "its version is a function of the host", m: mod{bare: true, imports: []imp{hostImport("wasi_snapshot_preview1", "sched_yield", 1)},
			funcs: []fun{{typ: 1, body: zero, export: "validate"}}, exports: cat(nameOf("kalima_abi"), op(0, 0), nameOf("memory"), op(2, 0)), nexport: 2}, want: "version 0"},
		{name: "its version loops", m: mod{bare: true, funcs: []fun{{typ: 1, body: cat(spin, zero), export: "kalima_abi"}, {typ: 1, body: zero, export: "validate"}},
			exports: cat(nameOf("memory"), op(2, 0)), nexport: 1}, want: "out of gas"},
		{name: "its version is another each time", m: func() mod {
			m := validate(zero)
			m.bare = true
			m.globals = [][]byte{{i32, 1, opI32, 0, opEnd}}
			m.funcs = append(m.funcs, fun{typ: 1, export: "kalima_abi", body: op(opGlobalGet, 0, opI32, 1, opI32Add, opGlobalSet, 0, opGlobalGet, 0)})
			m.export("memory", 2, 0)
			return m
		}()},
		{name: "its start loops", m: changed(func(m *mod) { m.funcs = append(m.funcs, fun{body: spin}); m.start = 2 }), want: "out of gas"},
		{name: "its start recurses", m: changed(func(m *mod) { m.funcs = append(m.funcs, fun{body: cat(call1(2), call1(2))}); m.start = 2 }), want: "stack overflow"},
		{name: "its start traps", m: changed(func(m *mod) { m.funcs = append(m.funcs, fun{body: op(opUnreachable)}); m.start = 2 }), want: "unreachable"},
		{name: "its start takes all memory", m: changed(func(m *mod) {
			m.funcs = append(m.funcs, fun{body: op(opLoop, void, opI32, 16, opMemoryGrow, 0, opI32, 0, 0x4e, opBrIf, 0, opEnd, opUnreachable)})
			m.start = 2
		}), want: "out of"},
		{name: "its start writes, which leaves nothing", m: func() mod {
			m := guest("kalima.put", zero)
			m.funcs = append(m.funcs, fun{body: with(0, 0, 0, word, 1, word, 4)})
			m.start = 3
			return m
		}()},
		{name: "its start is a function of the host", m: changed(func(m *mod) {
			m.imports = []imp{hostImport("wasi_snapshot_preview1", "sched_yield", 1)}
			m.start = 0
			m.custom = [][]byte{nameOf("x")}
			m.funcs[0].body = call1(0)
		})},
		{name: "its start has a result", m: changed(func(m *mod) { m.start = 1 }), want: "start"},
		{name: "runs _initialize and start", m: changed(func(m *mod) {
			m.funcs = append(m.funcs, fun{body: spin, export: "_initialize"})
		}), want: "out of gas"},
		{name: "is a program", m: changed(func(m *mod) { m.funcs = append(m.funcs, fun{export: "_start"}) }), want: "main function"},
		{name: "its entry takes something", m: changed(func(m *mod) {
			m.types = [][]byte{sig([]byte{i32}, []byte{i32})}
			m.funcs[0].typ = 2
		}), want: "validate takes something"},
		{name: "its element segment names the meter's function", m: changed(func(m *mod) {
			m.tables = [][]byte{{0x70, 0, 4}}
			m.elems = [][]byte{cat(op(0, opI32, 0, opEnd), vecOf([][]byte{u(2), u(3)}))}
		}), want: "does not exist"},
		{name: "its custom sections are broken", m: changed(func(m *mod) {
			m.custom = [][]byte{cat(nameOf("name"), rep(100, 0xff)), cat(nameOf(".debug_line"), rep(100, 0xff)), cat(nameOf(".debug_info"), rep(100, 1)), cat(nameOf(".debug_abbrev"), rep(9, 0x80))}
		})},
		{name: "its custom section has no end of a name", m: changed(func(m *mod) { m.custom = [][]byte{{0xff, 0xff, 0xff, 0xff, 0x0f}} }), want: "section"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, cfg := range []wasm.Config{{InitGas: 10_000_000}, {InitGas: 10_000_000, Interpreter: true}} {
				if cfg.Interpreter && strings.Contains(tt.want, "stack") {
					continue // its native stack ends first
				}
				rt := newRuntime(t, cfg)
				defer rt.Close()
				m, err := rt.Load(context.Background(), tt.m.bytes())
				if m != nil {
					defer m.Close()
				}
				var r *host.Refusal
				switch {
				case tt.want == "" && err != nil:
					t.Fatalf("Load = %v, want a contract", err)
				case tt.want == "":
					if res := call(t, m, "", "", host.Limits{}); codeOf(res) != tt.code || res.Writes != nil {
						t.Errorf("Call = %v and %d writes, want %v and none", res.Fault, len(res.Writes), tt.code)
					}
				case !errors.As(err, &r) || !strings.Contains(r.Error(), tt.want):
					t.Errorf("Load, interpreter %v, = %v, want a refusal with %q in it", cfg.Interpreter, err, tt.want)
				}
			}
		})
	}
}

// TestMangled loads a contract with bytes of it changed: each version is refused by name or is a
// contract; never an error of the node, never its end.
func TestMangled(t *testing.T) {
	m := guest("kalima.get kalima.put wasi.fd_write", with(0, 0, 0, word, 1, 0, 16), op(opDrop), with(1, 0, 0, word, 1, word, 4), constI32(0))
	m.tables = [][]byte{{0x70, 0, 2}}
	m.globals = [][]byte{{i32, 1, opI32, 0, opEnd}}
	m.elems = [][]byte{cat(op(0, opI32, 0, opEnd), vecOf([][]byte{u(3), u(4)}))}
	whole := m.bytes()
	rt := newRuntime(t, wasm.Config{InitGas: 1_000_000, MaxMemory: 64 << 20, InProcess: true})
	defer rt.Close()
	load := func(name string, code []byte) {
		m, err := rt.Load(context.Background(), code)
		if m != nil {
			m.Close()
			return
		}
		var r *host.Refusal
		if !errors.As(err, &r) {
			t.Errorf("Load of %s = %v, want a refusal", name, err)
		}
	}
	for n := range whole {
		load("a beginning", whole[:n])
		load("an end", whole[n:])
		// A number without end, and one that is longer than it may be.
		load("a long number", cat(whole[:n], rep(11, 0x80), whole[n:]))
		load("a number of 2^32-1", cat(whole[:n], u(1<<32-1), whole[n+1:]))
		load("a padded number", cat(whole[:n], []byte{whole[n] | 0x80, 0x80, 0x80, 0x80, 0x00}, whole[n+1:]))
	}
	r := rand.New(rand.NewPCG(3, 3))
	for range 3000 {
		code := append([]byte(nil), whole...)
		for range 1 + r.IntN(3) {
			code[8+r.IntN(len(code)-8)] = byte(r.Uint32())
		}
		load("random bytes", code)
	}
}
