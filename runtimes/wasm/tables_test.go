package wasm_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// counted puts the number of items before them, sized their length.
func counted(items ...[]byte) []byte {
	b := []byte{byte(len(items))}
	for _, i := range items {
		b = append(b, i...)
	}
	return b
}

func sized(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	if len(b) > 127 {
		return append([]byte{byte(len(b)) | 0x80, byte(len(b) >> 7)}, b...)
	}
	return append([]byte{byte(len(b))}, b...)
}

func named(s string) []byte { return sized([]byte(s)) }

// soiler is a contract that changes what is neither memory nor a number: no toolchain makes one.
// Its initialisation puts function b at element 0. A key of "s" or "st" changes tables and drops
// segments, and then accepts or traps; any other writes what it finds to "out": what elements 0 and 1
// return, the table's size, what element 0 returns after table.init, and the data segment.
func soiler() []byte {
	const i32, funcref, end = 0x7f, 0x70, 0x0b
	num := func(n byte) []byte { return []byte{0x41, n} } // below 64
	store := func(at byte, value ...byte) []byte {
		b := append(num(at), value...)
		return append(b, 0x3a, 0, 0)
	}
	load := func(at byte) []byte { return append(num(at), 0x2d, 0, 0) }
	indirect := func(element byte) []byte { return append(num(element), 0x11, 1, 0) }
	setElement := func(element, function byte) []byte { return append(num(element), 0xd2, function, 0x26, 0) }
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	soil := join(
		setElement(1, 3), setElement(0, 3), // both a
		[]byte{0xd0, funcref, 0x41, 3, 0xfc, 15, 0, 0x1a}, // grow by 3
		setElement(4, 4),
		[]byte{0xd2, 4, 0x24, 0},               // the global
		[]byte{0xfc, 13, 1, 0xfc, 9, 0},        // elem.drop, data.drop
		load(1), []byte{0x04, 0x40, 0x00, end}, // "st": trap
		num(0), []byte{0x0f},
	)
	look := join(
		store(32, indirect(0)...), store(33, indirect(1)...), store(34, 0xfc, 16, 0),
		num(0), num(0), num(1), []byte{0xfc, 12, 1, 0}, // table.init: the passive segment's b
		store(35, indirect(0)...),
		num(36), num(0), num(3), []byte{0xfc, 8, 0, 0}, // memory.init
		store(39, 0x23, 0, 0xd1),                                          // the global is null
		num(0), num(0), num(48), num(3), num(32), num(8), []byte{0x10, 0}, // put
		num(0),
	)
	validate := join(num(2), num(0), num(16), []byte{0x10, 1, 0x1a}, // field(key)
		load(0), []byte{0x41, 0xf3, 0, 0x46, 0x04, 0x40}, soil, []byte{end}, look, []byte{end})
	section := func(id byte, body []byte) []byte { return append([]byte{id}, sized(body)...) }
	return join([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, counted(join([]byte{0x60}, counted([]byte{i32}, []byte{i32}, []byte{i32}, []byte{i32}, []byte{i32}, []byte{i32}), counted()),
			[]byte{0x60, 0, 1, i32}, []byte{0x60, 3, i32, i32, i32, 1, i32}, []byte{0x60, 0, 0})),
		section(2, counted(join(named("kalima"), named("put"), []byte{0, 0}), join(named("kalima"), named("field"), []byte{0, 2}))),
		section(3, counted([]byte{1}, []byte{1}, []byte{1}, []byte{1}, []byte{3})), // 2 abi, 3 a, 4 b, 5 validate, 6 _initialize
		section(4, counted([]byte{funcref, 1, 2, 10})),
		section(5, counted([]byte{0, 1})),
		section(6, counted([]byte{funcref, 1, 0xd0, funcref, end})),
		section(7, counted(join(named("memory"), []byte{2, 0}), join(named("kalima_abi"), []byte{0, 2}),
			join(named("validate"), []byte{0, 5}), join(named("_initialize"), []byte{0, 6}))),
		section(9, counted([]byte{0, 0x41, 0, end, 2, 3, 4}, []byte{1, 0, 2, 4, 4})),
		section(12, []byte{2}),
		section(10, counted(sized([]byte{0, 0x41, 1, end}), sized([]byte{0, 0x41, 0xe1, 0, end}), sized([]byte{0, 0x41, 0xe2, 0, end}),
			sized([]byte{0}, validate), sized([]byte{0}, setElement(0, 4), []byte{end}))),
		section(11, counted(join([]byte{1}, named("xyz")), join([]byte{0, 0x41, 48, end}, named("out")))),
	)
}

