package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
)

// directory is where test masters find each other.
type directory struct {
	mu sync.Mutex
	m  map[string]abi.Identity
}

func (d *directory) add(e *Endpoint) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.m == nil {
		d.m = make(map[string]abi.Identity)
	}
	d.m[e.Addr().String()] = e.Identity()
	return e.Addr().String()
}

func (d *directory) peerOf(addr string) (abi.Identity, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id, ok := d.m[addr]
	return id, ok
}

// masters opens two endpoints that know each other.
func masters(t *testing.T, change func(*Config)) (d *directory, a, b *Endpoint) {
	d = &directory{}
	set := func(c *Config) {
		c.PeerOf = d.peerOf
		if change != nil {
			change(c)
		}
	}
	a, b = open(t, 1, set), open(t, 2, set)
	d.add(a)
	d.add(b)
	return d, a, b
}

// pair opens a Raft connection from a to b.
func pair(t *testing.T, a, b *Endpoint) (from, to net.Conn) {
	t.Helper()
	from, err := a.Raft().Dial(b.Addr().String(), patience)
	if err != nil {
		t.Fatalf("Dial: %v", err)
	}
	accepted := make(chan net.Conn, 1)
	go func() {
		if c, err := b.Raft().Accept(); err == nil {
			accepted <- c
		}
	}()
	return from, await(t, accepted, "the connection to arrive")
}

func TestRaftConnections(t *testing.T) {
	_, a, b := masters(t, nil)
	sent := pattern(5 << 20)
	for range 3 { // all over one QUIC connection
		from, to := pair(t, a, b)
		go from.Write(sent)
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(to, got); err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("read %d bytes: %v", len(got), err)
		}
		if _, err := to.Write([]byte("ack")); err != nil {
			t.Fatalf("write back: %v", err)
		}
		to.Close()
		if got, err := io.ReadAll(from); err != nil || string(got) != "ack" {
			t.Errorf("ReadAll = %q, %v", got, err)
		}
		from.Close()
	}
	if n := len(b.Peers()); n != 1 {
		t.Errorf("%d QUIC connections for three Raft connections, want 1", n)
	}
}

func TestRaftBothWaysAtOnce(t *testing.T) {
	_, a, b := masters(t, nil)
	var work sync.WaitGroup
	for _, p := range [][2]*Endpoint{{a, b}, {b, a}} {
		for range 4 {
			work.Go(func() {
				c, err := p[0].Raft().Dial(p[1].Addr().String(), patience)
				if err != nil {
					t.Errorf("Dial: %v", err)
					return
				}
				c.Write([]byte("x"))
			})
			work.Go(func() {
				c, err := p[1].Raft().Accept()
				if err != nil {
					t.Errorf("Accept: %v", err)
					return
				}
				if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
					t.Errorf("Read: %v", err)
				}
			})
		}
	}
	work.Wait()
}

func TestRaftDeadlines(t *testing.T) {
	_, a, b := masters(t, nil)
	from, to := pair(t, a, b)
	isTimeout := func(err error) bool {
		var n net.Error
		return errors.Is(err, os.ErrDeadlineExceeded) && errors.As(err, &n) && n.Timeout()
	}
	to.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := to.Read(make([]byte, 1)); !isTimeout(err) {
		t.Errorf("Read after its deadline: %v, want a timeout", err)
	}
	from.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := from.Write(make([]byte, 64<<20)); !isTimeout(err) { // nobody reads
		t.Errorf("Write after its deadline: %v, want a timeout", err)
	}
	// Close ends a write that waits for the peer.
	from, _ = pair(t, a, b)
	done := make(chan error, 1)
	go func() { _, err := from.Write(make([]byte, 64<<20)); done <- err }()
	from.Close()
	if err := await(t, done, "Write to end"); err == nil {
		t.Error("Write that nobody read did not fail after Close")
	}
}

func TestRaftOnlyForMasters(t *testing.T) {
	notB := func(c *Config) { c.IsMaster = func(id abi.Identity) bool { return id != identity(2) } }
	_, a, b := masters(t, notB)
	c, err := b.Raft().Dial(a.Addr().String(), patience)
	if err != nil {
		t.Fatalf("Dial: %v", err)
	}
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "does not take this identity for a master") {
		t.Errorf("Read of one who is no master: %v", err)
	}
	if _, err := a.Raft().Dial("127.0.0.1:1", patience); err == nil || !strings.Contains(err.Error(), "no master is known there") {
		t.Errorf("Dial of an unknown address: %v", err)
	}
}

func TestRaftDialsAnew(t *testing.T) {
	for _, how := range []string{"restart", "cut"} {
		t.Run(how, func(t *testing.T) {
			var cut *link
			d := &directory{}
			short := func(c *Config) { c.PeerOf = d.peerOf; c.Silence = time.Second }
			a := open(t, 1, func(c *Config) {
				short(c)
				c.Wrap = func(pc net.PacketConn) net.PacketConn { cut = &link{PacketConn: pc}; return cut }
			})
			b := open(t, 2, short)
			addr := d.add(b)
			from, _ := pair(t, a, b)
			if how == "restart" {
				b.Close()
				b = open(t, 2, func(c *Config) { short(c); c.Listen = addr })
			} else {
				cut.dead.Store(true)
			}
			from.SetDeadline(time.Now().Add(patience))
			want := map[string]error{"restart": io.EOF, "cut": ErrLost}[how]
			if _, err := from.Read(make([]byte, 1)); !errors.Is(err, want) {
				t.Errorf("Read after %s: %v, want %v", how, err, want)
			}
			cut.dead.Store(false)
			from, to := pair(t, a, b)
			from.Write([]byte("again"))
			got := make([]byte, 5)
			if _, err := io.ReadFull(to, got); err != nil || string(got) != "again" {
				t.Errorf("Read after dialing anew = %q, %v", got, err)
			}
		})
	}
}

func TestRaftRecheck(t *testing.T) {
	var mu sync.Mutex
	demoted := false
	isMaster := func(id abi.Identity) bool { mu.Lock(); defer mu.Unlock(); return !demoted || id != identity(2) }
	_, a, b := masters(t, func(c *Config) { c.IsMaster = isMaster })
	fromA, toB := pair(t, a, b)
	fromB, toA := pair(t, b, a)
	mu.Lock()
	demoted = true
	mu.Unlock()
	a.Recheck()
	for i, c := range []net.Conn{fromA, toB, fromB, toA} {
		c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read of connection %d after its peer was demoted: %v, want it dropped", i, err)
		}
	}
}

func TestRaftClose(t *testing.T) {
	_, a, b := masters(t, nil)
	pair(t, a, b)
	accepted := make(chan error, 1)
	go func() { _, err := b.Raft().Accept(); accepted <- err }()
	b.Raft().Close()
	if err := await(t, accepted, "Accept to end"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v, want %v", err, net.ErrClosed)
	}
	if _, err := b.Raft().Dial(a.Addr().String(), patience); err == nil {
		t.Error("Dial after Close did not fail")
	}
}
