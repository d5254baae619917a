package sync

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/rpc"
	"pgregory.net/rapid"
)

var all = []abi.Pattern{"/p/**", "/q"}

func anyEvent(t *rapid.T) rpc.Event {
	e := put(
		rapid.SampledFrom([]string{"/p/a", "/p/b", "/p/c/d", "/q", "/hidden"}).Draw(t, "address"),
		rapid.SampledFrom([]string{"k1", "k2", "k3"}).Draw(t, "key"),
		rapid.StringMatching(`[a-z]{0,2}`).Draw(t, "value"), // empty deletes
	)
	return e
}

// A stream that loses, doubles and swaps frames and breaks at any place gives the events of
// every block after the first snapshot, in order, once, and the memcache of the chain.
func TestMachineFollowsTheChain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel()
		m.marks = rapid.Bool().Draw(t, "marks")
		c := NewMachine(m.id, all, 0)
		var got []rpc.Event
		first, gaps := abi.Height(0), 0
		grow := func() {
			for range rapid.IntRange(0, 6).Draw(t, "blocks") {
				m.add(rapid.SliceOfN(rapid.Custom(anyEvent), 0, 4).Draw(t, "events")...)
			}
		}
		take := func(f rpc.WatchFrame) bool {
			_, had := c.Token()
			step, err := c.Frame(&f)
			if err != nil {
				if errors.As(err, new(*GapError)) {
					gaps++
				}
				return false
			}
			for _, u := range step.Updates {
				if u.Snapshot != !had {
					t.Fatalf("update at %d: snapshot %v, after the first %v", u.Height, u.Snapshot, had)
				}
				for i := range u.Events {
					if u.Events[i].Height != u.Height {
						t.Fatalf("update of block %d has an event of block %d", u.Height, u.Events[i].Height)
					}
					got = append(got, rpc.FromEvent(&u.Events[i]))
				}
				if err := compare(u.State, m.values(all, u.Height, m.head())); err != nil {
					t.Fatalf("memcache at %d: %v", u.Height, err)
				}
				if !u.Snapshot {
					if err := compare(u.Before, m.values(all, u.Height-1, m.head())); err != nil {
						t.Fatalf("memcache before %d: %v", u.Height, err)
					}
				}
			}
			if !had && step.Moved {
				first = step.Updates[0].Height
			}
			return !step.Subscribe
		}
		cut := func() bool { return rapid.Bool().Draw(t, "cut") }
		grow()
		for range rapid.IntRange(1, 8).Draw(t, "connections") {
			grow()
			q := c.Query()
			frames := m.frames(q, rapid.Custom(func(t *rapid.T) abi.Height { // a master may be behind
				low := abi.Height(0)
				if q.Token != nil {
					low = q.Token.Height
				}
				return abi.Height(rapid.Uint64Range(uint64(low), uint64(m.head())).Draw(t, "head"))
			}).Draw(t, "master"), cut)
			clean := slices.IndexFunc(frames, func(f rpc.WatchFrame) bool { return f.Token != nil }) + 1 // a snapshot comes whole
			for i := 0; i < len(frames); i++ {
				if i >= clean {
					switch rapid.SampledFrom([]string{"", "", "", "lose", "double", "swap"}).Draw(t, "fault") {
					case "lose":
						continue
					case "double":
						frames = slices.Insert(frames, i+1, frames[i])
					case "swap":
						j := rapid.IntRange(i, len(frames)-1).Draw(t, "with")
						frames[i], frames[j] = frames[j], frames[i]
					}
				}
				if rapid.IntRange(0, 9).Draw(t, "break") == 0 || !take(frames[i]) {
					break
				}
			}
		}
		for _, f := range m.frames(c.Query(), m.head(), cut) { // the last connection is sound
			if !take(f) {
				t.Fatal("a sound stream was refused")
			}
		}
		if want := m.events(all, first, m.head()); !slices.EqualFunc(got, want, func(a, b rpc.Event) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
			t.Fatalf("events = %v, want %v", got, want)
		}
		if token, _ := c.Token(); token != *m.token(all, m.head()) {
			t.Fatalf("token = %+v, want that of block %d", token, m.head())
		}
	})
}

