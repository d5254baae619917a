package softmath

import "math"

// Sinh returns the hyperbolic sine of x: (m + m/(m+1)) / 2 with m = e^|x| - 1, which is
// right also near 0.
func Sinh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x:
		return NaN()
	case a < 0x1p-27:
		return x // and -0
	case a > 711:
		return inf(x)
	case a > 39:
		return math.Copysign(halfExp(a), x)
	}
	mh, ml := expm1Pair(a)
	dh, dl := addPair(1, 0, mh, ml)
	qh, ql := divPair(mh, ml, dh, dl)
	hi, lo := addPair(mh, ml, qh, ql)
	return math.Copysign(float64(0.5*(hi+lo)), x)
}

// Cosh returns the hyperbolic cosine of x: (e + 1/e) / 2 with e = e^|x|.
func Cosh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x:
		return NaN()
	case a < 0x1p-27:
		return 1
	case a > 711:
		return math.Inf(1)
	case a > 39:
		return halfExp(a)
	}
	h, l, n, _, _, _ := expPair(a, 0)
	f := pow2(n)
	h, l = float64(h*f), float64(l*f)
	ih, il := divPair(1, 0, h, l)
	hi, lo := addPair(h, l, ih, il)
	return float64(0.5 * (hi + lo))
}

// halfExp returns e^x / 2, infinite only when that is.
func halfExp(x float64) float64 {
	hi, lo, n, _, _, _ := expPair(x, 0)
	return scale(hi, lo, n-1)
}

// Tanh returns the hyperbolic tangent of x: m / (m + 2) with m = e^(2|x|) - 1.
func Tanh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x:
		return NaN()
	case a < 0x1p-27:
		return x // and -0
	case a > 19.5: // 1 - 2 e^-39 is nearer to 1 than to any other
		return math.Copysign(1, x)
	}
	mh, ml := expm1Pair(float64(2 * a))
	dh, dl := addPair(2, 0, mh, ml)
	hi, lo := divPair(mh, ml, dh, dl)
	return math.Copysign(hi+lo, x)
}

// Asinh returns the inverse hyperbolic sine of x: ln(1 + a + a*a/(1 + sqrt(a*a+1))) with
// a = |x|.
func Asinh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x:
		return NaN()
	case a < 0x1p-27 || !finite(x):
		return x // and -0
	case a > 0x1p60:
		return math.Copysign(logTwice(a), x)
	}
	qh, ql := twoProd(a, a)
	sh, sl := addPair(1, 0, qh, ql)
	sh, sl = sqrtPair(sh, sl)
	sh, sl = addPair(1, 0, sh, sl)
	qh, ql = divPair(qh, ql, sh, sl)
	hi, lo := log1pOf(addPair(a, 0, qh, ql))
	return math.Copysign(hi+lo, x)
}

// logTwice returns ln(2 x), also where 2 x is infinite.
func logTwice(x float64) float64 {
	n, r, line := reduceLog(x)
	hi, lo := logPair(r, 0, n+1, line)
	return hi + lo
}

// Acosh returns the inverse hyperbolic cosine of x: ln(1 + t + sqrt(t*(t+2))) with t = x-1.
func Acosh(x float64) float64 {
	switch {
	case !(x >= 1):
		return NaN()
	case x == 1:
		return 0
	case x > math.MaxFloat64:
		return x
	case x > 0x1p60:
		return logTwice(x)
	}
	th, tl := twoSum(x, -1)
	uh, ul := twoSum(x, 1)
	sh, sl := mulPair(th, tl, uh, ul)
	sh, sl = sqrtPair(sh, sl)
	hi, lo := log1pOf(addPair(th, tl, sh, sl))
	return hi + lo
}

// Atanh returns the inverse hyperbolic tangent of x: ln(1 + 2a/(1-a)) / 2 with a = |x|.
func Atanh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case !(a <= 1):
		return NaN()
	case a < 0x1p-27:
		return x // and -0
	case a == 1:
		return inf(x)
	}
	dh, dl := twoSum(1, -a)
	hi, lo := log1pOf(divPair(float64(2*a), 0, dh, dl))
	return math.Copysign(float64(0.5*(hi+lo)), x)
}