// TestNoElementCrosses: tables, references in globals and dropped segments are as at the start
// in every call, on instances that are kept and on ones that serve one call.
func TestNoElementCrosses(t *testing.T) {
	code := soiler()
	for name, cfg := range map[string]wasm.Config{
		"compiler": {Instances: 1}, "interpreter": {Instances: 1, Interpreter: true}, "copy": wasm.WithRestore(wasm.Config{Instances: 1}, "copy"),
		"one call each": {Instances: 1, PoolMemory: 1},
	} {
		t.Run(name, func(t *testing.T) {
			m := loadModule(t, newRuntime(t, cfg), code)
			look := func(after string) {
				res := call(t, m, "look", "", host.Limits{})
				if res.Fault != nil || len(res.Writes) != 1 {
					t.Fatalf("after %s: Call(look) = %v, writes %v", after, res.Fault, res.Writes)
				}
				if got, want := fmt.Sprintf("%q", res.Writes[0].Value), `"bb\x02bxyz\x01"`; got != want {
					t.Fatalf("after %s: Call(look) finds %s, want %s", after, got, want)
				}
			}
			look("loading")
			for _, end := range []string{"s", "st", "s", "look", "st"} {
				res := call(t, m, end, "", host.Limits{})
				if trapped := res.Fault != nil; trapped != (end == "st") {
					t.Fatalf("Call(%s) = %v", end, res.Fault)
				}
				for gas := uint64(50); gas < res.Used.Gas; gas += 37 {
					call(t, m, end, "", host.Limits{Gas: gas})
				}
				look(end)
				if _, idle := wasm.Difference(m); idle != 1 && cfg.PoolMemory == 0 {
					t.Errorf("after %s %d instances wait, want the one that was used", end, idle)
				}
			}
		})
	}
}

// TestPoolMemory: what waits stays below the bound, the module used least recently goes
// first, and pinned ones stay.
func TestPoolMemory(t *testing.T) {
	rt := newRuntime(t, wasm.Config{PoolMemory: 200 << 10})
	defer rt.Close()
	var mods []host.Module
	for n := range 20 {
		m, err := rt.Load(context.Background(), buildC(t, "dirty", fmt.Sprintf("-DN=%d", n), fmt.Sprintf("-Wl,-z,stack-size=%d", 8192+16*n)))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		rt.Pin(m, n == 3)
		mods = append(mods, m)
	}
	want := call(t, mods[0], "look", "", host.Limits{})
	waits := func(n int) bool { _, idle := wasm.Difference(mods[n]); return idle > 0 }
	for range 3 {
		for n, m := range mods {
			call(t, m, "a", "", host.Limits{})
			if s := rt.Pool(); s.Bytes > 200<<10 || s.Instances == 0 {
				t.Fatalf("after a call of module %d: %+v wait, want at most %d bytes", n, s, 200<<10)
			}
			if !waits(n) || !waits(3) && n > 3 {
				t.Errorf("after a call of module %d: it waits: %t, the pinned one waits: %t, want both", n, waits(n), waits(3))
			}
		}
		if waits(4) {
			t.Errorf("the instance used least recently still waits")
		}
	}
	if got := call(t, mods[0], "look", "", host.Limits{}); !reflect.DeepEqual(got.Writes, want.Writes) {
		t.Errorf("Call(look) on an instance made again = %v, at first %v", got.Writes, want.Writes)
	}
	rt.Pin(mods[3], false)
	for n, m := range mods {
		if n != 3 {
			call(t, m, "a", "", host.Limits{})
		}
	}
	if waits(3) {
		t.Errorf("a module that is not pinned any more still waits")
	}
}

// TestNestedNeverWaits: queries of a module by itself need more instances than may run at
// once; those that ask hold them, so nobody may wait.
func TestNestedNeverWaits(t *testing.T) {
	m := loadModule(t, newRuntime(t, wasm.Config{Instances: 1}), buildC(t, "lists"))
	done := make(chan host.Result)
	for range 4 {
		go func() {
			s := host.NewSession(hosttest.NewCall(abi.Validate, "query-self", "3"), hosttest.State{}, host.Grant{}, host.Limits{})
			s.Contracts = deployed{"conf": m}
			res, err := m.Call(context.Background(), s)
			if err != nil {
				t.Errorf("Call(query-self) = %v", err)
			}
			done <- res
		}()
	}
	for range 4 {
		if res := <-done; answer(res) != "0..." {
			t.Errorf("Call(query-self) = %v, %q, want 0...", res.Fault, answer(res))
		}
	}
	if _, idle := wasm.Difference(m); idle < 1 || idle > 1+abi.MaxNested {
		t.Errorf("%d instances wait, want 1 to %d: those beyond the number are closed", idle, 1+abi.MaxNested)
	}
}
