package softmath

import "math"

// logPair returns ln(1 + r) + ln 2 * n - ln c as a pair, for a line of logTable that holds c
// and -ln c. |r| is at most 2^-7; rl is its lower half.
//
// ln(1+r) is r - r*r/2 in pairs and the rest of Mercator's series in float64, where it is
// below 2^-22, or 2^-14 of the result.
func logPair(r, rl float64, n int, line *[3]float64) (hi, lo float64) {
	q, qe := twoProd(r, r)
	p := -1.0 / 12
	p = 1.0/11 + float64(r*p)
	p = -1.0/10 + float64(r*p)
	p = 1.0/9 + float64(r*p)
	p = -1.0/8 + float64(r*p)
	p = 1.0/7 + float64(r*p)
	p = -1.0/6 + float64(r*p)
	p = 1.0/5 + float64(r*p)
	p = -1.0/4 + float64(r*p)
	p = 1.0/3 + float64(r*p)
	p = float64(float64(q*r) * p)

	k := float64(n)
	s1, e1 := twoSum(float64(k*ln2A), line[1]) // the product is exact
	s2, e2 := twoSum(s1, r)
	s3, e3 := twoSum(s2, -float64(0.5*q))
	low := (e1 + e2) + e3
	low += (line[2] + float64(k*ln2B)) - float64(0.5*qe)
	low += rl - float64(r*rl)
	return fastTwoSum(s3, low+p)
}

// reduceLog returns n, r and the line of logTable with x = 2^n * (1 + r) / c, exactly, for
// finite x > 0.
//
// After Tang, "Table-driven implementation of the logarithm function", 1990, with c of so
// few bits that r is exact: x / 2^n, between sqrt(1/2) and sqrt(2), has 53 bits, c has 9 at
// most, and the first 8 bits of the product are those of the 1 that is taken off. c is 1
// for x near 1, where the result is small.
func reduceLog(x float64) (n int, r float64, line *[3]float64) {
	m, n := normal(x)
	if m > 1.4140625 { // 362 / 256, just below the root of 2
		m = float64(m * 0.5)
		n++
	}
	line = &logTable[int(float64(m*256))-logFirst]
	c := line[0]
	mh, ml := split(m)
	return n, (float64(mh*c) - 1) + float64(ml*c), line
}

// logOf returns ln(h + l) as a pair, for finite h > 0.
func logOf(h, l float64) (hi, lo float64) {
	n, r, line := reduceLog(h)
	rl := 0.0
	if l != 0 {
		rl = float64((l / h) * (1 + r))
	}
	return logPair(r, rl, n, line)
}

// log1pOf returns ln(1 + h + l) as a pair, for h + l > -1 and |h| > 2^-60.
func log1pOf(h, l float64) (hi, lo float64) {
	if math.Abs(h) < 0x1p-8 {
		return logPair(h, l, 0, &[3]float64{1, 0, 0})
	}
	s, e := twoSum(1, h)
	return logOf(fastTwoSum(s, e+l))
}

// logDomain answers the arguments that every logarithm answers the same way.
func logDomain(x float64) (y float64, done bool) {
	switch {
	case x != x || x < 0:
		return NaN(), true
	case x == 0:
		return math.Inf(-1), true
	case x > math.MaxFloat64:
		return x, true
	}
	return 0, false
}

// Log returns the natural logarithm of x.
func Log(x float64) float64 {
	if y, done := logDomain(x); done {
		return y
	}
	hi, lo := logOf(x, 0)
	return hi + lo
}

// Log2 returns the logarithm of x to base 2.
func Log2(x float64) float64 {
	if y, done := logDomain(x); done {
		return y
	}
	n, r, line := reduceLog(x)
	h, l := logPair(r, 0, 0, line)
	h, l = mulPair(h, l, invLn2, invLn2Low)
	hi, lo := addPair(float64(n), 0, h, l)
	return hi + lo
}

// Log10 returns the logarithm of x to base 10.
func Log10(x float64) float64 {
	if y, done := logDomain(x); done {
		return y
	}
	h, l := logOf(x, 0)
	h, l = mulPair(h, l, invLn10, invLn10Low)
	return h + l
}

// Log1p returns the natural logarithm of 1 + x, right also near 0.
func Log1p(x float64) float64 {
	switch {
	case math.Abs(x) < 0x1p-54:
		return x // and -0
	case x == -1:
		return math.Inf(-1)
	case x != x || x < -1:
		return NaN()
	case x > 0x1p60:
		return Log(x)
	}
	hi, lo := log1pOf(x, 0)
	return hi + lo
}