// follow feeds a machine what a sound master sends until it is in step.
func follow(t *testing.T, m *model, c *Machine) (steps []Step, gaps []error) {
	t.Helper()
	for range 10 {
		again := false
		for _, f := range m.frames(c.Query(), m.head(), func() bool { return true }) {
			step, err := c.Frame(&f)
			if err != nil {
				gaps, again = append(gaps, err), true
				break
			}
			steps = append(steps, step)
			if again = step.Subscribe; again {
				break
			}
		}
		if token, ok := c.Token(); !again && ok && token.Height == m.head() {
			return steps, gaps
		}
	}
	t.Fatalf("not in step after 10 subscriptions: %v", gaps)
	return nil, nil
}

// A SUB grant that comes later shows as a gap. The node asks again, believes it, loses no
// event of the other addresses, and fills in what it was not shown.
func TestGrantThatComesLater(t *testing.T) {
	m := newModel()
	m.open["/p/late"] = 5
	m.add(put("/p/late", "old", "1"))
	m.add(put("/p/late", "gone", "1"), put("/q", "k", "1"))
	c := NewMachine(m.id, all, 0)
	follow(t, m, c)
	m.add(put("/p/late", "gone", ""))
	m.add(put("/q", "k", "2"))
	m.add(put("/p/late", "new", "2")) // block 5: may be seen
	m.add(put("/q", "k", "3"), put("/p/late", "old", "3"))
	steps, gaps := follow(t, m, c)
	var gap *GapError
	if len(gaps) != 1 || !errors.As(gaps[0], &gap) || gap.Address != "/p/late" || gap.Have != 0 || gap.Got != 4 {
		t.Errorf("errors = %v, want one gap of /p/late from 0 to 4", gaps)
	}
	var got []string
	for _, s := range steps {
		for _, u := range s.Updates {
			for _, e := range u.Events {
				got = append(got, fmt.Sprintf("%s %s %s", e.Address, e.Key, e.Value))
			}
		}
	}
	want := []string{"/q k 2", "/p/late new 2", "/q k 3", "/p/late old 3"}
	if !slices.Equal(got, want) {
		t.Errorf("events = %q, want %q", got, want)
	}
	if err := compare(c.State(), m.values(all, m.head(), m.head())); err != nil {
		t.Errorf("memcache: %v", err)
	}
}

// Without After, a lost frame shows at the next event of an address.
func TestLostFrameWithoutAfter(t *testing.T) {
	m := newModel()
	c := NewMachine(m.id, all, 0)
	m.add(put("/q", "k", "1"))
	follow(t, m, c)
	m.add(put("/q", "k", "2"))
	m.add(put("/q", "k", "3"))
	frames := m.frames(c.Query(), m.head(), func() bool { return true })
	frames[1].After = 0
	var gap *GapError
	if _, err := c.Frame(&frames[1]); !errors.As(err, &gap) || gap.Have != 1 || gap.Got != 3 {
		t.Fatalf("Frame = %v, want a gap from 1 to 3", err)
	}
	if token, _ := c.Token(); token.Height != 1 {
		t.Errorf("token after a refused frame = %d, want 1", token.Height)
	}
	follow(t, m, c)
	if err := compare(c.State(), m.values(all, m.head(), m.head())); err != nil {
		t.Error(err)
	}
}

