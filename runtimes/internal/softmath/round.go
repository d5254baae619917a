package softmath

import "math"

// Fround returns the float32 nearest to x.
func Fround(x float64) float64 {
	if x != x {
		return NaN()
	}
	return float64(float32(x))
}

// Round returns the integer nearest to x; of two, the one away from 0, as in C99.
func Round(x float64) float64 {
	t := math.Trunc(x)
	switch {
	case x != x:
		return NaN()
	case math.Abs(x-t) >= 0.5:
		return t + math.Copysign(1, x)
	}
	return t // and -0
}

// RoundUp returns the integer nearest to x; of two, the greater, as in ECMAScript.
func RoundUp(x float64) float64 {
	f := math.Floor(x)
	switch {
	case x != x:
		return NaN()
	case !finite(x):
		return x
	case x-f >= 0.5: // exact
		return math.Copysign(f+1, x)
	}
	return f // and -0
}
