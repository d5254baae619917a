package js

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

// bombs spend time or memory in goja's own code, where no piece of the contract runs. Each
// must end by gas or memory.
var bombs = []struct{ name, body string }{
	{"compare long strings", "const a = 'x'.repeat(200000), b = a.slice(1) + 'x'; for (;;) a === b;"},
	{"compare long wide strings", "const a = '\\u00e9'.repeat(200000), b = a.slice(1) + '\\u00e9'; for (;;) a === b;"},
	{"order long strings", "const a = 'x'.repeat(200000), b = a.slice(1) + 'x'; for (;;) a < b;"},
	{"switch over long strings", "const a = 'x'.repeat(200000), b = a.slice(1) + 'x'; for (;;) switch (a) { case b + '': break; case b: }"},
	{"numbers from long strings", "const s = '1'.repeat(200000); for (;;) +s;"},
	{"arithmetic with long strings", "const s = '1'.repeat(200000); for (;;) s * 2 - s;"},
	{"counting a long string", "const s = '1'.repeat(200000); for (;;) { let t = s; t++; }"},
	{"numbers from long wide strings", "const s = '\\u00e9'.repeat(200000); for (;;) +s;"},
	{"numbers from spaces", "const s = ' '.repeat(200000); for (;;) +s;"},
	{"numbers from long texts", "const s = 'x'.repeat(200000); for (;;) +s;"},
	{"numbers from texts of a thousand", "const s = 'x'.repeat(1000); for (;;) +s;"},
	{"numbers from a thousand digits", "const s = '1'.repeat(1000); for (;;) +s;"},
	{"numbers from long hexadecimal", "const s = '0x' + 'f'.repeat(200000); for (;;) +s;"},
	{"long literal as a number", "const s = '" + string(slices.Repeat([]byte("1"), 60000)) + "'; for (;;) +s;"},
	{"long names of properties", "const s = 'x'.repeat(200000), o = {}; for (;;) o[s];"},
	{"long keys of a map", "const s = 'x'.repeat(200000), m = new Map(); for (;;) m.get(s);"},
	{"in with a long name", "const s = 'x'.repeat(200000), o = {}; for (;;) s in o;"},
	{"long string to a function of Math", "const s = '1'.repeat(200000); for (;;) Math.abs(s);"},
	{"long strings to Math.max", "const s = '1'.repeat(200000), l = [s, s, s, s, s, s, s, s]; for (;;) Math.max(...l);"},
	{"indexOf of long strings", "const s = 'x'.repeat(100000), l = new Array(100).fill(s + 'a'); for (;;) l.indexOf(s + 'b');"},
	{"slice of a wide string", "const s = '\\u00e9'.repeat(200000); for (;;) s.slice(1);"},
	{"search in wide strings", "const s = '\\u00e9'.repeat(100000), t = '\\u00e9'.repeat(50000) + 'x'; for (;;) s.indexOf(t);"},
	{"upper case", "const s = 'x'.repeat(200000); for (;;) s.toUpperCase();"},
	{"trim", "const s = ' '.repeat(200000); for (;;) s.trim();"},
	{"encode", "const s = '%'.repeat(80000); for (;;) encodeURIComponent(s);"},
	{"JSON.parse", "const s = '[' + '1,'.repeat(50000) + '1]'; for (;;) JSON.parse(s);"},
	{"JSON.parse with a reviver of the library", "const s = '[' + '1,'.repeat(50000) + '1]'; for (;;) JSON.parse(s, Object);"},
	{"JSON.stringify", "const l = new Array(50000).fill(1); for (;;) JSON.stringify(l);"},
	{"JSON.stringify with a replacer of the library", "const l = new Array(50000).fill(1); for (;;) JSON.stringify(l, String);"},
	{"sort of long strings", "const s = 'x'.repeat(100000), l = new Array(500).fill(0).map((x, i) => s + i); for (;;) l.slice().sort();"},
	{"sort by a function of the library", "const l = new Array(50000).fill(0).map((x, i) => i % 7); for (;;) l.sort(Object);"},
	{"sort of numbers", "const l = new Array(50000).fill(0).map((x, i) => i % 7); for (;;) l.sort();"},
	{"map by a function of the library", "const l = new Array(50000).fill(0), k = []; for (;;) k.push(l.map(Array));"},
	{"iterator of the library in a spread", "[...{[Symbol.iterator]: () => ({next: Object})}]"},
	{"iterator of the library in a call", "Math.max(...{[Symbol.iterator]: () => ({next: Object})})"},
	{"iterator of the library in a pattern", "const [...a] = {[Symbol.iterator]: () => ({next: Object})};"},
	{"iterator of the library in Array.from", "Array.from({[Symbol.iterator]: () => ({next: Object})})"},
	{"iterator of the library in Map", "new Map({[Symbol.iterator]: () => ({next: Object.bind(null, [[1, 2]])})})"},
	{"iterator of the library in Set", "new Set({[Symbol.iterator]: () => ({next: Object})})"},
	{"iterator of the library in fromEntries", "Object.fromEntries({[Symbol.iterator]: () => ({next: () => ({value: [1, 2]})})})"},
	{"iterator of the library in Uint8Array", "Uint8Array.from({[Symbol.iterator]: () => ({next: Object})})"},
	{"iterator of an own array", "const a = [1]; Object.defineProperty(a, Symbol.iterator, {value: () => ({next: Object})}); [...a]"},
	{"array that grows while it is spread", "const a = [1]; Object.defineProperty(a, 0, {get() { a.push(1); return 1; }}); for (;;) [...a, ...a];"},
	{"map of a long array", "for (;;) new Map(new Array(50000).fill([1, 2]));"},
	{"map that grows while it is walked", "const m = new Map([[1, 1]]); m.forEach((v, k) => m.set(k + 1, 1));"},
	{"weak map", "const m = new WeakMap(), l = []; for (;;) { const o = {}; l.push(o); m.set(o, 1); }"},
	{"names in falling order", "const o = {}; for (let i = 1e6; i > 0; i--) o[i] = i; Object.keys(o);"},
	{"sparse array in falling order", "const a = []; a[4e9] = 0; for (let i = 1e6; i > 0; i--) a[i * 5] = i;"},
	{"texts of numbers in falling order", "const o = {}; for (let i = 1e6; i > 0; i--) o['' + i] = i;"},
	{"defineProperty in falling order", "const o = {}; for (let i = 1e6; i > 0; i--) Object.defineProperty(o, i, {value: 1, configurable: true});"},
	{"delete from a large object", "const o = {}; for (let i = 0; i < 20000; i++) o['k' + i] = i; for (;;) { o.x = 1; delete o.x; }"},
	{"for in over a large object", "const o = {}; for (let i = 0; i < 20000; i++) o['k' + i] = i; for (;;) for (const k in o) break;"},
	{"spread of a large object", "const o = {}; for (let i = 0; i < 20000; i++) o['k' + i] = i; for (;;) ({...o});"},
	{"rest of a large object", "const o = {}; for (let i = 0; i < 20000; i++) o['k' + i] = i; for (;;) { const {x, ...y} = o; }"},
	{"keys of a large object", "const o = {}; for (let i = 0; i < 20000; i++) o['k' + i] = i; for (;;) Object.keys(o);"},
	{"freeze a large object", "const o = {}; for (let i = 0; i < 20000; i++) o['k' + i] = i; for (;;) Object.isFrozen(o);"},
	{"entries of a large object", "const o = {}; for (let i = 0; i < 20000; i++) o['k' + i] = i; const l = []; for (;;) l.push(Object.entries(o));"},
	{"assign a large object", "const o = {}; for (let i = 0; i < 20000; i++) o['k' + i] = i; for (;;) Object.assign({}, o);"},
	{"chain by Object.create", "let o = {}; for (let i = 0; i < 5000; i++) o = Object.create(o); for (;;) o.missing;"},
	{"chain by setPrototypeOf", "const l = []; for (let i = 0; i < 5000; i++) l.push({}); for (let i = 0; i + 1 < 5000; i++) Object.setPrototypeOf(l[i], l[i + 1]); for (;;) l[0].missing;"},
	{"chain by prototype", "function F() {} let o = {}; for (let i = 0; i < 5000; i++) { F.prototype = o; o = new F(); } for (;;) o.missing;"},
	{"chain by class", "let C = class {}; for (let i = 0; i < 2000; i++) C = class extends C {}; for (;;) C.missing;"},
	{"chain by literal", "let o = {}; for (let i = 0; i < 5000; i++) o = {__proto__: o}; for (;;) o.missing;"},
	{"errors deep in the stack", "const l = []; const f = (n) => n > 0 ? f(n - 1) + 1 : (() => { for (;;) l.push(new Error('x')); })(); f(900);"},
	{"caught deep in the stack", "const l = []; const f = (n) => n > 0 ? f(n - 1) + 1 : (() => { for (;;) try { null.x; } catch (e) { l.push(e); } })(); f(900);"},
	{"stacks as text", "const f = (n) => n > 0 ? f(n - 1) + 1 : (() => { for (;;) new Error('x').stack; })(); f(900);"},
	{"bound arguments", "const l = []; for (;;) l.push(Math.max.bind(null, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));"},
	{"call a bound chain", "let f = Math.max; for (;;) try { f = f.bind(null, 1, 2, 3); } catch (e) { f(); }"},
	{"source of a function", "const f = function () {}; for (;;) String(f);"},
	{"regular expression that backtracks", "const s = 'a'.repeat(20000); for (;;) /(a*)*b/.test(s);"},
	{"regular expression with many steps", "const s = 'a'.repeat(20000); for (;;) /(?:a?){200}a{200}b/.test(s);"},
	{"regular expression replaced by a growing text", "let s = 'a'.repeat(1000); for (;;) s = s.replace(/a/g, '$&$&');"},
	{"regular expressions made", "const l = []; for (;;) l.push(/a{900}/);"},
	{"regular expressions compiled", "for (;;) new RegExp('(a{30}){30}');"},
	{"split by an empty expression", "const s = 'a'.repeat(100000); for (;;) s.split(/(?:)/);"},
	{"matchAll", "const s = 'a'.repeat(50000); for (;;) s.matchAll(/(a)(b)?/g);"},
	{"last index", "const s = 'a'.repeat(100000), re = /b/y; for (;;) re.exec(s);"},
	{"string grown by one", "let s = ''; for (;;) s += 'x';"},
	{"template grown by one", "let s = ''; for (;;) s = `${s}x`;"},
	{"array of one high element", "const l = []; for (;;) { const a = []; a[4095] = 1; l.push(a); }"},
	{"array of one high element by a variable", "const l = [], i = 4095; for (;;) { const a = []; a[i] = 1; l.push(a); }"},
	{"array of one high element by text", "const l = []; for (;;) { const a = []; a['4095'] = 1; l.push(a); }"},
	{"array of a length and a push", "const l = []; for (;;) { const a = []; a.length = 4095; a.push(1); l.push(a); }"},
	{"array of one high property", "const l = []; for (;;) l.push(Object.defineProperty([], 4095, {value: 1}), Object.assign([], {4094: 1}));"},
	{"numbers that are tiny", "const s = '5e-324'; for (;;) +s;"},
	{"numbers that are tiny, in JSON", "const s = '[' + '2.2250738585072011e-308,'.repeat(100) + '1]'; for (;;) JSON.parse(s);"},
	{"numbers that are tiny, as escapes", "const s = JSON.parse('\"5\\\\u0065-324\"'); for (;;) +s;"},
	{"numbers with many digits", "for (;;) (1e-300 / 3).toPrecision(100);"},
	{"numbers of another base", "for (;;) (1e-300 / 3).toString(3);"},
	{"walk short lists", "const l = [1]; for (;;) for (const x of l) ;"},
	{"take short lists apart", "const l = [1]; for (;;) { const [a] = l; }"},
	{"replacement with many groups", "const s = 'a'.repeat(1000), w = '$1'.repeat(1000); for (;;) s.replace(/a(b)?/g, w);"},
	{"JSON of what it leaves out", "const o = {a: 'x'.repeat(60000)}; for (let i = 0; i < 1000; i++) o['b' + i] = undefined; for (;;) JSON.stringify(o);"},
	{"spread of a long String", "const s = Object('x'.repeat(60000)); for (;;) ({...s});"},
	{"description of a symbol", "const s = Symbol('x'.repeat(60000)), l = []; for (;;) l.push(s.toString());"},
	{"fill", "for (;;) Array(50000).fill(0);"},
	{"pad", "for (;;) 'x'.padStart(200000, 'ab');"},
	{"repeat", "for (;;) 'x'.repeat(200000);"},
	{"join", "const l = new Array(50000).fill('x'); for (;;) l.join();"},
	{"split and join", "const s = 'x,'.repeat(50000); for (;;) s.split(',').join('');"},
	{"text of an array", "const l = new Array(50000).fill(1); for (;;) '' + l;"},
	{"flat", "const l = new Array(1000).fill(new Array(1000).fill(1)); for (;;) l.flat();"},
	{"flat of an array in itself", "const a = []; a.push(a, a); for (;;) { try { a.flat(Infinity); } catch (e) {} }"},
	{"shift", "const l = new Array(50000).fill(1); for (;;) { l.shift(); l.push(1); }"},
	{"unshift", "const l = []; for (;;) l.unshift(1);"},
	{"splice", "const l = new Array(50000).fill(1); for (;;) l.splice(0, 1, 1);"},
	{"bytes", "for (;;) new Uint8Array(100000);"},
	{"sort of bytes", "const b = new Uint8Array(100000); for (;;) b.sort();"},
	{"set of bytes", "const b = new Uint8Array(100000); for (;;) b.set(b, 0);"},
	{"text of bytes", "const b = new Uint8Array(100000); for (;;) kalima.text(b);"},
	{"getter inside of a built-in", "const o = {get x() { return Object.assign({}, o).x; }}; for (;;) { try { o.x; } catch (e) {} }"},
	{"powers", "for (;;) 1.0000001 ** 12345.678;"},
	{"hypot", "const l = new Array(1000).fill(1); for (;;) Math.hypot(...l);"},
	{"precision", "for (;;) (1e300).toString(2);"},
	{"symbols", "const o = {}; for (;;) o[Symbol('x')] = 1;"},
	{"classes", "const l = []; for (;;) l.push(class { a() {} static b = 1; #c = 2; });"},
	{"tagged templates", "const l = []; const f = (t) => l.push(t); for (;;) f`a${1}b${2}c${3}d`;"},
}

