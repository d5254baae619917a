package js

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/dop251/goja"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

// syntax makes, as a contract could, an object of each kind that the engine makes by
// itself. What they lead to outlives a call; they do not.
const syntax = `[
	function () {}, () => {}, class A { static m() {} }, class extends Array {}, {get x() { return 1; }},
	[][Symbol.iterator](), new Map([[1, 2]]).entries(), new Set().values(), "ab"[Symbol.iterator](), "ab".matchAll(/a/g),
	(function () { return arguments; })(), (function () { "use strict"; return arguments; })(), (() => {}).bind(null), ((t) => t)` + "`a${1}b`" + `,
	(() => { try { null.x; } catch (e) { return e; } })(), (() => { try { undefinedName; } catch (e) { return e; } })(),
	(() => { try { new Array(-1); } catch (e) { return e; } })(), (() => { try { JSON.parse("{"); } catch (e) { return e; } })(),
	(() => { try { decodeURI("%"); } catch (e) { return e; } })(), (() => { try { RegExp("("); } catch (e) { return e; } })(),
	new Error("x"), /a(?<b>c)/g, /a(?<b>c)/.exec("ac"), kalima.bytes("x"), kalima.bytes("x").buffer, kalima.bytes("x").values(),
	new WeakMap(), new WeakSet(), Object(1), Object("s"), Object(true), Object(Symbol.iterator), Object.getOwnPropertyDescriptor({x: 1}, "x"),
	JSON.parse("[1,{}]"), Object.entries({a: 1}), kalima.event, kalima.event.bytes, kalima.event.roles,
	Object.getOwnPropertyDescriptor(Map.prototype, "size").get, Object.getOwnPropertyDescriptor(kalima, "event").get,
]`

// explore visits all that can be reached from a value.
type explorer struct {
	t        *testing.T
	r        *realm
	describe goja.Callable
	frozen   goja.Callable
	seen     map[*goja.Object]bool
	objects  int
}

func (e *explorer) visit(v goja.Value, path string, made bool) {
	o, ok := v.(*goja.Object)
	if !ok || o == nil || e.seen[o] {
		return
	}
	e.seen[o] = true
	e.objects++
	if !made {
		e.check(o, path)
	}
	e.visit(o.Prototype(), path+".__proto__", false)
	keys := []goja.Value{}
	for _, name := range o.GetOwnPropertyNames() {
		keys = append(keys, e.r.rt.ToValue(name))
	}
	for _, s := range o.Symbols() {
		keys = append(keys, s)
	}
	for _, key := range keys {
		d, err := e.describe(goja.Undefined(), o, key)
		if err != nil {
			e.t.Fatalf("%s: descriptor of %v: %v", path, key, err)
		}
		if d, ok := d.(*goja.Object); ok {
			e.visit(d.Get("value"), path+"."+key.String(), made)
			e.visit(d.Get("get"), path+"."+key.String()+"(get)", made)
			e.visit(d.Get("set"), path+"."+key.String()+"(set)", made)
		}
	}
}

// check tries to change an object that outlives the call.
func (e *explorer) check(o *goja.Object, path string) {
	v, err := e.frozen(goja.Undefined(), o)
	if err != nil || !v.ToBoolean() {
		e.t.Errorf("%s is not frozen (%v)", path, err)
	}
	try := func(what string, f func() error) {
		var err error
		if ex := e.r.rt.Try(func() { err = f() }); ex == nil && err == nil {
			e.t.Errorf("%s: %s succeeds", path, what)
		}
	}
	try("a new property", func() error { return o.Set("kalimaTest", 1) })
	try("a new symbol", func() error { return o.SetSymbol(goja.SymMatch, 1) })
	if o.Prototype() != nil || o != e.r.prototype("Object") {
		try("another prototype", func() error { return o.SetPrototype(e.r.rt.NewObject()) })
	}
	for _, name := range o.GetOwnPropertyNames() {
		before := e.property(o, name)
		_ = e.r.rt.Try(func() { _ = o.Set(name, "changed") })
		_ = e.r.rt.Try(func() { _ = o.Delete(name) })
		if after := e.property(o, name); after != before {
			e.t.Errorf("%s.%s changed from %v to %v", path, name, before, after)
		}
	}
}

// property is what describes a property: its value, getter and setter.
func (e *explorer) property(o *goja.Object, name string) (parts [3]string) {
	d, err := e.describe(goja.Undefined(), o, e.r.rt.ToValue(name))
	if err != nil {
		e.t.Fatal(err)
	}
	if d, ok := d.(*goja.Object); ok {
		for i, part := range []string{"value", "get", "set"} {
			switch v := d.Get(part).(type) {
			case *goja.Object:
				parts[i] = fmt.Sprintf("%p", v)
			case *goja.Symbol:
				parts[i] = fmt.Sprintf("%p", v)
			case goja.Value:
				parts[i] = v.String()
			}
		}
	}
	return parts
}

