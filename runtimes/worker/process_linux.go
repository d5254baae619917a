package worker

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// attributes makes the kernel end the child with its parent, and puts it into a session of its
// own, where no terminal reaches it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
}

// resident returns the bytes of memory a process has in use, 0 when that is not known.
func resident(pid int) uint64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	words := strings.Fields(string(b))
	if len(words) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(words[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// pipe makes a pipe whose reads and writes block a thread and that the poller never sees: a
// frame then wakes one thread, the one that waits for it.
func pipe() (r, w *os.File, err error) {
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "worker's pipe"), os.NewFile(uintptr(fds[1]), "worker's pipe"), nil
}
