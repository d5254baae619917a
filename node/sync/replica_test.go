package sync

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

// Masters whose links break at random places: every event once, in order, and in step at
// the end.
func TestReplicaOverBadLinks(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			n := newFakeNet()
			chance := func() bool { return rng.IntN(10) == 0 } // always under net or master locks of one goroutine
			var sources []Source
			for _, name := range []string{"m1", "m2", "m3"} {
				sources = append(sources, &fakeMaster{net: n, name: name, breakAt: chance})
			}
			n.add(put("/q", "before", "1"))
			h := &recorder{}
			r, stop := start(t, Config{Chain: n.model.id, Patterns: all, Sources: sources, Handler: h})
			defer stop()
			waitHeight(t, r, 1)
			var heard []rpc.Event
			cancel := r.Subscribe(func(u Update) {
				if v, ok := r.Get("/q", "k"); len(u.Events) > 0 && (!ok || v.Height < u.Height) {
					t.Errorf("a subscriber hears of block %d before the memcache shows it", u.Height)
				}
				for i := range u.Events {
					heard = append(heard, rpc.FromEvent(&u.Events[i]))
				}
			})
			for i := range 200 {
				n.add(put("/q", "k", fmt.Sprint(i)), put("/p/a", fmt.Sprint("k", i%7), "v"))
				if i%50 == 0 {
					time.Sleep(5 * time.Second) // of the bubble: idle, heartbeats
				}
			}
			waitHeight(t, r, n.head())
			synctest.Wait() // subscribers hear of a block after the memcache shows it
			cancel()
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			want := n.model.events(all, 1, n.head())
			if err := same(h.events, want); err != nil {
				t.Errorf("seed %d: handler: %v", seed, err)
			}
			if err := same(heard, want); err != nil {
				t.Errorf("seed %d: subscriber: %v", seed, err)
			}
			if err := compare(r.Snapshot(), n.model.values(all, n.head(), n.head())); err != nil {
				t.Errorf("seed %d: memcache: %v", seed, err)
			}
			if s := r.View().Stats; s.Failures == 0 || s.Gaps != 0 || s.Snapshots != 1 || s.Events != uint64(len(want)) {
				t.Errorf("seed %d: stats = %+v, want failures, no gaps, 1 snapshot, %d events", seed, s, len(want))
			}
		})
	}
}

// A master that is there but says nothing is left after three seconds, its connection
// dropped, and the next one takes over from the token.
func TestHalfOpenLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		a, b := &fakeMaster{net: n, name: "a"}, &fakeMaster{net: n, name: "b"}
		r, stop := start(t, Config{Chain: n.model.id, Patterns: all, Sources: []Source{a, b}})
		defer stop()
		n.add(put("/q", "k", "1"))
		waitHeight(t, r, 1)
		active, other := a, b
		if b.watched > 0 {
			active, other = b, a
		}
		active.set(func() { active.silent = true })
		n.add(put("/q", "k", "2")) // wakes the stream, which then goes silent
		synctest.Wait()
		before := time.Now()
		n.add(put("/q", "k", "3"))
		waitHeight(t, r, 3)
		if took := time.Since(before); took > silence+time.Second {
			t.Errorf("back in step after %s, want %s and a little", took, silence)
		}
		if active.dropped != 1 || other.watched != 1 || other.lastAsk.Token == nil {
			t.Errorf("dropped %d times, other asked %d times with %+v, want one drop and one resume", active.dropped, other.watched, other.lastAsk)
		}
		if s := r.View().Stats; s.Silences != 1 {
			t.Errorf("stats = %+v, want 1 silence", s)
		}
	})
}

// An idle chain is no half-open link.
func TestIdleChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		m := &fakeMaster{net: n, name: "m"}
		r, stop := start(t, Config{Chain: n.model.id, Patterns: all, Sources: []Source{m}})
		defer stop()
		time.Sleep(time.Hour)
		if s := r.View().Stats; s.Subscriptions != 1 || s.Failures != 0 {
			t.Errorf("stats after an idle hour = %+v, want one subscription", s)
		}
	})
}

// Waiting grows while no master answers, and ends within two seconds or so of one that does.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		m := &fakeMaster{net: n, name: "m", refuse: errLost}
		r, stop := start(t, Config{Chain: n.model.id, Patterns: all, Sources: []Source{m}})
		defer stop()
		time.Sleep(time.Minute)
		m.mu.Lock()
		tries := m.watched
		m.refuse = nil
		m.mu.Unlock()
		if tries < 20 || tries > 80 {
			t.Errorf("%d tries in a minute, want about 30", tries)
		}
		before := time.Now()
		waitHeight(t, r, 0)
		if took := time.Since(before); took > 2*lastBackoff {
			t.Errorf("in step %s after the master came back", took)
		}
	})
}

func TestRunEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(n *fakeNet, cfg *Config)
		want error
	}{
		{"every master has another chain", func(n *fakeNet, cfg *Config) {
			refuse := transport.Errorf(rpc.CodeTokenMismatch, "no such block")
			cfg.Sources = []Source{&fakeMaster{net: n, name: "a", refuse: refuse}, &fakeMaster{net: n, name: "b", refuse: refuse}}
		}, ErrForked},
		{"the handler fails", func(n *fakeNet, cfg *Config) { cfg.Handler = &recorder{fail: errLost} }, errLost},
		{"too much", func(n *fakeNet, cfg *Config) { cfg.MaxItems = 1 }, ErrTooMany},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newFakeNet()
				n.add(put("/q", "k", "1"), put("/q", "l", "1"))
				cfg := Config{Chain: n.model.id, Patterns: all, Sources: []Source{&fakeMaster{net: n, name: "m"}}}
				tt.make(n, &cfg)
				r, err := Open(cfg)
				if err != nil {
					t.Fatal(err)
				}
				if err := r.Run(t.Context()); !errors.Is(err, tt.want) {
					t.Errorf("Run = %v, want %v", err, tt.want)
				}
			})
		})
	}
}

// One master of a fork among sound ones is passed over.
func TestOneForkedMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		bad := &fakeMaster{net: n, name: "bad", refuse: transport.Errorf(rpc.CodeTokenMismatch, "no such block")}
		r, stop := start(t, Config{Chain: n.model.id, Patterns: all, Sources: []Source{bad, &fakeMaster{net: n, name: "good"}}})
		n.add(put("/q", "k", "1"))
		waitHeight(t, r, 1)
		if err := stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

var storageKey = []byte("0123456789abcdef0123456789abcdef")

// A restart goes on from the token on disk: no snapshot, no event twice, none lost, and the
// notes are there.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		dir := t.TempDir()
		h := &recorder{}
		m := &fakeMaster{net: n, name: "m"}
		cfg := Config{Chain: n.model.id, Patterns: all, Sources: []Source{m}, Dir: dir, Key: storageKey, Handler: h}
		for round := range 5 {
			n.add(put("/q", fmt.Sprint("offline", round), "v"))
			r, stop := start(t, cfg)
			n.add(put("/q", fmt.Sprint("online", round), "secret value"), put("/p/a", "k", ""))
			waitHeight(t, r, n.head())
			if err := r.Keep(true, Note{Key: 1}); err != nil { // forgets the first
				t.Fatal(err)
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if round > 0 && m.lastAsk.Token == nil {
				t.Errorf("round %d asked for a snapshot", round)
			}
		}
		r, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := compare(r.Snapshot(), n.model.values(all, n.head(), n.head())); err != nil {
			t.Errorf("memcache after a restart: %v", err)
		}
		first := n.head() + 1
		if len(h.events) > 0 {
			first = h.events[0].Height
		}
		if err := same(h.events, n.model.events(all, first-1, n.head())); err != nil {
			t.Errorf("events over restarts: %v", err)
		}
		notes := r.Notes()
		if len(notes) != len(h.events)-1 || len(notes) == 0 || notes[0].Key != 2 {
			t.Errorf("%d notes after %d events and one forgotten", len(notes), len(h.events))
		}
		file, err := os.ReadFile(filepath.Join(dir, logFile))
		if err != nil {
			t.Fatal(err)
		}
		for _, clear := range []string{"secret value", "online", "/q"} {
			if containsString(file, clear) {
				t.Errorf("the file shows %q", clear)
			}
		}
	})
}

func containsString(b []byte, s string) bool {
	for i := 0; i+len(s) <= len(b); i++ {
		if string(b[i:i+len(s)]) == s {
			return true
		}
	}
	return false
}

