package main

import (
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/devsecops/local"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

// called is what is printed about one call. Outcome is the same at every node; the rest is
// for people.
type called struct {
	SchemaVersion int     `json:"schemaVersion"`
	Contract      string  `json:"contract"`
	Version       string  `json:"version"`
	Phase         string  `json:"phase"`
	Outcome       ended   `json:"outcome"`
	People        people  `json:"people"`
	Trace         []trace `json:"trace,omitempty"`
}

// ended is the deterministic part of an outcome.
type ended struct {
	Code    abi.Code `json:"code"`
	Name    string   `json:"name"`
	Reason  int32    `json:"reason,omitempty"`
	Message string   `json:"message,omitempty"`
	Gas     uint64   `json:"gas"`
	Writes  []write  `json:"writes"`
	Emitted []write  `json:"emitted"`
	Submits []write  `json:"submits"`
	Reply   *value   `json:"reply,omitempty"`
}

// people is what helps them.
type people struct {
	Log   []string `json:"log"`
	Where []place  `json:"where"`
	More  string   `json:"more,omitempty"` // what the engine says beside
	Usage []usage  `json:"usage"`
}

type write struct {
	Address abi.Address `json:"address"`
	Key     string      `json:"key"`
	Value   value       `json:"value"`
}

// value is bytes that are mostly text: in JSON a string, or {"base64": ...}.
type value []byte

func (v value) MarshalJSON() ([]byte, error) {
	if utf8.Valid(v) {
		return marshal(string(v))
	}
	return marshal(map[string][]byte{"base64": v})
}

type place struct {
	Function string `json:"function,omitempty"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
}

// usage is how much of a limit was used.
type usage struct {
	Name  string `json:"name"`
	Used  uint64 `json:"used"`
	Limit uint64 `json:"limit"`
	Near  bool   `json:"near,omitempty"` // more than nearLimit percent
}

// nearLimit is where a contract has little room left: the next larger event may pass it.
const nearLimit = 80

type trace struct {
	Number int      `json:"number"`
	Name   string   `json:"name"`
	Args   []string `json:"args"`
	Result string   `json:"result,omitempty"`
	Gas    uint64   `json:"gas"`
	Fault  string   `json:"fault,omitempty"`
}

func report(b *registry.Bundle, s local.Step, calls []host.HostCall) called {
	r := &s.Result
	c := called{
		SchemaVersion: schemaVersion, Contract: b.Manifest.Name, Version: b.Manifest.Version, Phase: s.Call.Phase.String(),
		Outcome: ended{Name: abi.OK.String(), Gas: r.Used.Gas, Writes: []write{}, Emitted: []write{}, Submits: writes(r.Submits)},
		People:  people{Log: append([]string{}, r.Log...), Where: []place{}, Usage: usages(r.Used, s.Limits)},
	}
	if f := r.Fault; f != nil {
		c.Outcome.Code, c.Outcome.Name, c.Outcome.Reason, c.Outcome.Message = f.Code, f.Code.String(), f.Reason, f.Message
		c.People.More = f.Detail
	}
	for _, w := range writes(r.Writes) {
		if w.Address == abi.EventsAddress(s.Call.Contract) {
			c.Outcome.Emitted = append(c.Outcome.Emitted, w)
		} else {
			c.Outcome.Writes = append(c.Outcome.Writes, w)
		}
	}
	if s.Call.Phase == abi.Query && r.Fault == nil {
		v := value(r.Reply)
		c.Outcome.Reply = &v
	}
	for _, p := range r.Where {
		c.People.Where = append(c.People.Where, place(located(b.Manifest, p)))
	}
	for _, h := range calls {
		t := trace{Number: h.Number, Name: h.Name, Args: append([]string{}, h.Args...), Result: h.Result, Gas: h.Gas}
		if names := numbered[h.Name]; len(t.Args) == 1 {
			if n, err := strconv.Atoi(t.Args[0]); err == nil && n > 0 && n < len(names) {
				t.Args[0] = names[n]
			}
		}
		if h.Fault != nil {
			t.Fault = h.Fault.Error()
		}
		c.Trace = append(c.Trace, t)
	}
	return c
}

// scriptOf is the file of a contract that is a script, which engines are not told.
func scriptOf(m registry.Manifest) string {
	if m.Language.Runtime() == "wasm" {
		return ""
	}
	for _, f := range m.Source {
		if ext := path.Ext(f); ext == ".js" || ext == ".star" {
			return f
		}
	}
	return ""
}

// located is a place with the name of the script.
func located(m registry.Manifest, p abi.Place) abi.Place {
	if f := scriptOf(m); f != "" && p.Line > 0 {
		p.File = f
	}
	p.Function = local.FunctionName(p.Function)
	return p
}

// numbered are the names of what contracts ask for by number.
var numbered = map[string][]string{
	abi.FnField: {
		abi.FieldAddress: "address", abi.FieldKey: "key", abi.FieldValue: "value", abi.FieldSender: "sender", abi.FieldTxID: "tx",
		abi.FieldRoles: "roles", abi.FieldContract: "contract", abi.FieldChain: "chain", abi.FieldName: "name",
	},
	abi.FnNumber: {
		abi.NumberHeight: "height", abi.NumberTime: "time", abi.NumberSequence: "sequence", abi.NumberOp: "op",
		abi.NumberPhase: "phase", abi.NumberOpIndex: "op-index", abi.NumberAt: "at",
	},
}

func writes(ws []abi.Write) []write {
	all := make([]write, 0, len(ws))
	for _, w := range ws {
		all = append(all, write{w.Address, w.Key, w.Value})
	}
	return all
}

func usages(u host.Usage, l host.Limits) []usage {
	all := []usage{
		{Name: "gas", Used: u.Gas, Limit: l.Gas},
		{Name: "memory", Used: u.Memory, Limit: l.Memory},
		{Name: "depth", Used: uint64(u.Depth), Limit: uint64(l.Depth)},
		{Name: "writes", Used: uint64(u.Writes), Limit: uint64(l.Writes)},
		{Name: "bytes", Used: uint64(u.Bytes), Limit: uint64(l.Bytes)},
	}
	for i := range all {
		all[i].Near = float64(all[i].Used) > float64(all[i].Limit)*nearLimit/100
	}
	return all
}

// print writes it for people: first what stands in a block, then what does not.
func (c *called) print(w io.Writer) {
	if len(c.Trace) > 0 {
		printTrace(w, c.Trace)
	}
	o := &c.Outcome
	rows := [][]string{
		{"contract", c.Contract + " " + c.Version + ", " + c.Phase},
		{"outcome", o.words()},
		{"gas", strconv.FormatUint(o.Gas, 10)},
	}
	for _, list := range []struct {
		name string
		ws   []write
	}{{"write", o.Writes}, {"emit", o.Emitted}, {"submit", o.Submits}} {
		for _, x := range list.ws {
			rows = append(rows, []string{list.name, fmt.Sprintf("%s %s %s", x.Address, shown([]byte(x.Key)), shown(x.Value))})
		}
	}
	if o.Reply != nil {
		rows = append(rows, []string{"reply", shown(*o.Reply)})
	}
	table(w, rows)
	fmt.Fprint(w, "\nfor people, in no block:\n")
	rows = nil
	for _, l := range c.People.Log {
		rows = append(rows, []string{"log", l})
	}
	name := "at"
	for i, same := 0, 1; i < len(c.People.Where); i, same = i+same, 1 {
		p := c.People.Where[i]
		for i+same < len(c.People.Where) && c.People.Where[i+same] == p {
			same++
		}
		at := strings.TrimPrefix(abi.Place(p).String(), "in ")
		if same > 1 { // recursion
			at += fmt.Sprintf(", %d times", same)
		}
		rows = append(rows, []string{name, at})
		name = "from"
	}
	if len(c.People.Where) == 0 && c.People.More != "" {
		for _, l := range strings.Split(strings.TrimSpace(c.People.More), "\n") {
			rows = append(rows, []string{"engine", l})
		}
	}
	for _, u := range c.People.Usage {
		rows = append(rows, []string{u.Name, u.words()})
	}
	table(w, rows)
}

func (o *ended) words() string {
	f := &abi.Fault{Code: o.Code, Reason: o.Reason, Message: o.Message}
	switch o.Code {
	case abi.OK:
		return "accepted"
	case abi.Rejected:
		return f.Error()
	}
	return fmt.Sprintf("fault %d, %s", o.Code, f.Error())
}

func (u usage) words() string {
	s := fmt.Sprintf("%d of %d", u.Used, u.Limit)
	if u.Name == "depth" && u.Used == 0 {
		return "not measured"
	}
	switch {
	case u.Used >= u.Limit:
		s += "  all of it"
	case u.Near:
		s += fmt.Sprintf("  little room left: %d %%", u.Used*100/max(u.Limit, 1))
	}
	return s
}

// shown is a value on a terminal: text as it is, anything else quoted, both cut.
func shown(b []byte) string {
	const longest = 200
	s, rest := string(b), ""
	if len(s) > longest {
		s, rest = s[:longest], fmt.Sprintf("... (%d bytes)", len(s))
	}
	if q := strconv.Quote(s); s == "" || len(q) != len(s)+2 {
		s = q
	}
	return s + rest
}

// traceWidth leaves room for number, result and gas in 80 columns.
const traceWidth = 40

func printTrace(w io.Writer, calls []trace) {
	rows := [][]string{{"CALL", "", "RESULT", "GAS"}}
	for _, t := range calls {
		what := t.Name
		if len(t.Args) > 0 {
			what += " " + strings.Join(t.Args, " ")
		}
		result := t.Result
		if t.Fault != "" {
			result = t.Fault
		}
		rows = append(rows, []string{strconv.Itoa(t.Number), cut(what, traceWidth), cut(result, 20), strconv.FormatUint(t.Gas, 10)})
	}
	table(w, rows)
	fmt.Fprintln(w)
}

func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-3]) + "..."
}

// verdict is the exit of a verb that showed an outcome.
func (o *ended) verdict() error {
	f := &abi.Fault{Code: o.Code, Reason: o.Reason, Message: o.Message}
	switch o.Code {
	case abi.OK:
		return nil
	case abi.Rejected:
		return &exitError{code: exitRefused, err: f, said: true}
	}
	return &exitError{code: exitFindings, err: f, said: true}
}
