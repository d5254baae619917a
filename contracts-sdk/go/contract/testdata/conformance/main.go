//go:build wasip1

// Command conformance is the contract of that name of package hosttest, in Go: the key of
// the event names the case, its value is the argument. What each case does stands in
// host/hosttest/doc.go.
package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/contracts-sdk/go/contract"
)

var (
	phase      abi.Phase
	counter    int
	remembered string
	taken      [][]byte
)

//go:wasmexport validate
func validate() int32 { return run(abi.Validate) }

//go:wasmexport react
func react() int32 { return run(abi.React) }

//go:wasmexport query
func query() int32 { return run(abi.Query) }

//go:wasmexport migrate
func migrate() int32 { return run(abi.Migrate) }

func main() {}

func run(p abi.Phase) int32 {
	phase = p
	arg := string(contract.Field(abi.FieldValue))
	switch key := string(contract.Field(abi.FieldKey)); key {
	case "accept":
	case "echo":
		out(arg)
	case "fields":
		for f := abi.FieldAddress; f <= abi.FieldName; f++ {
			contract.Put("", fmt.Sprint("f", f), contract.Field(f))
		}
	case "numbers":
		for n := abi.NumberHeight; n <= abi.NumberOpIndex; n++ {
			contract.Put("", fmt.Sprint("n", n), []byte(fmt.Sprint(contract.Number(n))))
		}
	case "field":
		out(string(contract.Field(abi.Field(number(arg)))))
	case "number":
		out(fmt.Sprint(contract.Number(abi.Number(number(arg)))))
	case "get":
		address, name, _ := strings.Cut(arg, " ")
		v, ok := contract.Get(address, name)
		answer(string(v), ok)
	case "keys":
		if keys := walk(arg); keys != "" {
			out(keys)
		} else {
			out("none")
		}
	case "after":
		address, name, _ := strings.Cut(arg, " ")
		answer(contract.Next(address, name))
	case "put", "delete", "submit":
		write(key, arg)
	case "overlay":
		overlay()
	default:
		return lists(key, arg)
	}
	return contract.Accept
}

// more has the cases that use the host's other functions.
func more(key, arg string) int32 {
	switch key {
	case "writes":
		for i := range number(arg) {
			contract.Put("", fmt.Sprint("w", i), []byte("x"))
		}
	case "big":
		out(strings.Repeat("b", number(arg)))
	case "log":
		count, text, _ := strings.Cut(arg, " ")
		for range number(count) {
			contract.Log(text)
		}
	case "sha256":
		d := contract.SHA256([]byte(arg))
		out(string(d[:]))
	case "ed25519":
		if b := []byte(arg); contract.Ed25519Verify(b[:32], b[96:], b[32:96]) {
			out("1")
		} else {
			out("0")
		}
	case "random":
		contract.Put("", "a", contract.Random(number(arg)))
		contract.Put("", "b", contract.Random(number(arg)))
	case "count":
		counter++
		out(fmt.Sprint(counter))
	case "remember":
		out("[" + remembered + "]")
		remembered = arg
	case "work":
		x := uint32(1)
		for range number(arg) {
			x = (x*69069 + 1) % 65536
		}
		out(fmt.Sprint(x))
	default:
		return end(key, arg)
	}
	return contract.Accept
}

// end has the cases that end the call in their own way.
func end(key, arg string) int32 {
	switch key {
	case "reject":
		code, message, _ := strings.Cut(arg, " ")
		contract.Reject(int32(number(code)), message)
	case "exit":
		return int32(number(arg))
	case "put-exit":
		contract.Put("", "out", []byte("x"))
		return 7
	case "put-trap":
		contract.Put("", "out", []byte("x"))
		panic("put-trap")
	case "trap":
		panic("trap")
	case "swallow":
		caught(func() { contract.Put("no-slash", "key", []byte("v")) })
	case "swallow-reject":
		caught(func() { contract.Reject(5, "no") })
	case "swallow-query":
		caught(func() { contract.Query("twin", "trap", nil) })
	case "loop":
		for {
		}
	case "memory":
		for {
			taken = append(taken, bytes.Repeat([]byte{1}, 1<<20))
		}
	case "recurse":
		out(fmt.Sprint(endless(0)))
	case "bad-pointer":
		badPointer()
	default:
		contract.Reject(99, "unknown case")
	}
	return contract.Accept
}

func caught(f func()) {
	func() {
		defer func() { _ = recover() }()
		f()
	}()
	out("caught")
}

//go:noinline
func endless(n int) int { return endless(n+1) + n }

func write(how, arg string) {
	address, rest, _ := strings.Cut(arg, " ")
	name, value, _ := strings.Cut(rest, " ")
	switch how {
	case "put":
		contract.Put(address, name, []byte(value))
	case "delete":
		contract.Delete(address, name)
	case "submit":
		contract.Submit(address, name, []byte(value))
	}
}

func fourWrites() {
	contract.Put("", "b", []byte("2"))
	contract.Put("", "b", []byte("3"))
	contract.Put("", "c", []byte("4"))
	contract.Delete("", "a")
}

func overlay() {
	fourWrites()
	var found []string
	for _, key := range []string{"a", "b", "c"} {
		v, ok := contract.Get("", key)
		if !ok {
			v = []byte("absent")
		}
		found = append(found, string(v))
	}
	out(strings.Join(found, ",") + ";" + walk(""))
}

func walk(address string) string {
	var keys strings.Builder
	for key, ok := contract.Next(address, ""); ok; key, ok = contract.Next(address, key) {
		keys.WriteString(key + ",")
	}
	return keys.String()
}

func answer(v string, ok bool) {
	if ok {
		out("=" + v)
	} else {
		out("absent")
	}
}

// out hands out what a case found, in the phase's way.
func out(v string) {
	switch phase {
	case abi.React:
		contract.Submit("/submit/out", "out", []byte(v))
	case abi.Query:
		contract.Reply([]byte(v))
	default:
		contract.Put("", "out", []byte(v))
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

//go:wasmimport kalima get
func rawGet(address string, key, length, buf, capacity uint32) int32

// badPointer passes a key that begins 4 bytes before the end of the address space: Go has
// no way to ask where its memory ends, but no memory reaches beyond 4 GiB.
func badPointer() { rawGet("", 1<<32-4, 16, 0, 0) }
