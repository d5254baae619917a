//go:build wasip1

// Command noversion is the contract "noversion" of package hosttest: it does not say which ABI it
// was built for.
package main

//go:wasmexport validate
func validate() int32 { return 0 }

func main() {}
