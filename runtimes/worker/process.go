package worker

import (
	"bufio"
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

// process is a running worker, used by one goroutine at a time.
type process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	stderr  *tail
	modules map[abi.Digest]bool
	calls   int
	ended   bool
}

// helloTime bounds the start of a worker, on a machine under any load.
const helloTime = 30 * time.Second

// spawner starts every worker from one thread that lives as long as the program: the
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

func start(ctx context.Context, engine string, memory uint64) (*process, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	p := &process{cmd: exec.Command(path), stderr: &tail{}, modules: map[abi.Digest]bool{}}
	p.cmd.Env = []string{fmt.Sprintf("%s=%s:%d", envWorker, engine, memory)}
	p.cmd.Dir = string(os.PathSeparator)
	p.cmd.Stderr = p.stderr
	p.cmd.SysProcAttr = attributes()
	p.in, err = p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	p.out = bufio.NewReaderSize(out, 32<<10)
	done := make(chan error)
	spawner() <- func() {
		keepDescriptors()
		done <- p.cmd.Start()
	}
	if err := <-done; err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, helloTime)
	defer cancel()
	defer context.AfterFunc(ctx, p.kill)()
	kind, f, err := receive(p.out)
	if err == nil && (kind != kindHello || f.num() != protocol || f.done() != nil) {
		err = fmt.Errorf("%w: no hello", errFrame)
	}
	if err != nil {
		p.end()
		return nil, fmt.Errorf("start a worker: %w: %s", errors.Join(err, ctx.Err()), p.stderr.text())
	}
	return p, nil
}

// kill ends the process; a read that waits for it returns.
func (p *process) kill() { _ = p.cmd.Process.Kill() }

// end kills the process and waits until it is gone. Its last words are then complete.
func (p *process) end() {
	if !p.ended {
		p.ended = true
		p.kill()
		_ = p.in.Close()
		_ = p.cmd.Wait() // how it ended is read from its last words
	}
}

// ask sends a frame and reads the next.
func (p *process) ask(f frame) (byte, *fields, error) {
	if err := f.send(p.in); err != nil {
		return 0, nil, err
	}
	return receive(p.out)
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
	case has("out of memory"), has("cannot allocate memory"), has("can't allocate"):
		return abi.OutOfMemory, "the contract's process ran out of memory"
	case has("stack exceeds"), has("stack overflow"):
		return abi.StackOverflow, "the contract used up the native stack"
	}
	return abi.Crashed, "the contract's process died"
}
