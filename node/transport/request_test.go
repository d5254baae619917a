package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
)

func TestRequest(t *testing.T) {
	server := open(t, 1, func(c *Config) { c.Handler = echo; c.MaxBody = 2 << 20 })
	conn := dial(t, client(t, 2, nil), server)
	me := identity(2)
	for _, tt := range []struct {
		name, method string
		body, want   []byte
	}{
		{"empty", "echo", nil, nil},
		{"small", "echo", []byte("hello"), []byte("hello")},
		{"largest that shares the stream", "echo", pattern(maxInline), pattern(maxInline)},
		{"smallest with its own stream", "echo", pattern(maxInline + 1), pattern(maxInline + 1)},
		{"large both ways", "echo", pattern(2 << 20), pattern(2 << 20)},
		{"large answer", "size", []byte("2000000"), pattern(2000000)},
		{"large body, small answer", "who", pattern(1 << 20), me[:]},
		{"who I am", "who", nil, me[:]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := conn.Request(within(t), tt.method, tt.body)
			if err != nil || !bytes.Equal(got, tt.want) {
				t.Errorf("Request(%s, %d bytes) = %d bytes, %v, want %d bytes", tt.method, len(tt.body), len(got), err, len(tt.want))
			}
		})
	}
}

func TestRequestRefusals(t *testing.T) {
	server := open(t, 1, func(c *Config) { c.Handler = echo; c.MaxBody = 1 << 20 })
	silent := open(t, 3, nil)
	from := client(t, 2, nil)
	conn, deaf := dial(t, from, server), dial(t, from, silent)
	for _, tt := range []struct {
		name, method string
		conn         *Conn
		body         []byte
		want         Error
	}{
		{"the handler's own", "nope", conn, nil, Error{"no-method", "method nope is not known"}},
		{"the handler's own, large body", "nope", conn, pattern(100_000), Error{"no-method", "method nope is not known"}},
		{"an error without code", "crash", conn, nil, Error{CodeInternal, "disk on fire"}},
		{"body too large", "echo", conn, pattern(1<<20 + 1), Error{CodeTooLarge, "body of 1048577 bytes, " + server.Identity().Short() + " takes at most 1048576"}},
		{"answer too large", "size", conn, []byte("1048577"), Error{CodeTooLarge, "answer of 1048577 bytes, at most 1048576"}},
		{"no handler", "echo", deaf, nil, Error{CodeUnserved, "node answers no requests"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.conn.Request(within(t), tt.method, tt.body)
			var got *Error
			if !errors.As(err, &got) || *got != tt.want {
				t.Errorf("Request(%s): error %#v, want %#v", tt.method, err, tt.want)
			}
		})
	}
	for _, method := range []string{"", strings.Repeat("m", maxMethod+1)} {
		if _, err := conn.Request(within(t), method, nil); err == nil {
			t.Errorf("Request(%q) did not fail", method)
		}
	}
	if got, err := conn.Request(within(t), "echo", []byte("still here")); err != nil || string(got) != "still here" {
		t.Errorf("Request after refusals = %q, %v", got, err)
	}
}

func TestManyRequestsAtOnce(t *testing.T) {
	server := open(t, 1, func(c *Config) { c.Handler = echo; c.MaxInFlight = 50 })
	conn := dial(t, client(t, 2, nil), server)
	var work sync.WaitGroup
	for i := range 500 {
		work.Go(func() {
			body := []byte(fmt.Sprint("request ", i))
			if i%50 == 0 {
				body = append(body, pattern(300_000)...)
			}
			got, err := conn.Request(within(t), "echo", body)
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("Request %d = %d bytes, %v, want %d bytes", i, len(got), err, len(body))
			}
		})
	}
	work.Wait()
}