func TestBombs(t *testing.T) {
	const limit = 3_000_000
	rt := New()
	for _, b := range bombs {
		t.Run(b.name, func(t *testing.T) {
			m, err := rt.Load(context.Background(), []byte("var kalima_abi = 1;\nfunction validate() {\n"+b.body+"\n}"))
			if err != nil {
				t.Fatal(err)
			}
			var used [2]uint64
			for i := range used {
				s := host.NewSession(hosttest.NewCall(abi.Validate, "key", "value"), hosttest.State{}, host.Grant{}, host.Limits{Gas: limit, Deadline: time.Minute})
				start := time.Now()
				res, err := m.Call(context.Background(), s)
				if err != nil {
					t.Fatalf("Call = error %v, want an outcome", err)
				}
				if res.Fault == nil || res.Fault.Code != abi.OutOfGas && res.Fault.Code != abi.OutOfMemory && res.Fault.Code != abi.StackOverflow {
					t.Errorf("Call = %v after %d gas, want it to end by gas, memory or depth", res.Fault, res.Used.Gas)
				}
				used[i] = res.Used.Gas
				t.Logf("%.1f ns for a unit of gas (%v)", float64(time.Since(start).Nanoseconds())/float64(max(res.Used.Gas, 1)), res.Fault)
			}
			if used[0] != used[1] {
				t.Errorf("gas = %d, then %d", used[0], used[1])
			}
		})
	}
}
