package js

import (
	"context"
	_ "embed"
	"math"

	"github.com/dop251/goja"
)

//go:embed lockdown.js
var lockdownSource string

// lockdown is compiled once for all realms.
var lockdown = goja.MustCompile("lockdown.js", lockdownSource, false)

// hiddenObjects makes a list of objects that only syntax reaches, so that their prototypes
// exist before they are frozen.
var hiddenObjects = goja.MustCompile("hidden.js", `[function () {}, function* () {}, (function* () {})(), async function () {},
	[][Symbol.iterator](), new Map().entries(), new Set().entries(), ""[Symbol.iterator](),
	(function () { "use strict"; return arguments; })(), new ArrayBuffer(0), /a/, "a".matchAll(/a/g)]`, false)

// realm is a goja runtime with the contract's library in it, all of it frozen. Calls use it
// one after the other; what a call makes is reachable from that call's own objects only.
type realm struct {
	rt    *goja.Runtime
	call  *call // the call that uses the realm
	calls int   // made so far

	own  []goja.Value  // arguments of the function around a contract
	code *program      // what enter was made from
	main goja.Callable // the function around that contract

	uint8     constructor // goja's own constructors
	object    *goja.Object
	stdValues *goja.Object // Array.prototype[Symbol.iterator]
	regexps   *goja.Object // RegExp.prototype

	converters []*goja.Object // those that convert an argument and are not counted
}

// constructor is goja.Constructor without the detour through a panic.
type constructor func(newTarget *goja.Object, args ...goja.Value) *goja.Object

// maxCalls is how many calls use a realm. Nothing is known to pile up in one; this bounds
// what is not known.
const maxCalls = 16384

func newRealm() *realm {
	r := &realm{rt: goja.New()}
	r.uint8 = r.constructor("Uint8Array")
	r.object = r.global("Object")
	r.converters = []*goja.Object{r.global("String"), r.global("Number"),
		r.global("Function").Get("prototype").(*goja.Object).GetSymbol(goja.SymHasInstance).(*goja.Object)}
	r.stdValues = r.prototype("Array").GetSymbol(goja.SymIterator).(*goja.Object)
	l := &library{realm: r, natives: map[string]goja.Value{}, classes: map[string]goja.Value{}, globals: map[string]goja.Value{}}
	l.strings()
	l.arrays()
	l.objects()
	l.collections()
	l.symbols()
	l.bytes()
	l.errors()
	l.globals["Math"] = r.math()
	l.globals["JSON"] = r.json()
	l.globals["RegExp"] = l.regexps()
	l.globals["kalima"] = r.kalima()
	r.lock(l)
	r.own = []goja.Value{
		r.native(r.refill), r.native(r.text), r.native(r.spread), r.native(r.pass), r.native(r.key), r.native(r.written),
		r.native(r.power), r.native(r.list), r.native(r.enumerated), r.native(r.deleted), r.native(r.inherit), r.native(r.caught),
		r.native(r.literal), r.native(r.begin), r.native(r.choose),
	}
	return r
}

// lock runs lockdown.js. Natives are made before, so that it freezes them as well.
func (r *realm) lock(l *library) {
	free := newCall(context.Background(), r, nil, math.MaxInt64) // the script uses what it puts in place
	free.memory = math.MaxInt64
	defer func() { r.call = nil }()
	must := func(v goja.Value, err error) goja.Value {
		if err != nil {
			panic(err) // it depends on this package and the engine alone, and tests run it
		}
		return v
	}
	hidden := must(r.rt.RunProgram(hiddenObjects))
	run, _ := goja.AssertFunction(must(r.rt.RunProgram(lockdown)))
	object := func(m map[string]goja.Value) *goja.Object {
		o := r.rt.NewObject()
		for name, v := range m {
			r.define(o, name, v)
		}
		return o
	}
	must(run(goja.Undefined(), object(l.natives), object(l.classes), object(l.globals), hidden, r.native(l.guard)))
}

func (r *realm) native(f native) goja.Value { return r.rt.ToValue(f) }

// native is a function of the library.
type native = func(goja.FunctionCall) goja.Value

