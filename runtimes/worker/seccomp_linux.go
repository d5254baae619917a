//go:build amd64 || arm64

package worker

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// allowed are the system calls that the Go runtime makes while it computes, collects,
// starts threads, reads and writes pipes, and dies. Nothing in them names a file, a
// socket or another process.
var allowed = []uint32{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_CLOSE, unix.SYS_FUTEX, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP,
	unix.SYS_SCHED_YIELD, unix.SYS_MADVISE, unix.SYS_MUNMAP, unix.SYS_MREMAP, unix.SYS_BRK, unix.SYS_MINCORE,
	unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY, unix.SYS_CLOCK_GETRES,
	unix.SYS_RT_SIGRETURN, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGACTION, unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL,
	unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_GETRANDOM, unix.SYS_SCHED_GETAFFINITY,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ,
}

// allowedFiles are those of a role that may use files, beside what landlock lets it reach.
var allowedFiles = []uint32{
	unix.SYS_OPENAT, unix.SYS_FSTAT, fstatat, unix.SYS_STATX, unix.SYS_LSEEK, unix.SYS_PREAD64, unix.SYS_PWRITE64,
	unix.SYS_FTRUNCATE, unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_UNLINKAT, unix.SYS_MKDIRAT,
	unix.SYS_GETDENTS64, unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FLOCK, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2,
	unix.SYS_READLINKAT, unix.SYS_GETCWD,
}

// The kernel's struct seccomp_data: offsets of what the filter looks at.
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16 // six of 8 bytes, little-endian on the machines here
)

// program assembles a filter. Jumps go no further than the next few instructions.
type program []unix.SockFilter

func (p *program) op(code uint16, k uint32, yes, no uint8) {
	*p = append(*p, unix.SockFilter{Code: code, K: k, Jt: yes, Jf: no})
}

func (p *program) load(offset uint32) { p.op(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offset, 0, 0) }

func (p *program) loadArg(n uint32) { p.load(offArgs + 8*n) } // the low half: what is tested here has 32 bits

func (p *program) end(action uint32) { p.op(unix.BPF_RET|unix.BPF_K, action, 0, 0) }

// onCall ends the filter for one system call with an action; then comes the next.
func (p *program) onCall(number uint32, action uint32) {
	p.op(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, number, 0, 1)
	p.end(action)
}

// onCallIf ends the filter for one system call: allowed if an argument passes a test.
func (p *program) onCallIf(number, arg uint32, test uint16, k uint32) {
	p.op(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, number, 0, 4)
	p.loadArg(arg)
	p.op(unix.BPF_JMP|test|unix.BPF_K, k, 0, 1)
	p.end(unix.SECCOMP_RET_ALLOW)
	p.end(refuse)
}

// onCallUnless is onCallIf with the test the other way round.
func (p *program) onCallUnless(number, arg uint32, test uint16, k uint32) {
	p.op(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, number, 0, 4)
	p.loadArg(arg)
	p.op(unix.BPF_JMP|test|unix.BPF_K, k, 1, 0)
	p.end(unix.SECCOMP_RET_ALLOW)
	p.end(refuse)
}

const (
	refuse  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	unknown = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// filter is the program for a role, in a process of that id.
func filter(role Role, pid int) []unix.SockFilter {
	var p program
	// Another machine's system calls have other numbers: on amd64 those of i386 (by the
	// architecture) and of x32 (by a bit in the number).
	p.load(offArch)
	p.op(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, auditArch, 1, 0)
	p.end(unix.SECCOMP_RET_KILL_PROCESS)
	p.load(offNumber)
	p.op(unix.BPF_JMP|unix.BPF_JGE|unix.BPF_K, 1<<30, 0, 1)
	p.end(unix.SECCOMP_RET_KILL_PROCESS)
	for _, n := range allowed {
		p.onCall(n, unix.SECCOMP_RET_ALLOW)
	}
	// Threads, never processes. glibc tries clone3 first, whose flags a filter can not see.
	p.onCallIf(unix.SYS_CLONE, 0, unix.BPF_JSET, unix.CLONE_THREAD)
	p.onCall(unix.SYS_CLONE3, unknown)
	// Signals to threads of its own: the Go runtime interrupts goroutines with them.
	p.onCallIf(unix.SYS_TGKILL, 0, unix.BPF_JEQ, uint32(pid))
	if role.Files {
		p.onCallUnless(unix.SYS_FCNTL, 1, unix.BPF_JEQ, unix.F_SETOWN) // which would signal others
		for _, n := range allowedFiles {
			p.onCall(n, unix.SECCOMP_RET_ALLOW)
		}
	} else {
		p.onCallIf(unix.SYS_FCNTL, 1, unix.BPF_JEQ, unix.F_GETFL)
	}
	if role.Code {
		p.onCall(unix.SYS_MMAP, unix.SECCOMP_RET_ALLOW)
		p.onCall(unix.SYS_MPROTECT, unix.SECCOMP_RET_ALLOW)
	} else {
		p.onCallUnless(unix.SYS_MMAP, 2, unix.BPF_JSET, unix.PROT_EXEC)
		p.onCallUnless(unix.SYS_MPROTECT, 2, unix.BPF_JSET, unix.PROT_EXEC)
	}
	p.end(refuse)
	return p
}

// filterSyscalls lets all threads of this process make only the system calls of the
// filter, for good.
func filterSyscalls(role Role) error {
	list := filter(role, os.Getpid())
	prog := unix.SockFprog{Len: uint16(len(list)), Filter: &list[0]}
	r, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	switch {
	case errno != 0:
		return fmt.Errorf("the kernel does not take a filter: %w", errno)
	case r != 0:
		return fmt.Errorf("thread %d does not take the filter", r)
	}
	return nil
}
