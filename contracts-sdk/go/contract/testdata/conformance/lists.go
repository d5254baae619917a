//go:build wasip1

package main

import (
	"fmt"
	"iter"
	"strings"
	"unsafe"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/contracts-sdk/go/contract"
)

// lists has the cases of GetMany, Scan, Query and Reply.
func lists(key, arg string) int32 {
	switch key {
	case "get-many":
		if found := many(arg); found != "" {
			out(found)
		} else {
			out("none")
		}
	case "list":
		rawGetMany(arg)
		buf := make([]byte, abi.MaxAnswer)
		out(string(buf[:rawResult(unsafe.Pointer(unsafe.SliceData(buf)), abi.MaxAnswer)]))
	case "scan":
		out(entries(scan(arg)))
	case "scan-count":
		out(count(all(scan(arg))))
	case "scan-all":
		out(count(contract.Scan(arg, "", "")))
	case "overlay-many":
		fourWrites()
		out(many(" a  b  c") + ";" + entries(contract.ScanPage("", "", "", abi.MaxScan)))
	case "query":
		ask(arg)
	case "query-big":
		if b, ok := contract.Query("twin", "echo", []byte(strings.Repeat("q", number(arg)))); ok {
			out(fmt.Sprint(len(b)))
		} else {
			out("none")
		}
	case "put-query":
		contract.Put("", "mark", []byte("new"))
		contract.Delete("", "a")
		ask(arg)
	case "reply":
		times, size, _ := strings.Cut(arg, " ")
		for range number(times) {
			contract.Reply([]byte(strings.Repeat("r", number(size))))
		}
	default:
		return world(key, arg)
	}
	return contract.Accept
}

// world has the cases of events, requests and the clock.
func world(key, arg string) int32 {
	first, rest, _ := strings.Cut(arg, " ")
	switch key {
	case "emit":
		contract.Emit(first, []byte(rest))
	case "emits":
		for i := range number(arg) {
			contract.Emit("t", fmt.Append(nil, i))
		}
	case "emit-order":
		contract.Put("", "a", []byte("1"))
		contract.Emit("x", []byte("1"))
		contract.Put("", "b", []byte("2"))
		contract.Emit("x", []byte("2"))
		contract.Put("", "a", []byte("3"))
		contract.Delete("", "b")
	case "http":
		url, body, _ := strings.Cut(rest, " ")
		out(send(contract.Request{Method: first, URL: url, Body: []byte(body)}))
	case "http-size":
		url, size, _ := strings.Cut(rest, " ")
		r, ok := contract.HTTP(contract.Request{Method: first, URL: url, Body: []byte(strings.Repeat("b", number(size)))})
		if ok {
			out(fmt.Sprint(r.Status, " ", len(r.Body)))
		} else {
			out("none")
		}
	case "http-many":
		last := ""
		for range number(first) {
			last = send(contract.Request{Method: "GET", URL: rest})
		}
		out(last)
	case "clock":
		out(fmt.Sprint(int64(contract.Clock())))
	default:
		return more(key, arg)
	}
	return contract.Accept
}

func many(arg string) (found string) {
	var keys []abi.KeyRef
	if arg != "" {
		words := strings.Split(arg, " ")
		for i := 0; i < len(words); i += 2 {
			keys = append(keys, abi.KeyRef{Address: words[i], Key: words[i+1]})
		}
	}
	for _, v := range contract.GetMany(keys...) {
		if v.Ok {
			found += "=" + string(v.Bytes) + ","
		} else {
			found += "absent,"
		}
	}
	return found
}

func scan(arg string) []abi.KeyValue {
	w := strings.SplitN(arg, " ", 4)
	return contract.ScanPage(w[0], w[1], w[2], number(w[3]))
}

func all(page []abi.KeyValue) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, e := range page {
			if !yield(e.Key, e.Value) {
				return
			}
		}
	}
}

func entries(page []abi.KeyValue) (text string) {
	for _, e := range page {
		text += e.Key + "=" + string(e.Value) + ","
	}
	if text == "" {
		return "none"
	}
	return text
}

func count(walk iter.Seq2[string, []byte]) string {
	n, size := 0, 0
	for _, value := range walk {
		n, size = n+1, size+len(value)
	}
	return fmt.Sprint(n, " ", size)
}

func ask(arg string) {
	name, rest, _ := strings.Cut(arg, " ")
	key, arg, _ := strings.Cut(rest, " ")
	if b, ok := contract.Query(name, key, []byte(arg)); ok {
		out("=" + string(b))
	} else {
		out("none")
	}
}

func send(r contract.Request) string {
	a, ok := contract.HTTP(r)
	if !ok {
		return "none"
	}
	return fmt.Sprint(a.Status, " ", string(a.Body))
}

//go:wasmimport kalima get_many
func rawGetMany(list string) int32

//go:wasmimport kalima result
func rawResult(buf unsafe.Pointer, capacity uint32) int32
