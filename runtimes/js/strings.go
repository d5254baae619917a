package js

import (
	"reflect"

	"github.com/dop251/goja"
)

// strings bounds what a string method may allocate. The object's own conversion to a
// string runs once, before the charge, and the result takes its place.
func (l *library) strings() {
	r := l.realm
	on := func(name string, cost func(s goja.String, args []goja.Value)) {
		l.wrap("String.prototype."+name, func(original native, fc goja.FunctionCall) goja.Value {
			s := r.receiver(fc.This)
			args := append([]goja.Value(nil), fc.Arguments...)
			cost(s, args)
			v := original(goja.FunctionCall{This: s, Arguments: args})
			if made, ok := v.(goja.String); ok && made.Length() > 1 {
				r.call.made(made)
			}
			return v
		})
	}
	on("repeat", func(s goja.String, args []goja.Value) {
		r.call.fits(product(int64(s.Length()), max(r.integer(args, 0), 0)))
	})
	pad := func(s goja.String, args []goja.Value) {
		n := r.integer(args, 0)
		if len(args) > 1 && !goja.IsUndefined(args[1]) {
			args[1] = r.string(args[1])
		}
		r.call.fits(product(max(n, int64(s.Length())), 1))
	}
	on("padStart", pad)
	on("padEnd", pad)
	on("concat", func(s goja.String, args []goja.Value) {
		n := s.Length()
		for i := range args {
			t := r.string(args[i])
			args[i], n = t, n+t.Length()
			r.call.fits(n)
		}
	})
	cut := func(s goja.String, args []goja.Value) {
		for i := range args {
			if !goja.IsUndefined(args[i]) {
				r.integer(args, i)
			}
		}
	}
	on("slice", cut)
	on("substring", cut)
	on("substr", cut)
	linear := func(s goja.String, _ []goja.Value) { r.call.work(int64(s.Length())) }
	for _, name := range []string{"trim", "trimStart", "trimEnd", "toUpperCase", "toLowerCase"} {
		on(name, linear)
	}
	l.natives["String.prototype.trimLeft"] = l.natives["String.prototype.trimStart"]
	l.natives["String.prototype.trimRight"] = l.natives["String.prototype.trimEnd"]
	find := func(s goja.String, args []goja.Value) {
		if len(args) > 0 {
			if isRegExp(r, args[0]) {
				panic(r.rt.NewTypeError("this string method takes no regular expression"))
			}
			args[0] = r.string(args[0])
			r.call.work(search(s, args[0].(goja.String)))
		}
	}
	for _, name := range []string{"indexOf", "lastIndexOf", "includes", "startsWith", "endsWith"} {
		on(name, find)
	}
	l.patterns()
	l.wrap("String.fromCharCode", l.made)
	l.wrap("String.fromCodePoint", l.made)
	for _, name := range []string{"toString", "toFixed", "toPrecision", "toExponential"} {
		l.wrap("Number.prototype."+name, func(original native, fc goja.FunctionCall) goja.Value {
			digits := int64(4)
			if v := fc.Argument(0); name != "toString" {
				digits += min(max(v.ToInteger(), 0), maxDigits)
			} else if !goja.IsUndefined(v) && v.ToInteger() != 10 {
				digits += maxDigits
			}
			r.call.work(priceDigit * digits)
			return l.made(original, fc)
		})
	}
	l.wrap("Function.prototype.toString", l.made)
	l.wrap("Symbol.prototype.toString", l.made)
	for _, name := range []string{"parseInt", "parseFloat"} {
		l.globals[name] = l.converter(name)
		l.natives["Number."+name] = l.globals[name]
	}
	for _, name := range []string{"encodeURI", "encodeURIComponent", "decodeURI", "decodeURIComponent"} {
		l.globals[name] = l.converter(name)
	}
}

const (
	priceDigit = 20  // a digit of a number that is written
	maxDigits  = 100 // of a fraction
)

// made charges for the string that a function returns, of a bounded size.
func (l *library) made(original native, fc goja.FunctionCall) goja.Value {
	l.realm.call.work(int64(16 * len(fc.Arguments)))
	v := original(fc)
	if s, ok := v.(goja.String); ok {
		l.realm.call.made(s)
	}
	return v
}

// converter wraps a global function of one string.
func (l *library) converter(name string) goja.Value {
	r := l.realm
	o, f := l.original(name)
	return l.function(name, int(o.Get("length").ToInteger()), func(fc goja.FunctionCall) goja.Value {
		r.call.alive()
		args := append([]goja.Value(nil), fc.Arguments...)
		if len(args) > 0 {
			s := r.string(args[0])
			args[0] = s
			r.call.work(4 * int64(s.Length()))
			if name == "parseFloat" {
				r.call.work(4 * priceDigit)
			}
		}
		return l.made(f, goja.FunctionCall{This: fc.This, Arguments: args})
	})
}

// receiver is what a string method was called on, as a string.
func (r *realm) receiver(this goja.Value) goja.String {
	if goja.IsUndefined(this) || goja.IsNull(this) {
		panic(r.rt.NewTypeError("a string method was called on nothing"))
	}
	return r.string(this)
}

// search is the price of looking for one string in another. goja compares text beyond
// ASCII at every position.
func search(s, what goja.String) int64 {
	n, m := int64(s.Length()), int64(what.Length())
	if m <= 8 || m > n || isASCII(s) || isASCII(what) {
		return n + m
	}
	return n + (n-m+1)*m/4
}

// isASCII tells whether a string is ASCII. Of goja's types for strings one is for that alone, and
// one, a slice, for what is not.
func isASCII(s goja.String) bool {
	switch reflect.TypeOf(s).Kind() {
	case reflect.String:
		return true
	case reflect.Slice:
		return false
	}
	return len(s.String()) == s.Length()
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
