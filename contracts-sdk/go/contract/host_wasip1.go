//go:build wasip1

package contract

import (
	"unsafe"

	"github.com/kalima-chain/kalima/abi"
)

// The host functions, as package abi lists them. A string passes as (pointer, length).

//go:wasmimport kalima field
func hostField(id int32, buf unsafe.Pointer, capacity uint32) int32

//go:wasmimport kalima number
func hostNumber(id int32) int64

//go:wasmimport kalima get
func hostGet(address, key string, buf unsafe.Pointer, capacity uint32) int32

//go:wasmimport kalima put
func hostPut(address, key string, value unsafe.Pointer, length uint32)

//go:wasmimport kalima delete
func hostDelete(address, key string)

//go:wasmimport kalima next
func hostNext(address, after string, buf unsafe.Pointer, capacity uint32) int32

//go:wasmimport kalima submit
func hostSubmit(address, key string, value unsafe.Pointer, length uint32)

//go:wasmimport kalima log
func hostLog(message string)

//go:wasmimport kalima reject
func hostReject(code int32, message string)

//go:wasmimport kalima sha256
func hostSHA256(bytes unsafe.Pointer, length uint32, digest unsafe.Pointer)

//go:wasmimport kalima ed25519_verify
func hostEd25519Verify(pub, message unsafe.Pointer, length uint32, sig unsafe.Pointer) int32

//go:wasmimport kalima random
func hostRandom(buf unsafe.Pointer, length uint32)

//go:wasmimport kalima get_many
func hostGetMany(list unsafe.Pointer, length uint32) int32

//go:wasmimport kalima scan
func hostScan(address, after, before string, limit int32) int32

//go:wasmimport kalima query
func hostQuery(name, key string, arg unsafe.Pointer, length uint32) int32

//go:wasmimport kalima reply
func hostReply(answer unsafe.Pointer, length uint32)

//go:wasmimport kalima result
func hostResult(buf unsafe.Pointer, capacity uint32) int32

//go:wasmimport kalima emit
func hostEmit(topic string, data unsafe.Pointer, length uint32)

//go:wasmimport kalima http
func hostHTTP(method, url string, body unsafe.Pointer, length uint32) int32

//go:wasmimport kalima clock
func hostClock() int64

//go:wasmexport kalima_abi
func abiVersion() int32 { return abi.Version }

func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }
