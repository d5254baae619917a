package softmath

import (
	"math"
	"math/bits"
)

// reduce returns q and the pair hi + lo with x = (q + 4 j) * pi/2 + hi + lo for some integer
// j, and |hi| at most pi/4. x is finite.
//
// After M. H. Payne and R. N. Hanek, "Radian reduction for trigonometric functions", 1983:
// x is a 53-bit integer m times 2^e, and x * 2/pi is wanted modulo 4. Bits of 2/pi that
// contribute multiples of 4 are left out; of those that follow, 256 are multiplied with m in
// integers, which are exact. No float64 comes closer to a multiple of pi/2 than about
// 2^-61, so more than 130 bits of the fraction are right. They are multiplied with pi/2 in
// integers, too.
func reduce(x float64) (q int, hi, lo float64) {
	b := math.Float64bits(math.Abs(x))
	if b <= math.Float64bits(piBy4) {
		return 0, x, 0
	}
	e := int(b>>52) - 1075
	m := b&(1<<52-1) | 1<<52

	// twoByPi starts with 64 bits before the point, all 0; the window starts at weight 2.
	first := e - 2 + 64
	j, shift := first/64, uint(first%64)
	var w [4]uint64 // highest first
	for i := range w {
		w[i] = twoByPi[j+i]<<shift | twoByPi[j+i+1]>>1>>(63-shift)
	}
	var carry uint64
	for i := 3; i >= 0; i-- {
		h, l := bits.Mul64(w[i], m)
		l, c := bits.Add64(l, carry, 0)
		w[i], carry = l, h+c
	}

	q = int(w[0] >> 62)
	f := [3]uint64{w[0]<<2 | w[1]>>62, w[1]<<2 | w[2]>>62, w[2]<<2 | w[3]>>62}
	negative := f[0]>>63 == 1
	if negative { // 1/2 or more: count from the next multiple
		q++
		var borrow uint64
		for i := 2; i >= 0; i-- {
			f[i], borrow = bits.Sub64(0, f[i], borrow)
		}
	}
	zeros := bits.LeadingZeros64(f[0])
	if f[0] == 0 {
		f[0], f[1], f[2] = f[1], f[2], 0
		zeros += bits.LeadingZeros64(f[0])
	}
	s := uint(zeros % 64)
	f1 := f[0]<<s | f[1]>>1>>(63-s)
	f0 := f[1]<<s | f[2]>>1>>(63-s)

	// The upper half of the 256 bits of (f1, f0) * (halfPi1, halfPi0).
	h1, h0 := bits.Mul64(f1, halfPi1)
	c1, _ := bits.Mul64(f1, halfPi0)
	c2, _ := bits.Mul64(f0, halfPi1)
	c2, c := bits.Add64(c1, c2, 0)
	h1 += c
	h0, c = bits.Add64(h0, c2, 0)
	h1 += c

	// (h1, h0) * 2^(-127-zeros), as two floats of 53 bits each.
	u := pow2(-52 - zeros)
	a := float64(float64(h1>>11) * u)
	rest := h1<<53 | h0>>11
	hi, lo = fastTwoSum(a, float64(float64(float64(rest>>11)*u)*0x1p-53))
	if negative != (x < 0) {
		hi, lo = -hi, -lo
	}
	if x < 0 {
		q = -q
	}
	return q & 3, hi, lo
}
