//go:build linux || darwin

package ledger

import (
	"os"
	"syscall"
)

// freeBytes returns the bytes that a file in dir can still take.
func freeBytes(dir string) (int64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}

// allocated returns the bytes that a file takes on disk; Badger's logs have holes.
func allocated(fi os.FileInfo) int64 {
	if s, ok := fi.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return fi.Size()
}
