//go:build !linux

package wasm

import "github.com/tetratelabs/wazero/experimental"

// linear is not used where memory is copied back.
type linear struct{}

func newLinear(uint32, uint64) (*linear, error) { return nil, nil }

func (*linear) Allocate(_, _ uint64) experimental.LinearMemory { return nil }
func (*linear) Free()                                          {}
func (*linear) show(*imageFile) error                          { return nil }
func (*linear) reset() bool                                    { return false }

// imageFile is not used either.
type imageFile struct{}

func newImageFile([]byte) (*imageFile, error) { return nil, nil }
func (*imageFile) close() error               { return nil }
