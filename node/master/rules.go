package master

import (
	"context"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/node/contracts"
)

// rules is what the leader executes by: policy, registry and contracts, as of the
// speculative state. One for each leadership, because its caches follow one line of states.
type rules struct {
	engine   *contracts.Engine
	bindings contracts.Bindings
	policy   policy.Cache
}

var _ chain.Rules = (*rules)(nil)

// NewRules returns the rules for one leadership.
func NewRules(engine *contracts.Engine) chain.Rules { return &rules{engine: engine} }

func (r *rules) Admit(v chain.View, tx *chain.Tx) (chain.Member, error) {
	set, err := r.policy.At(v)
	if err != nil {
		return chain.Member{}, err
	}
	return set.Admit(tx)
}

func (r *rules) System(ctx context.Context, v chain.View, env chain.Env, op *chain.Op) (chain.Verdict, error) {
	switch {
	case policy.Owns(op.Name):
		ws, f := policy.System(v, env, op)
		return chain.Verdict{Writes: ws, Fault: f}, nil
	case strings.HasPrefix(op.Name, "contract."):
		return r.engine.System(ctx, v, env, op)
	}
	return chain.Verdict{Fault: abi.Faultf(abi.SystemRejected, "no such system operation: %s", op.Name)}, nil
}

func (r *rules) Engine() abi.Digest { return r.engine.Digest() }

func (r *rules) Validate(ctx context.Context, v chain.View, call abi.Call) (chain.Verdict, error) {
	return r.engine.Validate(ctx, &r.bindings, v, call)
}
