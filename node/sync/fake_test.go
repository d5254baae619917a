package sync

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/rpc"
)

// fakeNet is a chain that fake masters publish. Use it inside a synctest bubble, where its
// heartbeats cost no time.
type fakeNet struct {
	mu    sync.Mutex
	model *model
	bell  chan struct{}
}

func newFakeNet() *fakeNet { return &fakeNet{model: newModel(), bell: make(chan struct{})} }

func (n *fakeNet) add(events ...rpc.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.model.add(events...)
	close(n.bell)
	n.bell = make(chan struct{})
}

func (n *fakeNet) head() abi.Height {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.model.head()
}

// fakeMaster publishes the chain of a net.
type fakeMaster struct {
	net  *fakeNet
	name string

	mu      sync.Mutex
	silent  bool        // says nothing, not even that it is gone
	refuse  error       // what Watch says
	breakAt func() bool // asked before each frame: the link is lost
	watched int
	dropped int
	lastAsk rpc.WatchQ
}

func (f *fakeMaster) Name() string { return f.name }

func (f *fakeMaster) Drop() { f.mu.Lock(); f.dropped++; f.mu.Unlock() }

func (f *fakeMaster) set(change func()) { f.mu.Lock(); change(); f.mu.Unlock() }

func (f *fakeMaster) Watch(ctx context.Context, q rpc.WatchQ) (Stream, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watched++
	f.lastAsk = q
	if f.refuse != nil {
		return nil, f.refuse
	}
	return &fakeStream{f: f, ctx: ctx, q: q}, nil
}

type fakeStream struct {
	f     *fakeMaster
	ctx   context.Context
	q     rpc.WatchQ
	queue []rpc.WatchFrame
}

var errLost = errors.New("connection lost")

func (s *fakeStream) Recv() (rpc.WatchFrame, error) {
	for {
		s.f.mu.Lock()
		silent, lost := s.f.silent, s.f.breakAt != nil && s.f.breakAt()
		s.f.mu.Unlock()
		if silent {
			<-s.ctx.Done()
		}
		if lost || s.ctx.Err() != nil {
			return rpc.WatchFrame{}, errLost
		}
		n := s.f.net
		n.mu.Lock()
		bell := n.bell
		if len(s.queue) == 0 {
			s.queue = n.model.frames(s.q, n.model.head(), func() bool { return true })
			s.q = rpc.WatchQ{Patterns: s.q.Patterns, Token: n.model.token(s.q.Patterns, n.model.head())}
		}
		beat := rpc.WatchFrame{Token: s.q.Token, Head: &rpc.HeadA{Chain: n.model.id, Height: n.model.head()}}
		n.mu.Unlock()
		if len(s.queue) > 0 {
			f := s.queue[0]
			s.queue = s.queue[1:]
			return f, nil
		}
		select {
		case <-bell:
		case <-s.ctx.Done():
		case <-time.After(time.Second):
			return beat, nil
		}
	}
}

func (s *fakeStream) Close() error { return nil }

// recorder is a Handler that makes a note of each event, and of nothing else.
type recorder struct {
	mu        sync.Mutex
	next      uint64
	events    []rpc.Event
	committed int
	fail      error
}

func (r *recorder) Update(_ context.Context, updates []Update) (notes []Note, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range updates {
		for i := range u.Events {
			e := rpc.FromEvent(&u.Events[i])
			r.next++
			r.events = append(r.events, e)
			notes = append(notes, Note{Key: r.next, Value: fmt.Append(nil, e.Address, " ", e.Sequence)})
		}
	}
	return notes, r.fail
}

func (r *recorder) Committed() { r.mu.Lock(); r.committed++; r.mu.Unlock() }

func same(a, b []rpc.Event) error {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || fmt.Sprint(a[i]) != fmt.Sprint(b[i]) {
			return fmt.Errorf("%d events, want %d; they differ at %d", len(a), len(b), i)
		}
	}
	return nil
}

// start runs a replica until the test ends it.
func start(t *testing.T, cfg Config) (r *Replica, stop func() error) {
	t.Helper()
	r, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var once sync.Once
	var result error
	stop = func() error {
		once.Do(func() {
			cancel()
			result = errors.Join(<-done, r.Close())
		})
		return result
	}
	return r, stop
}

func waitHeight(t *testing.T, r *Replica, h abi.Height) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := r.WaitHeight(ctx, h); err != nil {
		t.Fatalf("WaitHeight(%d): %v", h, err)
	}
}
