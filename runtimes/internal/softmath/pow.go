package softmath

import "math"

// Pow returns x to the power of y, with the special cases of C99: Pow(1, y) and Pow(x, ±0)
// are 1 even for NaN.
//
// |x|^y is e^(y ln |x|), the logarithm and the product being pairs.
func Pow(x, y float64) float64 {
	switch {
	case y == 0 || x == 1:
		return 1
	case x != x || y != y:
		return NaN()
	case y == 1:
		return x
	case y == 2:
		return float64(x * x)
	case y == -1:
		return 1 / x
	}
	whole, odd := parity(y)
	a := math.Abs(x)
	sign := 1.0
	if odd && math.Signbit(x) {
		sign = -1
	}
	switch {
	case math.Abs(y) > math.MaxFloat64:
		switch {
		case a == 1:
			return 1
		case (a > 1) == (y > 0):
			return math.Inf(1)
		}
		return 0
	case a == 0 || a > math.MaxFloat64:
		if (a == 0) == (y > 0) {
			return math.Copysign(0, sign)
		}
		return inf(sign)
	case x < 0 && !whole:
		return NaN()
	case a == 1:
		return sign
	case math.Abs(y) < 0x1p-65:
		return 1 // |y ln x| is below a quarter of the last place; y is no integer
	case math.Abs(y) > 0x1p65: // |ln x| is at least 2^-53
		if (a > 1) == (y > 0) {
			return inf(sign)
		}
		return math.Copysign(0, sign)
	}
	lh, ll := logOf(a, 0)
	h, l := mulPair(lh, ll, y, 0)
	switch {
	case h > 710:
		return inf(sign)
	case h < -746:
		return math.Copysign(0, sign)
	case math.Abs(h) < 0x1p-58:
		return sign
	}
	hi, lo, n, _, _, _ := expPair(h, l)
	return float64(sign * scale(hi, lo, n))
}

// PowES is Pow as ECMAScript has it: NaN when y is NaN, and when x is 1 or -1 and y is
// infinite.
func PowES(x, y float64) float64 {
	if y != y || math.Abs(x) == 1 && math.Abs(y) > math.MaxFloat64 {
		return NaN()
	}
	return Pow(x, y)
}

// parity reports whether y is an integer, and an odd one. Every float64 from 2^53 is even.
func parity(y float64) (whole, odd bool) {
	a := math.Abs(y)
	switch {
	case a >= 1<<53:
		return true, false
	case a != math.Floor(a):
		return false, false
	}
	return true, uint64(a)&1 == 1
}