// holding is a handler whose requests wait until they are let go.
func holding() (service, chan string, chan struct{}) {
	started, let := make(chan string, 1000), make(chan struct{})
	return service{request: func(ctx context.Context, _ abi.Identity, method string, body []byte) ([]byte, error) {
		if method != "hold" {
			return body, nil
		}
		started <- string(body)
		select {
		case <-let:
			return body, nil
		case <-ctx.Done():
			started <- "ended"
			return nil, ctx.Err()
		}
	}}, started, let
}

func TestRequestWaitsForItsTurn(t *testing.T) {
	h, started, let := holding()
	server := open(t, 1, func(c *Config) { c.Handler = h; c.MaxInFlight = 2 })
	conn := dial(t, client(t, 2, nil), server)
	results := make(chan error, 3)
	for range 3 {
		go func() { _, err := conn.Request(within(t), "hold", nil); results <- err }()
	}
	await(t, started, "the first request")
	await(t, started, "the second request")
	if n := len(started); n != 0 {
		t.Errorf("%d requests run beyond the limit of 2", n)
	}
	close(let)
	for range 3 {
		if err := await(t, results, "a result"); err != nil {
			t.Errorf("Request: %v", err)
		}
	}
}

func TestBusy(t *testing.T) {
	h, started, let := holding()
	server := open(t, 1, func(c *Config) { c.Handler = h; c.MaxRunning = 1; c.MaxMemory = 1 << 20 })
	from := client(t, 2, nil)
	one, two := dial(t, from, server), dial(t, from, server)
	result := make(chan error, 1)
	go func() { _, err := one.Request(within(t), "hold", nil); result <- err }()
	await(t, started, "the first request")
	for _, size := range []int{10, 100_000} {
		_, err := two.Request(within(t), "echo", pattern(size))
		var busy *Error
		if !errors.As(err, &busy) || busy.Code != CodeBusy {
			t.Errorf("Request of %d bytes beyond MaxRunning: %v, want code %s", size, err, CodeBusy)
		}
	}
	close(let)
	if err := await(t, result, "the first result"); err != nil {
		t.Errorf("first Request: %v", err)
	}
	// A body of more than half of MaxMemory never fits.
	_, err := two.Request(within(t), "echo", pattern(600_000))
	var busy *Error
	if !errors.As(err, &busy) || busy.Code != CodeBusy {
		t.Errorf("Request beyond MaxMemory: %v, want code %s", err, CodeBusy)
	}
	if got, err := two.Request(within(t), "echo", pattern(200_000)); err != nil || len(got) != 200_000 {
		t.Errorf("Request after busy = %d bytes, %v", len(got), err)
	}
}

func TestCancelReachesTheHandler(t *testing.T) {
	for _, size := range []int{10, 100_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			h, started, _ := holding()
			server := open(t, 1, func(c *Config) { c.Handler = h })
			conn := dial(t, client(t, 2, nil), server)
			ctx, cancel := context.WithCancel(within(t))
			result := make(chan error, 1)
			go func() { _, err := conn.Request(ctx, "hold", pattern(size)); result <- err }()
			await(t, started, "the request")
			cancel()
			if err := await(t, result, "the result"); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled Request: %v, want %v", err, context.Canceled)
			}
			if got := await(t, started, "the handler's context to end"); got != "ended" {
				t.Errorf("handler saw %q, want its context ended", got)
			}
		})
	}
}

// A large request in progress must not hold up small ones.
func TestLargeBodiesDoNotBlockSmallOnes(t *testing.T) {
	h, started, let := holding()
	server := open(t, 1, func(c *Config) { c.Handler = h })
	conn := dial(t, client(t, 2, nil), server)
	results := make(chan error, 8)
	for range cap(results) { // more than the listener serves at once
		go func() { _, err := conn.Request(within(t), "hold", pattern(4<<20)); results <- err }()
	}
	await(t, started, "a large request")
	for i := range 100 {
		if _, err := conn.Request(within(t), "echo", []byte("small")); err != nil {
			t.Fatalf("small request %d: %v", i, err)
		}
	}
	close(let)
	for range cap(results) {
		if err := await(t, results, "a large result"); err != nil {
			t.Errorf("large Request: %v", err)
		}
	}
}

