package worker

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

const (
	maxStack = 64 << 20 // bytes of native stack, far beyond what an engine's own limits allow
	cpuTime  = 3600     // seconds, against a worker whose parent is gone; a parent replaces it long before
	maxFile  = 1 << 30  // bytes of a file, for roles that may write any
	files    = 16       // the pipes, and what the Go runtime opens for itself
)

// restrict takes from this process what a contract has no use for.
func restrict(role Role, t Task) error {
	for _, l := range []struct {
		name  string
		which int
		value uint64
	}{
		{"memory", syscall.RLIMIT_DATA, t.Memory},
		{"core dumps", syscall.RLIMIT_CORE, 0},
		{"file size", syscall.RLIMIT_FSIZE, 0},
		{"open files", syscall.RLIMIT_NOFILE, files},
		{"processor time", syscall.RLIMIT_CPU, cpuTime},
	} {
		if role.Files && l.which == syscall.RLIMIT_FSIZE {
			l.value = maxFile
		}
		if raced && l.which == syscall.RLIMIT_DATA {
			continue
		}
		if err := syscall.Setrlimit(l.which, &syscall.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("limit %s to %d: %w", l.name, l.value, err)
		}
	}
	tune(t.Memory)
	return nil
}

// tune sets up the Go runtime.
func tune(memory uint64) {
	debug.SetMaxStack(maxStack)
	debug.SetMemoryLimit(int64(memory / 2))
	debug.SetGCPercent(400)
	runtime.GOMAXPROCS(2) // the contract and the collector
}

// attributes makes the kernel end the child with its parent.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// keepDescriptors sees to it that no descriptor which this process was itself started with
// goes on to a worker. Those that Go opens do not.
func keepDescriptors() {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return // no /proc: then only what the program was started with is at stake
	}
	for _, e := range list {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
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
