//go:build !linux

package worker

import (
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
)

const maxStack = 64 << 20 // bytes of native stack

// restrict sets up the Go runtime. What the operating system would have to do is done on
// Linux only.
func restrict(_ Role, t Task) (sandbox, error) {
	debug.SetMaxStack(maxStack)
	debug.SetMemoryLimit(int64(t.Memory / 2))
	debug.SetGCPercent(400)
	runtime.GOMAXPROCS(2)
	var s sandbox
	for _, name := range []string{pieceLimits, piecePrivs, pieceHidden, pieceFiles, pieceNetwork, pieceSignals, pieceSyscalls, pieceParent, pieceVictim} {
		s.note(name, errors.New("only on Linux"))
	}
	return s, nil
}

func attributes() *syscall.SysProcAttr { return nil }

func resident(int) uint64 { return 0 }

func pipe() (r, w *os.File, err error) { return os.Pipe() }
