package js

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"

	"github.com/kalima-chain/kalima/host"
)

// Prices in gas of what goja executes. The unit is a nanosecond of compiled code and,
// for what allocates, at least a byte, so that Limits.Gas bounds memory as well.
const (
	priceNode      = 8   // a node of the syntax tree, run once
	priceEntry     = 60  // entering a function
	priceIteration = 20  // going round a loop
	priceAlloc     = 96  // an object, array, closure or instance
	priceProperty  = 32  // a property or element of a literal
	priceStep      = 96  // a step of an iterator
	priceWalk      = 192 // an iterator, or the list of an object's names
)

// Names of the variables that the rewritten contract shares with its realm. A contract
// may not use a name that starts with reserved.
const (
	reserved    = "kalima$"
	varGas      = reserved + "g" // gas left in this slice
	varValue    = reserved + "v" // a value being checked
	varObject   = reserved + "o" // an object being written to
	fnRefill    = reserved + "r" // takes the overdrawn slice, returns the next
	fnText      = reserved + "t" // charges for a string, returns it
	fnSpread    = reserved + "p" // makes a list of what an array literal spreads
	fnArgs      = reserved + "a" // makes a list of what a call spreads
	fnKey       = reserved + "k" // makes a computed property name
	fnWritten   = reserved + "w" // makes a computed property name that is written to
	fnPower     = reserved + "e" // computes a power
	fnList      = reserved + "s" // makes a list of what a pattern with a rest takes apart
	fnEnumerate = reserved + "f" // charges for an object whose properties are walked, returns it
	fnDelete    = reserved + "d" // charges for an object that loses a property, returns it
	fnInherit   = reserved + "c" // takes note of a prototype, returns it
	fnCaught    = reserved + "h" // charges for a caught exception
	fnRegExp    = reserved + "x" // makes a regular expression
	fnBegin     = reserved + "i" // takes access to the slice
	fnChoose    = reserved + "z" // takes the entries, returns the one to run
)

// parameters are those that the realm passes to the function around a contract, in the
// order of realm.own.
var parameters = []string{fnRefill, fnText, fnSpread, fnArgs, fnKey, fnWritten, fnPower, fnList, fnEnumerate, fnDelete, fnInherit,
	fnCaught, fnRegExp, fnBegin, fnChoose}

// meter rewrites a syntax tree: it charges segments, checks strings, and refuses what a
// contract may not use.
type meter struct {
	file     *file.File
	refusal  *host.Refusal
	seen     map[any]bool
	used     map[string]file.Idx // free-standing names read, with a place
	declared map[string]bool     // names bound anywhere
	literals

	// What a node's parent says of it before the node is visited.
	spreads map[*ast.SpreadElement]string   // the function to pass what is spread to
	writes  map[*ast.BracketExpression]bool // the name is written to
	rests   map[ast.Expression]bool         // patterns whose rest is paid for
	sources map[string]*host.Refusal        // regular expressions seen
}

// literals are the longest texts of the source: see gauge.
type literals struct{ longest, digits, wide int }

func (l *literals) text(s string) {
	l.longest = max(l.longest, len(s))
	if strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) >= 0 {
		l.wide = max(l.wide, len(s))
	}
	if hard(len(s), func(i int) uint16 { return uint16(s[i]) }) {
		l.digits = max(l.digits, hardNumber)
	}
	l.digits = max(l.digits, numericText(func(i int) uint16 {
		if i < len(s) {
			return uint16(s[i])
		}
		return 0
	}))
}

func newMeter(f *file.File) *meter {
	return &meter{file: f, seen: map[any]bool{}, used: map[string]file.Idx{}, declared: map[string]bool{},
		spreads: map[*ast.SpreadElement]string{}, writes: map[*ast.BracketExpression]bool{}, rests: map[ast.Expression]bool{},
		sources: map[string]*host.Refusal{}}
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
		m.into(n.Into)
		*cost += priceWalk
		inner := m.forEach(v, cost)
		n.Source = invoke(fnEnumerate, n.Source)
		n.Body = m.loop(n.For, n.Body, inner)
	case *ast.ForOfStatement:
		m.into(n.Into)
		*cost += priceWalk + priceStep
		inner := m.forEach(v, cost) + priceStep
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
		if number, ok := n.Key.(*ast.NumberLiteral); ok && !small(number) {
			m.refuse(n.Idx, "", "a number as the name of a class field is not available in contracts")
		}
		if n.Computed {
			m.walk(reflect.ValueOf(&n.Key).Elem(), cost)
			*cost += 3 * priceNode
			n.Key = invoke(fnWritten, literal(n.Key.Idx0(), 0), n.Key)
		} else {
			m.property(&n.Key, false, cost)
		}
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
	inner := priceIteration
	m.walk(v.Elem().FieldByName("Into"), &inner) // at each round
	m.walk(v.Elem().FieldByName("Source"), cost)
	m.walk(v.Elem().FieldByName("Body"), &inner)
	return inner
}
