package worker_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

// children are the processes that this one started, those that ended but were not waited
// for included.
func children(t testing.TB) []string {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("needs /proc to see the workers")
	}
	var all []string
	for _, task := range tasks {
		if b, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children"); err == nil {
			all = append(all, strings.Fields(string(b))...)
		}
	}
	return all
}

// rss is this process's memory in bytes.
func rss(t testing.TB) int {
	t.Helper()
	return statusOf(t, "self", "VmRSS:")
}

func statusOf(t testing.TB, pid, field string) (kib int) {
	t.Helper()
	b, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		t.Skip("needs /proc to see memory")
	}
	_, rest, _ := strings.Cut(string(b), field)
	fmt.Sscan(rest, &kib)
	return kib << 10
}

// TestRestarts proves that nothing is left of a thousand workers.
func TestRestarts(t *testing.T) {
	times := 1000
	if testing.Short() {
		times = 50
	}
	rt := worker.Unthrottled(newRuntime(t, worker.Config{Engine: "wild", Processes: 1, Calls: 1}))
	m := load(t, rt, "good")
	list := func() []string {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("needs /proc to see descriptors")
		}
		var fds []string
		for _, e := range entries {
			fds = append(fds, e.Name())
		}
		return fds
	}
	before, pids, mem := list(), children(t), rss(t)
	for range times {
		if res, err := m.Call(context.Background(), session(abi.Validate, host.Limits{})); err != nil || res.Fault != nil {
			t.Fatalf("Call = %v, %v", res.Fault, err)
		}
	}
	if after := list(); len(after) > len(before) {
		t.Errorf("%d descriptors after %d restarts: %v, before: %v", len(after), times, after, before)
	}
	rt.Close()
	if left := fresh(pids, children(t)); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
	if grown := rss(t) - mem; grown > 32<<20 {
		t.Errorf("the node grew by %d MiB, want at most 32", grown>>20)
	}
}

// TestWornOut proves that a worker goes when it holds too many modules or too much memory.
func TestWornOut(t *testing.T) {
	for _, tt := range []struct {
		name string
		use  func(rt host.Runtime, call func(m host.Module))
	}{
		{"modules", func(rt host.Runtime, call func(host.Module)) {
			for i := range 256 {
				call(load(t, rt, fmt.Sprint("module ", i)))
			}
		}},
		{"memory", func(rt host.Runtime, call func(host.Module)) {
			m := load(t, rt, "hoard")
			for range 64 {
				call(m)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rt := newRuntime(t, worker.Config{Engine: "wild", Processes: 1, Memory: 384 << 20})
			defer rt.Close()
			before := children(t)
			good := load(t, rt, "good")
			first := fresh(before, children(t))
			call := func(m host.Module) {
				if res, err := m.Call(context.Background(), session(abi.Validate, host.Limits{})); err != nil || res.Fault != nil {
					t.Fatalf("Call = %v, %v", res.Fault, err)
				}
			}
			call(good)
			if now := fresh(before, children(t)); len(first) != 1 || len(now) != 1 || now[0] != first[0] {
				t.Fatalf("workers %v after a call, want %v still", now, first)
			}
			tt.use(rt, call)
			call(good)
			if now := fresh(before, children(t)); len(now) != 1 || now[0] == first[0] {
				t.Errorf("worker %v, want another than %v", now, first)
			}
		})
	}
}
