package wasm_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

// floatOp is an instruction, or a few, on three numbers a, b and c.
type floatOp struct {
	name   string
	code   []byte // leaves what it computes
	single bool
	passes bool // bits of a NaN go through, as the specification says: no arithmetic
	want   func(a, b, c float64) float64
	want32 func(a, b, c float32) float32
}

// floatOps is every float operation whose result is a float, and pairs that a compiler may
// want to fuse into one that rounds once.
func floatOps() (ops []floatOp) {
	load := func(single bool, at byte) []byte {
		if single {
			return op(opI32, at, 0x2a, 2, 0)
		}
		return op(opI32, at, 0x2b, 3, 0)
	}
	for _, single := range []bool{false, true} {
		a, b, c := load(single, 0), load(single, 8), load(single, 16)
		bits, shift := "f64", byte(0)
		if single {
			bits, shift = "f32", 14
		}
		add := func(name string, code []byte, passes bool, want func(a, b, c float64) float64, want32 func(a, b, c float32) float32) {
			o := floatOp{name: bits + "." + name, code: code, single: single, passes: passes}
			if single {
				o.want32 = want32
			} else {
				o.want = want
			}
			ops = append(ops, o)
		}
		for n, name := range []string{"abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"} {
			f := []func(float64) float64{math.Abs, nil, math.Ceil, math.Floor, math.Trunc, math.RoundToEven, math.Sqrt}[n]
			var want func(a, b, c float64) float64
			var want32 func(a, b, c float32) float32
			if n > 1 {
				want = func(a, _, _ float64) float64 { return f(a) }
				want32 = func(a, _, _ float32) float32 { return float32(f(float64(a))) }
			}
			add(name, cat(a, op(0x99-shift+byte(n))), n < 2, want, want32)
		}
		mul := op(0xa2 - shift)
		plus, minus := op(0xa0-shift), op(0xa1-shift)
		add("add", cat(a, b, plus), false, func(a, b, _ float64) float64 { return a + b }, func(a, b, _ float32) float32 { return a + b })
		add("sub", cat(a, b, minus), false, func(a, b, _ float64) float64 { return a - b }, func(a, b, _ float32) float32 { return a - b })
		add("mul", cat(a, b, mul), false, func(a, b, _ float64) float64 { return a * b }, func(a, b, _ float32) float32 { return a * b })
		add("div", cat(a, b, op(0xa3-shift)), false, func(a, b, _ float64) float64 { return a / b }, func(a, b, _ float32) float32 { return a / b })
		add("min", cat(a, b, op(0xa4-shift)), false, nil, nil)
		add("max", cat(a, b, op(0xa5-shift)), false, nil, nil)
		add("copysign", cat(a, b, op(0xa6-shift)), true, nil, nil)
		// The conversions keep Go from fusing.
		add("a*b+c", cat(a, b, mul, c, plus), false, func(a, b, c float64) float64 { return float64(a*b) + c }, func(a, b, c float32) float32 { return float32(a*b) + c })
		add("a*b-c", cat(a, b, mul, c, minus), false, func(a, b, c float64) float64 { return float64(a*b) - c }, func(a, b, c float32) float32 { return float32(a*b) - c })
		add("c-a*b", cat(c, a, b, mul, minus), false, func(a, b, c float64) float64 { return c - float64(a*b) }, func(a, b, c float32) float32 { return c - float32(a*b) })
		add("-(a*b)-c", cat(a, b, mul, op(0x9a-shift), c, minus), false, func(a, b, c float64) float64 { return -float64(a*b) - c }, func(a, b, c float32) float32 { return -float32(a*b) - c })
	}
	ops = append(ops,
		floatOp{name: "f32.demote", code: cat(load(false, 0), op(0xb6)), single: true},
		floatOp{name: "f64.promote", code: cat(load(true, 0), op(0xbb))},
		floatOp{name: "f64.promote of demote", code: cat(load(false, 0), op(0xb6, 0xbb))},
	)
	return ops
}

// floatContract stores the result of every operation and puts them all.
func floatContract(ops []floatOp) mod {
	const at = 1024
	body := cat(with(0, int32(abi.FieldValue), 0, 64), op(opDrop))
	for n, o := range ops {
		store := op(0x39, 3, 0)
		if o.single {
			store = op(0x38, 2, 0)
		}
		body = cat(body, constI32(int32(at+8*n)), o.code, store)
	}
	return guest("kalima.field kalima.put", body, with(1, 0, 0, word, 1, at, int32(8*len(ops))), constI32(0))
}

