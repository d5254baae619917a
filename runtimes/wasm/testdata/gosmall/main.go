// small.c in Go: read one value, write one.
package main

import "unsafe"

//go:wasmimport kalima get
func get(addr unsafe.Pointer, alen uint32, key unsafe.Pointer, klen uint32, buf unsafe.Pointer, n uint32) int32

//go:wasmimport kalima put
func put(addr unsafe.Pointer, alen uint32, key unsafe.Pointer, klen uint32, val unsafe.Pointer, vlen uint32)

//go:wasmexport kalima_abi
func version() int32 { return 1 }

var key = []byte("k")

//go:wasmexport validate
func validate() int32 {
	v := make([]byte, 64)
	n := get(nil, 0, unsafe.Pointer(&key[0]), 1, unsafe.Pointer(&v[0]), uint32(len(v)))
	if n < 0 {
		n, v[0] = 1, '0'
	}
	v[0]++
	put(nil, 0, unsafe.Pointer(&key[0]), 1, unsafe.Pointer(&v[0]), uint32(n))
	return 0
}

func main() {}
