package contracts

import (
	"context"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

// System runs an operation of the registry. A deployment that replaces a version runs the new
// one's migrate, if it has that entry: with the version that ran last as the key, and the new
// one as the value. What migrate does not accept is not deployed.
func (e *Engine) System(ctx context.Context, v chain.View, env chain.Env, op *chain.Op) (chain.Verdict, error) {
	ws, f := registry.Apply(v, registry.Env{
		Sender: env.Sender, Name: env.Member.Name, Roles: env.Member.Roles, Height: env.Height, Time: env.Time,
	}, op.Name, op.Body)
	out := chain.Verdict{Writes: ws, Fault: f}
	if f != nil || op.Name != registry.OpDeploy {
		return out, nil
	}
	b, from, ok, err := registry.Migration(v, op.Body)
	if err != nil || !ok {
		return out, err
	}
	state := recorder{view: v}
	r, err := e.run(ctx, &b, &state, abi.Call{
		Phase: abi.Migrate, Chain: env.Chain, Op: abi.Put, OpIndex: env.Index,
		Address: abi.StateAddress(b.Instance), Key: from, Value: []byte(b.Version),
		Sequence: v.Sequence(abi.StateAddress(b.Instance)), Height: env.Height, Time: env.Time,
		Sender: env.Sender, Name: env.Member.Name, Roles: env.Member.Roles, TxID: env.TxID,
	}, &questions{engine: e, find: instanceIn(host.State(v))})
	if err != nil {
		return chain.Verdict{}, err
	}
	out.Gas, out.Reads = r.Used.Gas, state.reads
	if r.Fault != nil {
		return chain.Verdict{Fault: r.Fault, Gas: out.Gas, Reads: out.Reads}, nil
	}
	out.Writes = append(out.Writes, r.Writes...)
	return out, nil
}
