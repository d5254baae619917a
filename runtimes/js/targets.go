package js

import (
	"reflect"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"
)

// What the meter does with nodes that write, and with patterns.

// spread says which function the spread elements of a list go through.
func (m *meter) spread(list []ast.Expression, name string) {
	for _, e := range list {
		if s, ok := e.(*ast.SpreadElement); ok {
			m.spreads[s] = name
		}
	}
}

// property visits the name of a property when it is computed.
func (m *meter) property(key *ast.Expression, computed bool, cost *int) {
	if s, ok := (*key).(*ast.StringLiteral); ok {
		m.text(s.Value.String())
	}
	if computed {
		m.walk(reflect.ValueOf(key).Elem(), cost)
		*cost += 3 * priceNode
		*key = keyed(*key, true)
	}
}

// target takes note of an expression that is assigned to in another way than by =.
func (m *meter) target(e ast.Expression) {
	switch e := e.(type) {
	case *ast.AssignExpression: // with a default
		m.target(e.Left)
	case *ast.BracketExpression:
		m.writes[e] = true
		if s, ok := e.Member.(*ast.StringLiteral); ok && s.Value == "prototype" {
			m.refuse(s.Idx, "write F.prototype = value", "prototype can only be assigned by its name")
		}
	case *ast.DotExpression:
		if e.Identifier.Name == "prototype" {
			m.refuse(e.Identifier.Idx, "write F.prototype = value", "prototype can only be assigned with =")
		}
	}
}

// into is target for the head of a for loop.
func (m *meter) into(i ast.ForInto) {
	if e, ok := i.(*ast.ForIntoExpression); ok {
		m.target(e.Expression)
	}
}

// assign prepares an assignment. What it returns, unless it is nil, is for the right side
// after that was visited.
func (m *meter) assign(n *ast.AssignExpression) func(ast.Expression) ast.Expression {
	dot, _ := n.Left.(*ast.DotExpression)
	switch {
	case n.Operator == token.ASSIGN && dot != nil && dot.Identifier.Name == "prototype":
		return m.prototype
	case n.Operator == token.ASSIGN && m.restOf(n.Left):
		m.rests[n.Left] = true
		return func(e ast.Expression) ast.Expression { return m.listed(n.Left, e) }
	case n.Operator == token.EXPONENT:
		if _, ok := n.Left.(*ast.Identifier); !ok {
			m.refuse(n.Idx0(), "write it as x = x ** y", "**= works on variables only in contracts")
			return nil
		}
		n.Operator = token.ASSIGN
		n.Right = &ast.BinaryExpression{Operator: token.EXPONENT, Left: n.Left, Right: n.Right}
	default:
		m.target(n.Left)
	}
	return nil
}

// deletion has the object of which delete takes a property pay first.
func (m *meter) deletion(n *ast.UnaryExpression) {
	left := func(e *ast.Expression) {
		switch (*e).(type) {
		case *ast.SuperExpression, *ast.Optional, *ast.OptionalChain:
			m.refuse(n.Idx, "delete a property of a variable", "this delete is not available in contracts")
		default:
			*e = invoke(fnDelete, *e)
		}
	}
	switch o := n.Operand.(type) {
	case *ast.DotExpression:
		left(&o.Left)
	case *ast.BracketExpression:
		left(&o.Left)
	default:
		m.refuse(n.Idx, "", "delete of something else than a property is not available in contracts")
	}
}

// prototype has a value that becomes a prototype pass the realm.
func (m *meter) prototype(e ast.Expression) ast.Expression { return invoke(fnInherit, e) }

// restOf tells whether a pattern has a rest element of its own.
func (m *meter) restOf(p ast.Node) bool {
	switch p := p.(type) {
	case *ast.ArrayPattern:
		return p.Rest != nil
	case *ast.ObjectPattern:
		return p.Rest != nil
	}
	return false
}

// rest refuses a rest element where what it takes can not be charged before.
func (m *meter) rest(p, rest ast.Expression) {
	if rest != nil && !m.rests[p] {
		m.refuse(p.Idx0(), "take the rest in a statement of its own: const [a, ...rest] = list", "a rest element inside of a pattern, a parameter or a loop's head is not available in contracts")
	}
}

// listed has what a pattern with a rest takes apart pay first.
func (m *meter) listed(p ast.Node, e ast.Expression) ast.Expression {
	if _, ok := p.(*ast.ArrayPattern); ok {
		return invoke(fnList, e)
	}
	return invoke(fnEnumerate, e)
}

// parameter is the key under which meter.seen remembers the bindings of parameters.
type parameter struct{ b *ast.Binding }
