package master

import (
	"context"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/node/contracts"
	"github.com/kalima-chain/kalima/registry"
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

func (r *rules) System(v chain.View, env chain.Env, op *chain.Op) ([]abi.Write, *abi.Fault) {
	switch {
	case policy.Owns(op.Name):
		return policy.System(v, env, op)
	case strings.HasPrefix(op.Name, "contract."):
		return registry.Apply(v, registry.Env{
			Sender: env.Sender, Name: env.Member.Name, Roles: env.Member.Roles, Height: env.Height, Time: env.Time,
		}, op.Name, op.Body)
	}
	return nil, abi.Faultf(abi.SystemRejected, "no such system operation: %s", op.Name)
}

func (r *rules) Validate(ctx context.Context, v chain.View, call abi.Call) (chain.Verdict, error) {
	return r.engine.Validate(ctx, &r.bindings, v, call)
}
