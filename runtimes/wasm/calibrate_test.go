package wasm_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/host/meter"
)

// BenchmarkCalibrate measures what each class of instruction costs in metered code, as
//
//	go test -run xxx -bench Calibrate ./runtimes/wasm
//
// One case is a loop over many copies of a pattern: the instruction, and what it takes to
// bring operands to it so that none of it can be left out. It reports the time of one
// pattern (ns), the gas it uses, how many ns a gas pays for, the price the table has for the
// instruction, and the suggested price: what is left of the time, at meter.Unit picoseconds
// a gas, when the rest of the pattern has paid its own gas. A price has to be at least
// that; meter/PRICES.md says why some are more.
func BenchmarkCalibrate(b *testing.B) {
	for _, c := range calibration {
		b.Run(c.name, func(b *testing.B) {
			w := newCalWorld(b, c)
			defer w.rt.Close(context.Background())
			best := time.Duration(math.MaxInt64)
			for b.Loop() {
				best = min(best, w.run(b))
			}
			patterns := float64(c.rounds() * calCopies)
			ns := float64(best.Nanoseconds()) / patterns
			gas := float64(w.gas) / patterns
			unit := float64(meter.Unit) / 1000
			price := float64(c.price())
			amount := float64(max(c.amount, 1))
			suggested := (ns/unit - (gas - price*amount)) / amount
			b.ReportMetric(ns, "ns/pattern")
			b.ReportMetric(gas, "gas/pattern")
			b.ReportMetric(ns/gas, "ns/gas")
			b.ReportMetric(price, "price")
			b.ReportMetric(math.Max(suggested, 0), "suggested")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// calCopies is how often a pattern stands in its loop.
const calCopies = 16

// calCase is one case of the calibration.
type calCase struct {
	name   string
	code   []byte
	class  string // in the price table
	amount int    // of what has that price in a pattern; 0 means 1
	loops  int    // 0 means 2000
}

func (c calCase) rounds() int {
	if c.loops == 0 {
		return 2000
	}
	return c.loops
}

func (c calCase) price() float64 {
	for _, p := range meter.Prices() {
		if p.Class == c.class {
			return float64(p.Gas) / float64(p.Per)
		}
	}
	panic("the price table has no class " + c.class)
}

// Locals of the measured function.
const (
	calN = iota // how often to go round
	calX        // i64
	calY        // i64
	calA        // f64
	calB        // f64
	calF        // f32
	calP        // i32
	calR        // reference to a function
)

// ops concatenates code: bytes, byte strings.
func calOps(parts ...any) (code []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			code = append(code, byte(p))
		case []byte:
			code = append(code, p...)
		}
	}
	return code
}

func calGet(i int) []byte { return []byte{0x20, byte(i)} }
func calSet(i int) []byte { return []byte{0x21, byte(i)} }
func calI64(v int64) []byte {
	b := []byte{0x42}
	for {
		c := byte(v & 0x7f)
		if v >>= 7; v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}
func calI32(v int32) []byte { return append([]byte{0x41}, calI64(int64(v))[1:]...) }

// xy is x = x op y.
func calXY(op int) []byte { return calOps(calGet(calX), calGet(calY), op, calSet(calX)) }

// seen is a = a op b with the bits of the result seen.
func calSeen(code ...any) []byte {
	return calOps(calGet(calA), calOps(code...), 0xbd, 0xbf, calSet(calA))
}

// random steps x as a generator whose high bits nothing predicts.
func calRandom() []byte {
	return calOps(calGet(calX), calI64(6364136223846793005), 0x7e, calI64(1442695040888963407), 0x7c, calSet(calX))
}

// bit is a random bit as i32, two the same as number below four.
func calBits(n int64) []byte {
	return calOps(calRandom(), calGet(calX), calI64(60), 0x88, calI64(n), 0x83, 0xa7)
}

var calibration = []calCase{
	{name: "local", class: "simple", code: calOps(calGet(calX), calSet(calX))},
	{name: "add", class: "simple", code: calXY(0x7c)},
	{name: "xor", class: "simple", code: calXY(0x85)},
	{name: "rotl", class: "simple", code: calXY(0x89)},
	{name: "compare", class: "simple", code: calOps(calGet(calX), calGet(calY), 0x54, 0xad, calSet(calX))},
	{name: "select", class: "simple", code: calOps(calGet(calX), calGet(calY), calGet(calX), 0xa7, 0x1b, calSet(calX))},
	{name: "clz", class: "simple", code: calOps(calGet(calX), 0x79, calSet(calX))},
	{name: "popcnt", class: "simple", code: calOps(calGet(calX), 0x7b, calSet(calX))},
	{name: "extend", class: "simple", code: calOps(calGet(calX), 0xc2, calSet(calX))},
	{name: "mul", class: "mul", code: calXY(0x7e)},
	{name: "i64.div_s", class: "div", code: calOps(calGet(calX), calI64(math.MinInt64), 0x84, calGet(calY), 0x7f, calSet(calX))},
	{name: "i64.div_u", class: "div", code: calOps(calGet(calX), calI64(math.MinInt64), 0x84, calGet(calY), 0x80, calSet(calX))},
	{name: "i64.rem_u", class: "div", code: calOps(calGet(calX), calI64(math.MinInt64), 0x84, calGet(calY), 0x82, calSet(calX))},
	{name: "i32.div_u", class: "div", code: calOps(calGet(calP), calI32(math.MinInt32), 0x72, calI32(77), 0x6e, calSet(calP))},
	{name: "load", class: "load", code: calOps(calGet(calP), 0x28, 2, 0, calSet(calP))},
	{name: "load8", class: "load", code: calOps(calGet(calP), 0x2d, 0, 0, calSet(calP))},
	{name: "load, random in 1 MiB", class: "load", code: calOps(calRandom(), calGet(calX), calI64(44), 0x88, 0xa7, 0x29, 0, 0, calGet(calX), 0x85, calSet(calX))},
	{name: "store", class: "store", code: calOps(calGet(calP), calGet(calX), 0x37, 3, 8)},
	{name: "store, random in 1 MiB", class: "store", code: calOps(calRandom(), calGet(calX), calI64(44), 0x88, 0xa7, calGet(calX), 0x37, 0, 0)},
	{name: "store then load", class: "load", code: calOps(calGet(calP), calGet(calX), 0x37, 3, 8, calGet(calP), 0x29, 3, 8, calSet(calX))},
	{name: "f64.add", class: "float", code: calSeen(calGet(calB), 0xa0)},
	{name: "f64.mul", class: "float", code: calSeen(calGet(calB), 0xa2)},
	{name: "f64.add, bits unseen", class: "float", code: calOps(calGet(calA), calGet(calB), 0xa0, calSet(calA))},
	{name: "f64.min", class: "float", code: calSeen(calGet(calB), 0xa4)},
	{name: "f64.floor", class: "float", code: calSeen(0x9c)},
	{name: "f64.nearest", class: "float", code: calSeen(0x9e)},
	{name: "f64.abs", class: "simple", code: calOps(calGet(calA), 0x99, calSet(calA))},
	{name: "f64.copysign", class: "simple", code: calOps(calGet(calA), calGet(calB), 0xa6, calSet(calA))},
	{name: "f64.lt", class: "simple", code: calOps(calGet(calA), calGet(calB), 0x63, 0xad, calGet(calX), 0x7c, calSet(calX))},
	{name: "f64.div", class: "float div", code: calSeen(calGet(calB), 0xa3)},
	{name: "f64.sqrt", class: "float div", code: calSeen(0x9f)},
	{name: "i64.trunc_f64_s", class: "convert", code: calOps(calGet(calA), 0xb0, calSet(calX))},
	{name: "i64.trunc_f64_u", class: "convert", code: calOps(calGet(calA), 0xb1, calSet(calX))},
	{name: "i64.trunc_sat_f64_u", class: "convert", code: calOps(calGet(calA), 0xfc, 7, calSet(calX))},
	{name: "f64.convert_i64_s", class: "convert", code: calOps(calGet(calX), 0xb9, calSet(calA))},
	{name: "f64.convert_i64_u", class: "convert", code: calOps(calGet(calX), 0xba, 0xbd, calSet(calX))},
	{name: "f32.demote and promote", class: "convert", amount: 2, code: calSeen(0xb6, 0xbb)},
	{name: "reinterpret", class: "simple", code: calOps(calGet(calX), 0xbf, 0xbd, calSet(calX))},
	{name: "if, predictable", class: "branch", code: calOps(calGet(calN), 0x04, 0x40, calGet(calX), calI64(1), 0x7c, calSet(calX), 0x0b)},
	{name: "if, random", class: "branch", code: calOps(calBits(1), 0x04, 0x40, calGet(calX), calI64(1), 0x7c, calSet(calX), 0x0b)},
	{name: "br_if, random", class: "branch", code: calOps(0x02, 0x40, calBits(1), 0x0d, 0, calGet(calX), calI64(1), 0x7c, calSet(calX), 0x0b)},
	{name: "br_table, random", class: "br_table", code: calOps(0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x02, 0x40, calBits(3), 0x0e, 3, 0, 1, 2, 3, 0x0b, 0x0b,
		calGet(calX), calI64(1), 0x7c, calSet(calX), 0x0b, 0x0b)},
	{name: "loop", class: "branch", code: calOps(calI32(8), calSet(calP), 0x03, 0x40, calGet(calP), calI32(1), 0x6b, 0x22, calP, 0x0d, 0, 0x0b), amount: 8},
	{name: "call", class: "call", code: calOps(calGet(calX), 0x10, 1, calSet(calX))},
	{name: "call of recursive", class: "call", code: calOps(calGet(calX), 0x10, 5, calSet(calX))},
	{name: "call_indirect", class: "call_indirect", code: calOps(calGet(calX), calI32(1), 0x11, 1, 0, calSet(calX))},
	{name: "call_indirect, random", class: "call_indirect", code: calOps(calRandom(), calGet(calX), calGet(calX), calI64(60), 0x88, calI64(3), 0x83, 0xa7, 0x11, 1, 0, calSet(calX))},
	{name: "global", class: "global", amount: 2, code: calOps(0x23, 0, calGet(calX), 0x7c, 0x24, 0)},
	{name: "memory.size", class: "simple", code: calOps(0x3f, 0, calSet(calP))},
	{name: "memory.grow by 0", class: "grow", code: calOps(calI32(0), 0x40, 0, 0x1a), loops: 200},
	{name: "memory.fill of 0", class: "bulk", code: calOps(calI32(0), calI32(0), calI32(0), 0xfc, 11, 0)},
	{name: "memory.copy of 0", class: "bulk", code: calOps(calI32(0), calI32(64), calI32(0), 0xfc, 10, 0, 0)},
	{name: "memory.init of 1", class: "bulk", code: calOps(calI32(0), calI32(0), calI32(1), 0xfc, 8, 0, 0)},
	{name: "memory.fill of 64 KiB", class: "bytes", amount: 65536, code: calOps(calI32(0), calI32(0), calI32(65536), 0xfc, 11, 0), loops: 20},
	{name: "memory.copy of 64 KiB", class: "bytes", amount: 65536, code: calOps(calI32(0), calI32(131072), calI32(65536), 0xfc, 10, 0, 0), loops: 20},
	{name: "memory.fill of 16 MiB", class: "bytes", amount: 16 << 20, code: calOps(calI32(0), calI32(0), calI32(16<<20), 0xfc, 11, 0), loops: 1},
	{name: "memory.copy of 16 MiB", class: "bytes", amount: 16 << 20, code: calOps(calI32(0), calI32(16<<20), calI32(16<<20), 0xfc, 10, 0, 0), loops: 1},
	{name: "load, random in 32 MiB", class: "load", code: calOps(calRandom(), calGet(calX), calI64(39), 0x88, 0xa7, 0x29, 0, 0, calGet(calX), 0x85, calSet(calX))},
	{name: "store, random in 32 MiB", class: "store", code: calOps(calRandom(), calGet(calX), calI64(39), 0x88, 0xa7, calGet(calX), 0x37, 0, 0)},
	{name: "memory.copy of 512 KiB", class: "bytes", amount: 524288, code: calOps(calI32(0), calI32(524288), calI32(524288), 0xfc, 10, 0, 0), loops: 4},
	{name: "table.get and set", class: "table", amount: 2, code: calOps(calI32(1), calI32(1), 0x25, 0, 0x26, 0)},
	{name: "table.size", class: "bulk", code: calOps(0xfc, 16, 0, calSet(calP))},
	{name: "table.fill of 0", class: "bulk", code: calOps(calI32(0), 0xd0, 0x70, calI32(0), 0xfc, 17, 0)},
	{name: "table.copy of 0", class: "bulk", code: calOps(calI32(0), calI32(0), calI32(0), 0xfc, 14, 0, 0)},
	{name: "table.grow by 0", class: "grow", code: calOps(0xd0, 0x70, calI32(0), 0xfc, 15, 0, 0x1a), loops: 200},
	{name: "table.fill of 1000", class: "slots", amount: 1000, code: calOps(calI32(1000), 0xd0, 0x70, calI32(1000), 0xfc, 17, 0), loops: 100},
	{name: "table.copy of 1000", class: "slots", amount: 1000, code: calOps(calI32(1000), calI32(2000), calI32(1000), 0xfc, 14, 0, 0), loops: 100},
	{name: "table.init of 4", class: "slots", amount: 4, code: calOps(calI32(0), calI32(0), calI32(4), 0xfc, 12, 1, 0)},
	{name: "ref.func", class: "ref.func", code: calOps(0xd2, 1, calSet(calR))},
}

// BenchmarkCalibrateHost measures what host functions cost in gas at meter.Unit, for the
// prices in host/price.go.
func BenchmarkCalibrateHost(b *testing.B) {
	gas := func(b *testing.B, per int) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(per)*1000/meter.Unit, "gas")
	}
	page := make([]byte, 64<<10)
	b.Run("sha256 of nothing", func(b *testing.B) {
		for b.Loop() {
			sha256.Sum256(nil)
		}
		gas(b, 1)
	})
	b.Run("sha256 per byte", func(b *testing.B) {
		for b.Loop() {
			sha256.Sum256(page)
		}
		gas(b, len(page))
	})
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	message := make([]byte, 100)
	signature := ed25519.Sign(private, message)
	b.Run("ed25519 verify", func(b *testing.B) {
		for b.Loop() {
			if !ed25519.Verify(public, message, signature) {
				b.Fatal("not valid")
			}
		}
		gas(b, 1)
	})
	b.Run("sha512 per byte, of a signed message", func(b *testing.B) {
		for b.Loop() {
			sha512.Sum512(page)
		}
		gas(b, len(page))
	})
	b.Run("copy per byte", func(b *testing.B) {
		to := make([]byte, len(page))
		for b.Loop() {
			copy(to, page)
		}
		gas(b, len(page))
	})
	b.Run("first touch of a page of 64 KiB", func(b *testing.B) {
		const size = 64 << 20
		for b.Loop() {
			b.StopTimer()
			fresh := make([]byte, size)
			b.StartTimer()
			for i := 0; i < size; i += 4096 {
				fresh[i] = 1
			}
		}
		gas(b, size/len(page))
	})
	session := func() *host.Session {
		s := host.NewSession(hosttest.NewCall(abi.Validate, "k", ""), hosttest.State{abi.StateAddress("conf"): {"k": "v"}}, host.Grant{}, host.Limits{})
		s.Begin(calMeter{})
		return s
	}
	b.Run("get", func(b *testing.B) {
		s := session()
		for b.Loop() {
			if _, ok, f := s.Get(string(abi.StateAddress("conf")), "k"); !ok || f != nil {
				b.Fatal(ok, f)
			}
		}
		gas(b, 1)
	})
	b.Run("put of 100 bytes", func(b *testing.B) {
		s := session()
		for n := 0; b.Loop(); n++ {
			if n%50 == 49 { // within the limit of one call
				s = session()
			}
			if f := s.Put(string(abi.StateAddress("conf")), "k", message); f != nil {
				b.Fatal(f)
			}
		}
		gas(b, 1)
	})
	b.Run("random", func(b *testing.B) {
		s := session()
		for b.Loop() {
			if _, f := s.Random(32); f != nil {
				b.Fatal(f)
			}
		}
		gas(b, 1)
	})
	b.Run("call of the host", func(b *testing.B) {
		w := newCalWorld(b, calCase{name: "grow by 0", code: calOps(calI32(0), 0x40, 0, 0x1a), loops: 100})
		defer w.rt.Close(context.Background())
		n := 0
		for b.Loop() {
			w.run(b)
			n += 100 * calCopies
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n)*1000/meter.Unit, "gas")
	})
}

