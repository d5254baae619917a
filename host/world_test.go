package host_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

// world answers every request alike.
type world struct {
	answer host.HTTPResponse
	err    error
	asked  []host.HTTPRequest
}

func (w *world) HTTP(_ context.Context, r host.HTTPRequest) (host.HTTPResponse, error) {
	w.asked = append(w.asked, r)
	return w.answer, w.err
}
func (w *world) Now() abi.Time { return 42 }

func react(g host.Grant, w host.World, phase abi.Phase) *host.Session {
	s := host.NewSession(hosttest.NewCall(phase, "key", "value"), hosttest.State{}, g, host.Limits{})
	s.World = w
	s.Begin(&purse{left: 1 << 40})
	return s
}

func TestHTTP(t *testing.T) {
	grant := host.Grant{HTTP: []string{"https://api.example.com", "http://127.0.0.1:8080"}}
	long := strings.Repeat("x", host.MaxHTTP+1)
	for _, tt := range []struct {
		name   string
		grant  host.Grant
		phase  abi.Phase
		method string
		url    string
		body   string
		want   abi.Code
	}{
		{"granted", grant, abi.React, "GET", "https://api.example.com/v1?x=1", "", abi.OK},
		{"with a port", grant, abi.React, "POST", "http://127.0.0.1:8080/", "body", abi.OK},
		{"another scheme", grant, abi.React, "GET", "http://api.example.com/", "", abi.Denied},
		{"another port", grant, abi.React, "GET", "https://api.example.com:444/", "", abi.Denied},
		{"a host that begins so", grant, abi.React, "GET", "https://api.example.com.evil.org/", "", abi.Denied},
		{"user and host", grant, abi.React, "GET", "https://api.example.com@evil.org/", "", abi.BadHostCall},
		{"fragment", grant, abi.React, "GET", "https://api.example.com/#x", "", abi.BadHostCall},
		{"file", grant, abi.React, "GET", "file:///etc/passwd", "", abi.BadHostCall},
		{"no URL", grant, abi.React, "GET", "api.example.com", "", abi.BadHostCall},
		{"control characters", grant, abi.React, "GET", "https://api.example.com/\r\nHost: x", "", abi.BadHostCall},
		{"method", grant, abi.React, "get", "https://api.example.com/", "", abi.BadHostCall},
		{"long URL", grant, abi.React, "GET", "https://api.example.com/" + long[:host.MaxURL], "", abi.BadHostCall},
		{"long body", grant, abi.React, "PUT", "https://api.example.com/", long, abi.BadHostCall},
		{"validate", grant, abi.Validate, "GET", "https://api.example.com/", "", abi.Denied},
		{"query", grant, abi.Query, "GET", "https://api.example.com/", "", abi.Denied},
		{"no grant", host.Grant{}, abi.React, "GET", "https://api.example.com/", "", abi.Denied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{answer: host.HTTPResponse{Status: 200, Body: []byte("ok")}}
			r, ok, f, err := react(tt.grant, w, tt.phase).HTTP(context.Background(), host.HTTPRequest{Method: tt.method, URL: tt.url, Body: []byte(tt.body)})
			if code(f) != tt.want || err != nil || ok != (tt.want == abi.OK) {
				t.Errorf("HTTP(%s %.60s) = %v, %t, %v, %v, want %v", tt.method, tt.url, r, ok, f, err, tt.want)
			}
			if (len(w.asked) == 1) != (tt.want == abi.OK) {
				t.Errorf("HTTP(%s %.60s) sent %d requests after %v", tt.method, tt.url, len(w.asked), tt.want)
			}
		})
	}
}

func TestHTTPAnswers(t *testing.T) {
	grant := host.Grant{HTTP: []string{"https://a.b"}}
	get := host.HTTPRequest{Method: "GET", URL: "https://a.b/"}
	s := react(grant, &world{err: errors.New("connection refused")}, abi.React)
	if _, ok, f, err := s.HTTP(context.Background(), get); ok || f != nil || err != nil {
		t.Errorf("HTTP without an answer = %t, %v, %v, want none", ok, f, err)
	}
	if log := s.Finish(nil, 0, 0).Log; len(log) != 1 || !strings.Contains(log[0], "connection refused") {
		t.Errorf("log = %q, want why there was no answer", log)
	}
	s = react(grant, &world{answer: host.HTTPResponse{Status: 200, Body: make([]byte, host.MaxHTTP+1)}}, abi.React)
	if _, ok, f, _ := s.HTTP(context.Background(), get); ok || f != nil {
		t.Errorf("HTTP with a long answer = %t, %v, want none", ok, f)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, f, err := react(grant, &world{err: context.Canceled}, abi.React).HTTP(ctx, get); f != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("HTTP of an ended call = %v, %v, want the node's error", f, err)
	}
	s = react(grant, &world{answer: host.HTTPResponse{Status: 204}}, abi.React)
	var f *abi.Fault
	for range host.MaxRequests + 1 {
		_, _, f, _ = s.HTTP(context.Background(), get)
	}
	if code(f) != abi.TooMuch {
		t.Errorf("request %d = %v, want %v", host.MaxRequests+1, f, abi.TooMuch)
	}
}

func TestClock(t *testing.T) {
	for _, tt := range []struct {
		name  string
		grant bool
		phase abi.Phase
		want  abi.Code
	}{{"granted", true, abi.React, abi.OK}, {"not granted", false, abi.React, abi.Denied}, {"validate", true, abi.Validate, abi.Denied}} {
		now, f := react(host.Grant{Clock: tt.grant}, &world{}, tt.phase).Clock()
		if code(f) != tt.want || (now == 42) != (tt.want == abi.OK) {
			t.Errorf("%s: Clock() = %d, %v, want %v", tt.name, now, f, tt.want)
		}
	}
}
