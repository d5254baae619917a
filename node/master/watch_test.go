package master

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/ledger"
	"github.com/kalima-chain/kalima/node/rpc"
)

// A block is in the state before it is in the ledger. A watch that starts between the two,
// from the sequence that the block brings, gets it.
func TestWatchFromSequenceWhileABlockIsApplied(t *testing.T) {
	a := newAlone(t)
	a.apply(a.block(chain.Put("/a", "k", []byte("1"))))
	second := a.block(chain.Put("/a", "k", []byte("2")))
	a.machine.mu.Lock() // the first half of Apply
	rec, err := a.machine.extend(second, 2)
	a.machine.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	frames := make(chan rpc.WatchFrame, 8)
	w := a.watcher("device", frames, "/a")
	if err := w.begin(t.Context(), &rpc.WatchQ{Patterns: w.patterns, From: 2}); err != nil {
		t.Fatal(err)
	}
	if w.next > 2 {
		t.Errorf("a watch from sequence 2 of /a begins at block %d, the sequence is in block 2", w.next)
	}
	a.machine.publish([]ledger.Record{rec}) // the second half
	events, _, err := w.collect()
	if err != nil || len(events) != 1 || events[0].Sequence != 2 {
		t.Errorf("collect = %+v, %v, want the event with sequence 2", events, err)
	}
}

// However many blocks pass without an event for a subscriber, it is told of them: its
// token moves, and it does not take the stream for dead.
func TestWatchTellsOfAQuietCatchUp(t *testing.T) {
	a := newAlone(t)
	const n = 2*recentBlocks + 10
	var blocks []*chain.Block
	for i := range n {
		blocks = append(blocks, a.block(chain.Put("/elsewhere", fmt.Sprint(i%8), []byte("1"))))
	}
	a.apply(blocks...)
	ctx, cancel := context.WithCancel(t.Context())
	frames := make(chan rpc.WatchFrame, 64)
	w := a.watcher("device", frames, "/a")
	w.place(0, a.machine.Head().Chain)
	done := make(chan error, 1)
	go func() { done <- w.follow(ctx) }()
	for _, want := range []abi.Height{recentBlocks, 2 * recentBlocks} {
		select {
		case f := <-frames:
			if f.Token == nil || f.Token.Height != want || len(f.Events) != 0 || f.Head == nil {
				t.Errorf("frame = %+v, want a heartbeat at block %d", f, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("nothing was sent up to block %d", want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("follow = %v", err)
	}
}

// A snapshot says the last sequence of every address, whose newest event may have been a
// deletion.
func TestSnapshotTellsLastSequences(t *testing.T) {
	a := newAlone(t)
	a.apply(a.block(chain.Put("/public/a", "k", []byte("1")), chain.Put("/public/a", "gone", []byte("1")), chain.Delete("/public/a", "gone"), chain.Put("/secret", "k", []byte("1"))),
		a.block(chain.Put("/public/empty", "k", []byte("1")), chain.Delete("/public/empty", "k")))
	frames := make(chan rpc.WatchFrame, 8)
	w := a.watcher("reader", frames, "/**")
	if err := w.begin(t.Context(), &rpc.WatchQ{Patterns: w.patterns, Snapshot: true}); err != nil {
		t.Fatal(err)
	}
	f := <-frames
	var got []string
	for _, e := range f.Events {
		got = append(got, fmt.Sprintf("%s %q %q %d %d", e.Address, e.Key, e.Value, e.Sequence, e.Height))
	}
	want := []string{`/public/a "" "" 3 1`, `/public/a "k" "1" 1 1`, `/public/empty "" "" 2 2`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || !f.Snapshot || f.Token == nil || f.Token.Height != 2 {
		t.Errorf("snapshot = %q, token %+v, want %q", got, f.Token, want)
	}
}

// An identity that is removed while its watch begins is refused; the master goes on.
func TestSnapshotOfARemovedIdentity(t *testing.T) {
	a := newAlone(t)
	w := a.watcher("reader", make(chan rpc.WatchFrame, 8), "/public/**")
	if err := w.allowed(); err != nil {
		t.Fatal(err)
	}
	id := testID("reader")
	a.apply(a.block(chain.System("identity.remove", []byte(id.String()))))
	if err := w.begin(t.Context(), &rpc.WatchQ{Patterns: w.patterns, Snapshot: true}); rpc.Code(err) != string(chain.Unknown) {
		t.Errorf("snapshot for a removed identity = %v, want code %s", err, chain.Unknown)
	}
}
