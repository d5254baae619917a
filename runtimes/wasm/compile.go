package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/meter"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

// ErrBudget is in Load's error when compiling took more time or memory than this node
// gives it. It says nothing about the contract that another node would agree with, so
// it is never an outcome.
var ErrBudget = errors.New("beyond this node's budget for compiling a contract")

// CompileStats counts where code came from since New.
type CompileStats struct {
	Compiled uint64 // compiled anew, in a child or in this process
	Cached   uint64 // taken from the cache on disk
	Rejected uint64 // entries on disk that were not what this node had written; they are removed
	Unkept   uint64 // compiled, but not written to the cache on disk: it is full or not writable
}

// compiler gets machine code for metered modules: from the cache on disk, from a child, or,
// in a program without CompileRole, by compiling in this process.
//
// Code always comes to wazero through its own file cache. The obvious way, to point
// that at Config.CacheDir, would have wazero run whatever is in the directory when a
// CRC fits, and compile in this process whatever is not. So wazero is given a directory of
// this process alone, the stage, where a file is only while it is adopted.
type compiler struct {
	cfg    Config
	rt     wazero.Runtime
	lock   sync.Locker // the runtime's build lock
	stage  *stage      // nil when code need not come from files
	cache  *codeCache  // nil without Config.CacheDir
	child  bool
	engine abi.Digest    // what machine code depends on beside the module
	turn   chan struct{} // one compiles at a time

	compiled, cached, unkept, rejected atomic.Uint64
}

// start learns what the engine's code depends on. The runtime is ready.
func (c *compiler) start(rt wazero.Runtime) error {
	c.rt, c.turn = rt, make(chan struct{}, 1)
	if c.stage == nil {
		return nil
	}
	if c.cfg.CacheDir != "" {
		var err error
		if c.cache, err = openCodeCache(c.cfg.CacheDir, c.cfg.CacheKey, c.cfg.CacheSize); err != nil {
			return fmt.Errorf("open the cache of compiled contracts: %w", err)
		}
	}
	// wazero names the file by its features of the processor, and its directory by its
	// version and the platform; the code is that of a function.
	cm, err := rt.CompileModule(context.Background(), probe)
	if err != nil {
		return fmt.Errorf("compile a probe: %w", err)
	}
	defer cm.Close(context.Background())
	h := sha256.New()
	err = c.stage.take(func(f codeFile) error {
		code, err := os.ReadFile(f.path)
		fmt.Fprintf(h, "%s\n%s\n", c.stage.version(), f.name)
		h.Write(code)
		return err
	})
	if err != nil {
		return fmt.Errorf("compile a probe: %w", err)
	}
	build, err := buildIdentity()
	if err != nil {
		return err
	}
	fmt.Fprintf(h, "\n%s\n", build)
	h.Sum(c.engine[:0])
	return nil
}

// probe is the smallest module with a function.
var probe = []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x0a\x04\x01\x02\x00\x0b")

// key names the code of a metered module in the cache: everything that it depends on.
func (c *compiler) key(artefact abi.Digest, metered []byte) (key abi.Digest) {
	h := sha256.New()
	h.Write([]byte("kalima machine code\n"))
	h.Write(c.engine[:])
	h.Write(artefact[:])
	sum := sha256.Sum256(metered)
	h.Write(sum[:])
	fmt.Fprintf(h, "meter %d %x pages %d\n", meter.Version, meter.Digest(), c.cfg.pages())
	h.Sum(key[:0])
	return key
}

// compile returns the code of a metered module. What is wrong with the module is a
// *host.Refusal, the same on every node; what is wrong with this node any other error.
// The build lock is not held.
func (c *compiler) compile(ctx context.Context, artefact abi.Digest, metered []byte) (wazero.CompiledModule, error) {
	if c.stage == nil {
		return c.here(ctx, metered)
	}
	key := c.key(artefact, metered)
	if cm := c.fromCache(key, metered); cm != nil {
		return cm, nil
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to compile: %w", context.Cause(ctx))
	}
	if cm := c.fromCache(key, metered); cm != nil { // who came before compiled the same
		return cm, nil
	}
	if !c.child {
		return c.hereAndKeep(ctx, key, metered)
	}
	f, err := c.inChild(ctx, metered)
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.path)
	c.compiled.Add(1)
	c.keep(key, f)
	cm, err := c.adopt(f, metered)
	if err != nil {
		return nil, fmt.Errorf("take over a compiled contract: %w", err)
	}
	return cm, nil
}

// fromCache returns the code from the cache on disk, nil when it is not there.
func (c *compiler) fromCache(key abi.Digest, metered []byte) wazero.CompiledModule {
	if c.cache == nil || c.stage.mend() != nil {
		return nil
	}
	f, err := c.cache.get(key, c.stage.dir)
	if err == nil {
		defer os.Remove(f.path)
		var cm wazero.CompiledModule
		if cm, err = c.adopt(f, metered); err == nil {
			c.cached.Add(1)
			return cm
		}
		c.cache.remove(key)
	}
	if !errors.Is(err, os.ErrNotExist) {
		c.rejected.Add(1)
	}
	return nil
}

