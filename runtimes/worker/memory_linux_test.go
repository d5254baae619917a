package worker_test

import (
	"context"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

// TestMemoryBomb proves that memory which a contract takes past its engine's limits ends
// the worker at the worker's limit, and costs the node none.
func TestMemoryBomb(t *testing.T) {
	if worker.Raced {
		t.Skip("the race detector leaves no limit on memory to test; the plain build tests it")
	}
	const limit, binary = 384 << 20, 64 << 20
	rt := newRuntime(t, worker.Config{Engine: "wild", Processes: 1, Memory: limit})
	defer rt.Close()
	m := load(t, rt, "memory")
	before := rss(t)
	for range 3 {
		res, err := m.Call(context.Background(), session(abi.Validate, host.Limits{}))
		if err != nil || code(res.Fault) != abi.OutOfMemory {
			t.Fatalf("Call = %v, %v, want %v", res.Fault, err, abi.OutOfMemory)
		}
	}
	if grown := rss(t) - before; grown > 32<<20 {
		t.Errorf("the node grew by %d MiB, want at most 32", grown>>20)
	}
	var all unix.Rusage // of the largest child so far; none here has a higher limit
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &all); err != nil {
		t.Fatal(err)
	}
	if most := all.Maxrss << 10; most > limit+binary {
		t.Errorf("the largest worker had %d MiB, want at most %d", most>>20, (limit+binary)>>20)
	}
}
