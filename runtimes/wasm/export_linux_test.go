package wasm

import "github.com/kalima-chain/kalima/host"

// BreakMemory leaves a waiting instance no room to grow; false when that can not be.
func BreakMemory(hm host.Module) bool {
	l, ok := hm.(*module).seat.idle[0].linear.(*mapped)
	if ok {
		l.buf = l.buf[:l.open]
	}
	return ok
}