// TestLockdown proves that whatever a contract can reach, and did not make itself, can not
// be changed: so no call leaves anything for the next.
func TestLockdown(t *testing.T) {
	r := newRealm()
	s := host.NewSession(hosttest.NewCall(abi.Validate, "key", "value"), hosttest.State{}, host.Grant{}, host.Limits{})
	c := newCall(context.Background(), r, s, math.MaxInt64)
	c.prog, c.memory = &program{}, math.MaxInt64
	s.Begin(c)
	tree, err := goja.Compile("syntax.js", syntax, false)
	if err != nil {
		t.Fatal(err)
	}
	roots, err := r.rt.RunProgram(tree)
	if err != nil {
		t.Fatal(err)
	}
	e := &explorer{t: t, r: r, seen: map[*goja.Object]bool{}}
	e.describe, _ = goja.AssertFunction(r.global("Object").Get("getOwnPropertyDescriptor"))
	e.frozen, _ = goja.AssertFunction(r.global("Object").Get("isFrozen"))
	e.visit(r.rt.GlobalObject(), "global", false)
	fixed := e.objects
	e.visit(roots, "made", true)
	t.Logf("%d objects of the realm and %d made", fixed, e.objects-fixed)
	if fixed < 300 {
		t.Errorf("%d objects reached from the global object, want some hundreds", fixed)
	}
	for _, name := range r.rt.GlobalObject().GetOwnPropertyNames() {
		if _, ok := unavailable[name]; ok {
			t.Errorf("the global object has %s, which contracts do not have", name)
		}
	}
}

// TestNothingCrosses runs what a call could do to be remembered, and looks for it in the
// next call of the same realm.
func TestNothingCrosses(t *testing.T) {
	for _, tt := range []struct{ name, leave, find string }{
		{"global variable", `seen = "x"`, `typeof seen !== "undefined" && seen`},
		{"top level variable", `counter = (typeof counter === "number" ? counter : 0) + 1`, `typeof counter === "number"`},
		{"Object.prototype", `Object.prototype.left = 1`, `({}).left`},
		{"prototype by literal", `({__proto__: Array.prototype}).left = 1`, `[].left`},
		{"Array.prototype index", `Array.prototype[3] = "x"`, `[, , , ,][3]`},
		{"Array.prototype.length", `Array.prototype.length = 5`, `Array.prototype.length > 0`},
		{"a method's property", `[].push.left = 1`, `[].push.left`},
		{"a method's name", `Object.defineProperty([].push, "name", {value: "x"})`, `[].push.name !== "push"`},
		{"kalima", `kalima.left = 1`, `kalima.left`},
		{"kalima.event", `kalima.event.left = 1`, `kalima.event.left`},
		{"roles", `kalima.event.roles.push("admin")`, `kalima.event.roles.includes("admin")`},
		{"bytes of the event", `kalima.event.bytes[0] = 1`, `kalima.event.bytes[0] === 1`},
		{"Math", `Math.left = 1`, `Math.left`},
		{"iterator prototype", `Object.getPrototypeOf([].values()).left = 1`, `Object.getPrototypeOf([].values()).left`},
		{"iterator's next", `Object.getPrototypeOf([].values()).next = () => ({done: true})`, `[...[1]].length !== 1`},
		{"the way arrays iterate", `Array.prototype[Symbol.iterator] = () => ({next: () => ({done: true})})`, `[...[1]].length !== 1`},
		{"unscopables", `Array.prototype[Symbol.unscopables].left = true`, `Array.prototype[Symbol.unscopables].left`},
		{"template", "((t) => { t.left = 1; t.raw[0] = 'x'; })`a`", "((t) => t.left || t.raw[0] !== 'a')`a`"},
		{"template in a map", "globalMap.set(((t) => t)`a`, 1)", "globalMap.size > 0"},
		{"lastIndex", `const re = /a/g; re.test("aa"); globalRe.test("aa")`, `globalRe.lastIndex > 0`},
		{"RegExp statics", `/(x)/.exec("x")`, `RegExp.$1 === "x" || RegExp.lastMatch === "x"`},
		{"RegExp.prototype", `Object.getPrototypeOf(/a/).left = 1`, `/a/.left`},
		{"Symbol.for", `Symbol.for("left")`, `typeof Symbol.for === "function"`},
		{"weak map", `globalWeak.set(Object.prototype, 1)`, `globalWeak.has(Object.prototype)`},
		{"class", `class A { static left = 1; } globalClasses.push(A)`, `globalClasses.length > 0`},
		{"getter of the library", `Object.getOwnPropertyDescriptor(Map.prototype, "size").get.left = 1`, `Object.getOwnPropertyDescriptor(Map.prototype, "size").get.left`},
		{"setter that overrides", `Object.getOwnPropertyDescriptor(Object.prototype, "toString").set.call(Object.prototype, 1)`, `typeof ({}).toString !== "function"`},
		{"setter on a method", `Object.getOwnPropertyDescriptor(Object.prototype, "toString").set.call([].push, 1)`, `typeof [].push.toString !== "function"`},
		{"assign", `Object.assign(Object.prototype, {left: 1})`, `({}).left`},
		{"set prototype", `Object.setPrototypeOf(Array.prototype, {left: 1})`, `[].left`},
		{"stack of an error", `Error.stackTraceLimit = 0; Error.prepareStackTrace = () => "x"`, `new Error("a").stack === "x"`},
		{"error's prototype", `try { null.x; } catch (e) { Object.getPrototypeOf(e).left = 1; }`, `new TypeError("x").left`},
		{"joining", `const a = []; a.push(a); String(a); throw 1`, `[1, 2].join() !== "1,2"`},
		{"an end inside of join", `[{toString() { kalima.reject(1, "x"); }}].join()`, `[[1], 2].join() !== "1,2"`},
		{"an end inside of sort", `[2, 1].sort(() => kalima.reject(1, "x"))`, `[2, 1].sort().join() !== "1,2"`},
		{"an end inside of an iterator", `for (const x of {[Symbol.iterator]: () => ({next: () => kalima.reject(1, "x"), return() { Object.prototype.left = 1; }})});`, `({}).left`},
		{"a replacer that ends", `JSON.stringify({a: 1}, () => kalima.reject(1, "x"))`, `JSON.stringify({a: 1}) !== '{"a":1}'`},
		{"random", `kalima.random(8)`, `kalima.random(8).join() !== kalima.sha256("x") && globalRandom === undefined`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rt := New()
			source := `var kalima_abi = 1;
const globalMap = new Map(), globalWeak = new WeakMap(), globalRe = /a/g, globalClasses = [];
let globalRandom = 1;
function validate() { ` + tt.leave + ` }
function react() { if (` + tt.find + `) kalima.reject(7, "found"); }`
			m, err := rt.Load(context.Background(), []byte(source))
			if err != nil {
				t.Fatal(err)
			}
			re := rt.realm()
			rt.idle <- re
			for range 2 {
				if _, err := m.Call(context.Background(), session(abi.Validate)); err != nil {
					t.Fatal(err)
				}
			}
			res, err := m.Call(context.Background(), session(abi.React))
			if err != nil || res.Fault != nil {
				t.Errorf("the call after %s = %v, %v, want that it finds nothing", tt.leave, res.Fault, err)
			}
			if again := rt.realm(); again != re || re.calls != 4 {
				t.Errorf("the realm was used by %d calls, want the load and 3 calls", re.calls)
			}
		})
	}
}

