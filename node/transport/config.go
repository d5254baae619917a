package transport

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"time"

	"github.com/kalima-chain/kalima/abi"
)

// Config says who this node is, whom it serves, and its limits. Limits hold for each
// endpoint; their zero value means the default named beside them.
type Config struct {
	// Listen is the UDP address to serve, such as "127.0.0.1:0" for any free port.
	// Empty means that the endpoint only dials.
	Listen string

	// Key is the node's key. Its public half is the node's identity.
	Key ed25519.PrivateKey

	// Authorise says whether a peer that proved its key may connect; the error's text
	// reaches the peer. It is asked for incoming connections, and again by Recheck.
	// Many calls may run at once. An endpoint that listens needs it.
	Authorise func(peer abi.Identity) error

	// IsMaster says whether a peer may open Raft connections; nil means nobody may.
	IsMaster func(peer abi.Identity) bool

	// PeerOf names the identity that Raft expects at an address. RaftLayer.Dial needs it.
	PeerOf func(addr string) (abi.Identity, bool)

	// Handler serves requests and subscriptions; nil answers all with CodeUnserved.
	Handler Handler

	MaxBody        int // bytes of a request or answer; 0 means 9 MiB: a blob of 8 MiB and its envelope
	MaxItem        int // bytes of one frame of a subscription; 0 means 1 MiB: 64 full blocks
	MaxInFlight    int // requests of one connection that run at once; 0 means 1024
	MaxRunning     int // requests of all connections that run at once; 0 means 8192
	MaxStreams     int // streams a peer may have open on a connection: subscriptions, Raft, large requests; 0 means 64
	MaxConns       int // incoming connections; 0 means 1024
	MaxPerIdentity int // incoming connections of one identity; 0 means 8
	MaxMemory      int // bytes of requests and answers held for peers; 0 means 256 MiB, half of it for large ones

	// Silence is how long a dead peer can go unnoticed; 0 means 3s. Peers that say
	// nothing are asked for a sign of life every quarter of it.
	Silence time.Duration

	// Handshake bounds the time from the first packet to the welcome; 0 means 5s.
	Handshake time.Duration

	// Wrap, when set, replaces the UDP socket before it is used: tests cut links
	// and lose packets with it.
	Wrap func(net.PacketConn) net.PacketConn
}

// Handler answers what dialers ask. Its methods run at many places at once and must
// return soon after ctx ended, which is when the dialer stops waiting or is gone.
type Handler interface {
	// Request answers one request. The handler owns body, the transport the answer.
	// An *Error reaches the dialer as it is, any other error with CodeInternal.
	Request(ctx context.Context, peer abi.Identity, method string, body []byte) ([]byte, error)

	// Subscribe sends frames until the subscription is at its end, ctx ended or send
	// failed. send waits while the dialer reads slower than frames come; it keeps
	// nothing of the frame, and is called by one goroutine at a time. A nil error ends
	// the stream with io.EOF, others travel like those of Request.
	Subscribe(ctx context.Context, peer abi.Identity, method string, body []byte, send func(frame []byte) error) error
}

// Validate reports the first setting that can not work. Listen calls it before any
// socket opens.
func (c *Config) Validate() error {
	if len(c.Key) != ed25519.PrivateKeySize {
		return fmt.Errorf("transport key: %d bytes, an Ed25519 private key has %d", len(c.Key), ed25519.PrivateKeySize)
	}
	if c.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			return fmt.Errorf("listen address: %w", err)
		}
		if c.Authorise == nil {
			return fmt.Errorf("listen address %s without Authorise: name who may connect", c.Listen)
		}
	}
	for _, l := range c.limits() {
		switch {
		case *l.value < 0:
			return fmt.Errorf("%s is %d, at least 0", l.name, *l.value)
		case *l.value > l.most:
			return fmt.Errorf("%s is %d, at most %d", l.name, *l.value, l.most)
		}
	}
	for name, d := range map[string]time.Duration{"Silence": c.Silence, "Handshake": c.Handshake} {
		if d != 0 && (d < 200*time.Millisecond || d > time.Hour) {
			return fmt.Errorf("%s is %v, want 200ms to 1h", name, d)
		}
	}
	return nil
}

type limit struct {
	name  string
	value *int
	zero  int // default
	most  int
}

func (c *Config) limits() []limit {
	const most = 1 << 20
	return []limit{
		{"MaxBody", &c.MaxBody, 9 << 20, 1 << 30},
		{"MaxItem", &c.MaxItem, 1 << 20, 1 << 30},
		{"MaxInFlight", &c.MaxInFlight, 1024, most},
		{"MaxRunning", &c.MaxRunning, 8192, most},
		{"MaxStreams", &c.MaxStreams, 64, most},
		{"MaxConns", &c.MaxConns, 1024, most},
		{"MaxPerIdentity", &c.MaxPerIdentity, 8, most},
		{"MaxMemory", &c.MaxMemory, 256 << 20, 1 << 40},
	}
}

// withDefaults returns a copy in which every limit is set.
func (c Config) withDefaults() Config {
	for _, l := range c.limits() {
		if *l.value == 0 {
			*l.value = l.zero
		}
	}
	if c.Silence == 0 {
		c.Silence = 3 * time.Second
	}
	if c.Handshake == 0 {
		c.Handshake = 5 * time.Second
	}
	return c
}
