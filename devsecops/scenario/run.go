package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/devsecops/local"
	"github.com/kalima-chain/kalima/host"
)

// Contract is what a script drives.
type Contract = local.Contract

// Setup says how a script is run. Zero fields take what their comment says.
type Setup struct {
	Contract Contract

	// Open opens what the statement use names; nil refuses it.
	Open func(ctx context.Context, path string) (Contract, error)

	// Only says which cases are run; nil: all.
	Only func(name string) bool

	// Before and Probe are those of local.Chain. Before is told the line of the script that
	// led to the call.
	Before func(ctx context.Context, line int, a local.Attempt) error
	Probe  func(abi.Call) *host.Probe

	// Watch, when set, is told of each call, with the line of the script that led to it.
	Watch func(line int, s local.Step)
}

// Failure is a statement that did not hold.
type Failure struct {
	Line      int      `json:"line"`
	Statement string   `json:"statement"`
	Got       string   `json:"got"`
	Instead   []string `json:"instead,omitempty"` // the statements that would hold

	insert  bool // Instead stands below the line, not in its place
	unknown bool // no statement would hold
}

// Inserted reports whether Instead stands below the line, not in its place.
func (f Failure) Inserted() bool { return f.insert }

// Case is what came of a case of a script.
type Case struct {
	Name     string    `json:"name,omitempty"`
	Line     int       `json:"line"`
	Events   int       `json:"events"`
	Gas      uint64    `json:"gas"` // of all calls together
	MaxGas   uint64    `json:"max_gas"`
	Failures []Failure `json:"failures"`
}

// Report is what came of a script.
type Report struct {
	Events   int       `json:"events"`
	Gas      uint64    `json:"gas"` // of all calls together
	MaxGas   uint64    `json:"max_gas"`
	Failures []Failure `json:"failures"`
	Cases    []Case    `json:"cases"`
}

// Run plays a script, each case on a state of its own. The error is the node's (the context
// ended, a worker could not start); what the contract does wrong is in the report.
func Run(ctx context.Context, s *Script, setup Setup) (*Report, error) {
	report := &Report{Failures: []Failure{}, Cases: []Case{}}
	for _, c := range s.cases {
		if setup.Only != nil && !setup.Only(c.name) {
			continue
		}
		r := newRunner(&setup, c)
		for _, st := range c.steps {
			if err := r.step(ctx, st); err != nil {
				return nil, fmt.Errorf("line %d: %w", st.line, err)
			}
		}
		report.Events += r.out.Events
		report.Gas += r.out.Gas
		report.MaxGas = max(report.MaxGas, r.out.MaxGas)
		report.Failures = append(report.Failures, r.out.Failures...)
		report.Cases = append(report.Cases, r.out)
	}
	return report, nil
}

// runner is one play of a case.
type runner struct {
	setup   *Setup
	under   Contract // the one under test, with what the script changed
	chain   *local.Chain
	world   local.World
	answers local.Answers
	sender  local.Sender
	at      abi.Time
	deliver *local.Sender
	line    int
	out     Case
}

func newRunner(setup *Setup, c testCase) *runner {
	r := &runner{
		setup: setup, under: setup.Contract, answers: local.Answers{}, sender: local.Sender{Name: "device"},
		out: Case{Name: c.name, Line: c.line, Failures: []Failure{}},
	}
	r.world.Clock = local.Start
	r.chain = &local.Chain{
		Contract: r.under, State: local.NewState(), World: &r.world, Contracts: r.answers,
		Probe: setup.Probe,
	}
	if setup.Before != nil {
		r.chain.Before = func(ctx context.Context, a local.Attempt) error { return setup.Before(ctx, r.line, a) }
	}
	return r
}

func (r *runner) step(ctx context.Context, st step) error {
	r.line = st.line
	switch forms[st.verb].kind {
	case action:
		out, err := r.act(ctx, st)
		if err != nil {
			return err
		}
		r.judge(st, out)
		return nil
	}
	return r.set(ctx, st)
}

func (r *runner) set(ctx context.Context, st step) error {
	a := st.args
	switch st.verb {
	case "set":
		r.chain.State.Set(r.address(a[0]), a[1], []byte(a[2]))
	case "state":
		s, err := local.ParseState([]byte(a[0]), r.address("."))
		if err != nil {
			return err
		}
		r.chain.State = s
	case "as":
		r.sender = sender(a)
	case "at":
		r.chain.State.Time = instant(a[0])
	case "measured":
		r.at = instant(a[0])
	case "clock":
		r.world.Clock = instant(a[0])
	case "grant":
		g := &r.under.Grant
		*g = host.Grant{Write: clip(g.Write), Submit: clip(g.Submit), HTTP: clip(g.HTTP), Clock: g.Clock}
		if err := grant(g, a); err != nil {
			return err
		}
		r.chain.Contract.Grant = *g
	case "limit":
		if err := setLimit(&r.under.Limits, a[0], a[1]); err != nil {
			return err
		}
		r.chain.Contract.Limits = r.under.Limits
	case "http":
		r.http(a)
	case "answer":
		r.answers.Set(a[0], a[1], []byte(a[2]), []byte(a[3]))
	case "deliver":
		r.deliver = nil
		if len(a) > 0 {
			s := sender(a)
			r.deliver = &s
		}
	case "use":
		if r.setup.Open == nil {
			return fmt.Errorf("use %s: nothing can be opened here", a[0])
		}
		c, err := r.setup.Open(ctx, a[0])
		if err != nil {
			return fmt.Errorf("use %s: %w", a[0], err)
		}
		c.Instance, c.Limits = r.under.Instance, r.under.Limits
		r.chain.Contract = c
	}
	return nil
}

