package starlark

import (
	"fmt"
	"sort"
	"strings"

	"go.starlark.net/starlark"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// record is a value with fixed attributes: the module kalima, and kalima.event.
type record struct {
	name   string
	fields starlark.StringDict
}

var (
	_ starlark.HasAttrs = (*record)(nil)

	kalima = &record{"kalima", hostFunctions()}
)

func (r *record) String() string        { return "<" + r.name + ">" }
func (r *record) Type() string          { return r.name }
func (r *record) Freeze()               {}
func (r *record) Truth() starlark.Bool  { return true }
func (r *record) Hash() (uint32, error) { return 0, fmt.Errorf("%s can not be hashed", r.name) }

// Attr returns an attribute, nil when there is none.
func (r *record) Attr(name string) (starlark.Value, error) { return r.fields[name], nil }

// AttrNames lists the attributes.
func (r *record) AttrNames() []string {
	names := r.fields.Keys()
	sort.Strings(names)
	return names
}

// arguments reads a host function's arguments. What is wrong with them ends the call.
type arguments struct {
	c    *call
	fn   string
	args starlark.Tuple
	err  error
}

func (a *arguments) bad(format string, args ...any) {
	if a.err == nil {
		a.err = a.c.must(abi.Faultf(abi.BadHostCall, a.fn+": "+format, args...))
	}
}

func (a *arguments) at(i int, what string) starlark.Value {
	if i < len(a.args) {
		return a.args[i]
	}
	a.bad("%s is missing", what)
	return starlark.None
}

func (a *arguments) str(i int, what string) string {
	v := a.at(i, what)
	s, ok := v.(starlark.String)
	if !ok {
		a.bad("%s is not a str", what)
	}
	return string(s)
}

func (a *arguments) data(i int, what string) []byte {
	switch v := a.at(i, what).(type) {
	case starlark.String:
		return []byte(v)
	case starlark.Bytes:
		return []byte(v)
	}
	a.bad("%s is neither a str nor bytes", what)
	return nil
}

func (a *arguments) number(i int, what string) int32 {
	if n, ok := a.at(i, what).(starlark.Int); ok {
		if v, ok := n.Int64(); ok && v == int64(int32(v)) {
			return int32(v)
		}
	}
	a.bad("%s is not an int of 32 bits", what)
	return 0
}

type hostFunction func(s *host.Session, a *arguments) (starlark.Value, *abi.Fault)

// hostFunctions makes the functions of the module kalima. Arguments are read before the
// session's method runs; when one is bad the method does not.
func hostFunctions() starlark.StringDict {
	d := starlark.StringDict{}
	for name, f := range map[string]hostFunction{
		"field": field, "number": number64, "get": get, "get_bytes": getBytes, "next": next, "put": put,
		"delete": remove, "submit": submit, "log": logLine, "reject": reject, "sha256": hash,
		"ed25519_verify": verify, "random": random, "emit": emit, "reply": reply, "clock": clock,
		"get_many": getMany(asText), "get_many_bytes": getMany(asBytes), "scan": scan(asText), "scan_bytes": scan(asBytes),
		"query": query(asText), "query_bytes": query(asBytes), "http": httpRequest,
	} {
		d[name] = starlark.NewBuiltin("kalima."+name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			c := of(t)
			a := &arguments{c: c, fn: name, args: args}
			switch {
			case c.session == nil:
				return nil, c.must(abi.Faultf(abi.BadHostCall, "host functions are not available at the top level"))
			case len(kwargs) > 0:
				a.bad("takes no named arguments")
				return nil, a.err
			}
			v, fault := f(c.session, a)
			if a.err != nil {
				return nil, a.err
			}
			if err := c.must(fault); err != nil {
				return nil, err
			}
			return v, nil
		})
	}
	return d
}

func field(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	id := a.number(0, "id")
	if a.err != nil {
		return nil, nil
	}
	b, f := s.Field(abi.Field(id))
	return starlark.Bytes(b), f
}

func number64(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	id := a.number(0, "id")
	if a.err != nil {
		return nil, nil
	}
	n, f := s.Number(abi.Number(id))
	return starlark.MakeInt64(n), f
}

func get(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	b, ok, f := lookup(s, a)
	if !ok {
		return starlark.None, f
	}
	return starlark.String(b), f
}

func getBytes(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	b, ok, f := lookup(s, a)
	if !ok {
		return starlark.None, f
	}
	return starlark.Bytes(b), f
}

func lookup(s *host.Session, a *arguments) ([]byte, bool, *abi.Fault) {
	address, key := a.str(0, "address"), a.str(1, "key")
	if a.err != nil {
		return nil, false, nil
	}
	return s.Get(address, key)
}

func next(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	address, after := a.str(0, "address"), ""
	if len(a.args) > 1 && a.args[1] != starlark.None {
		after = a.str(1, "after")
	}
	if a.err != nil {
		return nil, nil
	}
	key, ok, f := s.Next(address, after)
	if !ok {
		return starlark.None, f
	}
	return starlark.String(key), f
}

func put(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	address, key, value := a.str(0, "address"), a.str(1, "key"), a.data(2, "value")
	if a.err != nil {
		return nil, nil
	}
	return starlark.None, s.Put(address, key, value)
}

func remove(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	address, key := a.str(0, "address"), a.str(1, "key")
	if a.err != nil {
		return nil, nil
	}
	return starlark.None, s.Delete(address, key)
}

func submit(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	address, key, value := a.str(0, "address"), a.str(1, "key"), a.data(2, "value")
	if a.err != nil {
		return nil, nil
	}
	return starlark.None, s.Submit(address, key, value)
}

func logLine(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	line := a.str(0, "message")
	if a.err != nil {
		return nil, nil
	}
	return starlark.None, s.Log(line)
}

func reject(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	code, message := a.number(0, "code"), ""
	if len(a.args) > 1 {
		message = a.str(1, "message")
	}
	if a.err != nil {
		return nil, nil
	}
	return starlark.None, s.Reject(code, message)
}

func hash(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	b := a.data(0, "data")
	if a.err != nil {
		return nil, nil
	}
	d, f := s.SHA256(b)
	return starlark.Bytes(d[:]), f
}

func verify(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	key, message, sig := a.data(0, "key"), a.data(1, "message"), a.data(2, "signature")
	if a.err != nil {
		return nil, nil
	}
	ok, f := s.Ed25519Verify(key, message, sig)
	return starlark.Bool(ok), f
}

func random(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	n := a.number(0, "n")
	if a.err != nil {
		return nil, nil
	}
	b, f := s.Random(int(n))
	return starlark.Bytes(b), f
}

// printLog is print: the arguments as text, joined by spaces, become a line of the log.
func printLog(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	c := of(t)
	var parts []string
	for _, a := range args {
		n, err := c.weigh(a, 0)
		if err == nil {
			err = c.takeString(n)
		}
		if err != nil {
			return nil, err
		}
		s, ok := starlark.AsString(a)
		if !ok {
			s = a.String()
		}
		parts = append(parts, s)
	}
	if c.session == nil {
		return starlark.None, nil
	}
	return starlark.None, c.must(c.session.Log(strings.Join(parts, " ")))
}
