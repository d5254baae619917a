package hosttest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

func runBehaviour(t *testing.T, kit Kit) {
	t.Run("missing entry", func(t *testing.T) {
		m := loadNamed(t, kit, "small")
		if got := m.Phases(); len(got) != 1 || got[0] != abi.Validate {
			t.Errorf("Phases() of small = %v, want validate alone", got)
		}
		for _, phase := range abi.Phases()[1:] {
			res, err := m.Call(context.Background(), session(m, tcase{phase: phase, key: "accept"}))
			if err != nil || res.Fault == nil || res.Fault.Code != abi.WrongABI {
				t.Errorf("Call(%s) = %v, %v, want fault %v", phase, res.Fault, err, abi.WrongABI)
			}
		}
		if res, err := m.Call(context.Background(), session(m, tcase{key: "accept"})); err != nil || res.Fault != nil {
			t.Errorf("Call(validate) = %v, %v, want it accepted", res.Fault, err)
		}
	})
	t.Run("unknown phase", func(t *testing.T) {
		m := load(t, kit)
		for _, phase := range []abi.Phase{5, 255} {
			res, err := m.Call(context.Background(), session(m, tcase{phase: phase, key: "accept"}))
			if err != nil || res.Fault == nil || res.Fault.Code != abi.WrongABI {
				t.Errorf("Call(phase %d) = %v, %v, want fault %v", phase, res.Fault, err, abi.WrongABI)
			}
		}
	})
	t.Run("isolation", func(t *testing.T) { runIsolation(t, kit) })
	t.Run("many at once", func(t *testing.T) { runMany(t, kit) })
	t.Run("deadline", func(t *testing.T) { runDeadline(t, kit) })
	t.Run("gas is counted", func(t *testing.T) {
		m := load(t, kit)
		few := check(t, m, tcase{key: "work", arg: "100", out: out(work(100))})
		more := check(t, m, tcase{key: "work", arg: "10000", out: out(work(10000))})
		if more.Used.Gas < few.Used.Gas+9900 {
			t.Errorf("gas of 10000 rounds = %d, of 100 = %d; want at least one for each round more", more.Used.Gas, few.Used.Gas)
		}
	})
	t.Run("same on a second runtime", func(t *testing.T) {
		a, b := load(t, kit), load(t, kit)
		for _, tt := range cases(kit) {
			if tt.key == "memory" {
				continue // where a crash strikes is the machine's affair
			}
			x, y := check(t, a, tt), check(t, b, tt)
			if x.Used.Gas != y.Used.Gas {
				t.Errorf("%s: gas = %d and %d on two runtimes, want the same", tt.name, x.Used.Gas, y.Used.Gas)
			}
			if (x.Fault == nil) != (y.Fault == nil) || x.Fault != nil && x.Fault.Message != y.Fault.Message {
				t.Errorf("%s: fault %v and %v on two runtimes, want the same", tt.name, x.Fault, y.Fault)
			}
		}
	})
}

// runIsolation proves that no call sees what an earlier one left, however it ended.
func runIsolation(t *testing.T, kit Kit) {
	m := load(t, kit)
	fresh := tcase{key: "count", out: out("1")}
	gas := check(t, m, fresh).Used.Gas
	for _, tt := range cases(kit) {
		check(t, m, tt)
		if got := check(t, m, fresh).Used.Gas; got != gas {
			t.Errorf("after %q: gas of count = %d, want %d as at first", tt.name, got, gas)
		}
	}
}

// runMany proves that calls at the same time, and the queries within them, do not meet.
func runMany(t *testing.T, kit Kit) {
	m := load(t, kit)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 {
				arg := fmt.Sprintf("%d-%d", g, i)
				tt := tcase{key: "echo", arg: arg, out: out(arg)}
				if i%4 == 0 {
					tt = tcase{key: "query", arg: nested(3) + "twin echo " + arg, out: out("====" + arg)}
				}
				res, err := m.Call(context.Background(), session(m, tt))
				if err == nil {
					err = compare(tt, res)
				}
				if err != nil {
					t.Errorf("Call(%s %s): %v", tt.key, tt.arg, err)
				}
			}
		})
	}
	wg.Wait()
}

// runDeadline proves that giving up is the node's error and no outcome, and that the
// module works on afterwards.
func runDeadline(t *testing.T, kit Kit) {
	m := load(t, kit)
	cancelled, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		limits host.Limits
		tcase  tcase
	}{
		{"limit", context.Background(), host.Limits{Gas: 1 << 62, Deadline: 50 * time.Millisecond}, tcase{key: "loop"}},
		{"limit in a query", context.Background(), host.Limits{Gas: 1 << 62, Deadline: 50 * time.Millisecond}, tcase{key: "query", arg: "twin loop "}},
		{"context", cancelled, host.Limits{Gas: 1 << 62, Deadline: time.Hour}, tcase{key: "loop"}},
		{"context in a query", cancelled, host.Limits{Gas: 1 << 62, Deadline: time.Hour}, tcase{key: "query", arg: "twin loop "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.tcase.limits = tt.limits
			res, err := m.Call(tt.ctx, session(m, tt.tcase))
			if err == nil {
				t.Fatalf("Call(loop) = fault %v, want an error", res.Fault)
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Call(loop) = %v, want context.DeadlineExceeded in it", err)
			}
			check(t, m, tcase{key: "echo", arg: "alive", out: out("alive")})
		})
	}
}
