package js

import (
	"unicode/utf16"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"

	"github.com/kalima-chain/kalima/runtimes/js/regex"
)

// Regular expressions are this package's own (package regex): goja's run some by
// backtracking, and none with a price.

// expression is what a RegExp object stands for. The call keeps them by object, since an object
// of goja's can hold nothing that its contract could not see.
type expression struct {
	program *regex.Program
	source  goja.String
	flags   string
}

const (
	priceRegExp  = 512 // the object and what belongs to it
	priceCompile = 64  // a character of an expression
	compiledSize = 64  // bytes of an instruction
)

// pattern checks a regular expression of the source.
func (m *meter) pattern(n *ast.RegExpLiteral) {
	flags, err := regex.ParseFlags(n.Flags)
	if err == nil {
		_, err = regex.Compile(units(utf16.Encode([]rune(n.Pattern)), flags.Unicode), flags)
	}
	if err != nil {
		m.refuse(n.Idx, "", "/%.40s/: %v", n.Pattern, err)
	}
	m.text(n.Pattern)
}

// literal is kalima$x: what a regular expression of the source makes.
func (r *realm) literal(fc goja.FunctionCall) goja.Value {
	return r.newRegExp(nil, fc.Argument(0).(goja.String), fc.Argument(1).String())
}

// newRegExp makes a RegExp.
func (r *realm) newRegExp(into *goja.Object, source goja.String, flags string) *goja.Object {
	c := r.call
	c.work(int64(priceCompile * source.Length()))
	parsed, err := regex.ParseFlags(flags)
	var p *regex.Program
	if err == nil {
		p, err = regex.Compile(c.units(source, parsed.Unicode), parsed)
	}
	if err != nil {
		panic(r.throwable("SyntaxError", "/%.40s/: %v", source, err))
	}
	c.take(priceRegExp + compiledSize*p.Size())
	if into == nil {
		into = r.rt.CreateObject(r.regexps)
	}
	if err := into.DefineDataProperty("lastIndex", r.rt.ToValue(0), goja.FLAG_TRUE, goja.FLAG_FALSE, goja.FLAG_FALSE); err != nil {
		panic(err)
	}
	if c.regexps == nil {
		c.regexps = map[*goja.Object]*expression{}
	}
	c.regexps[into] = &expression{program: p, source: source, flags: sortedFlags(parsed)}
	return into
}

func sortedFlags(f regex.Flags) string {
	s := ""
	for _, l := range []struct {
		on   bool
		name string
	}{{f.Global, "g"}, {f.IgnoreCase, "i"}, {f.Multiline, "m"}, {f.DotAll, "s"}, {f.Unicode, "u"}, {f.Sticky, "y"}} {
		if l.on {
			s += l.name
		}
	}
	return s
}

// throwable makes an Error of the library.
func (r *realm) throwable(class, format string, args ...any) *goja.Object {
	e := r.rt.NewTypeError(append([]any{format}, args...)...)
	if class != "TypeError" {
		if err := e.SetPrototype(r.prototype(class)); err != nil {
			panic(err)
		}
	}
	return e
}

// units gives the characters of a string as package regex wants them.
func (c *call) units(s goja.String, unicode bool) []rune {
	c.work(int64(s.Length()))
	list := make([]uint16, s.Length())
	for i := range list {
		list[i] = s.CharAt(i)
	}
	return units(list, unicode)
}

func units(list []uint16, unicode bool) []rune {
	out := make([]rune, 0, len(list))
	for i := 0; i < len(list); i++ {
		r := rune(list[i])
		if unicode && utf16.IsSurrogate(r) && i+1 < len(list) {
			if pair := utf16.DecodeRune(r, rune(list[i+1])); pair != 0xFFFD {
				r = pair
				i++
			}
		}
		out = append(out, r)
	}
	return out
}

// text is a string being searched.
type text struct {
	s     goja.String
	units []rune
	wide  bool // some unit is two UTF-16 units long
}

func (c *call) text(s goja.String, re *expression) *text {
	t := &text{s: s, units: c.units(s, re.program.Flags.Unicode)}
	t.wide = len(t.units) != s.Length()
	return t
}

