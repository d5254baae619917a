package threshold_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
)

// TestTenThousandEvents gives 10,000 random events to all five, on one chain each: they agree
// on code, reason, message and writes of every event and on the state.
func TestTenThousandEvents(t *testing.T) {
	const events = 10_000
	f := loadFive(t)
	g := &generator{rand.New(rand.NewPCG(7, 2026))}
	ends := map[string]int{}
	for n := range events {
		s := g.step()
		mend := func() {}
		if n%25 == 0 {
			mend = f.spoil(string(s.address)+"#"+pick(g, s.key, s.key, "_threshold"), g.value()+pick(g, "", " ", " 1 1 0 0"))
		}
		r, err := f.run(t, s)
		if err != nil {
			t.Fatalf("event %d: %v", n, err)
		}
		mend()
		switch {
		case r.Fault != nil && r.Fault.Code == abi.Rejected:
			ends[fmt.Sprint(r.Fault.Reason, " ", r.Fault.Message)]++
		case r.Fault != nil:
			t.Fatalf("event %d, %s %s = %q: %v", n, s.address, s.key, s.value, r.Fault)
		case s.value == "":
			ends["delete"]++
		case len(r.Writes) == 2:
			alarm, _, _ := strings.Cut(string(r.Writes[1].Value), " ")
			ends[alarm]++
		default:
			ends["accepted"]++
		}
		if n%100 == 0 {
			if _, err := f.digest(); err != nil {
				t.Fatalf("after event %d: %v", n, err)
			}
		}
	}
	digest, err := f.digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"accepted", "delete", "high", "clear", notANumber, tooLong, badSettings, broken} {
		if ends[end] < 50 {
			t.Errorf("%d of %d events ended with %q, want 50 at least", ends[end], events, end)
		}
	}
	t.Logf("%d events, ends %v, state %s in every language", events, ends, digest.Short())
}

// spoil puts a text where the contracts keep a record, and returns what undoes that.
func (f *five) spoil(key, text string) (mend func()) {
	before, _ := f.chains[0].Get(state, key)
	set := func(value []byte) {
		for _, c := range f.chains {
			c.Set(state, key, value)
		}
	}
	set([]byte(text))
	return func() { set(before) }
}

// generator makes events at the edges of what the contract knows.
type generator struct{ *rand.Rand }

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

func (g *generator) step() step {
	s := step{
		address: pick(g, press, press, "/a", "/plant1/press5", abi.Address(strings.Repeat("/a", 15)), abi.Address("/"+strings.Repeat("b", 230))),
		key:     pick(g, "t", "t", "u", "Volume Flow RateRMS", "é", "温度", "𝄞", strings.Repeat("k", 14), fmt.Sprint("t", g.IntN(50))),
	}
	switch g.IntN(40) {
	case 0:
		s.address = abi.Address(strings.Repeat("/a", 16))
	case 1:
		s.key = strings.Repeat(pick(g, "é", "k", "温"), 80+g.IntN(5))
	case 2:
		s.address = abi.Address("/" + strings.Repeat("b", 230+g.IntN(20)))
	}
	switch g.IntN(12) {
	case 0:
		return s // a delete
	case 1:
		s.key, s.value = "_threshold", g.number()+" "+g.number()
	case 2:
		s.key, s.value = "_threshold", g.value()
	default:
		s.value = g.value()
	}
	return s
}

func (g *generator) value() string {
	switch g.IntN(8) {
	case 0:
		return pick(g, numbers...).text
	case 1:
		return g.text(16)
	case 2: // a number with one byte changed
		b := []byte(g.number())
		b[g.IntN(len(b))] = byte(g.IntN(256))
		return string(b)
	}
	return g.number()
}

func (g *generator) number() string {
	switch g.IntN(8) {
	case 0:
		return fmt.Sprint(g.NormFloat64() * 1e200)
	case 1:
		return fmt.Sprintf("%e", g.NormFloat64()*1e-200)
	case 2:
		return pick(g, "-0", "0", "+0", "1e200", "-1e200", "1e-200", strings.Repeat("9", 64), "-"+strings.Repeat("9", 63), "9007199254740993")
	case 3:
		return fmt.Sprintf("%.*f", g.IntN(40), g.NormFloat64()*100)
	case 4:
		return fmt.Sprint(g.IntN(201) - 100)
	}
	return fmt.Sprint(80 + g.IntN(30)) // around the usual limits
}

// text is random characters of one to four bytes, and bytes that are none.
func (g *generator) text(max int) string {
	var b strings.Builder
	for range 1 + g.IntN(max) {
		switch g.IntN(4) {
		case 0:
			b.WriteByte(byte(g.IntN(256)))
		case 1:
			b.WriteRune(rune(g.IntN(0x11_0000)))
		default:
			b.WriteByte("0123456789eE+-. "[g.IntN(16)])
		}
	}
	return b.String()
}
