package js

import (
	"fmt"
	"math"
	"strings"

	"github.com/dop251/goja"
)

const parsedSize = 16 // bytes goja takes, at least, for a byte of JSON

// json makes the object JSON.
func (r *realm) json() goja.Value {
	var parse goja.Callable
	o := r.rt.NewObject()
	r.define(o, "parse", r.native(func(fc goja.FunctionCall) goja.Value {
		if parse == nil {
			parse, _ = goja.AssertFunction(r.global("JSON").Get("parse"))
		}
		s := r.string(fc.Argument(0))
		r.call.take(s.Length() * parsedSize)
		if !shallow(s.String()) {
			panic(r.rt.NewTypeError("JSON nested more than %d deep", maxNesting))
		}
		args := append([]goja.Value{s}, fc.Arguments[min(1, len(fc.Arguments)):]...)
		return r.run(parse, goja.FunctionCall{This: fc.This, Arguments: args})
	}))
	r.define(o, "stringify", r.native(r.stringify))
	return o
}

// shallow reports whether brackets outside strings nest at most maxNesting deep.
func shallow(s string) bool {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > maxNesting {
				return false
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return true
}

// stringify is JSON.stringify without a replacer. goja's own pays for nothing, and an
// object that holds another twice doubles with each level.
func (r *realm) stringify(fc goja.FunctionCall) goja.Value {
	if v := fc.Argument(1); !goja.IsUndefined(v) && !goja.IsNull(v) {
		panic(r.rt.NewTypeError("JSON.stringify takes no replacer in contracts yet"))
	}
	w := &jsonWriter{r: r}
	switch v := fc.Argument(2); v.(type) {
	case goja.String:
		w.indent = r.string(v).String()
		w.indent = w.indent[:min(len(w.indent), 10)]
	case *goja.Object:
	default:
		w.indent = strings.Repeat(" ", int(min(max(v.ToInteger(), 0), 10)))
	}
	if !w.value("", fc.Argument(0), "\n") {
		return goja.Undefined()
	}
	return r.rt.ToValue(w.b.String())
}

type jsonWriter struct {
	r      *realm
	b      strings.Builder
	open   []*goja.Object
	indent string
}

func (w *jsonWriter) write(s string) {
	if w.b.Len()+len(s) > maxString {
		w.r.call.take(-1)
	}
	w.r.call.chars(len(s))
	w.b.WriteString(s)
}

// value writes v and reports whether JSON has it.
func (w *jsonWriter) value(key string, v goja.Value, line string) bool {
	w.r.call.work(priceNode)
	if o, ok := v.(*goja.Object); ok {
		if f, ok := goja.AssertFunction(o.Get("toJSON")); ok {
			v = w.r.run(f, goja.FunctionCall{This: o, Arguments: []goja.Value{w.r.rt.ToValue(key)}})
		}
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
	case goja.IsNull(v), goja.IsNaN(v), goja.IsInfinity(v), math.IsInf(v.ToFloat(), 0):
		w.write("null")
	default:
		w.write(v.String())
	}
	return true
}

func (w *jsonWriter) object(o *goja.Object, line string) bool {
	if _, ok := goja.AssertFunction(o); ok {
		return false
	}
	switch o.ClassName() {
	case "Number":
		return w.value("", w.r.rt.ToValue(o.ToFloat()), line)
	case "String":
		w.quote(w.r.string(o))
		return true
	case "Boolean":
		b, _ := o.Export().(bool)
		return w.value("", w.r.rt.ToValue(b), line)
	}
	for _, outer := range w.open {
		if outer == o {
			panic(w.r.rt.NewTypeError("JSON.stringify: the object contains itself"))
		}
	}
	if len(w.open) >= maxNesting {
		panic(w.r.rt.NewTypeError("JSON.stringify: nested more than %d deep", maxNesting))
	}
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
		if !w.value(index(i), o.Get(index(i)), inner) {
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
	w.r.call.work(priceElement * int64(len(keys)))
	w.write("{")
	first := true
	for _, key := range keys {
		v := o.Get(key)
		mark := w.b.Len()
		text := w.b.String()
		if !first {
			w.write(",")
		}
		w.write(inner)
		w.quote(w.r.rt.ToValue(key).(goja.String))
		w.write(gap)
		if !w.value(key, v, inner) {
			w.b.Reset() // JSON leaves out what it does not have
			w.b.WriteString(text[:mark])
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
