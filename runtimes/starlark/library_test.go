package starlark

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/runtimes/internal/softmath"
)

// The functions of math are those of softmath, to the bit.
func TestMath(t *testing.T) {
	one := map[string]func(float64) float64{
		"exp": softmath.Exp, "acos": softmath.Acos, "asin": softmath.Asin, "atan": softmath.Atan, "cos": softmath.Cos, "sin": softmath.Sin, "tan": softmath.Tan,
		"acosh": softmath.Acosh, "asinh": softmath.Asinh, "atanh": softmath.Atanh, "cosh": softmath.Cosh, "sinh": softmath.Sinh, "tanh": softmath.Tanh,
		"gamma": softmath.Gamma, "log": softmath.Log, "round": softmath.Round, "sqrt": math.Sqrt, "fabs": math.Abs,
	}
	two := map[string]func(x, y float64) float64{"pow": softmath.Pow, "atan2": softmath.Atan2, "hypot": softmath.Hypot, "mod": math.Mod, "remainder": math.Remainder, "copysign": math.Copysign}
	text := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	check := func(call string, want float64) {
		t.Helper()
		res := run(t, "kalima_abi = 1\ndef validate():\n    kalima.put('', 'out', str("+call+"))\n", host.Limits{})
		if res.Fault != nil {
			t.Errorf("%s = %v", call, res.Fault)
			return
		}
		got, err := strconv.ParseFloat(strings.TrimPrefix(string(res.Writes[0].Value), "+"), 64)
		if err != nil || math.Float64bits(got) != math.Float64bits(want) && (got == got || want == want) {
			t.Errorf("%s = %q, want %v", call, res.Writes[0].Value, want)
		}
	}
	for _, x := range []float64{0.5, 1.25, -0.75, 3, 1e10, 123.456, -2.5} {
		for name, f := range one {
			check("math."+name+"("+text(x)+")", f(x))
		}
		for name, f := range two {
			check("math."+name+"("+text(x)+", 1.7)", f(x, 1.7))
		}
	}
	check("math.log(8, 2)", 3)
	check("math.log(1000, 10)", 3)
	check("math.log(81, 3)", softmath.Log(81)/softmath.Log(3))
	check("math.sqrt(2)", math.Sqrt2)
	check("math.pi", math.Pi)
	for call, want := range map[string]string{
		"math.sin()": "sin: got 0 arguments, want 1", "math.sin(1, 2)": "sin: got 2 arguments, want 1", "math.sin('x')": "sin: for parameter 1: got string, want float or int",
		"math.sin(x = 1)": "sin: unexpected keyword arguments", "math.log(2, 1)": "division by zero", "math.pow(2)": "pow: got 1 arguments, want 2",
		"math.floor(float('nan'))": "cannot convert float NaN to integer", "math.nope": "math has no .nope field or method",
	} {
		res := run(t, "kalima_abi = 1\ndef validate():\n    "+call+"\n", host.Limits{})
		if res.Fault == nil || res.Fault.Message != want {
			t.Errorf("%s = %v, want %q", call, res.Fault, want)
		}
	}
}

// JSON is bounded before it is read.
func TestJSONBounds(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, tt := range []struct{ name, body, want string }{
		{"as deep as can be", "json.decode('" + nested(64) + "')", ""},
		{"deeper", "json.decode('" + nested(65) + "')", "json.decode: nested more than 64 deep"},
		{"deeper, with a default", "json.decode('" + nested(65) + "', default = 5)", "json.decode: nested more than 64 deep"},
		{"brackets in a string", `json.decode('"` + strings.Repeat("[", 100) + `\\"[["')`, ""},
		{"many digits", "json.decode('" + strings.Repeat("9", 1025) + "')", "json.decode: a number of more than 1024 digits"},
		{"as many as can be", "json.decode('" + strings.Repeat("9", 1024) + "')", ""},
		{"not JSON", "json.decode('nope')", "json.decode: at offset 0, unexpected character 'n'"},
		{"not JSON, with a default", "return None if json.decode('nope', default = None) == None else 1", ""},
		{"indented, deeper", "json.indent('" + nested(65) + "')", "json.indent: nested more than 64 deep"},
		{"a deep list", "x = []\n    for _ in range(70): x = [x]\n    json.encode(x)", "a value nested more than 64 deep can not be printed"},
		{"a list in itself", "x = []\n    x.append(x)\n    json.encode(x)", "a value nested more than 64 deep can not be printed"},
		{"the module", "json.encode(kalima)", "json.encode: in field .clock: cannot encode builtin_function_or_method as JSON"},
	} {
		res := run(t, "kalima_abi = 1\ndef validate():\n    "+tt.body+"\n", host.Limits{})
		got := ""
		if res.Fault != nil {
			got = res.Fault.Message
		}
		if got != tt.want || res.Fault != nil && res.Fault.Code != abi.Trap {
			t.Errorf("%s: %v, want %q", tt.name, res.Fault, tt.want)
		}
	}
}
