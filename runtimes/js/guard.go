package js

import (
	"math/bits"
	"reflect"

	"github.com/dop251/goja"
)

const (
	elementSize = 16        // bytes goja takes for an element of an array
	maxString   = 256 << 10 // characters; sixteen times the largest value
)

var bytesType = reflect.TypeFor[[]byte]()

// chars charges for a string that is about to be made, or was.
func (c *call) chars(n int) {
	if n > maxString {
		c.take(-1)
	}
	c.take(n)
}

// product multiplies sizes without overflow; what is too large to be a size is negative.
func product(a, b int64) int {
	if a < 0 || b < 0 {
		return -1
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi != 0 || lo > 1<<40 {
		return -1
	}
	return int(lo)
}

// anyName stands for every name. No contract has a property of this name.
const anyName = "\x00any"

// guardable are the names that the guards in this file are for. A realm is new for each
// call, and putting all of them in place takes longer than a call: so they are put in place
// for the names that occur in a contract's source, and, when a contract computes such a
// name (key), at that moment. There is no other way to read a method than by a name, but
// for property descriptors; a contract that asks for those gets all guards.
var guardable = func() map[string]bool {
	all := map[string]bool{"getOwnPropertyDescriptor": true, "getOwnPropertyDescriptors": true}
	for _, list := range [][]string{stringMethods, refusedString, refusedArray, arrayReads, arrayCopies, arraySorts, objectFunctions,
		{"concat", "raw", "from", "apply"}} {
		for _, name := range list {
			all[name] = true
		}
	}
	return all
}()

// guards puts the guards for those names in place.
func (r *realm) guards(names map[string]bool) {
	all := names[anyName] || names["getOwnPropertyDescriptor"] || names["getOwnPropertyDescriptors"]
	needed := func(of string) func(string) bool {
		return func(name string) bool {
			if !all && !names[name] || r.guarded[of+name] {
				return false
			}
			r.guarded[of+name] = true
			return true
		}
	}
	r.guardStrings(needed("String."))
	r.guardArrays(needed("Array."))
	r.guardObjects(needed("Object."))
}

// guard replaces a method by one that runs before, then the original on what it returns.
func (r *realm) guard(o *goja.Object, name string, before func(goja.FunctionCall) goja.FunctionCall) {
	original, ok := goja.AssertFunction(o.Get(name))
	if !ok {
		return
	}
	r.patch(o, name, r.native(func(fc goja.FunctionCall) goja.Value {
		r.call.alive()
		fc = before(fc)
		return r.run(original, fc)
	}))
}

// run calls a function and passes on how it ends.
func (r *realm) run(f goja.Callable, fc goja.FunctionCall) goja.Value {
	v, err := f(fc.This, fc.Arguments...)
	if err != nil {
		panic(err)
	}
	return v
}

// refuse makes methods that contracts do not have say so.
func (r *realm) refuse(o *goja.Object, needed func(string) bool, names ...string) {
	for _, name := range names {
		if needed(name) {
			r.patch(o, name, r.native(func(goja.FunctionCall) goja.Value {
				panic(r.rt.NewTypeError("%s is not available in contracts", name))
			}))
		}
	}
}

// Methods of strings, and those that contracts do not have: they want regular expressions,
// or tables of a language that differ from one release of Go to the next.
var (
	stringMethods = []string{"repeat", "padStart", "padEnd", "concat", "split", "replace", "replaceAll", "indexOf", "lastIndexOf", "includes", "toUpperCase", "toLowerCase"}
	refusedString = []string{"match", "matchAll", "search", "normalize", "localeCompare", "toLocaleUpperCase", "toLocaleLowerCase"}
)

// guardStrings bounds what a string method may allocate. The object's own conversion to a
// string runs once, before the charge, and the result takes its place.
func (r *realm) guardStrings(needed func(string) bool) {
	p := r.prototype("String")
	on := func(name string, cost func(s goja.String, args []goja.Value)) {
		if !needed(name) {
			return
		}
		r.guard(p, name, func(fc goja.FunctionCall) goja.FunctionCall {
			if goja.IsUndefined(fc.This) || goja.IsNull(fc.This) {
				panic(r.rt.NewTypeError("a string method was called on nothing"))
			}
			s := r.string(fc.This)
			args := append([]goja.Value(nil), fc.Arguments...)
			cost(s, args)
			return goja.FunctionCall{This: s, Arguments: args}
		})
	}
	on("repeat", func(s goja.String, args []goja.Value) {
		n := r.integer(args, 0)
		r.call.chars(product(int64(s.Length()), max(n, 0)))
	})
	pad := func(s goja.String, args []goja.Value) {
		n := r.integer(args, 0)
		if len(args) > 1 && !goja.IsUndefined(args[1]) {
			args[1] = r.string(args[1])
		}
		r.call.chars(product(max(n, int64(s.Length())), 1))
	}
	on("padStart", pad)
	on("padEnd", pad)
	on("concat", func(s goja.String, args []goja.Value) {
		n := s.Length()
		for i := range args {
			t := r.string(args[i])
			args[i], n = t, n+t.Length()
		}
		r.call.chars(n)
	})
	on("split", func(s goja.String, args []goja.Value) {
		if len(args) > 0 && !goja.IsUndefined(args[0]) {
			args[0] = r.string(args[0])
		}
		r.call.take(s.Length() * (1 + elementSize))
	})
	replace := func(s goja.String, args []goja.Value, matches int64) {
		for len(args) < 2 {
			panic(r.rt.NewTypeError("replace needs two arguments"))
		}
		pattern := r.string(args[0])
		args[0] = pattern
		if f, ok := goja.AssertFunction(args[1]); ok {
			args[1] = r.native(func(fc goja.FunctionCall) goja.Value {
				t := r.string(r.run(f, fc))
				r.call.chars(t.Length())
				return t
			})
			r.call.chars(s.Length())
			return
		}
		to := r.string(args[1])
		args[1] = to
		if matches > 1 {
			matches = int64(s.Length()/max(pattern.Length(), 1) + 1)
		}
		each := int64(to.Length())
		for i := range to.Length() {
			if to.CharAt(i) == '$' {
				each += int64(s.Length())
			}
		}
		grown := product(matches, each)
		if grown < 0 {
			r.call.take(-1)
		}
		r.call.take(grown + s.Length())
	}
	on("replace", func(s goja.String, args []goja.Value) { replace(s, args, 1) })
	on("replaceAll", func(s goja.String, args []goja.Value) { replace(s, args, 2) })
	linear := func(s goja.String, args []goja.Value) { r.call.work(int64(s.Length())) }
	for _, name := range []string{"indexOf", "lastIndexOf", "includes", "toUpperCase", "toLowerCase"} {
		on(name, linear)
	}
	r.refuse(p, needed, refusedString...)
	r.refuse(r.global("String"), needed, "raw")
}

// integer converts an argument once, so that a conversion of the contract can not answer
// twice.
func (r *realm) integer(args []goja.Value, i int) int64 {
	if i >= len(args) {
		return 0
	}
	n := args[i].ToInteger()
	args[i] = r.rt.ToValue(n)
	return n
}

// Methods of arrays by what they cost for each element.
var (
	arrayReads  = []string{"indexOf", "lastIndexOf", "includes", "reverse", "shift", "unshift", "copyWithin", "forEach", "reduce", "reduceRight", "some", "every", "find", "findIndex", "findLast", "findLastIndex"}
	arrayCopies = []string{"fill", "slice", "splice", "map", "filter", "with", "toReversed", "toSpliced"}
	arraySorts  = []string{"sort", "toSorted"}

	refusedArray    = []string{"flat", "flatMap", "toLocaleString"}
	objectFunctions = []string{"keys", "values", "entries", "getOwnPropertyNames", "assign", "fromEntries"}
)

const (
	priceElement  = 4   // gas for a built-in's round over an element
	priceArgument = 256 // gas for an argument out of a list
)

// guardArrays charges array methods by the array's length. They work on arrays only:
// anything else could claim any length.
func (r *realm) guardArrays(needed func(string) bool) {
	p := r.prototype("Array")
	on := func(name string, cost func(n int, args []goja.Value)) {
		if !needed(name) {
			return
		}
		r.guard(p, name, func(fc goja.FunctionCall) goja.FunctionCall {
			cost(r.arrayLength(fc.This, name), fc.Arguments)
			return fc
		})
	}
	for _, name := range arrayReads {
		on(name, func(n int, _ []goja.Value) { r.call.work(priceElement * int64(n)) })
	}
	for _, name := range arrayCopies {
		on(name, func(n int, _ []goja.Value) { r.call.take(elementSize * n) })
	}
	for _, name := range arraySorts {
		on(name, func(n int, _ []goja.Value) {
			r.call.take(elementSize * n)
			r.call.work(priceElement * int64(n) * int64(bits.Len(uint(n))))
		})
	}
	on("concat", func(n int, args []goja.Value) {
		for _, a := range args {
			o, ok := a.(*goja.Object)
			if !ok {
				continue
			}
			if m, ok := r.length(o); ok {
				n += m
			} else if s := o.GetSymbol(goja.SymIsConcatSpreadable); s != nil && s.ToBoolean() {
				panic(r.rt.NewTypeError("concat takes arrays"))
			}
		}
		r.call.take(elementSize * n)
	})
	r.refuse(p, needed, refusedArray...)
	if needed("from") {
		r.guardFrom()
	}
}

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
func (r *realm) join() func(goja.FunctionCall) goja.Value {
	var open []*goja.Object // arrays being joined, outermost first
	return func(fc goja.FunctionCall) goja.Value {
		n := r.arrayLength(fc.This, "join")
		o := fc.This.(*goja.Object)
		for _, outer := range open {
			if outer == o {
				return r.rt.ToValue("")
			}
		}
		if len(open) >= maxNesting {
			panic(r.rt.NewTypeError("arrays nested more than %d deep", maxNesting))
		}
		open = append(open, o)
		defer func() { open = open[:len(open)-1] }()
		sep := r.rt.ToValue(",").(goja.String)
		if v := fc.Argument(0); !goja.IsUndefined(v) {
			sep = r.string(v)
		}
		r.call.work(priceElement * int64(n))
		var b goja.StringBuilder
		size := 0
		for i := range n {
			if i > 0 {
				size += sep.Length()
				r.call.chars(sep.Length())
				b.WriteString(sep)
			}
			v := o.Get(index(i))
			if v == nil || goja.IsUndefined(v) || goja.IsNull(v) {
				continue
			}
			s := r.string(v)
			if size += s.Length(); size > maxString {
				r.call.take(-1)
			}
			r.call.chars(s.Length())
			b.WriteString(s)
		}
		return b.String()
	}
}

// guardFrom replaces Array.from, whose original believes any length.
func (r *realm) guardFrom() {
	array := r.global("Array")
	r.guard(array, "from", func(fc goja.FunctionCall) goja.FunctionCall {
		switch v := fc.Argument(0).(type) {
		case goja.String:
			r.call.take(elementSize * v.Length())
		case *goja.Object:
			if n, ok := r.length(v); ok {
				r.call.take(elementSize * n)
			} else if it := v.GetSymbol(goja.SymIterator); it == nil || goja.IsUndefined(it) {
				fc.Arguments = append([]goja.Value{r.plain(v)}, fc.Arguments[1:]...)
			}
		}
		return fc
	})
}

// plain copies an object with a length, so that the length that was paid for is the one
// that is used.
func (r *realm) plain(o *goja.Object) *goja.Object {
	n := int64(0)
	if v := o.Get("length"); v != nil {
		n = v.ToInteger()
	}
	r.call.take(product(n, elementSize))
	to := r.rt.NewObject()
	for _, key := range o.Keys() {
		if key != "length" {
			r.define(to, key, o.Get(key))
		}
	}
	r.define(to, "length", r.rt.ToValue(n))
	return to
}
