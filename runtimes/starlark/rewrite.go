package starlark

import (
	"fmt"
	"reflect"

	"go.starlark.net/syntax"

	"github.com/kalima-chain/kalima/host"
)

// Names of the guards. No identifier of a contract can hold a $.
const (
	guardBinary  = "kalima$binary"  // (operator, x, y)
	guardAugment = "kalima$augment" // (operator, x, y): as binary, but extends a list in place
	guardUpdate  = "kalima$update"  // (operator, x, index, y): x[index] op= y
	guardAttr    = "kalima$attr"    // (x, name)
	guardCopy    = "kalima$copy"    // charges for a copy of x, returns x
)

// Operators that can allocate much more than a step pays for.
var operators = map[syntax.Token]bool{
	syntax.PLUS: true, syntax.STAR: true, syntax.PERCENT: true, syntax.LTLT: true, syntax.PIPE: true,
}

var augmented = map[syntax.Token]syntax.Token{
	syntax.PLUS_EQ: syntax.PLUS, syntax.STAR_EQ: syntax.STAR, syntax.PERCENT_EQ: syntax.PERCENT,
	syntax.LTLT_EQ: syntax.LTLT, syntax.PIPE_EQ: syntax.PIPE,
}

// rewrite puts the guards into a syntax tree.
func rewrite(file *syntax.File) *host.Refusal {
	r := &rewriter{}
	r.walk(reflect.ValueOf(&file.Stmts).Elem())
	return r.refusal
}

type rewriter struct{ refusal *host.Refusal }

var (
	exprType = reflect.TypeFor[syntax.Expr]()
	stmtType = reflect.TypeFor[syntax.Stmt]()
)

func (r *rewriter) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		r.walk(v.Elem())
		switch v.Type() {
		case exprType:
			v.Set(reflect.ValueOf(r.expr(v.Interface().(syntax.Expr))))
		case stmtType:
			v.Set(reflect.ValueOf(r.stmt(v.Interface().(syntax.Stmt))))
		}
	case reflect.Pointer:
		if v.IsNil() || v.Elem().Kind() != reflect.Struct {
			return
		}
		t := v.Elem().Type()
		for i := range t.NumField() {
			// Binding, Function, Module and Value hold no syntax.
			if f := t.Field(i); f.IsExported() && f.Type.Kind() != reflect.Struct && f.Type != reflect.TypeFor[any]() {
				r.walk(v.Elem().Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			r.walk(v.Index(i))
		}
	}
}

func (r *rewriter) expr(e syntax.Expr) syntax.Expr {
	switch n := e.(type) {
	case *syntax.BinaryExpr:
		if operators[n.Op] && !(n.Op == syntax.PLUS && (number(n.X) || number(n.Y))) {
			return guard(n.OpPos, guardBinary, text(n.OpPos, n.Op.String()), n.X, n.Y)
		}
	case *syntax.DotExpr:
		if guarded(n.Name.Name) {
			return guard(n.Dot, guardAttr, n.X, text(n.Dot, n.Name.Name))
		}
	case *syntax.SliceExpr:
		n.X = guard(n.Lbrack, guardCopy, n.X)
	case *syntax.CallExpr:
		for _, a := range n.Args {
			if u, ok := a.(*syntax.UnaryExpr); ok && (u.Op == syntax.STAR || u.Op == syntax.STARSTAR) {
				u.X = guard(u.OpPos, guardCopy, u.X)
			}
		}
	}
	return e
}

func (r *rewriter) stmt(s syntax.Stmt) syntax.Stmt {
	switch n := s.(type) {
	case *syntax.LoadStmt:
		if r.refusal == nil {
			r.refusal = &host.Refusal{Reason: fmt.Sprintf("line %d: load is not available in contracts", n.Load.Line), Hint: "put all code into one file"}
		}
	case *syntax.AssignStmt:
		op, ok := augmented[n.Op]
		if !ok || n.Op == syntax.PLUS_EQ && number(n.RHS) {
			return s
		}
		name := text(n.OpPos, op.String())
		switch lhs := unparen(n.LHS).(type) {
		case *syntax.Ident:
			n.Op = syntax.EQ
			read := &syntax.Ident{NamePos: lhs.NamePos, Name: lhs.Name}
			n.RHS = guard(n.OpPos, guardAugment, name, read, n.RHS)
		case *syntax.IndexExpr:
			return &syntax.ExprStmt{X: guard(n.OpPos, guardUpdate, name, lhs.X, lhs.Y, n.RHS)}
		}
	}
	return s
}

func unparen(e syntax.Expr) syntax.Expr {
	for {
		p, ok := e.(*syntax.ParenExpr)
		if !ok {
			return e
		}
		e = p.X
	}
}

// number reports whether e is a number: added to anything large, it fails.
func number(e syntax.Expr) bool {
	l, ok := e.(*syntax.Literal)
	return ok && (l.Token == syntax.INT || l.Token == syntax.FLOAT)
}

func text(at syntax.Position, s string) syntax.Expr {
	return &syntax.Literal{Token: syntax.STRING, TokenPos: at, Raw: `"` + s + `"`, Value: s}
}

func guard(at syntax.Position, name string, args ...syntax.Expr) syntax.Expr {
	return &syntax.CallExpr{Fn: &syntax.Ident{NamePos: at, Name: name}, Lparen: at, Args: args, Rparen: at}
}
