package js

import (
	"strconv"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/token"
	"github.com/dop251/goja/unistring"
)

// The pieces of syntax that the meter puts into a contract.

// loop puts the charge of an iteration in front of a loop's body.
func (m *meter) loop(at file.Idx, body ast.Statement, cost int) ast.Statement {
	return &ast.BlockStatement{LeftBrace: at, List: []ast.Statement{charge(at, cost), body}, RightBrace: body.Idx1()}
}

// replace returns what stands in e's place, or nil to keep it.
func (m *meter) replace(e ast.Expression) ast.Expression {
	switch n := e.(type) {
	case *ast.BinaryExpression:
		switch {
		case n.Operator == token.EXPONENT:
			return invoke(fnPower, n.Left, n.Right)
		case n.Operator == token.PLUS && !(number(n.Left) && number(n.Right)):
			return checked(e)
		}
	case *ast.AssignExpression:
		if n.Operator == token.PLUS {
			return checked(e)
		}
	case *ast.TemplateLiteral:
		if n.Tag == nil {
			for i, part := range n.Expressions {
				n.Expressions[i] = invoke(fnText, part)
			}
		}
	case *ast.SpreadElement:
		n.Expression = invoke(m.spreads[n], n.Expression)
	case *ast.RegExpLiteral:
		return invoke(fnRegExp, quoted(n.Idx, n.Pattern), quoted(n.Idx, n.Flags))
	}
	return nil
}

func number(e ast.Expression) bool { _, ok := e.(*ast.NumberLiteral); return ok }

// keyed makes a computed property name pass the realm when it is not a number; for a name
// that is written to, when it is not a small number:
//
//	typeof (value = e) === "number" ? value : key(value)
//	typeof (value = e) === "number" && value < smallIndex ? value : written(value)
func keyed(e ast.Expression, write bool) ast.Expression {
	at := e.Idx0()
	if !write {
		return &ast.ConditionalExpression{Test: typed(e, "number"), Consequent: ident(varValue, at), Alternate: invoke(fnKey, ident(varValue, at))}
	}
	small := &ast.BinaryExpression{Operator: token.LESS, Comparison: true, Left: ident(varValue, at), Right: literal(at, smallIndex)}
	return &ast.ConditionalExpression{
		Test:       &ast.BinaryExpression{Operator: token.LOGICAL_AND, Left: typed(e, "number"), Right: small},
		Consequent: ident(varValue, at), Alternate: invoke(fnWritten, ident(varValue, at))}
}

// member has the name in brackets pass the realm. When it is written to, the object goes
// with it, since a number beyond the end of an array takes room for all between:
//
//	(object = left)[typeof (value = e) === "number" && value < smallWrite ? value : written(object, value)]
//
// with e evaluated within written unless it is a variable, because what e runs may change object.
func (m *meter) member(n *ast.BracketExpression, cost *int) {
	text := false
	switch e := n.Member.(type) {
	case *ast.NumberLiteral:
		if !m.writes[n] || small(e) {
			return
		}
	case *ast.StringLiteral:
		if s := string(e.Value); !m.writes[n] || s == "" || s[0] < '0' || s[0] > '9' {
			return
		}
		text = true
	}
	*cost += 3 * priceNode
	if !m.writes[n] {
		n.Member = keyed(n.Member, false)
		return
	}
	if _, ok := n.Left.(*ast.SuperExpression); ok { // writes to this
		n.Member = invoke(fnWritten, &ast.ThisExpression{Idx: n.Left.Idx0()}, n.Member)
		return
	}
	at := n.Member.Idx0()
	n.Left = &ast.AssignExpression{Operator: token.ASSIGN, Left: ident(varObject, at), Right: n.Left}
	written := invoke(fnWritten, ident(varObject, at), n.Member)
	if id, ok := n.Member.(*ast.Identifier); ok && !text {
		low := &ast.BinaryExpression{Operator: token.LESS, Comparison: true, Left: ident(varValue, at), Right: literal(at, smallWrite)}
		n.Member = &ast.ConditionalExpression{
			Test:       &ast.BinaryExpression{Operator: token.LOGICAL_AND, Left: typed(id, "number"), Right: low},
			Consequent: ident(varValue, at), Alternate: written}
		return
	}
	n.Member = written
}

// small tells whether a number may name an element wherever it is written.
func small(n *ast.NumberLiteral) bool {
	switch v := n.Value.(type) {
	case int64:
		return v < smallWrite
	case float64:
		return v < smallWrite
	}
	return false
}

// typed makes typeof (value = e) === name.
func typed(e ast.Expression, name string) ast.Expression {
	at := e.Idx0()
	return &ast.BinaryExpression{
		Operator: token.STRICT_EQUAL, Comparison: true,
		Left: &ast.UnaryExpression{Operator: token.TYPEOF, Idx: at, Operand: &ast.AssignExpression{
			Operator: token.ASSIGN, Left: ident(varValue, at), Right: e}},
		Right: quoted(at, name),
	}
}

// checked makes a sum pay when it is a string:
//
//	typeof (value = e) === "string" ? text(value) : value
func checked(e ast.Expression) ast.Expression {
	at := e.Idx0()
	return &ast.ConditionalExpression{Test: typed(e, "string"), Consequent: invoke(fnText, ident(varValue, at)), Alternate: ident(varValue, at)}
}

// charge makes the statement
//
//	if ((gas -= cost) < 0) gas = refill(gas)
func charge(at file.Idx, cost int) ast.Statement {
	return &ast.IfStatement{If: at, Test: overdrawn(at, cost), Consequent: &ast.ExpressionStatement{Expression: refill(at)}}
}

// inFront makes the expression (gas -= cost) < 0 ? (gas = refill(gas), e) : e
// without writing e twice: ((gas -= cost) < 0 && (gas = refill(gas)), e).
func (m *meter) inFront(e ast.Expression, cost int) ast.Expression {
	at := e.Idx0()
	return &ast.SequenceExpression{Sequence: []ast.Expression{
		&ast.BinaryExpression{Operator: token.LOGICAL_AND, Left: overdrawn(at, cost), Right: refill(at)}, e}}
}

func overdrawn(at file.Idx, cost int) ast.Expression {
	return &ast.BinaryExpression{
		Operator: token.LESS, Comparison: true,
		Left:  &ast.AssignExpression{Operator: token.MINUS, Left: ident(varGas, at), Right: literal(at, cost)},
		Right: literal(at, 0),
	}
}

func refill(at file.Idx) ast.Expression {
	return &ast.AssignExpression{Operator: token.ASSIGN, Left: ident(varGas, at), Right: invoke(fnRefill, ident(varGas, at))}
}

func invoke(name string, args ...ast.Expression) ast.Expression {
	at := args[0].Idx0()
	return &ast.CallExpression{Callee: ident(name, at), LeftParenthesis: at, ArgumentList: args, RightParenthesis: at}
}

func quoted(at file.Idx, s string) ast.Expression {
	return &ast.StringLiteral{Idx: at, Literal: strconv.Quote(s), Value: unistring.NewFromString(s)}
}

func ident(name string, at file.Idx) *ast.Identifier {
	return &ast.Identifier{Name: unistring.String(name), Idx: at}
}

func literal(at file.Idx, n int) ast.Expression {
	return &ast.NumberLiteral{Idx: at, Literal: strconv.Itoa(n), Value: int64(n)}
}
