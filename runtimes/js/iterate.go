package js

import (
	"math"
	"reflect"

	"github.com/dop251/goja"
)

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
	if o.ClassName() == "String" { // it names each of its characters
		r.call.take(product(priceProperty, max(o.Get("length").ToInteger(), 0)))
	}
	return len(o.GetOwnPropertyNames())
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

// written is kalima$w: the same for a name that is written to, behind the object that has it. It
// comes for small numbers never, see member.
func (r *realm) written(fc goja.FunctionCall) goja.Value {
	if len(fc.Arguments) < 2 { // a property of an object literal
		v := r.name(fc.Argument(0))
		r.assigned(nil, v)
		return v
	}
	v := r.name(fc.Argument(1))
	o, ok := fc.Argument(0).(*goja.Object)
	if n, number := elementOf(v); !ok && number && n >= smallWrite && goja.IsNumber(fc.Argument(0)) {
		panic(r.rt.NewTypeError("a number as the name of a class field is not available in contracts"))
	}
	r.assigned(o, v)
	return v
}

// elementOf is the whole number that names a property.
func elementOf(v goja.Value) (int64, bool) {
	switch s := v.(type) {
	case goja.String:
		if s.Length() == 0 || s.Length() > 16 || s.CharAt(0) < '0' || s.CharAt(0) > '9' {
			return 0, false
		}
	case *goja.Symbol:
		return 0, false
	}
	return v.ToInteger(), true
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

// assigned charges for a whole number that is about to name a property of o, nil for an
// object that is no array. goja keeps sparse arrays, and large names of objects, sorted in one
// slice: what comes out of order moves the rest.
func (r *realm) assigned(o *goja.Object, v goja.Value) {
	n, ok := elementOf(v)
	if !ok {
		if s, ok := v.(goja.String); ok && s.Length() == len("prototype") && s.String() == "prototype" {
			panic(r.rt.NewTypeError("prototype can only be assigned by its name"))
		}
		return
	}
	if o != nil {
		r.stretch(o, n)
	}
	if n < smallIndex {
		return
	}
	if n != r.call.latest && n != r.call.latest+1 {
		r.call.disorder++
		r.call.work(priceCallback + int64(r.call.disorder))
	}
	r.call.latest = n
}

// stretch charges for the room that element n of an array takes: goja makes it for all
// elements before n as well, unless they are few beside n.
func (r *realm) stretch(o *goja.Object, n int64) {
	values, count, ok := r.elements(o)
	if !ok || n < int64(values) || n > math.MaxUint32 || n > 4096 && (count == 0 || n/count > 10) {
		return
	}
	r.call.must(r.call.Charge(elementSize * uint64(n+1-int64(values))))
}

// elements is how many elements an array has room for, and how many it has. Neither can be
// asked for.
func (r *realm) elements(o *goja.Object) (values int, count int64, ok bool) {
	self := reflect.ValueOf(o).Elem().FieldByIndex(arrays.self).Elem()
	if self.Type() != arrays.kind {
		return 0, 0, false
	}
	self = self.Elem()
	return self.FieldByIndex(arrays.values).Cap(), self.FieldByIndex(arrays.count).Int(), true
}

// arrays says where goja keeps the elements of an array.
var arrays = func() (at struct {
	self, values, count []int
	kind                reflect.Type
}) {
	field := func(t reflect.Type, name string) []int {
		f, ok := t.FieldByName(name)
		if !ok {
			panic("js: goja's " + t.String() + " has no " + name)
		}
		return f.Index
	}
	o := goja.New().NewArray()
	at.self = field(reflect.TypeFor[goja.Object](), "self")
	at.kind = reflect.ValueOf(o).Elem().FieldByIndex(at.self).Elem().Type()
	at.values, at.count = field(at.kind.Elem(), "values"), field(at.kind.Elem(), "objCount")
	return at
}()

// smallIndex is up to where the order of writes does not matter.
const smallIndex = 4096

// smallWrite is up to where an element may be written without looking at its array.
const smallWrite = 32

func isText(v goja.Value) bool { _, ok := v.(goja.String); return ok }
