package softmath

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The special cases of C99, Annex F, which ECMAScript shares but for pow.
func TestSpecialCases(t *testing.T) {
	inf, nan, neg0 := math.Inf(1), math.NaN(), math.Copysign(0, -1)
	tiny, large := 5e-324, math.MaxFloat64
	for _, tt := range []struct {
		name  string
		f     func(float64) float64
		cases [][2]float64
	}{
		{"Exp", Exp, [][2]float64{{nan, nan}, {0, 1}, {neg0, 1}, {inf, inf}, {-inf, 0}, {large, inf}, {-large, 0}, {tiny, 1}, {1, math.E}, {-745.2, 0}, {-745.1, tiny}, {709.782712893384, 0x1.fffffffffff2ap+1023}, {709.782712893385, inf}}},
		{"Expm1", Expm1, [][2]float64{{nan, nan}, {0, 0}, {neg0, neg0}, {inf, inf}, {-inf, -1}, {tiny, tiny}, {-tiny, -tiny}, {-large, -1}}},
		{"Log", Log, [][2]float64{{nan, nan}, {0, -inf}, {neg0, -inf}, {1, 0}, {-1, nan}, {-tiny, nan}, {-inf, nan}, {inf, inf}, {math.E, 1}}},
		{"Log1p", Log1p, [][2]float64{{nan, nan}, {0, 0}, {neg0, neg0}, {-1, -inf}, {-2, nan}, {-inf, nan}, {inf, inf}, {tiny, tiny}}},
		{"Log2", Log2, [][2]float64{{nan, nan}, {0, -inf}, {neg0, -inf}, {1, 0}, {8, 3}, {0.25, -2}, {tiny, -1074}, {0x1p1023, 1023}, {-1, nan}, {inf, inf}, {-inf, nan}}},
		{"Log10", Log10, [][2]float64{{nan, nan}, {0, -inf}, {neg0, -inf}, {1, 0}, {1000, 3}, {1e22, 22}, {1e-5, -5}, {-1, nan}, {inf, inf}, {-inf, nan}}},
		{"Sin", Sin, [][2]float64{{nan, nan}, {0, 0}, {neg0, neg0}, {inf, nan}, {-inf, nan}, {tiny, tiny}, {math.Pi / 2, 1}}},
		{"Cos", Cos, [][2]float64{{nan, nan}, {0, 1}, {neg0, 1}, {inf, nan}, {-inf, nan}, {math.Pi, -1}}},
		{"Tan", Tan, [][2]float64{{nan, nan}, {0, 0}, {neg0, neg0}, {inf, nan}, {-inf, nan}, {-tiny, -tiny}}},
		{"Asin", Asin, [][2]float64{{nan, nan}, {0, 0}, {neg0, neg0}, {1, math.Pi / 2}, {-1, -math.Pi / 2}, {1.1, nan}, {-inf, nan}, {inf, nan}}},
		{"Acos", Acos, [][2]float64{{nan, nan}, {0, math.Pi / 2}, {neg0, math.Pi / 2}, {1, 0}, {-1, math.Pi}, {-1.1, nan}, {inf, nan}, {-inf, nan}}},
		{"Atan", Atan, [][2]float64{{nan, nan}, {0, 0}, {neg0, neg0}, {1, math.Pi / 4}, {inf, math.Pi / 2}, {-inf, -math.Pi / 2}, {tiny, tiny}}},
		{"Sinh", Sinh, [][2]float64{{nan, nan}, {0, 0}, {neg0, neg0}, {inf, inf}, {-inf, -inf}, {large, inf}, {-large, -inf}, {tiny, tiny}}},
		{"Cosh", Cosh, [][2]float64{{nan, nan}, {0, 1}, {neg0, 1}, {inf, inf}, {-inf, inf}, {-large, inf}}},
		{"Tanh", Tanh, [][2]float64{{nan, nan}, {0, 0}, {neg0, neg0}, {inf, 1}, {-inf, -1}, {large, 1}, {-large, -1}, {tiny, tiny}}},
		{"Asinh", Asinh, [][2]float64{{nan, nan}, {0, 0}, {neg0, neg0}, {inf, inf}, {-inf, -inf}, {tiny, tiny}}},
		{"Acosh", Acosh, [][2]float64{{nan, nan}, {1, 0}, {0.9, nan}, {0, nan}, {-inf, nan}, {inf, inf}}},
		{"Atanh", Atanh, [][2]float64{{nan, nan}, {0, 0}, {neg0, neg0}, {1, inf}, {-1, -inf}, {1.1, nan}, {inf, nan}, {-inf, nan}}},
		{"Cbrt", Cbrt, [][2]float64{{nan, nan}, {0, 0}, {neg0, neg0}, {inf, inf}, {-inf, -inf}, {27, 3}, {-8, -2}, {1e-300, 1e-100}, {0x1p-1074, 0x1p-358}}},
		{"Gamma", Gamma, [][2]float64{{nan, nan}, {0, inf}, {neg0, -inf}, {-1, nan}, {-1000, nan}, {-inf, nan}, {inf, inf}, {1, 1}, {5, 24}, {171, 7.257415615307999e306}, {172, inf}, {-180.5, neg0}, {-181.5, 0}, {-1e300, nan}, {tiny, inf}, {-tiny, -inf}}},
		{"Fround", Fround, [][2]float64{{nan, nan}, {0, 0}, {neg0, neg0}, {inf, inf}, {5.5, 5.5}, {5.05, 5.050000190734863}, {large, inf}, {-tiny, neg0}, {1e-45, 0x1p-149}}},
		{"Round", Round, [][2]float64{{nan, nan}, {0, 0}, {neg0, neg0}, {inf, inf}, {-inf, -inf}, {0.5, 1}, {-0.5, -1}, {2.5, 3}, {-2.5, -3}, {0.49999999999999994, 0}, {-0.2, neg0}, {0x1p52 + 1, 0x1p52 + 1}}},
		{"RoundUp", RoundUp, [][2]float64{{nan, nan}, {0, 0}, {neg0, neg0}, {inf, inf}, {-inf, -inf}, {0.5, 1}, {-0.5, neg0}, {2.5, 3}, {-2.5, -2}, {-2.6, -3}, {0.49999999999999994, 0}, {-0.2, neg0}, {0x1p52 + 1, 0x1p52 + 1}, {-0x1p52 - 1, -0x1p52 - 1}}},
	} {
		for _, c := range tt.cases {
			if got := tt.f(c[0]); !same(got, c[1]) {
				t.Errorf("%s(%v) = %v (%#x), want %v", tt.name, c[0], got, math.Float64bits(got), c[1])
			}
		}
	}
	for _, tt := range []struct {
		name  string
		f     func(x, y float64) float64
		cases [][3]float64
	}{
		{"Pow", Pow, [][3]float64{
			{nan, 0, 1}, {nan, neg0, 1}, {1, nan, 1}, {1, inf, 1}, {-1, inf, 1}, {-1, -inf, 1}, {nan, 1, nan}, {2, nan, nan},
			{0, 3, 0}, {neg0, 3, neg0}, {neg0, 2, 0}, {0, -3, inf}, {neg0, -3, -inf}, {neg0, -2, inf}, {0, -inf, inf}, {neg0, 0.5, 0}, {0, inf, 0},
			{2, inf, inf}, {0.5, inf, 0}, {-2, inf, inf}, {-0.5, inf, 0}, {2, -inf, 0}, {0.5, -inf, inf}, {neg0, -0.5, inf},
			{inf, 2, inf}, {inf, -2, 0}, {-inf, 3, -inf}, {-inf, 2, inf}, {-inf, -3, neg0}, {-inf, -2, 0}, {-inf, 0.5, inf}, {inf, inf, inf}, {-inf, -inf, 0},
			{-8, 1.0 / 3, nan}, {-2, 3, -8}, {-2, 2, 4}, {-2, -1, -0.5}, {10, 22, 1e22}, {10, -3, 0.001}, {2, 1023, 0x1p1023}, {2, 1024, inf}, {2, -1074, tiny}, {2, -1076, 0}, {-2, -1077, neg0}, {-2, 1025, -inf},
			{3, 33, 5559060566555523}, {0.9, large, 0}, {1.1, large, inf}, {1.1, -large, 0}, {-large, 3, -inf}, {-large, 1e300, inf}, {2, tiny, 1}, {tiny, tiny, 1}, {-1, 0x1p53 - 1, -1}, {-1, 0x1p53, 1}, {9, 0.5, 3}, {tiny, -1, inf},
		}},
		{"PowES", PowES, [][3]float64{{1, nan, nan}, {1, inf, nan}, {-1, -inf, nan}, {nan, 0, 1}, {1, 5, 1}, {2, 3, 8}}},
		{"Atan2", Atan2, [][3]float64{
			{nan, 1, nan}, {1, nan, nan}, {0, 1, 0}, {neg0, 1, neg0}, {0, 0, 0}, {neg0, 0, neg0}, {0, -1, math.Pi}, {neg0, -1, -math.Pi}, {0, neg0, math.Pi}, {neg0, neg0, -math.Pi},
			{1, 0, math.Pi / 2}, {-1, neg0, -math.Pi / 2}, {inf, inf, math.Pi / 4}, {-inf, inf, -math.Pi / 4}, {inf, -inf, 3 * math.Pi / 4}, {-inf, -inf, -3 * math.Pi / 4},
			{1, inf, 0}, {-1, inf, neg0}, {1, -inf, math.Pi}, {-1, -inf, -math.Pi}, {inf, 1, math.Pi / 2}, {-inf, 1, -math.Pi / 2}, {tiny, large, 0}, {tiny, -large, math.Pi}, {large, tiny, math.Pi / 2}, {tiny, tiny, math.Pi / 4}, {large, large, math.Pi / 4}, {0, inf, 0}, {inf, 0, math.Pi / 2},
		}},
		{"Hypot", Hypot, [][3]float64{{nan, 1, nan}, {inf, nan, inf}, {nan, -inf, inf}, {0, neg0, 0}, {3, -4, 5}, {neg0, -7, 7}, {large, large, inf}, {tiny, 0, tiny}, {3e-320, 4e-320, 5e-320}, {3e300, 4e300, 5e300}, {large, 1, large}}},
	} {
		for _, c := range tt.cases {
			if got := tt.f(c[0], c[1]); !same(got, c[2]) {
				t.Errorf("%s(%v, %v) = %v (%#x), want %v", tt.name, c[0], c[1], got, math.Float64bits(got), c[2])
			}
		}
	}
	if got := Norm(2, 3, 6); got != 7 {
		t.Errorf("Norm(2, 3, 6) = %v, want 7", got)
	}
	if got := Norm(); got != 0 || math.Signbit(got) {
		t.Errorf("Norm() = %v, want 0", got)
	}
}