// Events of one block in several frames are applied when the block is complete.
func TestFramesOfOneBlock(t *testing.T) {
	m := newModel()
	c := NewMachine(m.id, all, 0)
	follow(t, m, c)
	m.add(put("/q", "a", "1"), put("/p/x", "b", "2"))
	f := m.frames(c.Query(), m.head(), func() bool { return true })[0]
	half := rpc.WatchFrame{Events: f.Events[:1]}
	if step, err := c.Frame(&half); err != nil || step.Moved || c.State().Len() != 0 {
		t.Fatalf("Frame(half a block) = %+v, %v, %d items", step, err, c.State().Len())
	}
	c.Query() // the subscription broke: the half is forgotten
	if _, err := c.Frame(&half); err != nil {
		t.Fatal(err)
	}
	rest := rpc.WatchFrame{Events: f.Events[1:], Token: f.Token, After: f.After}
	step, err := c.Frame(&rest)
	if err != nil || len(step.Updates) != 1 || len(step.Updates[0].Events) != 2 {
		t.Errorf("Frame(the rest) = %+v, %v, want one update of 2 events", step, err)
	}
}

// What no sound master sends is refused, and changes nothing.
func TestRefusedFrames(t *testing.T) {
	m := newModel()
	m.add(put("/q", "k", "1"))
	other := m.token(all, 2)
	other.Chain = abi.Digest{1}
	fork := m.token(all, 1)
	fork.Hash = abi.Digest{1}
	event := func(f func(*rpc.Event)) []rpc.Event {
		e := put("/q", "k", "v")
		e.Sequence, e.Height = 2, 2
		f(&e)
		return []rpc.Event{e}
	}
	for _, tt := range []struct {
		name  string
		frame rpc.WatchFrame
		is    error
	}{
		{"another chain", rpc.WatchFrame{Token: other}, nil},
		{"a fork", rpc.WatchFrame{Token: fork}, ErrForked},
		{"an address nobody asked for", rpc.WatchFrame{Events: event(func(e *rpc.Event) { e.Address = "/x" }), Token: m.token(all, 2)}, nil},
		{"a malformed address", rpc.WatchFrame{Events: event(func(e *rpc.Event) { e.Address = "q" }), Token: m.token(all, 2)}, nil},
		{"no key", rpc.WatchFrame{Events: event(func(e *rpc.Event) { e.Key = "" }), Token: m.token(all, 2)}, nil},
		{"a huge value", rpc.WatchFrame{Events: event(func(e *rpc.Event) { e.Value = make([]byte, abi.MaxValue+1) }), Token: m.token(all, 2)}, nil},
		{"an event after the token", rpc.WatchFrame{Events: event(func(e *rpc.Event) { e.Height = 3 }), Token: m.token(all, 2)}, nil},
		{"a sequence again", rpc.WatchFrame{Events: event(func(e *rpc.Event) { e.Sequence = 1 }), Token: m.token(all, 2)}, nil},
		{"a snapshot nobody asked for", rpc.WatchFrame{Snapshot: true, Token: m.token(all, 2)}, nil},
		{"too many events without a token", rpc.WatchFrame{Events: slices.Repeat(event(func(e *rpc.Event) {}), 40_000)}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := NewMachine(m.id, all, 0)
			follow(t, m, c)
			before := c.State()
			c.Query()
			if _, err := c.Frame(&tt.frame); err == nil || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("Frame = %v, want an error %v", err, tt.is)
			}
			if token, _ := c.Token(); c.State() != before || token.Height != 1 {
				t.Error("a refused frame changed the memcache")
			}
		})
	}
}

func TestMaxItems(t *testing.T) {
	m := newModel()
	c := NewMachine(m.id, all, 3)
	m.add(put("/q", "a", "1"), put("/q", "b", "1"))
	follow(t, m, c) // two keys and their address
	m.add(put("/q", "c", "1"))
	f := m.frames(c.Query(), m.head(), func() bool { return true })[0]
	if _, err := c.Frame(&f); !errors.Is(err, ErrTooMany) {
		t.Errorf("Frame over the bound = %v, want ErrTooMany", err)
	}
}
