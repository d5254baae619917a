package softmath

import "math"

// atanPair returns the angle of the point (x, y) in the first quadrant as a pair. Both are
// pairs above 0, near 1, of a quotient between 2^-70 and 2^70.
//
// In the lower half of the quadrant, a table holds the arctangent of multiples c of 1/32;
// the angle that is left has the tangent t = (y - c x) / (x + c y), at most 1/64, and goes
// through Gregory's series. The upper half is its mirror.
func atanPair(yh, yl, xh, xl float64) (hi, lo float64) {
	upper := yh > xh
	if upper {
		yh, yl, xh, xl = xh, xl, yh, yl
	}
	i := int(float64((yh/xh)*32) + 0.5)
	th, tl := yh, yl
	dh, dl := xh, xl
	if i > 0 {
		c := float64(float64(i) * 0.03125)
		ph, pl := mulPair(xh, xl, c, 0)
		th, tl = addPair(yh, yl, -ph, -pl)
		ph, pl = mulPair(yh, yl, c, 0)
		dh, dl = addPair(xh, xl, ph, pl)
	}
	th, tl = divPair(th, tl, dh, dl)

	q := float64(th * th)
	p := 1.0 / 13
	p = -1.0/11 + float64(q*p)
	p = 1.0/9 + float64(q*p)
	p = -1.0/7 + float64(q*p)
	p = 1.0/5 + float64(q*p)
	p = -1.0/3 + float64(q*p)
	p = float64(float64(q*th) * p)
	hi, lo = fastTwoSum(th, tl+(p-float64(q*tl)))
	if i > 0 {
		hi, lo = addPair(atanTable[i][0], atanTable[i][1], hi, lo)
	}
	if upper {
		hi, lo = addPair(piBy2, piBy2Low, -hi, -lo)
	}
	return hi, lo
}

// Atan returns the arctangent of x.
func Atan(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x:
		return NaN()
	case a < 0x1p-27:
		return x // and -0
	case a > 0x1p60:
		return math.Copysign(piBy2, x)
	}
	s := 1.0
	if a > 1 { // the same quotient of smaller numbers, exactly
		n := exponent(a)
		s, a = pow2(-n), float64(a*pow2(-n))
	}
	hi, lo := atanPair(a, 0, s, 0)
	return math.Copysign(hi+lo, x)
}

// Atan2 returns the angle of the point (x, y), between -pi and pi.
func Atan2(y, x float64) float64 {
	ay, ax := math.Abs(y), math.Abs(x)
	switch {
	case x != x || y != y:
		return NaN()
	case ay == 0:
		if math.Signbit(x) {
			return math.Copysign(pi, y)
		}
		return y
	case ax == 0:
		return math.Copysign(piBy2, y)
	case ax > math.MaxFloat64 && ay > math.MaxFloat64:
		if x > 0 {
			return math.Copysign(piBy4, y)
		}
		return math.Copysign(threePiBy4, y)
	case ay > math.MaxFloat64:
		return math.Copysign(piBy2, y)
	case ax > math.MaxFloat64:
		if x > 0 {
			return math.Copysign(0, y)
		}
		return math.Copysign(pi, y)
	}
	my, ny := normal(ay)
	mx, nx := normal(ax)
	d := ny - nx
	switch {
	case d > 64:
		return math.Copysign(piBy2, y)
	case d < -64 && x > 0:
		return y / x // the angle is its tangent
	case d < -64:
		return math.Copysign(pi, y)
	case d > 0:
		mx = float64(mx * pow2(-d))
	default:
		my = float64(my * pow2(d))
	}
	hi, lo := atanPair(my, 0, mx, 0)
	if x < 0 {
		hi, lo = addPair(pi, piLow, -hi, -lo)
	}
	return math.Copysign(hi+lo, y)
}

// legs returns sqrt(1 - a*a) as a pair, for 0 <= a < 1.
func legs(a float64) (hi, lo float64) {
	ph, pl := twoSum(1, a)
	mh, ml := twoSum(1, -a)
	ph, pl = mulPair(mh, ml, ph, pl)
	return sqrtPair(ph, pl)
}

// Asin returns the arcsine of x: the angle of (sqrt(1-x*x), x).
func Asin(x float64) float64 {
	a := math.Abs(x)
	switch {
	case !(a <= 1):
		return NaN()
	case a < 0x1p-27:
		return x // and -0
	case a == 1:
		return math.Copysign(piBy2, x)
	}
	ch, cl := legs(a)
	hi, lo := atanPair(a, 0, ch, cl)
	return math.Copysign(hi+lo, x)
}

// Acos returns the arccosine of x: the angle of (x, sqrt(1-x*x)).
func Acos(x float64) float64 {
	a := math.Abs(x)
	switch {
	case !(a <= 1):
		return NaN()
	case a < 0x1p-60:
		return piBy2
	case x == 1:
		return 0
	case x == -1:
		return pi
	}
	sh, sl := legs(a)
	hi, lo := atanPair(sh, sl, a, 0)
	if x < 0 {
		hi, lo = addPair(pi, piLow, -hi, -lo)
	}
	return hi + lo
}