func clip[T any](s []T) []T { return s[:len(s):len(s)] }

func sender(words []string) local.Sender { return local.Sender{Name: words[0], Roles: words[1:]} }

// instant reads a time that Parse checked.
func instant(s string) abi.Time {
	t, _ := time.Parse(time.RFC3339Nano, s)
	return abi.Time(t.UnixMicro())
}

func (r *runner) http(a []string) {
	if len(a) == 2 {
		r.world.Silence(a[0], a[1])
		return
	}
	status := 0
	fmt.Sscan(a[2], &status) // Parse checked it
	r.world.Answer(a[0], a[1], host.HTTPResponse{Status: status, Body: []byte(a[3])})
}

func (r *runner) address(word string) abi.Address {
	if word == "." {
		return abi.StateAddress(r.under.Instance)
	}
	return abi.Address(word)
}

// outcome is what one action did.
type outcome struct {
	fault    *abi.Fault // of the first phase that did not accept
	end      local.Step // the last phase that ran
	submits  []abi.Write
	emits    []abi.Write
	requests []host.HTTPRequest
	reply    []byte
	gas      uint64
	log      []string
	later    []string // what was wrong with the events that were delivered
}

func (r *runner) act(ctx context.Context, st step) (outcome, error) {
	r.out.Events++
	r.world.Requests()
	var steps []local.Step
	var err error
	switch st.verb {
	case "query":
		arg := []byte(nil)
		if len(st.args) > 1 {
			arg = []byte(st.args[1])
		}
		steps, err = one(r.chain.Query(ctx, r.sender, st.args[0], arg))
	case "migrate":
		from := "0.0.0"
		if r.chain.Contract.Version != "" {
			from = r.chain.Contract.Version
		}
		if len(st.args) > 0 {
			from = st.args[0]
		}
		r.chain.Contract = r.under
		steps, err = one(r.chain.Migrate(ctx, r.sender, from))
	default:
		e := local.Event{Address: abi.Address(st.args[0]), Key: st.args[1], At: r.at, Sender: r.sender}
		if st.verb == "put" {
			e.Value = []byte(st.args[2])
		}
		r.at = 0
		steps, err = r.chain.Event(ctx, e)
	}
	if err != nil {
		return outcome{}, err
	}
	out := r.collect(steps)
	out.requests = r.world.Requests()
	if r.deliver == nil {
		return out, nil
	}
	return out, r.deliverAll(ctx, &out)
}

func one(s local.Step, err error) ([]local.Step, error) { return []local.Step{s}, err }

func (r *runner) collect(steps []local.Step) outcome {
	var out outcome
	for _, s := range steps {
		if r.setup.Watch != nil {
			r.setup.Watch(r.line, s)
		}
		res := &s.Result
		out.fault, out.end = res.Fault, s
		out.gas += res.Used.Gas
		out.log = append(out.log, res.Log...)
		out.reply = res.Reply
		out.submits = append(out.submits, res.Submits...)
		for _, w := range res.Writes {
			if w.Address == abi.EventsAddress(r.under.Instance) {
				out.emits = append(out.emits, w)
			}
		}
		r.out.Gas += res.Used.Gas
		r.out.MaxGas = max(r.out.MaxGas, res.Used.Gas)
	}
	return out
}

// maxDelivered bounds the events that one event leads to: contracts that answer each other
// for ever are a mistake that a scenario shall show, not a test that never ends.
const maxDelivered = 64

// deliverAll puts in what was submitted, and what was submitted for that.
func (r *runner) deliverAll(ctx context.Context, out *outcome) error {
	queue := clip(out.submits)
	for n := 0; n < len(queue); n++ {
		w := queue[n]
		if n == maxDelivered {
			out.later = append(out.later, fmt.Sprintf("more than %d events come of this one", maxDelivered))
			return nil
		}
		r.out.Events++
		steps, err := r.chain.Event(ctx, local.Event{Address: w.Address, Key: w.Key, Value: w.Value, Sender: *r.deliver})
		if err != nil {
			return err
		}
		o := r.collect(steps)
		if o.fault != nil {
			out.later = append(out.later, fmt.Sprintf("the submitted %s: %s", sentence("put", string(w.Address), w.Key, string(w.Value)), describe(o)))
		}
		queue = append(queue, o.submits...)
	}
	return nil
}
