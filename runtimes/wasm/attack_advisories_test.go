package wasm_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/host/meter"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// TestAdvisories has a test for each class of fault that the CosmWasm project has published
// about its engine and that an engine of this kind could share. Where the very fault can not
// be had here, the comment says why, and the test holds the nearest thing.
func TestAdvisories(t *testing.T) {
	for _, tt := range []struct {
		id, was string
		test    func(*testing.T)
	}{
		// A contract here reaches other contracts and, in react, hosts that it was granted. There is no door to the node.
		{"CWA-2022-001", "a query reached what only one node knows, such as its mempool", nodeIsHidden},
		{"CWA-2022-003", "answers of queries were not the same bytes on every node", queriesAreTheSame},
		{"CWA-2022-004", "queries could ask further queries without a bound", queriesAreBounded},
		{"CWA-2023-002", "the host called exports of a contract in the middle of a host function, which called the host again, until the stack was full", hostNeverCallsBack},
		{"CWA-2023-004", "many parameters in many functions made compiling take memory without bound", parametersAreBounded},
		{"CWA-2024-004", "prices were ten times too low, and the mended ones did not reach modules that were compiled already", pricesReachTheCache},
		// Messages do not nest here, and what a contract submits is decided as a transaction of its own. What can be deep is the contract.
		{"CWA-2024-005", "nested messages overflowed the native stack of the node", depthIsTheCallers},
		{"CWA-2024-006", "a query that a node bounds by a setting of its own could be asked by contracts", settingsDecideNothing},
		{"CWA-2024-007", "some work was metered wrongly", workIsMetered},
		{"CWA-2024-008", "after a panic the gas used was forgotten", faultsCostWhatWasUsed},
		{"CWA-2025-002", "cheap host calls made the node work hard", bytesArePaid},
		{"CWA-2025-003", "a flag of the node for more output changed the text of errors that were part of consensus", watchingChangesNothing},
		{"CWA-2025-004", "what a nested call had used was not charged when it ended in another fault than out of gas", nestedFaultsCost},
		{"CWA-2025-005", "some entries did not charge for setting up the instance", entriesCostTheSame},
		// There are no replies: the outcome of what a contract submits comes back as an event, through consensus.
		{"CWA-2025-007", "replies could lead to replies without end", submitsDoNotRun},
	} {
		t.Run(tt.id, func(t *testing.T) {
			t.Log(tt.was)
			tt.test(t)
		})
	}
}

// run calls an entry in a session of its own.
func run(t *testing.T, m host.Module, phase abi.Phase, limits host.Limits, change func(*host.Session)) host.Result {
	t.Helper()
	s := host.NewSession(hosttest.NewCall(phase, "conf", "value"), hosttest.State{}, host.Grant{Submit: []abi.Pattern{"/submit/**"}}, limits)
	if change != nil {
		change(s)
	}
	res, err := m.Call(context.Background(), s)
	if err != nil {
		t.Fatalf("Call = %v, want an outcome", err)
	}
	return res
}

// outcomeOf is what goes into a block.
func outcomeOf(r host.Result) string {
	return fmt.Sprintf("%v gas %d reply %q writes %v submits %v", faultText(r.Fault), r.Used.Gas, r.Reply, r.Writes, r.Submits)
}

// as exports a module's entry under other names.
func (m mod) as(names ...string) mod {
	m.funcs = slices.Clone(m.funcs)
	m.funcs[len(m.funcs)-1].export = names[0]
	for _, name := range names[1:] {
		m.export(name, 0, m.first()+len(m.funcs)-1)
	}
	return m
}

// burn works for n rounds.
func burn(n int32) []byte {
	return cat(constI32(1024), constI32(n), op(opStore, 2, 0), op(opLoop, void),
		constI32(1024), constI32(1024), op(opLoad, 2, 0), constI32(-1), op(opI32Add, opStore, 2, 0),
		constI32(1024), op(opLoad, 2, 0, opBrIf, 0, opEnd))
}

