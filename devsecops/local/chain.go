package local

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// Contract is a contract as it would be deployed.
type Contract struct {
	Module   host.Module
	Instance string
	Version  string // what migrate is told
	File     string // of a script: engines are not told its name; "" for what is compiled
	Grant    host.Grant
	Limits   host.Limits // of one call; zero fields take host.DefaultLimits
}

// Has reports whether the contract has the entry of a phase.
func (c Contract) Has(p abi.Phase) bool { return slices.Contains(c.Module.Phases(), p) }

// Chain is a contract, the state it reads and what is around it. Used by one goroutine.
type Chain struct {
	Contract  Contract
	State     *State
	World     host.World     // what react may reach; nil: nothing
	Contracts host.Contracts // whom query asks; nil: nobody

	// Before, when set, is called before each call of the contract, with the means to make
	// the same call as often as it likes.
	Before func(context.Context, Attempt) error

	// Probe, when set, watches each call.
	Probe func(abi.Call) *host.Probe
}

// Sender is who signs an event.
type Sender struct {
	Name  string
	Roles []string
}

// Event is what comes in. An empty value deletes.
type Event struct {
	Address abi.Address
	Key     string
	Value   []byte
	At      abi.Time // the sender's time of measurement; 0 when it gives none
	Sender  Sender
}

// Step is one call of the contract.
type Step struct {
	Call   abi.Call
	Result host.Result
	Limits host.Limits // with the defaults filled in
}

// Start is the time of the first event, unless the state says otherwise.
var Start = abi.Time(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro())

