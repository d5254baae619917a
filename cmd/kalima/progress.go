package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress redraws one line of stderr on a terminal, and is silent elsewhere.
type progress struct {
	w    io.Writer // nil: silent
	app  *app
	line func() string

	mu   sync.Mutex
	last time.Time
	on   bool
}

func newProgress(a *app, line func() string) *progress {
	p := &progress{app: a, line: line}
	if _, _, tty := terminal(a.stderr); tty && !a.quiet {
		p.w = a.stderr
	}
	return p
}

// update redraws the line, ten times a second at most.
func (p *progress) update() {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.draw()
}

func (p *progress) draw() {
	width, _, _ := terminal(p.w)
	s := p.line()
	if len(s) >= width {
		s = s[:max(0, width-1)]
	}
	fmt.Fprint(p.w, "\r\x1b[K"+s)
	p.last, p.on = time.Now(), true
}

// print writes a line of talk above the progress.
func (p *progress) print(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.on {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	p.app.say("%s", s)
}

// stop draws the line a last time and ends it.
func (p *progress) stop() {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw()
	fmt.Fprintln(p.w)
}

// clear takes the line away.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.on {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
