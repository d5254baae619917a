package devnet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Processes is every node of a chain, each in a process of its own. A node ends when its
// stdin does, so none outlives the process that started it, however that one ends.
type Processes struct {
	children []*child
	failed   chan error
	late     func(name string) // told of each node that had to be ended
}

type child struct {
	name  string
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{} // closed when the process ended
	err   error         // set before done is closed
}

// startPatience bounds the start of a node: replaying a long log takes its time.
const startPatience = 2 * time.Minute

// StartProcesses runs `program args... --dir DIR` for each node and waits until each says
// that it is ready. What nodes say on stderr goes to log/NAME.log in home. late is told of
// each node that did not stop in time. After an error none runs.
func StartProcesses(ctx context.Context, home string, nodes []*Node, program []string, late func(name string)) (*Processes, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Processes{failed: make(chan error, len(nodes)), late: late}
	logs := filepath.Join(home, "log")
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return nil, fmt.Errorf("make folder %s: %w", logs, err)
	}
	var ready sync.WaitGroup
	errs := make([]error, len(nodes))
	for i, n := range nodes {
		c, out, err := spawn(exe, program, n, filepath.Join(logs, n.Name+".log"))
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.children = append(p.children, c)
		ready.Add(1)
		go func() {
			defer ready.Done()
			errs[i] = c.waitReady(ctx, out)
		}()
	}
	ready.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	for _, c := range p.children {
		go func() {
			<-c.done
			p.failed <- fmt.Errorf("%s ended: %w", c.name, orEnded(c.err))
		}()
	}
	return p, nil
}

var errEnded = errors.New("its process stopped by itself")

func orEnded(err error) error {
	if err == nil {
		return errEnded
	}
	return err
}

func spawn(exe string, program []string, n *Node, logPath string) (*child, io.Reader, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open log: %w", err)
	}
	defer log.Close()
	cmd := &exec.Cmd{Path: exe, Args: append(append([]string{}, program...), "--dir", n.Dir), Stderr: log}
	apart(cmd) // Ctrl-C reaches the parent alone, which stops its children in order
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	r, w, err := os.Pipe() // not StdoutPipe: Wait would close it under the reader
	if err != nil {
		return nil, nil, err
	}
	cmd.Stdout = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		return nil, nil, fmt.Errorf("start %s: %w", n.Name, err)
	}
	c := &child{name: n.Name, cmd: cmd, stdin: stdin, done: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		close(c.done)
	}()
	return c, r, nil
}

// waitReady reads a child's stdout until it is ready; what comes later is dropped. A child
// that ends before has said why in its last line.
func (c *child) waitReady(ctx context.Context, out io.Reader) error {
	said := make(chan error, 1)
	go func() {
		s := bufio.NewScanner(io.LimitReader(out, 64<<10))
		last := ""
		for s.Scan() {
			if last = s.Text(); strings.HasPrefix(last, "ready ") {
				said <- nil
				io.Copy(io.Discard, out)
				return
			}
		}
		said <- errors.New(last)
	}()
	t := time.NewTimer(startPatience)
	defer t.Stop()
	select {
	case err := <-said:
		if err != nil {
			return childError(c.name, err.Error())
		}
		return nil
	case <-t.C:
		return fmt.Errorf("%s is not ready after %v", c.name, startPatience)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Failed receives a note whenever a node's process ended by itself.
func (p *Processes) Failed() <-chan error { return p.failed }

// Close asks every node to stop, and ends those that have not within two seconds: a node
// loses nothing by that, it is made to survive a crash.
func (p *Processes) Close() error {
	for _, c := range p.children {
		c.stdin.Close()
	}
	t := time.NewTimer(2 * time.Second)
	defer t.Stop()
	over := false
	for _, c := range p.children {
		if !over {
			select {
			case <-c.done:
				continue
			case <-t.C:
				over = true
			}
		}
		select {
		case <-c.done:
		default:
			p.late(c.name)
			c.cmd.Process.Kill()
			<-c.done
		}
	}
	return nil
}
