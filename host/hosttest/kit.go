package hosttest

import (
	"testing"

	"github.com/kalima-chain/kalima/host"
)

// Kit is what the suite needs to know about a runtime and a language.
type Kit struct {
	// Runtime makes a runtime. The suite closes it.
	Runtime func(t testing.TB) host.Runtime

	// Contract returns the artefact of a contract, by its name in the package comment. It
	// may build it; it is called once for each name and test.
	Contract func(t testing.TB, name string) []byte

	// Pointers says that contracts pass pointers, so the cases of bad ones apply.
	Pointers bool

	// Raw says that the contract uses no SDK, so the cases that no SDK can express apply.
	Raw bool

	// NoRecursion says that the language refuses recursion; recurse may then Trap.
	NoRecursion bool
}

// Run runs the suite, each case as a subtest.
func Run(t *testing.T, kit Kit) {
	t.Run("load", func(t *testing.T) { runLoad(t, kit) })
	t.Run("call", func(t *testing.T) { runCalls(t, kit) })
	t.Run("gas", func(t *testing.T) { runGas(t, kit) })
	t.Run("probe", func(t *testing.T) { runProbe(t, kit) })
	t.Run("behaviour", func(t *testing.T) { runBehaviour(t, kit) })
}
