package js

import (
	"reflect"

	"github.com/dop251/goja"
)

var bytesType = reflect.TypeFor[[]byte]()

// priceBytes is what a Uint8Array takes besides its bytes.
const priceBytes = 2 * priceAlloc

// bytes charges Uint8Array, the one typed array that contracts have.
func (l *library) bytes() {
	r := l.realm
	l.class("Uint8Array", 3, r.bytesFrom)
	l.natives["Uint8Array.from"] = l.function("from", 1, func(fc goja.FunctionCall) goja.Value {
		r.call.alive()
		if len(fc.Arguments) > 1 {
			panic(r.rt.NewTypeError("Uint8Array.from takes one argument in contracts"))
		}
		return r.uint8(nil, r.bytesFrom([]goja.Value{r.arrayFrom(fc.Argument(0))})...)
	})
	l.natives["Uint8Array.of"] = l.function("of", 0, func(fc goja.FunctionCall) goja.Value {
		r.call.alive()
		items := make([]any, len(fc.Arguments))
		for i, v := range fc.Arguments {
			items[i] = v
		}
		return r.uint8(nil, r.bytesFrom([]goja.Value{r.rt.NewArray(items...)})...)
	})
	on := func(cost func(n int), names ...string) {
		for _, name := range names {
			l.before("TypedArray.prototype."+name, func(fc goja.FunctionCall) goja.FunctionCall {
				b, ok := r.bytes(fc.This)
				if !ok {
					panic(r.rt.NewTypeError("%s works on a Uint8Array only", name))
				}
				cost(len(b))
				return fc
			})
		}
	}
	on(func(n int) { r.call.work(priceElement * int64(n)) }, "fill", "set", "indexOf", "lastIndexOf", "includes", "reverse")
	on(func(n int) { r.call.work(priceCallback * int64(n)) }, "forEach", "reduce", "reduceRight", "some", "every", "find", "findIndex", "findLast", "findLastIndex")
	on(func(n int) { r.call.take(priceBytes + n) }, "slice", "subarray")
	on(func(n int) {
		r.call.take(priceBytes + elementSize*n) // filter keeps values first
		r.call.work(priceCallback * int64(n))
	}, "map", "filter", "sort")
	on(func(int) {}, "at", "entries", "keys", "values")
	l.wrap("TypedArray.prototype.join", func(original native, fc goja.FunctionCall) goja.Value {
		b, ok := r.bytes(fc.This)
		if !ok {
			panic(r.rt.NewTypeError("join works on a Uint8Array only"))
		}
		sep := r.rt.ToValue(",").(goja.String)
		if v := fc.Argument(0); !goja.IsUndefined(v) {
			sep = r.string(v)
		}
		n := product(int64(len(b)), int64(sep.Length()+3))
		r.call.fits(n)
		r.call.take(n)
		r.call.longer(n)
		return original(goja.FunctionCall{This: fc.This, Arguments: []goja.Value{sep}})
	})
}

// bytesFrom prepares the arguments of the constructor: a length, an array, or bytes.
func (r *realm) bytesFrom(args []goja.Value) []goja.Value {
	var from goja.Value = goja.Undefined()
	if len(args) > 0 {
		from = args[0]
	}
	o, ok := from.(*goja.Object)
	if !ok {
		n := from.ToInteger()
		r.call.take(product(max(n, 0), 1))
		r.call.take(priceBytes)
		return []goja.Value{r.rt.ToValue(n)}
	}
	if _, plain := r.length(o); !plain {
		if o.ClassName() == "ArrayBuffer" {
			panic(r.rt.NewTypeError("Uint8Array takes a length, an array or a Uint8Array in contracts"))
		}
		o = r.arrayFrom(o).(*goja.Object)
	}
	if o.ClassName() == "Array" {
		o = r.iterated(o).(*goja.Object)
	}
	n, _ := r.length(o)
	r.call.take(priceBytes + n)
	r.call.work(priceElement * int64(n))
	return []goja.Value{o}
}
