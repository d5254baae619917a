package consensus

import (
	"errors"
	"net"
	"sync"
	"time"
)

// network is loopback TCP whose links a test cuts and heals.
type network struct {
	mu    sync.Mutex
	cut   map[[2]string]bool
	conns map[[2]string][]net.Conn
}

func newNetwork() *network {
	return &network{cut: map[[2]string]bool{}, conns: map[[2]string][]net.Conn{}}
}

// port is one server's StreamLayer.
type port struct {
	net.Listener
	network *network

	mu       sync.Mutex
	accepted []net.Conn

	silent chan struct{} // when set, Dial gets no answer until it is closed, as Close does
}

func (n *network) listen(address string) (*port, error) {
	l, err := net.Listen("tcp", address)
	return &port{Listener: l, network: n}, err
}

func (p *port) Accept() (net.Conn, error) {
	c, err := p.Listener.Accept()
	if err == nil {
		p.mu.Lock()
		p.accepted = append(p.accepted, c)
		p.mu.Unlock()
	}
	return c, err
}

// Close ends the connections that were accepted too, as the end of a process would.
func (p *port) Close() error {
	p.mu.Lock()
	for _, c := range p.accepted {
		c.Close()
	}
	p.accepted = nil
	if p.silent != nil {
		close(p.silent)
		p.silent = nil
	}
	p.mu.Unlock()
	return p.Listener.Close()
}

func (p *port) Dial(address string, timeout time.Duration) (net.Conn, error) {
	p.mu.Lock()
	silent := p.silent
	p.mu.Unlock()
	if silent != nil {
		<-silent
		return nil, net.ErrClosed
	}
	link := [2]string{p.Addr().String(), address}
	n := p.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cut[link] {
		return nil, errors.New("link is cut")
	}
	c, err := net.DialTimeout("tcp", address, timeout)
	if err == nil {
		n.conns[link] = append(n.conns[link], c)
	}
	return c, err
}

// separate cuts every link between two groups, both ways.
func (n *network) separate(a, b []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, x := range a {
		for _, y := range b {
			for _, link := range [][2]string{{x, y}, {y, x}} {
				n.cut[link] = true
				for _, c := range n.conns[link] {
					c.Close()
				}
				delete(n.conns, link)
			}
		}
	}
}

func (n *network) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cut)
}