// calMeter is gas without end.
type calMeter struct{}

func (calMeter) Charge(uint64) *abi.Fault { return nil }
func (calMeter) Left() uint64             { return 1 << 60 }

// calWorld is a module that runs one case.
type calWorld struct {
	rt    wazero.Runtime
	fn    api.Function
	used  api.MutableGlobal
	depth api.MutableGlobal
	args  [1]uint64
	gas   uint64
}

func newCalWorld(t testing.TB, c calCase) *calWorld {
	ctx := context.Background()
	m, err := meter.Rewrite(calModule(c.code), meter.Config{})
	if err != nil {
		t.Fatalf("Rewrite = %v", err)
	}
	w := &calWorld{rt: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler()), args: [1]uint64{uint64(c.rounds())}}
	guard := specWorld{rt: w.rt}
	if err := guard.guards(); err != nil {
		t.Fatal(err)
	}
	mod, err := w.rt.InstantiateWithConfig(ctx, m.Code, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		t.Fatalf("instantiate %s: %v", c.name, err)
	}
	w.fn = mod.ExportedFunction("f")
	w.used, w.depth = mod.ExportedGlobal(meter.ExportGas).(api.MutableGlobal), mod.ExportedGlobal(meter.ExportDepth).(api.MutableGlobal)
	return w
}

