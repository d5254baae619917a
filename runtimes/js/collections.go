package js

import "github.com/dop251/goja"

const (
	priceEntryOf = 160 // an entry of a Map or Set
	priceWeak    = 512 // an entry of a WeakMap or WeakSet, which the collector keeps an eye on
)

// collections charges Map, Set and their weak kin.
func (l *library) collections() {
	r := l.realm
	for name, add := range map[string]int{"Map": priceEntryOf, "Set": priceEntryOf, "WeakMap": priceWeak, "WeakSet": priceWeak} {
		l.class(name, 0, func(args []goja.Value) []goja.Value {
			r.call.take(2 * priceAlloc)
			if len(args) == 0 || goja.IsUndefined(args[0]) || goja.IsNull(args[0]) {
				return nil
			}
			list := r.iterated(args[0])
			n, _ := r.length(list.(*goja.Object))
			r.call.take(add * n)
			return []goja.Value{list}
		})
		l.before(name+".prototype."+map[string]string{"Map": "set", "Set": "add", "WeakMap": "set", "WeakSet": "add"}[name],
			func(fc goja.FunctionCall) goja.FunctionCall {
				r.call.take(add)
				return r.hashed(fc)
			})
		for _, method := range []string{"get", "has", "delete"} {
			if method != "get" || name == "Map" || name == "WeakMap" {
				l.before(name+".prototype."+method, r.hashed)
			}
		}
	}
	for _, name := range []string{"Map", "Set"} {
		size := l.getter(name, "size")
		round := func(price int64) func(goja.FunctionCall) goja.FunctionCall {
			return func(fc goja.FunctionCall) goja.FunctionCall {
				r.call.work(price * size(goja.FunctionCall{This: fc.This}).ToInteger())
				return fc
			}
		}
		l.before(name+".prototype.forEach", round(priceCallback))
		l.before(name+".prototype.clear", round(priceElement))
	}
}

// symbols replaces Symbol: its own properties can not be taken away.
func (l *library) symbols() {
	_, original := l.original("Symbol")
	l.classes["Symbol"] = l.function("Symbol", 0, func(fc goja.FunctionCall) goja.Value {
		l.realm.call.take(priceAlloc)
		return original(fc)
	})
}

// hashed charges for a key.
func (r *realm) hashed(fc goja.FunctionCall) goja.FunctionCall {
	if s, ok := fc.Argument(0).(goja.String); ok && s.Length() > 64 {
		r.call.work(int64(s.Length()))
	}
	return fc
}

// getter returns goja's function behind a property of a prototype.
func (l *library) getter(class, name string) native {
	get, err := l.realm.rt.RunString("Object.getOwnPropertyDescriptor(" + class + ".prototype, '" + name + "').get")
	if err != nil {
		panic(err)
	}
	return get.(*goja.Object).Export().(native)
}

// errors bounds what an exception keeps: the stack it was made on.
func (l *library) errors() {
	r := l.realm
	for _, name := range []string{"Error", "TypeError", "ReferenceError", "SyntaxError", "RangeError", "EvalError", "URIError"} {
		l.class(name, 1, func(args []goja.Value) []goja.Value {
			r.call.stacked()
			return args
		})
	}
	l.wrap("Error.prototype.toString", func(original native, fc goja.FunctionCall) goja.Value {
		return l.made(original, fc)
	})
}
