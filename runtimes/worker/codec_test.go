package worker

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// fill gives every field of a value another one that is not zero.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.String:
		v.SetString("text " + string(rune('a'+*n%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n % 100))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n % 100))
	default:
		panic("fill does not know " + v.Type().String())
	}
}

// roundTrip writes a full value and reads it again, and writes a zero one and reads it.
func roundTrip[T any](t *testing.T, write func(frame, T) frame, read func(*fields) T) {
	t.Helper()
	var full, zero T
	n := 0
	fill(reflect.ValueOf(&full).Elem(), &n)
	for _, want := range []T{full, zero} {
		var pipe bytes.Buffer
		if err := write(newFrame('?'), want).send(&pipe); err != nil {
			t.Fatal(err)
		}
		_, b, err := receive(&pipe, nil)
		if err != nil {
			t.Fatal(err)
		}
		f := &fields{b: b}
		got := read(f)
		if err := f.done(); err != nil || !same(reflect.ValueOf(got), reflect.ValueOf(want)) {
			t.Errorf("%T = %+v, %v, want %+v", want, got, err, want)
		}
		for cut := range len(b) {
			f := &fields{b: b[:cut:cut]}
			if read(f); f.done() == nil {
				t.Errorf("%T cut to %d of %d bytes was read without an error", want, cut, len(b))
			}
		}
	}
}

// same is reflect.DeepEqual, but for empty byte strings: a missing one and an empty one
// are told apart only where that means something, in host.Result.Reply.
func same(a, b reflect.Value) bool {
	clean := func(v reflect.Value) any {
		c := reflect.New(v.Type()).Elem()
		c.Set(v)
		empty(c)
		return c.Interface()
	}
	return reflect.DeepEqual(clean(a), clean(b))
}

func empty(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "Reply" {
				empty(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Len() == 0 && v.CanSet() {
			v.SetZero()
		}
	}
}

// TestCodec proves that no field of what crosses the pipe is forgotten: every field of
// every type is filled and must arrive.
func TestCodec(t *testing.T) {
	roundTrip(t, func(f frame, v abi.Call) frame { return f.call(&v) }, (*fields).call)
	roundTrip(t, frame.grant, (*fields).grant)
	roundTrip(t, frame.limits, (*fields).limits)
	roundTrip(t, func(f frame, v host.Result) frame { return f.result(&v) }, (*fields).result)
	roundTrip(t, frame.hostCall, (*fields).hostCall)
	roundTrip(t, frame.places, (*fields).places)
	roundTrip(t, frame.keys, (*fields).keys)
	roundTrip(t, frame.values, (*fields).values)
	roundTrip(t, frame.entries, (*fields).entries)
	roundTrip(t, frame.used, (*fields).used)
	roundTrip(t, func(f frame, v []testSent) frame {
		var list []sent
		for _, a := range v {
			list = append(list, sent{a.K, a.V})
		}
		return f.ahead(list)
	}, func(f *fields) (v []testSent) {
		for _, a := range f.ahead() {
			v = append(v, testSent{a.key, a.value})
		}
		return v
	})
	roundTrip(t, frame.request, (*fields).request)
	roundTrip(t, frame.response, (*fields).response)
	roundTrip(t, frame.pieces, (*fields).pieces)
	roundTrip(t, func(f frame, v testEquipment) frame {
		return f.equipment(equipment{v.A, v.B, v.C, v.D, v.E, v.F})
	}, func(f *fields) testEquipment {
		e := f.equipment()
		return testEquipment{e.contracts, e.world, e.trace, e.charges, e.failAt, e.nested}
	})
	if r := (&fields{b: newFrame('?').result(&host.Result{Reply: []byte{}})[5:]}).result(); r.Reply == nil {
		t.Error("an empty reply became none")
	}
}

// testSent is sent with fields that reflection may set.
type testSent struct {
	K host.Key
	V abi.Value
}

// testEquipment is equipment with fields that reflection may set.
type testEquipment struct {
	A, B, C, D bool
	E, F       int
}

// TestNothingNew fails when a session gets a field that the worker does not know of: add
// it to equipment, or to the frames, and then here.
func TestNothingNew(t *testing.T) {
	for _, tt := range []struct {
		of   reflect.Type
		want []string
	}{
		{reflect.TypeFor[host.Session](), []string{"Call", "Limits", "Contracts", "World", "Probe", "Nested"}},
		{reflect.TypeFor[host.Probe](), []string{"HostCall", "FailAt", "Charge"}},
		{reflect.TypeFor[equipment](), []string{"contracts", "world", "trace", "charges", "failAt", "nested"}},
	} {
		var got []string
		for f := range fieldsOf(tt.of) {
			if f.IsExported() || tt.of == reflect.TypeFor[equipment]() {
				got = append(got, f.Name)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s has %q, the worker knows %q", tt.of, got, tt.want)
		}
	}
}

func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}
