package wasm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/meter"
)

// Config is the settings of the engine. The zero Config is good for a node.
type Config struct {
	// CacheDir keeps compiled code between runs. Empty means in memory only.
	CacheDir string

	// Interpreter runs contracts without compiling them: slow, and with a native stack
	// of 2,000 calls, beyond which a call is an error of the node. For comparisons.
	Interpreter bool

	// Slice is how much gas a contract gets at a time. 0 means 1<<20, about a millisecond.
	Slice uint64

	// Instances is how many calls of one module may run at once, and how many instances
	// it keeps. 0 means twice GOMAXPROCS.
	Instances int

	// PoolMemory bounds the memory of the instances that wait for a call, of all modules
	// together, in bytes. Those not used for the longest go first, except of pinned modules.
	// 0 means 512 MiB.
	PoolMemory int

	// MaxMemory is the most memory any call can be given, in bytes, whatever its limits
	// say. 0 means 256 MiB.
	MaxMemory uint64

	// InitGas bounds what a contract does when it is loaded. 0 means 1e9.
	InitGas uint64

	restore restoreMode // for tests
}

const pageSize = 64 << 10

func (c Config) withDefaults() Config {
	if c.Slice == 0 {
		c.Slice = 1 << 20
	}
	c.Slice = min(c.Slice, 1<<40)
	if c.Instances == 0 {
		c.Instances = 2 * runtime.GOMAXPROCS(0)
	}
	if c.PoolMemory == 0 {
		c.PoolMemory = 512 << 20
	}
	if c.MaxMemory == 0 {
		c.MaxMemory = 256 << 20
	}
	c.MaxMemory = min(c.MaxMemory, 4<<30-pageSize)
	if c.InitGas == 0 {
		c.InitGas = 1e9
	}
	return c
}

// Runtime is the engine. It keeps compiled code by the digest of the artefact, so loading
// the same contract again costs an instance.
type Runtime struct {
	cfg   Config
	rt    wazero.Runtime
	cache wazero.CompilationCache

	// build is held while something is compiled or instantiated: wazero does both
	// best one at a time. Calls do not take it, unless they need one more instance.
	build    sync.Mutex
	compiled map[abi.Digest]*compiled // guarded by build
	lent     []byte                   // see lend; guarded by build

	pool pool
}

// compiled is a contract's code, shared by the modules loaded from it.
type compiled struct {
	digest abi.Digest
	code   wazero.CompiledModule
	info   meter.Info
	users  int
}

var _ host.Runtime = (*Runtime)(nil)

// New starts the engine.
func New(cfg Config) (*Runtime, error) {
	cfg = cfg.withDefaults()
	wc := wazero.NewRuntimeConfigCompiler()
	if cfg.Interpreter {
		wc = wazero.NewRuntimeConfigInterpreter()
	}
	wc = wc.WithCoreFeatures(api.CoreFeaturesV2 &^ api.CoreFeatureSIMD).
		WithMemoryLimitPages(uint32(cfg.MaxMemory/pageSize) + 1).
		WithDebugInfoEnabled(false)
	r := &Runtime{cfg: cfg, compiled: map[abi.Digest]*compiled{}, pool: pool{limit: cfg.PoolMemory}}
	if cfg.CacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(cfg.CacheDir)
		if err != nil {
			return nil, fmt.Errorf("open the cache of compiled contracts in %s: %w", cfg.CacheDir, err)
		}
		r.cache = cache
		wc = wc.WithCompilationCache(cache)
	}
	ctx := context.Background()
	r.rt = wazero.NewRuntimeWithConfig(ctx, wc)
	for name, funcs := range hostModules {
		if err := r.hostModule(ctx, name, funcs); err != nil {
			return nil, errors.Join(fmt.Errorf("prepare host module %s: %w", name, err), r.Close())
		}
	}
	return r, nil
}

