package bench

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/cmd/kalima/internal/stats"
	"github.com/kalima-chain/kalima/node/rpc"
)

// Load says what to put on a chain.
type Load struct {
	Chain    abi.Digest
	Masters  []rpc.MasterInfo
	Keys     []ed25519.PrivateKey // identities with a PUB grant for Address and below; clients share them
	Reader   ed25519.PrivateKey   // identity that may read Address and below
	Address  abi.Address
	Size     int // bytes of a value
	Clients  int // connections, spread over the masters
	InFlight int // transactions of a client that are on the way at once
	Duration time.Duration
}

// Percentiles of a latency, in milliseconds.
type Percentiles struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
}

// Result is what a chain did under load.
type Result struct {
	Seconds      float64 `json:"seconds"`
	BlocksPerS   float64 `json:"blocks_per_s"`
	TxPerS       float64 `json:"tx_per_s"`
	MBPerS       float64 `json:"mb_per_s"` // of values, 10^6 bytes
	Transactions uint64  `json:"transactions"`
	Blocks       uint64  `json:"blocks"`
	Failed       uint64  `json:"failed"` // submits without a receipt, or refused
	ValueBytes   int     `json:"value_bytes"`
	Latency      struct {
		Ordered   Percentiles `json:"submit_ordered"`
		Delivered Percentiles `json:"submit_delivered"`
	} `json:"latency_ms"`
	Delivered uint64 `json:"delivered"` // events the subscriber received
	FirstFail string `json:"first_failure,omitempty"`
}

const (
	warmup  = 500 * time.Millisecond // before it, connections are made and buffers grow
	drain   = 10 * time.Second       // for what is on the way at the end
	keysOf  = 64                     // keys each client writes in turn
	reserve = 64                     // bytes a full transaction leaves for its receipt in the block
)

// MaxValue is the largest value whose transaction fits a block of its own.
func MaxValue(address abi.Address) int {
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	for n := abi.MaxValue; n > 0; n -= 16 {
		tx, err := chain.Sign(key, abi.Digest{1}, 1<<40, make([]byte, 16), chain.Put(address+"/c1000", "k63", make([]byte, n)))
		if err == nil && len(tx.Envelope()) <= chain.MaxEnvelope-reserve {
			return n
		}
	}
	return 0
}

// run is a load under way.
type run struct {
	load      Load
	ordered   stats.Latency
	delivered stats.Latency
	received  atomic.Uint64
	accepted  atomic.Uint64
	failed    atomic.Uint64
	counting  atomic.Bool

	mu    sync.Mutex
	sent  map[abi.TxID]time.Time // on the way to the subscriber
	first error
}

// Run puts the load on a chain and measures.
func Run(ctx context.Context, load Load) (*Result, error) {
	r := &run{load: load, sent: map[abi.TxID]time.Time{}}
	reader, err := rpc.New(rpc.Config{Chain: load.Chain, Masters: load.Masters, Key: load.Reader})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	watchCtx, stopWatch := context.WithCancel(ctx)
	defer stopWatch()
	watching, err := r.watch(watchCtx, reader)
	if err != nil {
		return nil, err
	}

	var clients []*rpc.Client
	defer func() {
		for _, c := range clients {
			c.Close()
		}
	}()
	for i := range load.Clients {
		masters := append(append([]rpc.MasterInfo{}, load.Masters[i%len(load.Masters):]...), load.Masters[:i%len(load.Masters)]...)
		c, err := rpc.New(rpc.Config{Chain: load.Chain, Masters: masters, Key: load.Keys[i%len(load.Keys)]})
		if err != nil {
			return nil, err
		}
		clients = append(clients, c)
		if _, err := c.Head(ctx); err != nil {
			return nil, err
		}
	}
	sendCtx, stopSending := context.WithCancel(ctx)
	defer stopSending()
	var senders sync.WaitGroup
	for i, c := range clients {
		for j := range load.InFlight {
			senders.Add(1)
			go func() {
				defer senders.Done()
				r.send(sendCtx, c, i, j)
			}()
		}
	}
	wait(ctx, warmup)
	before, err := reader.Head(ctx)
	if err != nil {
		return nil, err
	}
	r.counting.Store(true)
	start := time.Now()
	wait(ctx, load.Duration)
	took := time.Since(start)
	r.counting.Store(false)
	txs, failed := r.accepted.Load(), r.failed.Load()
	after, err := reader.Head(ctx)
	stopSending()
	senders.Wait()
	if err != nil {
		return nil, err
	}
	r.settle(ctx, watching)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	out := &Result{
		Seconds: took.Seconds(), Transactions: txs, Blocks: uint64(after.Height - before.Height), Failed: failed,
		ValueBytes: load.Size, Delivered: r.received.Load(),
	}
	out.TxPerS = float64(txs) / took.Seconds()
	out.BlocksPerS = float64(out.Blocks) / took.Seconds()
	out.MBPerS = out.TxPerS * float64(load.Size) / 1e6
	out.Latency.Ordered, out.Latency.Delivered = percentiles(&r.ordered), percentiles(&r.delivered)
	if r.first != nil {
		out.FirstFail = r.first.Error()
	}
	if txs == 0 {
		return nil, fmt.Errorf("no transaction got through: %w", errors.Join(r.first, errNothing))
	}
	return out, nil
}

