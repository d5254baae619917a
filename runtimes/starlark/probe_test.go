package starlark

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

const probed = `kalima_abi = 1
def inner(n):
    total = 0
    for i in range(n):
        total += i * i
    return total
def outer():
    return inner(10) + inner(20)
def validate():
    kalima.put("", "out", str(outer()))
`

// A probe sees each unit of gas, at the line that used it, and changes nothing.
func TestProbe(t *testing.T) {
	plain := run(t, probed, host.Limits{})
	m, err := New().Load(context.Background(), []byte(probed))
	if err != nil {
		t.Fatal(err)
	}
	watched := func(limits host.Limits) (res host.Result, total uint64, byPlace map[string]uint64, deepest int) {
		byPlace = map[string]uint64{}
		s := host.NewSession(hosttest.NewCall(abi.Validate, "key", "v"), hosttest.State{}, host.Grant{}, limits)
		s.Probe = &host.Probe{Charge: func(stack []abi.Place, gas uint64) {
			total += gas
			deepest = max(deepest, len(stack))
			var at []string
			for _, p := range slices.Backward(stack) {
				at = append(at, fmt.Sprintf("%s:%d", p.Function, p.Line))
			}
			byPlace[strings.Join(at, " ")] += gas
		}}
		if res, err = m.Call(context.Background(), s); err != nil {
			t.Fatal(err)
		}
		return res, total, byPlace, deepest
	}
	res, total, byPlace, deepest := watched(host.Limits{})
	if res.Fault != nil || res.Used.Gas != plain.Used.Gas || total != res.Used.Gas || res.Used.Depth != 3 || deepest != 3 {
		t.Errorf("with a probe: %v, gas %d, of which %d seen, depth %d and %d; want gas %d, all of it seen, depth 3", res.Fault, res.Used.Gas, total, res.Used.Depth, deepest, plain.Used.Gas)
	}
	if plain.Used.Depth != 0 {
		t.Errorf("without a probe: depth %d, want 0: not measured", plain.Used.Depth)
	}
	loop := byPlace["validate:10 outer:8 inner:5"]
	if loop < 3000 || byPlace["validate:10"] < host.PriceWrite {
		t.Errorf("gas by place = %v, want most of it in line 5 and the write in line 10", byPlace)
	}
	for i := range uint64(20) {
		limit := total - 1 - i*total/20
		without := run(t, probed, host.Limits{Gas: limit})
		with, seen, _, _ := watched(host.Limits{Gas: limit})
		if with.Fault == nil || with.Fault.Message != without.Fault.Message || with.Used.Gas != without.Used.Gas || seen > limit || !slices.Equal(with.Where, without.Where) {
			t.Errorf("with a limit of %d: %v, gas %d (%d seen) at %v; without a probe %v, %d at %v", limit, with.Fault, with.Used.Gas, seen, with.Where, without.Fault, without.Used.Gas, without.Where)
		}
	}
}

// TestPrices holds the gas of some programs, and the schedule that names the prices, to a
// file. Whoever changes a price raises version in prices.go: nodes with another schedule
// must not execute the same block.
func TestPrices(t *testing.T) {
	const name = "testdata/prices.txt"
	var b strings.Builder
	fmt.Fprintln(&b, schedule())
	for _, body := range []string{
		"pass", "x = 1 + 2", "x = 'a' + 'b'", "x = [1, 2] + [3]", "x = {'a': 1}\n    x['b'] = x['a']", "x = [0] * 1000\n    x.append(1)\n    x = sorted(x)",
		"for i in range(100): pass", "x = {i: i for i in range(300)}\n    x[299]", "x = [1, [2]] == [1, [2]]", "x = 'b' in 'abc' * 100", "x = str([1, 'x'])", "x = '%s-%d' % ('a', 1)",
		"x = math.sin(1.5)", "x = json.decode(json.encode([1, {'a': None}]))", "x = 1 << 500\n    x = x * x // 3", "x = kalima.event.value", "x = ','.join('a b c'.split())", "kalima.put('', 'k', 'v')\n    kalima.get('', 'k')\n    kalima.scan('')",
	} {
		res := run(t, "kalima_abi = 1\ndef validate():\n    "+body+"\n", host.Limits{})
		if res.Fault != nil {
			t.Errorf("%q: %v", body, res.Fault)
		}
		fmt.Fprintf(&b, "%d %d %q\n", res.Used.Gas, res.Used.Memory, body)
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("prices are\n%s\nbut %s has\n%s\nif they are meant to change, raise version in prices.go and put them there", b.String(), name, want)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "go.starlark.net "+Engine+"\n") {
		t.Errorf("go.mod has another interpreter than %s: its steps may differ; set Engine", Engine)
	}
	if got := New().Schedule(); !strings.HasPrefix(got, fmt.Sprintf("starlark/%d ", version)) {
		t.Errorf("Schedule() = %q, want it to begin with the version", got)
	}
}