func nodeIsHidden(t *testing.T) {
	for _, module := range []string{"env", "node", "system", "kalima", "wasi_snapshot_preview1", "kalima_internal"} {
		for _, name := range []string{"node_info", "query_chain", "mempool", "height_now", "getenv", "query_raw"} {
			m := validate(constI32(0))
			m.imports = []imp{hostImport(module, name, 1)}
			rt := newRuntime(t, wasm.Config{})
			loaded, err := rt.Load(context.Background(), m.bytes())
			var r *host.Refusal
			if !errors.As(err, &r) {
				loaded.Close()
				t.Errorf("Load with import %s.%s = %v, want a refusal", module, name, err)
			}
			rt.Close()
		}
	}
	// What a toolchain's runtime asks about the machine is the call's, or nothing.
	m := guest("wasi.clock_time_get wasi.random_get wasi.args_sizes_get wasi.environ_sizes_get wasi.fd_read kalima.put",
		op(opI32, 0, opI64, 0, opI32, 0, opCall, 0, opDrop), with(1, 8, 32), op(opDrop), with(2, 40, 44), op(opDrop), with(3, 48, 52), op(opDrop),
		with(4, 0, 100, 1, 56), op(opDrop), with(5, 0, 0, word, 1, 0, 64), constI32(0))
	var first string
	for _, cfg := range []wasm.Config{{}, {Slice: 10, Instances: 1}, {Interpreter: true}} {
		t.Setenv("KALIMA_TEST_OF_NODES", fmt.Sprint(cfg.Slice))
		got := outcomeOf(run(t, loadModule(t, newRuntime(t, cfg), m.bytes()), abi.Validate, host.Limits{}, nil))
		if first == "" {
			first = got
		}
		if got != first || !strings.HasPrefix(got, " gas") {
			t.Errorf("with %+v the world is %s, want %s", cfg, got, first)
		}
	}
}

// asking asks the contract that is named by the first bytes of its memory, and passes the
// answer on.
func asking() mod {
	return guest("kalima.query kalima.result kalima.reply", with(0, word, 4, word, 1, word, 3), op(opDrop),
		with(1, 0, 64), op(opDrop), with(2, 0, 16), constI32(0)).as("query")
}

// callees are contracts that end in all kinds of ways.
func callees() map[string]mod {
	return map[string]mod{
		"answers": guest("kalima.reply", with(0, word, 4), constI32(0)).as("query"),
		"rejects": guest("kalima.reject", with(0, 9, word, 4), constI32(0)).as("query"),
		"traps":   validate(op(opUnreachable)).as("query"),
		"loops":   validate(forever()).as("query"),
		"deep":    recursion(1, 900, nil).as("query"),
		"wants":   guest("kalima.put", with(0, 0, 0, word, 1, 0, 4), constI32(0)).as("query"),
		"grows":   validate(op(opLoop, void), constI32(16), op(opMemoryGrow, 0), constI32(0), op(0x4e, opBrIf, 0, opEnd, opUnreachable)).as("query"),
	}
}

func queriesAreTheSame(t *testing.T) {
	for name, callee := range callees() {
		var first string
		for n, cfg := range []wasm.Config{{}, {Slice: 77}, {Interpreter: true}} {
			rt := newRuntime(t, cfg)
			asker, asked := loadModule(t, rt, asking().bytes()), loadModule(t, rt, callee.bytes())
			got := outcomeOf(run(t, asker, abi.Query, host.Limits{Gas: 1_000_000}, func(s *host.Session) { s.Contracts = deployed{"conf": asked} }))
			if n == 0 {
				first = got
			}
			if got != first {
				t.Errorf("asking %s with %+v = %s, want %s", name, cfg, got, first)
			}
		}
	}
}

func queriesAreBounded(t *testing.T) {
	m := loadModule(t, newRuntime(t, wasm.Config{}), asking().bytes())
	depth := 0
	res := run(t, m, abi.Query, host.Limits{}, func(s *host.Session) { s.Contracts = counting{deployed{"conf": m}, &depth} })
	if codeOf(res) != abi.StackOverflow || depth > abi.MaxNested {
		t.Errorf("a contract that asks itself: %v after %d queries, want %v after at most %d", res.Fault, depth, abi.StackOverflow, abi.MaxNested)
	}
}

// counting counts queries.
type counting struct {
	deployed
	n *int
}

func (c counting) Query(ctx context.Context, s *host.Session) (host.Result, bool, error) {
	*c.n++
	return c.deployed.Query(ctx, s)
}

