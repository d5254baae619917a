package contracts

import (
	"context"
	"fmt"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

// questions runs the queries that contracts ask each other in one call.
type questions struct {
	engine *Engine
	find   func(instance string) (*bound, error) // nil when it is not deployed
}

var _ host.Contracts = (*questions)(nil)

// instanceIn finds the binding of an instance in a state.
func instanceIn(r registry.Reader) func(string) (*bound, error) {
	return func(name string) (*bound, error) {
		if registry.CheckName(name) != nil {
			return nil, nil
		}
		bs, err := registry.InstanceBindings(r, name)
		if err != nil || len(bs) == 0 {
			return nil, err
		}
		b := bs[0] // all bindings of an instance have the same version
		return &bound{b, !b.Revoked && registry.Approved(r, b.Digest)}, nil
	}
}

// Query implements host.Contracts.
func (q *questions) Query(ctx context.Context, s *host.Session) (r host.Result, found bool, err error) {
	b, err := q.find(s.Call.Contract)
	if err != nil || b == nil {
		return host.Result{}, false, err
	}
	if !b.approved {
		return host.Result{Fault: notApproved(&b.Binding)}, true, nil
	}
	m, release, err := q.engine.cache.acquire(ctx, b.Digest, b.Language)
	if err != nil {
		return host.Result{}, false, fmt.Errorf("contract %s: %w", b.Instance, err)
	}
	defer release()
	if m.refusal != nil {
		return host.Result{Fault: m.refusal}, true, nil
	}
	if !m.bundle.Manifest.HasPhase(abi.Query) {
		return host.Result{}, false, nil
	}
	asked := b.Binding
	asked.Phase = abi.Query.String()
	if err := asked.Check(m.bundle); err != nil {
		return host.Result{Fault: abi.Faultf(abi.Denied, "contract %s: %v", b.Instance, err)}, true, nil
	}
	if r, err = m.module.Call(ctx, s); err != nil {
		return host.Result{}, false, fmt.Errorf("contract %s: %w", b.Instance, err)
	}
	return r, true, nil
}
