package js

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/parser"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

var (
	_ host.Runtime = (*Runtime)(nil)
	_ host.Module  = (*module)(nil)
)

// loadGas is what the top level of a contract may take when it is loaded.
const loadGas = 10_000_000

// sourceName stands for the contract's file in positions.
const sourceName = "contract.js"

// Runtime prepares JavaScript contracts.
type Runtime struct {
	spare chan *realm // realms made ahead of need
}

// New makes a runtime.
func New() *Runtime { return &Runtime{spare: make(chan *realm, 1)} }

// Name is "js".
func (r *Runtime) Name() string { return "js" }

// Schedule names the prices of steps and built-ins.
func (r *Runtime) Schedule() string { return "js/1" }

// Close does nothing: a runtime holds no resources but memory.
func (r *Runtime) Close() error { return nil }

// Load parses, checks, rewrites and compiles a contract, and runs its top level once.
func (r *Runtime) Load(ctx context.Context, code []byte) (host.Module, error) {
	if refusal := scan(code); refusal != nil {
		return nil, refusal
	}
	prog, refusal := compile(string(code))
	if refusal != nil {
		return nil, refusal
	}
	m := &module{runtime: r, prog: prog}
	if err := m.probe(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

// realm takes a fresh realm and has the next one made.
func (r *Runtime) realm() *realm {
	var re *realm
	select {
	case re = <-r.spare:
	default:
		re = newRealm()
	}
	return re
}

// Prepare makes a realm ahead of the next call, when there is none. A worker calls it
// while it waits; it changes no outcome.
func (r *Runtime) Prepare() {
	if len(r.spare) == cap(r.spare) {
		return
	}
	select {
	case r.spare <- newRealm():
	default:
	}
}

// The text put around a contract. It stands on the contract's first line, so that line
// numbers stay true. The outer function hides globals behind parameters; the inner one
// lets the contract declare those names itself. Being arrow functions, neither lends the
// contract its arguments.
var (
	before = "((" + strings.Join(append([]string{fnRefill, fnText, fnSpread, fnArgs, fnKey, reserved + "i", "Math", "JSON", "kalima", "Uint8Array"},
		hidden...), ",") + ")=>(()=>{\"use strict\";var " +
		varGas + "=0," + varValue + ";" + reserved + "i(()=>" + varGas + ",(" + varValue + ")=>{" + varGas + "=" + varValue + "});"
	after = "\n;return [typeof kalima_abi===\"undefined\"?void 0:kalima_abi," +
		entry("validate") + "," + entry("react") + "," + entry("query") + "," + entry("migrate") + "]})())"
	lead = 3 // statements of before inside the inner function
)

func entry(name string) string {
	return "typeof " + name + "===\"undefined\"?void 0:" + name
}

func compile(src string) (*program, *host.Refusal) {
	if _, err := parse(src); err != nil { // alone, so that it can not close the text around it
		return nil, err
	}
	wrapped := before + src + after
	tree, refusal := parse(wrapped)
	if refusal != nil {
		return nil, refusal
	}
	outer := tree.Body[0].(*ast.ExpressionStatement).Expression.(*ast.ArrowFunctionLiteral)
	inner := outer.Body.(*ast.ExpressionBody).Expression.(*ast.CallExpression).Callee.(*ast.ArrowFunctionLiteral).Body.(*ast.BlockStatement)
	m := &meter{file: tree.File, seen: map[any]bool{}, passed: map[*ast.SpreadElement]bool{}, used: map[string]file.Idx{}, declared: map[string]bool{}, names: map[string]bool{}}
	own := m.statements(append([]ast.Statement(nil), inner.List[lead:len(inner.List)-1]...))
	if m.absent(); m.refusal != nil {
		return nil, m.refusal
	}
	list := append([]ast.Statement(nil), inner.List[:lead]...)
	list = append(list, own...)
	inner.List = append(list, inner.List[len(inner.List)-1])
	prog, err := goja.CompileAST(tree, false)
	if err != nil {
		return nil, &host.Refusal{Reason: cleanSyntax(err.Error())}
	}
	_, bytes := m.used["Uint8Array"]
	_, math := m.used["Math"]
	return &program{code: prog, bytes: bytes, math: math, names: m.names}, nil
}

// program is a compiled contract and what it needs of its realm.
type program struct {
	code  *goja.Program
	bytes bool            // it names Uint8Array
	math  bool            // it names Math
	names map[string]bool // what it calls properties, see guards
}

func parse(src string) (*ast.Program, *host.Refusal) {
	tree, err := parser.ParseFile(nil, sourceName, src, 0, parser.WithDisableSourceMaps)
	if err == nil {
		return tree, nil
	}
	var list parser.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		return nil, &host.Refusal{Reason: fmt.Sprintf("line %d: %s", list[0].Position.Line, list[0].Message)}
	}
	return nil, &host.Refusal{Reason: cleanSyntax(err.Error())}
}

func cleanSyntax(s string) string { return abi.Clip(strings.ReplaceAll(s, reserved, "")) }

// module is a compiled contract.
type module struct {
	runtime *Runtime
	prog    *program
	phases  []abi.Phase
}

// Phases lists the entries that the contract defined when it was loaded.
func (m *module) Phases() []abi.Phase { return append([]abi.Phase(nil), m.phases...) }

// Close does nothing.
func (m *module) Close() error { return nil }

// probe runs the top level to learn the ABI version and the entries.
func (m *module) probe(ctx context.Context) error {
	c := newCall(ctx, m.runtime.realm(), nil, loadGas)
	exports, fault, err := c.start(m.prog)
	if err != nil {
		return fmt.Errorf("run the top level of a contract: %w", err)
	}
	if fault != nil {
		reason := "its top level ends with " + fault.Error()
		if fault.Detail != "" {
			reason += " at " + fault.Detail
		}
		return &host.Refusal{Reason: reason}
	}
	switch v, ok := exports.version(); {
	case !ok:
		return &host.Refusal{Reason: "kalima_abi is not set", Hint: "put this line at the top: var kalima_abi = 1;"}
	case v != abi.Version:
		return &host.Refusal{Reason: fmt.Sprintf("built for ABI version %d; this node has version %d", v, abi.Version)}
	}
	for i, p := range abi.Phases() {
		if _, ok := goja.AssertFunction(exports.entries[i]); ok {
			m.phases = append(m.phases, p)
		}
	}
	if len(m.phases) == 0 {
		return &host.Refusal{Reason: "no entry", Hint: "define function validate() or function react()"}
	}
	return nil
}

// Call runs the contract from its top in a fresh realm.
func (m *module) Call(ctx context.Context, s *host.Session) (host.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Limits.Deadline)
	defer cancel()
	c := newCall(ctx, m.runtime.realm(), s, s.Limits.Gas)
	s.Begin(c)
	exports, fault, err := c.start(m.prog)
	if err == nil && fault == nil {
		fault, err = c.enter(exports, s.Call.Phase)
	}
	if err != nil {
		return host.Result{}, fmt.Errorf("call %s of contract %s: %w", s.Call.Phase, s.Call.Contract, err)
	}
	return s.Finish(fault, c.gas(), c.allocated), nil
}
