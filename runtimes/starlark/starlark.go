package starlark

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

var (
	_ host.Runtime = (*Runtime)(nil)
	_ host.Module  = (*module)(nil)
)

const (
	// MaxSource bounds a contract's source, in bytes.
	MaxSource = 64 << 10

	// StepGas is what a step of the interpreter costs: about its time in nanoseconds.
	StepGas = 10

	loadGas    = 10_000_000 // for the top level of a contract, when it is loaded
	sourceName = "contract.star"
)

var options = &syntax.FileOptions{Set: true, While: true, TopLevelControl: true}

// Runtime prepares Starlark contracts. It holds nothing.
type Runtime struct{}

// New makes a runtime.
func New() *Runtime { return &Runtime{} }

// Name is "starlark".
func (*Runtime) Name() string { return "starlark" }

// Schedule names the interpreter and the prices of steps and built-ins.
func (*Runtime) Schedule() string { return schedule() }

// Close does nothing.
func (*Runtime) Close() error { return nil }

// Load parses, rewrites and compiles a contract, and runs its top level.
func (*Runtime) Load(ctx context.Context, code []byte) (host.Module, error) {
	switch {
	case len(code) == 0:
		return nil, &host.Refusal{Reason: "the source is empty"}
	case len(code) > MaxSource:
		return nil, &host.Refusal{Reason: fmt.Sprintf("source of %d bytes, at most %d", len(code), MaxSource), Hint: "split the contract"}
	case !utf8.Valid(code):
		return nil, &host.Refusal{Reason: "the source is not UTF-8"}
	}
	file, err := options.Parse(sourceName, code, 0)
	if err != nil {
		return nil, badSource(err)
	}
	if refusal := rewrite(file); refusal != nil {
		return nil, refusal
	}
	prog, err := starlark.FileProgram(file, predeclared.Has)
	if err != nil {
		return nil, badSource(err)
	}
	return load(ctx, prog)
}

func badSource(err error) *host.Refusal {
	var s syntax.Error
	var list resolve.ErrorList
	switch {
	case errors.As(err, &s):
		return &host.Refusal{Reason: fmt.Sprintf("line %d: %s", s.Pos.Line, abi.Clip(s.Msg))}
	case errors.As(err, &list) && len(list) > 0:
		return &host.Refusal{Reason: fmt.Sprintf("line %d: %s", list[0].Pos.Line, abi.Clip(list[0].Msg))}
	}
	return &host.Refusal{Reason: abi.Clip(err.Error())}
}

// module is a contract whose top level has run. Its globals are frozen.
type module struct {
	entries map[abi.Phase]*starlark.Function
}

func load(ctx context.Context, prog *starlark.Program) (host.Module, error) {
	c := newCall(nil, loadGas, host.DefaultLimits.Memory)
	var globals starlark.StringDict
	fault, err := c.run(ctx, func(t *starlark.Thread) (err error) {
		globals, err = prog.Init(t, predeclared)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("run the top level of a contract: %w", err)
	}
	if fault != nil {
		reason := "its top level ends with " + fault.Error()
		if fault.Detail != "" {
			reason += " at " + fault.Detail
		}
		return nil, &host.Refusal{Reason: reason}
	}
	globals.Freeze()
	version, ok := globals[abi.VersionExport].(starlark.Int)
	if !ok {
		return nil, &host.Refusal{Reason: "kalima_abi is not set", Hint: "put this line at the top: kalima_abi = 1"}
	}
	if n, ok := version.Int64(); !ok || n != abi.Version {
		return nil, &host.Refusal{Reason: fmt.Sprintf("built for ABI version %s; this node has version %d", abi.Clip(version.String()), abi.Version), Hint: fmt.Sprintf("write kalima_abi = %d, or load it where its version is served", abi.Version)}
	}
	m := &module{entries: map[abi.Phase]*starlark.Function{}}
	for _, p := range abi.Phases() {
		if f, ok := globals[p.String()].(*starlark.Function); ok {
			if f.NumParams() != 0 {
				return nil, &host.Refusal{Reason: fmt.Sprintf("line %d: %s takes parameters", f.Position().Line, p), Hint: fmt.Sprintf("write def %s():", p)}
			}
			m.entries[p] = f
		}
	}
	if len(m.entries) == 0 {
		return nil, &host.Refusal{Reason: "no entry", Hint: "define validate, react, query or migrate"}
	}
	return m, nil
}

// Phases lists the entries.
func (m *module) Phases() (list []abi.Phase) {
	for _, p := range abi.Phases() {
		if m.entries[p] != nil {
			list = append(list, p)
		}
	}
	return list
}

// Close does nothing.
func (m *module) Close() error { return nil }

// Call runs the entry of the session's phase on a thread of its own.
func (m *module) Call(ctx context.Context, s *host.Session) (host.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Limits.Deadline)
	defer cancel()
	c := newCall(s, s.Limits.Gas, s.Limits.Memory)
	s.Begin(c)
	fault, err := c.enter(ctx, m.entries[s.Call.Phase])
	if err != nil {
		return host.Result{}, fmt.Errorf("call %s of contract %s: %w", s.Call.Phase, s.Call.Contract, err)
	}
	res := s.Finish(fault, c.gas(), c.allocated)
	if fault != nil {
		res.Where = c.where
	}
	res.Used.Depth = c.deepest
	return res, nil
}
