package hosttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

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
		if got, want := m.Phases(), abi.Phases(); !slices.Equal(got, want) {
			t.Errorf("Phases() = %v, want %v", got, want)
		}
	})
	t.Run("wrong abi version", func(t *testing.T) {
		r := refusal(t, rt, kit.Contract(t, "abi2"))
		if !strings.Contains(r.Reason, "2") || !strings.Contains(r.Reason, "1") {
			t.Errorf("Load(abi2): reason %q, want both versions, 2 and 1, in it", r.Reason)
		}
	})
	t.Run("no entry", func(t *testing.T) { refusal(t, rt, kit.Contract(t, "noentry")) })
	t.Run("no version", func(t *testing.T) {
		if r := refusal(t, rt, kit.Contract(t, "noversion")); !strings.Contains(r.Reason, abi.VersionExport) {
			t.Errorf("Load(noversion): reason %q, want %s in it", r.Reason, abi.VersionExport)
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

// runCalls makes every call of the table.
func runCalls(t *testing.T, kit Kit) {
	m := load(t, kit)
	for _, tt := range cases(kit) {
		t.Run(tt.name, func(t *testing.T) { check(t, m, tt) })
	}
}

func load(t *testing.T, kit Kit) host.Module {
	t.Helper()
	return loadNamed(t, kit, "conformance")
}

func loadNamed(t *testing.T, kit Kit, contract string) host.Module {
	t.Helper()
	rt := kit.Runtime(t)
	t.Cleanup(func() { closeAll(t, rt) })
	m, err := rt.Load(context.Background(), kit.Contract(t, contract))
	if err != nil {
		t.Fatalf("Load(%s) = %v, want a module", contract, err)
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
	return checkSession(t, m, tt, session(m, tt))
}

func checkSession(t *testing.T, m host.Module, tt tcase, s *host.Session) host.Result {
	t.Helper()
	res, err := m.Call(context.Background(), s)
	if err != nil {
		t.Fatalf("Call(%s %q %.100q) = error %v, want an outcome", tt.during(), tt.key, tt.arg, err)
	}
	if err := compare(tt, res); err != nil {
		t.Errorf("Call(%s %q %.100q): %v", tt.during(), tt.key, tt.arg, err)
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
	writes, submits, reply := tt.writes, tt.submits, ""
	if tt.out != nil {
		switch tt.during() {
		case abi.React:
			submits = all(submits, one("/submit/out", "out", *tt.out))
		case abi.Query:
			reply = *tt.out
		default:
			writes = all(writes, one(own, "out", *tt.out))
		}
	}
	if code != abi.OK {
		writes, submits, reply = nil, nil, ""
	}
	if err := sameWrites(res.Writes, writes); err != nil {
		return fmt.Errorf("writes: %w", err)
	}
	if err := sameWrites(res.Submits, submits); err != nil {
		return fmt.Errorf("submits: %w", err)
	}
	if string(res.Reply) != reply {
		return fmt.Errorf("reply = %.80q, want %.80q", res.Reply, reply)
	}
	if tt.log != nil && !slices.Equal(res.Log, tt.log) {
		return fmt.Errorf("log = %q, want %q", res.Log, tt.log)
	}
	if res.Used.Gas == 0 && code != abi.Crashed {
		return errors.New("used no gas")
	}
	if u := tt.usage; u != nil && (res.Used.Reads != u.Reads || res.Used.Writes != u.Writes || res.Used.Bytes != u.Bytes) {
		return fmt.Errorf("used %d reads, %d writes, %d bytes, want %d, %d, %d", res.Used.Reads, res.Used.Writes, res.Used.Bytes, u.Reads, u.Writes, u.Bytes)
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
