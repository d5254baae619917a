package softmath

import "math"

// sinCosPair returns the sine and cosine of h + l as pairs, for |h| up to pi/4 and above
// 2^-60.
//
// A table holds both at the multiples of 1/32; the distance d to the nearest, at most 1/64,
// goes through Taylor's series, and the addition theorems join them (S. Gal, 1991).
func sinCosPair(h, l float64) (sh, sl, ch, cl float64) {
	negative := h < 0
	if negative {
		h, l = -h, -l
	}
	i := int(float64(h*32) + 0.5)
	d, dl := twoSum(h, -float64(float64(i)*0.03125))
	d, dl = twoSum(d, dl+l)

	q, qe := twoProd(d, d)
	p := 1.0 / 362880
	p = -1.0/5040 + float64(q*p)
	p = 1.0/120 + float64(q*p)
	p = -1.0/6 + float64(q*p)
	p = float64(float64(q*d) * p)
	xh, xl := fastTwoSum(d, dl+(p-float64(float64(0.5*q)*dl))) // sin d

	p = 1.0 / 40320
	p = -1.0/720 + float64(q*p)
	p = 1.0/24 + float64(q*p)
	p = float64(float64(q*q) * p)
	yh, yl := fastTwoSum(-float64(0.5*q), (p-float64(0.5*qe))-float64(d*dl)) // cos d - 1

	if i == 0 {
		sh, sl = xh, xl
		ch, cl = addPair(1, 0, yh, yl)
	} else {
		t := &sinCosTable[i]
		ah, al := mulPair(t[2], t[3], xh, xl)
		bh, bl := mulPair(t[0], t[1], yh, yl)
		ah, al = addPair(ah, al, bh, bl)
		sh, sl = addPair(t[0], t[1], ah, al)
		ah, al = mulPair(t[0], t[1], xh, xl)
		bh, bl = mulPair(t[2], t[3], yh, yl)
		ah, al = addPair(bh, bl, -ah, -al)
		ch, cl = addPair(t[2], t[3], ah, al)
	}
	if negative {
		sh, sl = -sh, -sl
	}
	return sh, sl, ch, cl
}

func finite(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }

// Sin returns the sine of x, in radians.
func Sin(x float64) float64 {
	switch {
	case !finite(x):
		return NaN()
	case math.Abs(x) < 0x1p-27:
		return x // and -0
	}
	q, h, l := reduce(x)
	sh, sl, ch, cl := sinCosPair(h, l)
	return pick(q, sh+sl, ch+cl)
}

// Cos returns the cosine of x, in radians.
func Cos(x float64) float64 {
	switch {
	case !finite(x):
		return NaN()
	case math.Abs(x) < 0x1p-27:
		return 1
	}
	q, h, l := reduce(x)
	sh, sl, ch, cl := sinCosPair(h, l)
	return pick(q+1, sh+sl, ch+cl)
}

// pick returns the sine of an angle in quadrant q, from sine and cosine of its distance to
// the quadrant's middle.
func pick(q int, sin, cos float64) float64 {
	if q&1 == 1 {
		sin = cos
	}
	if q&2 == 2 {
		return -sin
	}
	return sin
}

// Tan returns the tangent of x, in radians.
func Tan(x float64) float64 {
	switch {
	case !finite(x):
		return NaN()
	case math.Abs(x) < 0x1p-27:
		return x // and -0
	}
	q, h, l := reduce(x)
	sh, sl, ch, cl := sinCosPair(h, l)
	if q&1 == 1 {
		sh, sl, ch, cl = -ch, -cl, sh, sl
	}
	hi, lo := divPair(sh, sl, ch, cl)
	return hi + lo
}
