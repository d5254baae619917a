package transport

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/kalima-chain/kalima/abi"
)

// Flow-control windows, in bytes. The listener keeps them small until a connection
// uses them, because many devices connect and few send much. The dialer reads from
// masters it chose; its connection window holds maxDialed full streams, so that
// subscriptions nobody reads never stop the answers beside them.
const (
	listenStream    = 512 << 10
	listenStreamMax = 4 << 20 // several blocks in flight to a follower one WAN round trip away
	listenConn      = 1 << 20
	listenConnMax   = 16 << 20
	listenGrowth    = 256 << 20 // what all incoming connections may grow together
	dialStream      = 512 << 10
	maxDialed       = 64 // subscriptions of a dialed connection, and large answers on their way to it
	dialConn        = (2*maxDialed + 2) * dialStream
)

// closeWait is how long Close waits for handlers to return.
const closeWait = 2 * time.Second

// Endpoint is one UDP socket and all connections over it, incoming and outgoing. Its
// methods may be called from many goroutines.
type Endpoint struct {
	cfg       Config
	id        abi.Identity
	cert      tls.Certificate
	socket    net.PacketConn
	transport *quic.Transport
	listener  *quic.Listener // nil when only dialing
	ctx       context.Context
	cancel    context.CancelFunc
	closing   atomic.Bool
	work      sync.WaitGroup // accept loop, sessions, handlers

	running atomic.Int64 // requests being handled
	arrived atomic.Int64 // incoming connections, those in their handshake included
	small   budget       // memory of bodies that share a stream
	large   budget       // memory of the others
	growth  budget       // flow-control windows beyond their start
	grown   sync.Map     // *quic.Conn -> *atomic.Int64, its part of growth

	mu       sync.Mutex
	sessions map[*session]struct{} // incoming
	conns    map[*Conn]struct{}    // dialed
	perPeer  map[abi.Identity]int
	raft     *RaftLayer
}

