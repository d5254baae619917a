package abi

import (
	"encoding/hex"
	"fmt"
)

// String returns the identity as 64 hexadecimal digits.
func (id Identity) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first 8 hexadecimal digits, for tables.
func (id Identity) Short() string { return hex.EncodeToString(id[:4]) }

// ParseIdentity reads 64 hexadecimal digits.
func ParseIdentity(s string) (id Identity, err error) {
	err = parseHex32(id[:], s)
	if err != nil {
		return Identity{}, fmt.Errorf("identity %s: %w", quoteShort(s), err)
	}
	return id, nil
}

// MarshalText makes identities readable in JSON.
func (id Identity) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is the reverse of MarshalText.
func (id *Identity) UnmarshalText(b []byte) (err error) {
	*id, err = ParseIdentity(string(b))
	return err
}

// String returns the digest as 64 hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Short returns the first 12 hexadecimal digits, for tables.
func (d Digest) Short() string { return hex.EncodeToString(d[:6]) }

// ParseDigest reads 64 hexadecimal digits.
func ParseDigest(s string) (d Digest, err error) {
	err = parseHex32(d[:], s)
	if err != nil {
		return Digest{}, fmt.Errorf("digest %s: %w", quoteShort(s), err)
	}
	return d, nil
}

// MarshalText makes digests readable in JSON.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is the reverse of MarshalText.
func (d *Digest) UnmarshalText(b []byte) (err error) { *d, err = ParseDigest(string(b)); return err }

func parseHex32(dst []byte, s string) error {
	if len(s) != 64 {
		return fmt.Errorf("%d characters, want 64 hexadecimal digits", len(s))
	}
	if _, err := hex.Decode(dst, []byte(s)); err != nil {
		return fmt.Errorf("not hexadecimal")
	}
	return nil
}
