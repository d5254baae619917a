package js

import (
	"github.com/dop251/goja"
)

// realm is one goja runtime, made for one call and then dropped: the contract's library
// with the guards of guard.go, and the object kalima.
type realm struct {
	rt   *goja.Runtime
	call *call // the call that uses the realm

	uint8   *goja.Object // goja's Uint8Array, once it was needed
	bytesOf *goja.Object // the contract's Uint8Array

	guarded map[string]bool // methods that have their guard, as String.repeat
	own     []goja.Value    // arguments of the function around the contract: fn*, and kalima
}

func newRealm() *realm {
	r := &realm{rt: goja.New(), guarded: map[string]bool{}}
	r.own = []goja.Value{r.native(r.refill), r.native(r.text), r.native(r.spread), r.native(r.pass), r.native(r.key), r.native(r.begin), r.json(), r.kalima()}
	r.patch(r.prototype("Array"), "join", r.native(r.join()))
	r.patch(r.prototype("Function"), "constructor", goja.Undefined())
	return r
}

// arguments are the values of the parameters that before names, up to the hidden ones,
// which stay undefined.
func (r *realm) arguments(p *program) []goja.Value {
	r.guards(p.names)
	math, bytes := goja.Undefined(), goja.Undefined()
	if p.math {
		math = r.math()
	}
	if p.bytes {
		r.guardBytes()
		bytes = r.bytesOf
	}
	return append(append(append([]goja.Value(nil), r.own[:6]...), math), r.own[6], r.own[7], bytes)
}

func (r *realm) native(f func(goja.FunctionCall) goja.Value) goja.Value { return r.rt.ToValue(f) }

// refill is kalima$r.
func (r *realm) refill(fc goja.FunctionCall) goja.Value {
	return r.rt.ToValue(r.call.refill(fc.Argument(0).ToInteger()))
}

// text is kalima$t: it charges for a string that was just made. Other values, the parts of
// a template, are made strings first.
func (r *realm) text(fc goja.FunctionCall) goja.Value {
	s := r.string(fc.Argument(0))
	r.call.chars(s.Length())
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

// spread is kalima$p: it charges for what ... is about to copy into an array or object.
func (r *realm) spread(fc goja.FunctionCall) goja.Value {
	r.call.take(r.spreadLength(fc.Argument(0)) * elementSize)
	return fc.Argument(0)
}

// pass is kalima$a: the same for the arguments of a call. goja's stack grows by a fixed
// step, so many of them take time that grows with their square.
func (r *realm) pass(fc goja.FunctionCall) goja.Value {
	n := r.spreadLength(fc.Argument(0))
	r.call.take(n * elementSize)
	r.call.work(int64(n) * priceArgument)
	return fc.Argument(0)
}

func (r *realm) spreadLength(v goja.Value) int {
	switch v := v.(type) {
	case goja.String:
		return v.Length()
	case *goja.Object:
		if n, ok := r.length(v); ok {
			return n
		}
		return len(v.Keys())
	}
	return 0
}

// key is kalima$k: it makes a computed name of a property once and for all, and puts the
// guards in place when it may be the name of what they guard.
func (r *realm) key(fc goja.FunctionCall) goja.Value {
	v := fc.Argument(0)
	if _, ok := v.(*goja.Symbol); ok {
		return v
	}
	if o, ok := v.(*goja.Object); ok {
		if v = o.ToString(); !isText(v) { // a primitive
			v = r.rt.ToValue(v.String())
		}
	}
	if name := v.String(); guardable[name] {
		r.guards(map[string]bool{name: true})
	}
	return v
}

func isText(v goja.Value) bool { _, ok := v.(goja.String); return ok }

// begin is kalima$i: the contract's function hands over access to its slice of gas.
func (r *realm) begin(fc goja.FunctionCall) goja.Value {
	r.call.read, _ = goja.AssertFunction(fc.Argument(0))
	r.call.set, _ = goja.AssertFunction(fc.Argument(1))
	return goja.Undefined()
}

// math makes the object Math: what is exact, copied from goja's.
func (r *realm) math() goja.Value {
	from, to := r.rt.GlobalObject().Get("Math").(*goja.Object), r.rt.NewObject()
	for _, name := range exact {
		r.define(to, name, from.Get(name))
	}
	for _, name := range constants {
		r.define(to, name, from.Get(name))
	}
	return to
}

// define sets a property that can not be changed.
func (r *realm) define(o *goja.Object, name string, v goja.Value) {
	if err := o.DefineDataProperty(name, v, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_TRUE); err != nil {
		panic(err) // a new object takes every property
	}
}

// patch replaces a property of the library.
func (r *realm) patch(o *goja.Object, name string, v goja.Value) {
	if err := o.DefineDataProperty(name, v, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE); err != nil {
		panic(err) // all of them are configurable
	}
}

// prototype returns the prototype of a constructor of the library.
func (r *realm) prototype(constructor string) *goja.Object {
	return r.global(constructor).Get("prototype").(*goja.Object)
}

func (r *realm) global(name string) *goja.Object { return r.rt.GlobalObject().Get(name).(*goja.Object) }

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
	if !ok || r.uint8 == nil || o.ExportType() != bytesType {
		return nil, false
	}
	b, ok := o.Export().([]byte)
	return b, ok
}

// newBytes makes a Uint8Array that owns b.
func (r *realm) newBytes(b []byte) goja.Value {
	r.guardBytes()
	r.call.take(len(b))
	o, err := r.rt.New(r.uint8, r.rt.ToValue(r.rt.NewArrayBuffer(b)))
	if err != nil {
		panic(err) // an exception or the end of the call: goja passes both on
	}
	return o
}
