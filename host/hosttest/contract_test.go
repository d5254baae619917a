package hosttest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// The contract "conformance" in Go, over a session instead of an SDK.

func (c *nativeCall) run() int32 {
	key, arg := c.field(abi.FieldKey), c.field(abi.FieldValue)
	switch key {
	case "accept":
	case "echo":
		c.out(arg)
	case "fields":
		for i := abi.FieldAddress; i <= abi.FieldName; i++ {
			c.put(fmt.Sprint("f", i), c.field(i))
		}
	case "numbers":
		for i := abi.NumberHeight; i <= abi.NumberOpIndex; i++ {
			c.put(fmt.Sprint("n", i), c.number(i))
		}
	case "field":
		c.out(c.field(abi.Field(number(arg))))
	case "number":
		c.out(c.number(abi.Number(number(arg))))
	case "get":
		w := words(arg, 2)
		c.out(c.get(w[0], w[1]))
	case "keys":
		if keys := c.walk(arg); keys != "" {
			c.out(keys)
		} else {
			c.out("none")
		}
	case "after":
		w := words(arg, 2)
		next, ok, f := c.s.Next(w[0], w[1])
		c.must(f)
		c.out(answer([]byte(next), ok))
	case "put":
		w := words(arg, 3)
		c.must(c.s.Put(w[0], w[1], []byte(w[2])))
	case "delete":
		w := words(arg, 2)
		c.must(c.s.Delete(w[0], w[1]))
	case "submit":
		w := words(arg, 3)
		c.must(c.s.Submit(w[0], w[1], []byte(w[2])))
	case "overlay":
		c.overlay()
		var found []string
		for _, k := range []string{"a", "b", "c"} {
			found = append(found, strings.TrimPrefix(c.get("", k), "="))
		}
		c.out(strings.Join(found, ",") + ";" + c.walk(""))
	default:
		return c.lists(key, arg)
	}
	return 0
}

func (c *nativeCall) lists(key, arg string) int32 {
	switch key {
	case "get-many":
		c.out(c.many(arg))
	case "scan":
		w := words(arg, 4)
		c.out(entries(c.scan(w[0], w[1], w[2], number(w[3]))))
	case "scan-count":
		w := words(arg, 4)
		c.out(counted(c.scan(w[0], w[1], w[2], number(w[3]))))
	case "scan-all":
		var list []abi.KeyValue
		for after := ""; ; after = list[len(list)-1].Key {
			page := c.scan(arg, after, "", 256)
			if len(page) == 0 {
				break
			}
			list = append(list, page...)
		}
		c.out(counted(list))
	case "overlay-many":
		c.overlay()
		c.out(c.many(" a  b  c") + ";" + entries(c.scan("", "", "", 256)))
	case "query":
		c.out(c.asked(arg))
	case "query-big":
		if b, ok := c.query(twin, "echo", strings.Repeat("q", number(arg))); ok {
			c.out(fmt.Sprint(len(b)))
		} else {
			c.out("none")
		}
	case "put-query":
		c.put("mark", "new")
		c.must(c.s.Delete("", "a"))
		c.out(c.asked(arg))
	case "reply":
		w := words(arg, 2)
		for range number(w[0]) {
			c.must(c.s.Reply([]byte(strings.Repeat("r", number(w[1])))))
		}
	default:
		return c.world(key, arg)
	}
	return 0
}

func (c *nativeCall) world(key, arg string) int32 {
	switch key {
	case "emit":
		w := words(arg, 2)
		c.must(c.s.Emit(w[0], []byte(w[1])))
	case "emits":
		for i := range number(arg) {
			c.must(c.s.Emit("t", []byte(fmt.Sprint(i))))
		}
	case "emit-order":
		c.put("a", "1")
		c.must(c.s.Emit("x", []byte("1")))
		c.put("b", "2")
		c.must(c.s.Emit("x", []byte("2")))
		c.put("a", "3")
		c.must(c.s.Delete("", "b"))
	case "http":
		w := words(arg, 3)
		c.out(status(c.http(w[0], w[1], w[2])))
	case "http-size":
		w := words(arg, 3)
		r, ok := c.http(w[0], w[1], strings.Repeat("b", number(w[2])))
		r.Body = fmt.Append(nil, len(r.Body))
		c.out(status(r, ok))
	case "http-many":
		w, last := words(arg, 2), ""
		for range number(w[0]) {
			last = status(c.http("GET", w[1], ""))
		}
		c.out(last)
	case "clock":
		now, f := c.s.Clock()
		c.must(f)
		c.out(fmt.Sprint(int64(now)))
	default:
		return c.rest(key, arg)
	}
	return 0
}

func (c *nativeCall) rest(key, arg string) int32 {
	switch key {
	case "writes":
		for i := range number(arg) {
			c.put(fmt.Sprint("w", i), "x")
		}
	case "big":
		c.out(strings.Repeat("b", number(arg)))
	case "log":
		w := words(arg, 2)
		for range number(w[0]) {
			c.must(c.s.Log(w[1]))
		}
	case "sha256":
		d, f := c.s.SHA256([]byte(arg))
		c.must(f)
		c.out(string(d[:]))
	case "ed25519":
		valid, f := c.s.Ed25519Verify([]byte(arg[:32]), []byte(arg[96:]), []byte(arg[32:96]))
		c.must(f)
		c.out(map[bool]string{true: "1", false: "0"}[valid])
	case "random":
		for _, k := range []string{"a", "b"} {
			b, f := c.s.Random(number(arg))
			c.must(f)
			c.put(k, string(b))
		}
	case "count":
		c.out("1")
	case "remember":
		c.out("[]")
	case "work":
		c.work(uint64(number(arg)))
		c.out(work(number(arg)))
	default:
		return c.end(key, arg)
	}
	return 0
}

