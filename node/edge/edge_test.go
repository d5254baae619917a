package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/sync"
	"github.com/kalima-chain/kalima/node/transport"
	"github.com/kalima-chain/kalima/registry"
)

func config(c *fakeChain, e *fakeEngine, dir string) Config {
	return Config{
		Chain: c.id, Key: edgeKey, Patterns: []abi.Pattern{"/p/**", "/alarms/**"}, Sources: []sync.Source{c}, Dir: dir, StorageKey: storageKey,
		Engine: e, Submit: c, Lookup: []Master{c},
	}
}

// Links lose questions, answers and frames, and the node is stopped or killed at any moment: each trigger
// leads to one alarm, in order, and none is missed, also of those that came while the node
// was down.
func TestExactlyOnce(t *testing.T) {
	for seed := range uint64(15) {
		synctest.Test(t, func(t *testing.T) {
			rng, luck := rand.New(rand.NewPCG(seed, 3)), rand.New(rand.NewPCG(seed, 4))
			c, e := newFakeChain(seed), newFakeEngine()
			e.run["watch"] = func(b registry.Binding, st host.State, call abi.Call) (host.Result, error) {
				if luck.IntN(8) == 0 {
					return host.Result{}, errors.New("out of processes")
				}
				r, err := alarm(b, st, call)
				for i := range r.Submits { // another content in each run: only one may get out
					r.Submits[i].Value = fmt.Appendf(nil, "%s#%d", r.Submits[i].Value, luck.Uint32())
				}
				return r, err
			}
			e.run["second"] = alarm
			c.put("/p/x", "before", "hot: older than the binding")
			c.deploy(t, "watch", "1.0.0", "/p/**")
			c.deploy(t, "second", "1.0.0", "/p/y")
			cfg := config(c, e, t.TempDir())
			first := start(t, cfg)
			first.settle(t, c)
			c.set(func() { c.lose = 0.25 })
			if err := first.stop(); err != nil {
				t.Fatal(err)
			}
			var want, second []string
			for round := range 8 {
				l := &link{fakeChain: c}
				cfg.Sources, cfg.Submit, cfg.Lookup = []sync.Source{l}, l, []Master{l}
				n := start(t, cfg)
				for i := range rng.IntN(12) {
					key, value := fmt.Sprintf("%d-%d", round, i), []string{"hot", "calm", "hotter"}[rng.IntN(3)]
					a := []string{"/p/x", "/p/y"}[rng.IntN(2)]
					c.put(a, key, value)
					if value != "calm" {
						want = append(want, key+"="+value)
						if a == "/p/y" {
							second = append(second, key+"="+value)
						}
					}
					if rng.IntN(2) == 0 {
						time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
					}
				}
				if rng.IntN(3) == 0 {
					time.Sleep(10 * time.Second)
				}
				if rng.IntN(3) > 0 { // killed: what is on disk now is all that is left
					c.set(func() { l.dead = true })
					cfg.Dir = copyDir(t, cfg.Dir)
				}
				if err := n.stop(); err != nil {
					t.Fatal(err)
				}
			}
			cfg.Sources, cfg.Submit, cfg.Lookup = []sync.Source{c}, c, []Master{c}
			c.set(func() { c.lose = 0 })
			n := start(t, cfg)
			n.settle(t, c)
			if err := n.stop(); err != nil {
				t.Fatal(err)
			}
			got := c.events("/alarms/watch")
			for i := range got {
				got[i], _, _ = strings.Cut(got[i], "#")
			}
			if !slices.Equal(got, want) {
				t.Errorf("seed %d: alarms of watch = %q, want %q", seed, got, want)
			}
			if got := c.events("/alarms/second"); !slices.Equal(got, second) {
				t.Errorf("seed %d: alarms of second = %q, want %q", seed, got, second)
			}
		})
	}
}

// Everything is settled: no notes are left but those whose block is the last.
func TestNotesGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, e := newFakeChain(1), newFakeEngine()
		e.run["watch"] = alarm
		c.deploy(t, "watch", "1.0.0", "/p/*")
		n := start(t, config(c, e, t.TempDir()))
		n.settle(t, c)
		for i := range 20 {
			c.put("/p/x", fmt.Sprint(i), "hot")
			c.put("/p/x", fmt.Sprint(i), "calm")
		}
		n.settle(t, c)
		c.put("/p/x", "last", "calm")
		n.settle(t, c)
		if notes := n.Replica().Notes(); len(notes) != 0 {
			t.Errorf("%d notes when nothing is due", len(notes))
		}
		if s := n.Stats(); s.Triggers != 41 || s.Accepted != 20 || len(n.effects) != 0 {
			t.Errorf("stats = %+v with %d effects, want 41 triggers, 20 accepted, none", s, len(n.effects))
		}
		if err := n.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// The window of a transaction passes while no master can be reached. If the chain has it,