// refill is kalima$r.
func (r *realm) refill(fc goja.FunctionCall) goja.Value {
	return r.rt.ToValue(r.call.refill(fc.Argument(0).ToInteger()))
}

// text is kalima$t: it charges for a string that was just made. Other values, the parts of
// a template, are made strings first.
func (r *realm) text(fc goja.FunctionCall) goja.Value {
	s := r.string(fc.Argument(0))
	r.call.made(s)
	return s
}

// string converts as a template does.
func (r *realm) string(v goja.Value) goja.String {
	switch v := v.(type) {
	case goja.String:
		return v
	case *goja.Symbol:
		panic(r.rt.NewTypeError("Cannot convert a Symbol value to a string"))
	}
	v = v.ToString() // of an object, a primitive
	if s, ok := v.(goja.String); ok {
		return s
	}
	return r.rt.ToValue(v.String()).(goja.String)
}

// begin is kalima$i: the contract's function hands over access to its slice of gas.
func (r *realm) begin(fc goja.FunctionCall) goja.Value {
	r.call.read, _ = goja.AssertFunction(fc.Argument(0))
	r.call.set, _ = goja.AssertFunction(fc.Argument(1))
	return goja.Undefined()
}

// choose is kalima$z: it takes what the contract's top level defined, and answers with the
// function to run.
func (r *realm) choose(fc goja.FunctionCall) goja.Value { return r.call.choose(fc.Arguments) }

// power is kalima$e: a ** b.
func (r *realm) power(fc goja.FunctionCall) goja.Value {
	x := fc.Argument(0).ToFloat()
	return r.rt.ToValue(power(x, fc.Argument(1).ToFloat()))
}

// inherit is kalima$c: it takes note of a value that becomes a prototype.
func (r *realm) inherit(fc goja.FunctionCall) goja.Value {
	r.call.descend(fc.Argument(0), false)
	return fc.Argument(0)
}

// caught is kalima$h, at the start of a catch block: goja kept the stack with the
// exception.
func (r *realm) caught(goja.FunctionCall) goja.Value {
	r.call.stacked()
	return goja.Undefined()
}

// define sets a property that can not be changed.
func (r *realm) define(o *goja.Object, name string, v goja.Value) {
	if err := o.DefineDataProperty(name, v, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_TRUE); err != nil {
		panic(err) // a new object takes every property
	}
}

func (r *realm) global(name string) *goja.Object { return r.rt.GlobalObject().Get(name).(*goja.Object) }

// prototype returns the prototype of a constructor of the library.
func (r *realm) prototype(constructor string) *goja.Object {
	return r.global(constructor).Get("prototype").(*goja.Object)
}

func (r *realm) constructor(name string) constructor {
	return unwrap(r.global(name))
}

func unwrap(o *goja.Object) constructor {
	make, ok := goja.AssertConstructor(o)
	if !ok {
		panic("js: " + o.String() + " is no constructor")
	}
	return func(newTarget *goja.Object, args ...goja.Value) *goja.Object {
		o, err := make(newTarget, args...)
		if err != nil {
			panic(err) // an exception or the end of the call: goja passes both on
		}
		return o
	}
}

// length returns the length of an array or of bytes, without running code of the contract.
func (r *realm) length(o *goja.Object) (int, bool) {
	if o.ClassName() == "Array" {
		if own := o.Get("length"); own != nil { // an array's own, always a plain number
			return int(own.ToInteger()), true
		}
	}
	if b, ok := r.bytes(o); ok {
		return len(b), true
	}
	return 0, false
}

// bytes returns the memory of a Uint8Array.
func (r *realm) bytes(v goja.Value) ([]byte, bool) {
	o, ok := v.(*goja.Object)
	if !ok || o.ClassName() != "Object" || o.ExportType() != bytesType {
		return nil, false
	}
	b, ok := o.Export().([]byte)
	return b, ok
}

// newBytes makes a Uint8Array that owns b.
func (r *realm) newBytes(b []byte) goja.Value {
	r.call.take(len(b) + priceBytes)
	return r.uint8(nil, r.rt.ToValue(r.rt.NewArrayBuffer(b)))
}
