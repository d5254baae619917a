package worker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/kalima-chain/kalima/runtimes/worker"
)

// attempts is what a child tries. All of it must fail.
var attempts = []struct {
	name string
	do   func() error
}{
	{"open a file", func() error { return opens("/etc/passwd", os.O_RDONLY) }},
	{"open its binary", func() error { return opens("/proc/self/exe", os.O_RDONLY) }},
	{"open a device", func() error { return opens("/dev/null", os.O_RDWR) }},
	{"create a file", func() error { return opens(filepath.Join(os.TempDir(), "kalima-worker-test"), os.O_CREATE|os.O_WRONLY) }},
	{"look at the node's processes", func() error { _, err := os.ReadFile("/proc/1/status"); return err }},
	{"look at itself", func() error { _, err := os.ReadFile("/proc/self/maps"); return err }},
	{"list a directory", func() error { _, err := os.ReadDir("/"); return err }},
	{"stat", func() error { _, err := os.Stat("/etc/passwd"); return err }},
	{"remove", func() error { return os.Remove(filepath.Join(os.TempDir(), "kalima-no-such-file")) }},
	{"run a program", func() error { return exec.Command("/bin/true").Run() }},
	{"become a program", func() error { return unix.Exec("/bin/true", []string{"true"}, nil) }},
	{"fork", func() error { return call(unix.SYS_CLONE, uintptr(unix.SIGCHLD)) }},
	{"fork by clone3", func() error { return call(unix.SYS_CLONE3) }},
	{"dial", func() error { _, err := net.Dial("tcp", "127.0.0.1:1"); return err }},
	{"listen", func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err }},
	{"unix socket", func() error { return call(unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_STREAM) }},
	{"pair of sockets", func() error { return call(unix.SYS_SOCKETPAIR, unix.AF_UNIX, unix.SOCK_STREAM) }},
	{"netlink", func() error { return call(unix.SYS_SOCKET, unix.AF_NETLINK, unix.SOCK_RAW) }},
	{"connect a pipe", func() error { return call(unix.SYS_CONNECT, 0) }},
	{"signal the node", func() error { return unix.Kill(os.Getppid(), 0) }},
	{"end the node", func() error { return unix.Kill(os.Getppid(), unix.SIGURG) }},
	{"signal a thread of the node", func() error { return unix.Tgkill(os.Getppid(), os.Getppid(), unix.SIGURG) }},
	{"signal everybody", func() error { return unix.Kill(-1, 0) }},
	{"trace", func() error { return call(unix.SYS_PTRACE, unix.PTRACE_TRACEME) }},
	{"read the node's memory", func() error { return call(unix.SYS_PROCESS_VM_READV, uintptr(os.Getppid())) }},
	{"write the node's memory", func() error { return call(unix.SYS_PROCESS_VM_WRITEV, uintptr(os.Getppid())) }},
	{"mount", func() error { return call(unix.SYS_MOUNT) }},
	{"new namespace", func() error { return call(unix.SYS_UNSHARE, unix.CLONE_NEWUSER) }},
	{"file in memory", func() error { return call(unix.SYS_MEMFD_CREATE, uintptr(unsafe.Pointer(&[]byte("x\x00")[0]))) }},
	{"io_uring", func() error { return call(unix.SYS_IO_URING_SETUP, 1) }},
	{"bpf", func() error { return call(unix.SYS_BPF) }},
	{"userfaultfd", func() error { return call(unix.SYS_USERFAULTFD) }},
	{"perf events", func() error { return call(unix.SYS_PERF_EVENT_OPEN) }},
	{"keyring", func() error { return call(unix.SYS_KEYCTL) }},
	{"open by handle", func() error { return call(unix.SYS_OPEN_BY_HANDLE_AT) }},
	{"descriptors of others", func() error { return call(unix.SYS_PIDFD_OPEN, uintptr(os.Getppid())) }},
	{"shared memory", func() error { return call(unix.SYS_SHMGET, 0, 4096) }},
	{"message queue", func() error { return call(unix.SYS_MQ_OPEN) }},
	{"terminal", func() error { return call(unix.SYS_IOCTL, 0, unix.TIOCSTI) }},
	{"raise a limit", func() error { return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: 64}) }},
	{"open to debuggers", func() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) }},
	{"another user", func() error { return call(unix.SYS_SETUID, 1) }},
	{"another filter", func() error { return call(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER) }},
	{"memory that runs", func() error {
		_, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
		return err
	}},
	{"make memory run", func() error {
		b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
		if err != nil {
			panic(err) // this must work
		}
		return unix.Mprotect(b, unix.PROT_READ|unix.PROT_EXEC)
	}},
}

func opens(path string, flag int) error {
	f, err := os.OpenFile(path, flag, 0o600)
	if err == nil {
		f.Close()
	}
	return err
}

