package stats

import (
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, tt := range []struct {
		name string
		in   []time.Duration
		p    float64
		want time.Duration
	}{
		{"none", nil, 0.5, 0},
		{"one", []time.Duration{7}, 0.99, 7},
		{"two, half", []time.Duration{1, 2}, 0.5, 1},
		{"three, half", []time.Duration{1, 2, 3}, 0.5, 2},
		{"hundred, p50", hundred, 0.5, 50},
		{"hundred, p99", hundred, 0.99, 99},
		{"hundred, p99.9", hundred, 0.999, 100},
		{"hundred, all", hundred, 1, 100},
		{"hundred, none", hundred, 0, 1},
	} {
		if got := Percentile(tt.in, tt.p); got != tt.want {
			t.Errorf("%s: Percentile(%d durations, %v) = %d, want %d", tt.name, len(tt.in), tt.p, got, tt.want)
		}
	}
}

func TestRecent(t *testing.T) {
	r := NewRecent(time.Minute)
	start := time.Unix(1000, 0)
	r.Add(start, 3)
	r.Add(start.Add(30*time.Second), 1)
	if got := r.Sorted(start.Add(40 * time.Second)); len(got) != 2 || got[0] != 1 {
		t.Errorf("Sorted after 40 s = %v, want [1 3]", got)
	}
	if got := r.Sorted(start.Add(80 * time.Second)); len(got) != 1 || got[0] != 1 {
		t.Errorf("Sorted after 80 s = %v, want [1]", got)
	}
	for i := range 3 * maxRecent {
		r.Add(start.Add(81*time.Second), time.Duration(i))
	}
	if n := len(r.Sorted(start.Add(81 * time.Second))); n > maxRecent {
		t.Errorf("Recent keeps %d samples, at most %d wanted", n, maxRecent)
	}
}

func TestRate(t *testing.T) {
	var r Rate
	at := time.Unix(1000, 0)
	if got := r.Observe(at, 100); got != 0 {
		t.Errorf("first Observe = %v, want 0: one reading is no rate", got)
	}
	for i := 1; i <= 10; i++ {
		got := r.Observe(at.Add(time.Duration(i)*time.Second), uint64(100+5*i))
		if got != 5 {
			t.Fatalf("Observe %d = %v, want 5", i, got)
		}
	}
	if got := r.Observe(at.Add(11*time.Second), 0); got != 0 {
		t.Errorf("Observe after the counter went back = %v, want 0", got)
	}
}
