package wasm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// module is a loaded contract: compiled code, the image every call starts from, and its
// instances in the runtime's pool, which show it.
type module struct {
	rt *Runtime
	*compiled
	phases []abi.Phase
	has    [8]bool // by phase
	image  *image
	seat   seat

	overhead int // about the bytes the engine keeps for an instance
	closed   atomic.Bool

	tracing sync.Mutex
	twin    *module // the trace build, for calls with a Probe; nil until there is one
}

var _ host.Module = (*module)(nil)

// initialise makes the first instance, keeps its image and asks for the ABI version. The
// runtime's build lock is held.
func (m *module) initialise(ctx context.Context) error {
	for _, p := range abi.Phases() {
		if _, ok := m.info.Funcs[p.String()]; ok {
			m.phases = append(m.phases, p)
			m.has[p] = true
		}
	}
	i, err := m.instantiate(ctx)
	if err != nil {
		return err
	}
	m.overhead = engineSize(i.mod)
	if err := i.initialise(ctx); err != nil {
		i.close()
		return err
	}
	if m.image, err = i.snapshot(); err != nil {
		i.close()
		return err
	}
	if err := i.adopt(m.image); err != nil {
		i.close()
		return errors.Join(err, m.image.close())
	}
	limits := m.rt.initLimits()
	version, err := i.version(ctx, limits)
	if err == nil {
		err = checkVersion(version, &m.info)
	}
	if err != nil {
		i.close()
		return errors.Join(err, m.image.close())
	}
	if i.restore(m.image) {
		m.rt.pool.add(m, i)
	} else {
		i.close()
	}
	return nil
}

// noState is what a contract finds while it is initialised.
type noState struct{}

func (noState) Get(abi.Address, string) ([]byte, bool)  { return nil, false }
func (noState) Next(abi.Address, string) (string, bool) { return "", false }

// Phases lists the entries.
func (m *module) Phases() []abi.Phase { return m.phases }

// Call runs an entry. It waits while as many calls are under way as there may be, unless
// it is made by another call.
func (m *module) Call(ctx context.Context, s *host.Session) (host.Result, error) {
	if p := s.Call.Phase; int(p) >= len(m.has) || !m.has[p] {
		return s.Finish(abi.Faultf(abi.WrongABI, "the contract has no entry %s", p), 0, 0), nil
	}
	if s.Probe != nil && m.trace == nil {
		t, err := m.traced(ctx)
		if err != nil {
			return host.Result{}, err
		}
		return t.Call(ctx, s)
	}
	nested := s.Nested > 0
	i, err := m.rt.pool.enter(ctx, m, nested)
	if err != nil {
		return host.Result{}, err
	}
	if i == nil {
		if i, err = m.another(ctx); err != nil {
			m.rt.pool.leave(m, nil, nested)
			return host.Result{}, err
		}
	}
	res, err := i.run(ctx, i.entry(s.Call.Phase), s)
	if err != nil {
		i.close()
		m.rt.pool.leave(m, nil, nested)
		return host.Result{}, fmt.Errorf("call %s of contract %s: %w", s.Call.Phase, s.Call.Contract, err)
	}
	i.trim(s.Call.Phase)
	if !i.restore(m.image) {
		i.close()
		i = nil
	}
	m.rt.pool.leave(m, i, nested)
	return res, nil
}

// another makes one more instance that shows the image.
func (m *module) another(ctx context.Context) (*instance, error) {
	m.rt.build.Lock()
	defer m.rt.build.Unlock()
	i, err := m.instantiate(ctx)
	if err != nil {
		return nil, err
	}
	if m.info.Sticky {
		err = i.initialise(ctx) // what it did to tables is in no image
	}
	if err == nil {
		err = i.adopt(m.image)
	}
	if err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

// Close frees the instances and, with the last module of its kind, the code.
func (m *module) Close() (errs error) {
	if m.closed.Swap(true) {
		return nil
	}
	m.tracing.Lock()
	defer m.tracing.Unlock()
	if m.twin != nil {
		errs = m.twin.Close()
	}
	closeAll(m.rt.pool.empty(m))
	m.rt.build.Lock()
	defer m.rt.build.Unlock()
	m.rt.release(m.compiled)
	return errors.Join(errs, m.image.close())
}
