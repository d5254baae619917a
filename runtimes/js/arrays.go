package js

import (
	"math/bits"
	"strconv"

	"github.com/dop251/goja"
)

func index(i int) string { return strconv.Itoa(i) }

// arrays charges array methods by the array's length. They work on arrays only: anything
// else could claim any length.
func (l *library) arrays() {
	r := l.realm
	on := func(cost func(n int, args []goja.Value), names ...string) {
		for _, name := range names {
			l.before("Array.prototype."+name, func(fc goja.FunctionCall) goja.FunctionCall {
				cost(r.arrayLength(fc.This, name), fc.Arguments)
				return fc
			})
		}
	}
	on(func(n int, _ []goja.Value) { r.call.work(priceElement * int64(n)) }, "reverse", "shift", "unshift", "copyWithin")
	on(func(n int, args []goja.Value) { r.call.work(compareElement * int64(n)) }, "indexOf", "lastIndexOf", "includes")
	on(func(n int, _ []goja.Value) { r.call.work(priceCallback * int64(n)) },
		"forEach", "reduce", "reduceRight", "some", "every", "find", "findIndex", "findLast", "findLastIndex")
	on(func(n int, _ []goja.Value) { r.call.take(elementSize * n) }, "slice", "splice", "with", "toReversed", "toSpliced")
	on(func(n int, _ []goja.Value) { r.call.take(4 * elementSize * n) }, "fill") // what was empty becomes sparse first
	on(func(n int, _ []goja.Value) {
		r.call.take(elementSize * n)
		r.call.work(priceCallback * int64(n))
	}, "map", "filter")
	on(func(n int, args []goja.Value) {
		r.call.take(elementSize * n)
		rounds := int64(n) * int64(bits.Len(uint(n)))
		if len(args) > 0 && !goja.IsUndefined(args[0]) {
			r.call.work(priceCallback * rounds)
		} else {
			r.call.work(compareText * rounds)
		}
	}, "sort", "toSorted")
	on(func(n int, args []goja.Value) {
		for _, a := range args {
			if o, ok := a.(*goja.Object); ok {
				m, _ := r.length(o)
				n += m
			}
		}
		r.call.take(elementSize * n)
	}, "concat")
	on(func(int, []goja.Value) {}, "pop", "at", "keys", "values", "entries")
	l.before("Array.prototype.push", func(fc goja.FunctionCall) goja.FunctionCall {
		n := r.arrayLength(fc.This, "push")
		r.stretch(fc.This.(*goja.Object), int64(n+len(fc.Arguments)-1))
		return fc
	})
	l.natives["Array.prototype.join"] = l.function("join", 1, r.join())
	l.natives["Array.prototype.flat"] = l.function("flat", 0, r.flat)
	l.natives["Array.prototype.flatMap"] = l.function("flatMap", 1, r.flatMap)
	l.wrap("Array.from", func(original native, fc goja.FunctionCall) goja.Value {
		args := append([]goja.Value(nil), fc.Arguments...)
		if len(args) > 0 {
			args[0] = r.arrayFrom(args[0])
			if len(args) > 1 {
				n, _ := r.length(args[0].(*goja.Object))
				r.call.work(priceCallback * int64(n))
			}
		}
		return original(goja.FunctionCall{This: fc.This, Arguments: args})
	})
	l.before("Array.of", func(fc goja.FunctionCall) goja.FunctionCall {
		r.call.take(elementSize * len(fc.Arguments))
		return fc
	})
	l.class("Array", 1, func(args []goja.Value) []goja.Value {
		r.call.take(elementSize * len(args))
		return args
	})
}

// Gas for a built-in's round over an element.
const (
	priceElement   = 4   // moving it
	compareElement = 16  // comparing it
	compareText    = 128 // making it text and comparing that
	priceArgument  = 256 // passing it as an argument out of a list
)

func (r *realm) arrayLength(this goja.Value, name string) int {
	o, ok := this.(*goja.Object)
	if ok && o.ClassName() == "Array" {
		n, _ := r.length(o)
		return n
	}
	panic(r.rt.NewTypeError("%s works on arrays only", name))
}

// join is Array.prototype.join. goja's would add up strings without paying for them, and
// recurse without end into arrays of arrays.
func (r *realm) join() native {
	return func(fc goja.FunctionCall) goja.Value {
		r.call.alive()
		n := r.arrayLength(fc.This, "join")
		o := fc.This.(*goja.Object)
		c := r.call
		for _, outer := range c.joining {
			if outer == o {
				return r.rt.ToValue("")
			}
		}
		if len(c.joining) >= maxNesting {
			panic(r.rt.NewTypeError("arrays nested more than %d deep", maxNesting))
		}
		c.enter(1) // goja's conversion of an array in between
		defer c.leave(1)
		c.joining = append(c.joining, o)
		defer func() { c.joining = c.joining[:len(c.joining)-1] }()
		sep := r.rt.ToValue(",").(goja.String)
		if v := fc.Argument(0); !goja.IsUndefined(v) {
			sep = r.string(v)
		}
		c.work(compareElement * int64(n))
		var b goja.StringBuilder
		size := 0
		write := func(s goja.String) {
			size += s.Length()
			c.fits(size)
			c.take(s.Length())
			b.WriteString(s)
		}
		for i := range n {
			if i > 0 && sep.Length() > 0 {
				write(sep)
			}
			if v := o.Get(index(i)); v != nil && !goja.IsUndefined(v) && !goja.IsNull(v) {
				write(r.string(v))
			}
		}
		made := b.String()
		c.note(made)
		return made
	}
}

// flat is Array.prototype.flat.
func (r *realm) flat(fc goja.FunctionCall) goja.Value {
	r.call.alive()
	r.arrayLength(fc.This, "flat")
	depth := int64(1)
	if v := fc.Argument(0); !goja.IsUndefined(v) {
		depth = v.ToInteger()
	}
	var out []any
	r.flatten(&out, fc.This.(*goja.Object), depth, 0)
	return r.rt.NewArray(out...)
}

// flatMap is Array.prototype.flatMap.
func (r *realm) flatMap(fc goja.FunctionCall) goja.Value {
	r.call.alive()
	n := r.arrayLength(fc.This, "flatMap")
	f, ok := goja.AssertFunction(fc.Argument(0))
	if !ok {
		panic(r.rt.NewTypeError("flatMap takes a function"))
	}
	r.call.work(priceCallback * int64(n))
	var out []any
	for i := range n {
		v := fc.This.(*goja.Object).Get(index(i))
		if v == nil {
			continue
		}
		got, err := f(fc.Argument(1), v, r.rt.ToValue(i), fc.This)
		if err != nil {
			panic(err)
		}
		if o, ok := got.(*goja.Object); ok && o.ClassName() == "Array" {
			r.flatten(&out, o, 0, 0)
			continue
		}
		r.call.take(elementSize)
		out = append(out, got)
	}
	return r.rt.NewArray(out...)
}

func (r *realm) flatten(out *[]any, from *goja.Object, depth int64, nested int) {
	if nested >= maxNesting {
		panic(r.rt.NewTypeError("arrays nested more than %d deep", maxNesting))
	}
	r.call.enter(1)
	defer r.call.leave(1)
	n, _ := r.length(from)
	r.call.work(compareElement * int64(n))
	for i := range n {
		v := from.Get(index(i))
		if v == nil {
			continue
		}
		if o, ok := v.(*goja.Object); ok && depth > 0 && o.ClassName() == "Array" {
			r.flatten(out, o, depth-1, nested+1)
			continue
		}
		r.call.take(elementSize)
		*out = append(*out, v)
	}
}
