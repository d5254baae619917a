package js

import (
	"math/big"
	"reflect"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/token"
)

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
		*cost += priceAlloc
		m.pattern(n)
	case *ast.NumberLiteral:
		if _, ok := n.Value.(*big.Int); ok {
			m.refuse(n.Idx, "use numbers: whole ones are exact up to 2^53", "BigInt is not available in contracts yet")
		}
	case *ast.AssignExpression:
		then := m.assign(n)
		m.fields(v.Elem(), cost)
		if then != nil {
			n.Right = then(n.Right)
		}
	case *ast.UnaryExpression:
		switch n.Operator {
		case token.INCREMENT, token.DECREMENT:
			m.target(n.Operand)
		}
		m.fields(v.Elem(), cost)
		if n.Operator == token.DELETE {
			m.deletion(n)
		}
	case *ast.StringLiteral:
		m.text(n.Value.String())
	case *ast.TemplateElement:
		m.text(n.Literal)
	case *ast.BracketExpression:
		m.fields(v.Elem(), cost)
		m.member(n, cost)
	case *ast.DotExpression:
		if id, ok := n.Left.(*ast.Identifier); ok && id.Name == "Math" && !m.declared["Math"] {
			if hint, ok := unavailableMath[n.Identifier.Name.String()]; ok {
				m.refuse(id.Idx, hint, "Math.%s is not available in contracts", n.Identifier.Name)
			}
		}
		m.walk(reflect.ValueOf(&n.Left).Elem(), cost)
	case *ast.PrivateDotExpression:
		m.walk(reflect.ValueOf(&n.Left).Elem(), cost)
	case *ast.PropertyKeyed:
		*cost += priceProperty
		m.property(&n.Key, n.Computed, cost)
		m.walk(reflect.ValueOf(&n.Value).Elem(), cost)
		if key, ok := n.Key.(*ast.StringLiteral); ok && key.Value == "__proto__" && n.Kind == ast.PropertyKindValue && !n.Computed {
			n.Value = m.prototype(n.Value)
		}
	case *ast.ParameterList:
		m.bindAll(n.Rest)
		for _, b := range n.List {
			m.seen[parameter{b}] = true
		}
		m.fields(v.Elem(), cost)
	case *ast.ArrayPattern:
		m.rest(n, n.Rest)
		*cost += priceWalk + priceStep*(1+len(n.Elements))
		for _, e := range append(append([]ast.Expression(nil), n.Elements...), n.Rest) {
			m.bindAll(e)
			m.target(e)
		}
		m.fields(v.Elem(), cost)
	case *ast.ObjectPattern:
		m.rest(n, n.Rest)
		m.bindAll(n.Rest)
		m.target(n.Rest)
		for _, p := range n.Properties {
			switch p := p.(type) {
			case *ast.PropertyShort:
				m.declared[string(p.Name.Name.String())] = true
			case *ast.PropertyKeyed:
				m.bindAll(p.Value)
				m.target(p.Value)
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
		listed := n.Initializer != nil && m.restOf(n.Target) && !m.seen[parameter{n}]
		if listed {
			m.rests[n.Target.(ast.Expression)] = true
		}
		if id, ok := n.Target.(*ast.Identifier); ok {
			m.bind(id)
		} else {
			m.walk(reflect.ValueOf(&n.Target).Elem(), cost)
		}
		m.walk(reflect.ValueOf(&n.Initializer).Elem(), cost)
		if listed {
			n.Initializer = m.listed(n.Target, n.Initializer)
		}
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
		at := n.Body.LeftBrace
		n.Body.List = append([]ast.Statement{&ast.ExpressionStatement{Expression: invoke(fnCaught, literal(at, 0))}}, n.Body.List...)
	case *ast.LabelledStatement:
		m.walk(reflect.ValueOf(&n.Statement).Elem(), cost)
	case *ast.BranchStatement:
	case *ast.ClassLiteral:
		*cost += 2 * priceAlloc
		m.bind(n.Name)
		m.fields(v.Elem(), cost, "Name")
		if n.SuperClass != nil {
			n.SuperClass = m.prototype(n.SuperClass)
		}
	case *ast.ArrayLiteral:
		*cost += priceAlloc + priceProperty*len(n.Value)
		m.spread(n.Value, fnSpread)
		m.fields(v.Elem(), cost)
	case *ast.CallExpression:
		*cost += priceAlloc
		m.spread(n.ArgumentList, fnArgs)
		m.fields(v.Elem(), cost)
	case *ast.NewExpression:
		*cost += priceAlloc
		m.spread(n.ArgumentList, fnArgs)
		m.fields(v.Elem(), cost)
	case *ast.ObjectLiteral:
		*cost += priceAlloc
		m.fields(v.Elem(), cost)
		for _, p := range n.Value {
			if s, ok := p.(*ast.SpreadElement); ok {
				s.Expression = invoke(fnEnumerate, s.Expression)
			}
		}
	case *ast.TemplateLiteral:
		*cost += priceAlloc
		if n.Tag != nil {
			*cost += 2 * (priceAlloc + priceProperty*len(n.Elements))
		}
		m.fields(v.Elem(), cost)
	default:
		m.fields(v.Elem(), cost)
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
	if len(name) >= coveredNumber {
		m.text(name) // functions have names
	}
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
