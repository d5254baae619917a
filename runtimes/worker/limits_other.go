//go:build !linux

package worker

import (
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
)

const maxStack = 64 << 20 // bytes of native stack

// restrict sets up the Go runtime; limits of the operating system are set on Linux only.
func restrict(_ Role, t Task) error {
	debug.SetMaxStack(maxStack)
	debug.SetMemoryLimit(int64(t.Memory / 2))
	debug.SetGCPercent(400)
	runtime.GOMAXPROCS(2)
	return nil
}

func attributes() *syscall.SysProcAttr { return nil }

func keepDescriptors() {}

func resident(int) uint64 { return 0 }

func pipe() (r, w *os.File, err error) { return os.Pipe() }
