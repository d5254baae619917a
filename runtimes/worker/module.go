package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// module is a contract that some workers have loaded.
type module struct {
	runtime *Runtime
	code    []byte
	digest  abi.Digest
	phases  []abi.Phase
	read    [abi.Migrate + 1]predictor // by phase
}

func (m *module) reads(p abi.Phase) *predictor { return &m.read[min(p, abi.Migrate)] }

// Phases lists what the contract had when it was loaded.
func (m *module) Phases() []abi.Phase { return append([]abi.Phase(nil), m.phases...) }

// Close does nothing: workers forget modules when they are replaced.
func (m *module) Close() error { return nil }

// Call runs the contract in a worker.
func (m *module) Call(ctx context.Context, s *host.Session) (host.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Limits.Deadline)
	defer cancel()
	probe := s.Probe
	s.Probe = nil // the worker's session has one, and what is done here is no second time
	defer func() { s.Probe = probe }()
	s.Begin(free{})
	var result host.Result
	err := m.runtime.attempt(ctx, s.Nested, m.digest, func(ctx context.Context, p *process) (err error) {
		if !p.modules[m.digest] {
			if _, err := p.load(m); err != nil {
				return err
			}
		}
		d := &dialogue{p: p, s: s, probe: probe}
		result, err = d.call(ctx, m)
		if err == nil {
			result = replay(s, result) // before the next frame takes its memory
		}
		return err
	})
	var d *died
	switch {
	case errors.As(err, &d):
		fault := &abi.Fault{Code: d.code, Message: d.reason, Detail: d.detail}
		return s.Finish(fault, s.Limits.Gas, 0), nil
	case err != nil:
		return host.Result{}, fmt.Errorf("call %s of contract %s: %w", s.Call.Phase, s.Call.Contract, err)
	}
	return result, nil
}