// same compares bits; every NaN that is returned is the package's own.
func same(got, want float64) bool {
	if want != want {
		want = NaN()
	}
	return math.Float64bits(got) == math.Float64bits(want)
}

const vectors = "testdata/vectors.txt"

// A line of the vectors is the name of a function, the bits of its arguments and those of
// its result, in hexadecimal. Every machine must compute the same.
func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	file, err := os.Open(vectors)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	byName := map[string]*function{}
	for i := range functions {
		byName[functions[i].name] = &functions[i]
	}
	lines := 0
	for s := bufio.NewScanner(file); s.Scan(); lines++ {
		words := strings.Fields(s.Text())
		f := byName[words[0]]
		var v [3]float64
		for i, w := range words[1:] {
			b, err := strconv.ParseUint(w, 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			v[i] = math.Float64frombits(b)
		}
		want := v[len(words)-2]
		if got := f.call(v[0], v[1]); math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%s: bits of the result are %x, want %x", s.Text(), math.Float64bits(got), math.Float64bits(want))
		}
	}
	if want := len(functions) * vectorsEach; lines != want {
		t.Errorf("%s has %d lines, want %d", vectors, lines, want)
	}
}

const vectorsEach = 250

func writeVectors(t *testing.T) {
	var b strings.Builder
	for _, f := range functions {
		r := rand.New(rand.NewPCG(7, 11))
		for i := range vectorsEach {
			x := draw(r, f.in)
			if i%2 == 0 {
				x = hard[r.IntN(len(hard))]
			}
			if f.f != nil {
				fmt.Fprintf(&b, "%s %x %x\n", f.name, math.Float64bits(x), math.Float64bits(f.f(x)))
				continue
			}
			y := draw(r, f.inY)
			fmt.Fprintf(&b, "%s %x %x %x\n", f.name, math.Float64bits(x), math.Float64bits(y), math.Float64bits(f.g(x, y)))
		}
	}
	if err := os.WriteFile(vectors, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}

// Neighbouring arguments never go the wrong way where the function does not.
func TestMonotonic(t *testing.T) {
	for _, f := range functions {
		var in [2]float64
		switch f.name {
		case "exp", "expm1", "sinh":
			in = [2]float64{-700, 700}
		case "log", "log2", "log10":
			in = [2]float64{0, 1000}
		case "log1p":
			in = [2]float64{-1, 1000}
		case "sin", "tan", "asin", "atanh":
			in = [2]float64{-1, 1}
		case "atan", "asinh", "cbrt", "tanh":
			in = [2]float64{-50, 50}
		case "acosh", "cosh":
			in = [2]float64{1, 50}
		default:
			continue
		}
		r := rand.New(rand.NewPCG(3, 5))
		for range 300 {
			x := in[0] + (in[1]-in[0])*r.Float64()
			last := f.f(x)
			for range 40 {
				x = math.Nextafter(x, in[1])
				y := f.f(x)
				if !(y >= last) {
					t.Fatalf("%s(%x) = %x, below the %x of the argument before it", f.name, x, y, last)
				}
				last = y
			}
		}
	}
}

// FuzzRange: for any bits the functions return, within their ranges, and symmetric ones are
// symmetric to the bit.
func FuzzRange(f *testing.F) {
	for _, x := range []float64{0, 1, -1, 0.5, math.Pi, 1e300, -1e-310, math.Inf(1), math.NaN(), 710, -745} {
		f.Add(math.Float64bits(x), math.Float64bits(-2.5))
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		x, y := math.Float64frombits(a), math.Float64frombits(b)
		for _, fn := range functions {
			got := fn.call(x, y)
			lo, hi := math.Inf(-1), math.Inf(1)
			odd, even := false, false
			switch fn.name {
			case "exp", "hypot":
				lo = 0
			case "cosh":
				lo, even = 1, true
			case "expm1":
				lo = -1
			case "cos":
				lo, hi, even = -1, 1, true
			case "sin", "tanh":
				lo, hi, odd = -1, 1, true
			case "asin", "atan":
				lo, hi, odd = -piBy2, piBy2, true
			case "acos":
				lo, hi = 0, pi
			case "atan2":
				lo, hi = -pi, pi
			case "acosh":
				lo = 0
			case "tan", "sinh", "asinh", "atanh", "cbrt":
				odd = true
			}
			if got != got {
				if !same(got, NaN()) {
					t.Errorf("%s(%x, %x) is a NaN of bits %x", fn.name, x, y, math.Float64bits(got))
				}
				continue
			}
			if got < lo || got > hi {
				t.Errorf("%s(%x, %x) = %x, want it in [%v, %v]", fn.name, x, y, got, lo, hi)
			}
			if mirror := fn.call(-x, y); odd && !same(mirror, -got) || even && !same(mirror, got) {
				t.Errorf("%s(%x) = %x but %s(%x) = %x", fn.name, x, got, fn.name, -x, mirror)
			}
		}
	})
}

func BenchmarkFunctions(b *testing.B) {
	for _, f := range functions {
		b.Run(f.name, func(b *testing.B) {
			var sum float64
			for i := 0; b.Loop(); i++ {
				sum += f.call(0.3+float64(i&15)/32, 1.7)
			}
			_ = sum
		})
	}
}