// keep writes code to the cache. A full disk is no reason to stop.
func (c *compiler) keep(key abi.Digest, f codeFile) {
	if c.cache != nil {
		if err := c.cache.put(key, f); err != nil {
			c.unkept.Add(1)
		}
	}
}

// adopt has wazero load code from a file, which it moves. A module whose code wazero does
// not find is never compiled: the context has ended before it begins, and with more than one
// compile worker wazero asks the context before each function.
func (c *compiler) adopt(f codeFile, metered []byte) (wazero.CompiledModule, error) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c.lock.Lock()
	defer c.lock.Unlock()
	path, err := c.stage.put(f)
	if err != nil {
		return nil, err
	}
	defer os.Remove(path)
	return c.rt.CompileModule(experimental.WithCompilationWorkers(ctx, 2), metered)
}

// here compiles in this process: on the interpreter, and in programs without CompileRole.
func (c *compiler) here(ctx context.Context, metered []byte) (wazero.CompiledModule, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.compiled.Add(1)
	cm, err := c.rt.CompileModule(ctx, metered)
	if err != nil {
		return nil, invalid(err.Error())
	}
	return cm, nil
}

// hereAndKeep compiles in this process and puts what wazero wrote into the cache.
func (c *compiler) hereAndKeep(ctx context.Context, key abi.Digest, metered []byte) (wazero.CompiledModule, error) {
	if err := c.stage.mend(); err != nil {
		return nil, err
	}
	cm, err := c.here(ctx, metered)
	if err != nil {
		return nil, err
	}
	if err := c.stage.take(func(f codeFile) error { return c.cache.put(key, f) }); err != nil {
		c.unkept.Add(1)
	}
	return cm, nil
}

// inChild compiles in a child and returns the file it made, which is the caller's.
func (c *compiler) inChild(ctx context.Context, metered []byte) (codeFile, error) {
	if err := c.stage.mend(); err != nil {
		return codeFile{}, err
	}
	budget, cancel := context.WithTimeoutCause(ctx, c.cfg.CompileTime, fmt.Errorf("%w: it took longer than %v", ErrBudget, c.cfg.CompileTime))
	defer cancel()
	var err error
	for range 2 { // a child that dies without a word may have been killed from outside
		var f codeFile
		var again bool
		if f, again, err = c.oneChild(budget, metered); !again {
			return f, err
		}
	}
	return codeFile{}, err
}

// oneChild compiles in one child. again says that another may fare better.
func (c *compiler) oneChild(ctx context.Context, metered []byte) (f codeFile, again bool, err error) {
	dir, err := os.MkdirTemp(c.stage.dir, "child-")
	if err != nil {
		return f, false, fmt.Errorf("make room for a compiler: %w", err)
	}
	defer os.RemoveAll(dir)
	child, err := worker.Start(ctx, worker.ChildConfig{Role: compileRole, Memory: c.cfg.CompileMemory, Dir: dir})
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return f, false, fmt.Errorf("compile a contract: %w", err)
	}
	defer child.Close()
	verdict, text, talk := converse(child, c.cfg.pages(), metered)
	switch {
	case ctx.Err() != nil:
		return f, false, fmt.Errorf("compile a contract: %w", context.Cause(ctx))
	case talk == nil && verdict == childInvalid:
		return f, false, invalid(text)
	case talk == nil && verdict == childCannot:
		return f, false, errCannot
	case talk == nil && verdict == childDone:
		f, err = fetch(dir, c.stage.dir)
		return f, false, err
	}
	_ = child.Close() // its last words are complete then
	code, reason, words := child.Died()
	switch {
	case code == abi.OutOfMemory:
		err = fmt.Errorf("%w: it took more than %d MiB", ErrBudget, c.cfg.CompileMemory>>20)
	case isPanic(words):
		return f, false, errCannot
	default:
		err = fmt.Errorf("%s (%w): %s", reason, talk, words)
	}
	return f, code == abi.Crashed, fmt.Errorf("compile a contract: %w", err)
}

// errCannot is for a valid module that trips the compiler over a bug of its own. Its own
// words depend on the processor, so they are left out.
var errCannot = &host.Refusal{Reason: "the compiler can not compile it, though it is valid WebAssembly", Hint: "please report it with the artefact"}

// invalid is what is wrong with a module, in words of its validation.
func invalid(text string) error {
	return &host.Refusal{Reason: "not valid WebAssembly: " + abi.Clip(text)}
}

// putHeader and header are how the parent tells the child its settings.
func putHeader(pages uint32) []byte { return binary.BigEndian.AppendUint32(nil, pages) }

func header(b []byte) (pages uint32, module []byte, err error) {
	if len(b) < 4 {
		return 0, nil, fmt.Errorf("a job of %d bytes", len(b))
	}
	return binary.BigEndian.Uint32(b), b[4:], nil
}
