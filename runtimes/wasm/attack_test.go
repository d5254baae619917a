package wasm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// The attacks are in attack_*_test.go: modules that want the compiler to work for ever
// (bombs), that claim to be what they are not (tricks), that misbehave once they run (here),
// that make replicas differ (floats), and what published advisories about another engine
// teach (advisories). Each ends in a named refusal or fault, and the process lives on.

// peak returns the most memory this process has had so far, in bytes; 0 where that is unknown.
func peak(t *testing.T) (n int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	if _, err := fmt.Sscanf(string(rest), "%d kB", &n); err != nil {
		t.Fatalf("read the peak of memory: %v in %q", err, rest)
	}
	return n << 10
}

// bounded fails the test when doing something raises the peak of this process by more than it may.
func bounded(t *testing.T, most int, do func()) {
	t.Helper()
	before := peak(t)
	do()
	if grew := peak(t) - before; grew > most {
		t.Errorf("the process grew by %d MiB, at most %d", grew>>20, most>>20)
	}
}

// guest is a module that imports functions: names are "kalima.log" or "wasi.fd_write",
// which become the functions 0, 1 and so on; its entry is validate with that body.
func guest(names string, body ...[]byte) mod {
	m := validate(body...)
	for _, name := range strings.Fields(names) {
		module, fn, _ := strings.Cut(name, ".")
		params, results, _ := strings.Cut(signatures[name], ":")
		if _, ok := signatures[name]; !ok {
			panic("no signature of " + name)
		}
		m.types = append(m.types, sig(valueBytes(params), valueBytes(results)))
		if module == "wasi" {
			module = "wasi_snapshot_preview1"
		}
		m.imports = append(m.imports, hostImport(module, fn, len(m.types)+1))
	}
	m.data = [][]byte{cat([]byte{0}, constI32(word), []byte{opEnd}, nameOf("conf"))}
	return m
}

// word is where a guest's memory holds "conf", a key and the name of a contract.
const word = 60_000

var signatures = map[string]string{
	"kalima.field": "iii:i", "kalima.number": "i:I", "kalima.get": "iiiiii:i", "kalima.put": "iiiiii:", "kalima.delete": "iiii:",
	"kalima.next": "iiiiii:i", "kalima.submit": "iiiiii:", "kalima.log": "ii:", "kalima.reject": "iii:", "kalima.sha256": "iii:",
	"kalima.ed25519_verify": "iiii:i", "kalima.random": "ii:", "kalima.get_many": "ii:i", "kalima.scan": "iiiiiii:i",
	"kalima.query": "iiiiii:i", "kalima.reply": "ii:", "kalima.result": "ii:i", "kalima.emit": "iiii:", "kalima.http": "iiiiii:i",
	"kalima.clock": ":I", "wasi.fd_write": "iiii:i", "wasi.random_get": "ii:i", "wasi.clock_time_get": "iIi:i",
	"wasi.poll_oneoff": "iiii:i", "wasi.args_sizes_get": "ii:i", "wasi.environ_sizes_get": "ii:i", "wasi.clock_res_get": "ii:i",
	"wasi.proc_exit": "i:", "wasi.sched_yield": ":i", "wasi.fd_read": "iiii:i",
}

func valueBytes(letters string) []byte {
	b := make([]byte, len(letters))
	for n, l := range letters {
		b[n] = map[rune]byte{'i': i32, 'I': i64}[l]
	}
	return b
}

// with pushes numbers and calls a function.
func with(f int, args ...int32) (b []byte) {
	for _, a := range args {
		b = append(b, constI32(a)...)
	}
	return append(b, call1(f)...)
}

// forever repeats.
func forever(body ...[]byte) []byte {
	return cat(op(opLoop, void), cat(body...), op(opBr, 0, opEnd), constI32(0))
}

// put adds functions before the entry and returns the module.
func (m mod) put(fs ...fun) mod { m.funcs = append(fs, m.funcs...); return m }

// tree is a call tree of 2^depth calls without a loop.
func tree(depth int) mod {
	var fs []fun
	for n := range depth {
		var body []byte
		if n > 0 {
			body = cat(call1(n), call1(n)) // kalima_abi is function 0
		}
		fs = append(fs, fun{body: body})
	}
	m := validate(call1(depth), constI32(0))
	return m.put(fs...)
}

