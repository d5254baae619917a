// A contract in Go without any SDK: the event's key names what to do.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"
)

//go:wasmimport kalima field
func field(id int32, buf unsafe.Pointer, n uint32) int32

//go:wasmimport kalima put
func put(addr unsafe.Pointer, alen uint32, key unsafe.Pointer, klen uint32, val unsafe.Pointer, vlen uint32)

//go:wasmexport kalima_abi
func version() int32 { return 1 }

var (
	calls int
	kept  [][]byte
	table = map[string]int{}
)

func text(id int32) string {
	b := make([]byte, field(id, nil, 0))
	field(id, unsafe.Pointer(unsafe.SliceData(b)), uint32(len(b)))
	return string(b)
}

func out(s string) {
	k := []byte("out")
	put(nil, 0, unsafe.Pointer(&k[0]), 3, unsafe.Pointer(unsafe.StringData(s)), uint32(len(s)))
}

func down(n int) int {
	if n == 0 {
		return 0
	}
	return down(n+1) + 1
}

//go:wasmexport validate
func validate() int32 {
	calls++
	switch key := text(2); key {
	case "count":
		out(fmt.Sprint(calls, len(kept), len(table)))
	case "keep":
		for i := range 100 {
			table[fmt.Sprint(i)] = i
			kept = append(kept, make([]byte, 100))
		}
		out("kept")
	case "time":
		out(time.Now().UTC().Format(time.RFC3339Nano))
	case "world":
		_, err := os.ReadFile("/etc/passwd")
		out(fmt.Sprint(len(os.Args), len(os.Environ()), err != nil))
	case "print":
		fmt.Print("one\ntwo")
		fmt.Fprintln(os.Stderr, " and a half")
		fmt.Print("unfinished")
	case "panic":
		panic(errors.New("it broke"))
	case "exit":
		out("x")
		os.Exit(3)
	case "exit0":
		out("x")
		os.Exit(0)
	case "memory":
		for {
			kept = append(kept, make([]byte, 1<<20))
		}
	case "recurse":
		return int32(down(1))
	case "order":
		m := map[int]bool{}
		for i := range 20 {
			m[i] = true
		}
		var b strings.Builder
		for i := range m {
			fmt.Fprint(&b, i, " ")
		}
		out(b.String())
	case "goroutines":
		c := make(chan int)
		for i := range 10 {
			go func() { c <- i }()
		}
		sum := 0
		for range 10 {
			sum += <-c
		}
		out(fmt.Sprint(sum))
	}
	return 0
}

func main() {}
