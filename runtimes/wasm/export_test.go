package wasm

import (
	"fmt"
	"reflect"

	"github.com/kalima-chain/kalima/host"
)

// RestoreModes are the ways to put memory back, the automatic one first.
var RestoreModes = []string{"auto", "scan", "read", "drop", "copy"}

// WithRestore forces one of them.
func WithRestore(cfg Config, mode string) Config {
	for n, name := range RestoreModes {
		if name == mode {
			cfg.restore = restoreMode(n)
			return cfg
		}
	}
	panic("no way to restore is called " + mode)
}

// Difference tells where the instances of a module that wait for a call differ from its image,
// and how many there are.
func Difference(hm host.Module) (difference string, idle int) {
	m := hm.(*module)
	for _, i := range m.seat.idle {
		mem, _ := i.mem.Read(0, i.mem.Size())
		if len(mem) != len(m.image.memory) {
			return fmt.Sprintf("memory of %d bytes, the image has %d", len(mem), len(m.image.memory)), len(m.seat.idle)
		}
		for at := range mem {
			if mem[at] != m.image.memory[at] {
				return fmt.Sprintf("byte %d is %d, in the image %d", at, mem[at], m.image.memory[at]), len(m.seat.idle)
			}
		}
		for n, g := range i.globals {
			if g.Get() != m.image.globals[n] {
				return fmt.Sprintf("global %d is %d, in the image %d", n, g.Get(), m.image.globals[n]), len(m.seat.idle)
			}
		}
		if len(i.text) != 0 || i.session != nil || i.Context != nil || i.stop != nil {
			return "something of the last call is kept", len(m.seat.idle)
		}
		// What lies beyond the end comes back when memory grows.
		size := uint32(len(mem) / pageSize)
		if most := m.info.MaxPages; most != 0 && size+2 > most {
			continue
		}
		if _, ok := i.mem.Grow(2); !ok {
			continue
		}
		grown, _ := i.mem.Read(size*pageSize, 2*pageSize)
		for at, b := range grown {
			if b != 0 {
				return fmt.Sprintf("byte %d beyond the end is %d", at, b), len(m.seat.idle)
			}
		}
		if !i.restore(m.image) {
			return "memory does not shrink", len(m.seat.idle)
		}
	}
	return "", len(m.seat.idle)
}

// NativeStack is how much native stack the entries of a waiting instance keep.
func NativeStack(hm host.Module) (n int) {
	for _, i := range hm.(*module).seat.idle {
		for _, e := range i.entries {
			if e.fn != nil && e.stack >= 0 {
				n = max(n, reflect.ValueOf(e.fn).Elem().Field(e.stack).Len())
			}
		}
	}
	return n
}
