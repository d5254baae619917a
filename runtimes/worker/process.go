package worker

import (
	"bufio"
	"context"

	"github.com/kalima-chain/kalima/abi"
)

// process is a running engine, used by one goroutine at a time.
type process struct {
	*Child
	out     *bufio.Reader
	modules map[abi.Digest]bool
	calls   int
	ended   bool
}

// start starts an engine's worker, which lives until end: ctx is for the start alone.
func start(ctx context.Context, engine string, memory uint64) (*process, error) {
	c, err := begin(ctx, ChildConfig{Role: engine, Memory: memory})
	if err != nil {
		return nil, err
	}
	return &process{Child: c, out: bufio.NewReaderSize(c, 32<<10), modules: map[abi.Digest]bool{}}, nil
}

// end kills the process and waits until it is gone. Its last words are then complete.
func (p *process) end() {
	p.ended = true
	_ = p.Close()
}

// ask sends a frame and reads the next.
func (p *process) ask(f frame) (byte, *fields, error) {
	if err := f.send(p); err != nil {
		return 0, nil, err
	}
	return receive(p.out)
}