// Wherever a crash cuts the log, and whatever it leaves after the cut, the memcache is that
// of the token, and the notes are those of the events up to it: never one without the other.
func TestCrash(t *testing.T) {
	n := newFakeNet()
	base := t.TempDir()
	h := &recorder{}
	cfg := Config{Chain: n.model.id, Patterns: all, Dir: base, Key: storageKey, Handler: h}
	n.add(put("/q", "k", "0"))
	r, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	feed := func() {
		for _, f := range n.model.frames(r.machine.Query(), n.head(), func() bool { return true }) {
			if _, err := r.take(t.Context(), &f); err != nil {
				t.Fatal(err)
			}
		}
	}
	feed() // the snapshot
	info, err := os.Stat(filepath.Join(base, logFile))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		n.add(put("/q", fmt.Sprint("k", i%3), fmt.Sprint(i)), put("/p/a", "k", fmt.Sprint(i % 2)[:i%2]))
		feed()
	}
	file, err := os.ReadFile(filepath.Join(base, logFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[abi.Height]bool{}
	check := func(what string, content []byte) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, logFile), content, 0o600); err != nil {
			t.Fatal(err)
		}
		c := cfg
		c.Dir = dir
		r, err := Open(c)
		if err != nil {
			t.Fatalf("%s: Open: %v", what, err)
		}
		defer r.Close()
		v := r.View()
		seen[v.Token.Height] = true
		if err := compare(v.State, n.model.values(all, v.Token.Height, n.head())); err != nil {
			t.Errorf("%s: memcache at %d: %v", what, v.Token.Height, err)
		}
		want := n.model.events(all, 1, v.Token.Height)
		if notes := r.Notes(); len(notes) != len(want) {
			t.Errorf("%s: %d notes at block %d, want %d", what, len(notes), v.Token.Height, len(want))
		}
	}
	for cut := int(info.Size()); cut <= len(file); cut += 7 {
		check(fmt.Sprintf("cut at %d", cut), file[:cut])
		torn := append([]byte(nil), file...)
		for i := cut; i < len(torn); i++ {
			torn[i] ^= 0x5a
		}
		check(fmt.Sprintf("noise from %d", cut), torn)
	}
	if len(seen) < 12 {
		t.Errorf("cuts led to %d places in the chain, want each of 12", len(seen))
	}
	for at := 0; at < int(info.Size()); at += 5 { // the base: no crash damages it
		bad := append([]byte(nil), file...)
		bad[at] ^= 1
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, logFile), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		c := cfg
		c.Dir = dir
		if _, err := Open(c); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("Open with byte %d of the base changed = %v, want ErrCorrupt", at, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Chain: abi.Digest{1}, Patterns: all, Dir: dir, Key: storageKey}
	r, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   error
	}{
		{"another key", func(c *Config) { c.Key = []byte("another key 89abcdef0123456789ab") }, ErrCorrupt},
		{"another chain", func(c *Config) { c.Chain = abi.Digest{2} }, ErrOtherChain},
		{"a short key", func(c *Config) { c.Key = storageKey[:16] }, nil},
		{"no patterns", func(c *Config) { c.Patterns = nil }, nil},
		{"a bad pattern", func(c *Config) { c.Patterns = []abi.Pattern{"p"} }, nil},
	} {
		c := cfg
		tt.change(&c)
		if _, err := Open(c); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("Open with %s = %v, want an error %v", tt.name, err, tt.want)
		}
	}
}

// Other patterns after a restart: what is no longer followed goes, what is new is filled in,
// and no event in between is lost.
func TestPatternsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet()
		m := &fakeMaster{net: n, name: "m"}
		cfg := Config{Chain: n.model.id, Patterns: []abi.Pattern{"/q", "/p/**"}, Sources: []Source{m}, Dir: t.TempDir(), Key: storageKey}
		n.add(put("/q", "k", "1"), put("/r", "old", "1"), put("/p/a", "k", "1"))
		r, stop := start(t, cfg)
		waitHeight(t, r, n.head())
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		from := n.head()
		n.add(put("/q", "k", "2"), put("/r", "new", "1"))
		n.add(put("/r", "new", "2"))
		h := &recorder{}
		cfg.Patterns, cfg.Handler = []abi.Pattern{"/q", "/r"}, h
		r, stop = start(t, cfg)
		waitHeight(t, r, n.head())
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if err := compare(r.Snapshot(), n.model.values(cfg.Patterns, n.head(), n.head())); err != nil {
			t.Errorf("memcache: %v", err)
		}
		if err := same(h.events, n.model.events(cfg.Patterns, from, n.head())); err != nil {
			t.Error(err)
		}
		again, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if err := compare(again.Snapshot(), n.model.values(cfg.Patterns, n.head(), n.head())); err != nil {
			t.Errorf("memcache from disk: %v", err)
		}
	})
}

// The log is written anew when it has grown, so it stays within a multiple of the memcache.
func TestLogStaysBounded(t *testing.T) {
	n := newFakeNet()
	dir := t.TempDir()
	r, err := Open(Config{Chain: n.model.id, Patterns: all, Dir: dir, Key: storageKey})
	if err != nil {
		t.Fatal(err)
	}
	big := string(make([]byte, abi.MaxValue))
	var most int64
	for range 2000 { // 30 MB of events over one key
		n.add(put("/q", "k", big))
		q := r.machine.Query()
		for _, f := range n.model.frames(q, n.head(), func() bool { return true }) {
			if _, err := r.take(t.Context(), &f); err != nil {
				t.Fatal(err)
			}
		}
		info, err := os.Stat(filepath.Join(dir, logFile))
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, info.Size())
		n.model.blocks[n.head()] = nil // the test need not keep them
	}
	if most > 10<<20 {
		t.Errorf("log grew to %d bytes, want at most 10 MiB", most)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}
