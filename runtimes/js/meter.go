package js

import (
	"fmt"
	"math/big"
	"reflect"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/token"

	"github.com/kalima-chain/kalima/host"
)

// Prices in gas of what goja executes. The unit is a nanosecond of compiled code and,
// for what allocates, at least a byte, so that Limits.Gas bounds memory as well.
const (
	priceNode      = 8  // a node of the syntax tree, run once
	priceEntry     = 60 // entering a function
	priceIteration = 20 // going round a loop
	priceAlloc     = 96 // an object, array, closure or instance
	priceProperty  = 32 // a property or element of a literal
)

// Names of the variables that the rewritten contract shares with its realm. A contract
// may not use a name that starts with reserved.
const (
	reserved = "kalima$"
	varGas   = reserved + "g" // gas left in this slice
	varValue = reserved + "v" // a value being checked
	fnRefill = reserved + "r" // takes the overdrawn slice, returns the next
	fnText   = reserved + "t" // charges for a string, returns it
	fnSpread = reserved + "p" // charges for what a literal spreads, returns it
	fnArgs   = reserved + "a" // charges for what a call spreads, returns it
	fnKey    = reserved + "k" // looks at a computed property name, returns it
)

// meter rewrites a syntax tree: it charges segments, checks strings, and refuses what a
// contract may not use.
type meter struct {
	file     *file.File
	refusal  *host.Refusal
	seen     map[any]bool
	passed   map[*ast.SpreadElement]bool // spread into a call's arguments
	used     map[string]file.Idx         // free-standing names read, with a place
	declared map[string]bool             // names bound anywhere
	names    map[string]bool             // names of properties, and all string literals
}

func (m *meter) refuse(at file.Idx, hint, format string, args ...any) {
	if m.refusal == nil {
		m.refusal = &host.Refusal{Reason: fmt.Sprintf("line %d: ", m.line(at)) + fmt.Sprintf(format, args...), Hint: hint}
	}
}

func (m *meter) line(at file.Idx) int {
	return m.file.Position(int(at) - m.file.Base()).Line
}

// statements rewrites the contract's top level and puts its charge in front.
func (m *meter) statements(list []ast.Statement) []ast.Statement {
	cost := priceEntry
	m.walk(reflect.ValueOf(&list).Elem(), &cost)
	if len(list) == 0 {
		return list
	}
	return append([]ast.Statement{charge(list[0].Idx0(), cost)}, list...)
}

var expressionType = reflect.TypeFor[ast.Expression]()

// walk visits everything below v once, adding its price to cost.
func (m *meter) walk(v reflect.Value, cost *int) {
	if m.refusal != nil {
		return
	}
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		m.walk(v.Elem(), cost)
		if v.Type() == expressionType {
			if e := m.replace(v.Interface().(ast.Expression)); e != nil {
				v.Set(reflect.ValueOf(e))
			}
		}
	case reflect.Pointer:
		if v.IsNil() || m.seen[v.Interface()] {
			return
		}
		m.seen[v.Interface()] = true
		m.node(v, cost)
	case reflect.Slice:
		for i := range v.Len() {
			m.walk(v.Index(i), cost)
		}
	case reflect.Struct:
		m.fields(v, cost)
	}
}

func (m *meter) fields(v reflect.Value, cost *int, skip ...string) {
	t := v.Type()
fields:
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || f.Name == "DeclarationList" || f.Name == "File" {
			continue
		}
		for _, s := range skip {
			if f.Name == s {
				continue fields
			}
		}
		m.walk(v.Field(i), cost)
	}
}

