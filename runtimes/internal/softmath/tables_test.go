package softmath

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"math"
	"math/big"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write tables.go and the vectors anew")

// pair is the nearest float64 and the nearest to what is left.
func pair(x real) (hi, lo float64) {
	hi, _ = x.Float64()
	lo, _ = new(big.Float).SetPrec(600).Sub(x, big.NewFloat(hi)).Float64()
	return hi, lo
}

// head cuts x to a number of bits.
func head(x real, bits uint) real { return new(big.Float).SetPrec(bits).SetMode(big.ToZero).Set(x) }

// tables writes tables.go: each constant from its definition.
func tables() []byte {
	r := ref{600}
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	two := func(name string, x real) {
		hi, lo := pair(x)
		p("\t%s = %x\n\t%sLow = %x\n", name, hi, name, lo)
	}
	p("package softmath\n\n// Written by the test of this package with -update, from the definitions.\n\n")
	p("// Constants as pairs, or in parts with few bits so that products with integers are exact.\nconst (\n")
	two("pi", r.pi())
	two("piBy2", r.half(r.pi()))
	q, _ := pair(r.shift(r.pi(), -2))
	p("\tpiBy4 = %x\n", q)
	q, _ = pair(r.shift(r.mul(r.int(3), r.pi()), -2))
	p("\tthreePiBy4 = %x\n", q)
	two("invLn2", r.div(r.int(1), r.ln2()))
	two("invLn10", r.div(r.int(1), r.log(r.int(10))))
	two("halfLn2Pi", r.half(r.log(r.shift(r.pi(), 1))))
	step := r.shift(r.ln2(), -5)
	q, _ = pair(r.div(r.int(1), step))
	p("\tinvLn2By32 = %x\n", q)
	a := head(step, 36)
	c := head(r.sub(step, a), 36)
	fa, _ := a.Float64()
	fb, _ := c.Float64()
	fc, _ := r.sub(r.sub(step, a), c).Float64()
	p("\tln2By32A = %x // 36 bits\n\tln2By32B = %x // 36 bits\n\tln2By32C = %x\n", fa, fb, fc)
	a = head(r.ln2(), 41)
	fa, _ = a.Float64()
	fb, _ = r.sub(r.ln2(), a).Float64()
	p("\tln2A = %x // 41 bits\n\tln2B = %x\n", fa, fb)
	half := new(big.Int)
	r.shift(r.pi(), 126).Int(half)
	p("\thalfPi1 = %#x // pi/2 times 2^127\n\thalfPi0 = %#x\n", new(big.Int).Rsh(half, 64), new(big.Int).And(half, new(big.Int).SetUint64(math.MaxUint64)))
	p(")\n\n")

	p("// twoByPi is 2/pi: 64 bits before the point, then %d after it.\nvar twoByPi = [...]uint64{0", 64*20)
	w := ref{1500}
	bits, _ := w.shift(w.div(w.int(2), w.pi()), 64*20).Int(nil)
	for i := 19; i >= 0; i-- {
		word := new(big.Int).Rsh(bits, uint(64*i))
		p(", %#016x", word.And(word, new(big.Int).SetUint64(math.MaxUint64)))
	}
	p("}\n\n// exp2Table holds 2^(i/32).\nvar exp2Table = [32][2]float64{\n")
	for i := range int64(32) {
		hi, lo := pair(r.exp(r.mul(r.int(i), step)))
		p("\t{%x, %x},\n", hi, lo)
	}
	p("}\n\n// logFirst is the number of the first line of logTable.\nconst logFirst = 181\n\n// logTable holds, for x from i/256 to (i+1)/256, a number c near 1/x and -ln c.\nvar logTable = [...][3]float64{\n")
	for i := 181; i <= 362; i++ {
		steps := 256.0
		if i < 256 {
			steps = 128
		}
		c := math.Round(steps/((float64(i)+0.5)/256)) / steps
		var hi, lo float64
		if i == 256 {
			c = 1
		}
		if c != 1 {
			hi, lo = pair(r.neg(r.log(r.of(c))))
		}
		p("\t{%v, %x, %x},\n", c, hi, lo)
	}
	p("}\n\n// sinCosTable holds the sine and the cosine of i/32.\nvar sinCosTable = [...][4]float64{\n")
	for i := range int64(27) {
		s, c := r.sinCos(r.shift(r.int(i), -5))
		sh, sl := pair(s)
		ch, cl := pair(c)
		p("\t{%x, %x, %x, %x},\n", sh, sl, ch, cl)
	}
	p("}\n\n// atanTable holds the arctangent of i/32.\nvar atanTable = [...][2]float64{\n")
	for i := range int64(33) {
		hi, lo := pair(r.atan(r.shift(r.int(i), -5)))
		p("\t{%x, %x},\n", hi, lo)
	}
	p("}\n")
	src, err := format.Source(b.Bytes())
	if err != nil {
		panic(err)
	}
	return src
}

// tables.go holds what the definitions say.
func TestTables(t *testing.T) {
	want := tables()
	if *update {
		if err := os.WriteFile("tables.go", want, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("tables.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("tables.go differs from what its definitions give; go test -update writes it")
	}
}
