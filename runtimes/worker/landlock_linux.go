package worker

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rules is the kernel's struct landlock_ruleset_attr.
type rules struct{ files, network, scope uint64 }

// below is the kernel's struct landlock_path_beneath_attr, which is packed: 12 bytes.
type below struct {
	allowed uint64
	dir     int32
}

// Accesses to files by the version of landlock that knew them first.
const (
	files1   = 1<<13 - 1 // execute to make-sym
	filesDir = files1 &^ unix.LANDLOCK_ACCESS_FS_EXECUTE
)

// landlock takes away files but those below dir (-1: all), TCP, and signals to processes
// outside, as far as the kernel has that.
func landlock(s *sandbox, dir int) {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		err := fmt.Errorf("the kernel has no landlock: %w", errno)
		s.note(pieceFiles, err)
		s.note(pieceNetwork, err)
		s.note(pieceSignals, err)
		return
	}
	err := confine(int(version), dir)
	since := func(v int) error {
		if err == nil && int(version) < v {
			return fmt.Errorf("the kernel's landlock has version %d, needs %d", version, v)
		}
		return err
	}
	s.note(pieceFiles, since(1))
	s.note(pieceNetwork, since(4))
	s.note(pieceSignals, since(6))
}

func confine(version, dir int) error {
	r, size, allowed := rules{files: files1}, uintptr(8), uint64(filesDir)
	if version >= 2 {
		r.files |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		r.files |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
		allowed |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 4 {
		r.network, size = unix.LANDLOCK_ACCESS_NET_BIND_TCP|unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, 16
	}
	if version >= 5 {
		r.files |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if version >= 6 {
		r.scope, size = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET|unix.LANDLOCK_SCOPE_SIGNAL, 24
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&r)), size, 0)
	if errno != 0 {
		return fmt.Errorf("make landlock's rules: %w", errno)
	}
	defer unix.Close(int(fd))
	if dir >= 0 {
		b := below{allowed: allowed, dir: int32(dir)}
		_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, fd, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&b)), 0, 0, 0)
		if errno != 0 {
			return fmt.Errorf("allow the directory: %w", errno)
		}
	}
	return onAllThreads(fd)
}

// onAllThreads puts landlock's rules on every thread, those of the Go runtime too.
func onAllThreads(fd uintptr) error {
	// Each thread that takes the rules must have given up new privileges.
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	if errno == 0 {
		_, _, errno = syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0)
	} else if errors.Is(errno, unix.ENOTSUP) {
		// With C in the program, Go can not reach all threads; kernels from 7.0 can.
		_, _, errno = unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, unix.LANDLOCK_RESTRICT_SELF_TSYNC, 0)
		if errno != 0 {
			return errors.New("built with cgo: build with CGO_ENABLED=0")
		}
	}
	if errno != 0 {
		return fmt.Errorf("put landlock in force: %w", errno)
	}
	return nil
}
