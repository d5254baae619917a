package softmath

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// function is one function under test: of one argument (f) or of two (g).
type function struct {
	name string
	f    func(float64) float64
	g    func(x, y float64) float64
	// exact returns the value with some more bits, for finite x (and y) where it is defined.
	exact func(r ref, x, y real) real
	// in lists intervals for x from which arguments are drawn; y is drawn from inY.
	in, inY [][2]float64
	ulp     float64 // allowed error in units in the last place
}

var (
	whole  = [2]float64{-math.MaxFloat64, math.MaxFloat64}
	around = [2]float64{-2, 2}
	plus   = [2]float64{0, math.MaxFloat64}
	near1  = [2]float64{0.9, 1.1}
)

func one(name string, f func(float64) float64, exact func(r ref, x real) real, in ...[2]float64) function {
	return function{name: name, f: f, exact: func(r ref, x, _ real) real { return exact(r, x) }, in: in, ulp: 0.52}
}

var functions = []function{
	one("exp", Exp, ref.exp, around, [2]float64{-746, 710}, [2]float64{-745.5, -707}),
	one("expm1", Expm1, func(r ref, x real) real { return r.sub(r.exp(x), r.int(1)) }, around, [2]float64{-60, 710}, [2]float64{-0.03, 0.03}),
	one("log", Log, ref.log, plus, near1, [2]float64{0, 10}),
	one("log1p", Log1p, func(r ref, x real) real { return r.log(r.add(r.int(1), x)) }, [2]float64{-1, math.MaxFloat64}, [2]float64{-1, 2}, [2]float64{-0.02, 0.02}),
	one("log2", Log2, func(r ref, x real) real { return r.div(r.log(x), r.ln2()) }, plus, near1, [2]float64{0, 10}),
	one("log10", Log10, func(r ref, x real) real { return r.div(r.log(x), r.log(r.int(10))) }, plus, near1, [2]float64{0, 10}),
	one("sin", Sin, func(r ref, x real) real { s, _ := r.sinCos(x); return s }, whole, around, [2]float64{-40, 40}, [2]float64{-1e7, 1e7}),
	one("cos", Cos, func(r ref, x real) real { _, c := r.sinCos(x); return c }, whole, around, [2]float64{-40, 40}, [2]float64{-1e7, 1e7}),
	one("tan", Tan, func(r ref, x real) real { s, c := r.sinCos(x); return r.div(s, c) }, whole, around, [2]float64{-40, 40}, [2]float64{-1e7, 1e7}),
	one("asin", Asin, func(r ref, x real) real {
		if one := r.int(1); r.new().Abs(x).Cmp(one) < 0 {
			return r.atan(r.div(x, r.sqrt(r.sub(one, r.mul(x, x)))))
		}
		return r.mul(x, r.half(r.pi()))
	}, [2]float64{-1, 1}, [2]float64{0.999, 1}, [2]float64{-0.1, 0.1}),
	one("acos", Acos, func(r ref, x real) real {
		// 2 atan(sqrt((1-x)/(1+x)))
		if d := r.add(r.int(1), x); d.Sign() > 0 {
			return r.shift(r.atan(r.sqrt(r.div(r.sub(r.int(1), x), d))), 1)
		}
		return r.pi()
	}, [2]float64{-1, 1}, [2]float64{0.999, 1}, [2]float64{-1, -0.999}),
	one("atan", Atan, ref.atan, whole, around, [2]float64{-100, 100}),
	one("sinh", Sinh, func(r ref, x real) real { return r.half(r.sub(r.exp(x), r.exp(r.neg(x)))) }, around, [2]float64{-711, 711}, [2]float64{-0.1, 0.1}),
	one("cosh", Cosh, func(r ref, x real) real { return r.half(r.add(r.exp(x), r.exp(r.neg(x)))) }, around, [2]float64{-711, 711}),
	one("tanh", Tanh, func(r ref, x real) real {
		e := r.exp(r.shift(x, 1))
		return r.div(r.sub(e, r.int(1)), r.add(e, r.int(1)))
	}, around, [2]float64{-22, 22}, [2]float64{-0.1, 0.1}),
	one("asinh", Asinh, func(r ref, x real) real {
		a := r.new().Abs(x)
		y := r.log(r.add(a, r.sqrt(r.add(r.mul(a, a), r.int(1)))))
		if x.Sign() < 0 {
			return r.neg(y)
		}
		return y
	}, whole, around, [2]float64{-0.1, 0.1}, [2]float64{-100, 100}),
	one("acosh", Acosh, func(r ref, x real) real { return r.log(r.add(x, r.sqrt(r.sub(r.mul(x, x), r.int(1))))) }, [2]float64{1, math.MaxFloat64}, [2]float64{1, 1.1}, [2]float64{1, 20}),
	one("atanh", Atanh, func(r ref, x real) real {
		return r.half(r.log(r.div(r.add(r.int(1), x), r.sub(r.int(1), x))))
	}, [2]float64{-1, 1}, [2]float64{-0.1, 0.1}, [2]float64{0.99, 1}),
	one("cbrt", Cbrt, func(r ref, x real) real {
		t := r.exp(r.div(r.log(r.new().Abs(x)), r.int(3)))
		if x.Sign() < 0 {
			return r.neg(t)
		}
		return t
	}, whole, around, [2]float64{1, 8}),
	{name: "gamma", f: Gamma, exact: func(r ref, x, _ real) real { return r.gamma(x) },
		in: [][2]float64{{-170, 171.6}, {0, 30}, {-5, 5}, {-178, -168}, {1, 2}}, ulp: 0.55},
	{name: "pow", g: Pow, exact: func(r ref, x, y real) real {
		return r.exp(r.mul(y, r.log(x)))
	}, in: [][2]float64{plus, {0, 10}, near1, {0.9999, 1.0001}}, inY: [][2]float64{{-2000, 2000}, {-10, 10}, {-1e6, 1e6}}, ulp: 0.55},
	{name: "atan2", g: Atan2, exact: func(r ref, y, x real) real {
		a := r.atan(r.div(y, x))
		switch {
		case x.Sign() < 0 && y.Sign() < 0:
			return r.sub(a, r.pi())
		case x.Sign() < 0:
			return r.add(a, r.pi())
		}
		return a
	}, in: [][2]float64{around, {-100, 100}, whole}, inY: [][2]float64{around, {-100, 100}, whole}, ulp: 0.52},
	{name: "hypot", g: Hypot, exact: func(r ref, x, y real) real { return r.sqrt(r.add(r.mul(x, x), r.mul(y, y))) },
		in: [][2]float64{around, {-100, 100}, whole}, inY: [][2]float64{around, {-100, 100}, whole}, ulp: 0.52},
}

