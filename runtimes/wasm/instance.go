package wasm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/meter"
)

// instance is one instance of a contract. It serves one call at a time, and is the
// context of that call, so that host functions find it without a search.
type instance struct {
	context.Context // of the call under way

	m       *module
	mod     api.Module
	mem     api.Memory
	linear  memory
	lent    bool   // the engine still has borrowed memory
	tables  tables // of a module that changes them
	gas     api.MutableGlobal
	depth   api.MutableGlobal
	globals []api.MutableGlobal
	refs    []uint64 // of such a module: the globals after initialisation
	entries [8]entry // by phase

	// Of the pool, which guards them.
	prev, next *instance // in the order of use
	linked     bool
	kept       int // bytes it was taken for

	// Of the call under way.
	session  *host.Session
	budget   gas
	deadline time.Time
	stop     *abi.Fault // why a host function ended the call
	failed   error      // why this node gave up
	exited   bool       // the contract called exit(0)
	refused  bool       // it was refused memory
	text     []byte     // unfinished line of output
	stack    [1]uint64
	tracer   *tracer // of a call with a Probe
}

// errStop is what host functions panic with after setting stop, failed or exited.
var errStop = errors.New("stopped by the host")

// instanceKey finds the instance should the engine wrap the context.
type instanceKey struct{}

// Value returns the instance for its key, and the call's own values.
func (i *instance) Value(key any) any {
	if key == (instanceKey{}) {
		return i
	}
	return i.Context.Value(key)
}

func caller(ctx context.Context) *instance {
	if i, ok := ctx.(*instance); ok {
		return i
	}
	return ctx.Value(instanceKey{}).(*instance)
}

// instantiate makes an instance whose initialisation has not run. The build lock is held.
func (m *module) instantiate(ctx context.Context) (*instance, error) {
	i := &instance{m: m}
	ctx = context.WithoutCancel(ctx)
	most := m.rt.cfg.MaxMemory
	if own := uint64(m.info.MaxPages) * pageSize; own != 0 {
		most = min(most, own)
	}
	i.linear = newMemory(m.rt.cfg.restore, max(most, uint64(m.info.MinPages)*pageSize))
	alloc := experimental.MemoryAllocator(i.linear)
	// Showing the image takes the memory to grow by a page, in the eyes of the engine.
	if m.image != nil && !m.info.Sticky && (m.info.MaxPages == 0 || m.info.MaxPages > m.info.MinPages) {
		i.lent = true
		alloc = &loan{i.linear, m.rt.lend(int(m.info.MinPages) * pageSize)}
	}
	ctx = experimental.WithMemoryAllocator(ctx, alloc)
	mod, err := m.rt.rt.InstantiateModule(ctx, m.code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		i.linear.Free()
		return nil, refuse("can not be instantiated: %s", abi.Clip(err.Error()))
	}
	i.mod, i.mem = mod, mod.Memory()
	i.gas = mod.ExportedGlobal(meter.ExportGas).(api.MutableGlobal)
	i.depth = mod.ExportedGlobal(meter.ExportDepth).(api.MutableGlobal)
	for n := range m.info.Globals {
		i.globals = append(i.globals, mod.ExportedGlobal(meter.ExportGlobal(n)).(api.MutableGlobal))
	}
	return i, nil
}

func (i *instance) close() error { return i.mod.Close(context.Background()) }

// lend returns memory for an instance in the making. The build lock is held.
func (r *Runtime) lend(n int) []byte {
	const most = 8 << 20
	if n > most {
		return make([]byte, n)
	}
	if n > len(r.lent) {
		r.lent = make([]byte, n)
	}
	return r.lent[:n]
}

// stickyGas bounds the initialisation of a contract that changes tables: every one of its
// instances runs it, in the middle of calls that do not pay for it.
const stickyGas = 1_000_000

// stickyItems bounds its table elements and segments: all are put back after every call.
const stickyItems = 20_000

// initialise runs what has to run before the contract can be called.
func (i *instance) initialise(ctx context.Context) error {
	limits := i.m.rt.initLimits()
	if i.m.info.Sticky {
		limits.Gas = min(limits.Gas, stickyGas)
	}
	for _, name := range i.initNames() {
		res, err := i.run(ctx, i.mod.ExportedFunction(name), host.NewSession(abi.Call{}, noState{}, host.Grant{}, limits))
		if err == nil && res.Fault != nil {
			err = refuse("%s: %v", name, res.Fault)
		}
		if err != nil {
			return err
		}
	}
	if i.m.info.Sticky {
		i.tables = saveTables(i.mod)
		if n := i.tables.items(); n > stickyItems {
			return refuse("it changes tables or drops segments, and has %d table elements and segments, at most %d then", n, stickyItems)
		}
		i.saveRefs()
	}
	return nil
}

