package js

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/dop251/goja"
)

const parsedSize = 16 // bytes goja takes, at least, for a byte of JSON

// json makes the object JSON.
func (r *realm) json() goja.Value {
	l := &library{realm: r}
	_, parse := l.original("JSON.parse")
	o := r.rt.NewObject()
	r.define(o, "parse", l.function("parse", 2, func(fc goja.FunctionCall) goja.Value {
		r.call.alive()
		s := r.string(fc.Argument(0))
		r.call.take(s.Length() * parsedSize)
		depth := nesting(s.String())
		if depth > maxNesting {
			panic(r.throwable("SyntaxError", "JSON nested more than %d deep", maxNesting))
		}
		if c := r.call; c.digits >= hardNumber || hidden(s.String()) && c.hardened() {
			c.work(int64(s.Length()))
		}
		args := append([]goja.Value{s}, fc.Arguments[min(1, len(fc.Arguments)):]...)
		if len(args) > 1 && isFunction(args[1]) {
			r.call.work(priceCallback * int64(s.Length()) / 2) // a value takes two characters
			r.call.enter(depth)
			defer r.call.leave(depth)
		}
		return parse(goja.FunctionCall{This: fc.This, Arguments: args})
	}))
	r.define(o, "stringify", l.function("stringify", 3, r.stringify))
	return o
}

// hidden tells whether JSON writes a digit, a sign or an e as an escape, as nobody does who
// has nothing to hide.
func hidden(s string) bool {
	for {
		i := strings.Index(s, `\u00`)
		if i < 0 || i+6 > len(s) {
			return false
		}
		switch strings.ToLower(s[i+4 : i+6]) {
		case "2d", "2e", "30", "31", "32", "33", "34", "35", "36", "37", "38", "39", "45", "65":
			return true
		}
		s = s[i+4:]
	}
}

