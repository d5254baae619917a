//go:build !linux && !darwin

package consensus

import (
	"os"
	"path/filepath"
)

// lock opens the file; that raft-wal's own database is locked has to do here.
func lock(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, "LOCK"), os.O_CREATE|os.O_RDWR, 0o600)
}
