// Package stats turns measured durations and counters into the few numbers that people
// read: percentiles and rates.
package stats

import (
	"slices"
	"sync"
	"time"
)

// Percentile returns the smallest of the sorted durations that at least the part p (0 to 1)
// of them does not exceed: the nearest-rank rule, which names a duration that happened.
func Percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(p * float64(len(sorted)))
	if float64(i) == p*float64(len(sorted)) {
		i--
	}
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// Latency is a set of durations. Safe for concurrent use.
type Latency struct {
	mu  sync.Mutex
	all []time.Duration
}

// Add adds a duration.
func (l *Latency) Add(d time.Duration) {
	l.mu.Lock()
	l.all = append(l.all, d)
	l.mu.Unlock()
}

// Sorted returns the durations, shortest first.
func (l *Latency) Sorted() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := slices.Clone(l.all)
	slices.Sort(out)
	return out
}

// Recent keeps the durations of the last minute or so. Safe for concurrent use.
type Recent struct {
	window time.Duration
	mu     sync.Mutex
	all    []sample // oldest first
}

type sample struct {
	at time.Time
	d  time.Duration
}

// maxRecent bounds the samples kept: enough for a p99 that is no accident.
const maxRecent = 4096

// NewRecent returns a set that forgets what is older than window.
func NewRecent(window time.Duration) *Recent { return &Recent{window: window} }

// Add adds a duration that was measured at a time.
func (r *Recent) Add(at time.Time, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) == maxRecent {
		r.all = slices.Delete(r.all, 0, maxRecent/4)
	}
	r.all = append(r.all, sample{at, d})
}

// Sorted returns the durations of the window that ends now, shortest first.
func (r *Recent) Sorted(now time.Time) []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := 0
	for i < len(r.all) && now.Sub(r.all[i].at) > r.window {
		i++
	}
	r.all = slices.Delete(r.all, 0, i)
	out := make([]time.Duration, len(r.all))
	for i, s := range r.all {
		out[i] = s.d
	}
	slices.Sort(out)
	return out
}

// Rate is how fast a counter grows, over the last few readings.
type Rate struct {
	readings []reading
}

type reading struct {
	at time.Time
	n  uint64
}

// Observe adds a reading of the counter and returns its growth per second over the last
// five. A counter that went back starts anew.
func (r *Rate) Observe(at time.Time, n uint64) float64 {
	if k := len(r.readings); k > 0 && n < r.readings[k-1].n {
		r.readings = r.readings[:0]
	}
	r.readings = append(r.readings, reading{at, n})
	if len(r.readings) > 6 {
		r.readings = slices.Delete(r.readings, 0, 1)
	}
	first, last := r.readings[0], r.readings[len(r.readings)-1]
	s := last.at.Sub(first.at).Seconds()
	if s <= 0 {
		return 0
	}
	return float64(last.n-first.n) / s
}
