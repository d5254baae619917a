package wasm_test

import (
	"context"
	"errors"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// TestTrapPaysForBulk: what memory and table operations moved before a trap is paid for, in a
// function that keeps its gas in a local and passes no loop on the way to the trap.
func TestTrapPaysForBulk(t *testing.T) {
	const size, least = 40_000, 10 * 40_000 / 4
	again := func(part ...byte) []byte { return rep(10, part...) }
	for name, m := range map[string]mod{
		"memory.fill": validate(op(opLoop, void, opEnd), again(cat(constI32(0), constI32(0), constI32(size), op(0xfc, 11, 0))...), op(opUnreachable)),
		"memory.copy": validate(op(opLoop, void, opEnd), again(cat(constI32(0), constI32(8), constI32(size), op(0xfc, 10, 0, 0))...), constI32(1), constI32(0), op(0x6d)),
	} {
		for _, cfg := range []wasm.Config{{}, {Interpreter: true}, {Slice: 1}} {
			res := run(t, loadModule(t, newRuntime(t, cfg), m.bytes()), abi.Validate, host.Limits{}, nil)
			if codeOf(res) != abi.Trap || res.Used.Gas < least {
				t.Errorf("%s ten times, then a trap: %v with %d gas, want a trap and at least %d", name, res.Fault, res.Used.Gas, least)
			}
		}
	}
}

// TestInitialiseType: _initialize with parameters is the contract's mistake, not the node's.
func TestInitialiseType(t *testing.T) {
	for name, typ := range map[string][]byte{
		"takes one": sig([]byte{i32}, nil), "takes two": sig([]byte{i32, i64}, nil), "returns": sig(nil, []byte{i32, i32}), "returns ref": sig(nil, []byte{0x70}),
	} {
		m := validate(constI32(0))
		m.types = [][]byte{typ}
		m.funcs = append(m.funcs, fun{typ: 2, body: op(opUnreachable), export: "_initialize"})
		_, err := newRuntime(t, wasm.Config{}).Load(context.Background(), m.bytes())
		var r *host.Refusal
		if !errors.As(err, &r) {
			t.Errorf("Load of one whose _initialize %s = %v, want a refusal", name, err)
		}
	}
}

// TestReferencesStay: a global that holds a reference holds one to the instance it is in.
func TestReferencesStay(t *testing.T) {
	m := guest("kalima.query kalima.result kalima.reply",
		constI32(100), constI32(42), op(opStore, 2, 0), with(0, word, 4, word, 1, word, 3), op(opDrop), with(1, 200, 4), op(opDrop), constI32(200), op(opLoad, 2, 0))
	m.tables = [][]byte{{0x70, 0, 1}}
	m.globals = [][]byte{{0x70, 1, 0xd2, 6, opEnd}} // funcs: 3 imports, kalima_abi 3, validate 4, query 5, peek 6
	m.funcs = append(m.funcs, fun{typ: 1, export: "query", body: cat(
		constI32(0), op(opGlobalGet, 0), op(0x26, 0),
		constI32(104), constI32(0), op(opCallInd, 1, 0), op(opStore, 2, 0),
		with(2, 104, 4), constI32(0))},
		fun{typ: 1, body: cat(constI32(100), op(opLoad, 2, 0))})
	for _, cfg := range []wasm.Config{{}, {Interpreter: true}} {
		mod := loadModule(t, newRuntime(t, cfg), m.bytes())
		res := run(t, mod, abi.Validate, host.Limits{}, func(s *host.Session) { s.Contracts = deployed{"conf": mod} })
		if res.Fault != nil {
			t.Errorf("the query's instance called into the caller's: %v", res.Fault)
		}
	}
}

// TestQueryPaysForMemory: a contract with much memory is dear to ask, because it may touch all of it
// for next to nothing; so one call can not ask it a thousand times. As the call of a
// transaction it costs the same as ever.
func TestQueryPaysForMemory(t *testing.T) {
	asked := func(pages int) mod {
		m := validate(constI32(0)).as("query", "validate")
		m.memory = append([]byte{0}, u(pages)...)
		return m
	}
	for _, cfg := range []wasm.Config{{}, {Interpreter: true}} {
		rt := newRuntime(t, cfg)
		asker := loadModule(t, rt, asking().bytes())
		gas := func(pages int) (plain, nested uint64) {
			m := loadModule(t, rt, asked(pages).bytes())
			return run(t, m, abi.Query, host.Limits{}, nil).Used.Gas,
				run(t, asker, abi.Query, host.Limits{}, func(s *host.Session) { s.Contracts = deployed{"conf": m} }).Used.Gas
		}
		few, fewAsked := gas(1)
		many, manyAsked := gas(1000)
		if few != many {
			t.Errorf("a call uses %d gas with 1 page and %d with 1,000, want the same", few, many)
		}
		if want := uint64(999 * 4096); manyAsked-fewAsked != want {
			t.Errorf("a query uses %d gas with 1 page and %d with 1,000, want %d more", fewAsked, manyAsked, want)
		}
		if res := run(t, asker, abi.Query, host.Limits{Gas: 3_000_000}, func(s *host.Session) {
			s.Contracts = deployed{"conf": loadModule(t, rt, asked(1000).bytes())}
		}); codeOf(res) != abi.OutOfGas || res.Used.Gas != 3_000_000 {
			t.Errorf("asking with too little gas: %v with %d gas, want out of gas", res.Fault, res.Used.Gas)
		}
	}
}

// TestInstancesLast: no call throws its instance away, for the next one is made unpaid; not by
// growing memory to its maximum, nor by asking itself.
func TestInstancesLast(t *testing.T) {
	full := validate(constI32(2), op(opMemoryGrow, 0, opDrop), constI32(1), op(opMemoryGrow, 0), constI32(1), op(opI32Add))
	full.memory = []byte{1, 1, 3}
	none := validate(constI32(1), op(opMemoryGrow, 0), constI32(1), op(opI32Add))
	none.memory = []byte{1, 0, 0}
	itself := guest("kalima.query", with(0, word, 4, word, 1, word, 3), op(opDrop), constI32(0)).as("validate", "query")
	for name, tt := range map[string]struct {
		m    mod
		code abi.Code
		want int
	}{
		"at its maximum": {full, abi.OK, 1},
		"asks itself":    {itself, abi.StackOverflow, 1 + abi.MaxNested},
		"no memory":      {none, abi.OK, 1},
	} {
		for _, cfg := range []wasm.Config{{Instances: 1}, {Instances: 1, Interpreter: true}} {
			rt := newRuntime(t, cfg)
			m := loadModule(t, rt, tt.m.bytes())
			for range 3 {
				res := run(t, m, abi.Validate, host.Limits{}, func(s *host.Session) { s.Contracts = deployed{"conf": m} })
				if codeOf(res) != tt.code {
					t.Errorf("%s: Call = %v, want %v", name, res.Fault, tt.code)
				}
				if s := rt.Pool(); s.Instances != tt.want {
					t.Errorf("%s: %d instances wait after a call, want %d", name, s.Instances, tt.want)
				}
			}
		}
	}
}

// TestStickyInitialisation: a contract that changes tables begins with little work, because each of
// its instances does it again.
func TestStickyInitialisation(t *testing.T) {
	for _, tt := range []struct {
		name    string
		rounds  int32
		changes []byte
		ok      bool
	}{
		{"changes tables, little work", 1000, cat(constI32(0), op(0xd0, 0x70, 0x26, 0)), true},
		{"changes tables, much work", 1_000_000, cat(constI32(0), op(0xd0, 0x70, 0x26, 0)), false},
		{"changes none, much work", 1_000_000, nil, true},
	} {
		m := validate(tt.changes, constI32(0))
		m.tables = [][]byte{{0x70, 0, 1}}
		m.funcs = append(m.funcs, fun{body: burn(tt.rounds), export: "_initialize"})
		_, err := newRuntime(t, wasm.Config{}).Load(context.Background(), m.bytes())
		var r *host.Refusal
		if tt.ok != (err == nil) || err != nil && !errors.As(err, &r) {
			t.Errorf("%s: Load = %v, want it to work: %v", tt.name, err, tt.ok)
		}
	}
}

// TestStickyItems: a contract that changes tables has few elements and segments, because all of
// them are put back after each call.
func TestStickyItems(t *testing.T) {
	change := cat(constI32(0), op(0xd0, 0x70, 0x26, 0))
	for _, tt := range []struct {
		name    string
		table   int
		elems   int
		changes []byte
		ok      bool
	}{
		{"few", 100, 100, change, true},
		{"a large table", 65_536, 0, change, false},
		{"many segments", 1, 100_000, change, false},
		{"many of both, changing none", 65_536, 100_000, nil, true},
	} {
		m := validate(tt.changes, constI32(0))
		m.tables = [][]byte{cat(op(0x70, 0), u(tt.table))}
		for range tt.elems {
			m.elems = append(m.elems, op(1, 0, 0))
		}
		_, err := newRuntime(t, wasm.Config{}).Load(context.Background(), m.bytes())
		var r *host.Refusal
		if tt.ok != (err == nil) || err != nil && !errors.As(err, &r) {
			t.Errorf("%s: Load = %v, want it to work: %v", tt.name, err, tt.ok)
		}
	}
}
