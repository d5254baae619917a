package hosttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

func runLoad(t *testing.T, kit Kit) {
	rt := kit.Runtime(t)
	defer closeAll(t, rt)
	ctx := context.Background()

	t.Run("conformance", func(t *testing.T) {
		m, err := rt.Load(ctx, kit.Contract(t, "conformance"))
		if err != nil {
			t.Fatalf("Load(conformance) = %v, want a module", err)
		}
		defer closeAll(t, m)
		if got, want := m.Phases(), []abi.Phase{abi.Validate, abi.React}; !slices.Equal(got, want) {
			t.Errorf("Phases() = %v, want %v", got, want)
		}
	})
	t.Run("wrong abi version", func(t *testing.T) {
		r := refusal(t, rt, kit.Contract(t, "abi2"))
		if !strings.Contains(r.Reason, "2") || !strings.Contains(r.Reason, "1") {
			t.Errorf("Load(abi2): reason %q, want both versions, 2 and 1, in it", r.Reason)
		}
	})
	for _, tt := range []struct{ name, code string }{
		{"nothing", ""},
		{"garbage", "\x00\x01\x02(((]]]"},
		{"wasm header alone", "\x00asm\x01\x00\x00\x00"},
	} {
		t.Run(tt.name, func(t *testing.T) { refusal(t, rt, []byte(tt.code)) })
	}
}

func refusal(t *testing.T, rt host.Runtime, code []byte) *host.Refusal {
	t.Helper()
	m, err := rt.Load(context.Background(), code)
	var r *host.Refusal
	if !errors.As(err, &r) {
		if m != nil {
			m.Close()
		}
		t.Fatalf("Load = %v, want a *host.Refusal", err)
	}
	if r.Reason == "" {
		t.Error("Load: a refusal without a reason")
	}
	return r
}

// runCalls makes every call of the table twice on one module: same outcome, same gas.
func runCalls(t *testing.T, kit Kit) {
	m := load(t, kit)
	for _, tt := range cases(kit) {
		t.Run(tt.name, func(t *testing.T) {
			first := check(t, m, tt)
			if again := check(t, m, tt); again.Used.Gas != first.Used.Gas {
				// A crash or a memory limit outside the metered world has no exact gas.
				if f := first.Fault; f == nil || f.Code != abi.Crashed && f.Code != abi.OutOfMemory {
					t.Errorf("gas of the second call = %d, want %d as in the first", again.Used.Gas, first.Used.Gas)
				}
			}
			if gas := limit(tt); first.Used.Gas > gas {
				t.Errorf("gas = %d, want at most the limit, %d", first.Used.Gas, gas)
			}
		})
	}
}

func limit(tt tcase) uint64 {
	if tt.limits.Gas != 0 {
		return tt.limits.Gas
	}
	return host.DefaultLimits.Gas
}

func load(t *testing.T, kit Kit) host.Module {
	t.Helper()
	rt := kit.Runtime(t)
	t.Cleanup(func() { closeAll(t, rt) })
	m, err := rt.Load(context.Background(), kit.Contract(t, "conformance"))
	if err != nil {
		t.Fatalf("Load(conformance) = %v, want a module", err)
	}
	t.Cleanup(func() { closeAll(t, m) })
	return m
}

func closeAll(t *testing.T, c interface{ Close() error }) {
	if err := c.Close(); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
}

// check makes the call and compares the outcome.
func check(t *testing.T, m host.Module, tt tcase) host.Result {
	t.Helper()
	phase := tt.phase
	if phase == 0 {
		phase = abi.Validate
	}
	limits := tt.limits
	if limits.Deadline == 0 {
		limits.Deadline = time.Minute // a slow machine must not look like a fault
	}
	res, err := m.Call(context.Background(), session(phase, tt.key, tt.arg, limits))
	if err != nil {
		t.Fatalf("Call(%s %q) = error %v, want an outcome", phase, tt.key, err)
	}
	if err := compare(tt, res); err != nil {
		t.Errorf("Call(%s %q): %v", phase, tt.key, err)
	}
	return res
}