func session(phase abi.Phase) *host.Session {
	return host.NewSession(hosttest.NewCall(phase, "key", "value"), hosttest.State{}, host.Grant{}, host.Limits{})
}

// TestFreshRealm proves that a realm in which something was left undone is not used again.
func TestFreshRealm(t *testing.T) {
	for _, tt := range []struct {
		body  string
		again bool
	}{
		{"", true}, {"return 5", true}, {"throw new Error('x')", true}, {"kalima.reject(1, 'no')", true}, {"kalima.put('bad', 'k', 'v')", true},
		{"for (;;);", true}, {"'x'.repeat(1e9)", true}, {"const f = () => f() + 1; f()", false},
	} {
		rt := New()
		m, err := rt.Load(context.Background(), []byte("var kalima_abi = 1; function validate() { "+tt.body+" }"))
		if err != nil {
			t.Fatal(err)
		}
		before := rt.realm()
		rt.idle <- before
		if _, err := m.Call(context.Background(), session(abi.Validate)); err != nil {
			t.Fatal(err)
		}
		if again := len(rt.idle) == 1; again != tt.again {
			t.Errorf("after %q the realm is kept: %t, want %t", tt.body, again, tt.again)
		}
	}
}

// TestOverride proves that a contract may name its own properties as the library's objects do.
func TestOverride(t *testing.T) {
	for _, body := range []string{
		`const o = {}; o.toString = () => "mine"; return String(o)`,
		`class E extends Error { constructor(m) { super(m); this.name = "E"; this.message += "!"; } } return String(new E("x"))`,
		`function F() {} F.prototype.toString = function () { return "F"; }; F.prototype.valueOf = () => 3; return String(new F()) + (new F() + 1)`,
		`const o = {}; o.constructor = 5; o.hasOwnProperty = 6; return o.constructor + o.hasOwnProperty`,
		`const a = []; a.toString = () => "A"; return String(a)`,
		`function F() {} F.prototype = Object.create(Array.prototype); F.prototype.constructor = F; return new F().constructor === F`,
		`const f = () => 1; f.toString = () => "f"; f.call = 2; return String(f) + f.call`,
		`const e = new TypeError("x"); e.name = "Y"; e.message = "z"; return String(e) + Object.keys(e).length`,
	} {
		want, err := goja.New().RunString("(function () { 'use strict'; " + body + "\n})()")
		if err != nil {
			t.Fatal(err)
		}
		res := run(t, "var kalima_abi = 1; function f() { "+body+"\n}\nfunction validate() { kalima.put('', 'out', String(f())); }", host.Limits{})
		if body[:7] == "const e" {
			want = goja.New().ToValue("Y: z1") // the name becomes enumerable
		}
		if res.Fault != nil || len(res.Writes) != 1 || !strings.HasPrefix(string(res.Writes[0].Value), want.String()) {
			t.Errorf("%s = %v %s, writes %q, want %q", body, res.Fault, detail(res), res.Writes, want.String())
		}
	}
}
