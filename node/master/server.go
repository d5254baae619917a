package master

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/ledger"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/node/blobs"
	"github.com/kalima-chain/kalima/node/order"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

// Raft is what the server asks of consensus.
type Raft interface {
	// Leader returns the identity of the leader this node knows, if it knows one.
	Leader() (abi.Identity, bool)
	Term() uint64
	Role() string
}

// Config of a Server.
type Config struct {
	Name    string
	Self    abi.Identity
	Machine *Machine
	Ledger  *ledger.Ledger
	Blobs   *blobs.Store
	Engine  Asker // runs the queries of contracts; nil: there are none
	Orderer *order.Orderer
	Raft    Raft
	Peers   *Peers
	Log     *slog.Logger

	// Patience is how long a submit waits for a leader before it says that there is none;
	// 0 means 5s: several elections long.
	Patience time.Duration
}

// Server answers what clients and other masters ask. It implements transport.Handler.
type Server struct {
	Config
	machine *Machine
	ledger  *ledger.Ledger
	chain   chain.Digest
	started time.Time
	refused atomic.Uint64

	checking sync.Mutex    // held by the one check of the disk that runs
	asking   chan struct{} // one token for each query that runs
}

var _ transport.Handler = (*Server)(nil)

// NewServer returns a server. Its machine is loaded.
func NewServer(cfg Config) *Server {
	if cfg.Patience == 0 {
		cfg.Patience = 5 * time.Second
	}
	return &Server{Config: cfg, machine: cfg.Machine, ledger: cfg.Ledger, chain: cfg.Machine.Head().Chain, started: time.Now(), asking: make(chan struct{}, maxQueries)}
}

// Request implements transport.Handler.
func (s *Server) Request(ctx context.Context, peer abi.Identity, method string, body []byte) ([]byte, error) {
	m, ok := s.machine.Policy().Member(peer)
	if !ok {
		return nil, transport.Errorf(string(chain.Unknown), "identity %s is not known on this chain", peer.Short())
	}
	answer, err := s.answer(ctx, m, peer, method, body)
	if err != nil {
		return nil, answerError(err)
	}
	if raw, ok := answer.([]byte); ok {
		return raw, nil
	}
	return rpc.Encode(answer), nil
}

func (s *Server) answer(ctx context.Context, m *policy.Member, peer abi.Identity, method string, body []byte) (any, error) {
	switch method {
	case rpc.MethodSubmit:
		return ask(body, func(q *rpc.Submit) (any, error) { return s.submit(ctx, peer, q) })
	case rpc.MethodGet:
		return ask(body, func(q *rpc.GetQ) (any, error) { return s.get(m, q) })
	case rpc.MethodQuery:
		return ask(body, func(q *rpc.QueryQ) (any, error) { return s.query(ctx, m, peer, q) })
	case rpc.MethodList:
		return ask(body, func(q *rpc.ListQ) (any, error) { return s.list(m, q) })
	case rpc.MethodHistory:
		return ask(body, func(q *rpc.HistoryQ) (any, error) { return s.history(m, q) })
	case rpc.MethodBlock:
		return ask(body, func(q *rpc.BlockQ) (any, error) { return s.blocks(m, q) })
	case rpc.MethodTx:
		return ask(body, func(q *rpc.TxQ) (any, error) { return s.tx(m, q) })
	case rpc.MethodHead:
		h := s.machine.Head()
		return rpc.HeadA{Chain: h.Chain, Height: h.Height, Hash: h.Hash, Time: h.Time}, nil
	case rpc.MethodStatus:
		return s.status()
	case rpc.MethodCheck:
		return s.check(m)
	case rpc.MethodPutBlob:
		return s.putBlob(ctx, m, peer, body)
	case rpc.MethodGetBlob:
		return s.getBlob(body)
	}
	return nil, transport.Errorf(rpc.CodeUnknownMethod, "this node has no method %q", method)
}

// Subscribe implements transport.Handler.
func (s *Server) Subscribe(ctx context.Context, peer abi.Identity, method string, body []byte, send func([]byte) error) error {
	if method != rpc.MethodWatch {
		return transport.Errorf(rpc.CodeUnknownMethod, "this node has no stream %q", method)
	}
	return s.watch(ctx, peer, body, send)
}

func ask[Q any](body []byte, f func(*Q) (any, error)) (any, error) {
	var q Q
	if err := rpc.Decode(body, &q); err != nil {
		return nil, transport.Errorf(rpc.CodeBadRequest, "malformed request: %v", err)
	}
	return f(&q)
}

// answerError gives an error the code that clients branch on.
func answerError(err error) error {
	var refusal *chain.Refusal
	switch {
	case errors.As(err, &refusal):
		return &transport.Error{Code: string(refusal.Reason), Message: refusal.Message}
	case errors.Is(err, order.ErrUnknown):
		return &transport.Error{Code: rpc.CodeUnknown, Message: err.Error()}
	case errors.Is(err, ledger.ErrNotFound):
		return &transport.Error{Code: rpc.CodeNotFound, Message: err.Error()}
	case errors.Is(err, ledger.ErrCorrupt):
		return &transport.Error{Code: rpc.CodeCorrupt, Message: err.Error()}
	}
	return err
}
