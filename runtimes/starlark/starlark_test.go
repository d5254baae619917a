package starlark

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.starlark.net/lib/json"
	mathlib "go.starlark.net/lib/math"
	"go.starlark.net/starlark"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

func TestConformance(t *testing.T) {
	hosttest.Run(t, hosttest.Kit{
		Runtime: func(testing.TB) host.Runtime { return New() },
		Contract: func(t testing.TB, name string) []byte {
			code, err := os.ReadFile(filepath.Join("testdata", name+".star"))
			if err != nil {
				t.Fatal(err)
			}
			return code
		},
		NoRecursion: true,
	})
}

func run(t *testing.T, source string, limits host.Limits) host.Result {
	t.Helper()
	m, err := New().Load(context.Background(), []byte(source))
	if err != nil {
		t.Fatalf("Load(%q) = %v", source, err)
	}
	res, err := m.Call(context.Background(), host.NewSession(hosttest.NewCall(abi.Validate, "key", "h\u00e9llo"), hosttest.State{}, host.Grant{}, limits))
	if err != nil {
		t.Fatalf("Call = error %v", err)
	}
	return res
}

// TestSameAsStarlark proves that the guards change no result: each body gives what the
// interpreter alone gives.
func TestSameAsStarlark(t *testing.T) {
	for _, body := range []string{
		`return 1 + 2 * 3 % 4 << 2 | 1`,
		`return "a" + "b" * 3 + 2 * "c" + str([1] + [2] * 2) + str((1,) + (2,) * 2) + repr(b"x" * 2)`,
		`return "%s %d %r %% %5.2f" % ("x", 5, [1, "y"], 1.5) if False else "%s %d %r %%" % ("x", 5, [1, "y"])`,
		`return "%(a)s-%(b)s" % {"a": 1, "b": [2]}`,
		`x = [1]; y = x; x += [2]; x += (3,); return str(y)`,
		`x = (1,); y = x; x += (2,); return str(y) + str(x)`,
		`d = {"a": [1], "n": 1, "s": "x"}; d["a"] += [2]; d["n"] += 5; d["s"] *= 3; return str(d)`,
		`l = [1, "b", 3]; l[0] += 10; l[-1] *= 2; l[1] += "c"; return str(l)`,
		`d = {1: 2} | {3: 4}; e = d; e |= {5: 6}; return str(d) + str(e)`,
		`return str(set([1, 2]) | set([3])) + str(set([1, 2]).union([9]))`,
		`return ",".join(["a", "b"]) + "abab".replace("a", "xy") + "{} {x} {0!r}".format("p", x = 3) if False else ",".join(["a", "b"]) + "abab".replace("a", "xy")`,
		`return "{} {x}".format("p", x = [3]) + str("a b c".split()) + str("a,b".split(",", 1)) + "AbC".lower().upper().title()`,
		`l = [3, 1]; l.extend([2]); l.append(0); l.insert(1, 9); l.remove(3); return str(sorted(l)) + str(l.index(2)) + str(l.pop())`,
		`return str(list(range(3))) + str(tuple("ab".elems())) + str([c for c in "ab".codepoints()]) + str(dict(a = 1)) + str(list(enumerate(["a"]))) + str(list(zip([1], [2])))`,
		`f = getattr("abc", "upper"); return f() + getattr("x", "no", "d") + str(hasattr([], "extend"))`,
		`return str([1, 2, 3][1:]) + "hello"[1:3] + str((1, 2, 3)[::-1]) + str(b"abc"[1:])`,
		`f = lambda *a, **k: (a, k); return str(f(*[1, 2], **{"x": 3}))`,
		`return str(any([0, 1])) + str(all([])) + str(max([1, 3, 2])) + str(min(3, 2)) + str(max("a", "bb", key = len))`,
		`return str(int("12")) + str(int("ff", 16)) + str(float("1.5")) + str(1 / 3) + str(7 // 2) + str(1e21) + str(float("nan")) + str(2.0)`,
		`x = 5; x -= 1; x *= 3; x //= 2; x %= 4; x <<= 3; x |= 1; return str(x)`,
		`n = 0
    while n < 5:
        n += 1
        if n == 3: continue
    return str(n)`,
		`return str(1 << 60) + str((1 << 60) * (1 << 60)) + str(-7 % 3) + str(1.5 * 2) + str(2 + 1.5)`,
		`d = {"n": 1}
    def f():
        d["n"] += 10
        return 5
    d["n"] += f()
    return str(d)`,
		`l = [1, 2, 3]; l[0], l[2] = l[2], l[0]; i = 1; i, l[i] = 2, 9; return str(l) + str(i)`,
		`l = [1, 2, 3]; i = 0; l[i], i = 7, 2; (l[i], [i, l[0]]) = (8, (1, 5)); return str(l) + str(i)`,
		`l = [0, 0]
    for l[1] in range(4): l[0] += l[1]
    return str(l)`,
		`d = {}; l = [d]; l[0]["a"] = 5; l[0]["a"] //= 2; l[0]["a"] |= 8; l[0]["a"] ^= 1; l[0]["a"] >>= 1; l[0]["b"] = 3; l[0]["b"] /= 2; l[0]["b"] -= 1; return str(d)`,
		`a, b = [1, [2, 3]], [1, [2, 4]]; return str([a == b, a != b, a < b, a <= b, a > b, a >= b, a == [1, [2, 3]], (1, 2) < (1, 2, 3), (1,) == [1]])`,
		`a, b = {"x": [1], "y": 2}, {"y": 2, "x": [1]}; return str([a == b, a != b, a == {"x": [1]}, {} == {}, set([1, 2]) == set([2, 1]), set([1]) <= set([1, 2]), set([1]) > set([2])])`,
		`a, b = "abc", b"abc"; return str([a == "abd", a < "abd", a == b, b == b"abc", b < b"abd", 1 == 1.0, 1.5 > 1, 1 << 70 > 5, float("nan") == float("nan"), None == False])`,
		`x = 5; return str([x in [1, 5], x in (1, 2), x not in [5], "b" in "abc", "d" not in "abc", x in {5: 1}, x in set([5]), x in range(9), 98 in b"abc", b"b" in b"abc"])`,
		`return str([sorted([3, 1, 2]), sorted(["b", "a", "C"], key = lambda s: s.lower()), sorted([(1, "b"), (0, "c"), (1, "a")], key = lambda p: p[0], reverse = True), sorted([]), sorted([1.5, 1, -2]), sorted(iterable = "c b a".split())])`,
		`return str([min([3, 1, 2]), max(1, 5, 2), min("b", "a"), max(["aa", "b"], key = len), min([(1, 2), (1, 1)])])`,
		`return str({i: i * i for i in range(5) if i % 2 == 0}) + str({k: v for k, v in {"a": 1}.items()}) + str({(i, j): i + j for i in range(2) for j in range(2)})`,
		`return str(dict([("a", 1), ["b", 2]], c = 3)) + str(dict({"x": 1}, x = 2)) + str(dict()) + str({"k" + str(1): [1], (1, 2): {}})`,
		`d = {"a": 1}; d.update([("b", 2)], c = 3); d.update({"a": 5}); x = d.setdefault("z", 9); y = d.setdefault("a", 7); p = d.pop("b"); q = d.pop("no", None); return str([d, x, y, p, q, d.popitem(), d.get("no"), d.get("c", 1), d.keys(), d.values(), d.items()])`,
		`s = set([1]); s.add(2); s.add(2); s.discard(9); s.remove(1); s.update([5, 6], [7]); return str([s, s.pop(), s | set([9]), s & set([5]), s - set([5]), s ^ set([5, 1]), s.union([3]), s.intersection([6]), s.difference([6]), s.symmetric_difference([6]), s.issubset([5, 6, 7]), s.issuperset([6])])`,
		`s = "  a,b  "; return str([s.strip(), s.lstrip(), s.rstrip(" b"), s.partition(","), s.rpartition(","), s.startswith(("x", " ")), s.endswith("b  "), s.count(" "), s.find("b"), s.rfind(" "), "abc".isalpha(), "12".isdigit(), "Ab".istitle(), "x-y".removeprefix("x-"), "x-y".removesuffix("-y"), "a\nb\n".splitlines(True), "a b  c".rsplit(None, 1), "é".codepoint_ords() != None])`,
		`l = [1, 2]; l.append([3]); l.insert(1, 9); l.clear() if False else None; f = l.append; f(4); return str([l, l.index(9), l.pop(0), l.pop(), l, l == [9, 2, [3]]])`,
		`return str([7 // 2, -7 // 2, 7 % 3, -7 % 3, 7.5 // 2, 5 & 3, 5 | 3, 5 ^ 3, ~5, 1 << 5, 256 >> 4, (1 << 100) // 3, (1 << 100) % 7, -(1 << 80), (1 << 90) - 1, 3 - 1.5])`,
		`return str([json.encode({"b": [1, 2.5, None, True], "a": "x\"y"}), json.decode('{"a": [1, 2.5, null, true, "\\u00e9"]}'), json.decode("nope", default = 3), json.indent('{"a":[1]}', indent = "  "), json.encode_indent([1, {}])])`,
		`return str([math.floor(1.5), math.ceil(1.5), math.sqrt(2), math.pow(2, 10), math.fabs(-3), math.round(2.5), math.mod(-7, 3), math.remainder(7, 4), math.copysign(1, -2.0), math.hypot(3, 4), math.pi, math.e, math.degrees(math.pi), math.radians(180), math.log(8, 2), math.floor(1 << 70), math.gamma(5), math.atan2(1, 1)])`,
		`return str([hash("abc"), bool([]), type({}), len("é"), ord("a"), chr(233), list("ab".elems()), reversed([1, 2]), list(enumerate(["a"], 5)), zip([1, 2], (3, 4)), tuple([1]), repr("x"), abs(-5), float(3), int(3.9), dir([])[:2]])`,
		`x = [[1, 2], [3, 4]]; return str([x[1][0], x[-1], "abc"[1], "abc"[-1], (5, 6)[1], b"ab"[0], range(5)[2], x[:1], "hello"[::-1], [1, 2, 3, 4][::2], (1, 2, 3)[1:]])`,
		`f = lambda a, b = 1 + 1, *c, **d: [a, b, c, d]; return str(f(1)) + str(f(1, 2, 3, x = [4])) + str(f(*[1, 2], **{"z": 3}))`,
		`x = 0
    while x < 10:
        x += 3
        if x > 5 and x != 7 or x == 1: break
    return str(x) + ("yes" if x in (6, 9) else "no") + str(not x) + str(x if x else None)`,
		`return str([x * y for x in [1, 2] for y in [3, 4] if x + y > 4]) + str({k: v + v for k, v in [("a", "b")]})`,
	} {
		t.Run(body, func(t *testing.T) {
			plain := "def f():\n    " + body + "\nresult = str(f())\n"
			globals, err := starlark.ExecFileOptions(options, &starlark.Thread{}, "plain", plain, starlark.StringDict{"json": json.Module, "math": mathlib.Module})
			if err != nil {
				t.Fatal(err)
			}
			want := string(globals["result"].(starlark.String))
			res := run(t, "kalima_abi = 1\ndef f():\n    "+body+"\ndef validate():\n    kalima.put('', 'out', str(f()))\n", host.Limits{})
			if res.Fault != nil || len(res.Writes) != 1 || string(res.Writes[0].Value) != want {
				t.Errorf("Call = %v, writes %q, want %q", res.Fault, res.Writes, want)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name, source, message, detail string
		code                          abi.Code
	}{
		{"fail", "kalima_abi = 1\ndef inner():\n    fail('too far')\ndef validate():\n    inner()\n", "fail: too far", "line 3 in inner, line 5 in validate", abi.Trap},
		{"division", "kalima_abi = 1\ndef validate():\n    return 1 // 0\n", "floored division by zero", "line 3 in validate", abi.Trap},
		{"guarded operator", "kalima_abi = 1\ndef validate():\n    x = []\n    return x + 'a'\n", "unknown binary op: list + string", "line 4 in validate", abi.Trap},
		{"host", "kalima_abi = 1\ndef validate():\n    kalima.put('no', 'k', 'v')\n", `address "no": does not start with /`, "line 3 in validate", abi.BadHostCall},
		{"argument", "kalima_abi = 1\ndef validate():\n    kalima.put('', 'k', 5)\n", "put: value is neither a str nor bytes", "line 3 in validate", abi.BadHostCall},
		{"missing argument", "kalima_abi = 1\ndef validate():\n    kalima.get('')\n", "get: key is missing", "line 3 in validate", abi.BadHostCall},
		{"result", "kalima_abi = 1\ndef validate():\n    return 'x'\n", "validate returned something else than None or an int of 32 bits", "", abi.Trap},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := run(t, tt.source, host.Limits{}).Fault
			if f == nil || f.Code != tt.code || f.Message != tt.message || f.Detail != tt.detail {
				t.Errorf("fault = %+v, want %v %q at %q", f, tt.code, tt.message, tt.detail)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ name, source, want string }{
		{"syntax", "kalima_abi = 1\ndef validate(:\n", "line 2: "},
		{"undefined", "kalima_abi = 1\ndef validate():\n    return missing\n", "line 3: undefined: missing"},
		{"guard by name", "kalima_abi = 1\ndef validate():\n    return kalima$binary\n", "line 3: "},
		{"no version", "def validate():\n    pass\n", "kalima_abi is not set"},
		{"no entry", "kalima_abi = 1\nvalidate = 5\n", "no entry"},
		{"parameters", "kalima_abi = 1\ndef validate(event):\n    pass\n", "line 2: validate takes parameters"},
		{"top level fails", "kalima_abi = 1\nfail('early')\n", "early at line 2"},
		{"load", "load('a', 'b')\n", "line 1: load"},
		{"not UTF-8", "# \xff", "UTF-8"},
		{"empty", "", "empty"},
		{"too long", "#" + strings.Repeat("x", MaxSource), "65537 bytes, at most 65536"},
		{"large int", "kalima_abi = 1\nx = " + strings.Repeat("9", 2000) + "\n", "line 2: an int of more than 4096 bits"},
		{"large int as a key", "kalima_abi = 1\nx = {" + strings.Repeat("9", 2000) + ": 1}\n", "line 2: an int of more than 4096 bits"},
		{"version of many digits", "kalima_abi = 1 << 500\ndef validate(): pass\n", "built for ABI version 32733"},
		{"None as a name", "kalima_abi = 1\nNone = 5\n", "line 2: None can not be given another value"},
		{"True as a parameter", "kalima_abi = 1\ndef f(True): pass\n", "line 2: True can not"},
		{"False in a comprehension", "x = [1 for (y, False) in []]\n", "line 1: False can not"},
		{"elements in a comprehension", "l = [0]\nx = [1 for l[0] in []]\n", "line 2: a comprehension that assigns to elements"},
		{"unknown function", "kalima_abi = 1\ndef validate():\n    kalima.teleport('x')\n", "line 3: ABI version 1 has no function kalima.teleport (it may need a newer node)"},
		{"unknown field", "kalima_abi = 1\ndef validate():\n    return kalima.event.colour\n", "line 3: ABI version 1 has no field kalima.event.colour"},
		{"method's name as a function", "kalima_abi = 1\ndef validate():\n    kalima.append('x')\n", "line 3: ABI version 1 has no function kalima.append"},
		{"kalima as a name", "kalima_abi = 1\ndef f(kalima): pass\n", "line 2: kalima can not"},
		{"another version", "kalima_abi = 2\ndef validate(): pass\n", "built for ABI version 2; this node has version 1 (write kalima_abi = 1,"},
		{"host function at the top", "kalima_abi = 1\nkalima.put('', 'k', 'v')\n", "host functions are not available at the top level at line 2"},
		{"event at the top", "kalima_abi = 1\nx = kalima.event\n", "kalima.event is not available at the top level at line 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New().Load(context.Background(), []byte(tt.source))
			var refusal *host.Refusal
			if !errors.As(err, &refusal) || !strings.Contains(refusal.Error(), tt.want) {
				t.Errorf("Load = %v, want a refusal with %q", err, tt.want)
			}
		})
	}
}

func TestEvent(t *testing.T) {
	res := run(t, `kalima_abi = 1
def validate():
    e = kalima.event
    print(e.address, e.key, e.value, len(e.bytes), len(e.sender), e.sender_name, "+".join(e.roles), len(e.tx_id),
        e.contract, len(e.chain), e.height, e.time, e.at, e.sequence, e.op, e.op_index, e.phase)
`, host.Limits{})
	want := "/plant1/line2/press4 key h\u00e9llo 6 64 press-4 device+writer 64 conf 64 1099511627776 1795000000123456 1794999999000001 41 put 3 validate"
	if res.Fault != nil || len(res.Log) != 1 || res.Log[0] != want {
		t.Errorf("fault %v, log = %q, want %q", res.Fault, res.Log, want)
	}
}

// TestGasIsExact proves that the limit ends a call at the very unit.
func TestGasIsExact(t *testing.T) {
	source := "kalima_abi = 1\ndef validate():\n    s = ''\n    for i in range(50):\n        s += 'x'\n        if i % 10 == 0: kalima.log(s)\n"
	used := run(t, source, host.Limits{}).Used.Gas
	if res := run(t, source, host.Limits{Gas: used}); res.Fault != nil || res.Used.Gas != used {
		t.Errorf("with a limit of %d: %v, gas %d; want it to fit", used, res.Fault, res.Used.Gas)
	}
	for i := range uint64(50) {
		limit := used - 1 - i*used/50
		if res := run(t, source, host.Limits{Gas: limit}); res.Fault == nil || res.Fault.Code != abi.OutOfGas || res.Used.Gas != limit {
			t.Fatalf("with a limit of %d: %v, gas %d; want out of gas and %d", limit, res.Fault, res.Used.Gas, limit)
		}
	}
}
