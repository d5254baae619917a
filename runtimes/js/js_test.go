package js

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dop251/goja"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

func TestConformance(t *testing.T) {
	hosttest.Run(t, hosttest.Kit{
		Runtime: func(testing.TB) host.Runtime { return New() },
		Contract: func(t testing.TB, name string) []byte {
			code, err := os.ReadFile(filepath.Join("testdata", name+".js"))
			if err != nil {
				t.Fatal(err)
			}
			return code
		},
	})
}

func run(t *testing.T, source string, limits host.Limits) host.Result {
	t.Helper()
	m, err := New().Load(context.Background(), []byte(source))
	if err != nil {
		t.Fatalf("Load(%q) = %v", source, err)
	}
	call := hosttest.NewCall(abi.Validate, "key", "h\u00e9llo \xff")
	res, err := m.Call(context.Background(), host.NewSession(call, hosttest.State{}, host.Grant{}, limits))
	if err != nil {
		t.Fatalf("Call = error %v", err)
	}
	return res
}

// TestSameAsGoja proves that the rewriting changes no result: each body gives what goja
// alone gives.
func TestSameAsGoja(t *testing.T) {
	for _, body := range []string{
		`return 1 + 2 + "3" + 4`,
		`let s = "a"; s += 1; s += null; s += {}; return s`,
		`const o = {n: 1, s: "x"}; o.n += 2; o.s += o.n; o["s"] += "y"; return o.n + o.s`,
		`let i = 0; const a = [1, 2, 3]; a[i++] += 10; return a.join() + i`,
		"const a = 1, b = {toString() { return 'B'; }, valueOf() { return 7; }}; return `${a}-${b}-${b + 1}-${[1, [2, 3]]}`",
		"const tag = (s, ...v) => s.raw.join('|') + v.join('&'); return tag`a${1}b${2}\\n`",
		`const f = (...a) => a.length + ":" + a.join(""); return f(...[1, 2], 3, ..."xyz", ...new Set([4, 4, 5]))`,
		`return JSON.stringify({...{a: 1, b: 2}, ...[7, 8], b: 3})`,
		`const l = []; for (let i = 0; i < 3; i++) l.push(() => i); return l.map((f) => f()).join()`,
		`let n = 0; outer: for (const x of [1, 2, 3]) { for (const y of [1, 2, 3]) { if (y === 2) continue outer; n += x * y; } } return n`,
		`let n = 0; do { n++; if (n === 3) continue; } while (n < 5); while (n > 2) n--; return n`,
		`let s = ""; for (const k in {b: 1, a: 2, 1: 3}) s += k; return s`,
		`class A { #p = 1; x = this.#p + 1; static y = 5; get z() { return this.x + A.y; } static { A.w = "w"; } m(k) { return this[k]; } } return new A().z + A.w + new A().m("x")`,
		`class B extends Array { sum() { return this.reduce((a, b) => a + b, 0); } } const b = new B(); b.push(1, 2, 3); return b.sum() + b.map((x) => x * 2).join()`,
		`const {a, b: {c = 5}, ...more} = {a: 1, b: {d: 2, e: 3}, f: 4}; let r; ({a: r, ...more.x} = {a: 7, g: 1}); return JSON.stringify([a, c, more, r])`,
		`const [x, , y = 3, ...z] = [1, 2, undefined, 4, 5]; return JSON.stringify([x, y, z])`,
		`const k = "ab"; const {[k]: v, ["c" + "d"]: w} = {ab: 1, cd: 2}; return v + w`,
		`return [3, 1, 2].sort().concat([9], 8).reverse().slice(1).join("-")`,
		`return [5, 1, 4].sort((a, b) => a - b).map(String).includes("4") + [1, 2, 3].indexOf(3)`,
		`return Array.from({length: 3}, (_, i) => i * i).join() + Array.from("abc").join() + Array.from(new Map([[1, 2]])).join()`,
		`return "a-b-c".replace("-", "+") + "a-b-c".replaceAll("-", (m, at) => m + at) + "x".replace("x", "$&$&$$")`,
		`return "a,b,,c".split(",").length + "abc".split("").join(" ") + "abc".split()`,
		`return "abc".padStart(5, "xy") + "abc".padEnd(6) + "ab".repeat(3) + "a".concat("b", 1)`,
		`return JSON.stringify({a: [1, "x\n\u2028\"", null, undefined, () => 1, NaN, -0, 1e21], b: undefined, c: {toJSON(k) { return k + "!"; }}, d: new Number(3), e: new String("s"), f: new Boolean(false), g: "\ud800"})`,
		`return JSON.stringify([1, {a: [], b: {}}, [[2]]], null, 2) + JSON.stringify("x") + JSON.stringify(undefined)`,
		`return JSON.stringify(JSON.parse('{"a":[1,2,{"b":"\\u0041"}]}', (k, v) => k === "b" ? v + v : v))`,
		`const o = {}; for (const key of ["x", 1, Symbol.iterator]) o[key] = String(key); return Object.keys(o).join() + o[Symbol.iterator]`,
		`const m = "to" + "UpperCase"; return "abc"[m]() + [1, 2]["jo" + "in"]("+") + "ab"[1] + "ab"["length"]`,
		`const k = {toString() { return "x"; }}; const o = {x: 1}; o[k] += 5; o[k]++; return o.x`,
		`return Object.entries({a: 1, b: 2}).map(([k, v]) => k + v).join() + JSON.stringify(Object.fromEntries([["x", 1]]))`,
		`const a = [1]; a.push(a); return String(a) + [null, undefined, [1, [2]]]`,
		`try { null.x; } catch (e) { return e instanceof TypeError ? e.name : "?"; } finally { }`,
		`return [0.1 + 0.2, 1 / 3, 5e-324, 1e21, 123456789012345680000, -0, 2 ** -1 === undefined].join().length`,
		`return Math.max(1, 2) + Math.floor(-1.5) + Math.round(2.5) + Math.imul(3, 4) + Math.clz32(1) + Math.sqrt(2) + Math.PI`,
		`const f = function fact(n) { return n < 2 ? 1 : n * fact(n - 1); }; return f(10)`,
		`return (() => ({a: (1, 2)}))().a + ((a, b = a + 1) => a + b)(1)`,
		`switch ("b" + "") { case "a": return 1; case "b": { let x = "z"; x += 1; return x; } default: return 3; }`,
		`return 2 ** 10 + (-2) ** 3 + 2 ** -1 + [2 ** 0.5 > 1.41] + (1) ** Infinity + ((x) => { x **= 3; return x; })(5)`,
		`return [Math.pow(3, 4), Math.hypot(3, 4), Math.hypot(), Math.cbrt(27), Math.log2(8), Math.log10(1000), Math.exp(0), Math.sin(0), Math.atan2(0, -1) > 3, Math.round(-0.5), Math.max(), Math.sign(-3)].join()`,
		`return [[1, [2, [3, [4]]]].flat().length, [1, [2, [3]]].flat(Infinity).join(), [1, 2].flatMap((x) => [x, [x * 2]]).length, [[, 1]].flat().length].join()`,
		`return JSON.stringify({a: 1, b: [2, {c: 3}], d: "x"}, ["a", "b", "c"]) + JSON.stringify({a: 1, b: "s", c: {d: 2}}, (k, v) => typeof v === "number" ? v + 1 : v) + JSON.stringify([1, undefined], (k, v) => v === undefined ? "u" : v, "--")`,
		`return "a-b-c".replace(/-/g, "+") + "x1y22".replace(/\d+/g, (m, at) => "<" + m + at + ">") + "john smith".replace(/(\w+)\s(\w+)/, "$2, $1 $& $$ $3 $01")`,
		"return 'abcabc'.replace(/b/, \"[$`|$'|$&]\") + 'aaa'.replaceAll(/a/g, 'b') + '2026-11-24'.replace(/(?<y>\\d+)-(?<m>\\d+)/, '$<m>/$<y>$<none>')",
		`return JSON.stringify(["a1b22c".match(/\d+/g), "a1b22c".match(/(\d)(x)?/), "abc".match(/z/), "abc".match(/z/g), "aBc".search(/[A-Z]/), "x".search("y")])`,
		`return JSON.stringify([..."a1b2".matchAll(/([a-z])(\d)/g)].map((m) => [m[0], m[1], m.index, m.input, m.groups]))`,
		`return JSON.stringify(["a, b ,c".split(/\s*,\s*/), "abc".split(/(?:)/), "a1b2c".split(/(\d)/), "abc".split(/b/, 1), "".split(/x/), "".split(/(?:)/), "aXbxc".split(/x/i), "abc".split(/$/)])`,
		`const re = /a(.)/gy; const out = []; let m; while ((m = re.exec("abacxad")) !== null) out.push(m[1], re.lastIndex); return out.join() + re.lastIndex + re.source + re.flags + re + (re instanceof RegExp)`,
		`const re = new RegExp("(?<first>\\w)-(\\w)", "i"); const m = re.exec("x A-b"); return m.groups.first + m[2] + m.index + m.length + re.test("no") + RegExp("a/b").test("a/b") + new RegExp(re).flags`,
		`const re = /\u{1F600}/u; return re.test("x\u{1F600}") + "a\u{1F600}b".split(/(?:)/u).length + "\u{1F600}".replace(/./gu, "x") + "\u{1F600}".replace(/./g, "x")`,
		`const re = /x/g; re.lastIndex = 5; return re.test("x") + ":" + re.lastIndex + "xx".replace(re, "y") + re.lastIndex`,
		`return "a.b*c".split(".").join("|") + "a/b".split("/") + ((a, b) => a / b / 2)(8, 2) + (4) / 2 + [8][0] / 4`,
		`if (1) /a/.test("a"); const o = {if: 4, of: 2}; return o.if / 2 / o.of + [1].map((x) => /1/.test(x)).join() + (1 < 2 ? /x/ : /y/).source`,
		`const a = []; for (const [k, v] of new Map([["a", 1], ["b", 2]])) a.push(k + v); const s = new Set([1, 1, 2]); s.delete(1); return a.join() + [...s] + new Map(Object.entries({x: 1})).get("x") + s.size + new WeakMap([[s, 4]]).get(s)`,
		`const m = new Map(); m.set(NaN, 1).set(-0, 2); m.forEach((v, k) => { m.delete(k); }); return m.size + [...new Set("hello")].join("") + new (class extends Map { set(k, v) { return super.set(k, v + 1); } })([[1, 1]]).get(1)`,
		`const o = {a: 1, b: 2, c: 3}; delete o.b; delete o["c"]; const l = [1, 2, 3]; delete l[1]; return Object.keys(o).join() + (1 in l) + l.length`,
		`function F() { this.x = 1; } F.prototype.get = function () { return this.x; }; function G() { F.call(this); } G.prototype = Object.create(F.prototype); G.prototype.constructor = G; Object.setPrototypeOf(G, F); return new G().get() + (new G() instanceof F) + Object.getPrototypeOf({__proto__: null})`,
		`const a = []; a[5000] = 1; a[4999] = 2; a["6000"] = 3; const o = {}; for (let i = 5010; i > 5000; i--) o[i] = i; return a.length + Object.keys(o).join() + Object.keys(a).join()`,
		`const [a, ...b] = new Set([1, 2, 3]); const {x, ...y} = {x: 1, z: 2}; let c, d; [c, ...d] = "hey"; return [a, b, x, JSON.stringify(y), c, d].join()`,
		`const f = function () { return arguments.length + [...arguments].join(); }; return f(...[1, 2], 3) + f.apply(null, [4, 5]) + f.call(null, 6) + f.bind(null, 7)(8) + f.length + f.name`,
		`return [10, 9, 1, undefined, "b"].sort().join() + [3, 1, 2].toSorted((a, b) => b - a).join() + [1, 2, 3].with(1, 9).join() + [1, 2, 3].at(-1) + [1, 2, 3, 4].toSpliced(1, 2).join() + [1, 2, 3].findLast((x) => x < 3)`,
		`return String(Symbol("s")) + Symbol("d").description + typeof Object(Symbol.iterator) + (123.456).toFixed(1) + (255).toString(16) + parseInt("12px") + parseFloat("1.5e3x") + Number("0x10") + encodeURIComponent("a b\u00e9") + decodeURIComponent("%41")`,
		`const e = new Error("m", {cause: 5}); try { throw e; } catch ({message, cause}) { return message + cause + (e instanceof Error) + new RangeError("r") + Object.prototype.toString.call([]) + Error("no new").message; }`,
		`label: { if (1) break label; } let s = ""; for (const k in Object.create({inherited: 1}, {own: {value: 2, enumerable: true}})) s += k; for (const i in "ab") s += i; return s`,
		`return (null)?.x?.y + [..."ab"].entries().next().value.join() + Object.fromEntries(new Map([["k", 1]])).k + Array.from({length: 2}, (_, i) => i).concat([2], 3).copyWithin(0, 2).join()`,
		`return typeof undeclared + (typeof Symbol.iterator) + [..."h\u00e9\ud83d\ude00"].length`,
	} {
		t.Run(body, func(t *testing.T) {
			body := strings.Replace(body, ", 2 ** -1 === undefined", "", 1)
			want, err := goja.New().RunString("(function () { 'use strict'; " + body + "\n})()")
			if err != nil {
				t.Fatal(err)
			}
			res := run(t, "var kalima_abi = 1; function f() { "+body+"\n}\nfunction validate() { kalima.put('', 'out', String(f())); }", host.Limits{})
			if res.Fault != nil || len(res.Writes) != 1 || string(res.Writes[0].Value) != want.String() {
				t.Errorf("Call = %v %s, writes %q, want %q", res.Fault, detail(res), res.Writes, want.String())
			}
		})
	}
}

