package worker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

// attack is the body of validate, and what must come of it. The module around it is sound.
type attack struct {
	name  string
	body  string
	codes []abi.Code
}

var (
	memory = []abi.Code{abi.OutOfMemory}
	bounds = []abi.Code{abi.OutOfMemory, abi.OutOfGas}
	gas    = []abi.Code{abi.OutOfGas}
	trap   = []abi.Code{abi.Trap}
	deep   = []abi.Code{abi.StackOverflow}
)

var jsAttacks = []attack{
	{"repeat", `"x".repeat(1024**4)`, memory},
	{"repeat a terabyte", `"x".repeat(1099511627776)`, memory},
	{"repeat by another name", `"x"["rep" + "eat"](1e12)`, memory},
	{"pad", `"x".padStart(2e9)`, memory},
	{"double a string", `let s = "x"; for (;;) s += s;`, bounds},
	{"double by concat", `let s = "x"; for (;;) s = s.concat(s);`, bounds},
	{"double in a property", `const o = {s: "x"}; for (;;) o.s += o.s;`, bounds},
	{"template", "let s = 'x'; for (;;) s = `${s}${s}${s}`;", bounds},
	{"string grown by one", `let s = ""; for (;;) s += "x";`, bounds},
	{"join shared strings", `const s = "x".repeat(200000); new Array(1e6).fill(s).join(s)`, bounds},
	{"replace all", `"a".repeat(200000).replaceAll("a", "b".repeat(200000))`, memory},
	{"replace by a function", `const s = "b".repeat(200000); "a".repeat(200000).replaceAll("a", () => s)`, bounds},
	{"replace by what is around", "'a'.repeat(200000).replaceAll('a', \"$`\")", memory},
	{"fill", `new Array(5e7).fill(0)`, memory},
	{"fill sparse", `const a = []; a.length = 4294967295; a.fill(0)`, memory},
	{"search sparse", `const a = []; a.length = 4294967295; a.indexOf(1)`, gas},
	{"array-like of any length", `Array.prototype.fill.call({length: 2**53}, 0)`, trap},
	{"array-like", `Array.prototype.fill.call({length: 9007199254740991}, 0)`, trap},
	{"length that answers twice", `let n = 0; Array.from({get length() { return n++ ? 1e9 : 1; }})`, []abi.Code{abi.OK}},
	{"from a length", `Array.from({length: 1e9})`, memory},
	{"apply", `Math.max.apply(null, {length: 1e9})`, trap},
	{"spread", `const a = new Array(3e6); Math.max(...a, ...a, ...a)`, bounds},
	{"spread many times", `const a = new Array(60000).fill(0); Math.max(...a, ...a, ...a, ...a, ...a, ...a)`, gas},
	{"spread doubling", `let a = [1]; for (;;) a = [...a, ...a];`, bounds},
	{"bytes", `new Uint8Array(2e9)`, memory},
	{"bytes through the constructor", `const C = kalima.bytes("x").constructor; new C(2e9)`, memory},
	{"buffer through bytes", `new (kalima.bytes("x").buffer.constructor)(2e9)`, []abi.Code{abi.Trap, abi.OK}},
	{"other arrays through the prototype", `const P = Object.getPrototypeOf(Object.getPrototypeOf(kalima.bytes("x"))); new P.constructor(2e9)`, []abi.Code{abi.OK}}, // Object's
	{"parse nested", `JSON.parse("[".repeat(200000))`, trap},
	{"stringify shared", `let a = [1]; for (let i = 0; i < 60; i++) a = [a, a]; JSON.stringify(a)`, bounds},
	{"stringify itself", `const a = []; a.push(a); JSON.stringify(a)`, trap},
	{"text of nested arrays", `let a = [1]; for (let i = 0; i < 100000; i++) a = [a]; String(a)`, []abi.Code{abi.Trap, abi.StackOverflow}},
	{"flat", `let a = [1]; a.push(a); a.flat(Infinity)`, trap},
	{"objects", `const l = []; for (;;) l.push({a: 1, b: [2]});`, bounds},
	{"closures", `let f = () => 0; for (;;) { const g = f; f = () => g; }`, bounds},
	{"map", `const m = new Map(); for (let i = 0;; i++) m.set(i, i);`, bounds},
	{"endless loop", `for (;;);`, gas},
	{"endless while", `while (true) {}`, gas},
	{"endless do", `do {} while (true)`, gas},
	{"endless label", `a: for (;;) { continue a; }`, gas},
	{"endless arrow", `const f = (n) => n > 0 ? f(n - 1) : 0; for (;;) f(100);`, gas},
	{"endless iterator", `for (const x of {[Symbol.iterator]: () => ({next: () => ({done: false})})});`, gas},
	{"endless spread", `[...{[Symbol.iterator]: () => ({next: () => ({done: false})})}]`, bounds},
	{"endless getter", `const o = {get x() { for (;;); }}; o.x`, gas},
	{"endless text of what is thrown", `throw {toString() { for (;;); }}`, trap},
	{"endless message", `const e = new Error("x"); Object.defineProperty(e, "message", {get() { for (;;); }}); throw e`, []abi.Code{abi.OutOfGas, abi.Trap}},
	{"endless finally", `try { for (;;); } finally { for (;;); }`, gas},
	{"endless sort", `[3, 2, 1].sort(() => { for (;;); })`, gas},
	{"endless static block", `class A { static { for (;;); } }`, gas},
	{"endless field", `class A { x = (() => { for (;;); })() } new A()`, gas},
	{"recursion", `const f = () => f() + 1; f()`, deep},
	{"recursion of getters", `const o = {get x() { return this.x + 1; }}; o.x`, deep},
	{"recursion through toString", `const o = {toString() { return "" + o; }}; String(o)`, deep},
	{"recursion through forEach", `const f = () => [1].forEach(f); f()`, deep},
	{"recursion through sort", `const f = () => [1, 2].sort(f); f()`, deep},
	{"recursion in a default", `const f = (x = f()) => x; f()`, deep},
	{"recursion through parse", `const f = () => JSON.parse("[1]", f); f()`, deep},
	{"constructor of a function", `(() => {}).constructor("return 1")()`, trap},
	{"constructor of a constructor", `[].constructor.constructor("return 1")()`, trap},
	{"constructor of a method", `class A { m() {} } new A().m.constructor("return 1")()`, trap},
	{"constructor of a host function", `kalima.get.constructor("return 1")()`, trap},
	{"this is nothing", `if ((function () { return this; })() !== undefined) throw 1;`, []abi.Code{abi.OK}},
	{"what the host lends can not be changed", `kalima.put = 1;`, trap},
	{"swallow a fault", `try { kalima.put("bad", "k", "v"); } catch (e) {} finally { while (true) {} }`, []abi.Code{abi.BadHostCall}},
	{"fault inside a built-in", `[1, 2].forEach(() => { try { kalima.reject(3, "no"); } catch (e) {} }); return 0;`, []abi.Code{abi.Rejected}},
	{"iterator of arrays replaced", `Array.prototype[Symbol.iterator] = function* () {}; `, nil},
	{"library replaced", `Array.prototype.push = Object.keys = String.prototype.repeat = null; kalima.put("", "k", "v");`, trap}, // it is frozen
}

