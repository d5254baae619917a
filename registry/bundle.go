package registry

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/kalima-chain/kalima/abi"
)

// Limits of a bundle, in bytes.
const (
	MaxArtefact  = 6 << 20  // a Go contract that prints, sorts and parses JSON has 3.6 MiB; a bundle is one blob of 8 MiB
	MaxHeader    = 16 << 10 // a full manifest with every list at its limit has 12 KiB
	MaxToolchain = 256
	MaxBundle    = prefix + MaxHeader + MaxArtefact + MaxArchive
)

const (
	magic  = "KALIMAB1"
	prefix = len(magic) + 3*4
)

// Header is the first part of a bundle.
type Header struct {
	Manifest  Manifest `json:"manifest"`
	Toolchain string   `json:"toolchain"` // tools and versions that made the artefact; empty for JavaScript and Starlark
}

// Bundle is a version of a contract as it is reviewed: what runs, what it was made from,
// and what it may do.
type Bundle struct {
	Header
	Artefact []byte // WASM module, or JavaScript or Starlark source
	Source   []byte // made by Archive; holds the manifest and everything the artefact was built from
}

// DigestMismatch says that bytes are not the ones that were asked for.
type DigestMismatch struct {
	Want, Got abi.Digest
}

func (e *DigestMismatch) Error() string {
	return fmt.Sprintf("bundle has digest %s, want %s", e.Got, e.Want)
}

// DigestOf returns the digest that names a bundle, an artefact or an archive.
func DigestOf(b []byte) abi.Digest { return sha256.Sum256(b) }

// Encode returns the bundle's one canonical form. It refuses a bundle that Open would
// refuse.
func (b *Bundle) Encode() ([]byte, error) {
	header, err := json.Marshal(b.Header)
	if err != nil {
		return nil, fmt.Errorf("encode bundle: %w", err)
	}
	if err := b.check(header); err != nil {
		return nil, fmt.Errorf("encode bundle: %w", err)
	}
	out := make([]byte, 0, prefix+len(header)+len(b.Artefact)+len(b.Source))
	out = append(out, magic...)
	for _, part := range [][]byte{header, b.Artefact, b.Source} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(part)))
	}
	out = append(out, header...)
	out = append(out, b.Artefact...)
	return append(out, b.Source...), nil
}

// Open is the one loader of bundles: it verifies the digest, then decodes strictly. The
// error is a *DigestMismatch when the bytes are others than want names. The bundle shares
// memory with encoded, which the caller may not change afterwards.
func Open(encoded []byte, want abi.Digest) (*Bundle, error) {
	if len(encoded) > MaxBundle {
		return nil, fmt.Errorf("open bundle: %d bytes, at most %d", len(encoded), MaxBundle)
	}
	if got := DigestOf(encoded); got != want {
		return nil, &DigestMismatch{Want: want, Got: got}
	}
	b, err := decode(encoded)
	if err != nil {
		return nil, fmt.Errorf("open bundle %s: %w", want.Short(), err)
	}
	return b, nil
}

func decode(encoded []byte) (*Bundle, error) {
	if len(encoded) < prefix || string(encoded[:len(magic)]) != magic {
		return nil, fmt.Errorf("does not begin with %s: not a bundle", magic)
	}
	var lengths [3]uint64
	total := uint64(prefix)
	for i := range lengths {
		lengths[i] = uint64(binary.BigEndian.Uint32(encoded[len(magic)+4*i:]))
		total += lengths[i]
	}
	if total != uint64(len(encoded)) {
		return nil, fmt.Errorf("%d bytes, but its parts say %d", len(encoded), total)
	}
	header, rest := encoded[prefix:prefix+int(lengths[0])], encoded[prefix+int(lengths[0]):]
	b := &Bundle{Artefact: rest[:lengths[1]:lengths[1]], Source: rest[lengths[1]:]}
	if len(header) > MaxHeader {
		return nil, fmt.Errorf("header of %d bytes, at most %d", len(header), MaxHeader)
	}
	if err := decodeJSON(header, &b.Header); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	again, err := json.Marshal(b.Header)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if !bytes.Equal(again, header) {
		return nil, errors.New("header is not in canonical form")
	}
	return b, b.check(header)
}

// check holds the rules that both directions share.
func (b *Bundle) check(header []byte) error {
	if len(header) > MaxHeader {
		return fmt.Errorf("header of %d bytes, at most %d", len(header), MaxHeader)
	}
	if err := b.Manifest.Validate(); err != nil {
		return err
	}
	if len(b.Toolchain) > MaxToolchain {
		return fmt.Errorf("toolchain of %d bytes, at most %d", len(b.Toolchain), MaxToolchain)
	}
	if err := checkText("toolchain", b.Toolchain); err != nil {
		return err
	}
	if len(b.Artefact) == 0 || len(b.Artefact) > MaxArtefact {
		return fmt.Errorf("artefact of %d bytes, want 1 to %d", len(b.Artefact), MaxArtefact)
	}
	files, err := Unarchive(b.Source)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Path == ManifestFile {
			return b.checkManifest(f.Data)
		}
	}
	return fmt.Errorf("source archive has no %s", ManifestFile)
}

// checkManifest makes sure that the manifest people read in the source is the one in force.
func (b *Bundle) checkManifest(text []byte) error {
	m, err := ParseManifest(text)
	if err != nil {
		return err
	}
	want, err := json.Marshal(b.Manifest)
	if err != nil {
		return err
	}
	if got, err := json.Marshal(m); err != nil || !bytes.Equal(got, want) {
		return fmt.Errorf("%s in the source says other things than the header", ManifestFile)
	}
	return nil
}

// Publish returns the body of contract.publish for the bundle and its encoded form.
func (b *Bundle) Publish(encoded []byte) Publish {
	return Publish{
		Claims: b.Manifest.claims(), Bundle: DigestOf(encoded), Artefact: DigestOf(b.Artefact),
		Source: DigestOf(b.Source), Size: len(encoded),
	}
}

// decodeJSON reads exactly one JSON value with known keys only.
func decodeJSON(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("read JSON: more than one value")
	}
	return nil
}