// draw returns a number from one of the intervals: half of them spread evenly, half by their
// bits, so that small ones come as often as large ones.
func draw(r *rand.Rand, in [][2]float64) float64 {
	i := in[r.IntN(len(in))]
	if r.IntN(2) == 0 {
		if x := i[0] + (i[1]-i[0])*r.Float64(); finite(x) {
			return x
		}
	}
	for {
		x := math.Float64frombits(r.Uint64())
		if r.IntN(2) == 0 { // and near 1 as often as near the ends of the range
			x = math.Ldexp(math.Copysign(1+r.Float64(), x), r.IntN(80)-60)
		}
		if x >= i[0] && x <= i[1] {
			return x
		}
		if w := math.Abs(i[1] - i[0]); w < 1 {
			return i[0] + w*math.Pow(r.Float64(), 8)
		}
	}
}

// within reports whether x lies in one of the intervals.
func (f *function) within(x float64) bool {
	return slices.ContainsFunc(f.in, func(i [2]float64) bool { return x >= i[0] && x <= i[1] })
}

func (f *function) call(x, y float64) float64 {
	if f.f != nil {
		return f.f(x)
	}
	return f.g(x, y)
}

// err returns how far the result is from the exact value, in units in the last place, and
// the float64 nearest to that; ok is false where the result is no finite number.
func (f *function) err(x, y float64) (ulps float64, want float64, ok bool) {
	got := f.call(x, y)
	if !finite(got) || x == 0 || f.g != nil && y == 0 {
		return 0, 0, false
	}
	r := precise(x)
	if f.name == "hypot" {
		r = ref{4500}
	}
	e := f.exact(r, r.of(x), r.of(y))
	want, _ = e.Float64()
	d := r.sub(e, r.of(got))
	if d.Sign() == 0 {
		return 0, want, true
	}
	unit := -1074
	if e.Sign() != 0 {
		unit = max(unit, e.MantExp(nil)-53)
	}
	u, _ := r.shift(d, -unit).Float64()
	return math.Abs(u), want, true
}

// hard holds arguments at which something changes: next to multiples of pi/2 (the first is
// the worst there is, 2^-61 from one), at the ends of the tables' intervals, of the
// subnormal numbers and of the range.
var hard = func() (list []float64) {
	list = append(list, 6381956970095103*0x1p797, 0x1p1023, math.MaxFloat64, 5e-324, 0x1p-1022, 0x0.fffffffffffffp-1022, 0x1p-27, 0x1p-60, 22, 1e22, 355, 52174)
	for i := range 100 {
		for _, x := range []float64{float64(i) / 64, float64(i) / 256, float64(i) * math.Pi / 2, math.Sqrt2 * float64(i+1) / 100, math.Ln2 * float64(i) / 64} {
			list = append(list, x, -math.Nextafter(x, 0), math.Nextafter(x, 1000))
		}
	}
	return list
}()

// Every result is next to the exact value.
func TestAccuracy(t *testing.T) {
	const n = 800
	for _, f := range functions {
		t.Run(f.name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, uint64(len(f.name))))
			worst, at, at2, checked, nearest := 0.0, 0.0, 0.0, 0, 0
			for i := range n + len(hard) {
				x, y := draw(rnd, f.in), 0.0
				if i < len(hard) && f.within(hard[i]) {
					x = hard[i]
				}
				if f.g != nil {
					y = draw(rnd, f.inY)
				}
				u, want, ok := f.err(x, y)
				if !ok {
					continue
				}
				checked++
				if f.call(x, y) == want {
					nearest++
				}
				if u > worst {
					worst, at, at2 = u, x, y
				}
			}
			if worst > f.ulp || checked < n/2 {
				t.Errorf("%s(%x, %x) = %x is %.3f units in the last place off (%d arguments checked), want at most %.2f", f.name, at, at2, f.call(at, at2), worst, checked, f.ulp)
			}
			t.Logf("%d arguments, %d the nearest float64, worst error %.4f", checked, nearest, worst)
		})
	}
}
