package js

import (
	"github.com/dop251/goja"

	"github.com/kalima-chain/kalima/runtimes/internal/softmath"
)

// exact lists the functions of Math whose results IEEE 754 or integer arithmetic fixes;
// goja's own serve.
var exact = []string{"abs", "ceil", "clz32", "floor", "fround", "imul", "max", "min", "round", "sign", "sqrt", "trunc"}

// constants of Math.
var constants = []string{"E", "LN10", "LN2", "LOG10E", "LOG2E", "PI", "SQRT1_2", "SQRT2"}

// math makes the object Math. Math.random is not there: see absent.go.
func (r *realm) math() goja.Value {
	from, to := r.global("Math"), r.rt.NewObject()
	for _, name := range constants {
		r.define(to, name, from.Get(name))
	}
	l := &library{realm: r}
	for _, name := range exact {
		o, f := l.original("Math." + name)
		r.define(to, name, l.function(name, int(o.Get("length").ToInteger()), f))
	}
	for name, f := range software {
		r.define(to, name, l.function(name, 1, func(fc goja.FunctionCall) goja.Value {
			r.call.work(priceSoftware)
			return r.rt.ToValue(f(fc.Argument(0).ToFloat()))
		}))
	}
	two := func(name string, f func(x, y float64) float64) {
		r.define(to, name, l.function(name, 2, func(fc goja.FunctionCall) goja.Value {
			r.call.work(priceSoftware)
			x := fc.Argument(0).ToFloat()
			return r.rt.ToValue(f(x, fc.Argument(1).ToFloat()))
		}))
	}
	two("pow", power)
	two("atan2", atan2)
	r.define(to, "hypot", l.function("hypot", 2, r.hypot))
	if err := to.DefineDataPropertySymbol(goja.SymToStringTag, r.rt.ToValue("Math"), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE); err != nil {
		panic(err)
	}
	return to
}

// priceSoftware is what a function costs that is computed without the processor's help.
const priceSoftware = 400

// software is computed with additions, multiplications and tables, so that every processor
// agrees on the last bit. Go's own functions do not.
var software = map[string]func(float64) float64{
	"acos": softmath.Acos, "acosh": softmath.Acosh, "asin": softmath.Asin, "asinh": softmath.Asinh,
	"atan": softmath.Atan, "atanh": softmath.Atanh, "cbrt": softmath.Cbrt, "cos": softmath.Cos,
	"cosh": softmath.Cosh, "exp": softmath.Exp, "expm1": softmath.Expm1, "log": softmath.Log,
	"log10": softmath.Log10, "log1p": softmath.Log1p, "log2": softmath.Log2, "sin": softmath.Sin,
	"sinh": softmath.Sinh, "tan": softmath.Tan, "tanh": softmath.Tanh,
}

func power(x, y float64) float64 { return softmath.PowES(x, y) }

func atan2(y, x float64) float64 { return softmath.Atan2(y, x) }

// hypot is Math.hypot.
func (r *realm) hypot(fc goja.FunctionCall) goja.Value {
	r.call.work(priceSoftware + 32*int64(len(fc.Arguments)))
	values := make([]float64, len(fc.Arguments))
	for i, v := range fc.Arguments {
		values[i] = v.ToFloat()
	}
	return r.rt.ToValue(softmath.Norm(values...))
}
