package hosttest

import (
	"fmt"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

func eventCases() []tcase {
	events := abi.EventsAddress(name)
	event := func(topic, data string) []abi.Write { return one(events, topic, data) }
	var many []abi.Write
	for i := range 64 {
		many = append(many, event("t", fmt.Sprint(i))...)
	}
	return append([]tcase{
		{name: "emit", key: "emit", arg: "topic some data", writes: event("topic", "some data"), usage: &host.Usage{Writes: 1, Bytes: len(events) + 5 + 9}},
		{name: "emit every byte", key: "emit", arg: "t " + allBytes(), writes: event("t", allBytes())},
		{name: "emit in another script", key: "emit", arg: "тревога 世界", writes: event("тревога", "世界")},
		{name: "emit the longest topic", key: "emit", arg: longKey + " x", writes: event(longKey, "x")},
		{name: "emit one topic twice", key: "emits", arg: "2", writes: many[:2]},
		{name: "emit 64", key: "emits", arg: "64", writes: many},
		{name: "emit 65", key: "emits", arg: "65", codes: codes(abi.TooMuch)},
		{name: "emit at the limit", key: "emits", arg: "3", limits: host.Limits{Writes: 3}, writes: many[:3]},
		{name: "emit beyond the limit", key: "emits", arg: "4", limits: host.Limits{Writes: 3}, codes: codes(abi.TooMuch)},
		{name: "emit at the limit of bytes", key: "emit", arg: "t data", limits: host.Limits{Bytes: len(events) + 5}, writes: event("t", "data")},
		{name: "emit a byte too many", key: "emit", arg: "t data.", limits: host.Limits{Bytes: len(events) + 5}, codes: codes(abi.TooMuch)},
		{name: "emit keeps its order", key: "emit-order", writes: all(one(own, "a", "3"), event("x", "1"), one(own, "b", ""), event("x", "2")),
			usage: &host.Usage{Writes: 6, Bytes: 4*(len(own)+1) + 3 + 2*(len(events)+2)}},
		{name: "emit without a grant", key: "emit", arg: "t x", grant: &host.Grant{}, writes: event("t", "x")},
	}, fails(abi.BadHostCall,
		tcase{name: "emit no data", key: "emit", arg: "topic "},
		tcase{name: "emit no topic", key: "emit", arg: " data"},
		tcase{name: "emit a long topic", key: "emit", arg: longKey + "k data"},
		tcase{name: "emit a control character", key: "emit", arg: "a\x01b data"},
	)...)
}

// worldCases are what only react contracts may do that were granted it.
func worldCases() []tcase {
	list := []tcase{
		{name: "clock", key: "clock", out: out(fmt.Sprint(int64(worldTime)))},
		{name: "clock without a grant", key: "clock", grant: &host.Grant{HTTP: []string{origin}}, codes: codes(abi.Denied)},
		{name: "clock of a host without one", key: "clock", alone: true, codes: codes(abi.Denied)},
		{name: "http", key: "http", arg: "GET " + origin + "/hello ", out: out("200 hello")},
		{name: "http without a path", key: "http", arg: "GET " + origin + " ", out: out("200 hello")},
		{name: "http with a query", key: "http", arg: "GET " + origin + "/echo?a=b&c=%20 ", out: out("201 GET ")},
		{name: "http with a port", key: "http", arg: "GET " + plain + "/hello ", out: out("200 hello")},
		{name: "http POST", key: "http", arg: "POST " + origin + "/echo some body", out: out("201 POST some body")},
		{name: "http PUT", key: "http", arg: "PUT " + origin + "/echo x", out: out("201 PUT x")},
		{name: "http PATCH", key: "http", arg: "PATCH " + origin + "/echo x", out: out("201 PATCH x")},
		{name: "http DELETE", key: "http", arg: "DELETE " + origin + "/echo ", out: out("201 DELETE ")},
		{name: "http every byte", key: "http", arg: "POST " + origin + "/echo " + allBytes(), out: out("201 POST " + allBytes())},
		{name: "http answers every byte", key: "http", arg: "GET " + origin + "/bytes ", out: out("200 " + allBytes())},
		{name: "http not found", key: "http", arg: "GET " + origin + "/missing ", out: out("404 not found")},
		{name: "http without a body", key: "http", arg: "GET " + origin + "/nothing ", out: out("204 ")},
		{name: "http no answer", key: "http", arg: "GET " + origin + "/silent ", out: out("none"), log: []string{"http: GET " + origin + "/silent: no answer in time"}},
		{name: "http the largest answer", key: "http-size", arg: "GET " + origin + "/large 0", out: out("200 65536")},
		{name: "http too large an answer", key: "http-size", arg: "GET " + origin + "/too-large 0", out: out("none")},
		{name: "http the largest body", key: "http-size", arg: "POST " + origin + "/length 65536", out: out("200 5")},
		{name: "http too large a body", key: "http-size", arg: "POST " + origin + "/length 65537", codes: codes(abi.BadHostCall)},
		{name: "http the longest URL", key: "http-size", arg: "GET " + longURL(host.MaxURL) + " 0", out: out("200 5")},
		{name: "http a longer URL", key: "http-size", arg: "GET " + longURL(host.MaxURL+1) + " 0", codes: codes(abi.BadHostCall)},
		{name: "http 8 times", key: "http-many", arg: "8 " + origin + "/hello", out: out("200 hello")},
		{name: "http 9 times", key: "http-many", arg: "9 " + origin + "/hello", codes: codes(abi.TooMuch)},
		{name: "http without an answer counts", key: "http-many", arg: "9 " + origin + "/silent", codes: codes(abi.TooMuch)},
		{name: "http beyond gas", key: "http-many", arg: "8 " + origin + "/hello", limits: host.Limits{Gas: 500_000}, codes: codes(abi.OutOfGas)},
	}
	for _, url := range []string{"/hello", "hello", "", "ftp://api.example.com/", origin + "/#part", "https://me:secret@api.example.com/hello",
		"https:///hello", "https://api.example.com:port/", "javascript:alert(1)"} {
		list = append(list, tcase{name: "http URL " + fmt.Sprintf("%q", url), key: "http", arg: "GET " + url + " ", codes: codes(abi.BadHostCall)})
	}
	for _, method := range []string{"", "get", "HEAD", "OPTIONS", "CONNECT", "GE\nT"} {
		list = append(list, tcase{name: "http method " + fmt.Sprintf("%q", method), key: "http", arg: method + " " + origin + "/hello ", codes: codes(abi.BadHostCall)})
	}
	for _, url := range []string{"https://example.com/", "https://api.example.com.evil.org/", "http://api.example.com/", "https://api.example.com:8443/",
		"http://10.0.0.7/", "https://10.0.0.7:8080/", "http://localhost/"} {
		list = append(list, tcase{name: "http to " + url, key: "http", arg: "GET " + url + " ", codes: codes(abi.Denied)})
	}
	return in(abi.React, append(list, fails(abi.Denied,
		tcase{name: "http without a grant", key: "http", arg: "GET " + origin + "/hello ", grant: &host.Grant{Clock: true}},
		tcase{name: "http of a host without one", key: "http", arg: "GET " + origin + "/hello ", alone: true},
	)...)...)
}

// longURL is a URL of n bytes.
func longURL(n int) string {
	u := origin + "/hello?"
	return u + strings.Repeat("q", n-len(u))
}