// TestFloats: whatever the processor and the engine do with NaNs, zeros, tiny numbers and
// products that are added, a contract sees the same bits: those of IEEE 754 with every NaN
// canonical and every operation rounded on its own.
func TestFloats(t *testing.T) {
	ops := floatOps()
	code := floatContract(ops).bytes()
	engines := map[string]host.Module{}
	for name, cfg := range map[string]wasm.Config{"compiler": {}, "interpreter": {Interpreter: true}, "compiler, small slices": {Slice: 50}} {
		engines[name] = loadModule(t, newRuntime(t, cfg), code)
	}
	inf := math.Inf(1)
	specials := []uint64{0, 1 << 63, f64bits(1), f64bits(-1), f64bits(0.1), f64bits(0.5), f64bits(1.5), f64bits(2.5), f64bits(-2.5), f64bits(1 + 0x1p-52),
		f64bits(math.MaxFloat64), f64bits(-math.MaxFloat64), 1, 1<<63 | 1, f64bits(0x1p-1022), f64bits(0x1p52 + 0.5), f64bits(inf), f64bits(-inf),
		0x7ff8000000000000, 0xfff8000000000000, 0x7ff0000000000001, 0xfff7ffffffffffff, 0x7fffffffffffffff, 0x7ff8000000000123,
		0x7f8000017fc00001, 0xffffffff7fa00000, 0x00000000ffc12345, 0x000000007f800000, 0x00000000ff800000, 0x0000000080000000, 0x0000000000000001, 0x000000003f800001}
	r := rand.New(rand.NewPCG(5, 5))
	var inputs [][3]uint64
	for _, a := range specials {
		for _, b := range specials {
			inputs = append(inputs, [3]uint64{a, b, specials[r.IntN(len(specials))]})
		}
	}
	for range 500 {
		a, b := 1+r.Float64(), 1+r.Float64()
		inputs = append(inputs, [3]uint64{r.Uint64(), r.Uint64(), r.Uint64()}, [3]uint64{f64bits(a), f64bits(b), f64bits(-a * b)},
			[3]uint64{uint64(f32bits(float32(a))), uint64(f32bits(float32(b))), uint64(f32bits(-float32(a) * float32(b)))})
	}
	fused, nans := 0, 0
	for _, in := range inputs {
		var arg []byte
		for _, v := range in {
			arg = binary.LittleEndian.AppendUint64(arg, v)
		}
		a, b, c := math.Float64frombits(in[0]), math.Float64frombits(in[1]), math.Float64frombits(in[2])
		if apart := float64(a*b) + c; !math.IsNaN(apart) && apart != math.FMA(a, b, c) {
			fused++
		}
		first, from := []byte(nil), ""
		for name, m := range engines {
			res := call(t, m, "k", string(arg), host.Limits{})
			if res.Fault != nil || len(res.Writes) != 1 {
				t.Fatalf("Call(%x) = %v, %d writes", in, res.Fault, len(res.Writes))
			}
			if first == nil {
				first, from = res.Writes[0].Value, name
			}
			for n, o := range ops {
				got, was := binary.LittleEndian.Uint64(res.Writes[0].Value[8*n:]), binary.LittleEndian.Uint64(first[8*n:])
				if got != was {
					t.Errorf("%s(%x) = %016x on the %s, %016x on the %s", o.name, in, got, name, was, from)
				}
			}
		}
		for n, o := range ops {
			got := binary.LittleEndian.Uint64(first[8*n:])
			if want, ok := o.expect(in, got); !ok {
				t.Errorf("%s(%x) = %016x, want %s", o.name, in, got, want)
			}
			if !o.passes && o.isNaN(got) {
				nans++
			}
		}
		if t.Failed() {
			return
		}
	}
	if fused < 100 || nans < 1000 {
		t.Errorf("%d inputs tell fused from separate, %d results are NaNs: too few to show anything", fused, nans)
	}
}

func (o floatOp) isNaN(bits uint64) bool {
	if o.single {
		f := math.Float32frombits(uint32(bits))
		return f != f
	}
	return math.IsNaN(math.Float64frombits(bits))
}

// expect checks what can be known without the engines.
func (o floatOp) expect(in [3]uint64, got uint64) (want string, ok bool) {
	if o.isNaN(got) && !o.passes {
		canonical := uint64(0x7ff8000000000000)
		if o.single {
			canonical = 0x7fc00000
		}
		if got != canonical {
			return "the canonical NaN", false
		}
	}
	switch {
	case o.want != nil:
		w := o.want(math.Float64frombits(in[0]), math.Float64frombits(in[1]), math.Float64frombits(in[2]))
		return fmt.Sprintf("%016x", f64bits(w)), f64bits(w) == got || w != w && o.isNaN(got)
	case o.want32 != nil:
		w := o.want32(math.Float32frombits(uint32(in[0])), math.Float32frombits(uint32(in[1])), math.Float32frombits(uint32(in[2])))
		return fmt.Sprintf("%08x", f32bits(w)), uint64(f32bits(w)) == got || w != w && o.isNaN(got)
	}
	return "", true
}