func hostNeverCallsBack(t *testing.T) {
	m := guest("kalima.field kalima.get kalima.next kalima.scan kalima.get_many kalima.random kalima.sha256 kalima.log wasi.random_get wasi.fd_write",
		with(0, 3, 0, 100), op(opDrop), with(1, 0, 0, word, 1, 0, 100), op(opDrop), with(2, 0, 0, 0, 0, 0, 100), op(opDrop),
		with(3, 0, 0, 0, 0, 0, 0, 5), op(opDrop), with(4, 0, 0), op(opDrop), with(5, 0, 8), with(6, 0, 8, 32), with(7, word, 4),
		with(8, 0, 8), op(opDrop), with(9, 1, 0, 0, 64), op(opDrop), constI32(0))
	for _, name := range []string{"allocate", "deallocate", "malloc", "free", "realloc", "cabi_realloc", "__alloc", "_initialize2", "interface_version_8", "on_host"} {
		m.funcs = append(m.funcs, fun{export: name, body: op(opUnreachable)})
	}
	if res := run(t, loadModule(t, newRuntime(t, wasm.Config{}), m.bytes()), abi.Validate, host.Limits{}, nil); res.Fault != nil {
		t.Errorf("Call = %v: the host called an export of the contract", res.Fault)
	}
}

func parametersAreBounded(t *testing.T) {
	for _, tt := range []struct{ params, functions int }{{1000, 5000}, {101, 1}, {100, 20_000}} {
		m := validate(constI32(0))
		m.types = [][]byte{sig(slices.Repeat([]byte{i64}, tt.params), nil)}
		for range tt.functions {
			m.funcs = append(m.funcs, fun{typ: 2})
		}
		bounded(t, 256<<20, func() {
			rt := newRuntime(t, wasm.Config{CompileMemory: 1 << 30})
			defer rt.Close()
			loaded, err := rt.Load(context.Background(), m.bytes())
			if loaded != nil {
				loaded.Close()
			}
			var r *host.Refusal
			if refused := errors.As(err, &r); refused != (tt.params > 100) || err != nil && !refused {
				t.Errorf("Load with %d parameters in %d functions = %v, want a refusal beyond 100", tt.params, tt.functions, err)
			}
		})
	}
}

func pricesReachTheCache(t *testing.T) {
	rt := newRuntime(t, wasm.Config{CacheDir: t.TempDir()})
	defer rt.Close()
	code := answering(0)
	now, err := meter.Rewrite(code, meter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	// Prices are numbers in the module that is compiled, so other prices are another module.
	other, err := meter.Rewrite(validate(constI32(0), op(0x01)).bytes(), meter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	keys := map[abi.Digest]string{}
	for name, key := range map[string]abi.Digest{
		"these prices": wasm.CodeKey(rt, code, now.Code), "other prices": wasm.CodeKey(rt, code, other.Code), "another artefact": wasm.CodeKey(rt, code[1:], now.Code),
	} {
		if twin, ok := keys[key]; ok {
			t.Errorf("code for %s and %s has one name in the cache", name, twin)
		}
		keys[key] = name
	}
	if schedule := rt.Schedule(); !strings.Contains(schedule, fmt.Sprintf("%x", meter.Digest())) {
		t.Errorf("Schedule = %q does not name the price table, so blocks would not", schedule)
	}
}

func depthIsTheCallers(t *testing.T) {
	for _, slots := range []int{1, 10, 100, 990} {
		for _, functions := range []int{1, 7} {
			m := loadModule(t, newRuntime(t, wasm.Config{}), recursion(functions, slots, nil).bytes())
			for _, depth := range []int{1000, 100_000, 1_000_000} {
				limits := host.Limits{Depth: depth, Gas: 1 << 40}
				first, again := run(t, m, abi.Validate, limits, nil), run(t, m, abi.Validate, limits, nil)
				if codeOf(first) != abi.StackOverflow || outcomeOf(first) != outcomeOf(again) {
					t.Errorf("%d locals, %d functions, depth %d: %s, then %s, want %v twice", slots, functions, depth, outcomeOf(first), outcomeOf(again), abi.StackOverflow)
				}
			}
		}
	}
}

func settingsDecideNothing(t *testing.T) {
	first := ""
	for _, cfg := range []wasm.Config{{}, {Slice: 1}, {Slice: 1 << 40}, {Instances: 1}, {PoolMemory: 1}, {MaxMemory: 512 << 20}, {InProcess: true}, {CacheDir: t.TempDir()}, {Interpreter: true}} {
		rt := newRuntime(t, cfg)
		asker := loadModule(t, rt, asking().bytes())
		var all []string
		for _, name := range []string{"answers", "loops", "grows", "traps"} {
			asked := loadModule(t, rt, callees()[name].bytes())
			all = append(all, outcomeOf(run(t, asker, abi.Query, host.Limits{Gas: 1_000_000}, func(s *host.Session) { s.Contracts = deployed{"conf": asked} })))
		}
		got := strings.Join(all, "\n")
		if first == "" {
			first = got
		}
		if got != first {
			t.Errorf("with %+v:\n%s\nwant\n%s", cfg, got, first)
		}
	}
}
