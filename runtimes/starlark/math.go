package starlark

import (
	"fmt"
	"math"

	"go.starlark.net/starlark"

	"github.com/kalima-chain/kalima/runtimes/internal/softmath"
)

// mathModule makes the module math: the names of the module math of the interpreter's
// library, computed with the same bits on every processor.
func mathModule() *record {
	d := starlark.StringDict{"e": starlark.Float(math.E), "pi": starlark.Float(math.Pi)}
	for name, f := range map[string]func(float64) float64{
		"fabs": math.Abs, "round": softmath.Round, "exp": softmath.Exp, "sqrt": math.Sqrt,
		"acos": softmath.Acos, "asin": softmath.Asin, "atan": softmath.Atan,
		"cos": softmath.Cos, "sin": softmath.Sin, "tan": softmath.Tan,
		"acosh": softmath.Acosh, "asinh": softmath.Asinh, "atanh": softmath.Atanh,
		"cosh": softmath.Cosh, "sinh": softmath.Sinh, "tanh": softmath.Tanh,
		"degrees": func(x float64) float64 { return float64(360*x) / (2 * math.Pi) },
		"radians": func(x float64) float64 { return float64(2*math.Pi*x) / 360 },
		"gamma":   softmath.Gamma,
	} {
		d[name] = mathFunction(name, 1, 1, func(x []float64) (starlark.Value, error) { return starlark.Float(f(x[0])), nil })
	}
	for name, f := range map[string]func(x, y float64) float64{
		"copysign": math.Copysign, "mod": math.Mod, "remainder": math.Remainder, // exact
		"pow": softmath.Pow, "atan2": softmath.Atan2, "hypot": softmath.Hypot,
	} {
		d[name] = mathFunction(name, 2, 2, func(x []float64) (starlark.Value, error) { return starlark.Float(f(x[0], x[1])), nil })
	}
	d["log"] = mathFunction("log", 1, 2, func(x []float64) (starlark.Value, error) {
		switch {
		case len(x) == 1:
			return starlark.Float(softmath.Log(x[0])), nil
		case x[1] == 1:
			return nil, fmt.Errorf("division by zero")
		case x[1] == 2:
			return starlark.Float(softmath.Log2(x[0])), nil
		case x[1] == 10:
			return starlark.Float(softmath.Log10(x[0])), nil
		}
		return starlark.Float(softmath.Log(x[0]) / softmath.Log(x[1])), nil
	})
	for name, f := range map[string]func(float64) float64{"ceil": math.Ceil, "floor": math.Floor} {
		whole := mathFunction(name, 1, 1, func(x []float64) (starlark.Value, error) { return starlark.NumberToInt(starlark.Float(f(x[0]))) })
		d[name] = starlark.NewBuiltin(name, func(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			if len(args) == 1 && len(kwargs) == 0 {
				if n, ok := args[0].(starlark.Int); ok {
					return n, nil
				}
			}
			return whole.CallInternal(t, args, kwargs)
		})
	}
	return &record{"math", d}
}

// mathFunction makes a function of least to most numbers.
func mathFunction(name string, least, most int, f func(x []float64) (starlark.Value, error)) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		switch {
		case len(kwargs) > 0:
			return nil, fmt.Errorf("%s: unexpected keyword arguments", name)
		case len(args) < least || len(args) > most:
			return nil, fmt.Errorf("%s: got %d arguments, want %d", name, len(args), max(least, min(len(args), most)))
		}
		if err := of(t).pay(mathGas); err != nil {
			return nil, err
		}
		var x [2]float64
		for i, a := range args {
			switch v := a.(type) {
			case starlark.Int:
				x[i] = float64(v.Float())
			case starlark.Float:
				x[i] = float64(v)
			default:
				return nil, fmt.Errorf("%s: for parameter %d: got %s, want float or int", name, i+1, a.Type())
			}
		}
		return f(x[:len(args)])
	})
}
