package js

import (
	"github.com/dop251/goja"
)

// patterns replaces the string methods that take a regular expression.
func (l *library) patterns() {
	r := l.realm
	// with makes a method out of one for expressions and one for strings.
	with := func(name string, expression func(s goja.String, o *goja.Object, re *expression, fc goja.FunctionCall) goja.Value,
		plain func(original native, s goja.String, args []goja.Value) goja.Value) {
		l.wrap("String.prototype."+name, func(original native, fc goja.FunctionCall) goja.Value {
			s := r.receiver(fc.This)
			if o, ok := fc.Argument(0).(*goja.Object); ok {
				if re := r.call.regexps[o]; re != nil {
					return expression(s, o, re, fc)
				}
			}
			return plain(original, s, append([]goja.Value(nil), fc.Arguments...))
		})
	}
	// compiled is for methods that make an expression of everything.
	compiled := func(name, flags string, f func(s goja.String, o *goja.Object, re *expression, fc goja.FunctionCall) goja.Value) {
		with(name, f, func(_ native, s goja.String, args []goja.Value) goja.Value {
			source := r.rt.ToValue("(?:)").(goja.String)
			if len(args) > 0 && !goja.IsUndefined(args[0]) {
				source = r.string(args[0])
			}
			o := r.newRegExp(nil, source, flags)
			return f(s, o, r.call.regexps[o], goja.FunctionCall{})
		})
	}
	compiled("match", "", r.match)
	compiled("matchAll", "g", r.matchAll)
	compiled("search", "", func(s goja.String, o *goja.Object, re *expression, _ goja.FunctionCall) goja.Value {
		if found := r.call.find(re, r.call.text(s, re), 0); found != nil {
			return r.rt.ToValue(found[0])
		}
		return r.rt.ToValue(-1)
	})
	with("replace", r.replace, func(original native, s goja.String, args []goja.Value) goja.Value {
		return r.replaceText(original, s, args, false)
	})
	with("replaceAll", func(s goja.String, o *goja.Object, re *expression, fc goja.FunctionCall) goja.Value {
		if !re.program.Flags.Global {
			panic(r.rt.NewTypeError("replaceAll takes a regular expression with the flag g"))
		}
		return r.replace(s, o, re, fc)
	}, func(original native, s goja.String, args []goja.Value) goja.Value {
		return r.replaceText(original, s, args, true)
	})
	with("split", r.split, func(original native, s goja.String, args []goja.Value) goja.Value {
		if len(args) > 0 && !goja.IsUndefined(args[0]) {
			sep := r.string(args[0])
			args[0] = sep
			r.call.work(search(s, sep))
		}
		r.call.take(s.Length() * (1 + elementSize))
		return original(goja.FunctionCall{This: s, Arguments: args})
	})
}

func (r *realm) match(s goja.String, o *goja.Object, re *expression, _ goja.FunctionCall) goja.Value {
	if !re.program.Flags.Global {
		if found, t := r.exec(o, re, s); found != nil {
			return r.result(re, t, found)
		}
		return goja.Null()
	}
	var items []any
	r.all(o, re, s, func(t *text, found []int) {
		r.call.take(elementSize)
		items = append(items, r.part(s, found[0], found[1]))
	})
	if items == nil {
		return goja.Null()
	}
	return r.rt.NewArray(items...)
}

// matchAll returns an iterator over a list of all matches, made at once.
func (r *realm) matchAll(s goja.String, o *goja.Object, re *expression, _ goja.FunctionCall) goja.Value {
	if !re.program.Flags.Global {
		panic(r.rt.NewTypeError("matchAll takes a regular expression with the flag g"))
	}
	var items []any
	r.all(o, re, s, func(t *text, found []int) { items = append(items, r.result(re, t, found)) })
	list := r.rt.NewArray(items...)
	return r.stdValues.Export().(native)(goja.FunctionCall{This: list})
}

// builder adds up a string and pays for it.
type builder struct {
	c    *call
	b    goja.StringBuilder
	size int
}

func (b *builder) write(s goja.String) {
	b.size += s.Length()
	b.c.fits(b.size)
	b.c.take(s.Length())
	b.b.WriteString(s)
}

func (b *builder) cut(s goja.String, from, to int) {
	if from < to {
		b.write(s.Substring(from, to))
	}
}

func (b *builder) done() goja.Value {
	s := b.b.String()
	b.c.note(s)
	return s
}

// replace is replace with a regular expression.
func (r *realm) replace(s goja.String, o *goja.Object, re *expression, fc goja.FunctionCall) goja.Value {
	f, call := goja.AssertFunction(fc.Argument(1))
	var with goja.String
	if !call {
		with = r.string(fc.Argument(1))
	}
	b, last := &builder{c: r.call}, 0
	r.all(o, re, s, func(t *text, found []int) {
		b.cut(s, last, found[0])
		last = found[1]
		if !call {
			r.expand(b, with, s, re, found)
			return
		}
		var args []goja.Value
		var items []any
		for i := 0; i < len(found); i += 2 {
			v := r.part(s, found[i], found[i+1])
			args, items = append(args, v), append(items, v)
		}
		args = append(args, r.rt.ToValue(found[0]), s)
		if g := r.groups(re, items); g != nil {
			args = append(args, g)
		}
		v, err := f(goja.Undefined(), args...)
		if err != nil {
			panic(err)
		}
		b.write(r.string(v))
	})
	b.cut(s, last, s.Length())
	return b.done()
}