func (w *calWorld) run(t testing.TB) time.Duration {
	w.used.Set(specGas)
	w.depth.Set(specDepth)
	stack := w.args
	start := time.Now()
	err := w.fn.CallWithStack(context.Background(), stack[:])
	took := time.Since(start)
	if err != nil {
		t.Fatal(err)
	}
	w.gas = specGas - w.used.Get()
	return took
}

// calModule is a module around a pattern: function 0 runs it, 1 to 4 are small and in
// the table, 5 is recursive.
func calModule(pattern []byte) []byte {
	list := func(items ...[]byte) []byte { return append(calULEB(uint32(len(items))), slices.Concat(items...)...) }
	sized := func(b []byte) []byte { return append(calULEB(uint32(len(b))), b...) }
	section := func(id byte, b []byte) []byte { return append([]byte{id}, sized(b)...) }
	f64 := func(v float64) []byte { return binary.LittleEndian.AppendUint64([]byte{0x44}, math.Float64bits(v)) }
	main := calOps(6, 2, 0x7e, 2, 0x7c, 1, 0x7d, 1, 0x7f, 1, 0x70, 0, 0x7f,
		calI64(0x1234567), calSet(calX), calI64(1000003), calSet(calY), f64(1.5), calSet(calA), f64(1.0000001), calSet(calB),
		0x03, 0x40, slices.Repeat(pattern, calCopies), calGet(calN), calI32(1), 0x6b, 0x22, calN, 0x0d, 0, 0x0b, 0x0b)
	small := func(k int64) []byte { return sized(calOps(0, calGet(0), calI64(k), 0x7c, 0x0b)) }
	recursive := sized(calOps(0, calGet(0), 0x50, 0x04, 0x7e, calI64(0), 0x10, 5, 0x05, calGet(0), 0x0b, 0x0b))
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, list([]byte{0x60, 1, 0x7f, 0}, []byte{0x60, 1, 0x7e, 1, 0x7e})),
		section(3, list([]byte{0}, []byte{1}, []byte{1}, []byte{1}, []byte{1}, []byte{1})),
		section(4, list(calOps(0x70, 0, calULEB(4096)))),
		section(5, list(calOps(0, calULEB(513)))),
		section(6, list(calOps(0x7e, 1, calI64(1), 0x0b))),
		section(7, list(append([]byte{1, 'f'}, 0, 0))),
		section(9, list(calOps(0, calI32(0), 0x0b, 4, 1, 2, 3, 4), calOps(1, 0, 4, 1, 2, 3, 4))),
		section(12, calULEB(1)),
		section(10, list(sized(main), small(1), small(2), small(3), small(4), recursive)),
		section(11, list([]byte{1, 4, 1, 2, 3, 4})),
	)
}

func calULEB(v uint32) (b []byte) {
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}

// TestCalibration: every case runs, and every class of price is measured by one.
func TestCalibration(t *testing.T) {
	measured := map[string]bool{"growth": true} // by the runtime, which prices it
	for _, c := range calibration {
		t.Run(c.name, func(t *testing.T) {
			w := newCalWorld(t, calCase{name: c.name, code: c.code, loops: 1})
			defer w.rt.Close(context.Background())
			w.run(t)
			if least := uint64(c.price()*float64(max(c.amount, 1))) * calCopies; w.gas < least {
				t.Errorf("%d copies use %d gas, want at least %d", calCopies, w.gas, least)
			}
		})
		measured[c.class] = true
	}
	for _, p := range meter.Prices() {
		if !measured[p.Class] {
			t.Errorf("nothing measures the price of %q", p.Class)
		}
	}
}
