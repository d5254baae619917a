package starlark

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// Each bomb would take minutes or gigabytes for a few steps, were size not charged. It ends
// in a fault of the contract; how long that took is logged, since the machine decides it.
func TestBombs(t *testing.T) {
	const nested = "x = [1]\n    for _ in range(60): x = [x, x]\n    "
	const tuples = "x = (1,)\n    for _ in range(60): x = (x, x)\n    "
	const wide = "x = [0] * 1000\n    for _ in range(6): x = [x] * 1000\n    y = [0] * 1000\n    for _ in range(6): y = [y] * 1000\n    "
	const long = "s = 'x' * 200000\n    "
	const collide = "d = {}\n    for i in range(1 << 40): d[i << 32] = 1\n    "
	const large = "x = 3\n    for _ in range(11): x = x * x\n    "
	gas, memory, stack := abi.OutOfGas, abi.OutOfMemory, abi.StackOverflow
	for _, tt := range []struct {
		name, body string
		codes      []abi.Code
	}{
		{"endless loop", "while True: pass", []abi.Code{gas}},
		{"list repetition", "x = [0] * 100000000", []abi.Code{memory}},
		{"list repetition in place", "x = [0]\n    for _ in range(60): x *= 1000", []abi.Code{memory}},
		{"string repetition", "x = 'x' * 1000000000", []abi.Code{memory}},
		{"string doubling", "x = 'x'\n    for _ in range(60): x += x", []abi.Code{memory}},
		{"tuple doubling", "x = (1,)\n    for _ in range(60): x += x", []abi.Code{memory, gas}},
		{"range to list", "x = list(range(1 << 40))", []abi.Code{memory}},
		{"range sorted by name", "x = sorted(iterable = range(1 << 30))", []abi.Code{memory}},
		{"range to tuple", "x = tuple(range(1 << 40))", []abi.Code{memory}},
		{"range in any", "x = any([False] * 1000)\n    while True: any(range(0, 1 << 30))", []abi.Code{gas}},
		{"range in all", "x = all(range(1, 1 << 40))", []abi.Code{gas}},
		{"range in max", "x = max(range(1 << 40))", []abi.Code{gas}},
		{"zip of ranges", "x = zip(range(1 << 40), range(1 << 40))", []abi.Code{memory}},
		{"enumerate a range", "x = enumerate(range(1 << 40))", []abi.Code{memory}},
		{"set of a range", "x = set(range(1 << 40))", []abi.Code{memory, gas}},
		{"dict of pairs", "x = dict([(i, i) for i in range(1 << 40)])", []abi.Code{gas, memory}},
		{"spread", "f = lambda *a: len(a)\n    while True: f(*range(1 << 20))", []abi.Code{memory, gas}},
		{"join", "x = ('x' * 1000).join(['y'] * 100000)", []abi.Code{memory}},
		{"replace", "x = 'aaaaaaaaaa'.replace('', 'x' * 100000)", []abi.Code{memory}},
		{"replace again and again", long + "while True: s.replace('y', 'z')", []abi.Code{gas, memory}},
		{"split", long + "while True: s.split('x')", []abi.Code{memory, gas}},
		{"rsplit with room", "x = 'a b'.rsplit(None, 1 << 30)", []abi.Code{memory}},
		{"format", "x = ('{0}' * 10000).format('x' * 100000)", []abi.Code{memory}},
		{"format by name", "x = ('{a}' * 10000).format(a = 'x' * 100000)", []abi.Code{memory}},
		{"percent", "x = ('%(a)s' * 10000) % {'a': 'x' * 100000}", []abi.Code{memory}},
		{"percent, one conversion", long + "s += '%d'\n    while True: s % 1", []abi.Code{memory, gas}},
		{"upper", long + "while True: s.upper()", []abi.Code{memory, gas}},
		{"strip", "s = 'é' * 60000\n    while True: s.strip(s)", []abi.Code{gas}},
		{"codepoints to list", long + "c = s.codepoints()\n    while True: list(c)", []abi.Code{gas, memory}},
		{"slices", "x = [0] * 100000\n    while True: x[1:]", []abi.Code{memory, gas}},
		{"string slices by step", long + "while True: s[::-1]", []abi.Code{memory, gas}},
		{"list of itself", "x = [1]\n    for _ in range(60): x.extend(x)", []abi.Code{memory, gas}},
		{"list plus itself", "x = [1]\n    for _ in range(60): x += x", []abi.Code{memory, gas}},
		{"append for ever", "x = []\n    while True: x.append(x)", []abi.Code{gas, memory}},
		{"empty dicts", "x = []\n    while True: x += [{}]", []abi.Code{memory, gas}},
		{"empty sets", "x = [set() for _ in range(1 << 40)]", []abi.Code{memory, gas}},
		{"insert at the front", "x = [0] * 100000\n    while True: x.insert(0, 1)", []abi.Code{gas, memory}},
		{"pop at the front", "x = [0] * 1000000\n    while len(x) > 1: x.pop(0)", []abi.Code{gas}},
		{"comprehension", "x = [y for y in range(1 << 40)]", []abi.Code{gas, memory}},
		{"dict comprehension", "x = {y: y for y in range(1 << 40)}", []abi.Code{gas, memory}},
		{"equal lists that double", nested + "y = [1]\n    for _ in range(60): y = [y, y]\n    while True: x == y or [x] * 100 == [y] * 100", []abi.Code{abi.Trap}},
		{"equal wide lists", wide + "x == y", []abi.Code{gas}},
		{"ordered wide lists", wide + "x < y", []abi.Code{gas}},
		{"wide lists in a list", wide + "[x] == [y] or x in [y]", []abi.Code{gas}},
		{"equal strings", "s = 'x' * 100000 + 'y'\n    t = 'x' * 100000 + 'z'\n    while s != t: pass", []abi.Code{gas}},
		{"strings in order", "s = 'x' * 100000 + 'y'\n    t = 'x' * 100000 + 'z'\n    while s < t: pass", []abi.Code{gas}},
		{"equal dicts", "x = {i: i for i in range(5000)}\n    y = {i: i for i in range(5000)}\n    while x == y: pass", []abi.Code{gas}},
		{"in a list", "x = list(range(100000))\n    while not (-1 in x): pass", []abi.Code{gas}},
		{"in a string", long + "while not ('y' in s): pass", []abi.Code{gas}},
		{"index of a list", "x = list(range(100000))\n    for _ in range(1 << 40): x.index(99999)", []abi.Code{gas}},
		{"sort of lists", "x = [[0] * 1000] * 1000\n    y = [list(a) for a in x]\n    while True: sorted(y)", []abi.Code{gas, memory}},
		{"sort", "x = list(range(100000))\n    while True: sorted(x, reverse = True)", []abi.Code{gas, memory}},
		{"max of strings", "s = 'x' * 100000\n    x = [s + 'y', s + 'z'] * 2\n    while True: max(x)", []abi.Code{gas}},
		{"printed list that doubles", nested + "str(x)", []abi.Code{gas, memory}},
		{"printed tuple in an error", tuples + "fail(x)", []abi.Code{gas, memory}},
		{"hashed tuple that doubles", tuples + "d = {x: 1}", []abi.Code{gas}},
		{"looked up tuple that doubles", tuples + "d = {}\n    d.get(x)", []abi.Code{gas}},
		{"indexed by a tuple that doubles", tuples + "d = {}\n    d[x] = 1", []abi.Code{gas}},
		{"hashed long string", long + "d = {}\n    d[s] = 1\n    while d[s]: pass", []abi.Code{gas}},
		{"hash", long + "while True: hash(s)", []abi.Code{gas}},
		{"keys that collide", collide, []abi.Code{gas}},
		{"keys that collide, looked up", "d = {}\n    for i in range(3000): d[i << 32] = 1\n    while True: d[2999 << 32]", []abi.Code{gas}},
		{"keys that collide, few", "d = {}\n    for i in range(128): d[i << 32] = 1\n    while True: d[127 << 32]", []abi.Code{gas}},
		{"elements of a set that collide", "x = set()\n    for i in range(1 << 40): x.add(i << 32)", []abi.Code{gas, memory}},
		{"keys that collide, in a pattern", "d = {}\n    for i in range(1 << 40): (d[i << 32], y) = (1, 2)", []abi.Code{gas}},
		{"keys that collide, in a loop's pattern", "d = {}\n    k = [0]\n    for d[k[0] << 32] in range(1 << 40): k[0] += 1", []abi.Code{gas}},
		{"union of sets", "x = set(range(2000))\n    y = set(range(2000, 4000))\n    while x | y: pass", []abi.Code{gas, memory}},
		{"difference of sets", "x = set(range(2000))\n    while not (x - x): pass", []abi.Code{gas, memory}},
		{"subset", "x = set(range(2000))\n    while x.issubset(x): pass", []abi.Code{gas, memory}},
		{"items", "x = {i: i for i in range(1000)}\n    while x.items(): pass", []abi.Code{memory, gas}},
		{"shift", "x = 1 << 100000", []abi.Code{memory}},
		{"shift again", "x = 1\n    for _ in range(1 << 40): x <<= 500", []abi.Code{memory}},
		{"product", "x = 3\n    for _ in range(60): x = x * x", []abi.Code{memory}},
		{"products", large + "while (x // (1 << 500) // (1 << 500) // (1 << 500)) * 12345678901234567890: pass", []abi.Code{gas}},
		{"quotients", large + "y = x // 3 // (1 << 500)\n    while x // y: pass", []abi.Code{gas}},
		{"text of an int", large + "while str(x): pass", []abi.Code{gas, memory}},
		{"int of a text", "s = '9' * 1000\n    while int(s): pass", []abi.Code{gas}},
		{"float of a text", "s = '0.' + '1' * 200000\n    while float(s): pass", []abi.Code{gas}},
		{"json, encoded", nested + "json.encode(x)", []abi.Code{gas, memory}},
		{"json, decoded", "s = '[' + '{},' * 30000 + '0]'\n    while True: json.decode(s)", []abi.Code{gas, memory}},
		{"json, indented", "s = '[' * 60 + ']' * 60\n    while json.indent(s, indent = ' ' * 10000): pass", []abi.Code{memory, gas}},
		{"json, encoded with indentation", "x = list(range(1000))\n    while json.encode_indent(x, prefix = ' ' * 1000): pass", []abi.Code{memory, gas}},
		{"print", long + "while True: print(s)", []abi.Code{gas, memory}},
		{"gamma", "while math.gamma(20.5): pass", []abi.Code{gas}},
		{"recursion", "kalima_self()", []abi.Code{stack}},
		{"recursion through sorted", "kalima_sort()", []abi.Code{stack}},
		{"recursion by a combinator", "(lambda f: f(f))(lambda f: f(f))", []abi.Code{stack}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source := "kalima_abi = 1\ndef kalima_self():\n    return kalima_self() + 1\ndef kalima_sort():\n    return sorted([1], key = lambda x: kalima_sort())\ndef validate():\n    " + tt.body + "\n"
			started := time.Now()
			res := run(t, source, host.Limits{Deadline: time.Minute})
			took := time.Since(started)
			if res.Fault == nil {
				t.Fatalf("Call accepted after %v, want one of %v", took, tt.codes)
			}
			for _, code := range tt.codes {
				if res.Fault.Code == code {
					t.Logf("%v after %v", res.Fault, took)
					return
				}
			}
			t.Errorf("Call = %v after %v, want one of %v", res.Fault, took, tt.codes)
		})
	}
}

