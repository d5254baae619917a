package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

// echo is a role that answers what it reads in capitals, or does what it is told.
var echo = worker.Role{Name: "echo", Run: func(t worker.Task) error {
	b, err := io.ReadAll(t.In)
	if err != nil {
		return err
	}
	switch string(b) {
	case "hang":
		select {}
	case "error":
		return fmt.Errorf("told to fail with %d MiB", t.Memory>>20)
	}
	_, err = t.Out.Write(bytes.ToUpper(b))
	return err
}}

func TestRole(t *testing.T) {
	for _, tt := range []struct {
		name, in, out, words string
		ends                 bool // the context ends while it runs
	}{
		{"answers", "hello", "HELLO", "", false},
		{"fails", "error", "", "told to fail with 200 MiB", false},
		{"is killed when the context ends", "hang", "", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			c, err := worker.Start(ctx, worker.ChildConfig{Role: "echo", Memory: 200 << 20})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, tt.in); err != nil {
				t.Fatal(err)
			}
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if tt.ends {
				cancel()
			}
			out, err := io.ReadAll(c)
			if string(out) != tt.out || err != nil {
				t.Errorf("ReadAll = %q, %v, want %q", out, err, tt.out)
			}
			c.Close()
			if code, _, words := c.Died(); code != abi.Crashed || !strings.Contains(words, tt.words) {
				t.Errorf("Died = %v, %q, want %v and %q", code, words, abi.Crashed, tt.words)
			}
		})
	}
	for _, cfg := range []worker.ChildConfig{{}, {Role: "nobody"}, {Role: "echo", Memory: 1}} {
		if c, err := worker.Start(context.Background(), cfg); err == nil {
			c.Close()
			t.Errorf("Start(%+v) = nil, want an error", cfg)
		}
	}
}

// TestStartErrors holds what people read when a worker can not be started.
func TestStartErrors(t *testing.T) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		cfg  worker.ChildConfig
		want []string
	}{
		{"no such role", context.Background(), worker.ChildConfig{Role: "wasm"}, []string{`no role "wasm"`, "js", "starlark"}},
		{"little memory", context.Background(), worker.ChildConfig{Role: "echo", Memory: 1 << 20}, []string{"1048576 bytes of memory", "at least 134217728"}},
		{"given up", over, worker.ChildConfig{Role: "echo"}, []string{"gave up after", "context canceled"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := worker.Start(tt.ctx, tt.cfg)
			if err == nil {
				c.Close()
				t.Fatalf("Start(%+v) = nil, want an error", tt.cfg)
			}
			for _, want := range append(tt.want, "start a worker: ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Start(%+v) = %v, want %q in it", tt.cfg, err, want)
				}
			}
		})
	}
}

// TestLeastMemory proves that the least memory that may be given is enough for an engine.
func TestLeastMemory(t *testing.T) {
	for engine, ext := range map[string]string{"js": ".js", "starlark": ".star"} {
		rt := newRuntime(t, worker.Config{Engine: engine, Processes: 1, Memory: 128 << 20})
		defer rt.Close()
		m, err := rt.Load(context.Background(), contract(t, engine, "conformance", ext))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Call(context.Background(), session(abi.Query, host.Limits{})); err != nil {
			t.Errorf("Call of %s = %v", engine, err)
		}
		if pieces, err := rt.Sandbox(context.Background()); err != nil || len(pieces) == 0 {
			t.Errorf("Sandbox = %v, %v, want its pieces", pieces, err)
		}
	}
}
