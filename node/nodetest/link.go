package nodetest

import (
	"net"
	"sync/atomic"
)

// link is a master's socket, which a test can cut: packets vanish both ways, as on a dead
// line, and nobody is told.
type link struct{ cut atomic.Bool }

func (l *link) wrap(c net.PacketConn) net.PacketConn { return &cuttable{c, l} }

type cuttable struct {
	net.PacketConn
	link *link
}

func (c *cuttable) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, a, err := c.PacketConn.ReadFrom(p)
		if err != nil || !c.link.cut.Load() {
			return n, a, err
		}
	}
}

func (c *cuttable) WriteTo(p []byte, a net.Addr) (int, error) {
	if c.link.cut.Load() {
		return len(p), nil
	}
	return c.PacketConn.WriteTo(p, a)
}
