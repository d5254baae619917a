package scenario

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// Contract is what a script drives.
type Contract struct {
	Module   host.Module
	Instance string
	Grant    host.Grant
	Limits   host.Limits
}

// Failure is a statement that did not hold.
type Failure struct {
	Line      int    `json:"line"`
	Statement string `json:"statement"`
	Got       string `json:"got"`
}

// Report is what came of a script.
type Report struct {
	Events   int       `json:"events"`
	Gas      uint64    `json:"gas"` // of all calls together
	MaxGas   uint64    `json:"max_gas"`
	Failures []Failure `json:"failures"`
}

// Run plays a script on a state of its own. The error is the node's (the context ended, a
// worker could not start); what the contract does wrong is in the report.
func Run(ctx context.Context, s *Script, c Contract) (*Report, error) {
	r := &runner{
		contract: c, state: state{}, sequences: map[abi.Address]abi.Sequence{}, report: &Report{Failures: []Failure{}},
		name: "device", time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	for _, st := range s.steps {
		switch st.verb {
		case "set":
			r.state.set(r.address(st.args[0]), st.args[1], []byte(st.args[2]))
		case "as":
			r.name, r.roles = st.args[0], slices.Sorted(slices.Values(st.args[1:]))
		case "at":
			r.time, _ = time.Parse(time.RFC3339, st.args[0]) // Parse checked it
		default:
			out, err := r.event(ctx, st)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", st.line, err)
			}
			r.judge(st, out)
		}
	}
	return r.report, nil
}

// runner is one play of a script.
type runner struct {
	contract  Contract
	state     state
	sequences map[abi.Address]abi.Sequence
	height    abi.Height
	time      time.Time
	name      string
	roles     []string
	report    *Report
}

// outcome is what one event did.
type outcome struct {
	fault   *abi.Fault // of the first phase that did not accept
	submits []abi.Write
	log     []string
}

func (r *runner) address(word string) abi.Address {
	if word == "." {
		return abi.StateAddress(r.contract.Instance)
	}
	return abi.Address(word)
}

func (r *runner) event(ctx context.Context, st step) (outcome, error) {
	r.height++
	call := abi.Call{
		Contract: r.contract.Instance, Chain: sha256.Sum256([]byte("kalima scenario")), Op: abi.Put,
		Address: abi.Address(st.args[0]), Key: st.args[1],
		Height: r.height, Time: abi.Time(r.time.UnixMicro()),
		Sender: sha256.Sum256([]byte(r.name)), Name: r.name, Roles: r.roles,
		TxID: sha256.Sum256([]byte("event " + strconv.Itoa(int(r.height)))),
	}
	if st.verb == "delete" {
		call.Op = abi.Delete
	} else {
		call.Value = []byte(st.args[2])
	}
	call.Sequence = r.sequences[call.Address] + 1
	r.time = r.time.Add(time.Second)
	r.report.Events++

	var out outcome
	phases := r.contract.Module.Phases()
	if slices.Contains(phases, abi.Validate) {
		res, err := r.call(ctx, call, abi.Validate, &out)
		if err != nil || out.fault != nil {
			return out, err
		}
		for _, w := range res.Writes {
			r.state.set(w.Address, w.Key, w.Value)
		}
	}
	r.sequences[call.Address]++
	r.state.set(call.Address, call.Key, call.Value)
	if slices.Contains(phases, abi.React) {
		res, err := r.call(ctx, call, abi.React, &out)
		if err != nil {
			return out, err
		}
		out.submits = res.Submits
	}
	return out, nil
}

func (r *runner) call(ctx context.Context, call abi.Call, phase abi.Phase, out *outcome) (host.Result, error) {
	call.Phase = phase
	res, err := r.contract.Module.Call(ctx, host.NewSession(call, r.state, r.contract.Grant, r.contract.Limits))
	if err != nil {
		return host.Result{}, err
	}
	out.fault = res.Fault
	out.log = append(out.log, res.Log...)
	r.report.Gas += res.Used.Gas
	r.report.MaxGas = max(r.report.MaxGas, res.Used.Gas)
	return res, nil
}

// judge compares an event's outcome with the statements below it.
func (r *runner) judge(st step, out outcome) {
	ended := false
	for _, e := range st.expects {
		ended = ended || e.verb == "accept" || e.verb == "reject" || e.verb == "fault"
	}
	if !ended && out.fault != nil {
		r.fail(st, describe(out.fault))
	}
	submits := out.submits
	for _, e := range st.expects {
		switch e.verb {
		case "accept":
			if out.fault != nil {
				r.fail(e, describe(out.fault))
			}
		case "reject":
			if !rejectedAs(out.fault, e.args) {
				r.fail(e, describe(out.fault))
			}
		case "fault":
			if out.fault == nil || out.fault.Code != faultCodes()[e.args[0]] {
				r.fail(e, describe(out.fault))
			}
		case "value":
			got, ok := r.state.Get(r.address(e.args[0]), e.args[1])
			if !ok {
				r.fail(e, "no value")
			} else if string(got) != e.args[2] {
				r.fail(e, strconv.Quote(string(got)))
			}
		case "absent":
			if got, ok := r.state.Get(r.address(e.args[0]), e.args[1]); ok {
				r.fail(e, strconv.Quote(string(got)))
			}
		case "submitted":
			if len(submits) == 0 {
				r.fail(e, "nothing more was submitted")
				continue
			}
			w := submits[0]
			submits = submits[1:]
			if string(w.Address) != e.args[0] || w.Key != e.args[1] || string(w.Value) != e.args[2] {
				r.fail(e, fmt.Sprintf("submitted %s %q %q", w.Address, w.Key, w.Value))
			}
		case "logged":
			if !slices.ContainsFunc(out.log, func(l string) bool { return strings.Contains(l, e.args[0]) }) {
				r.fail(e, fmt.Sprintf("log %q", out.log))
			}
		}
	}
}

func rejectedAs(f *abi.Fault, args []string) bool {
	if f == nil || f.Code != abi.Rejected {
		return false
	}
	if len(args) > 0 && strconv.Itoa(int(f.Reason)) != args[0] {
		return false
	}
	return len(args) < 2 || f.Message == args[1]
}

func describe(f *abi.Fault) string {
	if f == nil {
		return "accepted"
	}
	if f.Detail != "" {
		return f.Error() + "\n" + f.Detail
	}
	return f.Error()
}

func (r *runner) fail(st step, got string) {
	words := []string{st.verb}
	for _, a := range st.args {
		if a == "" || strings.ContainsAny(a, " \t\"") {
			a = strconv.Quote(a)
		}
		words = append(words, a)
	}
	r.report.Failures = append(r.report.Failures, Failure{Line: st.line, Statement: strings.Join(words, " "), Got: got})
}

// state is a chain's current values.
type state map[abi.Address]map[string][]byte

var _ host.State = state(nil)

func (s state) set(a abi.Address, key string, value []byte) {
	if len(value) == 0 {
		delete(s[a], key)
		return
	}
	if s[a] == nil {
		s[a] = map[string][]byte{}
	}
	s[a][key] = value
}

// Get returns the current value of a key.
func (s state) Get(a abi.Address, key string) ([]byte, bool) {
	v, ok := s[a][key]
	return v, ok
}

// Next returns the first key of the address that is greater than after.
func (s state) Next(a abi.Address, after string) (string, bool) {
	keys := make([]string, 0, len(s[a]))
	for k := range s[a] {
		if k > after {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return "", false
	}
	sort.Strings(keys)
	return keys[0], true
}