// that is the end; if not, there is one new transaction.
func TestExpired(t *testing.T) {
	for name, arrives := range map[string]bool{"never arrived": false, "answer was lost": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, e := newFakeChain(1), newFakeEngine()
				e.run["watch"] = alarm
				c.deploy(t, "watch", "1.0.0", "/p/*")
				cfg := config(c, e, t.TempDir())
				cfg.Submit = &oneWay{fakeChain: c, arrives: arrives}
				n := start(t, cfg)
				n.settle(t, c)
				c.put("/p/x", "k", "hot")
				synctest.Wait()
				time.Sleep(time.Second) // the transaction is signed and on its way
				c.idle(chain.MaxValidity + 10)
				if err := n.stop(); err != nil {
					t.Fatal(err)
				}
				cfg.Submit = c
				n = start(t, cfg)
				n.settle(t, c)
				if err := n.stop(); err != nil {
					t.Fatal(err)
				}
				if got := c.events("/alarms/watch"); !slices.Equal(got, []string{"k=hot"}) {
					t.Errorf("alarms = %q, want one", got)
				}
				if e.runs["watch"] != 1 {
					t.Errorf("contract ran %d times, want once", e.runs["watch"])
				}
			})
		})
	}
}

// oneWay never answers; arrives says whether what is sent arrives.
type oneWay struct {
	*fakeChain
	arrives bool
}

func (o *oneWay) SubmitTx(ctx context.Context, envelope []byte) (rpc.Receipt, error) {
	if o.arrives {
		o.fakeChain.SubmitTx(ctx, envelope)
	}
	return rpc.Receipt{}, errLost
}

// A trigger runs the version that was in force before its block, also when the node gets to
// know of both only after a newer one was deployed.
func TestVersionAsOfTheTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, e := newFakeChain(1), newFakeEngine()
		e.run["watch"] = func(b registry.Binding, st host.State, call abi.Call) (host.Result, error) {
			v, _ := st.Get("/p/x", "k")
			return host.Result{Submits: []abi.Write{{Address: "/alarms/watch", Key: b.Version, Value: v}}}, nil
		}
		cfg := config(c, e, t.TempDir())
		c.deploy(t, "watch", "1.0.0", "/p/*")
		n := start(t, cfg)
		n.settle(t, c)
		if err := n.stop(); err != nil {
			t.Fatal(err)
		}
		c.put("/p/x", "k", "one")
		c.deploy(t, "watch", "2.0.0", "/p/*")
		c.put("/p/x", "k", "two")
		c.system(t, 2, registry.OpUndeploy, registry.Undeploy{Instance: "watch"})
		c.put("/p/x", "k", "three")
		n = start(t, cfg)
		n.settle(t, c)
		if err := n.stop(); err != nil {
			t.Fatal(err)
		}
		want := []string{"1.0.0=one", "2.0.0=two"}
		if got := c.events("/alarms/watch"); !slices.Equal(got, want) {
			t.Errorf("alarms = %q, want %q", got, want)
		}
	})
}

