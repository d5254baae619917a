package softmath

import (
	"math"
	"math/big"
	"sync"
)

// The functions of this package from their definitions, in as many bits as it takes. They
// share nothing with the code under test.

type real = *big.Float

// ref computes with a fixed number of bits.
type ref struct{ prec uint }

func (r ref) new() real                { return new(big.Float).SetPrec(r.prec) }
func (r ref) of(x float64) real        { return r.new().SetFloat64(x) }
func (r ref) int(n int64) real         { return r.new().SetInt64(n) }
func (r ref) add(a, b real) real       { return r.new().Add(a, b) }
func (r ref) sub(a, b real) real       { return r.new().Sub(a, b) }
func (r ref) mul(a, b real) real       { return r.new().Mul(a, b) }
func (r ref) div(a, b real) real       { return r.new().Quo(a, b) }
func (r ref) neg(a real) real          { return r.new().Neg(a) }
func (r ref) sqrt(a real) real         { return r.new().Sqrt(a) }
func (r ref) half(a real) real         { return r.shift(a, -1) }
func (r ref) shift(a real, n int) real { return r.new().SetMantExp(a, n) }

// negligible reports whether a term is too small to count beside sum.
func (r ref) negligible(term, sum real) bool {
	return term.Sign() == 0 || sum.Sign() != 0 && term.MantExp(nil) < sum.MantExp(nil)-int(r.prec)
}

var piCache sync.Map

// pi is John Machin's, 16 atan(1/5) - 4 atan(1/239).
func (r ref) pi() real {
	if p, ok := piCache.Load(r.prec); ok {
		return p.(real)
	}
	w := ref{r.prec + 32}
	arccot := func(n int64) real {
		x := w.div(w.int(1), w.int(n))
		return w.gregory(x)
	}
	p := w.sub(w.mul(w.int(16), arccot(5)), w.mul(w.int(4), arccot(239)))
	p = r.new().Set(p)
	piCache.Store(r.prec, p)
	return p
}

// gregory is x - x^3/3 + x^5/5 - ...
func (r ref) gregory(x real) real {
	sum, power, q := r.new().Set(x), x, r.neg(r.mul(x, x))
	for n := int64(3); ; n += 2 {
		power = r.mul(power, q)
		term := r.div(power, r.int(n))
		if r.negligible(term, sum) {
			return sum
		}
		sum = r.add(sum, term)
	}
}

func (r ref) atan(x real) real {
	w := ref{r.prec + 32}
	for range 8 { // atan x = 2 atan(x / (1 + sqrt(1 + x x)))
		x = w.div(x, w.add(w.int(1), w.sqrt(w.add(w.int(1), w.mul(x, x)))))
	}
	return r.new().Set(w.shift(w.gregory(x), 8))
}

var ln2Cache sync.Map

// ln2 is 2 artanh(1/3).
func (r ref) ln2() real {
	if p, ok := ln2Cache.Load(r.prec); ok {
		return p.(real)
	}
	p := r.shift(r.artanhSeries(r.div(r.int(1), r.int(3))), 1)
	ln2Cache.Store(r.prec, p)
	return p
}

// artanhSeries is x + x^3/3 + x^5/5 + ...
func (r ref) artanhSeries(x real) real {
	sum, power, q := r.new().Set(x), x, r.mul(x, x)
	for n := int64(3); ; n += 2 {
		power = r.mul(power, q)
		term := r.div(power, r.int(n))
		if r.negligible(term, sum) {
			return sum
		}
		sum = r.add(sum, term)
	}
}

func (r ref) exp(x real) real {
	w := ref{r.prec + 64}
	k, _ := w.add(w.div(x, w.ln2()), w.of(0.5)).Int64()
	y := w.sub(x, w.mul(w.int(k), w.ln2()))
	y = w.shift(y, -12)
	sum, term := w.int(1), w.int(1)
	for n := int64(1); ; n++ {
		term = w.div(w.mul(term, y), w.int(n))
		if w.negligible(term, sum) {
			break
		}
		sum = w.add(sum, term)
	}
	for range 12 {
		sum = w.mul(sum, sum)
	}
	return r.new().Set(w.shift(sum, int(k)))
}