// recursion is functions each of which calls the next, the last the first, with locals.
func recursion(functions, slots int, through []byte) mod {
	var fs []fun
	for n := range functions {
		call := call1(1 + (n+1)%functions)
		if through != nil {
			call = through
		}
		// The sum keeps the call from being the last thing that is done.
		fs = append(fs, fun{typ: 1, locals: locals(max(slots, 1), i64), body: cat(call, constI32(1), op(opI32Add))})
	}
	m := validate(call1(1))
	m = m.put(fs...)
	if through != nil {
		m.tables = [][]byte{{0x70, 0, 1}}
		m.elems = [][]byte{cat(op(0, opI32, 0, opEnd), vecOf([][]byte{u(1)}))}
	}
	return m
}

// TestAttacks runs contracts that want more than they may have.
func TestAttacks(t *testing.T) {
	far := int32(-16)        // near the end of the address space
	edge := int32(1<<16 - 4) // four bytes before the end of the memory
	table := func(m mod) mod { m.tables = [][]byte{{0x70, 0, 1}}; return m }
	drop := op(opDrop)
	zero := constI32(0)
	for _, tt := range []struct {
		name   string
		m      mod
		limits host.Limits
		want   abi.Code
		text   string // in the message
		native bool   // needs more native stack than the interpreter has
	}{
		{name: "a tree of 2^32 calls", m: tree(32), want: abi.OutOfGas, native: true},
		{name: "a tree of 2^200 calls", m: tree(200), want: abi.OutOfGas, native: true},
		{name: "a loop that does nothing", m: validate(forever()), want: abi.OutOfGas},
		{name: "a loop through br_table", m: validate(op(opLoop, void, opI32, 1, opBrTable, 1, 0, 0, opEnd), zero), want: abi.OutOfGas},
		{name: "a loop of float divisions", m: validate(forever(constF64(f64bits(1)), constF64(f64bits(3)), op(0xa3, opDrop))), want: abi.OutOfGas},
		{name: "recursion", m: recursion(1, 0, nil), want: abi.StackOverflow, native: true},
		{name: "recursion with 1000 locals", m: recursion(1, 1000, nil), want: abi.StackOverflow},
		{name: "mutual recursion", m: recursion(2, 3, nil), want: abi.StackOverflow, native: true},
		{name: "recursion around fifty functions", m: recursion(50, 10, nil), want: abi.StackOverflow, native: true},
		{name: "recursion through a table", m: recursion(1, 2, op(opI32, 0, opCallInd, 1, 0)), want: abi.StackOverflow, native: true},
		{name: "recursion as deep as may be asked for", m: recursion(1, 0, nil), want: abi.StackOverflow, native: true,
			limits: host.Limits{Depth: 400_000, Gas: 1 << 40}},

		{name: "memory page by page", m: validate(forever(constI32(1), op(opMemoryGrow, 0, opDrop))), want: abi.OutOfGas},
		{name: "memory page by page, with all the gas there is", m: validate(
			op(opLoop, void, opI32, 1, opMemoryGrow, 0, opI32), sleb(-1), op(0x47, opBrIf, 0, opEnd, opUnreachable)),
			limits: host.Limits{Gas: 1 << 40, Memory: 8 << 20}, want: abi.OutOfMemory},
		{name: "4 GiB of memory", m: validate(constI32(65535), op(opMemoryGrow, 0, opDrop), zero), want: abi.OutOfGas},
		{name: "2^32-1 pages", m: validate(constI32(-1), op(opMemoryGrow, 0, opDrop), zero), want: abi.OutOfGas},
		{name: "2^32-1 pages, with all the gas there is", m: validate(constI32(-1), op(opMemoryGrow, 0)),
			limits: host.Limits{Gas: 1 << 60}, want: abi.Rejected},
		{name: "fill 4 GiB", m: validate(zero, zero, constI32(-1), op(0xfc, 11, 0), zero), want: abi.OutOfGas},
		{name: "fill 4 GiB, with all the gas there is", m: validate(zero, zero, constI32(-1), op(0xfc, 11, 0), zero), limits: host.Limits{Gas: 1 << 60}, want: abi.Trap, text: "out of bounds"},
		{name: "copy 4 GiB", m: validate(zero, zero, constI32(-1), op(0xfc, 10, 0, 0), zero), limits: host.Limits{Gas: 1 << 60}, want: abi.Trap, text: "out of bounds"},
		{name: "fill the memory for ever", m: validate(forever(zero, zero, constI32(1<<16), op(0xfc, 11, 0))), want: abi.OutOfGas},
		{name: "copy the memory for ever", m: validate(forever(constI32(1), zero, constI32(1<<16-1), op(0xfc, 10, 0, 0))), want: abi.OutOfGas},
		{name: "fill nothing for ever", m: validate(forever(zero, zero, zero, op(0xfc, 11, 0))), want: abi.OutOfGas},
		{name: "a table of 2^32-1", m: table(validate(op(0xd0, 0x70), constI32(-1), op(0xfc, 15, 0, opDrop), zero)), want: abi.OutOfGas},
		{name: "a table of 2^32-1, with all the gas there is", m: table(validate(op(0xd0, 0x70), constI32(-1), op(0xfc, 15, 0))),
			limits: host.Limits{Gas: 1 << 60}, want: abi.Rejected},
		{name: "a table entry by entry", m: table(validate(forever(op(0xd0, 0x70), constI32(1), op(0xfc, 15, 0, opDrop)))), want: abi.OutOfGas},
		{name: "fill a table beyond its end", m: table(validate(zero, op(0xd0, 0x70), constI32(-1), op(0xfc, 17, 0), zero)), limits: host.Limits{Gas: 1 << 60}, want: abi.Trap},
		{name: "call through an empty table", m: table(validate(op(opI32, 0, opCallInd, 1, 0))), want: abi.Trap},
		{name: "call through a table beyond its end", m: table(validate(constI32(-1), op(opCallInd, 1, 0))), want: abi.Trap},

		{name: "log for ever", m: guest("kalima.log", forever(with(0, 0, 1<<16))), want: abi.OutOfGas},
		{name: "log nothing for ever", m: guest("kalima.log", forever(with(0, 0, 0))), want: abi.OutOfGas},
		{name: "write to standard output for ever", m: guest("wasi.fd_write", constI32(8), constI32(1<<15), op(opStore, 2, 0),
			constI32(4), constI32(100), op(opStore, 2, 0), forever(with(0, 1, 4, 1, 0), drop)), want: abi.OutOfGas},
		{name: "write a thousand lists of nothing for ever", m: guest("wasi.fd_write", forever(with(0, 1, 0, 1024, 0), drop)), want: abi.OutOfGas},
		{name: "random for ever", m: guest("kalima.random", forever(with(0, 0, 1<<10))), want: abi.OutOfGas},
		{name: "WASI random for ever", m: guest("wasi.random_get", forever(with(0, 0, 1<<16), drop)), want: abi.OutOfGas},
		{name: "hash the memory for ever", m: guest("kalima.sha256", forever(with(0, 0, 1<<16, 0))), want: abi.OutOfGas},
		{name: "verify for ever", m: guest("kalima.ed25519_verify", forever(with(0, 0, 0, 1<<15, 0), drop)), want: abi.OutOfGas},
		{name: "read for ever", m: guest("kalima.get", forever(with(0, 0, 0, word, 1, 0, 0), drop)), want: abi.OutOfGas},
		{name: "ask for fields for ever", m: guest("kalima.field", forever(with(0, 3, 0, 0), drop)), want: abi.OutOfGas},
		{name: "yield for ever", m: guest("wasi.sched_yield", forever(with(0), drop)), want: abi.OutOfGas},
		{name: "read a file for ever", m: guest("wasi.fd_read", forever(with(0, 3, 0, 0, 0), drop)), want: abi.OutOfGas},
		{name: "put for ever", m: guest("kalima.put", forever(with(0, 0, 0, word, 1, 0, 4))), want: abi.TooMuch},
		{name: "emit for ever", m: guest("kalima.emit", forever(with(0, word, 1, 0, 4))), want: abi.TooMuch},
		{name: "submit", m: guest("kalima.submit", with(0, 0, 0, word, 1, 0, 0), zero), want: abi.Denied},
		{name: "http", m: guest("kalima.http", with(0, 0, 0, 0, 0, 0, 0)), want: abi.Denied},
		{name: "the node's clock", m: guest("kalima.clock", with(0), drop, zero), want: abi.Denied},
		{name: "reply outside of a query", m: guest("kalima.reply", with(0, 0, 0), zero), want: abi.Denied},

		{name: "hash 4 GiB", m: guest("kalima.sha256", with(0, 0, -1, 0), zero), want: abi.BadHostCall},
		{name: "hash to the memory's edge", m: guest("kalima.sha256", with(0, 0, 1, edge), zero), want: abi.BadHostCall},
		{name: "hash to the end of the address space", m: guest("kalima.sha256", with(0, 0, 1, far), zero), want: abi.BadHostCall},
		{name: "a field to the memory's edge", m: guest("kalima.field", with(0, 3, edge, 5)), want: abi.BadHostCall},
		{name: "a field to the end of the address space", m: guest("kalima.field", with(0, 3, far, 16)), want: abi.BadHostCall},
		{name: "an unknown field", m: guest("kalima.field", with(0, -1, 0, 0)), want: abi.BadHostCall},
		{name: "an unknown number", m: guest("kalima.number", with(0, 1<<30), drop, zero), want: abi.BadHostCall},
		{name: "a key of 4 GiB", m: guest("kalima.get", with(0, 0, 0, 0, -1, 0, 0)), want: abi.BadHostCall},
		{name: "a value to the memory's edge", m: guest("kalima.get", with(0, 0, 0, 0, 1, edge, 5)), want: abi.BadHostCall},
		{name: "random bytes beyond the edge", m: guest("kalima.random", with(0, edge, 5), zero), want: abi.BadHostCall},
		{name: "a list beyond the edge", m: guest("kalima.get_many", with(0, edge, 5)), want: abi.BadHostCall},
		{name: "a list of garbage", m: guest("kalima.get_many", with(0, 0, 1<<16)), want: abi.BadHostCall},
		{name: "a result to the edge", m: guest("kalima.result", with(0, edge, 5)), want: abi.BadHostCall},
		{name: "a scan of 2^32-1", m: guest("kalima.scan", with(0, 0, 0, 0, 0, 0, 0, -1)), want: abi.BadHostCall},
		{name: "a query of 4 GiB", m: guest("kalima.query", with(0, 0, 1, 0, 1, 0, -1)), want: abi.BadHostCall},
		{name: "a reason of 4 GiB", m: guest("kalima.reject", with(0, 1, 0, -1), zero), want: abi.BadHostCall},
		{name: "a reason to the end of the memory", m: guest("kalima.reject", with(0, 1, 0, 1<<16), zero), want: abi.Rejected},

		// WASI answers an error number and changes nothing.
		{name: "WASI random beyond the edge", m: guest("wasi.random_get", with(0, edge, 5)), want: abi.Rejected},
		{name: "WASI random of 4 GiB", m: guest("wasi.random_get", with(0, 0, -1)), want: abi.Rejected},
		{name: "WASI clock to the edge", m: guest("wasi.clock_time_get", op(opI32, 0, opI64, 0), constI32(edge), call1(0)), want: abi.Rejected},
		{name: "WASI resolution to the end of the address space", m: guest("wasi.clock_res_get", with(0, 0, far)), want: abi.Rejected},
		{name: "WASI sizes to the edge", m: guest("wasi.args_sizes_get", with(0, 0, edge+1)), want: abi.Rejected},
		{name: "WASI lists at the end of the address space", m: guest("wasi.fd_write", with(0, 1, far, 1024, 0)), want: abi.Rejected},
		{name: "WASI lists of 2^32-1", m: guest("wasi.fd_write", with(0, 1, 0, -1, 0)), want: abi.Rejected},
		{name: "WASI text of 4 GiB", m: guest("wasi.fd_write", constI32(8), constI32(-1), op(opStore, 2, 0), with(0, 1, 4, 1, 0)), want: abi.Rejected},
		{name: "WASI count to the edge", m: guest("wasi.fd_write", with(0, 1, 0, 1, edge+1)), want: abi.Rejected},
		{name: "WASI polls of 2^32-1", m: guest("wasi.poll_oneoff", with(0, 0, 0, -1, 0)), want: abi.OutOfGas},
		{name: "WASI polls of 2^27 events, with all the gas there is", m: guest("wasi.poll_oneoff", with(0, 0, 0, 1<<27, 0)), limits: host.Limits{Gas: 1 << 60}, want: abi.Rejected},
		{name: "WASI exit", m: guest("wasi.proc_exit", with(0, -1), zero), want: abi.Trap},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bounded(t, 128<<20, func() {
				var first host.Result
				for n, cfg := range []wasm.Config{{}, {Slice: 100}, {Interpreter: true}} {
					if cfg.Interpreter && tt.native {
						continue
					}
					m := loadModule(t, newRuntime(t, cfg), tt.m.bytes())
					limits := tt.limits
					limits.Deadline = time.Minute // the interpreter takes long on a busy machine
					res := call(t, m, "", "", limits)
					if n == 0 {
						first = res
						if got := codeOf(res); got != tt.want || res.Fault != nil && !strings.Contains(res.Fault.Message, tt.text) {
							t.Errorf("Call = %v with %d gas, want %v %q", res.Fault, res.Used.Gas, tt.want, tt.text)
						}
						if res.Writes != nil && res.Fault != nil {
							t.Errorf("Call writes %d values though it ends in %v", len(res.Writes), res.Fault)
						}
						if kept := len(strings.Join(res.Log, "")); kept > host.DefaultLimits.Log+64 {
							t.Errorf("Call keeps %d bytes of log, at most %d", kept, host.DefaultLimits.Log)
						}
					}
					if faultText(res.Fault) != faultText(first.Fault) || res.Used.Gas != first.Used.Gas || !slices.Equal(res.Log, first.Log) {
						t.Errorf("Call with %+v = %v, %d gas; at first %v, %d gas", cfg, res.Fault, res.Used.Gas, first.Fault, first.Used.Gas)
					}
					// The instance that comes after it is whole.
					if res := call(t, m, "", "", host.Limits{Gas: 1}); codeOf(res) != abi.OutOfGas && tt.limits.Gas == 0 {
						t.Errorf("Call with one gas = %v, want %v", res.Fault, abi.OutOfGas)
					}
				}
			})
		})
	}
}