var errNothing = errors.New("nothing was ordered")

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// send keeps one transaction on the way until ctx ends.
func (r *run) send(ctx context.Context, c *rpc.Client, client, slot int) {
	address := r.load.Address + abi.Address(fmt.Sprintf("/c%d", client))
	value := make([]byte, r.load.Size)
	rand.Read(value)
	for n := slot; ctx.Err() == nil; n += r.load.InFlight {
		tx, err := c.Sign(ctx, chain.Put(address, fmt.Sprintf("k%d", n%keysOf), value))
		if err != nil {
			r.fail(ctx, err)
			return
		}
		counting := r.counting.Load()
		start := time.Now()
		if counting {
			r.mu.Lock()
			r.sent[tx.ID] = start
			r.mu.Unlock()
		}
		// What is on the way when time is up is waited for: dropping it would hide the slowest.
		submit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		receipt, err := c.SubmitTx(submit, tx.Envelope())
		cancel()
		took := time.Since(start)
		if err == nil && !receipt.Accepted() {
			err = &abi.Fault{Code: receipt.Code, Reason: receipt.Reason, Message: receipt.Message}
		}
		if err != nil {
			r.mu.Lock()
			delete(r.sent, tx.ID)
			r.mu.Unlock()
			r.fail(ctx, err)
			wait(ctx, 10*time.Millisecond)
			continue
		}
		if counting {
			r.ordered.Add(took)
		}
		if r.counting.Load() {
			r.accepted.Add(1)
		}
	}
}

func (r *run) fail(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	r.failed.Add(1)
	r.mu.Lock()
	if r.first == nil {
		r.first = err
	}
	r.mu.Unlock()
}

// watch receives every event of the load, as any subscriber would. The channel is closed
// when it ends.
func (r *run) watch(ctx context.Context, c *rpc.Client) (<-chan struct{}, error) {
	w, err := c.Watch(ctx, rpc.WatchQ{Patterns: []abi.Pattern{abi.Pattern(r.load.Address + "/**")}})
	if err != nil {
		return nil, err
	}
	if _, err := w.Recv(); err != nil { // the place it begins at
		return nil, fmt.Errorf("watch: %w", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		memcache := map[string][]byte{} // what a subscriber keeps
		for {
			f, err := w.Recv()
			if err != nil {
				r.fail(ctx, fmt.Errorf("watch: %w", err))
				return
			}
			for i := range f.Events {
				memcache[string(f.Events[i].Address)+"\x00"+f.Events[i].Key] = f.Events[i].Value
			}
			now := time.Now()
			r.mu.Lock()
			for i := range f.Events {
				id := f.Events[i].TxID
				if start, ok := r.sent[id]; ok {
					delete(r.sent, id)
					r.delivered.Add(now.Sub(start))
					r.received.Add(1)
				}
			}
			r.mu.Unlock()
		}
	}()
	return done, nil
}

// settle waits until the subscriber has everything that was ordered.
func (r *run) settle(ctx context.Context, watching <-chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	for {
		r.mu.Lock()
		left := len(r.sent)
		r.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-watching:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func percentiles(l *stats.Latency) Percentiles {
	all := l.Sorted()
	at := func(p float64) float64 { return float64(stats.Percentile(all, p).Microseconds()) / 1000 }
	return Percentiles{P50: at(0.5), P99: at(0.99), P999: at(0.999)}
}