// Each source would make the parser, the resolver or the compiler slow or deep.
func TestSourceBombs(t *testing.T) {
	fill := func(s string) string { return strings.Repeat(s, (MaxSource-100)/len(s)) }
	for _, tt := range []struct{ name, source string }{
		{"parentheses", "x = " + fill("(")},
		{"closed parentheses", "x = " + strings.Repeat("(", 30000) + "1" + strings.Repeat(")", 30000)},
		{"brackets", "x = " + strings.Repeat("[", 30000) + strings.Repeat("]", 30000)},
		{"braces", "x = " + fill("{1:")},
		{"minus", "x = " + fill("-") + "1"},
		{"not", "x = " + fill("not ") + "1"},
		{"sums", "x = 1" + fill("+1")},
		{"sums of names", "y = 1\nx = y" + fill("+y")},
		{"comparisons", "x = 1" + fill(" and 1")},
		{"lambdas", "x = " + fill("lambda:") + "1"},
		{"conditions", "x = " + fill("1 if 1 else ") + "1"},
		{"dots", "x = kalima" + fill(".a")},
		{"calls", "x = len" + fill("()")},
		{"indices", "x = []" + fill("[0]")},
		{"elif", "if 1:\n  pass\n" + fill("elif 1:\n  pass\n")},
		{"nested functions", func() string {
			var b strings.Builder
			for i := 0; b.Len() < MaxSource-1000; i++ {
				b.WriteString(strings.Repeat(" ", i) + "def f():\n")
			}
			return b.String()
		}()},
		{"many globals", func() string {
			var b strings.Builder
			for b.Len() < MaxSource-100 {
				fmt.Fprintf(&b, "x%d=1\n", b.Len())
			}
			return b.String()
		}()},
		{"a comment", "#" + fill("x")},
		{"a string", "x = '" + fill("x") + "'"},
		{"an int", "x = " + fill("9")},
		{"a deep value", "x = []\nfor _ in range(1 << 40): x = [x]"},
		{"a large list", "x = [0] * (1 << 40)"},
		{"a loop", "while True: pass"},
		{"None", "None = [[0] * 1000] * 1000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			started := time.Now()
			_, err := New().Load(context.Background(), []byte(tt.source))
			var refusal *host.Refusal
			if !errors.As(err, &refusal) || len(refusal.Reason) > 1000 {
				t.Fatalf("Load = %v, want a refusal", err)
			}
			t.Logf("%v after %v", refusal, time.Since(started))
		})
	}
}
