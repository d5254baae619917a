package wasm

import (
	"reflect"

	"github.com/tetratelabs/wazero/api"

	"github.com/kalima-chain/kalima/abi"
)

// entry is an exported function of an instance, with the native stack that the engine gives
// it. Where calls nest deeply that grows to megabytes, and stays with the function.
type entry struct {
	fn    api.Function
	stack int // which field of the engine's function the stack is; -1 where none is kept
}

// maxStack is how much native stack an entry keeps for its next call, in bytes. It begins with
// 10 KiB.
const maxStack = 64 << 10

// entry returns the entry of a phase, which the contract has.
func (i *instance) entry(p abi.Phase) api.Function {
	e := &i.entries[p]
	if e.fn == nil {
		*e = entry{i.mod.ExportedFunction(p.String()), -1}
		if t := reflect.TypeOf(e.fn); t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
			if f, ok := t.Elem().FieldByName("stack"); ok && f.Type.Kind() == reflect.Slice && len(f.Index) == 1 {
				e.stack = f.Index[0]
			}
		}
	}
	return e.fn
}

// trim lets a native stack go that has grown.
func (i *instance) trim(p abi.Phase) {
	if e := &i.entries[p]; e.stack >= 0 && reflect.ValueOf(e.fn).Elem().Field(e.stack).Len() > maxStack {
		*e = entry{}
	}
}
