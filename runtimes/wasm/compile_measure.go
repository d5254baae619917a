package wasm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kalima-chain/kalima/host/meter"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

// CompileCost is what it takes to make a contract ready for calls. Times are the fastest of
// several runs; those of Load hold metering, validation and the contract's initialisation.
type CompileCost struct {
	Module  int // bytes of the artefact
	Metered int // bytes of it after metering
	Code    int // bytes of machine code and its frame, as kept on disk

	Meter     time.Duration // metering alone
	InProcess time.Duration // Load, compiling in this process
	Child     time.Duration // Load, compiling in a child; 0 in a program without CompileRole
	Start     time.Duration // of that: what a child takes for a module with nothing in it
	Cached    time.Duration // Load, with the code from disk
}

// MeasureCompile loads a contract runs times in each way.
func MeasureCompile(ctx context.Context, code []byte, runs int) (c CompileCost, err error) {
	best := func(d *time.Duration, took time.Duration) {
		if *d == 0 || took < *d {
			*d = took
		}
	}
	c.Module = len(code)
	for range max(runs, 1) {
		start := time.Now()
		metered, err := meter.Rewrite(code, meter.Config{})
		if err != nil {
			return c, fmt.Errorf("meter the contract: %w", err)
		}
		best(&c.Meter, time.Since(start))
		c.Metered = len(metered.Code)
		took, _, err := timeLoad(ctx, Config{InProcess: true}, code)
		if err != nil {
			return c, err
		}
		best(&c.InProcess, took)
		if err := c.throughCache(ctx, code, best); err != nil {
			return c, err
		}
	}
	return c, nil
}

// throughCache loads with an empty cache, then with a full one.
func (c *CompileCost) throughCache(ctx context.Context, code []byte, best func(*time.Duration, time.Duration)) (err error) {
	dir, err := os.MkdirTemp("", "kalima-measure-")
	if err != nil {
		return fmt.Errorf("make a cache to measure: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cfg := Config{CacheDir: dir}
	cold, _, err := timeLoad(ctx, cfg, code)
	if err != nil {
		return err
	}
	warm, stats, err := timeLoad(ctx, cfg, code)
	if err != nil {
		return err
	}
	if stats.Cached != 1 {
		return fmt.Errorf("the cache did not keep the code: %+v", stats)
	}
	best(&c.Cached, warm)
	files, err := filepath.Glob(filepath.Join(dir, "*"+entrySuffix))
	if err != nil || len(files) != 1 {
		return fmt.Errorf("%d entries in the cache, want one (%w)", len(files), err)
	}
	info, err := os.Stat(files[0])
	if err != nil {
		return fmt.Errorf("look at the cache: %w", err)
	}
	c.Code = int(info.Size())
	if !worker.HasRole(compileRole) {
		return nil
	}
	best(&c.Child, cold)
	rt, err := New(Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	start := time.Now()
	f, err := rt.compiler.inChild(ctx, probe)
	if err != nil {
		return err
	}
	best(&c.Start, time.Since(start))
	return os.Remove(f.path)
}

// timeLoad loads in a runtime of its own.
func timeLoad(ctx context.Context, cfg Config, code []byte) (took time.Duration, stats CompileStats, err error) {
	rt, err := New(cfg)
	if err != nil {
		return 0, stats, err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	start := time.Now()
	m, err := rt.Load(ctx, code)
	took = time.Since(start)
	if err != nil {
		return 0, stats, fmt.Errorf("load the contract: %w", err)
	}
	return took, rt.CompileStats(), m.Close()
}
