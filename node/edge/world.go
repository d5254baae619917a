package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// requestTime is how long a contract waits for an answer. It is far below the time a call
// may take in all, so that a silent server does not make the call an error of the node.
const requestTime = 3 * time.Second

// World is what react contracts of this node reach when they were granted it. A trigger
// that is tried again after the node failed sends its requests again: what they reach
// must know a request by something in it, such as the id of the transaction.
type World struct{ client http.Client }

var _ host.World = (*World)(nil)

// NewWorld returns the world as this node sees it: no proxy, no cookies, no redirects.
func NewWorld() *World {
	return &World{http.Client{
		Timeout:       requestTime,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 16 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// HTTP implements host.World.
func (w *World) HTTP(ctx context.Context, r host.HTTPRequest) (host.HTTPResponse, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return host.HTTPResponse{}, err
	}
	req.Header.Set("User-Agent", "kalima")
	if len(r.Body) > 0 {
		req.Header.Set("Content-Type", "application/octet-stream")
		if c := r.Body[0]; c == '{' || c == '[' {
			req.Header.Set("Content-Type", "application/json")
		}
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return host.HTTPResponse{}, cause(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, host.MaxHTTP+1))
	if err != nil {
		return host.HTTPResponse{}, cause(err)
	}
	if len(body) > host.MaxHTTP {
		return host.HTTPResponse{}, fmt.Errorf("answer of more than %d bytes", host.MaxHTTP)
	}
	return host.HTTPResponse{Status: resp.StatusCode, Body: body}, nil
}

// cause leaves out method and URL, which the log line has already.
func cause(err error) error {
	var u *url.Error
	if !errors.As(err, &u) {
		return err
	}
	if u.Timeout() {
		return fmt.Errorf("no answer within %v", requestTime)
	}
	return u.Err
}

// Now implements host.World.
func (w *World) Now() abi.Time { return abi.Time(time.Now().UnixMicro()) }
