package rpc

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/keyring"
	"github.com/kalima-chain/kalima/node/transport"
)

// DefaultValidity is for how many blocks a transaction stays valid when the sender does
// not say: about ten seconds of a busy chain, for ever on an idle one.
const DefaultValidity = 10_000

// Config says whom a Client speaks to and as whom.
type Config struct {
	Chain   abi.Digest
	Masters []MasterInfo
	Key     ed25519.PrivateKey

	// Only keeps the client at the first master it is given: it does not fail over. For
	// commands that ask one master about itself.
	Only bool

	// Endpoint, when set, is used instead of a socket of the client's own, and not closed
	// with it.
	Endpoint *transport.Endpoint

	// Validity is for how many blocks a transaction stays valid; 0 means DefaultValidity.
	Validity abi.Height
}

// Client asks the masters of a chain. It connects when it is first used, stays with one
// master while that works, and turns to the next one when it does not. Safe for
// concurrent use.
type Client struct {
	cfg  Config
	id   abi.Identity
	own  *transport.Endpoint // nil when Config.Endpoint was given
	endp *transport.Endpoint

	mu   sync.Mutex
	conn *transport.Conn
	at   int // index of the master conn leads to, or is to be tried next
	head abi.Height
	dial chan struct{} // closed when the dial under way is over
}

// New returns a client. It opens a socket but sends nothing yet.
func New(cfg Config) (*Client, error) {
	if len(cfg.Masters) == 0 {
		return nil, errors.New("client: no masters given")
	}
	c := &Client{cfg: cfg, id: keyring.Identity(cfg.Key), endp: cfg.Endpoint}
	if c.endp == nil {
		e, err := transport.Listen(transport.Config{Key: cfg.Key})
		if err != nil {
			return nil, fmt.Errorf("client: %w", err)
		}
		c.endp, c.own = e, e
	}
	return c, nil
}

// Identity is who the client is.
func (c *Client) Identity() abi.Identity { return c.id }

// Chain is the chain that the client's transactions are for.
func (c *Client) Chain() abi.Digest { return c.cfg.Chain }

// Close ends the connection.
func (c *Client) Close() error {
	c.mu.Lock()
	conn := c.conn
	c.conn = nil
	c.mu.Unlock()
	var err error
	if conn != nil {
		err = conn.Close()
	}
	if c.own != nil {
		err = errors.Join(err, c.own.Close())
	}
	return err
}

// connection returns a live connection, dialling the masters in turn when there is none.
// One goroutine dials at a time; the others wait for it.
func (c *Client) connection(ctx context.Context) (*transport.Conn, error) {
	for {
		c.mu.Lock()
		if c.conn != nil {
			select {
			case <-c.conn.Closed():
				c.conn = nil
			default:
				conn := c.conn
				c.mu.Unlock()
				return conn, nil
			}
		}
		if wait := c.dial; wait != nil {
			c.mu.Unlock()
			select {
			case <-wait:
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		done := make(chan struct{})
		c.dial = done
		at := c.at
		c.mu.Unlock()

		conn, at, err := c.dialAny(ctx, at)
		c.mu.Lock()
		c.dial = nil
		if err == nil {
			c.conn, c.at = conn, at
		}
		c.mu.Unlock()
		close(done)
		return conn, err
	}
}

// drop forgets a connection that failed, so that the next request goes to the next master.
func (c *Client) drop(conn *transport.Conn) {
	c.mu.Lock()
	if c.conn == conn {
		c.conn = nil
		if !c.cfg.Only {
			c.at = (c.at + 1) % len(c.cfg.Masters)
		}
	}
	c.mu.Unlock()
	conn.Close()
}

// ask sends a request and decodes the answer. When the connection breaks, it asks the
// next master: every method may be asked twice. answer may be nil.
func (c *Client) ask(ctx context.Context, method string, question, answer any) error {
	var body []byte
	if question != nil {
		if raw, ok := question.([]byte); ok {
			body = raw
		} else {
			body = Encode(question)
		}
	}
	b, err := c.raw(ctx, method, body)
	if err != nil {
		return err
	}
	if raw, ok := answer.(*[]byte); ok {
		*raw = b
		return nil
	}
	if answer == nil {
		return nil
	}
	if err := Decode(b, answer); err != nil {
		return fmt.Errorf("decode answer to %s: %w", method, err)
	}
	return nil
}

func (c *Client) raw(ctx context.Context, method string, body []byte) ([]byte, error) {
	var last error
	for try := 0; ; try++ {
		conn, err := c.connection(ctx)
		if err != nil {
			if last != nil && ctx.Err() != nil {
				return nil, last
			}
			return nil, err
		}
		b, err := conn.Request(ctx, method, body)
		if err == nil {
			return b, nil
		}
		var refused *transport.Error
		if errors.As(err, &refused) || ctx.Err() != nil || try >= len(c.cfg.Masters) {
			return nil, err
		}
		last = err
		c.drop(conn)
	}
}

// Head asks for the head of the chain.
func (c *Client) Head(ctx context.Context) (HeadA, error) {
	var h HeadA
	err := c.ask(ctx, MethodHead, nil, &h)
	if err == nil {
		c.saw(h.Height)
	}
	return h, err
}

func (c *Client) saw(h abi.Height) {
	c.mu.Lock()
	c.head = max(c.head, h)
	c.mu.Unlock()
}

// Sign makes a transaction for this chain, signed by the client's key, valid for
// Config.Validity blocks from the newest height the client has seen.
func (c *Client) Sign(ctx context.Context, ops ...chain.Op) (*chain.Tx, error) {
	c.mu.Lock()
	head := c.head
	c.mu.Unlock()
	if head == 0 {
		h, err := c.Head(ctx)
		if err != nil {
			return nil, err
		}
		head = h.Height
	}
	v := c.cfg.Validity
	if v == 0 {
		v = DefaultValidity
	}
	nonce := make([]byte, 16)
	rand.Read(nonce)
	return chain.Sign(c.cfg.Key, c.cfg.Chain, head+v, nonce, ops...)
}

// Submit signs operations and submits them as one transaction.
func (c *Client) Submit(ctx context.Context, ops ...chain.Op) (Receipt, error) {
	tx, err := c.Sign(ctx, ops...)
	if err != nil {
		return Receipt{}, err
	}
	return c.SubmitTx(ctx, tx.Envelope())
}

// SubmitTx submits a signed transaction and waits for its receipt. While the chain has no
// leader, a master is down or the outcome is unknown it tries again with the same bytes,
// until ctx ends; the chain takes a transaction only once. A receipt with a code other
// than abi.OK is no error: the transaction is in the chain, without effect.
func (c *Client) SubmitTx(ctx context.Context, envelope []byte) (Receipt, error) {
	var last error
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		var r Receipt
		err := c.ask(ctx, MethodSubmit, &Submit{Envelope: envelope}, &r)
		if err == nil {
			c.saw(r.Height)
			return r, nil
		}
		if ctx.Err() != nil {
			if last == nil {
				last = err
			}
			return Receipt{}, last
		}
		if !Retryable(err) {
			return Receipt{}, err
		}
		last = err
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return Receipt{}, last
		case <-t.C:
		}
	}
}

