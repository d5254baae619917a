package js

import (
	"strings"

	"github.com/dop251/goja"
)

// library collects what takes the place of goja's own functions before a realm is frozen.
type library struct {
	realm   *realm
	natives map[string]goja.Value // by path, as Array.prototype.map
	classes map[string]goja.Value // constructors by name
	globals map[string]goja.Value
}

// original returns a function of goja's.
func (l *library) original(path string) (*goja.Object, native) {
	o := l.realm.rt.GlobalObject()
	if rest, ok := strings.CutPrefix(path, "TypedArray."); ok {
		o, path = l.realm.global("Uint8Array").Prototype(), rest
	}
	for _, name := range strings.Split(path, ".") {
		next, ok := o.Get(name).(*goja.Object)
		if !ok {
			panic("js: goja has no " + path)
		}
		o = next
	}
	f, ok := o.Export().(native)
	if !ok {
		panic("js: " + path + " is no native function")
	}
	return o, f
}

// wrap replaces a function by one that may call the original.
func (l *library) wrap(path string, around func(original native, fc goja.FunctionCall) goja.Value) {
	o, f := l.original(path)
	r := l.realm
	l.natives[path] = l.function(path[strings.LastIndexByte(path, '.')+1:], int(o.Get("length").ToInteger()), func(fc goja.FunctionCall) goja.Value {
		r.call.alive()
		return around(f, fc)
	})
}

// before has a function run on what comes before it.
func (l *library) before(path string, first func(fc goja.FunctionCall) goja.FunctionCall) {
	l.wrap(path, func(original native, fc goja.FunctionCall) goja.Value { return original(first(fc)) })
}

// function makes a function with a name and a length, as the library's own have.
func (l *library) function(name string, length int, f native) *goja.Object {
	return l.realm.named(name, length, l.realm.native(l.realm.nested(f)).(*goja.Object))
}

// nested has a function count as one of those that run within each other. goja counts the
// frames of JavaScript alone: an object whose toString is String.prototype.trim would have no
// end but that of the native stack.
func (r *realm) nested(f native) native {
	return func(fc goja.FunctionCall) goja.Value {
		c := r.call
		c.enter(1)
		defer c.leave(1)
		return f(fc)
	}
}

// guard has a function of goja's that needs no price count.
func (l *library) guard(fc goja.FunctionCall) goja.Value {
	o, ok := fc.Argument(0).(*goja.Object)
	if !ok {
		panic(l.realm.rt.NewTypeError("guard takes a function"))
	}
	f, ok := o.Export().(native)
	if !ok {
		panic(l.realm.rt.NewTypeError("%s is no native function", o.Get("name")))
	}
	return l.function(o.Get("name").String(), int(o.Get("length").ToInteger()), f)
}

func (r *realm) named(name string, length int, o *goja.Object) *goja.Object {
	for key, v := range map[string]any{"name": name, "length": length} {
		if err := o.DefineDataProperty(key, r.rt.ToValue(v), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE); err != nil {
			panic(err)
		}
	}
	return o
}

// class replaces a constructor by one that looks at the arguments first. Called without
// new it makes an object too.
func (l *library) class(name string, length int, first func(args []goja.Value) []goja.Value) {
	r, original := l.realm, l.realm.constructor(name)
	l.classes[name] = r.named(name, length, r.rt.ToValue(func(cc goja.ConstructorCall) *goja.Object {
		c := r.call
		c.alive()
		c.enter(1)
		defer c.leave(1)
		return original(cc.NewTarget, first(cc.Arguments)...)
	}).(*goja.Object))
}

// callback is a function argument's price per round: goja makes a frame for it, and what
// a function of the library returns may be kept.
const priceCallback = 128

// function tells whether a value is one.
func isFunction(v goja.Value) bool { _, ok := goja.AssertFunction(v); return ok }
