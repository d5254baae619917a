package js

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
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

// Runtime prepares JavaScript contracts.
type Runtime struct {
	idle chan *realm // realms that no call uses
}

// New makes a runtime.
func New() *Runtime { return &Runtime{idle: make(chan *realm, maxIdle)} }

// maxIdle is how many realms are kept for later; each takes about 1 MB.
const maxIdle = 4

// Name is "js".
func (r *Runtime) Name() string { return "js" }

// Schedule names the prices of steps and built-ins.
func (r *Runtime) Schedule() string { return schedule() }

// Close does nothing: a runtime holds no resources but memory.
func (r *Runtime) Close() error { return nil }

// Load parses, checks, rewrites and compiles a contract, and runs its top level once.
func (r *Runtime) Load(ctx context.Context, code []byte) (host.Module, error) {
	src, origins := readOrigins(string(code))
	if refusal := scan(src); refusal != nil {
		return nil, refusal
	}
	prog, refusal := compile(src, origins)
	if refusal != nil {
		return nil, refusal
	}
	m := &module{runtime: r, prog: prog}
	if err := m.probe(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

// realm takes a realm that no call uses.
func (r *Runtime) realm() *realm {
	select {
	case re := <-r.idle:
		return re
	default:
		return newRealm()
	}
}

// give returns a realm after a call, unless something in it may have been left undone.
func (r *Runtime) give(re *realm, c *call) {
	re.call = nil
	if re.calls++; re.calls >= maxCalls || !c.clean() {
		return
	}
	select {
	case r.idle <- re:
	default:
	}
}

// Prepare makes a realm ahead of the next call, when there is none. A worker calls it
// while it waits; it changes no outcome.
func (r *Runtime) Prepare() {
	if len(r.idle) > 0 {
		return
	}
	select {
	case r.idle <- newRealm():
	default:
	}
}

// The text put around a contract. It stands on the contract's first line, so that line
// numbers stay true. The inner function lets the contract declare for its own what is a
// global otherwise. Being arrow functions, neither lends the contract its arguments.
var (
	before = "((" + strings.Join(parameters, ",") + ")=>(()=>{\"use strict\";var " +
		varGas + "=0," + varValue + "," + varObject + ";" + fnBegin + "(()=>" + varGas + ",(" + varValue + ")=>{" + varGas + "=" + varValue + "});"
	after = "\n;return " + fnChoose + "(typeof kalima_abi===\"undefined\"?void 0:kalima_abi," +
		entry("validate") + "," + entry("react") + "," + entry("query") + "," + entry("migrate") + ")?.()})())"
	lead = 3 // statements of before inside the inner function
)

func entry(name string) string {
	return "typeof " + name + "===\"undefined\"?void 0:" + name
}

// compile checks, rewrites and compiles a contract. There are sources at which goja's parser
// panics; they are refused.
func compile(src string, origins *origins) (prog *program, refusal *host.Refusal) {
	defer func() {
		if p := recover(); p != nil {
			prog, refusal = nil, &host.Refusal{Reason: cleanSyntax(fmt.Sprintf("the parser gave up: %v", p)), Hint: "write the piece that it stumbles over in another way"}
		}
	}()
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
	m := newMeter(tree.File)
	own := m.statements(append([]ast.Statement(nil), inner.List[lead:len(inner.List)-1]...))
	if m.absent(); m.refusal != nil {
		return nil, m.refusal
	}
	list := append([]ast.Statement(nil), inner.List[:lead]...)
	list = append(list, own...)
	inner.List = append(list, inner.List[len(inner.List)-1])
	code, err := goja.CompileAST(tree, false)
	if err != nil {
		return nil, &host.Refusal{Reason: cleanSyntax(err.Error())}
	}
	return &program{code: code, literals: m.literals, lines: 1 + strings.Count(src, "\n"), origins: origins}, nil
}

// program is a compiled contract.
type program struct {
	code *goja.Program
	literals
	lines   int      // of source; what stands behind them is this package's
	origins *origins // nil when the contract has no map
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
	re := m.runtime.realm()
	c := newCall(ctx, re, nil, loadGas)
	fault, err := c.run(m.prog)
	m.runtime.give(re, c)
	if err != nil {
		return fmt.Errorf("run the top level of a contract: %w", err)
	}
	if fault != nil {
		reason := "its top level ends with " + fault.Error()
		if at := places(c.where); at != "" {
			reason += " at " + at
		}
		return &host.Refusal{Reason: reason}
	}
	switch {
	case !c.hasVersion:
		return &host.Refusal{Reason: "kalima_abi is not set", Hint: "put this line at the top: var kalima_abi = 1;"}
	case c.version != abi.Version:
		return &host.Refusal{Reason: fmt.Sprintf("built for ABI version %d; this node has version %d", c.version, abi.Version)}
	case len(c.phases) == 0:
		return &host.Refusal{Reason: "no entry", Hint: "define function validate() or function react()"}
	}
	m.phases = c.phases
	return nil
}

// Call runs the contract from its top.
func (m *module) Call(ctx context.Context, s *host.Session) (host.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Limits.Deadline)
	defer cancel()
	re := m.runtime.realm()
	c := newCall(ctx, re, s, s.Limits.Gas)
	s.Begin(c)
	fault, err := c.run(m.prog)
	m.runtime.give(re, c)
	if err != nil {
		return host.Result{}, fmt.Errorf("call %s of contract %s: %w", s.Call.Phase, s.Call.Contract, err)
	}
	res := s.Finish(fault, c.gas(), c.allocated)
	res.Where, res.Used.Depth = c.where, c.deepest*depthUnit
	return res, nil
}