// Listen opens the socket and, unless cfg.Listen is empty, serves it. The error is
// ErrPortInUse when another socket has the address.
func Listen(cfg Config) (*Endpoint, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	cert, err := certificate(cfg.Key)
	if err != nil {
		return nil, err
	}
	quietBuffers()
	addr := cfg.Listen
	if addr == "" {
		addr = ":0"
	}
	socket, err := net.ListenPacket("udp", addr)
	if err != nil {
		if portInUse(err) {
			return nil, fmt.Errorf("listen on %s: %w", addr, ErrPortInUse)
		}
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	if cfg.Wrap != nil {
		socket = cfg.Wrap(socket)
	}
	reset := quic.StatelessResetKey(resetKey(cfg.Key))
	e := &Endpoint{
		cfg: cfg, id: abi.Identity(cfg.Key.Public().(ed25519.PublicKey)), cert: cert, socket: socket,
		transport: &quic.Transport{Conn: socket, ConnectionIDLength: 8, StatelessResetKey: &reset},
		sessions:  make(map[*session]struct{}), conns: make(map[*Conn]struct{}), perPeer: make(map[abi.Identity]int),
	}
	e.small.free.Store(int64(cfg.MaxMemory / 2))
	e.large.free.Store(int64(cfg.MaxMemory / 2))
	e.growth.free.Store(listenGrowth)
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.raft = newRaftLayer(e)
	e.transport.ConnContext, e.transport.VerifySourceAddress = e.arrive, e.crowded
	if cfg.Listen == "" {
		return e, nil
	}
	anyone := func(abi.Identity) error { return nil } // serve asks Authorise, where it can answer with a reason
	e.listener, err = e.transport.Listen(tlsConfig(cert, anyone), e.listenConfig())
	if err != nil {
		e.Close()
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	e.work.Go(e.accept)
	return e, nil
}

// quietBuffers keeps quic-go from printing that the system's limit for UDP buffers is
// low: libraries do not print, and it works all the same.
func quietBuffers() {
	const name = "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING"
	if _, set := os.LookupEnv(name); !set {
		os.Setenv(name, "true")
	}
}

func portInUse(err error) bool {
	const wsaeaddrinuse = 10048 // Windows has its own number
	var no syscall.Errno
	return errors.Is(err, syscall.EADDRINUSE) || runtime.GOOS == "windows" && errors.As(err, &no) && no == wsaeaddrinuse
}

// Addr returns the address of the socket.
func (e *Endpoint) Addr() net.Addr { return e.socket.LocalAddr() }

// Identity returns the node's own identity.
func (e *Endpoint) Identity() abi.Identity { return e.id }

// Peers returns who is connected to this endpoint, one entry for each incoming
// connection, in no order.
func (e *Endpoint) Peers() []abi.Identity {
	e.mu.Lock()
	defer e.mu.Unlock()
	peers := make([]abi.Identity, 0, len(e.sessions))
	for s := range e.sessions {
		peers = append(peers, s.peer)
	}
	return peers
}

// Recheck asks Authorise, and for Raft connections IsMaster, about every live
// connection and drops those that no longer may. Call it after grants changed.
func (e *Endpoint) Recheck() {
	e.mu.Lock()
	sessions := make([]*session, 0, len(e.sessions))
	for s := range e.sessions {
		sessions = append(sessions, s)
	}
	e.mu.Unlock()
	for _, s := range sessions {
		if err := e.cfg.Authorise(s.peer); err != nil {
			s.qc.CloseWithError(connRevoked, clip(err.Error(), maxMessage))
		} else if s.raft.Load() && !e.isMaster(s.peer) {
			s.qc.CloseWithError(connRevoked, fmt.Sprintf("identity %s is no longer a master", s.peer.Short()))
		}
	}
	e.raft.recheck()
}

func (e *Endpoint) isMaster(id abi.Identity) bool { return e.cfg.IsMaster != nil && e.cfg.IsMaster(id) }

// Close says goodbye on all connections, ends the handlers' contexts and closes the
// socket. It waits for handlers to return, 2 seconds at most; the error says how many
// did not. Calls after the first do nothing.
func (e *Endpoint) Close() error {
	if e.closing.Swap(true) {
		return nil
	}
	e.mu.Lock()
	e.cancel() // under mu: whoever registers a connection sees it
	e.mu.Unlock()
	e.raft.Close()
	e.mu.Lock()
	var open []*quic.Conn
	for s := range e.sessions {
		open = append(open, s.qc)
	}
	for c := range e.conns {
		open = append(open, c.qc)
	}
	e.mu.Unlock()
	for _, qc := range open {
		qc.CloseWithError(connGoodbye, "node stops")
	}
	if e.listener != nil {
		e.listener.Close()
	}
	err := e.transport.Close()
	if cerr := e.socket.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) && err == nil {
		err = cerr
	}
	done := make(chan struct{})
	go func() { e.work.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(closeWait):
		return fmt.Errorf("close transport: %d requests still run after %v", e.running.Load(), closeWait)
	}
	if err != nil {
		return fmt.Errorf("close transport: %w", err)
	}
	return nil
}

// quicConfig holds what both directions share. A dead peer is noticed after the
// keep-alive period and the idle timeout together, because the timeout starts anew
// with the first packet sent into the silence.
func (e *Endpoint) quicConfig() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout: e.cfg.Handshake,
		KeepAlivePeriod:      e.cfg.Silence / 4,
		MaxIdleTimeout:       e.cfg.Silence * 3 / 4,
	}
}

func (e *Endpoint) listenConfig() *quic.Config {
	c := e.quicConfig()
	c.InitialStreamReceiveWindow, c.MaxStreamReceiveWindow = listenStream, listenStreamMax
	c.InitialConnectionReceiveWindow, c.MaxConnectionReceiveWindow = listenConn, listenConnMax
	c.MaxIncomingStreams = int64(e.cfg.MaxStreams) + 1 // and the request stream
	c.MaxIncomingUniStreams = -1
	c.AllowConnectionWindowIncrease = e.grow
	return c
}