// Retryable reports whether the same request may succeed later, unchanged.
func Retryable(err error) bool {
	var e *transport.Error
	if errors.As(err, &e) {
		switch e.Code {
		case string(chain.NoPlace), string(chain.NoLeader), CodeUnknown:
			return true
		}
		return false
	}
	var refused *transport.RefusedError
	return !errors.As(err, &refused)
}

// Code returns the code of an error that a master answered, or "".
func Code(err error) string {
	var e *transport.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Get asks for the current value of a key. A key without one is the code CodeNotFound.
func (c *Client) Get(ctx context.Context, a abi.Address, key string) (Item, error) {
	var out Item
	return out, c.ask(ctx, MethodGet, &GetQ{Address: a, Key: key}, &out)
}

// Query asks the query entry of a deployed contract. The error's code is CodeNotFound when there
// is none of that name.
func (c *Client) Query(ctx context.Context, q QueryQ) (QueryA, error) {
	var out QueryA
	return out, c.ask(ctx, MethodQuery, &q, &out)
}

// List asks for a page of the keys of an address, or of the addresses of a pattern.
func (c *Client) List(ctx context.Context, q ListQ) (ListA, error) {
	var out ListA
	return out, c.ask(ctx, MethodList, &q, &out)
}

// History asks for a page of a key's events, newest first.
func (c *Client) History(ctx context.Context, q HistoryQ) (HistoryA, error) {
	var out HistoryA
	return out, c.ask(ctx, MethodHistory, &q, &out)
}

// Blocks asks for up to count consecutive blocks, as stored and not checked.
func (c *Client) Blocks(ctx context.Context, from abi.Height, count int) ([][]byte, error) {
	var out BlocksA
	return out.Blocks, c.ask(ctx, MethodBlock, &BlockQ{Height: from, Count: count}, &out)
}

// Tx asks for a transaction.
func (c *Client) Tx(ctx context.Context, id abi.TxID) (TxA, error) {
	var out TxA
	return out, c.ask(ctx, MethodTx, &TxQ{ID: id}, &out)
}

// Status asks the master about itself.
func (c *Client) Status(ctx context.Context) (StatusA, error) {
	var out StatusA
	return out, c.ask(ctx, MethodStatus, nil, &out)
}

// Check has the master read its disk again, past its caches.
func (c *Client) Check(ctx context.Context) (CheckA, error) {
	var out CheckA
	return out, c.ask(ctx, MethodCheck, nil, &out)
}

// PutBlob keeps bytes at the masters and returns their digest. It is answered when a
// majority of the masters hold them.
func (c *Client) PutBlob(ctx context.Context, b []byte) (abi.Digest, error) {
	var d []byte
	if err := c.ask(ctx, MethodPutBlob, b, &d); err != nil {
		return abi.Digest{}, err
	}
	if len(d) != len(abi.Digest{}) {
		return abi.Digest{}, fmt.Errorf("decode answer to %s: digest of %d bytes", MethodPutBlob, len(d))
	}
	return abi.Digest(d), nil
}

// Blob asks for the bytes of a digest, and checks them.
func (c *Client) Blob(ctx context.Context, d abi.Digest) ([]byte, error) {
	var b []byte
	if err := c.ask(ctx, MethodGetBlob, d[:], &b); err != nil {
		return nil, err
	}
	if got := digestOf(b); got != d {
		return nil, fmt.Errorf("blob %s: the master sent bytes of digest %s", d.Short(), got.Short())
	}
	return b, nil
}
