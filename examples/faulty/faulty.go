// Package faulty holds contracts that misbehave, for tests of what a node does with them:
// each kind in C and in JavaScript. Nothing that they do may end a node, and nothing that
// they wrote may be seen.
package faulty

import (
	"embed"
	"io/fs"

	"github.com/kalima-chain/kalima/abi"
)

//go:embed */kalima.toml */*.c */*.js
var files embed.FS

// Contract is one of them.
type Contract struct {
	Dir  string     // folder of Files, KIND-LANGUAGE
	Does string     // what it does, in words
	Ends []abi.Code // how a call may end; none when it cannot be loaded
}

// Contracts returns all of them.
func Contracts() []Contract {
	var list []Contract
	for _, language := range []string{"c", "js"} {
		list = append(list,
			Contract{"trap-" + language, "dies", []abi.Code{abi.Trap}},
			Contract{"loop-" + language, "never comes back", []abi.Code{abi.OutOfGas}},
			// Which limit is met first depends on the language's prices.
			Contract{"memory-" + language, "takes memory without end", []abi.Code{abi.OutOfMemory, abi.OutOfGas, abi.Crashed}},
			Contract{"abi-" + language, "was built for ABI version 2", nil},
		)
	}
	return list
}

// Files returns the contracts' folders.
func Files() fs.FS { return files }
