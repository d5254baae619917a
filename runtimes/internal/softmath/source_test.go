package softmath

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"
)

// exactMath lists what may be used of package math: functions whose result IEEE 754 fixes,
// or that only move bits.
var exactMath = map[string]bool{
	"Abs": true, "Copysign": true, "Float64bits": true, "Float64frombits": true, "Floor": true, "Inf": true,
	"MaxFloat64": true, "Signbit": true, "Sqrt": true, "Trunc": true,
}

// The rules that make every machine compute the same, checked in the source: every product
// of floats that is not a constant stands inside a conversion, which keeps the compiler from
// fusing it with an addition; of package math only exact functions are used; and the only
// other import is math/bits.
func TestSource(t *testing.T) {
	set := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	products := check(t, set, files, t.Errorf)
	if products < 100 {
		t.Errorf("found %d products of floats; the test has lost its subject", products)
	}
}

// The check finds what it is there for.
func TestSourceCheck(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		bad        bool
	}{
		{"converted", "return float64(x*y) + z", false},
		{"in parentheses", "return float64((x * y)) + z", false},
		{"constant", "return 2 * 3.5 + z", false},
		{"integers", "i := 3; return float64(i*i) + z", false},
		{"bare", "return x*y + z", true},
		{"alone", "w := x * y; return w + z", true},
		{"assigned", "x *= y; return x + z", true},
		{"negated", "return float64(-(x * y)) + z", true},
		{"in a sum that is converted", "return float64(x*y + z)", true},
		{"through a type of its own", "type f float64; return float64(f(x)*f(y)) + z", false},
	} {
		src := "package p\nfunc g(x, y, z float64) float64 { " + tt.body + " }\n"
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, "p.go", src, 0)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		check(t, set, []*ast.File{file}, func(string, ...any) { found = true })
		if found != tt.bad {
			t.Errorf("%s: %q found bad: %t, want %t", tt.name, tt.body, found, tt.bad)
		}
	}
}

// check reports violations and returns how many products of floats it saw.
func check(t *testing.T, set *token.FileSet, files []*ast.File, report func(string, ...any)) (products int) {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: importer.ForCompiler(set, "source", nil)}
	if _, err := conf.Check("p", set, files, info); err != nil {
		t.Fatal(err)
	}
	isFloat := func(e ast.Expr) bool {
		tv := info.Types[e]
		b, ok := tv.Type.Underlying().(*types.Basic)
		return ok && tv.Value == nil && b.Info()&(types.IsFloat|types.IsComplex) != 0
	}
	for _, file := range files {
		for _, imp := range file.Imports {
			if imp.Path.Value != `"math"` && imp.Path.Value != `"math/bits"` {
				report("%v: imports %s", set.Position(imp.Pos()), imp.Path.Value)
			}
		}
		converted := map[ast.Expr]bool{}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if info.Types[n.Fun].IsType() && len(n.Args) == 1 {
					converted[ast.Unparen(n.Args[0])] = true
				}
			case *ast.BinaryExpr:
				if n.Op == token.MUL && isFloat(n) {
					if products++; !converted[n] {
						report("%v: a product of floats outside a conversion", set.Position(n.Pos()))
					}
				}
			case *ast.AssignStmt:
				if n.Tok == token.MUL_ASSIGN && isFloat(n.Lhs[0]) {
					report("%v: *= of floats", set.Position(n.Pos()))
				}
			case *ast.SelectorExpr:
				id, _ := n.X.(*ast.Ident)
				if p, ok := info.Uses[id].(*types.PkgName); ok && p.Imported().Path() == "math" && !exactMath[n.Sel.Name] {
					report("%v: uses math.%s", set.Position(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	}
	return products
}
