package js

import (
	"strings"

	"github.com/dop251/goja"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// functions are the members of the object kalima, with the number of their parameters.
// contracts-sdk/js/kalima.d.ts declares the same.
var functions = []struct {
	name   string
	params int
	call   func(*call, []goja.Value) goja.Value
}{
	{"field", 1, (*call).field}, {"number", 1, (*call).number},
	{"get", 2, (*call).get}, {"getBytes", 2, (*call).getBytes},
	{"getMany", 1, (*call).getMany}, {"getManyBytes", 1, (*call).getManyBytes},
	{"next", 2, (*call).next}, {"scan", 2, (*call).scan}, {"scanBytes", 2, (*call).scanBytes},
	{"put", 3, (*call).put}, {"delete", 2, (*call).delete}, {"emit", 2, (*call).emit}, {"submit", 3, (*call).submit},
	{"query", 3, (*call).query}, {"queryBytes", 3, (*call).queryBytes}, {"reply", 1, (*call).reply},
	{"http", 3, (*call).http}, {"clock", 0, (*call).clock},
	{"log", 1, (*call).log}, {"reject", 2, (*call).reject},
	{"sha256", 1, (*call).sha256}, {"ed25519Verify", 3, (*call).verify}, {"random", 1, (*call).random},
	{"text", 1, (*call).decode}, {"bytes", 1, (*call).encode},
}

// kalima makes the object through which a contract reaches its host.
func (r *realm) kalima() goja.Value {
	o, l := r.rt.NewObject(), &library{realm: r}
	for _, f := range functions {
		r.define(o, f.name, l.function(f.name, f.params, func(fc goja.FunctionCall) goja.Value {
			r.call.alive()
			return f.call(r.call, fc.Arguments)
		}))
	}
	event := l.function("get event", 0, func(goja.FunctionCall) goja.Value {
		r.call.alive()
		return r.call.eventObject()
	})
	if err := o.DefineAccessorProperty("event", event, nil, goja.FLAG_FALSE, goja.FLAG_TRUE); err != nil {
		panic(err)
	}
	return o
}

// host returns the session, or ends the call when there is none.
func (c *call) host() *host.Session {
	if c.session == nil {
		c.end(abi.Faultf(abi.BadHostCall, "host functions are not available at the top level while the contract is loaded"))
	}
	return c.session
}

func (c *call) bad(format string, args ...any) {
	c.end(abi.Faultf(abi.BadHostCall, format, args...))
}

func (c *call) argString(fn string, args []goja.Value, i int, what string) string {
	if i < len(args) {
		if s, ok := args[i].(goja.String); ok {
			return s.String()
		}
	}
	c.bad("%s: %s is not a string", fn, what)
	return ""
}

// data is an argument that is a string or a Uint8Array.
func (c *call) data(fn string, args []goja.Value, i int, what string) []byte {
	if i < len(args) {
		if s, ok := args[i].(goja.String); ok {
			return []byte(s.String())
		}
		if b, ok := c.realm.bytes(args[i]); ok {
			return b
		}
	}
	c.bad("%s: %s is neither a string nor a Uint8Array", fn, what)
	return nil
}

func (c *call) argNumber(fn string, args []goja.Value, i int, what string) int64 {
	if i < len(args) {
		if n, ok := whole(args[i]); ok {
			return n
		}
	}
	c.bad("%s: %s is not a whole number", fn, what)
	return 0
}

func (c *call) number32(fn string, args []goja.Value, i int, what string) int32 {
	n := c.argNumber(fn, args, i, what)
	if n != int64(int32(n)) {
		c.bad("%s: %s does not fit 32 bits", fn, what)
	}
	return int32(n)
}

func (c *call) value(b []byte) goja.Value {
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	v := c.rt.ToValue(s).(goja.String)
	c.made(v)
	return v
}

func (c *call) field(args []goja.Value) goja.Value {
	b, f := c.host().Field(abi.Field(c.number32("field", args, 0, "id")))
	c.must(f)
	return c.realm.newBytes(append([]byte(nil), b...))
}

func (c *call) number(args []goja.Value) goja.Value {
	n, f := c.host().Number(abi.Number(c.number32("number", args, 0, "id")))
	c.must(f)
	return c.rt.ToValue(n)
}

func (c *call) lookup(fn string, args []goja.Value) ([]byte, bool) {
	b, ok, f := c.host().Get(c.argString(fn, args, 0, "address"), c.argString(fn, args, 1, "key"))
	c.must(f)
	return b, ok
}

func (c *call) get(args []goja.Value) goja.Value {
	b, ok := c.lookup("get", args)
	if !ok {
		return goja.Null()
	}
	return c.value(b)
}

func (c *call) getBytes(args []goja.Value) goja.Value {
	b, ok := c.lookup("getBytes", args)
	if !ok {
		return goja.Null()
	}
	return c.realm.newBytes(append([]byte(nil), b...))
}

func (c *call) next(args []goja.Value) goja.Value {
	after := ""
	if len(args) > 1 && !goja.IsNull(args[1]) && !goja.IsUndefined(args[1]) {
		after = c.argString("next", args, 1, "after")
	}
	key, ok, f := c.host().Next(c.argString("next", args, 0, "address"), after)
	c.must(f)
	if !ok {
		return goja.Null()
	}
	v := c.rt.ToValue(key).(goja.String)
	c.note(v)
	return v
}

func (c *call) put(args []goja.Value) goja.Value {
	c.must(c.host().Put(c.argString("put", args, 0, "address"), c.argString("put", args, 1, "key"), c.data("put", args, 2, "value")))
	return goja.Undefined()
}

func (c *call) delete(args []goja.Value) goja.Value {
	c.must(c.host().Delete(c.argString("delete", args, 0, "address"), c.argString("delete", args, 1, "key")))
	return goja.Undefined()
}

func (c *call) submit(args []goja.Value) goja.Value {
	c.must(c.host().Submit(c.argString("submit", args, 0, "address"), c.argString("submit", args, 1, "key"), c.data("submit", args, 2, "value")))
	return goja.Undefined()
}

func (c *call) log(args []goja.Value) goja.Value {
	c.must(c.host().Log(c.argString("log", args, 0, "message")))
	return goja.Undefined()
}

func (c *call) reject(args []goja.Value) goja.Value {
	message := ""
	if len(args) > 1 {
		message = c.argString("reject", args, 1, "message")
	}
	c.end(c.host().Reject(c.number32("reject", args, 0, "code"), message))
	return goja.Undefined()
}

func (c *call) sha256(args []goja.Value) goja.Value {
	d, f := c.host().SHA256(c.data("sha256", args, 0, "data"))
	c.must(f)
	return c.realm.newBytes(d[:])
}

func (c *call) verify(args []goja.Value) goja.Value {
	ok, f := c.host().Ed25519Verify(c.data("ed25519Verify", args, 0, "key"), c.data("ed25519Verify", args, 1, "message"), c.data("ed25519Verify", args, 2, "signature"))
	c.must(f)
	return c.rt.ToValue(ok)
}

func (c *call) random(args []goja.Value) goja.Value {
	n := c.argNumber("random", args, 0, "n")
	b, f := c.host().Random(int(min(max(n, -1), 1<<30)))
	c.must(f)
	return c.realm.newBytes(b)
}

// decode and encode pass no host boundary, but take memory.
func (c *call) decode(args []goja.Value) goja.Value { return c.value(c.data("text", args, 0, "bytes")) }

func (c *call) encode(args []goja.Value) goja.Value {
	return c.realm.newBytes([]byte(c.argString("bytes", args, 0, "string")))
}
