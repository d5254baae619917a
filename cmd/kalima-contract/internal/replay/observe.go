package replay

import (
	"context"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

// observer stands between the engine and its runtimes and notes the calls.
type observer struct {
	cfg     *Config
	bundles map[abi.Digest]*registry.Bundle // by the digest of the artefact
	calls   []Call
}

func (o *observer) fetch(ctx context.Context, d abi.Digest) ([]byte, error) {
	encoded := o.cfg.With
	if encoded == nil || registry.DigestOf(encoded) != d {
		var err error
		if encoded, err = o.cfg.Source.Blob(ctx, d); err != nil {
			return nil, err
		}
	}
	if b, err := registry.Open(encoded, d); err == nil {
		if o.bundles == nil {
			o.bundles = map[abi.Digest]*registry.Bundle{}
		}
		o.bundles[registry.DigestOf(b.Artefact)] = b
	}
	return encoded, nil
}

func (o *observer) runtimes() map[string]host.Runtime {
	all := map[string]host.Runtime{}
	for language, rt := range o.cfg.Runtimes {
		all[language] = runtime{rt, o}
	}
	return all
}

type runtime struct {
	host.Runtime
	o *observer
}

func (r runtime) Load(ctx context.Context, code []byte) (host.Module, error) {
	b := r.o.bundles[registry.DigestOf(code)]
	if b != nil && r.o.cfg.Symbols != nil {
		code = r.o.cfg.Symbols(ctx, b)
	}
	m, err := r.Runtime.Load(ctx, code)
	if err != nil {
		return nil, err
	}
	return module{m, r.o, b}, nil
}

type module struct {
	host.Module
	o      *observer
	bundle *registry.Bundle
}

func (m module) Call(ctx context.Context, s *host.Session) (host.Result, error) {
	c := Call{Call: s.Call, Limits: s.Limits, Bundle: m.bundle}
	s.Probe = &host.Probe{} // with one, depth is measured
	if m.o.cfg.Trace {
		s.Probe.HostCall = func(h host.HostCall) { c.Trace = append(c.Trace, h) }
	}
	r, err := m.Module.Call(ctx, s)
	if err == nil {
		c.Result = r
		m.o.calls = append(m.o.calls, c)
	}
	return r, err
}