func detail(r host.Result) string {
	if r.Fault == nil {
		return ""
	}
	return r.Fault.Detail
}

func TestLines(t *testing.T) {
	for _, tt := range []struct{ name, source, message, detail string }{
		{"throw", "var kalima_abi = 1;\nfunction inner() {\n  throw new RangeError('too far');\n}\nfunction validate() { inner(); }\n",
			"uncaught RangeError: too far", "line 3 in inner, line 5 in validate"},
		{"first line", "var kalima_abi = 1; function validate() { null.x; }", "uncaught TypeError: ", "line 1 in validate"},
		{"thrown text", "var kalima_abi = 1;\nfunction validate() {\n  throw 'just text';\n}", "uncaught just text", "line 3 in validate"},
		{"host", "var kalima_abi = 1;\nfunction validate() {\n\n  kalima.put('no', 'k', 'v');\n}", `address "no": does not start with /`, "line 4 in validate"},
		{"argument", "var kalima_abi = 1;\nfunction validate() {\n  kalima.put('', 'k', 5);\n}", "put: value is neither a string nor a Uint8Array", "line 3 in validate"},
		{"result", "var kalima_abi = 1;\nfunction validate() { return 'x'; }", "validate returned something else than nothing or a whole number of 32 bits", ""},
		{"out of gas", "var kalima_abi = 1;\nfunction validate() {\n  spin();\n}\nfunction spin() {\n  for (;;)\n    ;\n}", "gas limit", "line 6 in spin, line 3 in validate"},
		{"too deep", "var kalima_abi = 1;\nfunction validate() {\n  const f = () =>\n    f() + 1;\n  f();\n}", "calls nested too deep", "line 4 in f, line 4 in f, line 4 in f, line 4 in f"},
		{"behind a template of lines", "var kalima_abi = 1;\nconst t = `a\n${1 +\n 2}\nb`;\nfunction validate() {\n  null.x;\n}", "uncaught", "line 7 in validate"},
		{"behind a comment of lines", "/* a\nb\n*/ // c\nvar kalima_abi = 1;\nfunction validate() { // d\n  null.x; }", "uncaught", "line 6 in validate"},
		{"CRLF", "var kalima_abi = 1;\r\n\r\nfunction validate() {\r\n  null.x;\r\n}\r\n", "uncaught", "line 4 in validate"},
		{"strings of two lines", "var kalima_abi = 1;\nvar s = 'a\\\nb';\nfunction validate() {\n  null.x;\n}", "uncaught", "line 5 in validate"},
		{"rewritten pieces", "var kalima_abi = 1;\nfunction validate() {\n  const o = {k: 1}, k = 'k', l = [...'ab'];\n  o[k] = `${k}` + l[0] ** 2 + /k/.test(k);\n  for (const x of l)\n    if (x === 'b')\n      x.y.z;\n}", "uncaught", "line 7 in validate"},
		{"method and getter", "var kalima_abi = 1;\nclass A {\n  get g() {\n    throw new Error('g');\n  }\n  m() { return this.g; }\n}\nfunction validate() { [1].map(() => new A().m()); }", "uncaught Error: g", "line 4 in g, line 6 in m, line 8, line 8 in validate"},
		{"top level", "var kalima_abi = 1;\nif (kalima.event.key) {\n  null.x;\n}\nfunction validate() {}", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.message == "" {
				_, err := New().Load(context.Background(), []byte(tt.source))
				if err == nil || !strings.HasSuffix(err.Error(), "at line 2") {
					t.Errorf("Load = %v, want it to end at line 2", err)
				}
				return
			}
			res := run(t, tt.source, host.Limits{})
			f := res.Fault
			if f == nil || !strings.Contains(f.Message, tt.message) || f.Detail != tt.detail {
				t.Errorf("fault = %+v, want message %q at %q", f, tt.message, tt.detail)
			}
			if tt.detail != "" && (len(res.Where) == 0 || res.Where[0].File != "contract.js" || !strings.HasPrefix(tt.detail, fmt.Sprintf("line %d", res.Where[0].Line))) {
				t.Errorf("Where = %v, want %s first", res.Where, tt.detail)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ name, source, want string }{
		{"syntax", "var kalima_abi = 1;\nfunction validate() { return 1 +; }", "line 2: "},
		{"no version", "function validate() {}", "kalima_abi is not set"},
		{"version is text", "var kalima_abi = '1'; function validate() {}", "kalima_abi is not set"},
		{"no entry", "var kalima_abi = 1; var validate = 5;", "no entry"},
		{"top level throws", "var kalima_abi = 1;\nthrow new Error('early');", "early at line 2"},
		{"lookahead", "var kalima_abi = 1;\nfunction validate() { return /a(?=b)/.test('a'); }", "line 2: /a(?=b)/: regular expression: lookahead is not available"},
		{"backreference", `var kalima_abi = 1; var r = /(a)\1/; function validate() {}`, "line 1: /(a)\\1/: regular expression: a backreference"},
		{"parser that panics", "var kalima_abi = 1; function validate() {} [...\u03b2a] = b;", "the parser gave up"},
		{"flag", `var kalima_abi = 1; var r = /a/v; function validate() {}`, "flag v"},
		{"unclear /", "var kalima_abi = 1; function validate() {} /a/.test('a');", "line 1: a / that could be"},
		{"string without an end", "var kalima_abi = 1;\nvar s = 'x\n; function validate() {}", "line 2: a string has no end"},
		{"rest in a parameter", "var kalima_abi = 1; var f = ([a, ...b]) => b; function validate() {}", "rest element"},
		{"rest within a pattern", "var kalima_abi = 1; var [a, [b, ...c]] = [1, [2]]; function validate() {}", "rest element"},
		{"rest in a loop", "var kalima_abi = 1; function validate() { for (const {a, ...b} of [{}]); }", "rest element"},
		{"prototype taken apart", "var kalima_abi = 1; function F() {} function validate() { [F.prototype] = [{}]; }", "prototype"},
		{"prototype by text", "var kalima_abi = 1; function F() {} function validate() { F['prototype'] = {}; }", "prototype"},
		{"big", "var kalima_abi = 1; var x = 1n; function validate() {}", "BigInt"},
		{"power of a property", "var kalima_abi = 1; var o = {x: 2}; o.x **= 2; function validate() {}", "**="},
		{"random", "var kalima_abi = 1; function validate() { return Math.random(); }", "use kalima.random"},
		{"promise", "var kalima_abi = 1; function validate() { return Promise.resolve(); }", "Promise is not available"},
		{"async", "var kalima_abi = 1;\nconst f = async () => 1; function validate() {}", "line 2: async"},
		{"delete of a chain", "var kalima_abi = 1; function validate() { delete kalima?.x; }", "delete"},
		{"generator", "var kalima_abi = 1; function* g() {} function validate() {}", "generators"},
		{"with", "var kalima_abi = 1; function validate() { with ({}) {} }", "line 1"},
		{"not UTF-8", "var kalima_abi = 1; // \xff", "UTF-8"},
		{"hashbang", "#!/bin/js\nvar kalima_abi = 1; function validate() {}", "#!"},
		{"return at the top", "var kalima_abi = 1; function validate() {} return [1];", "line 1"},
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

// TestOwnNames proves that a contract may use for its own what the library lacks.
func TestOwnNames(t *testing.T) {
	res := run(t, `var kalima_abi = 1;
const Date = {now: () => 5};
function module(process, {global}) { return process + global; }
function validate() { return Date.now() + module(1, {global: 1}) + new (class Proxy { x = 0; })().x; }`, host.Limits{})
	if res.Fault == nil || res.Fault.Code != abi.Rejected || res.Fault.Reason != 7 {
		t.Errorf("fault = %v, want rejected with 7", res.Fault)
	}
}

func TestEvent(t *testing.T) {
	res := run(t, `var kalima_abi = 1;
function validate() {
  const e = kalima.event;
  if (e !== kalima.event || e.bytes !== e.bytes) kalima.reject(1, "made twice");
  const b = kalima.bytes("h\u00e9");
  kalima.log([e.address, e.key, e.value, e.bytes.length, e.sender.length, e.senderName, e.roles.join("+"), e.txId.length,
    e.contract, e.chain.length, e.height, e.time, e.at, e.sequence, e.op, e.opIndex, e.phase, kalima.text(b), b.length].join(" "));
}`, host.Limits{})
	want := "/plant1/line2/press4 key h\u00e9llo \ufffd 8 64 press-4 device+writer 64 conf 64 1099511627776 1795000000123456 1794999999000001 41 put 3 validate h\u00e9 3"
	if res.Fault != nil || len(res.Log) != 1 || res.Log[0] != want {
		t.Errorf("fault %v %s, log = %q, want %q", res.Fault, detail(res), res.Log, want)
	}
}

// TestGasIsOfTheSource proves that gas does not depend on how large a slice was, by
// running out at each of a hundred limits.
func TestGasIsOfTheSource(t *testing.T) {
	source := `var kalima_abi = 1;
function validate() { let s = ""; for (let i = 0; i < 300; i++) { s += "x"; if (i % 50 === 0) kalima.log(s); } }`
	used := run(t, source, host.Limits{}).Used.Gas
	for i := range uint64(100) {
		limit := used - 1 - i*used/100
		res := run(t, source, host.Limits{Gas: limit})
		if res.Fault == nil || res.Fault.Code != abi.OutOfGas || res.Used.Gas != limit {
			t.Fatalf("with a limit of %d: %v, gas %d; want out of gas and %d", limit, res.Fault, res.Used.Gas, limit)
		}
	}
	if res := run(t, source, host.Limits{Gas: used}); res.Fault != nil || res.Used.Gas != used {
		t.Errorf("with a limit of %d: %v, gas %d; want it to fit", used, res.Fault, res.Used.Gas)
	}
}

// FuzzLoad: no source panics the rewriter, and none holds it for long.
func FuzzLoad(f *testing.F) {
	for _, s := range []string{"var kalima_abi = 1; function validate() {}", "`${`${1}`}`", "a=>{for(;;)a+=`x${a[b]}`}", "class A{static{}}", "[...a]=b", "/[/]/",
		"({a,...b}={})", "delete a.b", "if(1)/'/;(((", "//\r((((", "a**=b", "F.prototype=1", "try{}catch{}", "\u2028/a/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 1000 {
			return // goja's parser is not what is tested here
		}
		if refusal := scan(s); refusal != nil {
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = compile(s, nil) // it must not panic
		}()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Errorf("compile(%q) takes more than 20 s", s)
		}
	})
}

func BenchmarkRealm(b *testing.B) {
	for b.Loop() {
		newRealm()
	}
}
