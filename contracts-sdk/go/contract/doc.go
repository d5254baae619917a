// Package contract is the Kalima contract SDK for Go, ABI version 1.
//
// A contract is a main package built for WebAssembly as a reactor. It exports an entry for
// each phase it serves; an entry returns Accept, or any other number to reject:
//
//	//go:wasmexport validate
//	func validate() int32 { ... }
//
//	func main() {} // never runs; the toolchain wants it
//
// Build it with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -ldflags='-s -w -buildid=' -o contract.wasm .
//
// An empty address ("") names the contract's own state. What the host does not allow (a
// malformed address, a write that was not granted) ends the call at once, so no function
// returns an error. Deferred functions do not run then.
//
// Every call starts from the same memory, the one that package initialisation left:
// package variables do not carry anything from one call to the next.
//
// On other platforms than wasip1 the package compiles, for editors and go vet, and its
// functions panic.
package contract
