//go:build wasip1

// Command small is the contract "small" of package hosttest: it has validate alone.
package main

import _ "github.com/kalima-chain/kalima/contracts-sdk/go/contract"

//go:wasmexport validate
func validate() int32 { return 0 }

func main() {}