// unit is the position of an index of the string; index is its reverse.
func (t *text) unit(index int) int {
	if !t.wide {
		return index
	}
	at := 0
	for i, r := range t.units {
		if at >= index {
			return i
		}
		at += max(utf16.RuneLen(r), 1)
	}
	return len(t.units)
}

func (t *text) index(unit int) int {
	if !t.wide || unit < 0 {
		return unit
	}
	at := 0
	for _, r := range t.units[:unit] {
		at += max(utf16.RuneLen(r), 1)
	}
	return at
}

// find returns the bounds of the match from an index on and of its groups, as indexes.
func (c *call) find(re *expression, t *text, from int) []int {
	found := re.program.Match(t.units, t.unit(from), re.program.Flags.Sticky, func(n int) { c.work(int64(n)) })
	for i, at := range found {
		found[i] = t.index(at)
	}
	return found
}

func isRegExp(r *realm, v goja.Value) bool {
	o, ok := v.(*goja.Object)
	return ok && r.call.regexps[o] != nil
}

// thisRegExp is what a method of RegExp was called on.
func (r *realm) thisRegExp(this goja.Value) (*goja.Object, *expression) {
	r.call.alive()
	if o, ok := this.(*goja.Object); ok {
		if re := r.call.regexps[o]; re != nil {
			return o, re
		}
	}
	panic(r.rt.NewTypeError("a method of RegExp was called on something else"))
}

// regexps makes the constructor RegExp and its prototype.
func (l *library) regexps() goja.Value {
	r := l.realm
	make := r.named("RegExp", 2, r.rt.ToValue(func(cc goja.ConstructorCall) *goja.Object {
		c := r.call
		c.alive()
		c.enter(1)
		defer c.leave(1)
		var source goja.Value = goja.Undefined()
		if len(cc.Arguments) > 0 {
			source = cc.Arguments[0]
		}
		flags := goja.Undefined()
		if len(cc.Arguments) > 1 {
			flags = cc.Arguments[1]
		}
		into := cc.This
		if cc.NewTarget == nil {
			into = nil // called without new
		}
		pattern, letters := r.rt.ToValue("(?:)").(goja.String), ""
		if o, ok := source.(*goja.Object); ok && r.call.regexps[o] != nil {
			pattern, letters = r.call.regexps[o].source, r.call.regexps[o].flags
		} else if !goja.IsUndefined(source) {
			if pattern = r.string(source); pattern.Length() == 0 {
				pattern = r.rt.ToValue("(?:)").(goja.String)
			}
		}
		if !goja.IsUndefined(flags) {
			letters = r.string(flags).String()
		}
		return r.newRegExp(into, pattern, letters)
	}).(*goja.Object))
	r.regexps = make.Get("prototype").(*goja.Object)
	if err := make.DefineDataProperty("prototype", r.regexps, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE); err != nil {
		panic(err)
	}
	method := func(name string, length int, f func(o *goja.Object, re *expression, fc goja.FunctionCall) goja.Value) {
		v := l.function(name, length, func(fc goja.FunctionCall) goja.Value {
			o, re := r.thisRegExp(fc.This)
			return f(o, re, fc)
		})
		if err := r.regexps.DefineDataProperty(name, v, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE); err != nil {
			panic(err)
		}
	}
	method("exec", 1, func(o *goja.Object, re *expression, fc goja.FunctionCall) goja.Value {
		s := r.string(fc.Argument(0))
		if found, t := r.exec(o, re, s); found != nil {
			return r.result(re, t, found)
		}
		return goja.Null()
	})
	method("test", 1, func(o *goja.Object, re *expression, fc goja.FunctionCall) goja.Value {
		found, _ := r.exec(o, re, r.string(fc.Argument(0)))
		return r.rt.ToValue(found != nil)
	})
	method("toString", 0, func(_ *goja.Object, re *expression, _ goja.FunctionCall) goja.Value {
		s := "/" + re.source.String() + "/" + re.flags
		v := r.rt.ToValue(s).(goja.String)
		r.call.made(v)
		return v
	})
	f := func(name string, of func(*expression) any) {
		get := l.function("get "+name, 0, func(fc goja.FunctionCall) goja.Value {
			_, re := r.thisRegExp(fc.This)
			return r.rt.ToValue(of(re))
		})
		if err := r.regexps.DefineAccessorProperty(name, get, nil, goja.FLAG_TRUE, goja.FLAG_FALSE); err != nil {
			panic(err)
		}
	}
	f("source", func(re *expression) any { return re.source })
	f("flags", func(re *expression) any { return re.flags })
	f("global", func(re *expression) any { return re.program.Flags.Global })
	f("ignoreCase", func(re *expression) any { return re.program.Flags.IgnoreCase })
	f("multiline", func(re *expression) any { return re.program.Flags.Multiline })
	f("dotAll", func(re *expression) any { return re.program.Flags.DotAll })
	f("unicode", func(re *expression) any { return re.program.Flags.Unicode })
	f("sticky", func(re *expression) any { return re.program.Flags.Sticky })
	return make
}

