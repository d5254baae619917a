package js

import (
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// TestNativeDepth: functions of the library that run each other without a frame of
// JavaScript in between end as other calls do that are nested too deep, not with the
// process.
func TestNativeDepth(t *testing.T) {
	const call = "const call = (() => 1).call; "
	for _, tt := range []struct{ name, body string }{
		{"toString", `const o = {}; o.toString = String.prototype.trim; '' + o;`},
		{"toString by an iterator", `const o = {}; o.toString = String.prototype[Symbol.iterator]; '' + o;`},
		{"toString by join", `const o = {}; o.toString = Array.prototype.toString; o.join = o.toString; '' + o;`},
		{"toString by charAt", `const o = {}; o.toString = ''.charAt; '' + o;`},
		{"toString by isNaN", `const o = {}; o.toString = isNaN.bind(null, o); '' + o;`},
		{"valueOf", `const o = {}; o.valueOf = Math.abs.bind(null, o); +o;`},
		{"toPrimitive", `const o = {}; o[Symbol.toPrimitive] = String.bind(null, o); '' + o;`},
		{"toPrimitive of a number", `const o = {}; o[Symbol.toPrimitive] = Number.bind(null, o); +o;`},
		{"toPrimitive by call", call + `const o = {}; o[Symbol.toPrimitive] = call.bind(String, null, o); '' + o;`},
		{"forEach", call + `const a = []; const f = call.bind(a.forEach, a); a.push(f); a.forEach(f);`},
		{"sort", call + `const a = []; const f = call.bind(a.sort, a); a.push(f, f); a.sort(f);`},
		{"getter", `const o = {}; Object.defineProperty(o, 'x', {get: Object.values.bind(null, o), enumerable: true}); o.x;`},
		{"element", `const a = [1]; Object.defineProperty(a, 0, {get: [].slice.bind(a)}); a[0];`},
		{"iterator", `const o = {}; o[Symbol.iterator] = Array.from.bind(null, o); Array.from(o);`},
		{"toJSON", `const o = {}; o.toJSON = JSON.stringify.bind(null, o); o.toJSON();`},
		{"replacement", `const r = /a/g, o = {}; o.toString = ''.replace.bind('a', r, o); 'a'.replace(r, o);`},
		{"RegExp", `const o = {}; o.toString = RegExp.bind(null, o); RegExp(o);`},
		{"Error", `const o = {}; o.toString = Error.bind(null, o); Error(o);`},
		{"message of an exception", `const e = new Error(); Object.defineProperty(e, 'message', {get: Error.prototype.toString.bind(e)}); throw e;`},
		{"JSON nested in JSON", `const l = []; l.push({toJSON() { return JSON.stringify(l.map((x) => [[[[[[[[[[x]]]]]]]]]])); }}); JSON.stringify(l);`},
		{"chain without an end in sight", `let o = {}; for (let i = 0; i < 5000; i++) { const p = {}; p.toString = ''.trim.bind(o); o = p; } '' + o;`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source := "var kalima_abi = 1;\nfunction validate() {\n" + tt.body + "\n}"
			one, two := run(t, source, host.Limits{}), run(t, source, host.Limits{})
			if one.Fault == nil || one.Fault.Code != abi.StackOverflow {
				t.Fatalf("Call = %v, want %v", one.Fault, abi.StackOverflow)
			}
			if one.Used.Gas != two.Used.Gas {
				t.Errorf("gas = %d, then %d", one.Used.Gas, two.Used.Gas)
			}
		})
	}
}

// TestNativeDepthEnds: what was counted is given back, also past exceptions.
func TestNativeDepthEnds(t *testing.T) {
	res := run(t, `var kalima_abi = 1;
function validate() {
  for (let i = 0; i < 5000; i++) {
    try { [1].forEach(() => { throw 1; }); } catch (e) {}
    try { JSON.stringify([{toJSON() { throw 1; }}]); } catch (e) {}
    try { new Map([1]); } catch (e) {}
    String.bind(null)(); [[1]].join(); JSON.parse("[[1]]", (k, v) => v);
  }
}`, host.Limits{Gas: 1 << 30})
	if res.Fault != nil {
		t.Errorf("Call = %v, want none", res.Fault)
	}
}

// TestElementWrites: the object that goes with a name changes no result.
func TestElementWrites(t *testing.T) {
	for _, tt := range []struct{ name, body string }{
		{"order", `let s = ""; const o = {}, f = (x) => { s += x; return x; }; (f("a"), o)[f("b")] = f("c"); if (s !== "abc") kalima.reject(1, s);`},
		{"nested", `const a = [], b = []; a[b[50] = 40] = 1; if (a[40] !== 1 || b[50] !== 40) kalima.reject(1, "no");`},
		{"written while it is named", `const a = [], b = []; a[{toString() { b[99] = 1; return "70"; }}] = 2; if (a[70] !== 2 || b[70]) kalima.reject(1, "no");`},
		{"counted", `const a = []; let i = 60; a[i++] = 1; a[i] ??= 2; a[60] += 3; a[i]--; if (a[60] !== 4 || a[61] !== 1) kalima.reject(1, a.join());`},
		{"patterns", `const a = []; [a[70], a["71"]] = [1, 2]; for (a[72] of [3]) ; ({x: a[73]} = {x: 4}); if (a[70] + a[71] + a[72] + a[73] !== 10) kalima.reject(1, a.join());`},
		{"super", `class A {} class B extends A { m(k) { super[k] = 5; return this[k]; } } if (new B().m("100") !== 5) kalima.reject(1, "no");`},
		{"class fields", `const k = "ab"; class A { [k] = 1; 3 = 2; } const a = new A(); if (a.ab + a[3] !== 3) kalima.reject(1, "no");`},
		{"bytes", `const b = new Uint8Array(100); b[99] = 257; if (b[99] !== 1) kalima.reject(1, "no");`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if res := run(t, "var kalima_abi = 1;\nfunction validate() {\n"+tt.body+"\n}", host.Limits{}); res.Fault != nil {
				t.Errorf("Call = %v, want none", res.Fault)
			}
		})
	}
}