// nesting is how deep brackets outside strings nest, counted to just beyond maxNesting.
func nesting(s string) (most int) {
	depth, quoted := 0, false
	for i := 0; i < len(s) && most <= maxNesting; i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
			most = max(most, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return most
}

// stringify is JSON.stringify. goja's own pays for nothing, and an object that holds
// another twice doubles with each level.
func (r *realm) stringify(fc goja.FunctionCall) goja.Value {
	r.call.alive()
	w := &jsonWriter{r: r}
	if o, ok := fc.Argument(1).(*goja.Object); ok {
		if f, ok := goja.AssertFunction(o); ok {
			w.replacer = f
		} else if n, ok := r.length(o); ok {
			r.call.work(compareElement * int64(n))
			w.only = map[string]bool{}
			for i := range n {
				if v := o.Get(index(i)); v != nil && !goja.IsUndefined(v) {
					w.only[r.string(v).String()] = true
				}
			}
		}
	}
	switch v := fc.Argument(2); v.(type) {
	case goja.String:
		w.indent = r.string(v).String()
		w.indent = w.indent[:min(len(w.indent), 10)]
	case *goja.Object:
	default:
		w.indent = strings.Repeat(" ", int(min(max(v.ToInteger(), 0), 10)))
	}
	var holder *goja.Object
	if w.replacer != nil {
		holder = r.rt.NewObject()
		if err := holder.Set("", fc.Argument(0)); err != nil {
			panic(err)
		}
	}
	if !w.value(holder, "", fc.Argument(0), "\n") {
		return goja.Undefined()
	}
	made := r.rt.ToValue(string(w.b)).(goja.String)
	r.call.note(made)
	return made
}

type jsonWriter struct {
	r      *realm
	b      []byte
	open   []*goja.Object
	indent string

	replacer goja.Callable
	only     map[string]bool // names that a list allows; nil for all
}

func (w *jsonWriter) write(s string) {
	if len(w.b)+len(s) > maxString {
		w.r.call.take(-1)
	}
	w.r.call.take(len(s))
	w.b = append(w.b, s...)
}

// value writes v, which holder has under key, and reports whether JSON has it.
func (w *jsonWriter) value(holder *goja.Object, key string, v goja.Value, line string) bool {
	w.r.call.work(priceNode)
	if o, ok := v.(*goja.Object); ok {
		if f, ok := goja.AssertFunction(o.Get("toJSON")); ok {
			v = w.run(f, o, w.r.rt.ToValue(key))
		}
	}
	if w.replacer != nil {
		w.r.call.work(priceCallback)
		if v == nil {
			v = goja.Undefined()
		}
		v = w.run(w.replacer, holder, w.r.rt.ToValue(key), v)
	}
	switch v := v.(type) {
	case *goja.Object:
		return w.object(v, line)
	case goja.String:
		w.quote(v)
		return true
	case *goja.Symbol:
		return false
	}
	switch {
	case v == nil || goja.IsUndefined(v):
		return false
	default:
		w.write(w.plain(v))
	}
	return true
}

// plain is a number, a boolean or null.
func (w *jsonWriter) plain(v goja.Value) string {
	if goja.IsNaN(v) || goja.IsNumber(v) && math.IsInf(v.ToFloat(), 0) {
		return "null"
	}
	return v.String()
}

func (w *jsonWriter) run(f goja.Callable, this *goja.Object, args ...goja.Value) goja.Value {
	v, err := f(this, args...)
	if err != nil {
		panic(err)
	}
	return v
}

func (w *jsonWriter) object(o *goja.Object, line string) bool {
	if _, ok := goja.AssertFunction(o); ok {
		return false
	}
	switch o.ClassName() {
	case "Number":
		w.write(w.plain(w.r.rt.ToValue(o.ToFloat())))
		return true
	case "String":
		w.quote(w.r.string(o))
		return true
	case "Boolean":
		b, _ := o.Export().(bool)
		w.write(strconv.FormatBool(b))
		return true
	}
	for _, outer := range w.open {
		if outer == o {
			panic(w.r.rt.NewTypeError("JSON.stringify: the object contains itself"))
		}
	}
	if len(w.open) >= maxNesting {
		panic(w.r.rt.NewTypeError("JSON.stringify: nested more than %d deep", maxNesting))
	}
	w.r.call.enter(1)
	defer w.r.call.leave(1)
	w.open = append(w.open, o)
	inner, gap := "", ":"
	if w.indent != "" {
		inner, gap = line+w.indent, ": "
	}
	if o.ClassName() == "Array" {
		w.array(o, line, inner)
	} else {
		w.members(o, line, inner, gap)
	}
	w.open = w.open[:len(w.open)-1]
	return true
}

func (w *jsonWriter) array(o *goja.Object, line, inner string) {
	n, _ := w.r.length(o)
	w.write("[")
	for i := range n {
		if i > 0 {
			w.write(",")
		}
		w.write(inner)
		if !w.value(o, index(i), o.Get(index(i)), inner) {
			w.write("null")
		}
	}
	if n > 0 && inner != "" {
		w.write(line)
	}
	w.write("]")
}

func (w *jsonWriter) members(o *goja.Object, line, inner, gap string) {
	keys := o.Keys()
	w.r.call.work(compareElement * int64(len(keys)))
	w.write("{")
	first := true
	for _, key := range keys {
		if w.only != nil && !w.only[key] {
			continue
		}
		v := o.Get(key)
		mark := len(w.b)
		if !first {
			w.write(",")
		}
		w.write(inner)
		w.quote(w.r.rt.ToValue(key).(goja.String))
		w.write(gap)
		if !w.value(o, key, v, inner) {
			w.b = w.b[:mark] // JSON leaves out what it does not have
			continue
		}
		first = false
	}
	if !first && inner != "" {
		w.write(line)
	}
	w.write("}")
}

func (w *jsonWriter) quote(s goja.String) {
	var b strings.Builder
	b.WriteByte('"')
	for i := range s.Length() {
		switch c := s.CharAt(i); {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(byte(c))
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\b':
			b.WriteString(`\b`)
		case c == '\f':
			b.WriteString(`\f`)
		case c < 0x20:
			fmt.Fprintf(&b, `\u%04x`, c)
		case c < 0x80:
			b.WriteByte(byte(c))
		case c >= 0xD800 && c < 0xDC00 && i+1 < s.Length() && s.CharAt(i+1) >= 0xDC00 && s.CharAt(i+1) < 0xE000:
			b.WriteString(s.Substring(i, i+2).String())
		case c >= 0xDC00 && c < 0xE000 && i > 0 && s.CharAt(i-1) >= 0xD800 && s.CharAt(i-1) < 0xDC00:
			// written with the one before
		case c >= 0xD800 && c < 0xE000:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(rune(c))
		}
	}
	b.WriteByte('"')
	w.write(b.String())
}