const priceReplaced = 8 // a character of a replacement

// expand writes a replacement with what its $ stand for.
func (r *realm) expand(b *builder, with, s goja.String, re *expression, found []int) {
	last := 0
	r.call.work(priceReplaced * int64(with.Length()))
	for i := 0; i+1 < with.Length(); i++ {
		if with.CharAt(i) != '$' {
			continue
		}
		from, to, used := 0, 0, 2
		switch d := with.CharAt(i + 1); {
		case d == '$':
			b.cut(with, last, i+1)
			i++
			last = i + 1
			continue
		case d == '&':
			from, to = found[0], found[1]
		case d == '`':
			from, to = 0, found[0]
		case d == '\'':
			from, to = found[1], s.Length()
		case d >= '0' && d <= '9':
			n := int(d - '0')
			if i+2 < with.Length() && with.CharAt(i+2) >= '0' && with.CharAt(i+2) <= '9' {
				if two := n*10 + int(with.CharAt(i+2)-'0'); two > 0 && two <= re.program.Groups {
					n, used = two, 3
				}
			}
			if n == 0 || n > re.program.Groups {
				continue
			}
			from, to = max(found[2*n], 0), max(found[2*n+1], 0)
		case d == '<':
			n, length := r.groupName(with, i+2, re)
			if length < 0 {
				continue
			}
			if used = length + 3; n > 0 {
				from, to = max(found[2*n], 0), max(found[2*n+1], 0)
			}
		default:
			continue
		}
		b.cut(with, last, i)
		b.cut(s, from, to)
		i += used - 1
		last = i + 1
	}
	b.cut(with, last, with.Length())
}

// groupName reads the name in $<name>, and finds its group; length is -1 when it is none.
func (r *realm) groupName(with goja.String, at int, re *expression) (group, length int) {
	named := false
	for _, name := range re.program.Names {
		named = named || name != ""
	}
	if !named {
		return 0, -1
	}
	for end := at; end < with.Length(); end++ {
		r.call.work(1)
		if with.CharAt(end) != '>' {
			continue
		}
		want := with.Substring(at, end).String()
		for i, name := range re.program.Names {
			if name == want && name != "" {
				return i + 1, end - at
			}
		}
		return 0, end - at
	}
	return 0, -1
}

// replaceText is replace with a string to look for.
func (r *realm) replaceText(original native, s goja.String, args []goja.Value, every bool) goja.Value {
	for len(args) < 2 {
		args = append(args, goja.Undefined())
	}
	pattern := r.string(args[0])
	args[0] = pattern
	r.call.work(search(s, pattern))
	grown := 0
	if f, ok := goja.AssertFunction(args[1]); ok {
		args[1] = r.native(func(fc goja.FunctionCall) goja.Value {
			v, err := f(fc.This, fc.Arguments...)
			if err != nil {
				panic(err)
			}
			t := r.string(v)
			grown += t.Length()
			r.call.fits(grown)
			r.call.work(priceCallback)
			r.call.made(t)
			return t
		})
	} else {
		to := r.string(args[1])
		args[1] = to
		matches := int64(1)
		if every {
			matches = int64(s.Length()/max(pattern.Length(), 1) + 1)
		}
		each := int64(to.Length())
		for i := range to.Length() {
			if to.CharAt(i) == '$' {
				each += int64(s.Length())
			}
		}
		n := product(matches, each)
		if n < 0 {
			r.call.take(-1)
		}
		r.call.take(n)
	}
	v := original(goja.FunctionCall{This: s, Arguments: args})
	if made, ok := v.(goja.String); ok {
		r.call.made(made)
	}
	return v
}

// split is split with a regular expression.
func (r *realm) split(s goja.String, o *goja.Object, re *expression, fc goja.FunctionCall) goja.Value {
	limit := int64(1)<<32 - 1
	if v := fc.Argument(1); !goja.IsUndefined(v) {
		limit = int64(uint32(v.ToInteger()))
	}
	var items []any
	add := func(v goja.Value) bool {
		if int64(len(items)) < limit {
			r.call.take(elementSize)
			items = append(items, v)
		}
		return int64(len(items)) < limit
	}
	t := r.call.text(s, re)
	if s.Length() == 0 {
		if limit > 0 && r.call.find(re, t, 0) == nil {
			add(s)
		}
		return r.rt.NewArray(items...)
	}
	last := 0
	for from := 0; from < s.Length() && int64(len(items)) < limit; {
		r.call.work(priceCallback)
		found := r.call.find(re, t, from)
		if found == nil || found[0] >= s.Length() {
			break
		}
		if found[1] == found[0] && found[0] == last {
			from = max(from, found[1]) + 1
			if t.wide {
				from = t.index(t.unit(from))
			}
			if found = r.call.find(re, t, from); found == nil || found[0] >= s.Length() {
				break
			}
		}
		if !add(r.part(s, last, found[0])) {
			break
		}
		for i := 2; i < len(found); i += 2 {
			if !add(r.part(s, found[i], found[i+1])) {
				return r.rt.NewArray(items...)
			}
		}
		last, from = found[1], max(found[1], from)
	}
	if int64(len(items)) < limit {
		add(r.part(s, last, s.Length()))
	}
	return r.rt.NewArray(items...)
}