// exec is one search from lastIndex on, as RegExp.prototype.exec makes it.
func (r *realm) exec(o *goja.Object, re *expression, s goja.String) ([]int, *text) {
	moves := re.program.Flags.Global || re.program.Flags.Sticky
	from := int64(0)
	if moves {
		if from = o.Get("lastIndex").ToInteger(); from < 0 || from > int64(s.Length()) {
			r.setLastIndex(o, 0)
			return nil, nil
		}
	}
	t := r.call.text(s, re)
	found := r.call.find(re, t, int(from))
	if moves {
		to := 0
		if found != nil {
			to = found[1]
		}
		r.setLastIndex(o, to)
	}
	return found, t
}

func (r *realm) setLastIndex(o *goja.Object, to int) {
	if err := o.Set("lastIndex", to); err != nil {
		panic(err)
	}
}

// part is a piece of the text, undefined for a group that took no part.
func (r *realm) part(s goja.String, from, to int) goja.Value {
	if from < 0 {
		return goja.Undefined()
	}
	v := s.Substring(from, to)
	r.call.made(v)
	return v
}

// result is the array that exec returns.
func (r *realm) result(re *expression, t *text, found []int) *goja.Object {
	r.call.take(priceRegExp + elementSize*len(found))
	items := make([]any, 0, len(found)/2)
	for i := 0; i < len(found); i += 2 {
		items = append(items, r.part(t.s, found[i], found[i+1]))
	}
	o := r.rt.NewArray(items...)
	groups := goja.Value(goja.Undefined())
	if g := r.groups(re, items); g != nil {
		groups = g
	}
	for _, p := range []struct {
		name  string
		value any
	}{{"index", found[0]}, {"input", t.s}, {"groups", groups}} {
		if err := o.Set(p.name, p.value); err != nil {
			panic(err)
		}
	}
	return o
}

// groups is the object of named groups, nil when there are none.
func (r *realm) groups(re *expression, items []any) *goja.Object {
	var o *goja.Object
	for i, name := range re.program.Names {
		if name == "" {
			continue
		}
		if o == nil {
			o = r.rt.CreateObject(nil)
		}
		r.call.take(priceProperty)
		if err := o.Set(name, items[i+1]); err != nil {
			panic(err)
		}
	}
	return o
}

// all finds every match of an expression with the flag g, otherwise the first.
func (r *realm) all(o *goja.Object, re *expression, s goja.String, each func(t *text, found []int)) {
	t := r.call.text(s, re)
	from := 0
	if !re.program.Flags.Global && re.program.Flags.Sticky {
		from = int(min(max(o.Get("lastIndex").ToInteger(), 0), int64(s.Length())))
	}
	for from <= s.Length() {
		r.call.work(priceCallback)
		found := r.call.find(re, t, from)
		if found == nil {
			break
		}
		each(t, found)
		if !re.program.Flags.Global {
			break
		}
		if from = found[1]; found[1] == found[0] {
			from++
			if t.wide {
				from = t.index(t.unit(from)) // past the pair
			}
		}
	}
	if re.program.Flags.Global {
		r.setLastIndex(o, 0)
	}
}
