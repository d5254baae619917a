package js

import (
	"strconv"

	"github.com/dop251/goja"
)

func index(i int) string { return strconv.Itoa(i) }

// Methods of Uint8Array, charged by length. Those not named here are not available.
var bytesMethods = []string{"fill", "set", "slice", "sort", "map", "filter", "forEach", "indexOf", "lastIndexOf",
	"includes", "reverse", "reduce", "reduceRight", "some", "every", "find", "findIndex", "findLast", "findLastIndex"}

// guardBytes makes the contract's Uint8Array. It is done only for contracts that name it or
// come by bytes, since it costs as much as the rest of the realm.
func (r *realm) guardBytes() {
	if r.uint8 != nil {
		return
	}
	r.uint8 = r.global("Uint8Array")
	p := r.uint8.Get("prototype").(*goja.Object)
	r.bytesOf = r.rt.ToValue(func(cc goja.ConstructorCall) *goja.Object { return r.makeBytes(cc.Arguments) }).(*goja.Object)
	r.define(r.bytesOf, "from", r.native(func(fc goja.FunctionCall) goja.Value {
		if len(fc.Arguments) > 1 {
			panic(r.rt.NewTypeError("Uint8Array.from takes one argument here"))
		}
		return r.makeBytes(fc.Arguments)
	}))
	r.define(r.bytesOf, "of", r.native(func(fc goja.FunctionCall) goja.Value {
		items := make([]any, len(fc.Arguments))
		for i, v := range fc.Arguments {
			items[i] = v
		}
		return r.makeBytes([]goja.Value{r.rt.NewArray(items...)})
	}))
	if err := r.bytesOf.DefineDataProperty("prototype", p, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE); err != nil {
		panic(err)
	}
	r.patch(p, "constructor", r.bytesOf)
	r.patch(r.prototype("ArrayBuffer"), "constructor", goja.Undefined())

	methods := p.Prototype() // of all typed arrays; only this one can be made
	r.patch(methods, "constructor", goja.Undefined())
	for _, name := range bytesMethods {
		r.guard(methods, name, func(fc goja.FunctionCall) goja.FunctionCall {
			b, ok := r.bytes(fc.This)
			if !ok {
				panic(r.rt.NewTypeError("%s works on a Uint8Array only", name))
			}
			r.call.take(len(b))
			r.call.work(priceElement * int64(len(b)))
			return fc
		})
	}
	join, _ := goja.AssertFunction(methods.Get("join"))
	r.patch(methods, "join", r.native(func(fc goja.FunctionCall) goja.Value {
		b, ok := r.bytes(fc.This)
		if !ok {
			panic(r.rt.NewTypeError("join works on a Uint8Array only"))
		}
		sep := r.rt.ToValue(",").(goja.String)
		if v := fc.Argument(0); !goja.IsUndefined(v) {
			sep = r.string(v)
		}
		r.call.chars(product(int64(len(b)), int64(sep.Length()+3)))
		return r.run(join, goja.FunctionCall{This: fc.This, Arguments: []goja.Value{sep}})
	}))
	always := func(string) bool { return true }
	r.refuse(methods, always, "copyWithin", "toLocaleString", "with", "toReversed", "toSorted")
}

// makeBytes is the constructor Uint8Array: of a length, an array, or bytes.
func (r *realm) makeBytes(args []goja.Value) *goja.Object {
	r.call.alive()
	var from goja.Value = goja.Undefined()
	if len(args) > 0 {
		from = args[0]
	}
	if o, ok := from.(*goja.Object); ok {
		n, ok := r.length(o)
		if !ok {
			panic(r.rt.NewTypeError("Uint8Array takes a length, an array or a Uint8Array"))
		}
		r.call.take(n)
		r.call.work(priceElement * int64(n))
	} else {
		n := from.ToInteger()
		r.call.take(product(n, 1))
		from = r.rt.ToValue(n)
	}
	o, err := r.rt.New(r.uint8, from)
	if err != nil {
		panic(err)
	}
	return o
}
