package transport

import (
	"io"
	"sync"
)

// writer puts frames on a stream. The obvious design, a lock around Write, wakes the
// QUIC connection once for each frame. Here callers only append to a buffer, and one
// goroutine writes whatever has gathered: under load one Write carries many frames.
type writer struct {
	max int // bytes that may wait; a frame longer than that waits alone

	mu    sync.Mutex
	buf   []byte        // frames waiting
	space chan struct{} // not nil when somebody waits for buf to be taken; then closed
	err   error         // why nothing is taken any more
	wake  chan struct{} // holds a token when buf is not empty or err is set
}

func newWriter(max int) *writer { return &writer{max: max, wake: make(chan struct{}, 1)} }

// put queues one frame and returns; it keeps nothing of f. It waits while the buffer
// is full, until cancel is closed; then it returns ErrClosed.
func (w *writer) put(cancel <-chan struct{}, f *frame) error { return w.putAfter(cancel, f, nil) }

// putAfter is put, and calls before, if not nil, when there is space and before the
// frame can reach the peer. before must not use the writer.
func (w *writer) putAfter(cancel <-chan struct{}, f *frame, before func()) error {
	w.mu.Lock()
	for w.err == nil && len(w.buf) > 0 && len(w.buf)+f.size() > w.max {
		if w.space == nil {
			w.space = make(chan struct{})
		}
		space := w.space
		w.mu.Unlock()
		select {
		case <-space:
		case <-cancel:
			return ErrClosed
		}
		w.mu.Lock()
	}
	if w.err != nil {
		defer w.mu.Unlock()
		return w.err
	}
	if before != nil {
		before()
	}
	first := len(w.buf) == 0
	w.buf = appendFrame(w.buf, f)
	w.mu.Unlock()
	if first {
		w.signal()
	}
	return nil
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// end makes put and, after the frames already queued, run return err.
func (w *writer) end(err error) {
	w.mu.Lock()
	if w.err == nil {
		w.err = err
	}
	w.free()
	w.mu.Unlock()
	w.signal()
}

// free wakes those who wait for space. Callers hold mu.
func (w *writer) free() {
	if w.space != nil {
		close(w.space)
		w.space = nil
	}
}

// run writes to dst until end or a failed write, and returns why it stopped.
func (w *writer) run(dst io.Writer) error {
	var spare []byte
	for range w.wake {
		for {
			w.mu.Lock()
			if len(w.buf) == 0 {
				err := w.err
				w.mu.Unlock()
				if err != nil {
					return err
				}
				break
			}
			batch := w.buf
			w.buf = spare[:0]
			w.free()
			w.mu.Unlock()
			if _, err := dst.Write(batch); err != nil {
				w.end(err)
				return err
			}
			if spare = batch; cap(spare) > 2*w.max {
				spare = nil // one long frame must not keep its memory
			}
		}
	}
	return nil
}