func (m *meter) node(v reflect.Value, cost *int) {
	*cost += priceNode
	switch n := v.Interface().(type) {
	case *ast.FunctionLiteral:
		if n.Async || n.Generator {
			m.refuse(n.Function, "use plain functions", "async functions and generators are not available in contracts")
		}
		*cost += priceAlloc
		m.bind(n.Name)
		inner := priceEntry
		m.fields(v.Elem(), &inner, "Name")
		n.Body.List = append([]ast.Statement{charge(n.Body.LeftBrace, inner)}, n.Body.List...)
	case *ast.ArrowFunctionLiteral:
		if n.Async {
			m.refuse(n.Start, "use plain functions", "async functions are not available in contracts")
		}
		*cost += priceAlloc
		inner := priceEntry
		m.fields(v.Elem(), &inner)
		switch b := n.Body.(type) {
		case *ast.BlockStatement:
			b.List = append([]ast.Statement{charge(b.LeftBrace, inner)}, b.List...)
		case *ast.ExpressionBody:
			b.Expression = m.inFront(b.Expression, inner)
		}
	case *ast.ForStatement:
		m.walk(reflect.ValueOf(&n.Initializer).Elem(), cost)
		inner := priceIteration
		m.fields(v.Elem(), &inner, "Initializer")
		n.Body = m.loop(n.For, n.Body, inner)
	case *ast.ForInStatement:
		inner := m.forEach(v, cost)
		n.Body = m.loop(n.For, n.Body, inner)
	case *ast.ForOfStatement:
		inner := m.forEach(v, cost)
		n.Body = m.loop(n.For, n.Body, inner)
	case *ast.WhileStatement:
		inner := priceIteration
		m.fields(v.Elem(), &inner)
		n.Body = m.loop(n.While, n.Body, inner)
	case *ast.DoWhileStatement:
		inner := priceIteration
		m.fields(v.Elem(), &inner)
		n.Body = m.loop(n.Do, n.Body, inner)
	case *ast.FieldDefinition:
		inner := priceEntry
		m.property(&n.Key, n.Computed, cost)
		m.fields(v.Elem(), &inner, "Key")
		if n.Initializer != nil {
			n.Initializer = m.inFront(n.Initializer, inner)
		}
	case *ast.ClassStaticBlock:
		inner := priceEntry
		m.fields(v.Elem(), &inner)
		n.Block.List = append([]ast.Statement{charge(n.Static, inner)}, n.Block.List...)
	default:
		m.leaf(v, cost)
	}
}

func (m *meter) forEach(v reflect.Value, cost *int) int {
	m.walk(v.Elem().FieldByName("Into"), cost)
	m.walk(v.Elem().FieldByName("Source"), cost)
	inner := priceIteration
	m.walk(v.Elem().FieldByName("Body"), &inner)
	return inner
}