func (e *Endpoint) dialConfig() *quic.Config {
	c := e.quicConfig()
	c.InitialStreamReceiveWindow, c.MaxStreamReceiveWindow = dialStream, dialStream
	c.InitialConnectionReceiveWindow, c.MaxConnectionReceiveWindow = dialConn, dialConn
	c.MaxIncomingStreams = -1
	c.MaxIncomingUniStreams = maxDialed
	return c
}

// grow says whether the window of an incoming connection may grow by delta bytes.
func (e *Endpoint) grow(qc *quic.Conn, delta uint64) bool {
	if !e.growth.take(int(delta)) {
		return false
	}
	part, _ := e.grown.LoadOrStore(qc, new(atomic.Int64))
	part.(*atomic.Int64).Add(int64(delta))
	return true
}

// shrink gives back what a connection that ended had grown.
func (e *Endpoint) shrink(qc *quic.Conn) {
	if part, ok := e.grown.LoadAndDelete(qc); ok {
		e.growth.give(int(part.(*atomic.Int64).Load()))
	}
}

// maxHandshakes is how many incoming connections may be in their handshake. Each costs
// about half a millisecond of one core; beyond a quarter of it, the next must first show
// that they get packets at the address they claim.
const maxHandshakes = 256

func (e *Endpoint) handshakes() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.arrived.Load() - int64(len(e.sessions))
}

// arrive counts an incoming connection, or refuses it.
func (e *Endpoint) arrive(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
	if e.handshakes() >= maxHandshakes {
		return nil, errors.New("too many handshakes")
	}
	e.arrived.Add(1)
	context.AfterFunc(ctx, func() { e.arrived.Add(-1) })
	return ctx, nil
}

// crowded says whether a newcomer must prove its address first.
func (e *Endpoint) crowded(net.Addr) bool { return e.handshakes() >= maxHandshakes/4 }

// accept takes connections whose handshake is done until the listener closes.
func (e *Endpoint) accept() {
	for {
		qc, err := e.listener.Accept(e.ctx)
		if err != nil {
			return
		}
		context.AfterFunc(qc.Context(), func() { e.shrink(qc) })
		e.work.Go(func() { e.serve(qc) })
	}
}

// serve lets a connection in, or tells it why not, and serves it until it ends.
func (e *Endpoint) serve(qc *quic.Conn) {
	cs := qc.ConnectionState().TLS
	if err := CheckSuite(cs); err != nil {
		qc.CloseWithError(connSuite, err.Error())
		return
	}
	peer, err := identityOf(cs)
	if err == nil {
		err = e.cfg.Authorise(peer)
	}
	if err != nil {
		qc.CloseWithError(connRefused, clip(err.Error(), maxMessage))
		return
	}
	s := newSession(e, qc, peer)
	if err := e.register(s); err != nil {
		qc.CloseWithError(connRefused, err.Error())
		return
	}
	defer e.unregister(s)
	// Authorise may have changed its mind before register made the session visible to Recheck.
	if err := e.cfg.Authorise(peer); err != nil {
		qc.CloseWithError(connRevoked, clip(err.Error(), maxMessage))
		return
	}
	s.run()
}

func (e *Endpoint) register(s *session) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.ctx.Err() != nil:
		return errors.New("node stops")
	case len(e.sessions) >= e.cfg.MaxConns:
		return fmt.Errorf("node has %d connections, its limit", len(e.sessions))
	case e.perPeer[s.peer] >= e.cfg.MaxPerIdentity:
		return fmt.Errorf("identity %s has %d connections, its limit", s.peer.Short(), e.perPeer[s.peer])
	}
	e.sessions[s] = struct{}{}
	e.perPeer[s.peer]++
	return nil
}

func (e *Endpoint) unregister(s *session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.sessions, s)
	if e.perPeer[s.peer]--; e.perPeer[s.peer] == 0 {
		delete(e.perPeer, s.peer)
	}
}

// budget is a number of bytes that many share.
type budget struct{ free atomic.Int64 }

// take takes n bytes if there are as many.
func (b *budget) take(n int) bool {
	if b.free.Add(-int64(n)) >= 0 {
		return true
	}
	b.give(n)
	return false
}

func (b *budget) give(n int) { b.free.Add(int64(n)) }
