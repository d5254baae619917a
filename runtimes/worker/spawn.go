package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/kalima-chain/kalima/abi"
)

// ChildConfig says what child to start.
type ChildConfig struct {
	Role   string // one that RunIfWorker was given; required
	Memory uint64 // bytes of data it may have in all; 0 means 384 MiB. At least 128 MiB
	Dir    string // absolute path of the directory it may use, when its Role has Files
}

// Child is a running child, restricted as its role says. Read and Write may be called by
// one goroutine each; Close by any.
type Child struct {
	cmd     *exec.Cmd
	in, out *os.File
	stderr  *tail
	pieces  []Piece
	forget  func() bool // stops watching the context
	once    sync.Once
}

// helloTime bounds the start of a worker, on a machine under any load.
const helloTime = 30 * time.Second

// spawner starts every child from one thread that lives as long as the program: the
// kernel ends a child when the thread that started it ends.
var spawner = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// Start starts a child in a role and waits until its restrictions are in force. The child
// is killed when ctx ends, whatever it does; the caller must call Close in any case.
// An error is this node's.
func Start(ctx context.Context, cfg ChildConfig) (*Child, error) {
	c, err := begin(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c.forget = context.AfterFunc(ctx, c.kill)
	return c, nil
}

// begin starts a child that outlives ctx.
func begin(ctx context.Context, cfg ChildConfig) (*Child, error) {
	began := time.Now()
	c, err := launch(cfg)
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, helloTime)
	defer cancel()
	stop := context.AfterFunc(ctx, c.kill)
	kind, b, err := receive(c.out, nil)
	if err == nil {
		c.pieces, err = hello(kind, b)
	}
	if !stop() && err == nil {
		err = context.Cause(ctx) // too late: it is being killed
	}
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("gave up after %s: %w", time.Since(began).Round(time.Millisecond), ctx.Err())
	case errors.Is(err, io.EOF):
		err = errors.New("it ended before it was ready")
	}
	if err != nil {
		_ = c.Close() // what went wrong is in err and in the last words
		if words := strings.TrimSpace(clipDetail(c.stderr.text())); words != "" {
			err = fmt.Errorf("%w: it says %q", err, words)
		}
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	return c, nil
}

// hello reads a child's first frame.
func hello(kind byte, b []byte) ([]Piece, error) {
	f := &fields{b: b}
	if version := f.num(); kind != kindHello || version != protocol {
		return nil, fmt.Errorf("%w: no hello of protocol %d", errFrame, protocol)
	}
	pieces := f.pieces()
	return pieces, f.done()
}

func launch(cfg ChildConfig) (*Child, error) {
	if cfg.Memory == 0 {
		cfg.Memory = defaultMemory
	}
	role, err := findRole(cfg.Role)
	switch {
	case err != nil:
		return nil, err
	case cfg.Memory < leastMemory:
		return nil, fmt.Errorf("%d bytes of memory, at least %d", cfg.Memory, leastMemory)
	case role.Files && cfg.Dir == "":
		return nil, fmt.Errorf("role %s needs a directory", cfg.Role)
	}
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	inRead, inWrite, err := pipe()
	if err != nil {
		return nil, err
	}
	outRead, outWrite, err := pipe()
	if err != nil {
		return nil, errors.Join(err, inRead.Close(), inWrite.Close())
	}
	c := &Child{cmd: exec.Command(path), in: inWrite, out: outRead, stderr: &tail{}, forget: func() bool { return true }}
	c.cmd.Env = []string{fmt.Sprintf("%s=%s:%d:%s", envWorker, cfg.Role, cfg.Memory, cfg.Dir)}
	c.cmd.Dir = string(os.PathSeparator)
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = inRead, outWrite, c.stderr
	c.cmd.WaitDelay = time.Second // for its last words
	c.cmd.SysProcAttr = attributes()
	done := make(chan error)
	spawner() <- func() { done <- c.cmd.Start() }
	err = <-done
	err = errors.Join(err, inRead.Close(), outWrite.Close())
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// Write sends bytes to the child's Task.In. It blocks while the pipe is full; it returns
// an error when the child is gone.
func (c *Child) Write(b []byte) (int, error) { return c.in.Write(b) }

// Read reads what the child wrote to Task.Out, io.EOF when it is gone.
func (c *Child) Read(b []byte) (int, error) { return c.out.Read(b) }

// CloseWrite ends the child's Task.In.
func (c *Child) CloseWrite() error { return c.in.Close() }

func (c *Child) kill() {
	if c.cmd.Process != nil {
		_ = c.cmd.Process.Kill() // it may be gone already
	}
}

// Close kills the child if it still runs and waits until it is gone. It may be called
// again. How the child ended is asked with Died.
func (c *Child) Close() error {
	c.once.Do(func() {
		c.forget()
		c.kill()
		if c.cmd.Process != nil {
			_ = c.cmd.Wait() // how it ended is read from its last words
		}
		_ = c.in.Close()
		_ = c.out.Close()
	})
	return nil
}

// Died tells what the child died of, as far as the Go runtime said it: OutOfMemory,
// StackOverflow or Crashed. reason is for outcomes, detail for people. Call it after Close.
func (c *Child) Died() (code abi.Code, reason, detail string) {
	code, reason = c.stderr.verdict()
	return code, reason, clipDetail(c.stderr.text())
}

// tail keeps the beginning of what a worker says on its way out: the Go runtime names the
// cause first, and the stacks follow.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const maxTail = 8 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b[:min(len(b), maxTail-len(t.b))]...)
	return len(b), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(t.b), "?")
}

// verdict says what a worker died of.
func (t *tail) verdict() (abi.Code, string) {
	text := t.text()
	has := func(s string) bool { return strings.Contains(text, s) }
	switch {
	case has("out of memory"), has("cannot allocate memory"), has("can't allocate"),
		has("pthread_create failed"), has("failed to create new OS thread"): // no room for a stack
		return abi.OutOfMemory, "the contract's process ran out of memory"
	case has("stack exceeds"), has("stack overflow"):
		return abi.StackOverflow, "the contract used up the native stack"
	}
	return abi.Crashed, "the contract's process died"
}
