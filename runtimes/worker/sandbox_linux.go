package worker

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	maxStack = 64 << 20 // bytes of a goroutine's stack, far beyond what an engine's own limits allow
	osStack  = 8 << 20  // bytes of a thread's own stack
	cpuTime  = 3600     // seconds, against a worker whose parent is gone; a parent replaces it long before
	maxFile  = 1 << 30  // bytes of a file, for roles that may write any
	files    = 16       // three pipes, the Go runtime's poller, and what it may need for a moment
)

// restrict takes from this process what a contract has no use for. What a kernel does not
// have is reported as missing; an error is what should have worked.
func restrict(role Role, t Task) (sandbox, error) {
	runtime.LockOSThread() // what is set for one thread goes to all with the filter
	defer runtime.UnlockOSThread()
	var s sandbox
	victim := os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	dir, err := openDir(role, t)
	if err != nil {
		return nil, err
	}
	tune(t.Memory)
	closeOthers(dir)
	if err := limit(role, t); err != nil {
		return nil, err
	}
	s.note(pieceLimits, nil)
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("give up new privileges: %w", err)
	}
	s.note(piecePrivs, nil)
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("close it to debuggers: %w", err)
	}
	s.note(pieceHidden, nil)
	landlock(&s, dir)
	if dir >= 0 {
		_ = unix.Close(dir)
	}
	s.note(pieceSyscalls, filterSyscalls(role))
	s.note(pieceParent, nil)
	s.note(pieceVictim, victim)
	return s, nil
}

// limit sets the limits of the kernel on this process.
func limit(role Role, t Task) error {
	list := []struct {
		name  string
		which int
		value uint64
	}{
		{"memory", unix.RLIMIT_DATA, t.Memory},
		{"stack", unix.RLIMIT_STACK, osStack},
		{"locked memory", unix.RLIMIT_MEMLOCK, 0},
		{"core dumps", unix.RLIMIT_CORE, 0},
		{"file size", unix.RLIMIT_FSIZE, 0},
		{"message queues", unix.RLIMIT_MSGQUEUE, 0},
		{"open files", unix.RLIMIT_NOFILE, files},
		{"processor time", unix.RLIMIT_CPU, cpuTime},
	}
	for _, l := range list {
		switch {
		case raced && l.which == unix.RLIMIT_DATA:
			continue
		case role.Files && l.which == unix.RLIMIT_FSIZE:
			l.value = maxFile
		}
		if err := unix.Setrlimit(l.which, &unix.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("limit %s to %d: %w", l.name, l.value, err)
		}
	}
	return nil
}

// closeOthers closes what descriptors there are beside the pipes and dir: those that the
// parent was itself started with and passed on, and the files of the control group that
// the Go runtime keeps open to follow the number of processors, which is fixed here. The
// poller's stay: they are of no file type.
func closeOthers(dir int) {
	var open []int
	if list, err := os.ReadDir("/proc/self/fd"); err == nil {
		for _, e := range list {
			if fd, err := strconv.Atoi(e.Name()); err == nil {
				open = append(open, fd)
			}
		}
	} else {
		for fd := range 1024 {
			open = append(open, fd)
		}
	}
	for _, fd := range open {
		var st unix.Stat_t
		if fd > 2 && fd != dir && unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT != 0 {
			_ = unix.Close(fd)
		}
	}
}

// openDir opens the one directory that a role may use, -1 when it may use none.
func openDir(role Role, t Task) (int, error) {
	if !role.Files {
		return -1, nil
	}
	fd, err := unix.Open(t.Dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open directory %s: %w", t.Dir, err)
	}
	return fd, nil
}

// tune sets up the Go runtime.
func tune(memory uint64) {
	debug.SetMaxStack(maxStack)
	debug.SetMemoryLimit(int64(memory / 2))
	debug.SetGCPercent(400)
	runtime.GOMAXPROCS(2) // the contract and the collector
}