func (r *Runtime) initLimits() host.Limits {
	return host.Limits{Gas: r.cfg.InitGas, Memory: r.cfg.MaxMemory, Deadline: time.Minute}
}

// resident is about how many bytes of memory the instance takes.
func (i *instance) resident() int { return i.linear.resident() + i.m.overhead }

// initNames lists what has to run before the contract can be called.
func (i *instance) initNames() (names []string) {
	if i.m.info.Start {
		names = append(names, meter.ExportStart)
	}
	if _, ok := i.m.info.Funcs["_initialize"]; ok {
		names = append(names, "_initialize")
	}
	return names
}

// version asks the contract for its ABI version, and puts the image back.
func (i *instance) version(ctx context.Context, limits host.Limits) (int32, error) {
	res, err := i.run(ctx, i.mod.ExportedFunction(abi.VersionExport), host.NewSession(abi.Call{}, noState{}, host.Grant{}, limits))
	if err != nil {
		return 0, err
	}
	if f := res.Fault; f != nil && (f.Code != abi.Rejected || f.Message != "") {
		return 0, refuse("%s: %v", abi.VersionExport, f)
	}
	return int32(i.stack[0]), nil
}

// run calls a function that takes nothing and returns nothing or an i32.
func (i *instance) run(ctx context.Context, fn api.Function, s *host.Session) (host.Result, error) {
	i.begin(ctx, s)
	if size := uint64(i.mem.Size()); size > s.Limits.Memory {
		i.Context, i.session, i.tracer = nil, nil, nil
		return s.Finish(abi.Faultf(abi.OutOfMemory, "the contract begins with %d bytes of memory, it may have %d", size, s.Limits.Memory), 0, size), nil
	}
	i.stack[0] = 0
	var err error
	if i.stop = i.ask(); i.stop == nil {
		err = fn.CallWithStack(i, i.stack[:])
	}
	i.Context, i.session = nil, nil
	if failed := cmp.Or(i.failed, i.linear.failure()); failed != nil {
		return host.Result{}, failed
	}
	var fault *abi.Fault
	switch {
	case i.stop != nil:
		fault = i.stop
	case i.exited:
	case err != nil:
		if fault = i.trap(err); fault == nil {
			return host.Result{}, fmt.Errorf("the engine stopped: %w", err)
		}
	default:
		fault = host.Exit(int32(uint32(i.stack[0])))
	}
	if i.refused && fault != nil && fault.Code == abi.Trap {
		fault = &abi.Fault{Code: abi.OutOfMemory, Message: "the contract needs more memory than it may have", Detail: fault.Detail}
	}
	used := i.budget.used(i.gas)
	if out := fault != nil && fault.Code == abi.OutOfGas; out || used > i.budget.limit {
		used, fault = i.budget.limit, outOfGas(i.budget.limit)
	}
	i.session = s
	i.flush(true)
	i.session, i.stop = nil, nil
	res := s.Finish(fault, used, uint64(i.mem.Size()))
	if i.tracer != nil {
		i.tracer.finish(&res)
		i.tracer = nil
	} else if fault != nil && err != nil && fault.Code != abi.Rejected {
		res.Where = where(err.Error())
	}
	return res, nil
}

func (i *instance) begin(ctx context.Context, s *host.Session) {
	i.Context, i.session = ctx, s
	i.stop, i.failed, i.exited, i.refused = nil, nil, false, false
	i.text = i.text[:0]
	i.deadline = time.Time{}
	i.budget.start(i.gas, min(s.Limits.Gas, math.MaxInt64/2), i.m.rt.cfg.Slice)
	i.depth.Set(uint64(s.Limits.Depth))
	if s.Probe != nil && i.m.trace != nil {
		i.tracer = newTracer(i, s.Probe, i.m.trace)
	}
	s.Begin(i)
}

// trap turns the engine's error into a fault, nil when it is not the contract's doing.
func (i *instance) trap(err error) *abi.Fault {
	text := err.Error()
	kind, _, _ := strings.Cut(text, "\n")
	kind, ok := strings.CutPrefix(kind, "wasm error: ")
	if !ok || kind == "stack overflow" { // the depth limit is far below the engine's
		return nil
	}
	return &abi.Fault{Code: abi.Trap, Message: abi.Clip(kind), Detail: text}
}

// end stops the contract with a fault.
func (i *instance) end(f *abi.Fault) {
	i.stop = f
	panic(errStop)
}

// abort gives up: this node can not say what the outcome is.
func (i *instance) abort(err error) {
	i.failed = err
	panic(errStop)
}
