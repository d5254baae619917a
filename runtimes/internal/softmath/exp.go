package softmath

import "math"

// expPair returns e^(h+l) = (hi + lo) * 2^n with hi near 1 to 2, and, where |h| is below
// 0.0108, e^(h+l) - 1 = mh + ml. |h| is at most 760 and above 2^-60, or 0.
//
// The method is Tang's: h = (32 n + i) * ln 2 / 32 + r with |r| <= ln 2 / 64, and e^h is
// 2^n * 2^(i/32) * e^r. The multiple of ln 2 / 32 is taken off in three parts, of which two
// give exact products. e^r - 1 is r + r*r/2 in pairs and the rest of Taylor's series in
// float64, where it is below 2^-22.
func expPair(h, l float64) (hi, lo float64, n int, mh, ml float64, small bool) {
	k := math.Floor(float64(h*invLn2By32) + 0.5)
	r := h - float64(k*ln2By32A) // exact
	s, e := twoSum(r, -float64(k*ln2By32B))
	s, e = fastTwoSum(s, (e-float64(k*ln2By32C))+l)

	q, qe := twoProd(s, s)
	p := 1.0 / 362880
	p = 1.0/40320 + float64(s*p)
	p = 1.0/5040 + float64(s*p)
	p = 1.0/720 + float64(s*p)
	p = 1.0/120 + float64(s*p)
	p = 1.0/24 + float64(s*p)
	p = 1.0/6 + float64(s*p)
	p = float64(float64(q*s) * p)
	m, me := fastTwoSum(s, float64(0.5*q))
	mh, ml = fastTwoSum(m, me+(float64(0.5*qe)+(e+(float64(s*e)+p))))

	i := int(k)
	n, i = i>>5, i&31
	if n == 0 && i == 0 {
		hi, lo = twoSum(1, mh)
		return hi, lo + ml, 0, mh, ml, true
	}
	t, tl := exp2Table[i][0], exp2Table[i][1]
	ph, pl := mulPair(t, tl, mh, ml)
	hi, lo = addPair(t, tl, ph, pl)
	return hi, lo, n, 0, 0, false
}

// Exp returns e^x.
func Exp(x float64) float64 {
	switch {
	case x != x:
		return NaN()
	case x > 710:
		return math.Inf(1)
	case x < -746:
		return 0
	case math.Abs(x) < 0x1p-54:
		return 1
	}
	hi, lo, n, _, _, _ := expPair(x, 0)
	return scale(hi, lo, n)
}

// expm1Pair returns e^x - 1 as a pair, for 2^-54 < |x| < 40.
func expm1Pair(x float64) (float64, float64) {
	hi, lo, n, mh, ml, small := expPair(x, 0)
	if small {
		return mh, ml
	}
	f := pow2(n)
	return addPair(float64(hi*f), float64(lo*f), -1, 0)
}

// Expm1 returns e^x - 1, right also near 0.
func Expm1(x float64) float64 {
	switch {
	case x != x:
		return NaN()
	case math.Abs(x) < 0x1p-54:
		return x // and -0
	case x > 39:
		return Exp(x) // the 1 is below a hundredth of the last place
	case x < -39:
		return -1
	}
	hi, lo := expm1Pair(x)
	return hi + lo
}
