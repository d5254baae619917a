//go:build wasip1

// Command abi2 is the contract "abi2" of package hosttest: built for an ABI version that
// is not there yet.
package main

//go:wasmexport kalima_abi
func version() int32 { return 2 }

//go:wasmexport validate
func validate() int32 { return 0 }

func main() {}
