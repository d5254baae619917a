package js

import (
	"github.com/dop251/goja"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// The host functions with answers of several parts.

// whole or bytes: what a value becomes.
type made func(*call, []byte) goja.Value

func asText(c *call, b []byte) goja.Value  { return c.value(b) }
func asBytes(c *call, b []byte) goja.Value { return c.realm.newBytes(append([]byte(nil), b...)) }

func (c *call) getMany(args []goja.Value) goja.Value { return c.many("getMany", args, asText) }
func (c *call) getManyBytes(args []goja.Value) goja.Value {
	return c.many("getManyBytes", args, asBytes)
}

// many is getMany: an array of [address, key] gives an array of values.
func (c *call) many(fn string, args []goja.Value, as made) goja.Value {
	list := c.array(fn, args, 0, "the list")
	n, _ := c.realm.length(list)
	if n > abi.MaxKeys {
		c.bad("%s: %d keys, at most %d", fn, n, abi.MaxKeys)
	}
	keys := make([]abi.KeyRef, n)
	for i := range keys {
		pair := c.array(fn, []goja.Value{list.Get(index(i))}, 0, "an entry of the list")
		at := []goja.Value{pair.Get("0"), pair.Get("1")}
		keys[i] = abi.KeyRef{Address: c.argString(fn, at, 0, "address"), Key: c.argString(fn, at, 1, "key")}
	}
	values, f := c.host().GetMany(keys)
	c.must(f)
	items := make([]any, len(values))
	c.take(elementSize * len(items))
	for i, v := range values {
		if items[i] = goja.Null(); v.Ok {
			items[i] = as(c, v.Bytes)
		}
	}
	return c.rt.NewArray(items...)
}

func (c *call) scan(args []goja.Value) goja.Value      { return c.entries("scan", args, asText) }
func (c *call) scanBytes(args []goja.Value) goja.Value { return c.entries("scanBytes", args, asBytes) }

// entries is scan: an array of [key, value]. The bounds are an object, all of it optional.
func (c *call) entries(fn string, args []goja.Value, as made) goja.Value {
	after, before, limit := "", "", int64(abi.MaxScan)
	address := c.argString(fn, args, 0, "address")
	if len(args) > 1 && !goja.IsUndefined(args[1]) {
		o, ok := args[1].(*goja.Object)
		if !ok {
			c.bad("%s: the range is not an object", fn)
		}
		part := func(name string) []goja.Value {
			if v := o.Get(name); v != nil && !goja.IsUndefined(v) {
				return []goja.Value{v}
			}
			return nil
		}
		if v := part("after"); v != nil {
			after = c.argString(fn, v, 0, "after")
		}
		if v := part("before"); v != nil {
			before = c.argString(fn, v, 0, "before")
		}
		if v := part("limit"); v != nil {
			limit = int64(c.number32(fn, v, 0, "limit"))
		}
	}
	list, f := c.host().Scan(address, after, before, int(limit))
	c.must(f)
	items := make([]any, len(list))
	for i, e := range list {
		c.take(priceAlloc + 3*elementSize)
		items[i] = c.rt.NewArray(c.value([]byte(e.Key)), as(c, e.Value))
	}
	return c.rt.NewArray(items...)
}

// array is an argument that is an array.
func (c *call) array(fn string, args []goja.Value, i int, what string) *goja.Object {
	if i < len(args) {
		if o, ok := args[i].(*goja.Object); ok && o.ClassName() == "Array" {
			return o
		}
	}
	c.bad("%s: %s is not an array", fn, what)
	return nil
}

func (c *call) query(args []goja.Value) goja.Value      { return c.ask("query", args, asText) }
func (c *call) queryBytes(args []goja.Value) goja.Value { return c.ask("queryBytes", args, asBytes) }

func (c *call) ask(fn string, args []goja.Value, as made) goja.Value {
	var arg []byte
	if len(args) > 2 && !goja.IsUndefined(args[2]) {
		arg = c.data(fn, args, 2, "argument")
	}
	answer, ok, f, err := c.host().Query(c.ctx, c.argString(fn, args, 0, "contract"), c.argString(fn, args, 1, "key"), arg)
	c.give(err)
	c.must(f)
	if !ok {
		return goja.Null()
	}
	return as(c, answer)
}

// give ends the call for an error of the node's.
func (c *call) give(err error) {
	if err != nil {
		c.err = err
		c.stop()
	}
}

func (c *call) reply(args []goja.Value) goja.Value {
	c.must(c.host().Reply(c.data("reply", args, 0, "answer")))
	return goja.Undefined()
}

func (c *call) emit(args []goja.Value) goja.Value {
	c.must(c.host().Emit(c.argString("emit", args, 0, "topic"), c.data("emit", args, 1, "data")))
	return goja.Undefined()
}

// http answers with {status, body, bytes}, null when there was no answer.
func (c *call) http(args []goja.Value) goja.Value {
	var body []byte
	if len(args) > 2 && !goja.IsUndefined(args[2]) && !goja.IsNull(args[2]) {
		body = c.data("http", args, 2, "body")
	}
	r := host.HTTPRequest{Method: c.argString("http", args, 0, "method"), URL: c.argString("http", args, 1, "url"), Body: body}
	answer, ok, f, err := c.host().HTTP(c.ctx, r)
	c.give(err)
	c.must(f)
	if !ok {
		return goja.Null()
	}
	c.take(2 * priceAlloc)
	o := c.rt.NewObject()
	c.realm.define(o, "status", c.rt.ToValue(answer.Status))
	c.realm.define(o, "body", c.value(answer.Body))
	c.realm.define(o, "bytes", asBytes(c, answer.Body))
	return o
}

func (c *call) clock([]goja.Value) goja.Value {
	now, f := c.host().Clock()
	c.must(f)
	return c.rt.ToValue(int64(now))
}
