package wasm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/meter"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

// Config is the settings of the engine. The zero Config is good for a node.
type Config struct {
	// CacheDir keeps compiled code between runs. Empty means in memory only. Processes may
	// share it.
	CacheDir string

	// CacheKey is what entries of CacheDir are sealed with: code that somebody else put
	// there is not run. It must stay the same between runs and be kept elsewhere. Empty means
	// that damage is found and malice is not.
	CacheKey []byte

	// CacheSize is the most bytes kept in CacheDir. 0 means 1 GiB.
	CacheSize int64

	// CompileTime and CompileMemory are the budget for compiling one contract, in a program
	// whose RunIfWorker has CompileRole; beyond it Load's error is ErrBudget. 0 means 2
	// minutes and 2 GiB, many times what the worst module within meter.Limits takes.
	CompileTime   time.Duration
	CompileMemory uint64

	// InProcess compiles in this process though the program has CompileRole.
	InProcess bool

	// Interpreter runs contracts without compiling them: slow, and with a native stack
	// of 2,000 calls, beyond which a call is an error of the node. For comparisons.
	Interpreter bool

	// Slice is how much gas a contract gets at a time. 0 means 1<<20, about a millisecond.
	Slice uint64

	// Instances is how many calls of one module may run at once, without those that queries
	// make, and how many instances it keeps, beside abi.MaxNested for queries. 0 means twice
	// GOMAXPROCS.
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
	if c.CacheSize == 0 {
		c.CacheSize = 1 << 30
	}
	if c.CompileTime == 0 {
		c.CompileTime = 2 * time.Minute
	}
	if c.CompileMemory == 0 {
		c.CompileMemory = 2 << 30
	}
	return c
}

// pages bounds the memory of any module. The meter refuses what goes beyond MaxMemory; one
// more is for the page that is its own.
func (c Config) pages() uint32 { return uint32(c.MaxMemory/pageSize) + 1 }

// engineConfig is what code depends on: the same in this process and in a child.
func engineConfig(interpreter bool, pages uint32) wazero.RuntimeConfig {
	wc := wazero.NewRuntimeConfigCompiler()
	if interpreter {
		wc = wazero.NewRuntimeConfigInterpreter()
	}
	return wc.WithCoreFeatures(api.CoreFeaturesV2 &^ api.CoreFeatureSIMD).
		WithMemoryLimitPages(pages).
		WithDebugInfoEnabled(false)
}

// Runtime is the engine. It keeps compiled code by the digest of the artefact, so loading
// the same contract again costs an instance.
type Runtime struct {
	cfg   Config
	rt    wazero.Runtime
	cache wazero.CompilationCache

	compiler *compiler

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
	source []byte       // the artefact, not copied; nil for a trace build
	trace  *meter.Trace // of a trace build
	info   meter.Info
	users  int
}

var _ host.Runtime = (*Runtime)(nil)

// New starts the engine.
func New(cfg Config) (*Runtime, error) {
	cfg = cfg.withDefaults()
	wc := engineConfig(cfg.Interpreter, cfg.pages())
	r := &Runtime{cfg: cfg, compiled: map[abi.Digest]*compiled{}, pool: pool{limit: cfg.PoolMemory}}
	r.compiler = &compiler{cfg: cfg, lock: &r.build, child: !cfg.Interpreter && !cfg.InProcess && worker.HasRole(compileRole)}
	if r.compiler.child || (cfg.CacheDir != "" && !cfg.Interpreter) {
		stage, cache, err := newStage()
		if err != nil {
			return nil, fmt.Errorf("make a directory for compiled contracts: %w", err)
		}
		r.cache, r.compiler.stage = cache, stage
		wc = wc.WithCompilationCache(cache)
	}
	ctx := context.Background()
	r.rt = wazero.NewRuntimeWithConfig(ctx, wc)
	for name, funcs := range hostModules {
		if err := r.hostModule(ctx, name, funcs); err != nil {
			return nil, errors.Join(fmt.Errorf("prepare host module %s: %w", name, err), r.Close())
		}
	}
	if err := r.compiler.start(r.rt); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Runtime) hostModule(ctx context.Context, name string, funcs map[string]hostFunc) error {
	b := r.rt.NewHostModuleBuilder(name)
	for fname, f := range funcs {
		b.NewFunctionBuilder().WithGoModuleFunction(f.call(name+"."+fname), valueTypes(f.typ.Params), valueTypes(f.typ.Results)).Export(fname)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// Name returns "wasm".
func (r *Runtime) Name() string { return "wasm" }

// Schedule names the rewriter, the digest of its price table and the runtime's own price.
func (r *Runtime) Schedule() string {
	return fmt.Sprintf("wasm/%d/%x/%d", meter.Version, meter.Digest(), pricePageAsked)
}

// Close frees everything.
func (r *Runtime) Close() error {
	ctx := context.Background()
	err := r.rt.Close(ctx)
	if r.cache != nil {
		err = errors.Join(err, r.cache.Close(ctx), r.compiler.stage.close())
	}
	return err
}

// CompileStats tells where code came from.
func (r *Runtime) CompileStats() CompileStats {
	c := r.compiler
	return CompileStats{Compiled: c.compiled.Load(), Cached: c.cached.Load(), Rejected: c.rejected.Load(), Unkept: c.unkept.Load()}
}

// Load meters, compiles and initialises a contract.
func (r *Runtime) Load(ctx context.Context, code []byte) (host.Module, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := r.compile(ctx, code)
	if err != nil {
		return nil, err
	}
	r.build.Lock()
	defer r.build.Unlock()
	m := &module{rt: r, compiled: c}
	if err := m.initialise(ctx); err != nil {
		r.release(c)
		return nil, err
	}
	return m, nil
}

// compile returns the code of an artefact, with one use of it counted. Calls of other
// contracts go on meanwhile.
func (r *Runtime) compile(ctx context.Context, code []byte) (*compiled, error) {
	digest := abi.Digest(sha256.Sum256(code))
	if c := r.use(digest, nil); c != nil {
		return c, nil
	}
	metered, err := meter.Rewrite(code, meter.Config{Imports: importModules()})
	var refusal *meter.Refusal
	if errors.As(err, &refusal) {
		return nil, &host.Refusal{Reason: refusal.Reason, Hint: refusal.Hint}
	} else if err != nil {
		return nil, fmt.Errorf("meter a contract: %w", err)
	}
	if err := checkModule(&metered.Info); err != nil {
		return nil, err
	}
	cm, err := r.compiler.compile(ctx, digest, joinData(metered.Code))
	if err != nil {
		return nil, err
	}
	return r.use(digest, &compiled{digest: digest, code: cm, source: code, info: metered.Info}), nil
}

// use counts a use of an artefact's code. When there is none it takes fresh, which may be
// nil.
func (r *Runtime) use(digest abi.Digest, fresh *compiled) *compiled {
	r.build.Lock()
	defer r.build.Unlock()
	c := r.compiled[digest]
	switch {
	case c == nil && fresh == nil:
		return nil
	case c == nil:
		c = fresh
		r.compiled[digest] = c
	case fresh != nil: // another Load was quicker
		fresh.code.Close(context.Background())
	}
	c.users++
	return c
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
	if err := checkImports(info); err != nil {
		return err
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
	if t, ok := info.Funcs["_initialize"]; ok && t != (meter.Func{}) {
		return refuse("export _initialize takes or returns something")
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
