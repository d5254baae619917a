package wasm

import (
	"crypto/sha256"

	"github.com/kalima-chain/kalima/abi"
)

// CodeKey is the name in the cache of the code of an artefact, metered.
func CodeKey(r *Runtime, artefact, metered []byte) abi.Digest {
	return r.compiler.key(sha256.Sum256(artefact), metered)
}
