package local

import (
	"context"
	"fmt"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// World is a scripted world: it answers the same request in the same way each time.
type World struct {
	Clock abi.Time

	answers  map[string]host.HTTPResponse
	requests []host.HTTPRequest
}

var _ host.World = (*World)(nil)

// Answer sets what a request is answered from now on.
func (w *World) Answer(method, url string, r host.HTTPResponse) {
	if w.answers == nil {
		w.answers = map[string]host.HTTPResponse{}
	}
	w.answers[method+" "+url] = r
}

// Silence has a request find nobody from now on.
func (w *World) Silence(method, url string) { delete(w.answers, method+" "+url) }

// Requests are the requests since it was last asked.
func (w *World) Requests() []host.HTTPRequest {
	r := w.requests
	w.requests = nil
	return r
}

// HTTP answers a request as was scripted.
func (w *World) HTTP(_ context.Context, r host.HTTPRequest) (host.HTTPResponse, error) {
	w.requests = append(w.requests, r)
	if a, ok := w.answers[r.Method+" "+r.URL]; ok {
		return a, nil
	}
	return host.HTTPResponse{}, fmt.Errorf("no answer was scripted")
}

// Now is the scripted clock.
func (w *World) Now() abi.Time { return w.Clock }

// Answers are other contracts, that answer as was scripted. Each answer costs nothing.
type Answers map[string][]byte

var _ host.Contracts = Answers(nil)

// Set sets what a contract answers to a question from now on.
func (a Answers) Set(contract, key string, arg, answer []byte) {
	a[contract+"\x00"+key+"\x00"+string(arg)] = answer
}

// Query answers.
func (a Answers) Query(_ context.Context, s *host.Session) (host.Result, bool, error) {
	c := &s.Call
	reply, ok := a[c.Contract+"\x00"+c.Key+"\x00"+string(c.Value)]
	return host.Result{Reply: reply}, ok, nil
}
