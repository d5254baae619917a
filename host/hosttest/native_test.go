package hosttest

import (
	"context"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// native is a runtime whose contracts are Go functions of the node: the suite's own proof
// that what it demands can be met, and that it notices what is not.
type native struct {
	break1 func(name string, c *nativeCall) bool // does a case wrongly, when it returns true
}

func (native) Name() string     { return "native" }
func (native) Schedule() string { return "native 1" }
func (native) Close() error     { return nil }

func (n native) Load(_ context.Context, code []byte) (host.Module, error) {
	switch string(code) {
	case "conformance":
		return &nativeModule{n, abi.Phases()}, nil
	case "small":
		return &nativeModule{n, abi.Phases()[:1]}, nil
	case "abi2":
		return nil, &host.Refusal{Reason: "built for ABI version 2, this host has version 1"}
	}
	return nil, &host.Refusal{Reason: "no contract, or one without " + abi.VersionExport}
}

type nativeModule struct {
	native
	phases []abi.Phase
}

func (m *nativeModule) Phases() []abi.Phase { return m.phases }

// ended is how a host function ends the contract.
type ended struct {
	fault *abi.Fault
	err   error
}

type nativeCall struct {
	ctx   context.Context
	s     *host.Session
	used  uint64
	phase abi.Phase
}

func (c *nativeCall) Charge(gas uint64) *abi.Fault {
	if gas > c.Left() {
		c.used = c.s.Limits.Gas
		return abi.Faultf(abi.OutOfGas, "gas limit of %d reached", c.s.Limits.Gas)
	}
	c.used += gas
	if c.s.Probe != nil && c.s.Probe.Charge != nil {
		c.s.Probe.Charge(nil, gas)
	}
	return nil
}

func (c *nativeCall) Left() uint64 { return c.s.Limits.Gas - c.used }

func (c *nativeCall) must(f *abi.Fault) {
	if f != nil {
		panic(ended{fault: f})
	}
}

func (c *nativeCall) work(gas uint64) {
	if c.ctx.Err() != nil {
		panic(ended{err: c.ctx.Err()})
	}
	c.must(c.Charge(gas))
}

func (m *nativeModule) Call(ctx context.Context, s *host.Session) (res host.Result, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.Limits.Deadline)
	defer cancel()
	c := &nativeCall{ctx: ctx, s: s, phase: s.Call.Phase}
	s.Begin(c)
	if int(c.phase) > len(m.phases) {
		return s.Finish(abi.Faultf(abi.WrongABI, "the contract has no entry %s", c.phase), 1, 0), nil
	}
	defer func() {
		if e, ok := recover().(ended); ok {
			res, err = s.Finish(e.fault, c.used, 0), e.err
		}
	}()
	c.work(1)
	if m.break1 != nil && m.break1(c.s.Call.Key, c) {
		return s.Finish(nil, c.used, 0), nil
	}
	var code int32
	if len(m.phases) > 1 {
		code = c.run()
	}
	return s.Finish(host.Exit(code), c.used, 0), nil
}

func nativeKit() Kit {
	return Kit{
		Runtime:  func(testing.TB) host.Runtime { return native{} },
		Contract: func(_ testing.TB, name string) []byte { return []byte(name) },
	}
}

func TestNative(t *testing.T) { Run(t, nativeKit()) }

// TestCases: the suite is as large as it says, and no two cases have one name.
func TestCases(t *testing.T) {
	seen := map[string]bool{}
	for _, tt := range cases(Kit{}) {
		if seen[tt.name] {
			t.Errorf("two cases are named %q", tt.name)
		}
		seen[tt.name] = true
	}
	if len(seen) < 150 {
		t.Errorf("%d cases, want at least 150", len(seen))
	}
	t.Logf("%d cases, %d with pointers, %d without an SDK", len(seen), len(cases(Kit{Pointers: true})), len(cases(Kit{Pointers: true, Raw: true})))
}

// TestEachCaseCanFail: against a contract that accepts and does nothing, and against one that
// does the right thing and a write more, no case passes but those that demand nothing.
func TestEachCaseCanFail(t *testing.T) {
	idle := &nativeModule{native{func(string, *nativeCall) bool { return true }}, abi.Phases()}
	idles := map[string]bool{"accept": true, "log": true, "reply": true}
	for _, tt := range cases(nativeKit()) {
		res, err := idle.Call(context.Background(), session(idle, tt))
		if err == nil {
			err = compare(tt, res)
		}
		empty := tt.out != nil && *tt.out == "" && tt.phase == abi.Query // no answer is the empty one
		if err == nil && !idles[tt.key] && !(tt.key == "exit" && tt.arg == "0") && !empty {
			t.Errorf("%s: an idle contract passes", tt.name)
		}
	}
	busy := &nativeModule{native{func(_ string, c *nativeCall) bool {
		if c.phase == abi.Validate || c.phase == abi.Migrate {
			c.put("extra", "x")
		} else {
			c.must(c.s.Log("extra"))
		}
		return false
	}}, abi.Phases()}
	for _, tt := range cases(nativeKit()) {
		if tt.codes != nil || tt.during() != abi.Validate && tt.during() != abi.Migrate {
			continue
		}
		res, err := busy.Call(context.Background(), session(busy, tt))
		if err == nil {
			err = compare(tt, res)
		}
		if err == nil {
			t.Errorf("%s: a contract that writes more passes", tt.name)
		}
	}
}
