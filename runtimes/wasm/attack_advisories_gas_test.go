package wasm_test

import (
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// The second half of TestAdvisories: what gas pays for.

// workIsMetered: twice the rounds cost twice as much, for each kind of work; nothing is free
// and nothing is paid twice, on both engines.
func workIsMetered(t *testing.T) {
	drop, zero := op(opDrop), constI32(0)
	for name, work := range map[string][]byte{
		"nothing": nil, "arithmetic": cat(constI32(7), constI32(3), op(0x6d, opDrop)), "floats": cat(constF64(f64bits(2)), op(0x9f, opDrop)),
		"memory": cat(zero, zero, op(opLoad, 2, 0), op(opStore, 2, 0)), "a call": cat(call1(9), drop), "a call through a table": cat(zero, op(opCallInd, 1, 0, opDrop)),
		"a branch": cat(op(opBlock, void), zero, op(opBrIf, 0, opEnd)), "an if": cat(zero, op(opIf, void, 0x05, opEnd)), "fill": cat(zero, zero, constI32(1000), op(0xfc, 11, 0)),
		"copy": cat(zero, zero, constI32(1000), op(0xfc, 10, 0, 0)), "size": cat(op(opMemorySize, 0), drop), "growth by nothing": cat(zero, op(opMemoryGrow, 0), drop),
		"a field": cat(with(0, 3, 0, 64), drop), "a number": cat(with(1, 1), drop), "a read": cat(with(2, 0, 0, word, 1, 0, 64), drop), "hashing": with(3, 0, 1000, 0),
		"random": with(4, 0, 64), "a log line": with(5, word, 4), "output": cat(with(6, 1, 2000, 1, 64), drop), "WASI random": cat(with(7, 0, 64), drop), "a scan": cat(with(8, 0, 0, 0, 0, 0, 0, 9), drop),
	} {
		round := func(n int32) mod {
			m := guest("kalima.field kalima.number kalima.get kalima.sha256 kalima.random kalima.log wasi.fd_write wasi.random_get kalima.scan",
				constI32(4000), constI32(n), op(opStore, 2, 0), op(opLoop, void), work,
				constI32(4000), constI32(4000), op(opLoad, 2, 0), constI32(-1), op(opI32Add, opStore, 2, 0), constI32(4000), op(opLoad, 2, 0, opBrIf, 0, opEnd), zero)
			m.tables = [][]byte{{0x70, 0, 1}}
			m.elems = [][]byte{cat(op(0, opI32, 0, opEnd), vecOf([][]byte{u(9)}))}
			return m
		}
		for _, cfg := range []wasm.Config{{}, {Interpreter: true}} {
			rt := newRuntime(t, cfg)
			var used [3]int64
			for i := range used {
				res := run(t, loadModule(t, rt, round(int32(10*(i+1))).bytes()), abi.Validate, host.Limits{}, nil)
				if res.Fault != nil {
					t.Fatalf("%s: Call = %v", name, res.Fault)
				}
				used[i] = int64(res.Used.Gas)
			}
			one, two := used[1]-used[0], used[2]-used[1]
			if one != two || one < 10 || used[0] < one {
				t.Errorf("%s, interpreter %v: 10, 20 and 30 rounds use %d gas: rounds do not cost the same", name, cfg.Interpreter, used)
			}
		}
	}
}

// faultsCostWhatWasUsed: whatever a call ends in, what it did before is paid.
func faultsCostWhatWasUsed(t *testing.T) {
	const rounds = 100_000
	for name, m := range map[string]func(before []byte) mod{
		"acceptance":     func(b []byte) mod { return validate(b, constI32(0)) },
		"rejection":      func(b []byte) mod { return validate(b, constI32(5)) },
		"unreachable":    func(b []byte) mod { return validate(b, op(opUnreachable)) },
		"division":       func(b []byte) mod { return validate(b, constI32(1), constI32(0), op(0x6d)) },
		"out of bounds":  func(b []byte) mod { return validate(b, constI32(-1), op(opLoad, 2, 0)) },
		"bad host call":  func(b []byte) mod { return guest("kalima.log", b, with(0, -1, 9), constI32(0)) },
		"denied":         func(b []byte) mod { return guest("kalima.clock", b, with(0), op(opDrop), constI32(0)) },
		"exit":           func(b []byte) mod { return guest("wasi.proc_exit", b, with(0, 3), constI32(0)) },
		"reject":         func(b []byte) mod { return guest("kalima.reject", b, with(0, 3, word, 4), constI32(0)) },
		"stack overflow": func(b []byte) mod { m := recursion(1, 990, nil); m.funcs[1].body = cat(b, call1(1)); return m },
		"out of memory": func(b []byte) mod {
			return validate(b, op(opI32), sleb(2000), op(opMemoryGrow, 0, opDrop, opUnreachable))
		},
	} {
		for _, cfg := range []wasm.Config{{}, {Interpreter: true}} {
			rt := newRuntime(t, cfg)
			limits := host.Limits{Gas: 1 << 40}
			cheap := run(t, loadModule(t, rt, m(burn(1)).bytes()), abi.Validate, limits, nil)
			dear := run(t, loadModule(t, rt, m(burn(1+rounds)).bytes()), abi.Validate, limits, nil)
			base := run(t, loadModule(t, rt, validate(burn(1), constI32(0)).bytes()), abi.Validate, limits, nil)
			work := run(t, loadModule(t, rt, validate(burn(1+rounds), constI32(0)).bytes()), abi.Validate, limits, nil)
			if got, want := dear.Used.Gas-cheap.Used.Gas, work.Used.Gas-base.Used.Gas; got != want || faultText(cheap.Fault) != faultText(dear.Fault) {
				t.Errorf("%s: %d rounds before %v use %d gas, want %d", name, rounds, dear.Fault, got, want)
			}
		}
	}
}

// bytesArePaid: what a host function has to move or look at costs by the byte, even when it
// then says no.
func bytesArePaid(t *testing.T) {
	for name, m := range map[string]func(n int32) mod{
		"log":         func(n int32) mod { return guest("kalima.log", with(0, 0, n), constI32(0)) },
		"sha256":      func(n int32) mod { return guest("kalima.sha256", with(0, 0, n, 0), constI32(0)) },
		"verify":      func(n int32) mod { return guest("kalima.ed25519_verify", with(0, 0, 0, n, 0), op(opDrop), constI32(0)) },
		"reject":      func(n int32) mod { return guest("kalima.reject", with(0, 1, 0, n), constI32(0)) },
		"WASI random": func(n int32) mod { return guest("wasi.random_get", with(0, 0, n), op(opDrop), constI32(0)) },
		"WASI polls":  func(n int32) mod { return guest("wasi.poll_oneoff", with(0, 0, 0, n/32, 0), op(opDrop), constI32(0)) },
		"filling": func(n int32) mod {
			return validate(constI32(0), constI32(0), constI32(n), op(0xfc, 11, 0), constI32(0))
		},
		"copying": func(n int32) mod {
			return validate(constI32(0), constI32(0), constI32(n), op(0xfc, 10, 0, 0), constI32(0))
		},
		"output": func(n int32) mod {
			return guest("wasi.fd_write", constI32(8), constI32(n), op(opStore, 2, 0), with(0, 1, 4, 1, 0), op(opDrop), constI32(0))
		},
		"beyond a put": func(n int32) mod { return guest("kalima.put", with(0, 0, 0, word, 1, 0, n/64), constI32(0)) },
	} {
		rt := newRuntime(t, wasm.Config{})
		small := run(t, loadModule(t, rt, m(64).bytes()), abi.Validate, host.Limits{}, nil)
		large := run(t, loadModule(t, rt, m(50_000).bytes()), abi.Validate, host.Limits{}, nil)
		least := uint64(50_000 / 64) // bulk memory moves some bytes for one gas, and put was asked for fewer
		if large.Used.Gas < small.Used.Gas+least/2 {
			t.Errorf("%s: %d gas for 64 bytes and %d for 50,000, want %d more", name, small.Used.Gas, large.Used.Gas, least/2)
		}
	}
}

func watchingChangesNothing(t *testing.T) {
	all := callees()
	for name, m := range all {
		all[name] = m.as("validate", "query")
	}
	all["floods"] = guest("kalima.log", forever(with(0, word, 4)))
	for name, m := range all {
		mod := loadModule(t, newRuntime(t, wasm.Config{}), m.bytes())
		plain := run(t, mod, abi.Validate, host.Limits{Gas: 2_000_000}, nil)
		calls := 0
		watched := run(t, mod, abi.Validate, host.Limits{Gas: 2_000_000}, func(s *host.Session) {
			s.Probe = &host.Probe{HostCall: func(host.HostCall) { calls++ }, Charge: func([]abi.Place, uint64) { calls++ }}
		})
		if outcomeOf(plain) != outcomeOf(watched) || calls == 0 && plain.Used.Gas > 0 {
			t.Errorf("%s: %s, watched %s (told %d times)", name, outcomeOf(plain), outcomeOf(watched), calls)
		}
	}
}

func nestedFaultsCost(t *testing.T) {
	const rounds = 10_000
	for name, end := range map[string][]byte{"acceptance": constI32(0), "rejection": constI32(4), "a trap": op(opUnreachable), "out of bounds": cat(constI32(-1), op(opLoad, 2, 0))} {
		rt := newRuntime(t, wasm.Config{})
		asker := loadModule(t, rt, asking().bytes())
		var used [2]uint64
		for i, n := range []int32{1, 1 + rounds} {
			asked := loadModule(t, rt, validate(burn(n), end).as("query").bytes())
			used[i] = run(t, asker, abi.Query, host.Limits{}, func(s *host.Session) { s.Contracts = deployed{"conf": asked} }).Used.Gas
		}
		base := run(t, loadModule(t, rt, validate(burn(1), constI32(0)).bytes()), abi.Validate, host.Limits{}, nil).Used.Gas
		work := run(t, loadModule(t, rt, validate(burn(1+rounds), constI32(0)).bytes()), abi.Validate, host.Limits{}, nil).Used.Gas
		if used[1]-used[0] != work-base {
			t.Errorf("asking a contract that works and ends in %s: the work uses %d gas, want %d", name, used[1]-used[0], work-base)
		}
	}
}

func entriesCostTheSame(t *testing.T) {
	m := loadModule(t, newRuntime(t, wasm.Config{}), validate(burn(10), constI32(0)).as("validate", "react", "query", "migrate").bytes())
	want := run(t, m, abi.Validate, host.Limits{}, nil).Used.Gas
	for _, phase := range abi.Phases() {
		if got := run(t, m, phase, host.Limits{}, nil); got.Used.Gas != want || got.Used.Gas == 0 {
			t.Errorf("%s uses %d gas, validate %d: the same code must cost the same", phase, got.Used.Gas, want)
		}
	}
	// Another instance, begun by a query, has its price.
	asker := loadModule(t, newRuntime(t, wasm.Config{}), asking().bytes())
	res := run(t, asker, abi.Query, host.Limits{}, func(s *host.Session) { s.Contracts = deployed{"conf": m} })
	if res.Used.Gas < host.PriceQuery+want {
		t.Errorf("a query uses %d gas, want at least %d and the %d of what was asked", res.Used.Gas, host.PriceQuery, want)
	}
}

func submitsDoNotRun(t *testing.T) {
	at := cat([]byte{0}, constI32(100), []byte{opEnd}, nameOf("/submit/x"))
	m := guest("kalima.submit", with(0, 100, 9, word, 1, word, 4), constI32(0)).as("react", "validate", "query")
	m.data = append(m.data, at)
	mod := loadModule(t, newRuntime(t, wasm.Config{}), m.bytes())
	nested := 0
	res := run(t, mod, abi.React, host.Limits{}, func(s *host.Session) { s.Contracts = counting{deployed{"conf": mod}, &nested} })
	if res.Fault != nil || len(res.Submits) != 1 || nested != 0 {
		t.Errorf("react = %v, %d submits, %d nested calls, want one submit and no call", res.Fault, len(res.Submits), nested)
	}
	flood := guest("kalima.submit", forever(with(0, 100, 9, word, 1, word, 4))).as("react")
	flood.data = append(flood.data, at)
	if res := run(t, loadModule(t, newRuntime(t, wasm.Config{}), flood.bytes()), abi.React, host.Limits{}, nil); codeOf(res) != abi.TooMuch {
		t.Errorf("submitting for ever = %v, want %v", res.Fault, abi.TooMuch)
	}
}
