// Package verify checks a whole chain from its blocks alone, trusting nobody who sends
// them: that each block is well formed and extends the one before, that every signature
// verifies and every sender was allowed to write, that replaying the blocks gives the
// sequences they claim, and that the ledger hash at the end is the one the master states.
package verify

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

// Source is a master whose chain is checked.
type Source interface {
	Status(context.Context) (rpc.StatusA, error)
	Blocks(ctx context.Context, from abi.Height, count int) ([][]byte, error)
	Check(context.Context) (rpc.CheckA, error)
}

var _ Source = (*rpc.Client)(nil)

// Problem is something wrong at one height.
type Problem struct {
	Height abi.Height `json:"height"`
	What   string     `json:"what"`
}

// MaxProblems bounds a report: what is wrong once is often wrong everywhere after.
const MaxProblems = 100

// Report is the result for one master.
type Report struct {
	Chain        abi.Digest `json:"chain"`
	Height       abi.Height `json:"height"` // of the last block checked
	Blocks       uint64     `json:"blocks"`
	Transactions uint64     `json:"transactions"` // whose signatures verify
	Events       uint64     `json:"events"`
	LedgerHash   abi.Digest `json:"ledger_hash"` // as computed here; zero when the replay could not reach the end
	Stated       abi.Digest `json:"stated_ledger_hash"`
	Problems     []Problem  `json:"problems"`
	More         bool       `json:"more,omitempty"` // there are more than MaxProblems
	Disk         []string   `json:"disk"`           // damage that the master finds in its files, past its caches
}

// Clean reports that nothing is wrong.
func (r *Report) Clean() bool { return len(r.Problems)+len(r.Disk) == 0 }

const page = 128 // blocks asked for at once: 2 MiB when full

// Run checks every block up to the head that the master states at the start. Progress, when
// not nil, is called after each page. An error means that the check itself could not go on.
func Run(ctx context.Context, src Source, want abi.Digest, progress func(done, head abi.Height)) (*Report, error) {
	status, err := src.Status(ctx)
	if err != nil {
		return nil, err
	}
	c := &checker{
		report: &Report{Chain: want, Stated: status.LedgerHash, Problems: []Problem{}},
		state:  chain.NewState(), policy: new(policy.Cache), seen: map[abi.TxID]abi.Height{},
	}
	head := status.Head.Height
	for from := abi.Height(0); from <= head; {
		raw, err := src.Blocks(ctx, from, int(min(page, head-from+1)))
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		switch code := rpc.Code(err); {
		case code == rpc.CodeCorrupt || code == transport.CodeInternal: // a master sends what is good before it
			c.problem(from, "the master can not give this block: %v", err)
			c.lost()
			from++
			continue
		case err != nil:
			return nil, fmt.Errorf("block %d: %w", from, err)
		case len(raw) == 0:
			return nil, fmt.Errorf("block %d: the master sent nothing, and its head is %d", from, head)
		}
		for i, d := range decode(raw) {
			c.block(from+abi.Height(i), &d)
		}
		from += abi.Height(len(raw))
		if progress != nil {
			progress(from-1, head)
		}
	}
	c.end(&status)
	// What a master serves from memory may be well while its disk is not.
	disk, err := src.Check(ctx)
	if err != nil {
		return nil, fmt.Errorf("have the master check its disk: %w", err)
	}
	c.report.Disk = append([]string{}, disk.Damage...)
	return c.report, nil
}

// decoded is a block with what is wrong with it by itself.
type decoded struct {
	block *chain.Block
	err   error
	bad   []int // entries whose signature does not verify
}

// decode does the work that needs no order, on all cores.
func decode(raw [][]byte) []decoded {
	out := make([]decoded, len(raw))
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range next {
				d := &out[i]
				if d.block, d.err = chain.DecodeBlock(raw[i]); d.err != nil {
					continue
				}
				for j := range d.block.Entries {
					if tx := d.block.Tx(j); tx != nil && tx.Verify() != nil {
						d.bad = append(d.bad, j)
					}
				}
			}
		}()
	}
	for i := range raw {
		next <- i
	}
	close(next)
	wg.Wait()
	return out
}

// checker walks the blocks in order.
type checker struct {
	report *Report
	state  *chain.State // nil once it could not follow
	policy *policy.Cache
	prev   *chain.Block // nil when the block before could not be read
	seen   map[abi.TxID]abi.Height
}

func (c *checker) problem(h abi.Height, format string, args ...any) {
	if len(c.report.Problems) == MaxProblems {
		c.report.More = true
		return
	}
	c.report.Problems = append(c.report.Problems, Problem{h, fmt.Sprintf(format, args...)})
}

