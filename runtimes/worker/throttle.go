package worker

import (
	"context"
	"sync"
	"time"
)

// A contract that crashes its worker costs two starts each time it is called. That many in
// a row start at once; beyond them starts come slowly, so that a crash loop leaves the
// processors to others.
const (
	startBurst  = 64
	startEvery  = 50 * time.Millisecond
	failedStart = 10 // a start that fails counts as that many more
)

// throttle spaces out what happens too often. Safe for concurrent use.
type throttle struct {
	every time.Duration // between two, in the long run
	burst int           // at once

	mu   sync.Mutex
	next time.Time // when all of the burst is there again
}

// delay books one more and returns how long it has to wait.
func (t *throttle) delay(now time.Time, n int) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next.Before(now) {
		t.next = now
	}
	t.next = t.next.Add(time.Duration(n) * t.every)
	return max(t.next.Sub(now)-time.Duration(t.burst)*t.every, 0)
}

// wait books one and waits for its time.
func (t *throttle) wait(ctx context.Context, closed <-chan struct{}) error {
	d := t.delay(time.Now(), 1)
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// spend books n without waiting.
func (t *throttle) spend(n int) { t.delay(time.Now(), n) }
