package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/kalima-chain/kalima/abi"
)

func TestUnknownIdentityIsToldWhy(t *testing.T) {
	var g gate
	g.shut(identity(2))
	server := open(t, 1, func(c *Config) { c.Handler = echo; c.Authorise = g.authorise })
	_, err := client(t, 2, nil).Dial(within(t), server.Addr().String(), server.Identity())
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Peer != server.Identity() {
		t.Fatalf("Dial of an unknown identity: %v, want a RefusedError", err)
	}
	if want := "identity " + identity(2).Short() + " is not known on this chain"; refused.Reason != want {
		t.Errorf("reason %q, want %q", refused.Reason, want)
	}
	if _, err := client(t, 3, nil).Dial(within(t), server.Addr().String(), server.Identity()); err != nil {
		t.Errorf("Dial of a known identity: %v", err)
	}
}

func TestDialRefusals(t *testing.T) {
	server := open(t, 1, nil)
	from := client(t, 2, func(c *Config) { c.Handshake = 300 * time.Millisecond })
	nobody, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close()

	_, err = from.Dial(within(t), server.Addr().String(), identity(9))
	var wrong *WrongKeyError
	if !errors.As(err, &wrong) || wrong.Want != identity(9) || wrong.Got != identity(1) {
		t.Errorf("Dial expecting another key: %v, want a WrongKeyError", err)
	}
	if _, err = from.Dial(within(t), server.Addr().String(), abi.Identity{}); err == nil {
		t.Error("Dial of the zero identity did not fail")
	}
	if _, err = from.Dial(within(t), nobody.LocalAddr().String(), identity(1)); !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("Dial of a silent port: %v, want %v: no answer", err, ErrLost)
	}
	if _, err = from.Dial(within(t), "no port", identity(1)); err == nil {
		t.Error("Dial of a malformed address did not fail")
	}
	ctx, cancel := context.WithCancel(within(t))
	cancel()
	if _, err = from.Dial(ctx, server.Addr().String(), server.Identity()); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial with an ended context: %v, want %v", err, context.Canceled)
	}
	// Who only dials can not be dialed.
	port := from.Addr().(*net.UDPAddr).Port
	to := (&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String()
	if _, err := client(t, 3, func(c *Config) { c.Handshake = 300 * time.Millisecond }).Dial(within(t), to, from.Identity()); err == nil {
		t.Error("Dial of an endpoint that does not listen did not fail")
	}
}

func TestPortInUse(t *testing.T) {
	first := open(t, 1, nil)
	_, err := Listen(Config{Listen: first.Addr().String(), Key: key(2), Authorise: func(abi.Identity) error { return nil }})
	if !errors.Is(err, ErrPortInUse) || !strings.Contains(err.Error(), first.Addr().String()) {
		t.Errorf("Listen on a taken port: %v, want %v with the address", err, ErrPortInUse)
	}
}

func TestConfigValidate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no key", func(c *Config) { c.Key = nil }, "key: 0 bytes"},
		{"no port", func(c *Config) { c.Listen = "localhost" }, "missing port"},
		{"open to everybody", func(c *Config) { c.Authorise = nil }, "without Authorise"},
		{"negative limit", func(c *Config) { c.MaxConns = -1 }, "MaxConns is -1"},
		{"limit without bound", func(c *Config) { c.MaxItem = 1<<30 + 1 }, "MaxItem is 1073741825, at most"},
		{"hasty", func(c *Config) { c.Silence = time.Millisecond }, "Silence is 1ms"},
		{"fine", func(*Config) {}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Config{Listen: "127.0.0.1:0", Key: key(1), Authorise: func(abi.Identity) error { return nil }}
			tt.change(&c)
			err := c.Validate()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Validate() = %v, want %q", err, tt.want)
			}
		})
	}
}