func call(n uintptr, args ...uintptr) error {
	a := append(args, 0, 0, 0, 0, 0, 0)
	if _, _, errno := unix.RawSyscall6(n, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

// insight is what a child found out about itself.
type insight struct {
	Possible []string // attempts that did not fail, or not by being refused
	Open     []int    // descriptors
	Environ  []string
	Args     int
}

// inside is a role that tries the attempts, on several threads, and tells.
var inside = worker.Role{Name: "inside", Run: func(t worker.Task) error {
	var mu sync.Mutex
	var in insight
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			runtime.LockOSThread() // each on a thread of its own
			for _, a := range attempts {
				if err := a.do(); err == nil || !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.ENOSYS) {
					mu.Lock()
					in.Possible = append(in.Possible, fmt.Sprintf("%s: %v", a.name, err))
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for fd := range 1024 {
		if call(unix.SYS_FCNTL, uintptr(fd), unix.F_GETFL) == nil {
			in.Open = append(in.Open, fd)
		}
	}
	in.Environ, in.Args = os.Environ(), len(os.Args)
	if err := json.NewEncoder(t.Out).Encode(in); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, t.In) // until the parent has looked
	return err
}}

func TestSandbox(t *testing.T) {
	// What a careless parent leaves open must not get through either.
	leak, err := unix.Open("/etc/passwd", unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leak)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := worker.Start(ctx, worker.ChildConfig{Role: "inside"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var in insight
	if err := json.NewDecoder(c).Decode(&in); err != nil {
		c.Close()
		_, _, words := c.Died()
		t.Fatalf("read what the child found: %v: %s", err, words)
	}
	for _, p := range in.Possible {
		t.Errorf("inside a worker, %s; want it refused", p)
	}
	if len(in.Environ) > 0 || in.Args != 1 {
		t.Errorf("inside a worker: environment %q and %d arguments, want none and its name", in.Environ, in.Args)
	}
	if len(in.Open) < 3 || in.Open[2] != 2 {
		t.Errorf("descriptors %v, want 0 to 2", in.Open)
	}
	for _, fd := range in.Open {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", c.PID(), fd))
		if err != nil {
			t.Logf("cannot look at descriptor %d from outside: %v", fd, err) // not root
			continue
		}
		own := link == "anon_inode:[eventpoll]" || link == "anon_inode:[eventfd]" // the Go runtime's poller
		if pipe := strings.HasPrefix(link, "pipe:"); fd <= 2 && !pipe || fd > 2 && !own {
			t.Errorf("descriptor %d of a worker is %s, want three pipes, and beyond them only the poller's", fd, link)
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !bytes.Contains(status, []byte(want)) {
			t.Errorf("status of a worker has no %q", want)
		}
	}
	if sid, err := unix.Getsid(c.PID()); err != nil || sid != c.PID() {
		t.Errorf("Getsid(worker) = %d, %v, want its own", sid, err)
	}
	for _, p := range c.Sandbox() {
		if p.Missing != "" {
			t.Logf("%s: missing: %s", p.Name, p.Missing)
		}
	}
}

// library is a role that may use the files of one directory, and make memory run.
var library = worker.Role{Name: "library", Files: true, Code: true, Run: func(t worker.Task) error {
	b, err := os.ReadFile(filepath.Join(t.Dir, "in"))
	if err == nil {
		err = os.WriteFile(filepath.Join(t.Dir, "out.new"), bytes.ToUpper(b), 0o600)
	}
	if err == nil {
		err = os.Rename(filepath.Join(t.Dir, "out.new"), filepath.Join(t.Dir, "out"))
	}
	if err != nil {
		return err
	}
	if _, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE); err != nil {
		return fmt.Errorf("memory that runs: %w", err)
	}
	var possible []string
	for _, a := range []string{"open a file", "open its binary", "create a file", "look at itself", "list a directory", "run a program", "dial", "end the node", "fork"} {
		i := slices.IndexFunc(attempts, func(at struct {
			name string
			do   func() error
		}) bool {
			return at.name == a
		})
		if err := attempts[i].do(); err == nil {
			possible = append(possible, a)
		}
	}
	return json.NewEncoder(t.Out).Encode(possible)
}}

func TestSandboxWithFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := worker.Start(context.Background(), worker.ChildConfig{Role: "library", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var possible []string
	err = json.NewDecoder(c).Decode(&possible)
	c.Close()
	if _, _, words := c.Died(); err != nil {
		t.Fatalf("read what the child found: %v: %s", err, words)
	}
	if out, err := os.ReadFile(filepath.Join(dir, "out")); string(out) != "HELLO" {
		t.Errorf("the child wrote %q, %v, want HELLO", out, err)
	}
	confined := slices.ContainsFunc(c.Sandbox(), func(p worker.Piece) bool { return strings.Contains(p.Name, "no files") && p.Missing == "" })
	if !confined {
		t.Logf("landlock is not in force: files of others can not be kept from a role with files")
		possible = slices.DeleteFunc(possible, func(s string) bool {
			return strings.HasPrefix(s, "open") || strings.HasPrefix(s, "l") || s == "create a file"
		})
	}
	if len(possible) > 0 {
		t.Errorf("a role with files could %s", strings.Join(possible, ", "))
	}
	if _, err := worker.Start(context.Background(), worker.ChildConfig{Role: "library", Dir: filepath.Join(dir, "none")}); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("Start with a directory that does not exist = %v, want an error that names it", err)
	}
}

var linuxRoles = []worker.Role{inside, library}
