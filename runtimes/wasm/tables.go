package wasm

import (
	"reflect"
	"slices"

	"github.com/tetratelabs/wazero/api"
)

// tables is what a call can change of an instance beside memory and globals: elements of
// tables, and data and element segments, which it can drop. The engine has no door to
// them, so they are reached by reflection; kept is false when they are not where this version of the
// engine has them, and the instance then serves one call.
type tables struct {
	kept   bool
	tables []savedTable
	datas  savedSlice
	elems  savedSlice
}

type savedTable struct {
	refs reflect.Value // the engine's slice
	was  []uintptr
}

type savedSlice struct{ now, was reflect.Value }

// saveTables keeps the tables as they are now. Elements point into the instance, so
// every instance keeps its own.
func saveTables(mod api.Module) (t tables) {
	m := reflect.ValueOf(mod)
	if m.Kind() != reflect.Pointer || m.Elem().Kind() != reflect.Struct {
		return t
	}
	m = m.Elem()
	list := m.FieldByName("Tables")
	if !list.IsValid() || list.Kind() != reflect.Slice {
		return t
	}
	for n := range list.Len() {
		p := list.Index(n)
		if p.Kind() != reflect.Pointer || p.IsNil() || p.Elem().Kind() != reflect.Struct {
			return t
		}
		refs := p.Elem().FieldByName("References")
		if !refs.IsValid() || !refs.CanSet() || refs.Type() != reflect.TypeFor[[]uintptr]() {
			return t
		}
		t.tables = append(t.tables, savedTable{refs, slices.Clone(refs.Interface().([]uintptr))})
	}
	var ok [2]bool
	t.datas, ok[0] = saveSlice(m.FieldByName("DataInstances"))
	t.elems, ok[1] = saveSlice(m.FieldByName("ElementInstances"))
	t.kept = ok[0] && ok[1]
	return t
}

// saveSlice keeps a slice of slices: a dropped segment is an empty one.
func saveSlice(v reflect.Value) (savedSlice, bool) {
	if !v.IsValid() || v.Kind() != reflect.Slice || v.Type().Elem().Kind() != reflect.Slice || v.Len() > 0 && !v.Index(0).CanSet() {
		return savedSlice{}, false
	}
	was := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	reflect.Copy(was, v)
	return savedSlice{v, was}, true
}

// items is how many elements and segments there are to put back.
func (t *tables) items() (n int) {
	for _, s := range t.tables {
		n += len(s.was)
	}
	for _, s := range []savedSlice{t.datas, t.elems} {
		if s.was.IsValid() {
			n += s.was.Len()
		}
	}
	return n
}

// restore puts the tables back, their sizes too.
func (t *tables) restore() bool {
	if !t.kept {
		return false
	}
	for _, s := range t.tables {
		refs := s.refs.Interface().([]uintptr)
		if len(refs) < len(s.was) {
			return false
		}
		copy(refs, s.was)
		clear(refs[len(s.was):])
		s.refs.Set(reflect.ValueOf(refs[:len(s.was)]))
	}
	reflect.Copy(t.datas.now, t.datas.was)
	reflect.Copy(t.elems.now, t.elems.was)
	return true
}

// engineSize is about how many bytes the engine keeps for an instance beside its memory:
// an entry's stack, and so much for each table element, function in a table, data segment
// and global.
func engineSize(mod api.Module) int {
	const base, element, function, segment, global = 16 << 10, 8, 56, 24, 64
	size := base
	m := reflect.Indirect(reflect.ValueOf(mod))
	count := func(field string, each int) {
		if v := m.FieldByName(field); v.IsValid() && v.Kind() == reflect.Slice {
			size += v.Len() * each
		}
	}
	if m.Kind() != reflect.Struct {
		return size
	}
	count("DataInstances", segment)
	count("Globals", global)
	t := saveTables(mod)
	for _, t := range t.tables {
		size += len(t.was) * element
		for _, ref := range t.was {
			if ref != 0 {
				size += function
			}
		}
	}
	return size
}