// A peer that vanished without goodbye is noticed by both ends, and everything that
// waited for it ends.
func TestDeadPeerIsNoticed(t *testing.T) {
	h, started, _ := holding()
	h.subscribe = echo.subscribe
	server := open(t, 1, func(c *Config) { c.Handler = h; c.Silence = time.Second })
	var cut *link
	from := client(t, 2, func(c *Config) {
		c.Silence = time.Second
		c.Wrap = func(pc net.PacketConn) net.PacketConn { cut = &link{PacketConn: pc}; return cut }
	})
	conn := dial(t, from, server)
	request, recv := make(chan error, 1), make(chan error, 1)
	go func() { _, err := conn.Request(within(t), "hold", nil); request <- err }()
	await(t, started, "the request")
	sub, err := conn.Subscribe(within(t), "count", nil)
	if err != nil {
		t.Fatalf("Subscribe: %v", err)
	}
	go func() {
		for {
			if _, err := sub.Recv(); err != nil {
				recv <- err
				return
			}
		}
	}()
	cut.dead.Store(true)
	await(t, conn.Closed(), "the dialer to notice")
	if err := conn.Err(); !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "silent") {
		t.Errorf("Err() = %v, want %v: silent", err, ErrLost)
	}
	if err := await(t, request, "the request to end"); !errors.Is(err, ErrLost) {
		t.Errorf("Request = %v, want %v", err, ErrLost)
	}
	if err := await(t, recv, "the subscription to end"); !errors.Is(err, ErrLost) {
		t.Errorf("Recv = %v, want %v", err, ErrLost)
	}
	if got := await(t, started, "the listener to notice"); got != "ended" {
		t.Errorf("handler saw %q, want its context ended", got)
	}
	cut.dead.Store(false)
	if _, err := dial(t, from, server).Request(within(t), "echo", nil); err != nil {
		t.Errorf("Request after the link healed: %v", err)
	}
}

func TestPeerThatStops(t *testing.T) {
	for _, restart := range []bool{false, true} {
		var socket net.PacketConn
		server := open(t, 1, func(c *Config) {
			c.Handler = echo
			c.Wrap = func(pc net.PacketConn) net.PacketConn { socket = pc; return pc }
		})
		conn := dial(t, client(t, 2, func(c *Config) { c.Silence = time.Minute }), server)
		want := "closed it"
		if restart { // a killed process: its socket is gone before it can say goodbye
			addr := server.Addr().String()
			socket.Close()
			open(t, 1, func(c *Config) { c.Listen = addr })
			want = "restarted"
			go conn.Request(within(t), "echo", nil) // any packet gets the reset
		} else if err := server.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		await(t, conn.Closed(), "the dialer to notice")
		if err := conn.Err(); !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), want) {
			t.Errorf("Err() = %v, want %v: %s", err, ErrLost, want)
		}
	}
}

func TestRecheckDropsTheRevoked(t *testing.T) {
	var g gate
	h, started, _ := holding()
	server := open(t, 1, func(c *Config) { c.Handler = h; c.Authorise = g.authorise })
	revoked, kept := dial(t, client(t, 2, nil), server), dial(t, client(t, 3, nil), server)
	result := make(chan error, 1)
	go func() { _, err := revoked.Request(within(t), "hold", nil); result <- err }()
	await(t, started, "the request")

	server.Recheck()
	if got, err := revoked.Request(within(t), "echo", []byte("1")); err != nil {
		t.Errorf("Request after Recheck without change = %q, %v", got, err)
	}
	g.shut(identity(2))
	server.Recheck()
	await(t, revoked.Closed(), "the revoked connection to end")
	var refused *RefusedError
	if err := revoked.Err(); !errors.As(err, &refused) || !errors.Is(err, ErrLost) || !strings.Contains(refused.Reason, "not known on this chain") {
		t.Errorf("Err() = %v, want a RefusedError that is an ErrLost", err)
	}
	if err := await(t, result, "its request to end"); !errors.As(err, &refused) {
		t.Errorf("its Request = %v, want a RefusedError", err)
	}
	if got, err := kept.Request(within(t), "echo", []byte("2")); err != nil || string(got) != "2" {
		t.Errorf("Request of the other = %q, %v", got, err)
	}
}

