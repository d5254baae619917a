package js

import "github.com/dop251/goja"

// guardObjects charges functions of Object by the size of what they list, and apply by the
// length of its list.
func (r *realm) guardObjects(needed func(string) bool) {
	object := r.global("Object")
	for _, name := range objectFunctions {
		if !needed(name) {
			continue
		}
		original, _ := goja.AssertFunction(object.Get(name))
		r.patch(object, name, r.native(func(fc goja.FunctionCall) goja.Value {
			r.call.alive()
			if o, ok := fc.Argument(0).(*goja.Object); ok {
				if n, ok := r.length(o); ok {
					r.call.take(elementSize * n)
				}
			}
			v := r.run(original, fc)
			if o, ok := v.(*goja.Object); ok {
				if n, ok := r.length(o); ok {
					r.call.take(priceProperty * n)
				} else {
					r.call.take(priceProperty * len(o.Keys()))
				}
			}
			return v
		}))
	}
	if !needed("apply") {
		return
	}
	r.guard(r.prototype("Function"), "apply", func(fc goja.FunctionCall) goja.FunctionCall {
		if o, ok := fc.Argument(1).(*goja.Object); ok {
			n, ok := r.length(o)
			if !ok {
				panic(r.rt.NewTypeError("apply takes an array"))
			}
			r.call.take(elementSize * n)
			r.call.work(int64(n) * priceArgument)
		}
		return fc
	})
}
