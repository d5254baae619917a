package starlark

import (
	"fmt"
	"math/big"

	"go.starlark.net/syntax"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// Names of the guards; guardOp and guardOn are followed by the operator. No identifier of a
// contract can hold a $.
const (
	guardOp     = "kalima$"       // (x, y): x op y
	guardOn     = "kalima$on"     // (x, y): x op= y, which extends a list in place
	guardIndex  = "kalima$index"  // (x, index)
	guardSet    = "kalima$set"    // (y, x, index): x[index] = y
	guardAttr   = "kalima$attr"   // (x, name)
	guardMethod = "kalima$method" // (x, name, arguments...)
	guardCopy   = "kalima$copy"   // (x): charges for a copy of a list, returns x
	guardStep   = "kalima$step"   // (x): the same of anything
	guardKey    = "kalima$key"    // (x): charges for hashing x, returns it
	guardDict   = "kalima$dict"   // (x): charges for a new dict, returns it
	guardPairs  = "kalima$pairs"  // (list of pairs): the dict of them
	temporary   = "kalima$t%d"    // takes a part of an assignment
	maxDepth    = 500             // of the syntax tree: parsing, checking and compiling recurse
	shortText   = 64              // bytes of a literal whose comparison a step pays for
	smallDict   = 64              // entries of a dict literal
)

// Operators that can cost much more than a step pays for, as the guards are named.
var operators = map[syntax.Token]string{
	syntax.PLUS: "+", syntax.MINUS: "-", syntax.STAR: "*", syntax.PERCENT: "%", syntax.SLASHSLASH: "//",
	syntax.LTLT: "<<", syntax.PIPE: "|", syntax.AMP: "&", syntax.CIRCUMFLEX: "^",
	syntax.EQL: "==", syntax.NEQ: "!=", syntax.LT: "<", syntax.LE: "<=", syntax.GT: ">", syntax.GE: ">=",
	syntax.IN: "in", syntax.NOT_IN: "not in",
}

var augmented = map[syntax.Token]syntax.Token{
	syntax.PLUS_EQ: syntax.PLUS, syntax.MINUS_EQ: syntax.MINUS, syntax.STAR_EQ: syntax.STAR, syntax.PERCENT_EQ: syntax.PERCENT,
	syntax.SLASHSLASH_EQ: syntax.SLASHSLASH, syntax.SLASH_EQ: syntax.SLASH, syntax.LTLT_EQ: syntax.LTLT, syntax.GTGT_EQ: syntax.GTGT,
	syntax.PIPE_EQ: syntax.PIPE, syntax.AMP_EQ: syntax.AMP, syntax.CIRCUMFLEX_EQ: syntax.CIRCUMFLEX,
}

// rewrite puts the guards into a syntax tree.
func rewrite(file *syntax.File) *host.Refusal {
	r := &rewriter{}
	file.Stmts = r.stmts(file.Stmts)
	return r.refusal
}

type rewriter struct {
	refusal     *host.Refusal
	depth       int
	temporaries int
}

func (r *rewriter) refuse(at syntax.Position, hint, format string, args ...any) {
	if r.refusal == nil {
		r.refusal = &host.Refusal{Reason: fmt.Sprintf("line %d: ", at.Line) + fmt.Sprintf(format, args...), Hint: hint}
	}
}

// deeper counts the nesting, and says whether to go on.
func (r *rewriter) deeper(n syntax.Node) bool {
	if r.depth++; r.depth > maxDepth {
		at, _ := n.Span()
		r.refuse(at, "use variables for parts of it", "nested more than %d deep", maxDepth)
	}
	return r.refusal == nil
}

func (r *rewriter) stmts(list []syntax.Stmt) []syntax.Stmt {
	out := make([]syntax.Stmt, 0, len(list))
	for _, s := range list {
		if r.deeper(s) {
			out = append(out, r.stmt(s)...)
		}
		r.depth--
	}
	return out
}

func (r *rewriter) stmt(s syntax.Stmt) []syntax.Stmt {
	switch n := s.(type) {
	case *syntax.AssignStmt:
		return r.assign(n)
	case *syntax.DefStmt:
		r.binds(n.Name)
		r.params(n.Params)
		n.Body = r.stmts(n.Body)
	case *syntax.ExprStmt:
		n.X = r.expr(n.X)
	case *syntax.IfStmt:
		n.Cond = r.expr(n.Cond)
		n.True, n.False = r.stmts(n.True), r.stmts(n.False)
	case *syntax.ForStmt:
		r.binds(n.Vars)
		n.X = r.expr(n.X)
		n.Body = r.stmts(n.Body)
		if hasIndex(n.Vars) {
			var after []syntax.Stmt
			n.Vars = r.target(n.Vars, &after)
			n.Body = append(after, n.Body...)
		}
	case *syntax.WhileStmt:
		n.Cond = r.expr(n.Cond)
		n.Body = r.stmts(n.Body)
	case *syntax.ReturnStmt:
		n.Result = r.expr(n.Result)
	case *syntax.LoadStmt:
		r.refuse(n.Load, "put all code into one file", "load is not available in contracts")
	}
	return []syntax.Stmt{s}
}

// params rewrites the defaults of parameters.
func (r *rewriter) params(list []syntax.Expr) {
	for _, p := range list {
		switch p := p.(type) {
		case *syntax.BinaryExpr:
			r.binds(p.X)
			p.Y = r.expr(p.Y)
		case *syntax.UnaryExpr:
			r.binds(p.X)
		default:
			r.binds(p)
		}
	}
}

// binds refuses new meanings for the names whose comparison costs nothing, and for kalima.
func (r *rewriter) binds(lhs syntax.Expr) {
	if lhs == nil {
		return
	}
	if id, ok := unparen(lhs).(*syntax.Ident); ok && (constant(id) || id.Name == "kalima") {
		r.refuse(id.NamePos, "use another name", "%s can not be given another value", id.Name)
	}
	for _, p := range parts(lhs) {
		r.binds(p)
	}
}

func constant(id *syntax.Ident) bool { // comparing with it costs nothing
	return id.Name == "None" || id.Name == "True" || id.Name == "False"
}

func (r *rewriter) list(list []syntax.Expr) {
	for i := range list {
		list[i] = r.expr(list[i])
	}
}

func (r *rewriter) expr(e syntax.Expr) syntax.Expr {
	if e == nil {
		return nil
	}
	defer func() { r.depth-- }()
	if !r.deeper(e) {
		return e
	}
	switch n := e.(type) {
	case *syntax.BinaryExpr:
		n.X, n.Y = r.expr(n.X), r.expr(n.Y)
		if name, ok := operators[n.Op]; ok && !cheap(n) {
			return guard(n.OpPos, guardOp+name, n.X, n.Y)
		}
	case *syntax.CallExpr:
		return r.call(n)
	case *syntax.Comprehension:
		return r.comprehension(n)
	case *syntax.CondExpr:
		n.Cond, n.True, n.False = r.expr(n.Cond), r.expr(n.True), r.expr(n.False)
	case *syntax.DictExpr:
		if len(n.List) > smallDict {
			return r.largeDict(n)
		}
		for _, item := range n.List {
			entry := item.(*syntax.DictEntry)
			entry.Key, entry.Value = r.key(entry.Key), r.expr(entry.Value)
		}
		return guard(n.Lbrace, guardDict, n)
	case *syntax.DotExpr:
		r.known(n)
		n.X = r.expr(n.X)
		if guarded(n.Name.Name) {
			return guard(n.Dot, guardAttr, n.X, text(n.Dot, n.Name.Name))
		}
	case *syntax.IndexExpr:
		return guard(n.Lbrack, guardIndex, r.expr(n.X), r.expr(n.Y))
	case *syntax.LambdaExpr:
		r.params(n.Params)
		n.Body = r.expr(n.Body)
	case *syntax.ListExpr:
		r.list(n.List)
	case *syntax.Literal:
		if i, ok := n.Value.(*big.Int); ok && i.BitLen() > maxBits {
			r.refuse(n.TokenPos, "", "an int of more than %d bits", maxBits)
		}
	case *syntax.ParenExpr:
		n.X = r.expr(n.X)
	case *syntax.SliceExpr:
		name := guardCopy
		if n.Step != nil {
			name = guardStep
		}
		n.X = guard(n.Lbrack, name, r.expr(n.X))
		n.Lo, n.Hi, n.Step = r.expr(n.Lo), r.expr(n.Hi), r.expr(n.Step)
	case *syntax.TupleExpr:
		r.list(n.List)
	case *syntax.UnaryExpr:
		n.X = r.expr(n.X)
	}
	return e
}

func (r *rewriter) call(n *syntax.CallExpr) syntax.Expr {
	for i, a := range n.Args {
		switch a := a.(type) {
		case *syntax.BinaryExpr:
			if a.Op == syntax.EQ { // name = value
				a.Y = r.expr(a.Y)
				continue
			}
		case *syntax.UnaryExpr:
			if a.Op == syntax.STAR || a.Op == syntax.STARSTAR {
				a.X = guard(a.OpPos, guardCopy, r.expr(a.X))
				continue
			}
		}
		n.Args[i] = r.expr(a)
	}
	if d, ok := n.Fn.(*syntax.DotExpr); ok && methods[d.Name.Name] != nil {
		r.known(d)
		n.Args = append([]syntax.Expr{r.expr(d.X), text(d.Dot, d.Name.Name)}, n.Args...)
		n.Fn = &syntax.Ident{NamePos: d.Dot, Name: guardMethod}
		return n
	}
	n.Fn = r.expr(n.Fn)
	return n
}

// known refuses kalima.name, or kalima.event.name, where this version of the ABI has no such
// name: a contract that needs it must not run without.
func (r *rewriter) known(n *syntax.DotExpr) {
	name := n.Name.Name
	switch x := n.X.(type) {
	case *syntax.Ident:
		if _, ok := kalima.fields[name]; x.Name == kalima.name && !ok && name != "event" {
			r.refuse(n.Dot, "it may need a newer node", "ABI version %d has no function kalima.%s", abi.Version, abi.Clip(name))
		}
	case *syntax.DotExpr:
		if id, ok := x.X.(*syntax.Ident); ok && id.Name == kalima.name && x.Name.Name == "event" && eventFields[name] == nil {
			r.refuse(n.Dot, "it may need a newer node", "ABI version %d has no field kalima.event.%s", abi.Version, abi.Clip(name))
		}
	}
}

// comprehension makes {k: v for ...} the dict of the list of pairs.
func (r *rewriter) comprehension(n *syntax.Comprehension) syntax.Expr {
	for _, c := range n.Clauses {
		switch c := c.(type) {
		case *syntax.ForClause:
			r.binds(c.Vars)
			if c.X = r.expr(c.X); hasIndex(c.Vars) {
				r.refuse(c.For, "use names there", "a comprehension that assigns to elements")
			}
		case *syntax.IfClause:
			c.Cond = r.expr(c.Cond)
		}
	}
	entry, ok := n.Body.(*syntax.DictEntry)
	if !ok {
		n.Body = r.expr(n.Body)
		return n
	}
	n.Curly = false
	n.Body = &syntax.TupleExpr{List: []syntax.Expr{r.expr(entry.Key), r.expr(entry.Value)}}
	return guard(n.Lbrack, guardPairs, n)
}

func (r *rewriter) largeDict(n *syntax.DictExpr) syntax.Expr {
	list := &syntax.ListExpr{Lbrack: n.Lbrace, Rbrack: n.Rbrace}
	for _, item := range n.List {
		e := item.(*syntax.DictEntry)
		list.List = append(list.List, &syntax.TupleExpr{List: []syntax.Expr{r.expr(e.Key), r.expr(e.Value)}})
	}
	return guard(n.Lbrace, guardPairs, list)
}

// key is an expression that gets hashed.
func (r *rewriter) key(e syntax.Expr) syntax.Expr {
	if l, ok := e.(*syntax.Literal); ok {
		if s, ok := l.Value.(string); !ok || len(s) <= shortText {
			return r.expr(e)
		}
	}
	return guard(syntax.Start(e), guardKey, r.expr(e))
}

// cheap reports whether an operation costs little whatever the values are: one side is a
// number, a short text, None, True or False, beside which large values only fail.
func cheap(n *syntax.BinaryExpr) bool {
	switch n.Op {
	case syntax.EQL, syntax.NEQ, syntax.LT, syntax.LE, syntax.GT, syntax.GE:
		return plain(n.X) || plain(n.Y)
	case syntax.PLUS, syntax.MINUS, syntax.SLASHSLASH, syntax.AMP, syntax.PIPE, syntax.CIRCUMFLEX:
		return number(n.X) || number(n.Y)
	case syntax.PERCENT:
		return number(n.X)
	}
	return false
}

func plain(e syntax.Expr) bool {
	switch n := unparen(e).(type) {
	case *syntax.Literal:
		s, isText := n.Value.(string)
		return !isText || len(s) <= shortText
	case *syntax.Ident:
		return constant(n)
	}
	return false
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
	l, ok := unparen(e).(*syntax.Literal)
	return ok && (l.Token == syntax.INT || l.Token == syntax.FLOAT)
}

func text(at syntax.Position, s string) syntax.Expr {
	return &syntax.Literal{Token: syntax.STRING, TokenPos: at, Raw: `"` + s + `"`, Value: s}
}

func guard(at syntax.Position, name string, args ...syntax.Expr) syntax.Expr {
	return &syntax.CallExpr{Fn: &syntax.Ident{NamePos: at, Name: name}, Lparen: at, Args: args, Rparen: at}
}