func TestSubscribe(t *testing.T) {
	server := open(t, 1, func(c *Config) { c.Handler = echo })
	conn := dial(t, client(t, 2, nil), server)
	s, err := conn.Subscribe(within(t), "three", []byte("n="))
	if err != nil {
		t.Fatalf("Subscribe: %v", err)
	}
	for i := range 3 {
		if got, err := s.Recv(); err != nil || string(got) != fmt.Sprint("n=", i) {
			t.Errorf("Recv %d = %q, %v", i, got, err)
		}
	}
	if got, err := s.Recv(); err != io.EOF {
		t.Errorf("Recv at the end = %q, %v, want EOF", got, err)
	}

	s, err = conn.Subscribe(within(t), "secret", []byte("/plant1"))
	if err != nil {
		t.Fatalf("Subscribe: %v", err)
	}
	var refusal *Error
	if _, err := s.Recv(); !errors.As(err, &refusal) || *refusal != (Error{"no-grant", "no grant for /plant1"}) {
		t.Errorf("Recv without grant: %#v, want code no-grant", err)
	}
}

func TestSubscriptionCloses(t *testing.T) {
	ended := make(chan error, 1)
	h := service{subscribe: func(ctx context.Context, _ abi.Identity, _ string, _ []byte, send func([]byte) error) error {
		send([]byte("first"))
		<-ctx.Done()
		ended <- send([]byte("too late"))
		return ctx.Err()
	}}
	server := open(t, 1, func(c *Config) { c.Handler = h })
	conn := dial(t, client(t, 2, nil), server)
	for _, how := range []string{"Close", "context"} {
		ctx, cancel := context.WithCancel(within(t))
		s, err := conn.Subscribe(ctx, "any", nil)
		if err != nil {
			t.Fatalf("Subscribe: %v", err)
		}
		if got, err := s.Recv(); err != nil || string(got) != "first" {
			t.Fatalf("Recv = %q, %v", got, err)
		}
		if how == "Close" {
			s.Close()
		}
		cancel()
		await(t, ended, "the handler to see the end by "+how)
		if _, err := s.Recv(); !errors.Is(err, ErrClosed) {
			t.Errorf("Recv after %s: %v, want %v", how, err, ErrClosed)
		}
	}
}

// Subscribers that never read hold up neither the others nor requests, and cost the
// node a bounded number of bytes.
func TestSubscriberThatDoesNotRead(t *testing.T) {
	server := open(t, 1, func(c *Config) { c.Handler = echo; c.MaxStreams = 10 })
	conn := dial(t, client(t, 2, nil), server)
	for range 9 {
		if _, err := conn.Subscribe(within(t), "count", nil); err != nil {
			t.Fatalf("Subscribe: %v", err)
		}
	}
	reader, err := conn.Subscribe(within(t), "count", nil)
	if err != nil {
		t.Fatalf("Subscribe: %v", err)
	}
	for i := range 200_000 { // several stream windows
		got, err := reader.Recv()
		if err != nil || string(got) != fmt.Sprint(i) {
			t.Fatalf("Recv %d = %q, %v", i, got, err)
		}
	}
	if got, err := conn.Request(within(t), "size", []byte("300000")); err != nil || len(got) != 300000 {
		t.Errorf("Request beside idle subscribers = %d bytes, %v", len(got), err)
	}
	// All streams are taken: the next subscription waits until its context ends.
	ctx, cancel := context.WithTimeout(within(t), 50*time.Millisecond)
	defer cancel()
	if _, err := conn.Subscribe(ctx, "count", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Subscribe beyond MaxStreams: %v, want %v", err, context.DeadlineExceeded)
	}
}
