//go:build unix

package devnet

import (
	"os"
	"syscall"
)

// lockFile locks a file until it is closed. It fails at once when another process has it.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