var starlarkAttacks = []attack{
	{"list times", `[0] * 100000000`, memory},
	{"string times", `x = "x" * 1000000000`, memory},
	{"string plus", "x = 'x'\n    while True:\n        x = x + x", bounds},
	{"string plus equals", "x = 'x'\n    while True:\n        x += x", bounds},
	{"string grown by one", "x = ''\n    while True:\n        x += 'x'", bounds},
	{"element plus equals", "x = ['x']\n    while True:\n        x[0] += x[0]", bounds},
	{"list plus equals", "x = [1]\n    while True:\n        x += x", bounds},
	{"extend", "x = [1]\n    while True:\n        x.extend(x)", bounds},
	{"extend by another name", "x = [1]\n    f = getattr(x, 'ex' + 'tend')\n    while True:\n        f(x)", bounds},
	{"tuple times", `(0,) * 100000000`, memory},
	{"bytes times", `b"x" * 1000000000`, memory},
	{"list of range", `list(range(1000000000))`, memory},
	{"sorted range", `sorted(range(1000000000))`, memory},
	{"big int", "x = 3\n    while True:\n        x = x * x", memory},
	{"shift", "x = 1\n    while True:\n        x = x << 500", memory},
	{"int of text", `int("9" * 200000)`, trap},
	{"join", `x = "y" * 200000
    x.join([x] * 100000)`, memory},
	{"replace", `("a" * 200000).replace("a", "b" * 200000)`, memory},
	{"format", `x = "y" * 200000
    ("{0}" * 50000).format(x)`, memory},
	{"percent", `x = "y" * 200000
    ("%(k)s" * 40000) % {"k": x}`, memory},
	{"text of shared lists", "x = [1]\n    for _ in range(60):\n        x = [x, x]\n    str(x)", bounds},
	{"text of nested lists", "x = [1]\n    for _ in range(100000):\n        x = [x]\n    str(x)", trap},
	{"text of itself", "x = []\n    x.append(x)\n    str(x)", trap},
	{"slices kept", "x = [0] * 1000000\n    y = []\n    while True:\n        y.append(x[:])", bounds},
	{"arguments", "x = [0] * 3000000\n    max(*x)", bounds},
	{"lists kept", "y = []\n    while True:\n        y.append([1, 2, 3])", bounds},
	{"dict", "y = {}\n    i = 0\n    while True:\n        y[i] = i\n        i += 1", bounds},
	{"endless loop", "while True:\n        pass", gas},
	{"endless range", "for _ in range(1 << 60):\n        pass", gas},
	{"endless comprehension", "[x for x in range(1 << 60)]", bounds},
	{"recursion", `again()`, []abi.Code{abi.Trap, abi.StackOverflow}},
	{"frozen globals", `shared.append(1)`, trap},
}