// leaf handles the nodes that start no segment.
func (m *meter) leaf(v reflect.Value, cost *int) {
	switch n := v.Interface().(type) {
	case *ast.Identifier:
		m.name(string(n.Name.String()), n.Idx)
	case *ast.AwaitExpression:
		m.refuse(n.Await, "", "await is not available in contracts")
	case *ast.YieldExpression:
		m.refuse(n.Yield, "", "generators are not available in contracts")
	case *ast.WithStatement:
		m.refuse(n.With, "", "with is not available in contracts")
	case *ast.RegExpLiteral:
		m.refuse(n.Idx, "use indexOf, split or a loop", "regular expressions are not available in contracts yet")
	case *ast.NumberLiteral:
		if _, ok := n.Value.(*big.Int); ok {
			m.refuse(n.Idx, "use numbers: whole ones are exact up to 2^53", "BigInt is not available in contracts yet")
		}
	case *ast.BinaryExpression:
		if n.Operator == token.EXPONENT {
			m.refuse(n.Idx0(), "multiply instead", "** is not available in contracts yet: its result differs between processors")
		}
		m.fields(v.Elem(), cost)
	case *ast.AssignExpression:
		if n.Operator == token.EXPONENT || n.Operator == token.EXPONENT_ASSIGN {
			m.refuse(n.Idx0(), "multiply instead", "**= is not available in contracts yet: its result differs between processors")
		}
		m.fields(v.Elem(), cost)
	case *ast.StringLiteral:
		m.names[n.Value.String()] = true
	case *ast.BracketExpression:
		m.fields(v.Elem(), cost)
		switch n.Member.(type) {
		case *ast.NumberLiteral, *ast.StringLiteral:
		default:
			*cost += 3 * priceNode
			n.Member = keyed(n.Member)
		}
	case *ast.DotExpression:
		m.names[n.Identifier.Name.String()] = true
		if id, ok := n.Left.(*ast.Identifier); ok && id.Name == "Math" && inexact[string(n.Identifier.Name.String())] && !m.declared["Math"] {
			m.refuse(id.Idx, "", "Math.%s is not available in contracts yet: its result differs between processors", n.Identifier.Name)
		}
		m.walk(reflect.ValueOf(&n.Left).Elem(), cost)
	case *ast.PrivateDotExpression:
		m.walk(reflect.ValueOf(&n.Left).Elem(), cost)
	case *ast.PropertyKeyed:
		*cost += priceProperty
		m.property(&n.Key, n.Computed, cost)
		m.walk(reflect.ValueOf(&n.Value).Elem(), cost)
	case *ast.ParameterList:
		m.bindAll(n.Rest)
		m.fields(v.Elem(), cost)
	case *ast.ArrayPattern:
		m.bindAll(append(n.Elements, n.Rest)...)
		m.fields(v.Elem(), cost)
	case *ast.ObjectPattern:
		m.bindAll(n.Rest)
		for _, p := range n.Properties {
			switch p := p.(type) {
			case *ast.PropertyShort:
				m.names[p.Name.Name.String()] = true
				m.declared[string(p.Name.Name.String())] = true
			case *ast.PropertyKeyed:
				if p.Computed {
					m.names[anyName] = true
				}
				m.bindAll(p.Value)
			}
		}
		m.fields(v.Elem(), cost)
	case *ast.PropertyShort:
		*cost += priceProperty
		m.name(string(n.Name.Name.String()), n.Name.Idx)
		m.walk(reflect.ValueOf(&n.Initializer).Elem(), cost)
	case *ast.MethodDefinition:
		*cost += priceAlloc
		m.property(&n.Key, n.Computed, cost)
		m.walk(reflect.ValueOf(n.Body), cost)
	case *ast.Binding:
		if id, ok := n.Target.(*ast.Identifier); ok {
			m.bind(id)
		} else {
			m.walk(reflect.ValueOf(&n.Target).Elem(), cost)
		}
		m.walk(reflect.ValueOf(&n.Initializer).Elem(), cost)
	case *ast.ForDeclaration:
		if id, ok := n.Target.(*ast.Identifier); ok {
			m.bind(id)
		}
		m.fields(v.Elem(), cost)
	case *ast.CatchStatement:
		if id, ok := n.Parameter.(*ast.Identifier); ok {
			m.bind(id)
		}
		m.fields(v.Elem(), cost)
	case *ast.LabelledStatement:
		m.walk(reflect.ValueOf(&n.Statement).Elem(), cost)
	case *ast.BranchStatement:
	case *ast.ClassLiteral:
		*cost += 2 * priceAlloc
		m.bind(n.Name)
		m.fields(v.Elem(), cost, "Name")
	case *ast.ArrayLiteral:
		*cost += priceAlloc + priceProperty*len(n.Value)
		m.fields(v.Elem(), cost)
	case *ast.CallExpression:
		*cost += priceAlloc
		m.pass(n.ArgumentList)
		m.fields(v.Elem(), cost)
	case *ast.NewExpression:
		*cost += priceAlloc
		m.pass(n.ArgumentList)
		m.fields(v.Elem(), cost)
	case *ast.ObjectLiteral, *ast.TemplateLiteral:
		*cost += priceAlloc
		m.fields(v.Elem(), cost)
	default:
		m.fields(v.Elem(), cost)
	}
}

func (m *meter) pass(args []ast.Expression) {
	for _, a := range args {
		if s, ok := a.(*ast.SpreadElement); ok {
			m.passed[s] = true
		}
	}
}

func (m *meter) property(key *ast.Expression, computed bool, cost *int) {
	if s, ok := (*key).(*ast.StringLiteral); ok {
		m.names[s.Value.String()] = true // in a pattern it reads the property
	}
	if computed {
		m.walk(reflect.ValueOf(key).Elem(), cost)
	}
}

func (m *meter) bind(id *ast.Identifier) {
	if id != nil {
		m.declared[string(id.Name.String())] = true
		m.name(string(id.Name.String()), id.Idx)
	}
}

func (m *meter) bindAll(targets ...ast.Expression) {
	for _, t := range targets {
		if a, ok := t.(*ast.AssignExpression); ok {
			t = a.Left // a default
		}
		if id, ok := t.(*ast.Identifier); ok {
			m.bind(id)
		}
	}
}

func (m *meter) name(name string, at file.Idx) {
	if strings.HasPrefix(name, reserved) {
		m.refuse(at, "", "names that start with %s are reserved", reserved)
	}
	if _, ok := m.used[name]; !ok {
		m.used[name] = at
	}
}

// absent refuses names of the language's library that contracts do not have, unless
// the contract binds them itself.
func (m *meter) absent() {
	first := ""
	for name, at := range m.used {
		if _, ok := unavailable[name]; !ok || m.declared[name] && name != "eval" {
			continue
		}
		if first == "" || at < m.used[first] {
			first = name
		}
	}
	if first != "" {
		m.refuse(m.used[first], unavailable[first], "%s is not available in contracts", first)
	}
}
