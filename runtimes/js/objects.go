package js

import "github.com/dop251/goja"

// objects charges functions of Object by the size of what they walk, and those of Function
// by the length of their lists.
func (l *library) objects() {
	r := l.realm
	walk := func(v goja.Value) {
		if o, ok := v.(*goja.Object); ok {
			r.call.take(priceProperty * r.size(o))
		} else if s, ok := v.(goja.String); ok {
			r.call.take(priceProperty * s.Length())
		}
	}
	for _, name := range []string{"keys", "values", "entries", "getOwnPropertyNames", "getOwnPropertySymbols",
		"getOwnPropertyDescriptors", "freeze", "seal", "isFrozen", "isSealed", "preventExtensions"} {
		l.wrap("Object."+name, func(original native, fc goja.FunctionCall) goja.Value {
			walk(fc.Argument(0))
			if name == "entries" || name == "getOwnPropertyDescriptors" {
				walk(fc.Argument(0)) // and an array, or a descriptor, for each
				walk(fc.Argument(0))
				walk(fc.Argument(0))
			}
			v := original(fc)
			if name == "getOwnPropertySymbols" {
				walk(v)
			}
			return v
		})
	}
	l.before("Object.assign", func(fc goja.FunctionCall) goja.FunctionCall {
		for _, from := range fc.Arguments[min(1, len(fc.Arguments)):] {
			walk(from)
			r.renamed(fc.Argument(0), from)
		}
		return fc
	})
	l.before("Object.defineProperty", func(fc goja.FunctionCall) goja.FunctionCall {
		args := append([]goja.Value(nil), fc.Arguments...)
		if len(args) > 1 {
			args[1] = r.name(args[1])
			o, _ := args[0].(*goja.Object)
			r.assigned(o, args[1])
		}
		r.call.take(priceAlloc)
		return goja.FunctionCall{This: fc.This, Arguments: args}
	})
	for name, at := range map[string]int{"defineProperties": 1, "create": 1} {
		l.before("Object."+name, func(fc goja.FunctionCall) goja.FunctionCall {
			if name == "create" {
				r.call.descend(fc.Argument(0), false)
			}
			r.call.take(priceAlloc)
			walk(fc.Argument(at))
			walk(fc.Argument(at))
			if name == "defineProperties" {
				r.renamed(fc.Argument(0), fc.Argument(at))
			}
			return fc
		})
	}
	l.before("Object.setPrototypeOf", func(fc goja.FunctionCall) goja.FunctionCall {
		r.call.descend(fc.Argument(1), true)
		return fc
	})
	l.natives["Object.fromEntries"] = l.function("fromEntries", 1, r.fromEntries)
	for _, name := range []string{"Object.hasOwn", "Object.getOwnPropertyDescriptor"} {
		l.before(name, func(fc goja.FunctionCall) goja.FunctionCall { return r.named1(fc, 1) })
	}
	for _, name := range []string{"hasOwnProperty", "propertyIsEnumerable"} {
		l.before("Object.prototype."+name, func(fc goja.FunctionCall) goja.FunctionCall { return r.named1(fc, 0) })
	}
	l.wrap("Object.prototype.toString", l.made)

	l.before("Function.prototype.apply", func(fc goja.FunctionCall) goja.FunctionCall {
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
	l.wrap("Function.prototype.bind", func(original native, fc goja.FunctionCall) goja.Value {
		r.call.take(2*priceAlloc + elementSize*len(fc.Arguments))
		this, _ := fc.This.(*goja.Object)
		bound := r.call.bound[this]
		bound.args += len(fc.Arguments)
		if bound.times++; bound.args > maxBound || bound.times > maxBoundTwice {
			panic(r.rt.NewTypeError("bind: more than %d arguments, or a function bound more than %d times", maxBound, maxBoundTwice))
		}
		for _, o := range r.converters {
			if this == o { // nothing counts when it is called, and it could call itself
				fc.This = l.guard(goja.FunctionCall{Arguments: []goja.Value{this}})
			}
		}
		v := original(fc)
		if o, ok := v.(*goja.Object); ok {
			if r.call.bound == nil {
				r.call.bound = map[*goja.Object]binding{}
			}
			r.call.bound[o] = bound
		}
		return v
	})
}

// binding is what bind made of a function: each call of it copies all arguments, once for
// each time that it was bound.
type binding struct{ args, times int }

const (
	maxBound      = 16 // arguments
	maxBoundTwice = 4  // times
)

// named1 makes the i-th argument, the name of a property, once.
func (r *realm) named1(fc goja.FunctionCall, i int) goja.FunctionCall {
	args := append([]goja.Value(nil), fc.Arguments...)
	if i < len(args) {
		args[i] = r.name(args[i])
	}
	return goja.FunctionCall{This: fc.This, Arguments: args}
}

// renamed looks at the names under which to takes what from has.
func (r *realm) renamed(to, from goja.Value) {
	o, ok := from.(*goja.Object)
	if !ok {
		return
	}
	target, ok := to.(*goja.Object)
	if !ok {
		return
	}
	for _, name := range o.GetOwnPropertyNames() {
		if name == "prototype" && isFunction(to) {
			panic(r.rt.NewTypeError("prototype can only be assigned by its name"))
		}
		if len(name) > 0 && len(name) <= 16 && name[0] >= '0' && name[0] <= '9' {
			r.assigned(target, r.rt.ToValue(name))
		}
	}
}

// fromEntries is Object.fromEntries.
func (r *realm) fromEntries(fc goja.FunctionCall) goja.Value {
	list := r.iterated(fc.Argument(0)).(*goja.Object)
	n, _ := r.length(list)
	to := r.rt.NewObject()
	for i := range n {
		entry, ok := list.Get(index(i)).(*goja.Object)
		if !ok {
			panic(r.rt.NewTypeError("an entry is not an object"))
		}
		r.call.take(priceAlloc)
		key, v := entry.Get("0"), entry.Get("1")
		if key == nil {
			key = goja.Undefined()
		}
		if v == nil {
			v = goja.Undefined()
		}
		key = r.name(key)
		r.assigned(nil, key)
		var err error
		if s, ok := key.(*goja.Symbol); ok {
			err = to.DefineDataPropertySymbol(s, v, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE)
		} else {
			err = to.DefineDataProperty(key.String(), v, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE)
		}
		if err != nil {
			panic(err)
		}
	}
	return to
}

// arrayFrom makes the list that Array.from and its like walk, of an iterable or of an
// object with a length.
func (r *realm) arrayFrom(v goja.Value) goja.Value {
	o, ok := v.(*goja.Object)
	if _, text := v.(goja.String); text || ok && iterable(o) {
		return r.iterated(v)
	}
	n := int64(0)
	if ok {
		if v := o.Get("length"); v != nil {
			n = max(v.ToInteger(), 0)
		}
	} else if goja.IsUndefined(v) || goja.IsNull(v) {
		panic(r.rt.NewTypeError("%s is not iterable", v))
	}
	r.call.take(product(n, elementSize))
	r.call.work(compareElement * n) // take bounds n
	items := make([]any, n)
	for i := range items {
		if items[i] = goja.Undefined(); ok {
			if v := o.Get(index(i)); v != nil {
				items[i] = v
			}
		}
	}
	return r.rt.NewArray(items...)
}

func iterable(o *goja.Object) bool {
	it := o.GetSymbol(goja.SymIterator)
	return it != nil && !goja.IsUndefined(it) && !goja.IsNull(it)
}
