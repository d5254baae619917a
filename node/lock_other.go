//go:build !unix

package node

import (
	"fmt"
	"os"
)

// lock takes a folder for this process. Without flock a crash leaves the file behind, and
// the operator has to remove it.
func lock(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if os.IsExist(err) {
		return nil, fmt.Errorf("%s: %w", path, ErrInUse)
	}
	if err != nil {
		return nil, err
	}
	f.Close()
	return func() error { return os.Remove(path) }, nil
}