func codeOf(r host.Result) abi.Code {
	if r.Fault == nil {
		return abi.OK
	}
	return r.Fault.Code
}

// TestQueryRecursion: a contract whose query asks itself stops at a depth that all nodes
// agree on, and has paid for all of it.
func TestQueryRecursion(t *testing.T) {
	m := guest("kalima.query", with(0, word, 4, word, 1, 0, 0))
	m.funcs[0].export = "query"
	mod := loadModule(t, newRuntime(t, wasm.Config{}), m.bytes())
	contracts := deployed{"conf": mod}
	var first host.Result
	for n := range 3 {
		s := host.NewSession(hosttest.NewCall(abi.Query, "k", ""), hosttest.State{}, host.Grant{}, host.Limits{})
		s.Contracts = contracts
		res, err := mod.Call(context.Background(), s)
		if err != nil {
			t.Fatalf("Call = %v, want an outcome", err)
		}
		if codeOf(res) != abi.StackOverflow || res.Used.Gas < abi.MaxNested*host.PriceQuery {
			t.Fatalf("Call = %v with %d gas, want %v and at least %d", res.Fault, res.Used.Gas, abi.StackOverflow, abi.MaxNested*host.PriceQuery)
		}
		if n == 0 {
			first = res
		} else if faultText(res.Fault) != faultText(first.Fault) || res.Used != first.Used {
			t.Errorf("Call again = %v %+v, want %v %+v", res.Fault, res.Used, first.Fault, first.Used)
		}
	}
}

