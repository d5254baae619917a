package wasm

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// module is a loaded contract: compiled code, the image every call starts from, and a
// pool of instances that show it.
type module struct {
	rt *Runtime
	*compiled
	phases []abi.Phase
	image  *image

	slots  chan struct{}  // one token for each call under way
	idle   chan *instance // ready instances
	closed atomic.Bool
}

var _ host.Module = (*module)(nil)

// initialise makes the first instance, keeps its image and asks for the ABI version. The
// runtime's build lock is held.
func (m *module) initialise(ctx context.Context) error {
	for _, p := range abi.Phases() {
		if _, ok := m.info.Funcs[p.String()]; ok {
			m.phases = append(m.phases, p)
		}
	}
	i, err := m.instantiate(ctx)
	if err != nil {
		return err
	}
	limits := host.Limits{Gas: m.rt.cfg.InitGas, Memory: m.rt.cfg.MaxMemory, Deadline: time.Minute}
	for _, name := range i.initNames() {
		res, err := i.run(ctx, i.mod.ExportedFunction(name), host.NewSession(abi.Call{}, noState{}, host.Grant{}, limits))
		if err == nil && res.Fault != nil {
			err = refuse("%s: %v", name, res.Fault)
		}
		if err != nil {
			i.close()
			return err
		}
	}
	if m.image, err = i.snapshot(); err != nil {
		i.close()
		return err
	}
	version, err := i.version(ctx, limits)
	if err == nil && version != abi.Version {
		err = &host.Refusal{Reason: fmt.Sprintf("built for ABI version %d, this host has version %d", version, abi.Version),
			Hint: "rebuild it with the SDK of this host"}
	}
	if err != nil {
		i.close()
		m.image.close()
		return err
	}
	m.recycle(i)
	return nil
}

// noState is what a contract finds while it is initialised.
type noState struct{}

func (noState) Get(abi.Address, string) ([]byte, bool)  { return nil, false }
func (noState) Next(abi.Address, string) (string, bool) { return "", false }

// Phases lists the entries.
func (m *module) Phases() []abi.Phase { return m.phases }

// Call runs an entry. It waits while as many calls are under way as there may be.
func (m *module) Call(ctx context.Context, s *host.Session) (host.Result, error) {
	if _, ok := m.info.Funcs[s.Call.Phase.String()]; !ok {
		return s.Finish(abi.Faultf(abi.WrongABI, "the contract has no entry %s", s.Call.Phase), 0, 0), nil
	}
	select {
	case m.slots <- struct{}{}:
	default:
		select {
		case m.slots <- struct{}{}:
		case <-ctx.Done():
			return host.Result{}, fmt.Errorf("wait for an instance: %w", context.Cause(ctx))
		}
	}
	defer func() { <-m.slots }()
	i, err := m.take(ctx)
	if err != nil {
		return host.Result{}, err
	}
	res, err := i.run(ctx, i.entries[s.Call.Phase], s)
	if err != nil {
		i.close()
		return host.Result{}, fmt.Errorf("call %s of contract %s: %w", s.Call.Phase, s.Call.Contract, err)
	}
	m.recycle(i)
	return res, nil
}

// take returns an instance that shows the image.
func (m *module) take(ctx context.Context) (*instance, error) {
	select {
	case i := <-m.idle:
		return i, nil
	default:
	}
	m.rt.build.Lock()
	defer m.rt.build.Unlock()
	i, err := m.instantiate(ctx)
	if err != nil {
		return nil, err
	}
	if err := i.adopt(m.image); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

// recycle puts the image back and keeps the instance, or lets it go when that can not be
// done: its memory grew, or the contract changes what has no image.
func (m *module) recycle(i *instance) {
	if m.info.Sticky || m.closed.Load() || !i.restore(m.image) {
		i.close()
		return
	}
	select {
	case m.idle <- i:
	default:
		i.close()
	}
}

// Close frees the instances and, with the last module of its kind, the code.
func (m *module) Close() error {
	if m.closed.Swap(true) {
		return nil
	}
	var errs []error
	for {
		select {
		case i := <-m.idle:
			errs = append(errs, i.close())
			continue
		default:
		}
		break
	}
	m.rt.build.Lock()
	defer m.rt.build.Unlock()
	m.rt.release(m.compiled)
	errs = append(errs, m.image.close())
	return errors.Join(errs...)
}