func TestConnectionLimits(t *testing.T) {
	server := open(t, 1, func(c *Config) { c.MaxConns = 3; c.MaxPerIdentity = 2 })
	greedy := client(t, 2, nil)
	first := dial(t, greedy, server)
	dial(t, greedy, server)
	refusal := func(from *Endpoint, want string) {
		t.Helper()
		var refused *RefusedError
		if _, err := from.Dial(within(t), server.Addr().String(), server.Identity()); !errors.As(err, &refused) || !strings.Contains(refused.Reason, want) {
			t.Errorf("Dial = %v, want a refusal with %q", err, want)
		}
	}
	refusal(greedy, "has 2 connections, its limit")
	dial(t, client(t, 3, nil), server)
	refusal(client(t, 4, nil), "node has 3 connections, its limit")
	if n := len(server.Peers()); n != 3 {
		t.Errorf("Peers() lists %d, want 3", n)
	}
	// A place becomes free once the listener saw the goodbye.
	first.Close()
	for ctx := within(t); ; {
		_, err := greedy.Dial(ctx, server.Addr().String(), server.Identity())
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("no place became free: %v", err)
		}
	}
}

// Peers that break the rules are cut off, with the rule that they broke.
func TestHostilePeer(t *testing.T) {
	for _, tt := range []struct {
		name string
		send []byte // over one new stream, after the request stream was opened in order
		want string
	}{
		{"unknown type", []byte{77}, "stream of type 77"},
		{"second request stream", []byte{typeRequests}, "second request stream"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := dial(t, client(t, 2, nil), open(t, 1, func(c *Config) { c.Handler = echo }))
			str, err := conn.qc.OpenStreamSync(within(t))
			if err != nil {
				t.Fatal(err)
			}
			str.Write(tt.send)
			await(t, conn.Closed(), "the connection to end")
			if err := conn.Err(); !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Err() = %v, want %q", err, tt.want)
			}
		})
	}
	for _, tt := range []struct {
		name string
		f    frame
		want string
	}{
		{"too long", frame{kind: kindRequest, id: 1, name: "m", body: make([]byte, maxInline+100)}, "at most 65601"},
		{"a listener's kind", frame{kind: kindAnswer, id: 1}, "frame of kind 17"},
		{"no method", frame{kind: kindRequest, id: 1}, "malformed name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := dial(t, client(t, 2, nil), open(t, 1, func(c *Config) { c.Handler = echo }))
			conn.out.put(nil, &tt.f)
			await(t, conn.Closed(), "the connection to end")
			if err := conn.Err(); !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Err() = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestSuiteAndKeyExchange(t *testing.T) {
	conn := dial(t, client(t, 2, nil), open(t, 1, nil))
	cs := conn.qc.ConnectionState().TLS
	if cs.CipherSuite != tls.TLS_AES_256_GCM_SHA384 || cs.Version != tls.VersionTLS13 || cs.NegotiatedProtocol != "kalima/1" {
		t.Errorf("negotiated %s, %s, %s", tls.VersionName(cs.Version), tls.CipherSuiteName(cs.CipherSuite), cs.NegotiatedProtocol)
	}
	if cs.CurveID != tls.X25519MLKEM768 {
		t.Errorf("key exchange %v, want %v", cs.CurveID, tls.X25519MLKEM768)
	}
	for _, tt := range []struct {
		version, suite uint16
		ok             bool
	}{
		{tls.VersionTLS13, tls.TLS_AES_256_GCM_SHA384, true},
		{tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, false},
		{tls.VersionTLS13, tls.TLS_CHACHA20_POLY1305_SHA256, false},
		{tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, false},
		{0, 0, false},
	} {
		if err := CheckSuite(tls.ConnectionState{Version: tt.version, CipherSuite: tt.suite}); (err == nil) != tt.ok {
			t.Errorf("CheckSuite(%s, %s) = %v, want accepted %v", tls.VersionName(tt.version), tls.CipherSuiteName(tt.suite), err, tt.ok)
		}
	}
}

// If the toolchain ever ignored our narrowed suites, the handshake check must catch it.
func TestOtherSuiteIsRefused(t *testing.T) {
	hard, soft := defaultSuites, defaultSuitesNoAES
	t.Cleanup(func() { defaultSuites, defaultSuitesNoAES = hard, soft })
	defaultSuites = []uint16{tls.TLS_AES_128_GCM_SHA256}
	defaultSuitesNoAES = []uint16{tls.TLS_AES_128_GCM_SHA256}
	server := open(t, 1, nil)
	_, err := client(t, 2, nil).Dial(within(t), server.Addr().String(), server.Identity())
	if err == nil || !strings.Contains(err.Error(), "cipher suite TLS_AES_128_GCM_SHA256 negotiated") {
		t.Errorf("Dial with AES-128: %v, want a refusal that names the suite", err)
	}
}

func TestClose(t *testing.T) {
	h, started, _ := holding()
	server := open(t, 1, func(c *Config) { c.Handler = h })
	from := client(t, 2, nil)
	conn := dial(t, from, server)
	result := make(chan error, 1)
	go func() { _, err := conn.Request(within(t), "hold", nil); result <- err }()
	await(t, started, "the request")
	conn.Close()
	if err := await(t, result, "the request to end"); !errors.Is(err, ErrClosed) {
		t.Errorf("Request on a closed connection: %v, want %v", err, ErrClosed)
	}
	if _, err := conn.Subscribe(within(t), "count", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Subscribe on a closed connection: %v, want %v", err, ErrClosed)
	}
	other := dial(t, from, server)
	for range 2 {
		if err := from.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	await(t, other.Closed(), "the endpoint's connections to close")
	if err := other.Err(); !errors.Is(err, ErrClosed) {
		t.Errorf("Err() after the endpoint closed: %v, want %v", err, ErrClosed)
	}
	if _, err := from.Dial(within(t), server.Addr().String(), server.Identity()); !errors.Is(err, ErrClosed) {
		t.Errorf("Dial on a closed endpoint: %v, want %v", err, ErrClosed)
	}
}

// What incoming connections may hold is shared, and comes back when they end.
func TestWindowGrowthIsShared(t *testing.T) {
	e := client(t, 1, nil)
	conns := [2]*quic.Conn{new(quic.Conn), new(quic.Conn)}
	grown := 0
	for e.grow(conns[grown%2], 16<<20) {
		grown++
	}
	if want := listenGrowth / (16 << 20); grown != want {
		t.Errorf("windows grew by 16 MiB %d times, want %d", grown, want)
	}
	e.shrink(conns[0])
	e.shrink(conns[0])
	if !e.grow(conns[1], listenGrowth/2) || e.grow(conns[1], 1) {
		t.Error("half of the growth did not come back, or more than it")
	}
}

func TestHandshakesAreBounded(t *testing.T) {
	e := client(t, 1, nil)
	ctx, end := context.WithCancel(within(t))
	for i := range maxHandshakes {
		if got, want := e.crowded(nil), i >= maxHandshakes/4; got != want {
			t.Fatalf("crowded() with %d handshakes = %v, want %v", i, got, want)
		}
		if _, err := e.arrive(ctx, nil); err != nil {
			t.Fatalf("handshake %d: %v", i, err)
		}
	}
	if _, err := e.arrive(ctx, nil); err == nil {
		t.Errorf("handshake beyond %d was not refused", maxHandshakes)
	}
	end()
	for wait := within(t); e.handshakes() != 0; runtime.Gosched() {
		if wait.Err() != nil {
			t.Fatalf("%d handshakes still counted after they ended", e.handshakes())
		}
	}
}