// Event runs what is bound to an event: validate and, when that accepts, react. An accepted
// event is then part of the state, with what validate wrote. The steps are in the order
// in which they ran. The error is the node's; what the contract does wrong is in a step.
func (c *Chain) Event(ctx context.Context, e Event) ([]Step, error) {
	call := c.next(e.Sender)
	call.Op, call.Address, call.Key, call.Value, call.At = abi.Put, e.Address, e.Key, e.Value, e.At
	if len(e.Value) == 0 {
		call.Op = abi.Delete
	}
	call.Sequence = c.State.Sequence(e.Address) + 1
	var steps []Step
	var writes []abi.Write
	if c.Contract.Has(abi.Validate) {
		s, err := c.call(ctx, abi.Validate, call)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
		if s.Result.Fault != nil {
			return steps, nil
		}
		writes = s.Result.Writes
	}
	c.State.Set(e.Address, e.Key, e.Value)
	c.State.count(e.Address)
	c.apply(writes)
	if c.Contract.Has(abi.React) {
		s, err := c.call(ctx, abi.React, call)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// Query asks the contract's query entry.
func (c *Chain) Query(ctx context.Context, from Sender, key string, arg []byte) (Step, error) {
	return c.once(ctx, abi.Query, from, key, arg)
}

// Migrate runs the contract's migrate entry, as when this version replaces the version from,
// and keeps what it wrote.
func (c *Chain) Migrate(ctx context.Context, by Sender, from string) (Step, error) {
	s, err := c.once(ctx, abi.Migrate, by, from, []byte(c.Contract.Version))
	if err == nil {
		c.apply(s.Result.Writes)
	}
	return s, err
}

// Run runs one phase for an event, and no other. The event of a query is its question, that
// of migrate has the version before as its key.
func (c *Chain) Run(ctx context.Context, phase abi.Phase, e Event) (Step, error) {
	switch phase {
	case abi.Query:
		return c.Query(ctx, e.Sender, e.Key, e.Value)
	case abi.Migrate:
		return c.Migrate(ctx, e.Sender, e.Key)
	}
	if !c.Contract.Has(phase) {
		return Step{}, c.lacks(phase)
	}
	call := c.next(e.Sender)
	call.Op, call.Address, call.Key, call.Value, call.At = abi.Put, e.Address, e.Key, e.Value, e.At
	if len(e.Value) == 0 {
		call.Op = abi.Delete
	}
	call.Sequence = c.State.Sequence(e.Address) + 1
	if phase == abi.React { // it comes after the event
		c.State.Set(e.Address, e.Key, e.Value)
		c.State.count(e.Address)
	}
	s, err := c.call(ctx, phase, call)
	if err != nil || s.Result.Fault != nil || phase == abi.React {
		return s, err
	}
	c.State.Set(e.Address, e.Key, e.Value)
	c.State.count(e.Address)
	c.apply(s.Result.Writes)
	return s, nil
}

func (c *Chain) once(ctx context.Context, phase abi.Phase, from Sender, key string, value []byte) (Step, error) {
	if !c.Contract.Has(phase) {
		return Step{}, c.lacks(phase)
	}
	call := c.next(from)
	call.Op, call.Address, call.Key, call.Value = abi.Put, abi.StateAddress(c.Contract.Instance), key, value
	call.Sequence = c.State.Sequence(call.Address)
	return c.call(ctx, phase, call)
}

// NoEntryError is a phase that the contract does not have.
type NoEntryError struct {
	Contract string
	Phase    abi.Phase
	Has      []abi.Phase
}

func (e *NoEntryError) Error() string {
	s := fmt.Sprintf("contract %s has no %s; it has", e.Contract, e.Phase)
	for i, p := range e.Has {
		if i > 0 {
			s += ","
		}
		s += " " + p.String()
	}
	return s
}

func (c *Chain) lacks(p abi.Phase) error {
	return &NoEntryError{c.Contract.Instance, p, c.Contract.Module.Phases()}
}

// next is the call of the next block, without its event.
func (c *Chain) next(from Sender) abi.Call {
	s := c.State
	if s.Time == 0 {
		s.Time = Start
	}
	s.Height++
	call := abi.Call{
		Contract: c.Contract.Instance, Chain: sha256.Sum256([]byte("kalima scenario")),
		Height: s.Height, Time: s.Time,
		Sender: sha256.Sum256([]byte(from.Name)), Name: from.Name, Roles: slices.Sorted(slices.Values(from.Roles)),
		TxID: sha256.Sum256([]byte("event " + strconv.FormatUint(uint64(s.Height), 10))),
	}
	s.Time += abi.Time(time.Second / time.Microsecond)
	return call
}

func (c *Chain) call(ctx context.Context, phase abi.Phase, call abi.Call) (Step, error) {
	call.Phase = phase
	a := Attempt{Call: call, chain: c}
	if c.Before != nil {
		if err := c.Before(ctx, a); err != nil {
			return Step{}, err
		}
	}
	var p *host.Probe
	if c.Probe != nil {
		p = c.Probe(call)
	}
	return a.Run(ctx, c.Contract.Limits, p)
}

func (c *Chain) apply(writes []abi.Write) {
	for _, w := range writes {
		c.State.Set(w.Address, w.Key, w.Value)
		c.State.count(w.Address)
	}
}

// Attempt is a call that can be made as often as one likes: it changes nothing.
type Attempt struct {
	Call  abi.Call
	chain *Chain
}

// Limits are the limits that the call would have.
func (a Attempt) Limits() host.Limits { return a.chain.Contract.Limits }

// Run makes the call, with these limits and a probe, which may be nil.
func (a Attempt) Run(ctx context.Context, l host.Limits, p *host.Probe) (Step, error) {
	c := a.chain
	s := host.NewSession(a.Call, c.State, c.Contract.Grant, l)
	s.World, s.Contracts, s.Probe = c.World, c.Contracts, c.Contract.naming(p)
	r, err := c.Contract.Module.Call(ctx, s)
	if err != nil {
		return Step{}, fmt.Errorf("contract %s, %s: %w", c.Contract.Instance, a.Call.Phase, err)
	}
	c.Contract.name(r.Where)
	return Step{Call: a.Call, Result: r, Limits: s.Limits}, nil
}

// name puts the script's file into places, and functions as their source names them.
func (c Contract) name(places []abi.Place) {
	for i := range places {
		p := &places[i]
		if c.File != "" && p.Line > 0 {
			p.File = c.File
		}
		p.Function = FunctionName(p.Function)
	}
}

// naming is a probe that is told the script's file, and names of the source.
func (c Contract) naming(p *host.Probe) *host.Probe {
	if p == nil || p.Charge == nil {
		return p
	}
	named := *p
	named.Charge = func(stack []abi.Place, gas uint64) {
		places := append([]abi.Place(nil), stack...)
		c.name(places)
		p.Charge(places, gas)
	}
	return &named
}
