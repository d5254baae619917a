package hosttest

import (
	"testing"

	"github.com/kalima-chain/kalima/host"
)

// Kit is what the suite needs to know about a runtime and a language.
type Kit struct {
	// Runtime makes a runtime. The suite closes it.
	Runtime func(t testing.TB) host.Runtime

	// Contract returns the artefact of the contract of that name, "conformance" or
	// "abi2". It may build it; it is called once for each name and test.
	Contract func(t testing.TB, name string) []byte

	// Pointers says that contracts pass pointers, so the case bad-pointer applies.
	Pointers bool

	// NoRecursion says that the language refuses recursion; recurse may then Trap.
	NoRecursion bool
}

// Run runs the suite, each case as a subtest.
func Run(t *testing.T, kit Kit) {
	t.Run("load", func(t *testing.T) { runLoad(t, kit) })
	t.Run("call", func(t *testing.T) { runCalls(t, kit) })
	t.Run("behaviour", func(t *testing.T) { runBehaviour(t, kit) })
}