const jsAround = "var kalima_abi = 1;\nfunction validate() {\n%s\n}\nfunction react() { kalima.log('alive'); }\n"

const starlarkAround = "kalima_abi = 1\nshared = []\ndef again():\n    return again()\ndef validate():\n    %s\n    return 0\ndef react():\n    kalima.log('alive')\n"

func session(phase abi.Phase, limits host.Limits) *host.Session {
	if limits.Deadline == 0 {
		limits.Deadline = time.Minute
	}
	return host.NewSession(hosttest.NewCall(phase, "key", "value"), hosttest.State{}, host.Grant{}, limits)
}

// TestAttacks proves that each attack ends as the contract's fault, twice the same, and
// that the runtime answers the next call.
func TestAttacks(t *testing.T) {
	for _, tt := range []struct {
		engine, around string
		attacks        []attack
	}{
		{"js", jsAround, jsAttacks},
		{"starlark", starlarkAround, starlarkAttacks},
	} {
		t.Run(tt.engine, func(t *testing.T) {
			rt := newRuntime(t, worker.Config{Engine: tt.engine, Processes: 1})
			defer rt.Close()
			for _, a := range tt.attacks {
				t.Run(a.name, func(t *testing.T) { runAttack(t, rt, fmt.Sprintf(tt.around, a.body), a.codes) })
			}
		})
	}
}

func runAttack(t *testing.T, rt *worker.Runtime, source string, codes []abi.Code) {
	ctx := context.Background()
	m, err := rt.Load(ctx, []byte(source))
	var refusal *host.Refusal
	if errors.As(err, &refusal) && codes == nil {
		return
	}
	if err != nil || codes == nil {
		t.Fatalf("Load = %v, want codes %v", err, codes)
	}
	var first host.Result
	for i := range 2 {
		res, err := m.Call(ctx, session(abi.Validate, host.Limits{}))
		if err != nil {
			t.Fatalf("Call = error %v, want an outcome", err)
		}
		code := abi.OK
		if res.Fault != nil {
			code = res.Fault.Code
		}
		if !slices.Contains(codes, code) {
			t.Errorf("Call = %v, want one of %v", res.Fault, codes)
		}
		if i == 0 {
			first = res
		} else if res.Used.Gas != first.Used.Gas {
			t.Errorf("gas of the second call = %d, want %d", res.Used.Gas, first.Used.Gas)
		}
		alive, err := m.Call(ctx, session(abi.React, host.Limits{}))
		if err != nil || alive.Fault != nil || !slices.Equal(alive.Log, []string{"alive"}) {
			t.Fatalf("the call after it = %v, %v, log %q, want log [alive]", alive.Fault, err, alive.Log)
		}
	}
}