// lost gives up replaying: after a block that can not be applied, no state is known. Form,
// links and signatures of the blocks after it are still checked.
func (c *checker) lost() {
	c.state, c.prev = nil, nil
}

func (c *checker) block(at abi.Height, d *decoded) {
	c.report.Height = at
	if d.err != nil {
		c.problem(at, "%v", d.err)
		c.lost()
		return
	}
	c.report.Blocks++
	b, h := d.block, &d.block.Header
	if h.Chain != c.report.Chain {
		c.problem(at, "is of chain %s, this is chain %s", h.Chain.Short(), c.report.Chain.Short())
	}
	if h.Height != at {
		c.problem(at, "says that its height is %d", h.Height)
	}
	if c.prev != nil {
		if h.Parent != c.prev.Hash {
			c.problem(at, "its parent is %s, but block %d has hash %s", h.Parent.Short(), at-1, c.prev.Hash.Short())
		}
		if h.Time < c.prev.Header.Time {
			c.problem(at, "its time is before that of block %d", at-1)
		}
	}
	for _, i := range d.bad {
		c.problem(at, "entry %d, transaction %s by %s: the signature does not verify", i, b.Tx(i).ID.Short(), b.Tx(i).Sender.Short())
	}
	c.transactions(b, len(d.bad))
	c.apply(at, b)
	c.prev = b
}

// transactions checks validity windows and that no transaction is in the chain twice.
func (c *checker) transactions(b *chain.Block, bad int) {
	at := b.Header.Height
	for i := range b.Entries {
		tx := b.Tx(i)
		if tx == nil {
			continue
		}
		c.report.Transactions++
		if tx.ValidUntil < at || tx.ValidUntil > at+chain.MaxValidity {
			c.problem(at, "entry %d, transaction %s: valid until block %d, which does not fit here", i, tx.ID.Short(), tx.ValidUntil)
		}
		if first, again := c.seen[tx.ID]; again {
			c.problem(at, "entry %d: transaction %s is in block %d already", i, tx.ID.Short(), first)
		}
		c.seen[tx.ID] = at
	}
	c.report.Transactions -= uint64(bad)
	if at%chain.MaxValidity == 0 { // older ones can not come again without breaking their window
		for id, h := range c.seen {
			if h+chain.MaxValidity < at {
				delete(c.seen, id)
			}
		}
	}
}

func (c *checker) apply(at abi.Height, b *chain.Block) {
	if c.state == nil {
		return
	}
	before := c.rules(at)
	applied, err := c.state.Apply(b)
	if err != nil {
		c.problem(at, "can not be applied: %v", err)
		c.problem(at, "the state is not checked from here on; links and signatures are")
		c.state = nil
		return
	}
	c.report.Events += uint64(len(applied.Events))
	if at == 0 {
		return
	}
	after := c.rules(at)
	if before == nil || after == nil {
		return
	}
	if _, ok := before.Masters()[b.Header.Leader]; !ok {
		c.problem(at, "its leader %s is not a master", b.Header.Leader.Short())
	}
	for i := range b.Entries {
		tx := b.Tx(i)
		_, err := before.Admit(tx)
		if err != nil { // an earlier transaction of this block may have allowed it
			_, err = after.Admit(tx)
		}
		var refusal *chain.Refusal
		if errors.As(err, &refusal) {
			c.problem(at, "entry %d, transaction %s: %v", i, tx.ID.Short(), err)
		}
	}
}

func (c *checker) rules(at abi.Height) *policy.Set {
	if c.state.Empty() {
		return nil
	}
	set, err := c.policy.At(c.state)
	if err != nil {
		c.problem(at, "the policy can not be read: %v", err)
	}
	return set
}

// end compares what was computed with what the master states.
func (c *checker) end(status *rpc.StatusA) {
	head := &status.Head
	if c.prev != nil && c.prev.Hash != head.Hash {
		c.problem(head.Height, "its hash is %s, the master states %s", c.prev.Hash.Short(), head.Hash.Short())
	}
	if c.state == nil {
		return
	}
	tree, digest := c.state.Tree(), c.state.Digest()
	if got := tree.Root(); got != status.TreeRoot {
		c.problem(head.Height, "the tree over all blocks has root %s, the master states %s", got.Short(), status.TreeRoot.Short())
	}
	if digest != status.StateHash {
		c.problem(head.Height, "the blocks lead to state %s, the master states %s", digest.Short(), status.StateHash.Short())
	}
	c.report.LedgerHash = c.state.LedgerHash()
	if c.report.LedgerHash != status.LedgerHash {
		c.problem(head.Height, "the ledger hash is %s, the master states %s", c.report.LedgerHash.Short(), status.LedgerHash.Short())
	}
}