// told is a State that says when it is read.
type told struct {
	hosttest.State
	reads chan struct{}
}

func (s told) Get(a abi.Address, key string) ([]byte, bool) {
	s.reads <- struct{}{}
	return s.State.Get(a, key)
}

// TestCollector: the garbage collector gets its turn while a contract runs that never ends.
// A contract that held it up would be found at its end, since the collector would only then
// be done.
func TestCollector(t *testing.T) {
	read := cat(with(0, 0, 0, word, 1, 0, 0), op(opDrop))
	withTree := guest("kalima.get", read, call1(42), constI32(0))
	var fs []fun
	for n := range 41 {
		var body []byte
		if n > 0 {
			body = cat(call1(n+1), call1(n+1))
		}
		fs = append(fs, fun{body: body})
	}
	for name, m := range map[string]mod{
		"a loop":           guest("kalima.get", read, forever()),
		"a loop of floats": guest("kalima.get", read, forever(constF64(f64bits(1)), op(0x9f, opDrop))),
		"filling memory":   guest("kalima.get", read, forever(constI32(0), constI32(0), constI32(1<<16), op(0xfc, 11, 0))),
		"a call tree":      withTree.put(fs...),
	} {
		t.Run(name, func(t *testing.T) {
			mod := loadModule(t, newRuntime(t, wasm.Config{}), m.bytes())
			state := told{hosttest.State{}, make(chan struct{}, 1)}
			s := host.NewSession(hosttest.NewCall(abi.Validate, "", ""), state, host.Grant{}, host.Limits{Gas: 1 << 62, Deadline: 1 << 40})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				_, err := mod.Call(ctx, s)
				ended <- err
			}()
			select {
			case <-state.reads: // it runs
			case err := <-ended:
				t.Fatalf("Call = %v before it began", err)
			}
			for range 5 {
				runtime.GC()
			}
			select {
			case err := <-ended:
				t.Errorf("the call ended (%v) before the collector was done", err)
			default:
			}
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("Call = %v, want the end of its context", err)
			}
		})
	}
}
