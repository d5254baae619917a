package wasm_test

import (
	"context"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// TestEarlyReturn: what a function did before it returned early is charged to the call. A
// function whose last instruction is a trap has told the host of all its gas there; that once
// made it forget what it took on the paths that jump to its end, so a contract filled memory for
// nothing.
func TestEarlyReturn(t *testing.T) {
	const opTee, opLtU, opLeU, opShl, opPrefix, opFill = 0x22, 0x49, 0x4d, 0x74, 0xfc, 0x0b
	m := mod{
		types:   [][]byte{sig([]byte{i32, i32, i32}, []byte{i32})},
		imports: []imp{hostImport(abi.Module, abi.FnField, 2)},
		// validate hands its work to another function: 0 is the host's, 1 kalima_abi.
		funcs: []fun{{typ: 1, export: "validate", body: call1(3)}, {typ: 1, locals: locals(2, i32), body: cat(
			constI32(int32(abi.FieldValue)), constI32(0), constI32(0), call1(0), op(opSet, 0),
			op(opGet, 0), constI32(1), op(opLeU, opIf, void),
			constI32(int32(abi.FieldValue)), constI32(0), constI32(0), call1(0), op(opReturn),
			op(opEnd),
			op(opGet, 0), op(opIf, void),
			op(opLoop, void),
			op(opGet, 1), constI32(1), op(opI32Add, opTee, 1), op(opGet, 0), op(opLtU, opBrIf, 0),
			op(opEnd),
			constI32(0), constI32(0), op(opGet, 0), constI32(12), op(opShl, opPrefix, opFill, 0),
			constI32(0), op(opReturn),
			op(opEnd),
			op(opUnreachable),
		)}},
	}
	rt := newRuntime(t, wasm.Config{})
	defer rt.Close()
	contract, err := rt.Load(context.Background(), m.bytes())
	if err != nil {
		t.Fatal(err)
	}
	defer contract.Close()
	call := func(n int, gas uint64) host.Result {
		s := host.NewSession(hosttest.NewCall(abi.Validate, "key", strings.Repeat("x", n)), hosttest.State{}, host.Grant{}, host.Limits{Gas: gas})
		r, err := contract.Call(context.Background(), s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	few, many := call(2, 0).Used.Gas, call(8, 0).Used.Gas
	if want := few + 6<<12/4; many < want {
		t.Errorf("gas of filling 32 KiB = %d, 8 KiB = %d; want %d at least", many, few, want)
	}
	if r := call(8, many); r.Fault != nil {
		t.Errorf("with the %d gas that it used: %v", many, r.Fault)
	}
	if r := call(8, many-1); r.Fault == nil || r.Fault.Code != abi.OutOfGas {
		t.Errorf("with %d gas, one less than it used: %v, want out of gas", many-1, r.Fault)
	}
}
