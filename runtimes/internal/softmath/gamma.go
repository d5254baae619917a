package softmath

import "math"

// Gamma returns the gamma function of x. It is infinite at the zeros, with their sign, and
// NaN at the other poles and at negative infinity.
//
// From 24 on it is e to the power of Stirling's series, (z-1/2) ln z - z + ln(2 pi)/2 +
// 1/(12 z) - ...; smaller arguments are raised there by Gamma(z+1) = z Gamma(z), negative
// ones mirrored by Gamma(-z) = -pi / (z sin(pi z) Gamma(z)).
func Gamma(x float64) float64 {
	switch {
	case x != x || x < -math.MaxFloat64:
		return NaN()
	case x == 0:
		return 1 / x
	case x > 172:
		return math.Inf(1)
	case math.Abs(x) < 0x1p-60:
		return 1 / x
	case x > 0:
		hi, lo, n := gammaPair(x)
		return scale(hi, lo, n)
	case x == math.Floor(x):
		return NaN()
	}
	z := -x
	f := math.Floor(z)
	sign := -1.0
	if _, odd := parity(f); odd {
		sign = 1
	}
	if z > 200 { // less than half of the smallest float64
		return math.Copysign(0, sign)
	}
	d := z - f // exact
	if d > 0.5 {
		d = 1 - d
	}
	ah, al := mulPair(pi, piLow, d, 0)
	sh, sl := ah, al
	if ah > 0x1p-60 {
		sh, sl = sinUpTo2(ah, al)
	}
	gh, gl, n := gammaPair(z)
	gh, gl = mulPair(gh, gl, z, 0)
	gh, gl = mulPair(gh, gl, sh, sl)
	qh, ql := divPair(pi, piLow, gh, gl)
	k := exponent(qh)
	return float64(sign * scale(float64(qh*pow2(-k)), float64(ql*pow2(-k)), k-n))
}

// sinUpTo2 returns the sine of a pair up to pi/2.
func sinUpTo2(h, l float64) (hi, lo float64) {
	if h <= piBy4 {
		hi, lo, _, _ = sinCosPair(h, l)
		return hi, lo
	}
	h, l = addPair(piBy2, piBy2Low, -h, -l)
	if math.Abs(h) < 0x1p-60 {
		return 1, 0
	}
	_, _, hi, lo = sinCosPair(h, l)
	return hi, lo
}

// gammaPair returns Gamma(z) = (hi + lo) * 2^n, for z > 2^-60 up to 201.
func gammaPair(z float64) (hi, lo float64, n int) {
	dh, dl := 1.0, 0.0
	zh, zl := z, 0.0
	for zh < 24 {
		dh, dl = mulPair(dh, dl, zh, zl)
		zh, zl = addPair(zh, zl, 1, 0)
	}
	lh, ll := logOf(zh, zl)
	fh, fl := addPair(zh, zl, -0.5, 0)
	lh, ll = mulPair(lh, ll, fh, fl)
	lh, ll = addPair(lh, ll, -zh, -zl)
	lh, ll = addPair(lh, ll, halfLn2Pi, halfLn2PiLow)
	r := 1 / zh
	q := float64(r * r)
	p := 1.0 / 156
	p = -691.0/360360 + float64(q*p)
	p = 1.0/1188 + float64(q*p)
	p = -1.0/1680 + float64(q*p)
	p = 1.0/1260 + float64(q*p)
	p = -1.0/360 + float64(q*p)
	p = 1.0/12 + float64(q*p)
	lh, ll = addPair(lh, ll, float64(p*r), 0)
	hi, lo, n, _, _, _ = expPair(lh, ll)
	hi, lo = divPair(hi, lo, dh, dl)
	k := exponent(hi)
	return float64(hi * pow2(-k)), float64(lo * pow2(-k)), n + k
}
