package threshold_test

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/examples/internal/exampletest"
	"github.com/kalima-chain/kalima/host"
)

var languages = []string{"c", "go", "rust", "js", "starlark"}

const press abi.Address = "/plant1/press4"

var (
	state = abi.StateAddress(exampletest.Instance)
	t0    = int64(exampletest.Start)
)

// step is one event and what must come of it.
type step struct {
	address abi.Address // "" means press
	key     string
	value   string // "" deletes
	reject  string // "CODE MESSAGE"; "" means accepted
	record  string // what is written to the contract's state, "" for nothing
	alarm   string // what is written below /alarms, "" for nothing
}

func (s step) want() host.Result {
	var r host.Result
	if s.reject != "" {
		r.Fault = &abi.Fault{Code: abi.Rejected}
		code, message, _ := strings.Cut(s.reject, " ")
		fmt.Sscan(code, &r.Fault.Reason)
		r.Fault.Message = message
	}
	if s.record != "" {
		r.Writes = append(r.Writes, abi.Write{Address: state, Key: string(s.address) + "#" + s.key, Value: []byte(s.record)})
	}
	if s.alarm != "" {
		r.Writes = append(r.Writes, abi.Write{Address: "/alarms" + s.address, Key: s.key, Value: []byte(s.alarm)})
	}
	return r
}

const (
	notANumber  = "1 value is not a number"
	tooLong     = "2 address or key is too long"
	badSettings = "3 threshold must be: high low"
	broken      = "4 record is not readable"
)

// at is the time of the n-th event of a story, counted from 0.
func at(n int64) string { return fmt.Sprint(t0 + n*1_000_000) }

var stories = []struct {
	name  string
	steps []step
}{
	{"minimum, maximum and count", []step{
		{key: "t", value: "20", record: "1 20 20 0 0"},
		{key: "t", value: "20.0", record: "2 20 20 0 0"},
		{key: "t", value: "+21.50", record: "3 20 +21.50 0 0"},
		{key: "t", value: "-1e1", record: "4 -1e1 +21.50 0 0"},
		{key: "u", value: "0", record: "1 0 0 0 0"},
		{key: "t", value: "-0", record: "5 -1e1 +21.50 0 0"},
	}},
	{"alarm with hysteresis", []step{
		{key: "t", value: "100", record: "1 100 100 0 0"},
		{key: "t", value: "100.001", record: "2 100 100.001 1 " + at(1), alarm: "high 100.001 " + at(1)},
		{key: "t", value: "120", record: "3 100 120 1 " + at(1)},
		{key: "t", value: "90", record: "4 90 120 1 " + at(1)},
		{key: "t", value: "89.9", record: "5 89.9 120 0 " + at(1), alarm: "clear 89.9 " + at(4)},
		{key: "t", value: "95", record: "6 89.9 120 0 " + at(1)},
		{key: "t", value: "1e3", record: "7 89.9 1e3 1 " + at(6), alarm: "high 1e3 " + at(6)},
	}},
	{"settings", []step{
		{key: "_threshold", value: "50 40.5", record: "50 40.5"},
		{key: "t", value: "51", record: "1 51 51 1 " + at(1), alarm: "high 51 " + at(1)},
		{address: "/plant1/press5", key: "t", value: "51", record: "1 51 51 0 0"},
		{key: "_threshold", value: "60 60", record: "60 60"},
		{key: "t", value: "59.5", record: "2 51 59.5 0 " + at(1), alarm: "clear 59.5 " + at(4)},
		{key: "_threshold", value: "40 50", reject: badSettings},
		{key: "_threshold", value: "50", reject: badSettings},
		{key: "_threshold", value: "50  40", reject: badSettings},
		{key: "_threshold", value: "50 40 30", reject: badSettings},
		{key: "_threshold", value: "50 40\x00", reject: badSettings},
		{key: "_threshold", value: strings.Repeat("9", 5000), reject: badSettings},
	}},
	{"deletes are accepted and leave the record", []step{
		{key: "t", value: "101", record: "1 101 101 1 " + at(0), alarm: "high 101 " + at(0)},
		{key: "t"},
		{key: "_threshold"},
		{key: "t", value: "102", record: "2 101 102 1 " + at(0)},
	}},
	{"long names", []step{
		{address: abi.Address("/" + strings.Repeat("a", 243)), key: "0123456789", value: "101",
			record: "1 101 101 1 " + at(0), alarm: "high 101 " + at(0)},
		{address: abi.Address("/" + strings.Repeat("a", 243)), key: "0123456789x", value: "1", reject: tooLong},
		{address: abi.Address("/" + strings.Repeat("a", 244)), key: "t", value: "1", reject: tooLong},
		{key: strings.Repeat("k", 240), value: "1", record: "1 1 1 0 0"},
		{key: strings.Repeat("k", 241), value: "1", reject: tooLong},
		{key: strings.Repeat("é", 120), value: "1", record: "1 1 1 0 0"},
		{key: strings.Repeat("é", 120) + "k", value: "1", reject: tooLong},
		{key: strings.Repeat("温", 80) + "k", value: "not checked first", reject: tooLong},
		{address: abi.Address(strings.Repeat("/a", 15)), key: "t", value: "101", record: "1 101 101 1 " + at(8), alarm: "high 101 " + at(8)},
		{address: abi.Address(strings.Repeat("/a", 16)), key: "t", value: "1", reject: tooLong},
	}},
}

