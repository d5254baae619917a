//go:build !wasip1

package contract

import "unsafe"

const elsewhere = "kalima: contracts run inside a host; build with GOOS=wasip1 GOARCH=wasm -buildmode=c-shared"

func hostField(int32, unsafe.Pointer, uint32) int32                           { panic(elsewhere) }
func hostNumber(int32) int64                                                  { panic(elsewhere) }
func hostGet(_, _ string, _ unsafe.Pointer, _ uint32) int32                   { panic(elsewhere) }
func hostPut(_, _ string, _ unsafe.Pointer, _ uint32)                         { panic(elsewhere) }
func hostDelete(_, _ string)                                                  { panic(elsewhere) }
func hostNext(_, _ string, _ unsafe.Pointer, _ uint32) int32                  { panic(elsewhere) }
func hostSubmit(_, _ string, _ unsafe.Pointer, _ uint32)                      { panic(elsewhere) }
func hostLog(string)                                                          { panic(elsewhere) }
func hostReject(int32, string)                                                { panic(elsewhere) }
func hostSHA256(unsafe.Pointer, uint32, unsafe.Pointer)                       { panic(elsewhere) }
func hostEd25519Verify(_, _ unsafe.Pointer, _ uint32, _ unsafe.Pointer) int32 { panic(elsewhere) }
func hostRandom(unsafe.Pointer, uint32)                                       { panic(elsewhere) }

func hostGetMany(unsafe.Pointer, uint32) int32                { panic(elsewhere) }
func hostScan(_, _, _ string, _ int32) int32                  { panic(elsewhere) }
func hostQuery(_, _ string, _ unsafe.Pointer, _ uint32) int32 { panic(elsewhere) }
func hostReply(unsafe.Pointer, uint32)                        { panic(elsewhere) }
func hostResult(unsafe.Pointer, uint32) int32                 { panic(elsewhere) }
func hostEmit(_ string, _ unsafe.Pointer, _ uint32)           { panic(elsewhere) }
func hostHTTP(_, _ string, _ unsafe.Pointer, _ uint32) int32  { panic(elsewhere) }
func hostClock() int64                                        { panic(elsewhere) }

func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }
