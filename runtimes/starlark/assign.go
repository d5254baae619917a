package starlark

import (
	"fmt"

	"go.starlark.net/syntax"
)

// assign rewrites x = y and x op= y.
func (r *rewriter) assign(n *syntax.AssignStmt) []syntax.Stmt {
	n.RHS = r.expr(n.RHS)
	lhs := unparen(n.LHS)
	r.binds(lhs)
	index, indexed := lhs.(*syntax.IndexExpr)
	if n.Op == syntax.EQ {
		switch {
		case indexed:
			return []syntax.Stmt{r.set(index, n.RHS)}
		case hasIndex(lhs):
			var after []syntax.Stmt
			n.LHS = r.target(lhs, &after)
			return append([]syntax.Stmt{n}, after...)
		}
		r.dots(lhs)
		return []syntax.Stmt{n}
	}
	op := augmented[n.Op]
	switch lhs := lhs.(type) {
	case *syntax.Ident:
		name, ok := operators[op]
		if !ok || cheap(&syntax.BinaryExpr{X: lhs, Op: op, Y: n.RHS}) {
			return []syntax.Stmt{n}
		}
		n.Op = syntax.EQ
		read := &syntax.Ident{NamePos: lhs.NamePos, Name: lhs.Name}
		n.RHS = guard(n.OpPos, guardOn+name, read, n.RHS)
	case *syntax.IndexExpr:
		return r.update(n, op, lhs)
	default:
		r.dots(lhs)
	}
	return []syntax.Stmt{n}
}

// update is x[i] op= y: x and i are evaluated once, and the element is read before y is.
func (r *rewriter) update(n *syntax.AssignStmt, op syntax.Token, lhs *syntax.IndexExpr) []syntax.Stmt {
	at := n.OpPos
	x, i := r.temporary(), r.temporary()
	get := func(name string) syntax.Expr { return &syntax.Ident{NamePos: at, Name: name} }
	var y syntax.Expr = guard(lhs.Lbrack, guardIndex, get(x), get(i))
	if name, ok := operators[op]; ok {
		y = guard(at, guardOn+name, y, n.RHS)
	} else {
		y = &syntax.BinaryExpr{X: y, OpPos: at, Op: op, Y: n.RHS}
	}
	return []syntax.Stmt{
		&syntax.AssignStmt{OpPos: at, Op: syntax.EQ, LHS: get(x), RHS: r.expr(lhs.X)},
		&syntax.AssignStmt{OpPos: at, Op: syntax.EQ, LHS: get(i), RHS: r.expr(lhs.Y)},
		&syntax.ExprStmt{X: guard(lhs.Lbrack, guardSet, y, get(x), get(i))},
	}
}

func (r *rewriter) temporary() string {
	r.temporaries++
	return fmt.Sprintf(temporary, r.temporaries)
}

// set is x[i] = y, with y first, as the interpreter evaluates it.
func (r *rewriter) set(x *syntax.IndexExpr, y syntax.Expr) syntax.Stmt {
	return &syntax.ExprStmt{X: guard(x.Lbrack, guardSet, y, r.expr(x.X), r.expr(x.Y))}
}

// target replaces the parts of a pattern by temporaries, and appends the statements that
// assign these to the parts, in order.
func (r *rewriter) target(lhs syntax.Expr, after *[]syntax.Stmt) syntax.Expr {
	if list := parts(lhs); list != nil {
		for i := range list {
			list[i] = r.target(list[i], after)
		}
		return lhs
	}
	at, _ := lhs.Span()
	name := r.temporary()
	value := &syntax.Ident{NamePos: at, Name: name}
	if x, ok := unparen(lhs).(*syntax.IndexExpr); ok {
		*after = append(*after, r.set(x, value))
	} else {
		r.dots(lhs)
		*after = append(*after, &syntax.AssignStmt{OpPos: at, Op: syntax.EQ, LHS: lhs, RHS: value})
	}
	return &syntax.Ident{NamePos: at, Name: name}
}

// parts lists the parts of a pattern; nil when it has none.
func parts(lhs syntax.Expr) []syntax.Expr {
	switch n := unparen(lhs).(type) {
	case *syntax.TupleExpr:
		return n.List
	case *syntax.ListExpr:
		return n.List
	}
	return nil
}

func hasIndex(lhs syntax.Expr) bool {
	if _, ok := unparen(lhs).(*syntax.IndexExpr); ok {
		return true
	}
	for _, p := range parts(lhs) {
		if hasIndex(p) {
			return true
		}
	}
	return false
}

// dots rewrites what stands before the dots of a target such as f(x).y, which no value of a
// contract can be assigned to.
func (r *rewriter) dots(lhs syntax.Expr) {
	if d, ok := unparen(lhs).(*syntax.DotExpr); ok {
		d.X = r.expr(d.X)
	}
	for _, p := range parts(lhs) {
		r.dots(p)
	}
}