// log is e ln 2 + 2 artanh((m-1)/(m+1)), after six square roots of m.
func (r ref) log(x real) real {
	w := ref{r.prec + 64}
	m := w.new()
	e := x.MantExp(m)
	if m.Cmp(w.of(0.7)) < 0 {
		m, e = w.shift(m, 1), e-1
	}
	roots := 0
	if d := w.sub(m, w.int(1)); d.Sign() != 0 && d.MantExp(nil) > -6 {
		for roots = range 6 {
			m = w.sqrt(m)
		}
		roots++
	}
	t := w.artanhSeries(w.div(w.sub(m, w.int(1)), w.add(m, w.int(1))))
	return r.new().Set(w.add(w.mul(w.int(int64(e)), w.ln2()), w.shift(t, roots+1)))
}

// sinCos takes off multiples of pi/2 and sums Taylor's series.
func (r ref) sinCos(x real) (sin, cos real) {
	w := ref{r.prec + 64 + uint(max(0, x.MantExp(nil)))}
	halfPi := w.half(w.pi())
	k, _ := w.add(w.div(w.new().Abs(x), halfPi), w.of(0.5)).Int(nil)
	y := w.sub(w.new().Abs(x), w.mul(w.new().SetInt(k), halfPi))
	w = ref{r.prec + 64}
	y = w.new().Set(y)
	q := w.neg(w.mul(y, y))
	series := func(term real, n int64) real {
		sum := w.new().Set(term)
		for ; ; n += 2 {
			term = w.div(w.mul(term, q), w.int((n+1)*(n+2)))
			if w.negligible(term, sum) {
				return sum
			}
			sum = w.add(sum, term)
		}
	}
	s, c := series(y, 1), series(w.int(1), 0)
	switch new(big.Int).And(k, big.NewInt(3)).Int64() {
	case 1:
		s, c = c, w.neg(s)
	case 2:
		s, c = w.neg(s), w.neg(c)
	case 3:
		s, c = w.neg(c), s
	}
	if x.Sign() < 0 {
		s = w.neg(s)
	}
	return r.new().Set(s), r.new().Set(c)
}

// gamma raises x to 200, where Stirling's series is good for 180 bits.
func (r ref) gamma(x real) real {
	if x.Sign() < 0 { // pi / (sin(pi x) Gamma(1-x))
		s, _ := r.sinCos(r.mul(r.pi(), x))
		return r.div(r.pi(), r.mul(s, r.gamma(r.sub(r.int(1), x))))
	}
	d, z := r.int(1), r.new().Set(x)
	for z.Cmp(r.int(200)) < 0 {
		d = r.mul(d, z)
		z = r.add(z, r.int(1))
	}
	l := r.mul(r.sub(z, r.of(0.5)), r.log(z))
	l = r.add(r.sub(l, z), r.half(r.log(r.shift(r.pi(), 1))))
	power, q := r.div(r.int(1), z), r.div(r.int(1), r.mul(z, z))
	for i, b := range bernoulli(20) { // B(2k) / (2k (2k-1) z^(2k-1))
		k := int64(2 * (i + 1))
		l = r.add(l, r.div(r.mul(r.new().SetRat(b), power), r.int(k*(k-1))))
		power = r.mul(power, q)
	}
	return r.div(r.exp(l), d)
}

// bernoulli returns B2, B4, ... (n numbers), by the recurrence that defines them.
func bernoulli(n int) (list []*big.Rat) {
	var b []*big.Rat
	for m := int64(0); m <= int64(2*n); m++ {
		sum := new(big.Rat)
		for k := int64(0); k < m; k++ {
			c := new(big.Rat).SetInt(new(big.Int).Binomial(m+1, k))
			sum.Add(sum, c.Mul(c, b[k]))
		}
		if m == 0 {
			sum.SetInt64(1)
		} else {
			sum.Mul(sum, big.NewRat(-1, m+1))
		}
		b = append(b, sum)
		if m > 0 && m%2 == 0 {
			list = append(list, sum)
		}
	}
	return list
}

// precise returns a computation of enough bits for an argument as small as x, so that
// 1 + x*x loses nothing.
func precise(args ...float64) ref {
	prec := uint(320)
	for _, x := range args {
		if a := math.Abs(x); a != 0 && a < 1 {
			_, e := math.Frexp(a)
			prec = max(prec, 320+3*uint(-e))
		}
	}
	return ref{prec}
}
