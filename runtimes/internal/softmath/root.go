package softmath

import "math"

// Cbrt returns the cube root of x: Newton's method from a guess of 5 bits, the last step in
// pairs.
func Cbrt(x float64) float64 {
	switch {
	case x != x:
		return NaN()
	case x == 0 || !finite(x):
		return x
	}
	m, n := normal(math.Abs(x))
	k := n / 3
	if n%3 < 0 {
		k--
	}
	m = float64(m * pow2(n-3*k)) // 1 <= m < 8
	// The line through the roots of 1 and 8 bows away from the curve by less than a fifth.
	t := 0.9 + float64(0.15*m)
	for range 4 {
		t = float64((float64(2*t) + m/float64(t*t)) * (1.0 / 3))
	}
	qh, ql := twoProd(t, t)
	ch, cl := mulPair(qh, ql, t, 0)
	rest := ((m - ch) - cl) / float64(3*qh)
	return math.Copysign(scale(t, rest, k), x)
}

// Hypot returns sqrt(x*x + y*y), infinite when one of them is, even if the other is NaN.
func Hypot(x, y float64) float64 { return Norm(x, y) }

// Norm is Hypot for any number of values; 0 for none.
func Norm(values ...float64) float64 {
	largest, isNaN := 0.0, false
	for _, v := range values {
		switch a := math.Abs(v); {
		case a > math.MaxFloat64:
			return math.Inf(1)
		case a != a:
			isNaN = true
		case a > largest:
			largest = a
		}
	}
	switch {
	case isNaN:
		return NaN()
	case largest == 0:
		return 0
	}
	_, n := normal(largest)
	var sh, sl float64
	for _, v := range values {
		if v == 0 {
			continue
		}
		m, k := normal(math.Abs(v))
		if n-k > 400 {
			continue // its square is far below the last bit of the pair
		}
		m = float64(m * pow2(k-n))
		qh, ql := twoProd(m, m)
		sh, sl = addPair(sh, sl, qh, ql)
	}
	sh, sl = sqrtPair(sh, sl)
	k := exponent(sh)
	return scale(float64(sh*pow2(-k)), float64(sl*pow2(-k)), n+k)
}
