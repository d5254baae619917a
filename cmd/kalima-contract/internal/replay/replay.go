package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node/contracts"
	"github.com/kalima-chain/kalima/node/master"
	"github.com/kalima-chain/kalima/registry"
)

// Config says how transactions are run again.
type Config struct {
	Source   Source
	Runtimes map[string]host.Runtime // by language, as contracts.Config takes them

	// With, when set, takes the place of the bundle of its name, wherever that was deployed.
	With []byte

	// Symbols returns the artefact of a bundle with names and lines, its code being the
	// same; nil leaves it as it is.
	Symbols func(context.Context, *registry.Bundle) []byte

	// Trace keeps every call of a host function.
	Trace bool
}

// Call is a call of a contract.
type Call struct {
	Call   abi.Call
	Result host.Result
	Limits host.Limits
	Bundle *registry.Bundle
	Trace  []host.HostCall
}

// Run is a transaction, as its block says that it ended and as it ended here.
type Run struct {
	Tx      *chain.Tx
	Block   *chain.Block
	Index   uint32
	Here    chain.Outcome
	Refused error // it would not get into a block at all
	Calls   []Call
	Rounds  int  // how often it ran until nothing was missing
	Engine  bool // the block names the same engine as the one here
}

// There is the outcome in the block.
func (r *Run) There() *chain.Outcome { return &r.Block.Entries[r.Index].Outcome }

// maxRounds bounds how often a transaction runs. Each round knows more than the one before.
const maxRounds = 1000

// Tx runs a transaction again.
func Tx(ctx context.Context, cfg Config, id abi.TxID) (*Run, error) {
	found, err := cfg.Source.Tx(ctx, id)
	if err != nil {
		return nil, err
	}
	at := found.Receipt
	blocks, err := cfg.Source.Blocks(ctx, at.Height, 1)
	if err != nil {
		return nil, err
	}
	if len(blocks) == 0 {
		return nil, fmt.Errorf("block %d: the master sent none", at.Height)
	}
	b, err := chain.DecodeBlock(blocks[0])
	if err != nil {
		return nil, err
	}
	r := &Run{Block: b, Index: at.Index}
	if b.Header.Height != at.Height || int(at.Index) >= len(b.Entries) || b.Tx(int(at.Index)) == nil || b.Tx(int(at.Index)).ID != id {
		return nil, fmt.Errorf("block %d does not hold %s at entry %d, as the master said", b.Header.Height, id, at.Index)
	}
	r.Tx = b.Tx(int(at.Index))
	p := newPast(cfg.Source, at.Height, at.Index)
	p.learn(b)
	for _, read := range r.There().Reads {
		p.missing[read] = true
	}
	for i := range r.Tx.Ops { // what the builder itself looks up
		if op := &r.Tx.Ops[i]; op.Kind == chain.OpMove {
			p.missing[key{Address: op.Address, Key: op.Key}] = true
		}
	}
	return r, r.play(ctx, &cfg, p)
}

// play runs the transaction until the past knows all that it asks for.
func (r *Run) play(ctx context.Context, cfg *Config, p *past) error {
	o := &observer{cfg: cfg}
	engine := contracts.New(contracts.Config{Runtimes: o.runtimes(), Fetch: o.fetch})
	defer engine.Close()
	r.Engine = engine.Digest() == r.Block.Header.Engine
	if _, err := p.fetch(ctx); err != nil {
		return err
	}
	for r.Rounds = 1; r.Rounds <= maxRounds; r.Rounds++ {
		o.calls = nil
		err := r.round(ctx, cfg, p, engine)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		more, ferr := p.fetch(ctx)
		if ferr != nil {
			return ferr
		}
		if more {
			continue // the error may be that of what was missing
		}
		var refused *chain.Refusal
		if errors.As(err, &refused) {
			r.Refused, err = refused, nil
		}
		r.Calls = o.calls
		return err
	}
	return fmt.Errorf("the transaction asked for something new in each of %d runs", maxRounds)
}

func (r *Run) round(ctx context.Context, cfg *Config, p *past, engine *contracts.Engine) error {
	changes, err := replace(p, cfg.With)
	if err != nil {
		return err
	}
	h := &r.Block.Header
	s, err := p.state(h, changes)
	if err != nil {
		return err
	}
	b := chain.NewBuilder(s, rules{master.NewRules(engine), p}, h.Leader, h.Term)
	b.Begin(h.Time)
	r.Here, err = b.Execute(ctx, r.Tx)
	for i := range r.Here.Writes { // the builder numbers them from the state
		view{s, p}.Sequence(r.Here.Writes[i].Address)
	}
	return err
}

// rules are a master's, on a view that notes what is missing.
type rules struct {
	chain.Rules
	past *past
}

func (r rules) Admit(v chain.View, tx *chain.Tx) (chain.Member, error) {
	return r.Rules.Admit(view{v, r.past}, tx)
}

func (r rules) System(ctx context.Context, v chain.View, env chain.Env, op *chain.Op) (chain.Verdict, error) {
	return r.Rules.System(ctx, view{v, r.past}, env, op)
}

func (r rules) Validate(ctx context.Context, v chain.View, call abi.Call) (chain.Verdict, error) {
	view{v, r.past}.Sequence(call.Address) // the builder took it from the state
	return r.Rules.Validate(ctx, view{v, r.past}, call)
}

// replace returns the records that say that a bundle is deployed wherever another one of
// its name is.
func replace(p *past, encoded []byte) (map[key][]byte, error) {
	if encoded == nil {
		return nil, nil
	}
	digest := registry.DigestOf(encoded)
	bundle, err := registry.Open(encoded, digest)
	if err != nil {
		return nil, err
	}
	m := bundle.Manifest
	changes := map[key][]byte{}
	put := func(a abi.Address, k string, v any) error {
		b, err := json.Marshal(v)
		changes[key{Address: a, Key: k}] = b
		return err
	}
	for k, v := range p.values {
		if k.Address != registry.BindingsAddress || v == nil {
			continue
		}
		var b registry.Binding
		if err := json.Unmarshal(v.Bytes, &b); err != nil {
			return nil, fmt.Errorf("binding %s: %w", k.Key, err)
		}
		if b.Name != m.Name {
			continue
		}
		b.Version, b.Digest = m.Version, digest
		if err := put(k.Address, k.Key, b); err != nil {
			return nil, err
		}
	}
	claims := bundle.Publish(encoded).Claims
	err = errors.Join(
		put(registry.VersionsAddress(m.Name), m.Version, registry.Record{Claims: claims, Bundle: digest, Status: registry.StatusApproved}),
		put(registry.ContractsAddress, digest.String(), registry.Entry{Name: m.Name, Version: m.Version}),
	)
	return changes, err
}
