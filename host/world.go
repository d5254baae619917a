package host

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/kalima-chain/kalima/abi"
)

// World is what a react contract may reach outside of the chain, when it was granted. The
// node provides it, and applies its own timeouts.
type World interface {
	// HTTP sends a request. It follows no redirect, and reads at most MaxHTTP bytes of the
	// answer's body: a longer one is an error. The error says why there is no answer.
	HTTP(context.Context, HTTPRequest) (HTTPResponse, error)

	// Now is the node's clock.
	Now() abi.Time
}

// Bounds of what a call may send to the world.
const (
	MaxHTTP     = 64 << 10 // bytes of a body, each way: a page of readings or a small document
	MaxURL      = 2048     // bytes, as most servers take
	MaxRequests = 8        // of one call: a call must end soon
)

// HTTPRequest is a request to a host that was granted.
type HTTPRequest struct {
	Method string // one of httpMethods
	URL    string
	Body   []byte
}

// HTTPResponse is the answer.
type HTTPResponse struct {
	Status int
	Body   []byte
}

var httpMethods = []string{"GET", "POST", "PUT", "PATCH", "DELETE"}

// HTTP sends a request to one of the hosts that Grant.HTTP lists, for react contracts. ok is
// false when there was no answer; why is in the log. The error is the node's.
func (s *Session) HTTP(ctx context.Context, r HTTPRequest) (answer HTTPResponse, ok bool, f *abi.Fault, err error) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnHTTP); f != nil {
			return HTTPResponse{}, false, f, nil
		}
		defer func() {
			s.Probe.leave(s, f, shown(fmt.Append(nil, answer.Status), ok), r.Method, r.URL, string(r.Body))
		}()
	}
	if f := s.meter.Charge(PriceHTTP + PriceByte*uint64(len(r.Method)+len(r.URL)+len(r.Body))); f != nil {
		return HTTPResponse{}, false, f, nil
	}
	if f := s.checkHTTP(r); f != nil {
		return HTTPResponse{}, false, f, nil
	}
	r.Body = slices.Clone(r.Body)
	answer, err = s.World.HTTP(ctx, r)
	if ctx.Err() != nil {
		return HTTPResponse{}, false, nil, fmt.Errorf("%s %s: %w", r.Method, r.URL, ctx.Err())
	}
	if err == nil && len(answer.Body) > MaxHTTP {
		err = fmt.Errorf("answer of %d bytes, at most %d", len(answer.Body), MaxHTTP)
	}
	if err != nil {
		s.keepLog(fmt.Sprintf("http: %s %s: %v", r.Method, r.URL, err))
		return HTTPResponse{}, false, nil, nil
	}
	return answer, true, s.meter.Charge(PriceByte * uint64(len(answer.Body))), nil
}

func (s *Session) checkHTTP(r HTTPRequest) *abi.Fault {
	if s.Call.Phase != abi.React {
		return abi.Faultf(abi.Denied, "%s may not use http, only react may", s.Call.Phase)
	}
	if len(s.grant.HTTP) == 0 || s.World == nil {
		return abi.Faultf(abi.Denied, "contract %s was not granted http", s.Call.Contract)
	}
	switch {
	case !slices.Contains(httpMethods, r.Method):
		return abi.Faultf(abi.BadHostCall, "http: method %.20q is not one of %s", r.Method, strings.Join(httpMethods, ", "))
	case len(r.URL) > MaxURL:
		return abi.Faultf(abi.BadHostCall, "http: URL of %d bytes, at most %d", len(r.URL), MaxURL)
	case len(r.Body) > MaxHTTP:
		return abi.Faultf(abi.BadHostCall, "http: body of %d bytes, at most %d", len(r.Body), MaxHTTP)
	}
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return abi.Faultf(abi.BadHostCall, "http: %.80q is no http or https URL without user and fragment", r.URL)
	}
	if !slices.Contains(s.grant.HTTP, u.Scheme+"://"+u.Host) {
		return abi.Faultf(abi.Denied, "contract %s was not granted http to %s://%.80s", s.Call.Contract, u.Scheme, u.Host)
	}
	if s.sent++; s.sent > MaxRequests {
		return abi.Faultf(abi.TooMuch, "more than %d requests in one call", MaxRequests)
	}
	return nil
}

// Clock is the node's clock, for react contracts that were granted it.
func (s *Session) Clock() (now abi.Time, f *abi.Fault) {
	if s.Probe != nil {
		if f = s.Probe.enter(s, abi.FnClock); f != nil {
			return 0, f
		}
		defer func() { s.Probe.leave(s, f, fmt.Sprint(now)) }()
	}
	if f := s.meter.Charge(PriceCall); f != nil {
		return 0, f
	}
	if s.Call.Phase != abi.React {
		return 0, abi.Faultf(abi.Denied, "%s may not use the clock, only react may", s.Call.Phase)
	}
	if !s.grant.Clock || s.World == nil {
		return 0, abi.Faultf(abi.Denied, "contract %s was not granted the clock", s.Call.Contract)
	}
	return s.World.Now(), nil
}
