package js

import "github.com/dop251/goja"

// What walks an iterable inside goja could walk for ever without running any code that
// pays: the next of an iterator may be a function of the library. So everything that takes
// an iterable gets a list that was made and paid for here.

// list is kalima$s: what a pattern with a rest element takes apart.
func (r *realm) list(fc goja.FunctionCall) goja.Value { return r.iterated(fc.Argument(0)) }

// iterated makes an array of an iterable. An array with its own way to iterate in place is
// charged and stays as it is.
func (r *realm) iterated(v goja.Value) goja.Value {
	c := r.call
	c.alive()
	if o, ok := v.(*goja.Object); ok && o.ClassName() == "Array" && o.GetSymbol(goja.SymIterator) == goja.Value(r.stdValues) {
		n, _ := r.length(o)
		c.take(elementSize * n)
		c.work(compareElement * int64(n))
		return v
	}
	if goja.IsUndefined(v) || goja.IsNull(v) {
		panic(r.rt.NewTypeError("%s is not iterable", v))
	}
	var items []any
	r.rt.ForOf(v, func(v goja.Value) bool {
		c.take(priceAlloc)
		c.work(priceCallback)
		items = append(items, v)
		return true
	})
	return r.rt.NewArray(items...)
}

// spread is kalima$p: what ... copies into an array literal.
func (r *realm) spread(fc goja.FunctionCall) goja.Value { return r.iterated(fc.Argument(0)) }

// pass is kalima$a: the same for the arguments of a call. goja's stack grows by a fixed
// step, so many of them take time that grows with their square.
func (r *realm) pass(fc goja.FunctionCall) goja.Value {
	v := r.iterated(fc.Argument(0))
	n, _ := r.length(v.(*goja.Object))
	r.call.work(int64(n) * priceArgument)
	return v
}

// enumerated is kalima$f: what for-in walks, what a rest property or ... copies into an
// object. goja lists all names at once.
func (r *realm) enumerated(fc goja.FunctionCall) goja.Value {
	r.call.alive()
	switch v := fc.Argument(0).(type) {
	case goja.String:
		r.call.take(elementSize * v.Length())
	case *goja.Object:
		for o, depth := v, 0; o != nil; o, depth = o.Prototype(), depth+1 {
			if frozen := o.Prototype() == nil && depth > 0; frozen {
				break // Object.prototype
			}
			r.call.take(priceProperty * r.size(o))
		}
	}
	return fc.Argument(0)
}

// size counts an object's properties.
func (r *realm) size(o *goja.Object) int {
	if n, ok := r.length(o); ok {
		return n
	}
	n := len(o.GetOwnPropertyNames())
	return n
}

// deleted is kalima$d: the object of which delete takes a property. goja looks through all
// of them.
func (r *realm) deleted(fc goja.FunctionCall) goja.Value {
	r.call.alive()
	if o, ok := fc.Argument(0).(*goja.Object); ok && o.ClassName() != "Array" {
		r.call.work(compareElement * int64(r.size(o)))
	} else {
		r.call.work(int64(r.call.disorder))
	}
	return fc.Argument(0)
}

// key is kalima$k: it makes a computed name of a property once and for all, and charges
// for it.
func (r *realm) key(fc goja.FunctionCall) goja.Value { return r.name(fc.Argument(0)) }

// written is kalima$w: the same for a name that is written to. It comes for small numbers
// never, see keyed.
func (r *realm) written(fc goja.FunctionCall) goja.Value {
	v := r.name(fc.Argument(0))
	r.assigned(v)
	return v
}

func (r *realm) name(v goja.Value) goja.Value {
	switch o := v.(type) {
	case *goja.Symbol:
		return v
	case *goja.Object:
		r.call.work(priceCallback)
		if v = o.ToString(); !isText(v) { // a primitive
			v = r.rt.ToValue(v.String())
		}
	}
	if s, ok := v.(goja.String); ok && s.Length() > 64 {
		r.call.work(int64(s.Length()))
	}
	return v
}

// assigned charges for a large whole number that is about to name a property. goja keeps
// sparse arrays, and those names of objects, sorted in one slice: what comes out of order
// moves the rest.
func (r *realm) assigned(v goja.Value) {
	if s, ok := v.(goja.String); ok {
		if s.Length() == 0 || s.Length() > 16 || s.CharAt(0) < '0' || s.CharAt(0) > '9' {
			if s.String() == "prototype" {
				panic(r.rt.NewTypeError("prototype can only be assigned by its name"))
			}
			return
		}
	} else if _, ok := v.(*goja.Symbol); ok {
		return
	}
	n := v.ToInteger()
	if n < smallIndex {
		return
	}
	if n != r.call.latest && n != r.call.latest+1 {
		r.call.disorder++
		r.call.work(priceCallback + int64(r.call.disorder))
	}
	r.call.latest = n
}

// smallIndex is up to where the order of writes does not matter.
const smallIndex = 4096

func isText(v goja.Value) bool { _, ok := v.(goja.String); return ok }
