package devnet

import (
	"errors"
	"fmt"
	"os"
)

const probeBytes = 1 << 20

// CheckDisk writes to a folder before a node does: the node maps its files into memory, and
// a full disk would end it without a word.
func CheckDisk(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	f, err := os.CreateTemp(dir, "probe-*")
	if err != nil {
		return fmt.Errorf("write to folder %s: %w", dir, err)
	}
	_, err = f.Write(make([]byte, probeBytes))
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("write to folder %s: %w", dir, err)
	}
	return nil
}
