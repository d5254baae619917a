package transport

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
)

// patience bounds every wait of these tests. Nothing is expected to take that long.
const patience = 10 * time.Second

// key returns the test key of that number, the same in every run.
func key(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func identity(n byte) abi.Identity { return abi.Identity(key(n).Public().(ed25519.PublicKey)) }

// open starts an endpoint with key n and closes it with the test.
func open(t testing.TB, n byte, change func(*Config)) *Endpoint {
	t.Helper()
	cfg := Config{
		Listen: "127.0.0.1:0", Key: key(n),
		Authorise: func(abi.Identity) error { return nil },
		IsMaster:  func(abi.Identity) bool { return true },
	}
	if change != nil {
		change(&cfg)
	}
	e, err := Listen(cfg)
	if err != nil {
		t.Fatalf("Listen: %v", err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close of endpoint %d: %v", n, err)
		}
	})
	return e
}

// client starts an endpoint that only dials.
func client(t testing.TB, n byte, change func(*Config)) *Endpoint {
	return open(t, n, func(c *Config) {
		c.Listen = ""
		if change != nil {
			change(c)
		}
	})
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// dial connects and fails the test if that does not work.
func dial(t testing.TB, from, to *Endpoint) *Conn {
	t.Helper()
	c, err := from.Dial(within(t), to.Addr().String(), to.Identity())
	if err != nil {
		t.Fatalf("Dial: %v", err)
	}
	return c
}

// await fails the test if the channel is not closed, or does not give, in time.
func await[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
	}
	return v
}

// service is a Handler made of functions; a nil one is not expected to be called.
type service struct {
	request   func(ctx context.Context, peer abi.Identity, method string, body []byte) ([]byte, error)
	subscribe func(ctx context.Context, peer abi.Identity, method string, body []byte, send func([]byte) error) error
}

func (s service) Request(ctx context.Context, peer abi.Identity, method string, body []byte) ([]byte, error) {
	return s.request(ctx, peer, method, body)
}

func (s service) Subscribe(ctx context.Context, peer abi.Identity, method string, body []byte, send func([]byte) error) error {
	return s.subscribe(ctx, peer, method, body, send)
}

// echo answers "echo" with the body, "size" with that many bytes, "who" with the peer,
// and refuses the rest. Its subscription "count" sends numbers until send fails.
var echo = service{
	request: func(_ context.Context, peer abi.Identity, method string, body []byte) ([]byte, error) {
		switch method {
		case "echo":
			return body, nil
		case "size":
			var n int
			fmt.Sscan(string(body), &n)
			return pattern(n), nil
		case "who":
			return peer[:], nil
		case "crash":
			return nil, errors.New("disk on fire")
		}
		return nil, Errorf("no-method", "method %s is not known", method)
	},
	subscribe: func(_ context.Context, _ abi.Identity, method string, body []byte, send func([]byte) error) error {
		switch method {
		case "count":
			for i := 0; ; i++ {
				if err := send(fmt.Append(nil, i)); err != nil {
					return err
				}
			}
		case "three":
			for i := range 3 {
				if err := send(fmt.Append(body, i)); err != nil {
					return err
				}
			}
			return nil
		}
		return Errorf("no-grant", "no grant for %s", body)
	},
}

// pattern returns n bytes that differ from place to place.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 31 >> 3)
	}
	return b
}

// link is a socket whose traffic a test can cut, both ways and without a word.
type link struct {
	net.PacketConn
	dead atomic.Bool
}

func (l *link) WriteTo(b []byte, to net.Addr) (int, error) {
	if l.dead.Load() {
		return len(b), nil
	}
	return l.PacketConn.WriteTo(b, to)
}

func (l *link) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := l.PacketConn.ReadFrom(b)
		if err != nil || !l.dead.Load() {
			return n, from, err
		}
	}
}

// gate is a set of identities that may connect, which a test can change.
type gate struct {
	mu     sync.Mutex
	closed map[abi.Identity]bool
}

func (g *gate) authorise(id abi.Identity) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed[id] {
		return fmt.Errorf("identity %s is not known on this chain", id.Short())
	}
	return nil
}

func (g *gate) shut(id abi.Identity) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed == nil {
		g.closed = make(map[abi.Identity]bool)
	}
	g.closed[id] = true
}
