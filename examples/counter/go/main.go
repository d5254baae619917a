//go:build wasip1

// Command counter counts what is put under each address.
package main

import (
	"strconv"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/contracts-sdk/go/contract"
)

//go:wasmexport validate
func validate() int32 {
	address := string(contract.Field(abi.FieldAddress))
	text, _ := contract.Get("", address)
	count, _ := strconv.Atoi(string(text)) // 0 when there is none
	contract.Put("", address, strconv.AppendInt(nil, int64(count)+1, 10))
	return 0
}

//go:wasmexport query
func query() int32 {
	text, ok := contract.Get("", string(contract.Field(abi.FieldKey)))
	if !ok {
		text = []byte("0")
	}
	contract.Reply(text)
	return 0
}

func main() {}
