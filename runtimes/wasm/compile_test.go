package wasm_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/runtimes/wasm"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

func TestMain(m *testing.M) {
	worker.RunIfWorker(nil, wasm.CompileRole())
	os.Exit(m.Run())
}

// answering is a contract that rejects with a status of its own.
func answering(status int32) []byte { return validate(constI32(status)).bytes() }

// loadOnce loads a contract in a runtime of its own, calls it and tells where its code came
// from. The contract must answer with a status.
func loadOnce(t *testing.T, cfg wasm.Config, code []byte, status int32) wasm.CompileStats {
	t.Helper()
	rt := newRuntime(t, cfg)
	m, err := rt.Load(context.Background(), code)
	if err != nil {
		t.Fatalf("Load = %v", err)
	}
	res := call(t, m, "", "", host.Limits{})
	if got := res.Fault; (got == nil) != (status == 0) {
		t.Errorf("Call = %v, want status %d", got, status)
	}
	stats := rt.CompileStats()
	if err := errors.Join(m.Close(), rt.Close()); err != nil {
		t.Errorf("Close = %v", err)
	}
	return stats
}

// cacheFiles returns the files in a cache directory.
func cacheFiles(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.code"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestCompileCache: code is compiled once for what it depends on, in children and in this
// process, and anew when any of that changes or the entry is not ours.
func TestCompileCache(t *testing.T) {
	for name, inProcess := range map[string]bool{"in a child": false, "in this process": true} {
		t.Run(name, func(t *testing.T) {
			cfg := wasm.Config{CacheDir: filepath.Join(t.TempDir(), "deep", "cache"), CacheKey: []byte("a key"), InProcess: inProcess}
			compiled, cached := wasm.CompileStats{Compiled: 1}, wasm.CompileStats{Cached: 1}
			rejected := wasm.CompileStats{Compiled: 1, Rejected: 1}
			step := func(what string, cfg wasm.Config, code []byte, status int32, want wasm.CompileStats) {
				t.Helper()
				if got := loadOnce(t, cfg, code, status); got != want {
					t.Errorf("%s: stats = %+v, want %+v", what, got, want)
				}
			}
			step("first", cfg, answering(0), 0, compiled)
			step("again", cfg, answering(0), 0, cached)
			step("another contract", cfg, answering(7), 7, compiled)
			more := cfg
			more.MaxMemory = 32 << 20
			step("another engine", more, answering(0), 0, compiled)
			key := cfg
			key.CacheKey = []byte("another key")
			step("another key", key, answering(0), 0, rejected)
			step("the first key again", cfg, answering(0), 0, rejected)
			step("and again", cfg, answering(0), 0, cached)

			// The entry of one contract under the name of another: nothing runs but what
			// belongs there.
			for _, path := range cacheFiles(t, cfg.CacheDir) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			step("after all were removed", cfg, answering(0), 0, compiled)
			one := cacheFiles(t, cfg.CacheDir)
			step("the other too", cfg, answering(7), 7, compiled)
			both := cacheFiles(t, cfg.CacheDir)
			if len(one) != 1 || len(both) != 2 {
				t.Fatalf("%d, then %d entries, want 1, then 2", len(one), len(both))
			}
			other := both[0]
			if other == one[0] {
				other = both[1]
			}
			b, err := os.ReadFile(other)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(one[0], b, 0o600); err != nil {
				t.Fatal(err)
			}
			step("swapped", cfg, answering(0), 0, rejected)
			step("healed", cfg, answering(0), 0, cached)

			if err := os.RemoveAll(cfg.CacheDir); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(cfg.CacheDir, []byte("a file"), 0o600); err != nil {
				t.Fatal(err)
			}
			if rt, err := wasm.New(cfg); err == nil {
				rt.Close()
				t.Errorf("New with a file for a cache directory = nil, want an error")
			}
		})
	}
}

// TestCacheNotWritable: a cache that can not be written is no reason not to run.
func TestCacheNotWritable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	rt := newRuntime(t, wasm.Config{CacheDir: dir})
	defer rt.Close()
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	m, err := rt.Load(context.Background(), answering(0))
	if err != nil {
		t.Fatalf("Load without its cache directory = %v", err)
	}
	defer m.Close()
	if got, want := rt.CompileStats(), (wasm.CompileStats{Compiled: 1, Unkept: 1}); got != want {
		t.Errorf("stats = %+v, want %+v", got, want)
	}
}

// TestCleanedUp: somebody removes old temporary files while a runtime runs.
func TestCleanedUp(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	rt := newRuntime(t, wasm.Config{})
	defer rt.Close()
	for n := range int32(3) {
		list, err := filepath.Glob(filepath.Join(os.TempDir(), "kalima-code-*"))
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v, want one directory for code", list, err)
		}
		if err := os.RemoveAll(list[0]); err != nil {
			t.Fatal(err)
		}
		m, err := rt.Load(context.Background(), answering(n))
		if err != nil {
			t.Fatalf("Load = %v", err)
		}
		m.Close()
		if list, err := filepath.Glob(filepath.Join(list[0], "*", "*")); err != nil || len(list) != 0 {
			t.Errorf("after loading there are %v, %v, want nothing", list, err)
		}
	}
	if err := rt.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if list, err := os.ReadDir(os.TempDir()); err != nil || len(list) != 0 {
		t.Errorf("after closing there are %v, %v, want nothing", list, err)
	}
}

