package contracts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

// DefaultMaxModules holds sixty Go contracts of 4 MiB, or some thousands in C.
const DefaultMaxModules = 256 << 20

// leastModule is what a small module counts in the cache: engines keep tables for each.
const leastModule = 64 << 10

// Config says what an Engine runs contracts with.
type Config struct {
	// Runtimes are the engines by language of the manifest: "c", "go", "rust", "js" and
	// "starlark". A node that meets a language without one fails the call, not the contract.
	Runtimes map[string]host.Runtime

	// Fetch gets the bytes of a bundle, from the node's own store first, then from others.
	// It may take its time, and need not check the digest.
	Fetch func(ctx context.Context, bundle abi.Digest) ([]byte, error)

	World      host.World  // what react contracts may be granted; nil: nothing
	Limits     host.Limits // of one call; zero fields take host.DefaultLimits
	MaxModules int64       // bytes of the artefacts kept loaded; 0 means DefaultMaxModules

	// Log gets the lines that contracts log, at debug level, and why one could not be loaded;
	// nil drops them.
	Log *slog.Logger
}

// Engine runs contracts. Safe for concurrent use.
type Engine struct {
	cfg    Config
	cache  *cache
	digest abi.Digest
}

// New returns an engine. It loads nothing yet. The runtimes stay the caller's to close,
// after the engine.
func New(cfg Config) *Engine {
	if cfg.MaxModules == 0 {
		cfg.MaxModules = DefaultMaxModules
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{cfg: cfg}
	var schedules []string
	for _, rt := range cfg.Runtimes {
		schedules = append(schedules, rt.Schedule())
	}
	e.digest = host.Engine(cfg.Limits, schedules...)
	e.cache = newCache(cfg.MaxModules, e.load)
	return e
}

// Close frees every module. No call may be running.
func (e *Engine) Close() error { e.cache.close(); return nil }

// Warm loads a bundle, so that the first call does not wait for it. A bundle that can not
// run is the returned fault.
func (e *Engine) Warm(ctx context.Context, b registry.Binding) (*abi.Fault, error) {
	m, release, err := e.cache.acquire(ctx, b.Digest, b.Language)
	if err != nil {
		return nil, err
	}
	defer release()
	return m.refusal, nil
}

// Validate runs every validate contract bound to the call's address, in the order of their
// instances' names. Each sees the writes of those before it; none sees the operation
// itself done. The first fault ends it. c is the cache of the line of states that v
// belongs to. An error says nothing about the transaction: this node could not run it.
func (e *Engine) Validate(ctx context.Context, c *Bindings, v chain.View, call abi.Call) (chain.Verdict, error) {
	// Only system operations change the registry, and what a transaction's first operation
	// sees has none before it: see Bindings.find.
	set, err := c.at(v, call.OpIndex == 0)
	if err != nil {
		return chain.Verdict{}, err
	}
	found := set.match(abi.Validate, call.Address)
	if len(found) == 0 {
		return chain.Verdict{}, nil
	}
	asked := &questions{engine: e, find: set.instance}
	var out chain.Verdict
	state := recorder{view: v}
	for i := range found {
		b := &found[i]
		if !b.approved {
			out.Fault = notApproved(&b.Binding)
			break
		}
		call.Phase = abi.Validate
		r, err := e.run(ctx, &b.Binding, &state, call, asked)
		if err != nil {
			return chain.Verdict{}, err
		}
		out.Gas += r.Used.Gas
		if r.Fault != nil {
			out.Fault = r.Fault
			break
		}
		out.Writes = append(out.Writes, r.Writes...)
		state.apply(r.Writes)
	}
	if out.Fault != nil {
		out.Writes = nil
	}
	out.Reads = state.reads
	return out, nil
}

// React runs the react contract of a binding for an event. st is the client's own copy of
// the state, in which the registry's records stand too. What the contract asks to submit is
// in the result; sending it is the caller's part.
func (e *Engine) React(ctx context.Context, b registry.Binding, st host.State, call abi.Call) (host.Result, error) {
	if b.Revoked || !registry.Approved(st, b.Digest) {
		return host.Result{Fault: notApproved(&b)}, nil
	}
	call.Phase = abi.React
	return e.run(ctx, &b, st, call, &questions{engine: e, find: instanceIn(st)})
}

// Query runs the query entry of a deployed contract. The call's Contract names it, its Key
// and Value are the question. found is false when no such contract has one.
func (e *Engine) Query(ctx context.Context, st host.State, call abi.Call) (r host.Result, found bool, err error) {
	call.Phase = abi.Query
	q := &questions{engine: e, find: instanceIn(st)}
	s := host.NewSession(call, st, host.Grant{}, e.cfg.Limits)
	s.Contracts = q
	if r, found, err = q.Query(ctx, s); r.Fault != nil && r.Fault.Code != abi.Rejected {
		r.Fault = named(call.Contract, r.Fault)
	}
	return r, found, err
}

// Digest is the digest of what decides how contracts end and what they cost.
func (e *Engine) Digest() abi.Digest { return e.digest }

func (e *Engine) run(ctx context.Context, b *registry.Binding, st host.State, call abi.Call, asked host.Contracts) (host.Result, error) {
	m, release, err := e.cache.acquire(ctx, b.Digest, b.Language)
	if err != nil {
		return host.Result{}, fmt.Errorf("contract %s: %w", b.Instance, err)
	}
	defer release()
	if m.refusal != nil {
		return host.Result{Fault: abi.Faultf(m.refusal.Code, "contract %s: %s", b.Instance, m.refusal.Message)}, nil
	}
	if err := b.Check(m.bundle); err != nil {
		return host.Result{Fault: abi.Faultf(abi.Denied, "contract %s: %v", b.Instance, err)}, nil
	}
	call.Contract = b.Instance
	s := host.NewSession(call, st, host.Grant{Write: b.Write, Submit: b.Submit, HTTP: b.HTTP, Clock: b.Clock}, e.cfg.Limits)
	s.Contracts = asked
	if call.Phase == abi.React {
		s.World = e.cfg.World
	}
	r, err := m.module.Call(ctx, s)
	if err != nil {
		return host.Result{}, fmt.Errorf("contract %s: %w", b.Instance, err)
	}
	if r.Fault != nil && r.Fault.Code != abi.Rejected { // a contract that rejects speaks for itself
		r.Fault = named(b.Instance, r.Fault)
		e.cfg.Log.Warn("contract faulted", "instance", b.Instance, "version", b.Version, "phase", call.Phase.String(),
			"fault", r.Fault, "where", r.Where, "detail", r.Fault.Detail, "tx", call.TxID.Short())
	}
	for _, line := range r.Log {
		e.cfg.Log.Debug("contract", "instance", b.Instance, "version", b.Version, "phase", call.Phase.String(), "line", line)
	}
	return r, nil
}

// load gets, verifies and prepares a bundle. What is wrong with the bytes that the digest
// names is a refusal; anything else is an error.
func (e *Engine) load(ctx context.Context, d abi.Digest, l registry.Language) (*module, error) {
	rt := e.cfg.Runtimes[string(l)]
	if rt == nil {
		return nil, fmt.Errorf("no runtime for language %q is configured", l)
	}
	encoded, err := e.cfg.Fetch(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("fetch bundle: %w", err)
	}
	refuse := func(code abi.Code, err error) (*module, error) {
		e.cfg.Log.Warn("bundle refused", "bundle", d.Short(), "error", err)
		return &module{refusal: abi.Faultf(code, "%v", err), size: leastModule}, nil
	}
	bundle, err := registry.Open(encoded, d)
	var mismatch *registry.DigestMismatch
	if errors.As(err, &mismatch) {
		return nil, err
	}
	if err != nil {
		return refuse(abi.Denied, err)
	}
	if bundle.Manifest.Language != l { // before the wrong engine sees it
		return refuse(abi.Denied, fmt.Errorf("bundle %s is in %s, its record says %s", d.Short(), bundle.Manifest.Language, l))
	}
	m, err := rt.Load(ctx, bundle.Artefact)
	var refusal *host.Refusal
	if errors.As(err, &refusal) {
		return refuse(abi.WrongABI, refusal)
	}
	if err != nil {
		return nil, err
	}
	run := *bundle
	run.Source, run.Artefact = nil, nil
	return &module{bundle: &run, module: m, size: int64(max(len(bundle.Artefact), leastModule))}, nil
}

// named returns a fault that says which contract it is of.
func named(instance string, f *abi.Fault) *abi.Fault {
	n := *f
	n.Message = abi.Clip(strings.TrimSuffix("contract "+instance+": "+f.Message, ": "))
	return &n
}

func notApproved(b *registry.Binding) *abi.Fault {
	return abi.Faultf(abi.Denied, "contract %s is not approved: %s %s, bundle %s", b.Instance, b.Name, b.Version, b.Digest.Short())
}