func (c *nativeCall) end(key, arg string) int32 {
	switch key {
	case "reject":
		w := words(arg, 2)
		c.reject(int32(number(w[0])), w[1])
	case "exit":
		return int32(number(arg))
	case "put-exit":
		c.put("out", "x")
		return 7
	case "put-trap":
		c.put("out", "x")
		c.must(abi.Faultf(abi.Trap, "trap"))
	case "trap":
		c.must(abi.Faultf(abi.Trap, "trap"))
	case "swallow":
		c.must(c.s.Put("no-slash", "k", []byte("v")))
	case "swallow-reject":
		c.reject(5, "no")
	case "swallow-query":
		c.query(twin, "trap", "")
	case "loop":
		for {
			c.work(1000)
		}
	case "memory":
		c.must(abi.Faultf(abi.OutOfMemory, "memory"))
	case "recurse":
		c.must(abi.Faultf(abi.StackOverflow, "stack"))
	default:
		c.reject(99, "unknown case")
	}
	return 0
}

func (c *nativeCall) field(id abi.Field) string {
	b, f := c.s.Field(id)
	c.must(f)
	return string(b)
}

func (c *nativeCall) number(id abi.Number) string {
	n, f := c.s.Number(id)
	c.must(f)
	return fmt.Sprint(n)
}

func (c *nativeCall) put(key, value string) { c.must(c.s.Put("", key, []byte(value))) }

func (c *nativeCall) out(value string) {
	switch c.phase {
	case abi.React:
		c.must(c.s.Submit("/submit/out", "out", []byte(value)))
	case abi.Query:
		c.must(c.s.Reply([]byte(value)))
	default:
		c.put("out", value)
	}
}

func answer(v []byte, ok bool) string {
	if !ok {
		return "absent"
	}
	return "=" + string(v)
}

func (c *nativeCall) get(address, key string) string {
	v, ok, f := c.s.Get(address, key)
	c.must(f)
	return answer(v, ok)
}

func (c *nativeCall) walk(address string) (keys string) {
	after := ""
	for {
		key, ok, f := c.s.Next(address, after)
		c.must(f)
		if !ok {
			return keys
		}
		keys, after = keys+key+",", key
	}
}

func (c *nativeCall) many(arg string) (found string) {
	var refs []abi.KeyRef
	if arg != "" {
		w := strings.Split(arg, " ")
		for i := 0; i < len(w); i += 2 {
			refs = append(refs, abi.KeyRef{Address: w[i], Key: w[i+1]})
		}
	}
	values, f := c.s.GetMany(refs)
	c.must(f)
	for _, v := range values {
		found += answer(v.Bytes, v.Ok) + ","
	}
	if refs == nil {
		return "none"
	}
	return found
}

func (c *nativeCall) scan(address, after, before string, limit int) []abi.KeyValue {
	entries, f := c.s.Scan(address, after, before, limit)
	c.must(f)
	return entries
}

func entries(list []abi.KeyValue) (text string) {
	for _, e := range list {
		text += e.Key + "=" + string(e.Value) + ","
	}
	if text == "" {
		return "none"
	}
	return text
}

func counted(list []abi.KeyValue) string {
	size := 0
	for _, e := range list {
		size += len(e.Value)
	}
	return fmt.Sprint(len(list), " ", size)
}

func (c *nativeCall) query(name, key, arg string) (string, bool) {
	b, ok, f, err := c.s.Query(c.ctx, name, key, []byte(arg))
	if err != nil {
		panic(ended{err: err})
	}
	c.must(f)
	return string(b), ok
}

func (c *nativeCall) asked(arg string) string {
	w := words(arg, 3)
	if b, ok := c.query(w[0], w[1], w[2]); ok {
		return "=" + b
	}
	return "none"
}

func (c *nativeCall) http(method, url, body string) (host.HTTPResponse, bool) {
	r, ok, f, err := c.s.HTTP(c.ctx, host.HTTPRequest{Method: method, URL: url, Body: []byte(body)})
	if err != nil {
		panic(ended{err: err})
	}
	c.must(f)
	return r, ok
}

func status(r host.HTTPResponse, ok bool) string {
	if !ok {
		return "none"
	}
	return fmt.Sprint(r.Status, " ", string(r.Body))
}

func words(arg string, n int) []string {
	w := strings.SplitN(arg, " ", n)
	for len(w) < n {
		w = append(w, "")
	}
	return w
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func (c *nativeCall) reject(code int32, message string) {
	panic(ended{fault: c.s.Reject(code, message)})
}

func (c *nativeCall) overlay() {
	c.put("b", "2")
	c.put("b", "3")
	c.put("c", "4")
	c.must(c.s.Delete("", "a"))
}
