package toolchain

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/kalima-chain/kalima/registry"
)

// Symbols returns the artefact of a bundle with the names of functions and the lines of the
// source: it builds the bundle's own source again, and makes sure that the code is the same.
// What is run in its place ends in the same way, with the same gas. A script is its own source.
func Symbols(ctx context.Context, b *registry.Bundle, log io.Writer) ([]byte, error) {
	if b.Manifest.Language.Runtime() != "wasm" {
		return b.Artefact, nil
	}
	p, err := FromBundle(b)
	if err != nil {
		return nil, err
	}
	debug, err := BuildDebug(ctx, p, nil, log)
	if err != nil {
		return nil, err
	}
	if !sameCode(b.Artefact, debug.Artefact) {
		return nil, fmt.Errorf("%s %s: its source does not build to its artefact here: it was built with %s, here is %s",
			b.Manifest.Name, b.Manifest.Version, b.Toolchain, debug.Toolchain)
	}
	return debug.Artefact, nil
}

// sameCode reports whether two modules are the same but for custom sections.
func sameCode(a, b []byte) bool {
	x, okX := withoutCustom(a)
	y, okY := withoutCustom(b)
	return okX && okY && bytes.Equal(x, y)
}

// withoutCustom returns a module without its custom sections; false when it is none.
func withoutCustom(module []byte) ([]byte, bool) {
	const header = 8 // magic and version
	if len(module) < header {
		return nil, false
	}
	out := append([]byte(nil), module[:header]...)
	for b := module[header:]; len(b) > 0; {
		size, n := binary.Uvarint(b[1:])
		if n <= 0 || uint64(len(b)-1-n) < size {
			return nil, false
		}
		end := 1 + n + int(size)
		if b[0] != 0 {
			out = append(out, b[:end]...)
		}
		b = b[end:]
	}
	return out, true
}