// address gives a step its default address.
func (s step) withAddress() step {
	s.address = cmp.Or(s.address, press)
	return s
}

func (s step) run(t testing.TB, chain *exampletest.Chain, m *exampletest.Contract) host.Result {
	t.Helper()
	if s.value == "" {
		return chain.Delete(t, m, s.address, s.key)
	}
	return chain.Put(t, m, s.address, s.key, s.value)
}

func TestStories(t *testing.T) {
	for _, language := range languages {
		t.Run(language, func(t *testing.T) {
			m := exampletest.Load(t, language)
			for _, story := range stories {
				t.Run(story.name, func(t *testing.T) {
					var chain exampletest.Chain
					for i, s := range story.steps {
						s = s.withAddress()
						if err := different(s.run(t, &chain, m), s.want()); err != nil {
							t.Errorf("step %d, %s %s = %q: %v", i, s.address, s.key, s.value, err)
						}
					}
				})
			}
		})
	}
}

// different says how two outcomes differ. Used and Log are no part of an outcome that
// languages share.
func different(got, want host.Result) error {
	if (got.Fault == nil) != (want.Fault == nil) {
		return fmt.Errorf("fault = %v, want %v", got.Fault, want.Fault)
	}
	if g, w := got.Fault, want.Fault; g != nil && (g.Code != w.Code || g.Reason != w.Reason || g.Message != w.Message) {
		return fmt.Errorf("fault = %v (%s), want %v", g, g.Detail, w)
	}
	if len(got.Writes) != len(want.Writes) {
		return fmt.Errorf("writes = %s, want %s", show(got.Writes), show(want.Writes))
	}
	for i, w := range want.Writes {
		if g := got.Writes[i]; g.Address != w.Address || g.Key != w.Key || !bytes.Equal(g.Value, w.Value) {
			return fmt.Errorf("write %d = %s, want %s", i, show(got.Writes[i:i+1]), show(want.Writes[i:i+1]))
		}
	}
	return nil
}

func show(writes []abi.Write) string {
	var b strings.Builder
	for _, w := range writes {
		fmt.Fprintf(&b, "[%s %s %q]", w.Address, w.Key, w.Value)
	}
	return cmp.Or(b.String(), "none")
}

// numbers are texts at the edges of the grammar.
var numbers = []struct {
	text string
	ok   bool
}{
	{"0", true}, {"-0", true}, {"+0", true}, {"007", true}, {"1.5", true}, {"-1.5e-3", true}, {"1E5", true}, {"1e+5", true},
	{"1e200", true}, {"1e-200", true}, {"1e007", true}, {strings.Repeat("9", 64), true}, {strings.Repeat("9", 59) + "e+200", true},
	{"0." + strings.Repeat("0", 56) + "1e-20", true}, {"9007199254740993", true}, {"0.1000000000000000055511151231257827", true},
	{"2.2250738585072014e-200", true}, {strings.Repeat("9", 65), false}, {"1e201", false}, {"1e-201", false}, {"1e0001", false},
	{"1e999", false}, {"", false}, {"-", false}, {"+", false}, {".", false}, {".5", false}, {"5.", false}, {"5.e1", false}, {"1e", false},
	{"1e+", false}, {"e5", false}, {"--1", false}, {"+-1", false}, {"1-", false}, {"0x10", false}, {"0b1", false}, {"0o7", false},
	{"1_000", false}, {"1,000", false}, {"1 000", false}, {" 1", false}, {"1 ", false}, {"\t1", false}, {"1\n", false}, {"1\x00", false},
	{"\x001", false}, {"inf", false}, {"Infinity", false}, {"-inf", false}, {"nan", false}, {"NaN", false}, {"1f", false}, {"1d", false},
	{"1n", false}, {"0x1p3", false}, {"1p3", false}, {"true", false}, {"٣", false}, {"１", false}, {"\xff", false}, {"1\xff", false},
	{"1e5.5", false}, {"1.2.3", false}, {"1e1e1", false}, {"\ufeff1", false}, {"−1", false},
}

