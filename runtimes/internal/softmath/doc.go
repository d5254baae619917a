// Package softmath computes the elementary functions with the same bits on every
// processor, for the runtimes whose contracts use floating-point numbers (the Math of
// JavaScript, the math of Starlark). Nodes compare what contracts write, so one differing
// bit splits a chain; package math of Go differs between machines, because it has assembly
// for some and because a compiler may fuse x*y + z into one rounding on others.
//
// # What makes it the same everywhere
//
// IEEE 754 fixes the result of + - * / and square root, of conversions and comparisons, so
// only three things can differ: fused multiplication, the bits of a NaN, and a conversion of
// a number that does not fit an integer. Every product of float64 here stands inside an
// explicit conversion, float64(x*y), which by the language's specification is rounded
// before it is used (a test reads the source for it). Every NaN that is returned is the one
// of NaN. Numbers are checked before they become integers. Of package math only functions
// with exact results are used: Sqrt, Floor, Ceil, Trunc, and those that move bits.
//
// # How
//
// A value under way is an unevaluated sum of two float64 (hi + lo with |lo| at most half a
// unit in the last place of hi; T. J. Dekker, "A floating-point technique for extending the
// available precision", 1971), good for about 100 bits. A function looks up a nearby point
// in a table (P. T. P. Tang, "Table-driven implementation of the exponential function",
// 1989), adds a short Taylor series for the small distance, and rounds once at the end. So
// results are within 0.52 units in the last place of the exact value (Pow and Gamma: 0.55),
// which in nearly all cases is the float64 nearest to it; an exact result that is a float64
// comes out exactly: Log10(1000) is 3 and Pow(10, 22) is 1e22. The tables are computed from
// the definitions by the test, which compares them bit by bit.
//
// Special cases (NaN, signed zeros, infinities) are those of C99, Annex F. ECMAScript
// asks for others in one function, hence PowES.
package softmath
