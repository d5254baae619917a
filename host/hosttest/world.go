package hosttest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

const (
	origin    = "https://api.example.com"
	plain     = "http://10.0.0.7:8080"
	worldTime = abi.Time(1_795_000_009_876_543)
)

// world is a host.World that answers by the URL's path, always the same.
type world struct{}

func (world) Now() abi.Time { return worldTime }

func (world) HTTP(_ context.Context, r host.HTTPRequest) (host.HTTPResponse, error) {
	path, _ := strings.CutPrefix(strings.TrimPrefix(r.URL, origin), plain)
	path, _, _ = strings.Cut(path, "?")
	switch path {
	case "", "/hello":
		return host.HTTPResponse{Status: 200, Body: []byte("hello")}, nil
	case "/echo":
		return host.HTTPResponse{Status: 201, Body: []byte(r.Method + " " + string(r.Body))}, nil
	case "/length":
		return host.HTTPResponse{Status: 200, Body: fmt.Append(nil, len(r.Body))}, nil
	case "/bytes":
		return host.HTTPResponse{Status: 200, Body: []byte(allBytes())}, nil
	case "/nothing":
		return host.HTTPResponse{Status: 204}, nil
	case "/large":
		return host.HTTPResponse{Status: 200, Body: make([]byte, host.MaxHTTP)}, nil
	case "/too-large":
		return host.HTTPResponse{Status: 200, Body: make([]byte, host.MaxHTTP+1)}, nil
	case "/silent":
		return host.HTTPResponse{}, errors.New("no answer in time")
	}
	return host.HTTPResponse{Status: 404, Body: []byte("not found")}, nil
}

// contracts is the host.Contracts of the suite: the module that asks, under two names.
type contracts struct{ m host.Module }

func (c contracts) Query(ctx context.Context, s *host.Session) (r host.Result, found bool, err error) {
	if s.Call.Contract != name && s.Call.Contract != twin {
		return host.Result{}, false, nil
	}
	r, err = c.m.Call(ctx, s)
	return r, true, err
}
