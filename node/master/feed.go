package master

import (
	"sync"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
)

// recentBlocks is how many blocks the feed keeps decoded: a second of a busy chain. A
// watcher that is further behind reads the ledger.
const recentBlocks = 1024

// passed is a block as watchers need it.
type passed struct {
	height chain.Height
	hash   chain.Digest
	time   chain.Time
	events []abi.Event
}

// feed is the newest blocks, and a bell that rings when there is another. A watcher is
// only a place in the chain: it can not lose an event by being slow, and the feed keeps
// nothing for it.
type feed struct {
	mu   sync.Mutex
	ring [recentBlocks]*passed // by height modulo its length
	head passed                // without events
	bell chan struct{}         // closed and replaced at every block
}

func newFeed() *feed { return &feed{bell: make(chan struct{})} }

func (f *feed) start(h chain.Head) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head = passed{height: h.Height, hash: h.Hash, time: h.Time}
}

func (f *feed) add(b *chain.Block, events []abi.Event) {
	p := &passed{height: b.Header.Height, hash: b.Hash, time: b.Header.Time, events: events}
	f.mu.Lock()
	f.ring[p.height%recentBlocks] = p
	f.head = passed{height: p.height, hash: p.hash, time: p.time}
	close(f.bell)
	f.bell = make(chan struct{})
	f.mu.Unlock()
}

// at returns the block at a height if the feed still has it, the head, and the bell that
// rings at the next block.
func (f *feed) at(h chain.Height) (p *passed, head passed, bell <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p = f.ring[h%recentBlocks]; p != nil && p.height != h {
		p = nil
	}
	return p, f.head, f.bell
}