func compare(tt tcase, res host.Result) error {
	code := abi.OK
	if res.Fault != nil {
		code = res.Fault.Code
	}
	want := tt.codes
	if len(want) == 0 {
		want = codes(abi.OK)
	}
	if !slices.Contains(want, code) {
		detail := ""
		if res.Fault != nil {
			detail = res.Fault.Message + " " + res.Fault.Detail
		}
		return fmt.Errorf("code = %v (%s), want %v", code, detail, want)
	}
	if f := res.Fault; f != nil {
		if code == abi.Rejected && (f.Reason != tt.reason || f.Message != tt.message) {
			return fmt.Errorf("rejected with %d %q, want %d %q", f.Reason, f.Message, tt.reason, tt.message)
		}
		if len(f.Message) > abi.MaxMessage {
			return fmt.Errorf("message of %d bytes, at most %d", len(f.Message), abi.MaxMessage)
		}
	}
	if err := sameWrites(res.Writes, tt.writes); err != nil {
		return fmt.Errorf("writes: %w", err)
	}
	if err := sameWrites(res.Submits, tt.submits); err != nil {
		return fmt.Errorf("submits: %w", err)
	}
	if tt.log != nil && !reflect.DeepEqual(res.Log, tt.log) {
		return fmt.Errorf("log = %q, want %q", res.Log, tt.log)
	}
	if res.Used.Gas == 0 && code != abi.Crashed {
		return errors.New("used no gas")
	}
	return nil
}

func sameWrites(got, want []abi.Write) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d, want %d: %s", len(got), len(want), show(got))
	}
	for i := range got {
		if got[i].Address != want[i].Address || got[i].Key != want[i].Key || !bytes.Equal(got[i].Value, want[i].Value) {
			return fmt.Errorf("number %d = %s, want %s", i, show(got[i:i+1]), show(want[i:i+1]))
		}
	}
	return nil
}

func show(ws []abi.Write) string {
	var b strings.Builder
	for _, w := range ws {
		fmt.Fprintf(&b, "[%s %s %.80q]", w.Address, w.Key, w.Value)
	}
	return b.String()
}

func runBehaviour(t *testing.T, kit Kit) {
	t.Run("missing entry", func(t *testing.T) {
		m := load(t, kit)
		for _, phase := range []abi.Phase{abi.Query, abi.Migrate} {
			res, err := m.Call(context.Background(), session(phase, "accept", "", host.Limits{}))
			if err != nil || res.Fault == nil || res.Fault.Code != abi.WrongABI {
				t.Errorf("Call(%s) = %v, %v, want fault %v", phase, res.Fault, err, abi.WrongABI)
			}
		}
	})
	t.Run("isolation", func(t *testing.T) { runIsolation(t, kit) })
	t.Run("many at once", func(t *testing.T) { runMany(t, kit) })
	t.Run("deadline", func(t *testing.T) { runDeadline(t, kit) })
	t.Run("gas is counted", func(t *testing.T) {
		m := load(t, kit)
		few := check(t, m, tcase{key: "work", arg: "100", writes: out(work(100))})
		more := check(t, m, tcase{key: "work", arg: "10000", writes: out(work(10000))})
		if more.Used.Gas < few.Used.Gas+9900 {
			t.Errorf("gas of 10000 rounds = %d, of 100 = %d; want at least one for each round more", more.Used.Gas, few.Used.Gas)
		}
	})
	t.Run("gas is exact", func(t *testing.T) {
		m := load(t, kit)
		tt := tcase{key: "keys", writes: out("a,k,z,")}
		used := check(t, m, tt).Used.Gas
		tt.limits.Gas = used
		check(t, m, tt)
		tt.limits.Gas, tt.writes, tt.codes = used-1, nil, codes(abi.OutOfGas)
		check(t, m, tt)
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
	fresh := tcase{key: "count", writes: out("1")}
	gas := check(t, m, fresh).Used.Gas
	for _, tt := range cases(kit) {
		check(t, m, tt)
		if got := check(t, m, fresh).Used.Gas; got != gas {
			t.Errorf("after %q: gas of count = %d, want %d as at first", tt.name, got, gas)
		}
	}
}

func runMany(t *testing.T, kit Kit) {
	m := load(t, kit)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 {
				arg := fmt.Sprintf("%d-%d", g, i)
				res, err := m.Call(context.Background(), session(abi.Validate, "echo", arg, host.Limits{Deadline: time.Minute}))
				if err == nil {
					err = compare(tcase{writes: out(arg)}, res)
				}
				if err != nil {
					t.Errorf("Call(echo %s): %v", arg, err)
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
	}{
		{"limit", context.Background(), host.Limits{Gas: 1 << 62, Deadline: 50 * time.Millisecond}},
		{"context", cancelled, host.Limits{Gas: 1 << 62, Deadline: time.Hour}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, err := m.Call(tt.ctx, session(abi.Validate, "loop", "", tt.limits))
			if err == nil {
				t.Fatalf("Call(loop) = fault %v, want an error", res.Fault)
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Call(loop) = %v, want context.DeadlineExceeded in it", err)
			}
			check(t, m, tcase{key: "echo", arg: "alive", writes: out("alive")})
		})
	}
}
