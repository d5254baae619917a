package worker_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

// wild is a runtime whose contract does to its process what its source says.
type wild struct{}

func (wild) Name() string     { return "wild" }
func (wild) Schedule() string { return "wild/1" }
func (wild) Close() error     { return nil }
func (wild) Load(_ context.Context, code []byte) (host.Module, error) {
	if string(code) == "load: die" {
		os.Exit(7)
	}
	return wildModule(code), nil
}

type wildModule string

func (wildModule) Phases() []abi.Phase { return []abi.Phase{abi.Validate, abi.Query} }
func (wildModule) Close() error        { return nil }

var kept [][]byte

//lint:ignore SA5007 it shall never end: the stack of the worker is what ends it
func deepen(n int) int { return deepen(n+1) + n }

func (m wildModule) Call(ctx context.Context, s *host.Session) (host.Result, error) {
	switch m {
	case "die":
		os.Exit(7)
	case "memory":
		for {
			b := make([]byte, 1<<20)
			for i := range b {
				b[i] = 1
			}
			kept = append(kept, b)
		}
	case "stack":
		return host.Result{Used: host.Usage{Reads: deepen(0)}}, nil
	case "hang":
		for {
			runtime.Gosched()
		}
	case "panic":
		panic("no contract does this")
	case "garbage":
		io.WriteString(os.Stdout, strings.Repeat("garbage", 1000))
	case "huge frame":
		io.WriteString(os.Stdout, "\xff\xff\xff\xffr")
	case "error":
		return host.Result{}, errors.New("the runtime is ill")
	case "hoard":
		if kept == nil {
			kept = [][]byte{bytes.Repeat([]byte{1}, 200<<20)}
		}
	case "ask":
		return m.ask(ctx, s)
	case "walk":
		return m.walk(s)
	case "read":
		return m.read(s)
	case "read and hang":
		m.read(s)
		select {}
	}
	if out, ok := strings.CutPrefix(string(m), "say "); ok {
		b, err := hex.DecodeString(out)
		if err != nil {
			return host.Result{}, err
		}
		os.Stdout.Write(b)
		os.Exit(0)
	}
	return host.Result{Used: host.Usage{Gas: 1}}, nil
}

// TestCrashes proves that however a worker ends, the call ends as said and the next works.
func TestCrashes(t *testing.T) {
	rt := newRuntime(t, worker.Config{Engine: "wild", Processes: 1, Memory: 256 << 20})
	defer rt.Close()
	good, err := rt.Load(context.Background(), []byte("good"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		code abi.Code // OK: the call is an error
		want error
	}{
		{"die", abi.Crashed, nil},
		{"memory", abi.OutOfMemory, nil},
		{"stack", abi.StackOverflow, nil},
		{"panic", abi.Crashed, nil},
		{"garbage", abi.Crashed, nil},
		{"huge frame", abi.Crashed, nil},
		{"hang", abi.OK, context.DeadlineExceeded},
		{"error", abi.OK, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "memory" && worker.Raced {
				t.Skip("the race detector leaves no limit on memory to test; the plain build tests it")
			}
			m, err := rt.Load(context.Background(), []byte(tt.name))
			if err != nil {
				t.Fatal(err)
			}
			limits := host.Limits{Gas: 1000}
			if tt.want != nil {
				limits.Deadline = 100 * time.Millisecond
			}
			res, err := m.Call(context.Background(), session(abi.Validate, limits))
			switch {
			case tt.code == abi.OK && (err == nil || tt.want != nil && !errors.Is(err, tt.want)):
				t.Errorf("Call = %v, %v, want an error %v", res.Fault, err, tt.want)
			case tt.code != abi.OK && (err != nil || res.Fault == nil || res.Fault.Code != tt.code || res.Used.Gas != 1000):
				t.Errorf("Call = %v, gas %d, %v, want %v with all gas used; detail: %s", res.Fault, res.Used.Gas, err, tt.code, detailOf(res))
			}
			if res, err := good.Call(context.Background(), session(abi.Validate, host.Limits{})); err != nil || res.Fault != nil {
				t.Errorf("the next call = %v, %v, want an accept", res.Fault, err)
			}
		})
	}
	t.Run("load", func(t *testing.T) {
		_, err := rt.Load(context.Background(), []byte("load: die"))
		var refusal *host.Refusal
		if !errors.As(err, &refusal) {
			t.Errorf("Load = %v, want a *host.Refusal", err)
		}
	})
}

// TestKilledFromOutside proves that a worker's death which is not the contract's doing
// changes no outcome.
func TestKilledFromOutside(t *testing.T) {
	if _, err := os.Stat("/proc/self/task"); err != nil {
		t.Skip("needs /proc to find the worker")
	}
	before := children(t)
	rt := newRuntime(t, worker.Config{Engine: "wild", Processes: 1})
	defer rt.Close()
	m, err := rt.Load(context.Background(), []byte("good"))
	if err != nil {
		t.Fatal(err)
	}
	killed := 0
	for _, pid := range children(t) {
		if strings.Contains(fmt.Sprint(before), pid) {
			continue
		}
		var n int
		fmt.Sscan(pid, &n)
		p, err := os.FindProcess(n)
		if err == nil && p.Kill() == nil {
			killed++
		}
	}
	if killed != 1 {
		t.Fatalf("killed %d workers, want 1", killed)
	}
	if res, err := m.Call(context.Background(), session(abi.Validate, host.Limits{})); err != nil || res.Fault != nil {
		t.Errorf("Call = %v, %v, want an accept by a fresh worker", res.Fault, err)
	}
}

// TestReplaced proves that a worker is replaced after its calls.
func TestReplaced(t *testing.T) {
	rt := newRuntime(t, worker.Config{Engine: "wild", Processes: 1, Calls: 2})
	defer rt.Close()
	m, err := rt.Load(context.Background(), []byte("good"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 6 {
		if _, err := m.Call(context.Background(), session(abi.Validate, host.Limits{})); err != nil {
			t.Fatal(err)
		}
		for _, pid := range children(t) {
			seen[pid] = true
		}
	}
	if len(seen) < 3 {
		t.Errorf("%d workers served 6 calls, want 3 or more", len(seen))
	}
}

func TestConfig(t *testing.T) {
	for _, cfg := range []worker.Config{{}, {Engine: "wild", Processes: -1}, {Engine: "wild", Memory: 1 << 20}, {Engine: "wild", Calls: -1}} {
		if _, err := worker.New(cfg); err == nil {
			t.Errorf("New(%+v) = nil, want an error", cfg)
		}
	}
	if _, err := worker.New(worker.Config{Engine: "nobody"}); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("New with an engine that does not exist = %v, want an error that names it", err)
	}
}

func detailOf(r host.Result) string {
	if r.Fault == nil {
		return "none"
	}
	return r.Fault.Detail
}
