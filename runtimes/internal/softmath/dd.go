package softmath

import "math"

// Pairs of float64: the value is hi + lo. None of these functions is right when a product
// underflows or a number is so large (2^996) that split overflows; their callers scale.

// twoSum returns the rounded sum and its exact error (D. E. Knuth, The Art of Computer
// Programming, volume 2, 4.2.2, theorem B).
func twoSum(a, b float64) (s, e float64) {
	s = a + b
	t := s - a
	return s, (a - (s - t)) + (b - t)
}

// fastTwoSum is twoSum for |a| >= |b| or a = 0 (Dekker).
func fastTwoSum(a, b float64) (s, e float64) {
	s = a + b
	return s, b - (s - a)
}

// split cuts a into two numbers of 26 bits (G. W. Veltkamp, 1968).
func split(a float64) (hi, lo float64) {
	t := float64(134217729 * a) // 2^27 + 1
	hi = t - (t - a)
	return hi, a - hi
}

// twoProd returns the rounded product and its exact error (Dekker).
func twoProd(a, b float64) (p, e float64) {
	p = float64(a * b)
	ah, al := split(a)
	bh, bl := split(b)
	e = ((float64(ah*bh) - p) + float64(ah*bl)) + float64(al*bh)
	return p, e + float64(al*bl)
}

func addPair(ah, al, bh, bl float64) (hi, lo float64) {
	s, e := twoSum(ah, bh)
	return fastTwoSum(s, e+(al+bl))
}

func mulPair(ah, al, bh, bl float64) (hi, lo float64) {
	p, e := twoProd(ah, bh)
	return fastTwoSum(p, e+(float64(ah*bl)+float64(al*bh)))
}

func divPair(ah, al, bh, bl float64) (hi, lo float64) {
	q := ah / bh
	p, e := twoProd(q, bh)
	r := (((ah - p) - e) + al) - float64(q*bl)
	return fastTwoSum(q, r/bh)
}

// sqrtPair takes one step of Newton's method from the rounded root. hi is above 0.
func sqrtPair(hi, lo float64) (float64, float64) {
	s := math.Sqrt(hi)
	p, e := twoProd(s, s)
	return fastTwoSum(s, (((hi-p)-e)+lo)/float64(2*s))
}

// pow2 returns 2^n for -1022 <= n <= 1023.
func pow2(n int) float64 { return math.Float64frombits(uint64(n+1023) << 52) }

// scale returns (hi + lo) * 2^n for 1/2 <= |hi| < 4, rounded once, also where the result is
// subnormal, zero or infinite.
func scale(hi, lo float64, n int) float64 {
	switch {
	case n > 1025:
		return inf(hi)
	case n < -1080:
		return math.Copysign(0, hi)
	}
	if exponent(math.Abs(hi))+n >= -1022 {
		h := n / 2
		return float64(float64((hi+lo)*pow2(h)) * pow2(n-h))
	}
	// The last place of the result is 2^-1074. Added to c, whose last place is that of the
	// result before it is scaled, the pair is rounded there.
	c := pow2(52 - 1074 - n)
	s, e := twoSum(c, math.Abs(hi))
	if hi < 0 {
		lo = -lo
	}
	y := (s + (e + lo)) - c
	return math.Copysign(float64(float64(y*pow2(-1000))*pow2(n+1000)), hi)
}

// exponent returns n with 2^n <= x < 2^(n+1), for normal x > 0.
func exponent(x float64) int { return int(math.Float64bits(x)>>52) - 1023 }

// normal returns m and n with x = m * 2^n and 1 <= m < 2, for finite x > 0.
func normal(x float64) (m float64, n int) {
	if x < pow2(-1022) {
		x = float64(x * pow2(54))
		n = -54
	}
	e := exponent(x)
	return math.Float64frombits(math.Float64bits(x)&(1<<52-1) | 1023<<52), n + e
}

// NaN is the one NaN that this package returns, 0x7ff8000000000001.
func NaN() float64 { return math.Float64frombits(0x7ff8000000000001) }

func inf(sign float64) float64 { return math.Copysign(math.Inf(1), sign) }
