package contracts

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

// script is a runtime whose contracts are Go functions. The artefact is the function's name.
type script struct {
	mu     sync.Mutex
	entry  map[string]func(*host.Session) *abi.Fault
	loads  map[string]int
	closed map[string]int
	gate   chan struct{} // when set, Load waits until it is closed
	fail   error         // when set, what Load returns
}

func newScript() *script {
	return &script{entry: map[string]func(*host.Session) *abi.Fault{}, loads: map[string]int{}, closed: map[string]int{}}
}

var errProcesses = errors.New("out of processes")

func (s *script) Name() string     { return "js" }
func (s *script) Schedule() string { return "js/test" }
func (s *script) Close() error     { return nil }

func (s *script) Load(ctx context.Context, code []byte) (host.Module, error) {
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := string(code)
	s.loads[name]++
	if s.fail != nil {
		return nil, s.fail
	}
	f, ok := s.entry[name]
	if !ok {
		return nil, &host.Refusal{Reason: "ABI 2, this node has 1"}
	}
	return &scriptModule{s, name, f}, nil
}

func (s *script) count(m map[string]int, name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return m[name]
}

type scriptModule struct {
	s    *script
	name string
	f    func(*host.Session) *abi.Fault
}

type free struct{}

func (free) Charge(uint64) *abi.Fault { return nil }
func (free) Left() uint64             { return 1 << 62 }

func (m *scriptModule) Phases() []abi.Phase { return []abi.Phase{abi.Validate, abi.React} }

func (m *scriptModule) Call(ctx context.Context, s *host.Session) (host.Result, error) {
	if m.s.count(m.s.closed, m.name) > 0 {
		return host.Result{}, errors.New("call of a closed module")
	}
	if ctx.Err() != nil {
		return host.Result{}, ctx.Err()
	}
	s.Begin(free{})
	return s.Finish(m.f(s), 10, 0), nil
}

func (m *scriptModule) Close() error {
	m.s.mu.Lock()
	m.s.closed[m.name]++
	m.s.mu.Unlock()
	return nil
}

// net is a chain with one master: what its contracts do is decided by an Engine.
type net struct {
	t        testing.TB
	script   *script
	engine   *Engine
	bindings *Bindings
	blobs    map[abi.Digest][]byte
	state    *chain.State
	builder  *chain.Builder
	nonce    byte
	open     bool
}

func newNet(t testing.TB) *net {
	n := &net{t: t, script: newScript(), bindings: new(Bindings), blobs: map[abi.Digest][]byte{}}
	n.engine = New(Config{Runtimes: map[string]host.Runtime{"js": n.script}, Fetch: n.fetch})
	t.Cleanup(func() { n.engine.Close() })
	g, err := (&chain.Genesis{Name: "test", Time: 1, Nonce: []byte("12345678")}).Block()
	if err != nil {
		t.Fatal(err)
	}
	n.state = chain.NewState()
	if _, err := n.state.Apply(g); err != nil {
		t.Fatal(err)
	}
	n.builder = chain.NewBuilder(n.state, n, abi.Identity{1}, 1)
	return n
}

func (n *net) fetch(_ context.Context, d abi.Digest) ([]byte, error) {
	b, ok := n.blobs[d]
	if !ok {
		return nil, fmt.Errorf("no peer has %s", d.Short())
	}
	return b, nil
}

func (n *net) Admit(_ chain.View, tx *chain.Tx) (chain.Member, error) {
	return chain.Member{Name: "someone", Roles: []string{registry.RoleAdmin}}, nil
}

func (n *net) Engine() abi.Digest { return n.engine.Digest() }

func (n *net) System(ctx context.Context, v chain.View, env chain.Env, op *chain.Op) (chain.Verdict, error) {
	return n.engine.System(ctx, v, env, op)
}

func (n *net) Validate(ctx context.Context, v chain.View, call abi.Call) (chain.Verdict, error) {
	return n.engine.Validate(ctx, n.bindings, v, call)
}

// key is the identity of a number.
func key(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('a'+seed)), 32)))
}

// execute runs a transaction of one sender in the open block.
func (n *net) execute(sender byte, ops ...chain.Op) (chain.Outcome, error) {
	n.t.Helper()
	if !n.open {
		n.builder.Begin(2)
		n.open = true
	}
	n.nonce++
	tx, err := chain.Sign(key(sender), n.state.Head().Chain, 1000, []byte{1, 2, 3, 4, 5, 6, 7, n.nonce}, ops...)
	if err != nil {
		n.t.Fatal(err)
	}
	return n.builder.Execute(n.t.Context(), tx)
}

// do is execute for a transaction that must be accepted.
func (n *net) do(sender byte, ops ...chain.Op) chain.Outcome {
	n.t.Helper()
	out, err := n.execute(sender, ops...)
	if err != nil || !out.Accepted() {
		n.t.Fatalf("Execute = %v %q, %v", out.Code, out.Message, err)
	}
	return out
}

// cut closes the open block and applies it.
func (n *net) cut() {
	n.t.Helper()
	if _, err := n.state.Apply(n.builder.Seal()); err != nil {
		n.t.Fatal(err)
	}
	n.open = false
}

func system(t testing.TB, name string, body any) chain.Op {
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return chain.System(name, b)
}

// contract makes a bundle whose artefact is the name of a script.
func (n *net) contract(name, phase string, f func(*host.Session) *abi.Fault) registry.Publish {
	n.t.Helper()
	if f != nil {
		n.script.entry[name] = f
	}
	return n.bundle(name, "1.0.0", name, fmt.Sprintf("phases = [%q]\n", phase))
}

// bundle makes a bundle of the artefact; lines are added to the manifest.
func (n *net) bundle(name, version, artefact, lines string) registry.Publish {
	n.t.Helper()
	text := fmt.Sprintf("name = %q\nversion = %q\nlanguage = \"js\"\nabi = 1\nsource = [\"main.js\"]\nwrite = [\"/out/*\"]\nsubmit = [\"/alarms/*\"]\n%s", name, version, lines)
	m, err := registry.ParseManifest([]byte(text))
	if err != nil {
		n.t.Fatal(err)
	}
	source, err := registry.Archive([]registry.File{{Path: "kalima.toml", Data: []byte(text)}, {Path: "main.js", Data: []byte(artefact)}})
	if err != nil {
		n.t.Fatal(err)
	}
	b := &registry.Bundle{Header: registry.Header{Manifest: m}, Artefact: []byte(artefact), Source: source}
	encoded, err := b.Encode()
	if err != nil {
		n.t.Fatal(err)
	}
	p := b.Publish(encoded)
	n.blobs[p.Bundle] = encoded
	return p
}

func (n *net) approve(p registry.Publish) {
	n.do(0, system(n.t, registry.OpPublish, p))
	n.do(1, system(n.t, registry.OpApprove, registry.Approve{Name: p.Name, Version: p.Version, Bundle: p.Bundle}))
}

func (n *net) deployOp(p registry.Publish, phase, pattern string) chain.Op {
	return system(n.t, registry.OpDeploy, registry.Deploy{Name: p.Name, Version: p.Version, Bundle: p.Bundle, Phase: phase, Pattern: abi.Pattern(pattern)})
}

// deploy publishes, approves and deploys a contract for validate.
func (n *net) deploy(name, pattern string, f func(*host.Session) *abi.Fault) registry.Publish {
	n.t.Helper()
	p := n.contract(name, "validate", f)
	n.approve(p)
	n.do(2, n.deployOp(p, "validate", pattern))
	return p
}