func TestNumbers(t *testing.T) {
	for _, language := range languages {
		t.Run(language, func(t *testing.T) {
			m := exampletest.Load(t, language)
			for _, tt := range numbers {
				if tt.text == "" {
					continue // a put without a value is a delete
				}
				var chain exampletest.Chain
				r := chain.Put(t, m, press, "t", tt.text)
				if r.Fault != nil && (r.Fault.Code != abi.Rejected || r.Fault.Reason != 1) || (r.Fault == nil) != tt.ok {
					t.Errorf("put %q: fault = %v, want accepted %t", tt.text, r.Fault, tt.ok)
				}
			}
		})
	}
}

// A record that the contract did not write itself is refused, never misread.
func TestBrokenRecord(t *testing.T) {
	for _, language := range languages {
		t.Run(language, func(t *testing.T) {
			m := exampletest.Load(t, language)
			for _, record := range []string{"x", "1 2 3 0", "1 2 3 0 0 0", "-1 2 3 0 0", "1 x 3 0 0", "1 2 x 0 0", " 2 3 0 0", "1234567890123456 2 3 0 0", "1  2 3 0 0"} {
				var chain exampletest.Chain
				chain.Set(state, string(press)+"#t", []byte(record))
				if err := different(chain.Put(t, m, press, "t", "1"), step{reject: broken}.want()); err != nil {
					t.Errorf("with the record %q: %v", record, err)
				}
			}
			var chain exampletest.Chain
			chain.Set(state, string(press)+"#_threshold", []byte("1 2"))
			if err := different(chain.Put(t, m, press, "t", "1"), step{reject: broken}.want()); err != nil {
				t.Errorf("with the settings %q: %v", "1 2", err)
			}
		})
	}
}

// five are the same contract in five languages, each on a chain of its own.
type five struct {
	contracts []*exampletest.Contract
	chains    []*exampletest.Chain
}

func loadFive(t testing.TB) *five {
	f := &five{}
	for _, language := range languages {
		f.contracts = append(f.contracts, exampletest.Load(t, language))
	}
	f.reset()
	return f
}

func (f *five) reset() {
	f.chains = nil
	for range f.contracts {
		f.chains = append(f.chains, &exampletest.Chain{})
	}
}

// run gives the event to all five and returns their common outcome.
func (f *five) run(t testing.TB, s step) (host.Result, error) {
	var first host.Result
	for i, m := range f.contracts {
		r := s.run(t, f.chains[i], m)
		if i == 0 {
			first = r
		} else if err := different(r, first); err != nil {
			return r, fmt.Errorf("%s %s = %q: %s differs from %s: %w", s.address, s.key, s.value, languages[i], languages[0], err)
		}
	}
	return first, nil
}

// digest returns the common digest of the five states.
func (f *five) digest() (abi.Digest, error) {
	first := f.chains[0].Digest()
	for i, c := range f.chains {
		if got := c.Digest(); got != first {
			return first, fmt.Errorf("state digest of %s = %s, of %s = %s", languages[i], got.Short(), languages[0], first.Short())
		}
	}
	return first, nil
}

// Whatever events come, the five agree on every outcome and end in the same state.
func TestSameInFiveLanguages(t *testing.T) {
	f := loadFive(t)
	number := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string { return fmt.Sprint(rapid.Float64Range(-200, 200).Draw(t, "number")) }),
		rapid.Custom(func(t *rapid.T) string { return fmt.Sprint(rapid.Float64().Draw(t, "any number")) }),
		rapid.Custom(func(t *rapid.T) string { return fmt.Sprint(rapid.IntRange(85, 105).Draw(t, "near")) }),
		rapid.StringMatching(`[+-]?[0-9]{1,40}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?`),
		rapid.Custom(func(t *rapid.T) string { return rapid.SampledFrom(numbers).Draw(t, "edge").text }),
	)
	value := rapid.OneOf(number, number, rapid.String(), rapid.StringMatching(`[0-9eE.+ -]{0,12}`))
	settings := rapid.Custom(func(t *rapid.T) string { return number.Draw(t, "high") + " " + number.Draw(t, "low") })
	addresses := rapid.SampledFrom([]abi.Address{press, "/a", abi.Address(strings.Repeat("/a", 16)), abi.Address("/" + strings.Repeat("b", 240))})
	keys := rapid.SampledFrom([]string{"t", "u", "Volume Flow RateRMS", "é", strings.Repeat("k", 14), strings.Repeat("é", 126)})
	rapid.Check(t, func(rt *rapid.T) {
		f.reset()
		for range rapid.IntRange(1, 12).Draw(rt, "events") {
			s := step{address: addresses.Draw(rt, "address"), key: keys.Draw(rt, "key")}
			if rapid.IntRange(0, 5).Draw(rt, "kind") == 0 {
				s.key, s.value = "_threshold", rapid.OneOf(settings, value).Draw(rt, "settings")
			} else {
				s.value = value.Draw(rt, "value")
			}
			if _, err := f.run(t, s); err != nil {
				rt.Fatal(err)
			}
		}
		if _, err := f.digest(); err != nil {
			rt.Fatal(err)
		}
	})
}