// TestBudget: beyond the budget there is an error of this node, never a refusal, and the
// next contract compiles.
func TestBudget(t *testing.T) {
	heavy := validate(constI32(0), bytes.Repeat([]byte{opI32, 0, opLoad, 2, 0, opI32Add}, 40_000)).bytes()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		cfg    wasm.Config
		want   string
		budget bool
	}{
		{"time", context.Background(), wasm.Config{CompileTime: time.Millisecond}, "longer than 1ms", true},
		{"memory", context.Background(), wasm.Config{CompileMemory: 128 << 20}, "more than 128 MiB", true},
		{"the caller's context", ended, wasm.Config{}, "canceled", false},
	} {
		if tt.name == "memory" && underRace {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			rt := newRuntime(t, tt.cfg)
			defer rt.Close()
			m, err := rt.Load(tt.ctx, heavy)
			var refusal *host.Refusal
			if err == nil {
				m.Close()
				t.Fatalf("Load = nil, want an error")
			}
			if errors.As(err, &refusal) || errors.Is(err, wasm.ErrBudget) != tt.budget || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Load = %v, want the node's error with %q in it, ErrBudget: %v", err, tt.want, tt.budget)
			}
		})
	}
	loadOnce(t, wasm.Config{}, heavy, 0)
}

// TestNotValid: what is wrong with a module is said in the same words wherever it is compiled.
func TestNotValid(t *testing.T) {
	for name, code := range map[string][]byte{
		"a type":        validate([]byte{opI64, 0}).bytes(),
		"an i64 added":  validate([]byte{opI32, 0, opI64, 0, opI32Add}).bytes(),
		"a load of i64": validate([]byte{opI64, 0, opLoad, 2, 0}).bytes(),
	} {
		t.Run(name, func(t *testing.T) {
			var texts []string
			for _, cfg := range []wasm.Config{{}, {InProcess: true}, {Interpreter: true}, {CacheDir: t.TempDir()}} {
				rt := newRuntime(t, cfg)
				defer rt.Close()
				m, err := rt.Load(context.Background(), code)
				var refusal *host.Refusal
				if !errors.As(err, &refusal) {
					if m != nil {
						m.Close()
					}
					t.Fatalf("Load(%+v) = %v, want a refusal", cfg, err)
				}
				texts = append(texts, refusal.Error())
			}
			for _, got := range texts[1:] {
				if got != texts[0] {
					t.Errorf("Load = %q and %q, want the same", texts[0], got)
				}
			}
			if !strings.Contains(texts[0], "not valid WebAssembly") {
				t.Errorf("Load = %q, want it to say that it is not valid", texts[0])
			}
		})
	}
}

// TestLoadTogether: many loads of few contracts at once compile each once.
func TestLoadTogether(t *testing.T) {
	rt := newRuntime(t, wasm.Config{CacheDir: t.TempDir()})
	defer rt.Close()
	const loads, contracts = 12, 3
	mods := make(chan host.Module, loads)
	errs := make(chan error, loads)
	for n := range loads {
		go func() {
			m, err := rt.Load(context.Background(), answering(int32(n%contracts)))
			mods <- m
			errs <- err
		}()
	}
	for range loads {
		if err := <-errs; err != nil {
			t.Errorf("Load = %v", err)
		}
	}
	if got := rt.CompileStats().Compiled; got != contracts {
		t.Errorf("compiled %d times, want %d", got, contracts)
	}
	for range loads {
		if m := <-mods; m != nil {
			if err := m.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
		}
	}
}

// TestMeasureCompile: each way is measured, and the figures hang together.
func TestMeasureCompile(t *testing.T) {
	code := buildC(t, "conformance")
	c, err := wasm.MeasureCompile(context.Background(), code, 1)
	if err != nil {
		t.Fatal(err)
	}
	if c.Module != len(code) || c.Metered <= c.Module || c.Code <= 0 || min(c.Meter, c.InProcess, c.Child, c.Start, c.Cached) <= 0 {
		t.Errorf("MeasureCompile = %+v, want every figure, and more bytes after metering", c)
	}
	if _, err := wasm.MeasureCompile(context.Background(), []byte("no module"), 1); err == nil {
		t.Errorf("MeasureCompile of no module = nil, want an error")
	}
}

// BenchmarkCompile makes contracts ready for calls: cold, and with code from disk.
func BenchmarkCompile(b *testing.B) {
	for name, code := range map[string][]byte{
		"C-small": buildC(b, "small", "-Wl,-z,stack-size=8192"), "C": buildC(b, "conformance"), "Rust-small": buildRust(b, "small"), "Go": buildGo(b),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c, err := wasm.MeasureCompile(context.Background(), code, 3)
				if err != nil {
					b.Fatal(err)
				}
				b.Logf("%d bytes, %d metered, %d of code; meter %v, load: in process %v, in a child %v (start %v), from disk %v",
					c.Module, c.Metered, c.Code, c.Meter, c.InProcess, c.Child, c.Start, c.Cached)
			}
		})
	}
}
