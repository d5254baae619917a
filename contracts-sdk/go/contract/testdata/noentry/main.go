//go:build wasip1

// Command noentry is the contract "noentry" of package hosttest: it has no entry.
package main

import _ "github.com/kalima-chain/kalima/contracts-sdk/go/contract"

func main() {}
