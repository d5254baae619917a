package worker

import (
	"testing"
	"time"
)

func TestThrottle(t *testing.T) {
	th := throttle{every: time.Second, burst: 3}
	now := time.Unix(1000, 0)
	for i, tt := range []struct {
		pass time.Duration // before it
		n    int
		want time.Duration
	}{
		{0, 1, 0}, {0, 1, 0}, {0, 1, 0}, // the burst
		{0, 1, time.Second}, {0, 1, 2 * time.Second},
		{2 * time.Second, 1, time.Second},
		{time.Second, 10, 10 * time.Second}, // a failed start
		{time.Minute, 3, 0},                 // all forgotten, and no more than the burst is saved
		{0, 1, time.Second},
	} {
		now = now.Add(tt.pass)
		if got := th.delay(now, tt.n); got != tt.want {
			t.Errorf("%d: delay(%d) = %v, want %v", i, tt.n, got, tt.want)
		}
	}
}