// An instance does not answer itself; two that answer each other stop after MaxHops.
func TestLoops(t *testing.T) {
	for _, tt := range []struct {
		name string
		want map[abi.Address]int
		make func(t *testing.T, c *fakeChain, e *fakeEngine)
	}{
		{"itself", map[abi.Address]int{"/alarms/self": 1}, func(t *testing.T, c *fakeChain, e *fakeEngine) {
			e.run["self"] = alarm
			c.deploy(t, "self", "1.0.0", "/**")
		}},
		{"each other", map[abi.Address]int{"/alarms/ping": MaxHops/2 + 1, "/alarms/pong": MaxHops / 2}, func(t *testing.T, c *fakeChain, e *fakeEngine) {
			e.run["ping"], e.run["pong"] = alarm, alarm
			c.deploy(t, "ping", "1.0.0", "/p/*")
			c.system(t, 2, registry.OpDeploy, registry.Deploy{Name: "ping", Version: "1.0.0", Bundle: registry.DigestOf([]byte("ping1.0.0")), Phase: "react", Pattern: "/alarms/pong"})
			c.deploy(t, "pong", "1.0.0", "/alarms/ping")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, e := newFakeChain(1), newFakeEngine()
				tt.make(t, c, e)
				n := start(t, config(c, e, t.TempDir()))
				n.settle(t, c)
				c.put("/p/x", "k", "hot")
				n.settle(t, c)
				for a, want := range tt.want {
					if got := c.events(a); len(got) != want {
						t.Errorf("%s has %d events, want %d", a, len(got), want)
					}
				}
				if err := n.stop(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// What contracts and the chain say no to is counted and does not hold up what comes after.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(c *fakeChain, e *fakeEngine)
		count func(Stats) uint64
	}{
		{"fault", func(c *fakeChain, e *fakeEngine) {
			e.run["watch"] = func(registry.Binding, host.State, abi.Call) (host.Result, error) {
				return host.Result{Fault: abi.Faultf(abi.Trap, "unreachable")}, nil
			}
		}, func(s Stats) uint64 { return s.Faults }},
		{"too much for a transaction", func(c *fakeChain, e *fakeEngine) {
			e.run["watch"] = func(registry.Binding, host.State, abi.Call) (host.Result, error) {
				w := abi.Write{Address: "/alarms/watch", Key: "k", Value: bytes.Repeat([]byte("v"), 9000)}
				return host.Result{Submits: []abi.Write{w, w}}, nil
			}
		}, func(s Stats) uint64 { return s.Faults }},
		{"no grant", func(c *fakeChain, e *fakeEngine) {
			c.refuse = transport.Errorf(string(chain.NoGrant), "no PUB grant")
		}, func(s Stats) uint64 { return s.Refused }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, e := newFakeChain(1), newFakeEngine()
				e.run["watch"] = alarm
				c.deploy(t, "watch", "1.0.0", "/p/*")
				n := start(t, config(c, e, t.TempDir()))
				n.settle(t, c)
				c.set(func() { tt.spoil(c, e) })
				c.put("/p/x", "bad", "hot")
				n.settle(t, c)
				if got := tt.count(n.Stats()); got != 1 {
					t.Errorf("stats = %+v, want one", n.Stats())
				}
				c.set(func() { c.refuse = nil; e.run["watch"] = alarm })
				c.put("/p/x", "good", "hot")
				n.settle(t, c)
				if got := c.events("/alarms/watch"); !slices.Equal(got, []string{"good=hot"}) {
					t.Errorf("alarms = %q, want the good one", got)
				}
				if err := n.stop(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// A contract that this node can not run, and that is undeployed meanwhile, is given up.
func TestUnboundMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, e := newFakeChain(1), newFakeEngine()
		e.run["watch"] = func(registry.Binding, host.State, abi.Call) (host.Result, error) {
			return host.Result{}, errors.New("no peer has the bundle")
		}
		c.deploy(t, "watch", "1.0.0", "/p/*")
		n := start(t, config(c, e, ""))
		n.settle(t, c)
		c.put("/p/x", "k", "hot")
		time.Sleep(time.Minute)
		if s := n.Stats(); s.Waiting != 1 || s.Failures < 10 {
			t.Errorf("stats = %+v, want one waiting after more than 10 failures", s)
		}
		c.system(t, 2, registry.OpUndeploy, registry.Undeploy{Instance: "watch"})
		n.settle(t, c)
		if s := n.Stats(); s.Unbound != 1 {
			t.Errorf("stats = %+v, want one unbound", s)
		}
		if err := n.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// The subscription waits while too many triggers do, and a node that may not run an
// instance leaves it alone.
func TestBacklogAndRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, e := newFakeChain(1), newFakeEngine()
		e.run["watch"], e.run["other"] = alarm, alarm
		c.deploy(t, "watch", "1.0.0", "/p/*")
		c.deploy(t, "other", "1.0.0", "/p/*")
		cfg := config(c, e, t.TempDir())
		cfg.Backlog = 3
		cfg.Runs = func(instance string) bool { return instance == "watch" }
		cfg.Submit = &oneWay{fakeChain: c}
		n := start(t, cfg)
		n.settle(t, c)
		for i := range 10 {
			c.put("/p/x", fmt.Sprint(i), "hot")
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		if s := n.Stats(); s.Waiting != 3 {
			t.Errorf("stats = %+v, want 3 waiting", s)
		}
		if err := n.stop(); err != nil {
			t.Fatal(err)
		}
		cfg.Submit = c
		n = start(t, cfg)
		n.settle(t, c)
		if got := c.events("/alarms/watch"); len(got) != 10 {
			t.Errorf("%d alarms, want 10", len(got))
		}
		if e.runs["other"] != 0 {
			t.Errorf("other ran %d times, want none", e.runs["other"])
		}
		if err := n.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// The nonce is the one of the package comment, and differs by each of its parts.
func TestNonce(t *testing.T) {
	e := rpc.Event{Address: "/p/x", Sequence: 7}
	seen := map[string]string{}
	for name, nonce := range map[string][]byte{
		"one":      nonceOf("watch", &e, 0),
		"attempt":  nonceOf("watch", &e, 1),
		"instance": nonceOf("watcher", &e, 0),
		"address":  nonceOf("watch", &rpc.Event{Address: "/p/y", Sequence: 7}, 0),
		"sequence": nonceOf("watch", &rpc.Event{Address: "/p/x", Sequence: 8}, 0),
	} {
		if other, ok := seen[string(nonce)]; ok || len(nonce) != 16 {
			t.Errorf("nonce of %s = %x, the same as %s, or not 16 bytes", name, nonce, other)
		}
		seen[string(nonce)] = name
	}
	if got := fmt.Sprintf("%x", nonceOf("watch", &e, 0)); got != wantNonce {
		t.Errorf("nonceOf(watch, /p/x 7, 0) = %s, want %s", got, wantNonce)
	}
}

// wantNonce was computed apart from this code.
const wantNonce = "0376d4b47c99820440a44985d8a4d93d"