func (r *Runtime) hostModule(ctx context.Context, name string, funcs map[string]hostFunc) error {
	b := r.rt.NewHostModuleBuilder(name)
	for fname, f := range funcs {
		b.NewFunctionBuilder().WithGoModuleFunction(f.call(), valueTypes(f.typ.Params), valueTypes(f.typ.Results)).Export(fname)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// Name returns "wasm".
func (r *Runtime) Name() string { return "wasm" }

// Schedule names the rewriter, which prices instructions.
func (r *Runtime) Schedule() string { return fmt.Sprintf("wasm/%d", meter.Version) }

// Close frees everything.
func (r *Runtime) Close() error {
	ctx := context.Background()
	err := r.rt.Close(ctx)
	if r.cache != nil {
		err = errors.Join(err, r.cache.Close(ctx))
	}
	return err
}

// Load meters, compiles and initialises a contract.
func (r *Runtime) Load(ctx context.Context, code []byte) (host.Module, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.build.Lock()
	defer r.build.Unlock()
	c, err := r.compile(ctx, code)
	if err != nil {
		return nil, err
	}
	c.users++
	m := &module{rt: r, compiled: c}
	if err := m.initialise(ctx); err != nil {
		r.release(c)
		return nil, err
	}
	return m, nil
}

// compile returns the code of an artefact, from the cache or new. build is held.
func (r *Runtime) compile(ctx context.Context, code []byte) (*compiled, error) {
	digest := abi.Digest(sha256.Sum256(code))
	if c := r.compiled[digest]; c != nil {
		return c, nil
	}
	metered, err := meter.Rewrite(code, meter.Config{})
	var refusal *meter.Refusal
	if errors.As(err, &refusal) {
		return nil, &host.Refusal{Reason: refusal.Reason, Hint: refusal.Hint}
	} else if err != nil {
		return nil, fmt.Errorf("meter a contract: %w", err)
	}
	if err := checkModule(&metered.Info); err != nil {
		return nil, err
	}
	cm, err := r.rt.CompileModule(ctx, metered.Code)
	if err != nil {
		return nil, &host.Refusal{Reason: "not valid WebAssembly: " + abi.Clip(err.Error())}
	}
	c := &compiled{digest: digest, code: cm, info: metered.Info}
	r.compiled[digest] = c
	return c, nil
}

// release gives up one use of the code. build is held.
func (r *Runtime) release(c *compiled) {
	if c.users--; c.users == 0 {
		delete(r.compiled, c.digest)
		c.code.Close(context.Background())
	}
}

// checkModule refuses what could never run as a contract.
func checkModule(info *meter.Info) error {
	for _, i := range info.Imports {
		f, ok := hostModules[i.Module][i.Name]
		if !ok {
			return refuse("the host has no function %.60q in module %q", i.Name, i.Module)
		}
		if f.typ != i.Type {
			return refuse("host function %s.%s is imported with another type than it has", i.Module, i.Name)
		}
	}
	if !info.MemoryOut {
		return refuse("there is no exported memory named \"memory\"")
	}
	if _, ok := info.Funcs[abi.VersionExport]; !ok {
		return refuse("there is no export %s: not a Kalima contract", abi.VersionExport)
	}
	if _, ok := info.Funcs["_start"]; ok {
		return &host.Refusal{Reason: "this is a program with a main function, not a contract",
			Hint: "Go: -buildmode=c-shared; clang: -mexec-model=reactor; rustc: crate-type cdylib"}
	}
	entries := 0
	for _, name := range append([]string{abi.VersionExport}, phaseNames()...) {
		t, ok := info.Funcs[name]
		if !ok {
			continue
		}
		entries++
		if t != (meter.Func{Results: "i"}) {
			return refuse("export %s takes something, or returns something else than one i32", name)
		}
	}
	if entries < 2 {
		return refuse("there is no entry: none of validate, react, query, migrate is exported")
	}
	return nil
}

func phaseNames() (names []string) {
	for _, p := range abi.Phases() {
		names = append(names, p.String())
	}
	return names
}

func refuse(format string, args ...any) error {
	return &host.Refusal{Reason: fmt.Sprintf(format, args...)}
}

func valueTypes(letters string) []api.ValueType {
	t := make([]api.ValueType, len(letters))
	for i, l := range letters {
		t[i] = map[rune]api.ValueType{'i': api.ValueTypeI32, 'I': api.ValueTypeI64}[l]
	}
	return t
}
