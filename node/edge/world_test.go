package edge_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node/edge"
)

func TestWorld(t *testing.T) {
	served := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served++
		switch r.URL.Path {
		case "/echo":
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(http.StatusTeapot)
			io.WriteString(w, r.Method+" "+r.Header.Get("Content-Type")+" "+string(body))
		case "/away":
			http.Redirect(w, r, "/echo", http.StatusFound)
		case "/large":
			io.WriteString(w, strings.Repeat("x", host.MaxHTTP+1))
		case "/full":
			io.WriteString(w, strings.Repeat("x", host.MaxHTTP))
		}
	}))
	defer s.Close()
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		want, err                string
	}{
		{name: "echo", method: "POST", path: "/echo", body: `{"a":1}`, status: 418, want: `POST application/json {"a":1}`},
		{name: "bytes", method: "PUT", path: "/echo", body: "\x00", status: 418, want: "PUT application/octet-stream \x00"},
		{name: "no body", method: "GET", path: "/echo", status: 418, want: "GET  "},
		{name: "redirects are not followed", method: "GET", path: "/away", status: 302, want: "<a href=\"/echo\">Found</a>.\n\n"},
		{name: "the largest body", method: "GET", path: "/full", status: 200, want: strings.Repeat("x", host.MaxHTTP)},
		{name: "a body too large", method: "GET", path: "/large", err: "more than 65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := edge.NewWorld().HTTP(context.Background(), host.HTTPRequest{Method: tt.method, URL: s.URL + tt.path, Body: []byte(tt.body)})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("HTTP(%s) = %d, %v, want an error with %q", tt.path, r.Status, err, tt.err)
				}
				return
			}
			if err != nil || r.Status != tt.status || string(r.Body) != tt.want {
				t.Errorf("HTTP(%s) = %d %.80q, %v, want %d %.80q", tt.path, r.Status, r.Body, err, tt.status, tt.want)
			}
		})
	}
	if served == 0 {
		t.Error("the server was never asked")
	}
	s.Close()
	if r, err := edge.NewWorld().HTTP(context.Background(), host.HTTPRequest{Method: "GET", URL: s.URL}); err == nil || strings.Contains(err.Error(), s.URL) {
		t.Errorf("HTTP to a closed server = %v, %v, want the cause alone", r, err)
	}
}