// TestLoadAttacks proves that source which would hurt the engine is refused.
func TestLoadAttacks(t *testing.T) {
	chain := func(n int, s string) string {
		return "var kalima_abi = 1; function validate() { return " + strings.Repeat(s, n) + "1; }"
	}
	for _, tt := range []struct{ name, engine, source, want string }{
		{"300 KB of (", "js", strings.Repeat("(", 300<<10), "at most"},
		{"60 KB of (", "js", strings.Repeat("(", 60<<10), "nested"},
		{"( behind a regular expression", "js", "var r = /'/; " + strings.Repeat("(", 60<<10), "nested"},
		{"( behind one after a condition", "js", "if (1) /'/; " + strings.Repeat("(", 60<<10), ""},
		{"parameters in parameters", "js", strings.Repeat("([", 50) + strings.Repeat("])=>1", 50), "arrow"},
		{"parameters in defaults", "js", strings.Repeat("(a=", 50) + "1" + strings.Repeat(") /* x */ =>1", 50), "arrow"},
		{"nested templates", "js", strings.Repeat("`${", 20<<10), "nested"},
		{"sums", "js", chain(30000, "1+"), "parts"},
		{"arrows", "js", chain(15000, "a=>"), "parts"},
		{"not", "js", chain(60000, "!"), "parts"},
		{"conditions", "js", chain(10000, "a?b:"), "parts"},
		{"nested if", "js", "var kalima_abi = 1; function validate() { " + strings.Repeat("if(1)", 10000) + ";}", "parts"},
		{"eval", "js", "var kalima_abi = 1; function validate() { eval('1'); }", "eval"},
		{"indirect eval", "js", "var kalima_abi = 1; function validate() { (0, eval)('1'); }", "eval"},
		{"Function", "js", "var kalima_abi = 1; function validate() { new Function('1')(); }", "Function"},
		{"date", "js", "var kalima_abi = 1;\nfunction validate() { return Date.now(); }", "line 2: Date"},
		{"random", "js", "var kalima_abi = 1; function validate() { return Math.random(); }", "Math.random"},
		{"async", "js", "var kalima_abi = 1; async function validate() {}", "async"},
		{"reserved name", "js", "var kalima_abi = 1; function validate() { kalima$g = 1e9; }", "reserved"},
		{"reserved name escaped", "js", `var kalima_abi = 1; function validate() { kalima\u0024g = 1e9; }`, ""},
		{"closing the text around it", "js", "var kalima_abi = 1; })(); (() => { function validate() {} ", "line 1"},
		{"endless top level", "js", "var kalima_abi = 1; for (;;);", "out of gas"},
		{"host at the top level", "js", "var kalima_abi = 1; kalima.get('', 'k'); function validate() {}", "top level"},
		{"source map of a file", "js", "var kalima_abi = 1; //# sourceMappingURL=/etc/hostname", "no entry"},
		{"300 KB of (", "starlark", strings.Repeat("(", 300<<10), "at most"},
		{"60 KB of (", "starlark", strings.Repeat("(", 60<<10), ""},
		{"60 KB of not", "starlark", "x = " + strings.Repeat("not ", 15<<10) + "1", ""},
		{"60 KB of -", "starlark", "x = " + strings.Repeat("-", 60<<10) + "1", ""},
		{"sums", "starlark", "kalima_abi = 1\nx = " + strings.Repeat("1+", 30<<10) + "1", ""},
		{"load", "starlark", "load('x.star', 'x')\nkalima_abi = 1", "line 1: load"},
		{"endless top level", "starlark", "kalima_abi = 1\nwhile True: pass", "out of gas"},
		{"host at the top level", "starlark", "kalima_abi = 1\nkalima.get('', 'k')", "top level"},
	} {
		t.Run(tt.engine+"/"+tt.name, func(t *testing.T) {
			rt := newRuntime(t, worker.Config{Engine: tt.engine, Processes: 1})
			defer rt.Close()
			_, err := rt.Load(context.Background(), []byte(tt.source))
			var refusal *host.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("Load = %v, want a *host.Refusal", err)
			}
			if !strings.Contains(refusal.Error(), tt.want) {
				t.Errorf("Load = %q, want %q in it", refusal, tt.want)
			}
			m, err := rt.Load(context.Background(), contract(t, tt.engine, "conformance", map[string]string{"js": ".js", "starlark": ".star"}[tt.engine]))
			if err != nil {
				t.Fatalf("the next Load = %v", err)
			}
			m.Close()
		})
	}
}

// TestWorkerHasNothing proves that no descriptor but the pipes and no environment leaks
// into a worker.
func TestWorkerHasNothing(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("needs /proc")
	}
	leak, err := os.CreateTemp(t.TempDir(), "leak")
	if err != nil {
		t.Fatal(err)
	}
	defer leak.Close()
	before := children(t)
	rt := newRuntime(t, worker.Config{Engine: "js", Processes: 1})
	defer rt.Close()
	if _, err := rt.Load(context.Background(), contract(t, "js", "conformance", ".js")); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, pid := range children(t) {
		if slices.Contains(before, pid) {
			continue
		}
		found++
		pipes := 0
		links, err := filepath.Glob("/proc/" + pid + "/fd/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range links {
			target, _ := os.Readlink(l)
			switch {
			case strings.HasPrefix(target, "pipe:"):
				pipes++
			case strings.HasPrefix(target, "anon_inode:"): // the Go runtime's poller
			default:
				t.Errorf("worker has %s open as %s, want pipes only", target, filepath.Base(l))
			}
		}
		if pipes != 3 {
			t.Errorf("worker has %d pipes open, want 3", pipes)
		}
		env, _ := os.ReadFile("/proc/" + pid + "/environ")
		if n := strings.Count(string(env), "\x00"); n != 1 {
			t.Errorf("worker's environment = %q, want one variable", env)
		}
	}
	if found != 1 {
		t.Errorf("%d workers started, want 1", found)
	}
}
