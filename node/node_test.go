package node_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/nodetest"
	"github.com/kalima-chain/kalima/node/rpc"
)

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestOneEventFromEveryMaster(t *testing.T) {
	c := nodetest.New(t, nodetest.Config{})
	ctx := within(t, nodetest.Patience)
	for i := range c.Infos {
		cl := c.Client(nodetest.Device, i)
		r, err := cl.Submit(ctx, chain.Put("/plant/pump", fmt.Sprintf("k%d", i), []byte("4.2")))
		if err != nil || !r.Accepted() {
			t.Fatalf("Submit at master %d = %+v, %v", i+1, r, err)
		}
		if got, want := r.Sequences, abi.Sequence(i+1); len(got) != 1 || got[0] != want {
			t.Errorf("sequences %v, want [%d]", got, want)
		}
		tx, err := cl.Tx(ctx, r.TxID)
		if err != nil || tx.Receipt.Height != r.Height || len(tx.Writes) != 1 {
			t.Errorf("Tx = %+v, %v, want height %d and one event", tx.Receipt, err, r.Height)
		}
	}
	c.SameLedger()
	item, err := c.Client(nodetest.Device, 4).Get(ctx, "/plant/pump", "k0")
	if err != nil || string(item.Value) != "4.2" || item.Sequence != 1 || item.Sender != nodetest.ID(nodetest.Device) {
		t.Errorf("Get = %+v, %v", item, err)
	}
}

func TestRefusals(t *testing.T) {
	c := nodetest.New(t, nodetest.Config{})
	ctx := within(t, nodetest.Patience)
	device := c.Client(nodetest.Device)
	first, err := device.Submit(ctx, chain.Put("/public/a", "k", []byte("1")))
	if err != nil {
		t.Fatal(err)
	}
	head, err := device.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(name string, valid chain.Height, ops ...chain.Op) []byte {
		tx, err := chain.Sign(nodetest.Key(name), c.Chain, valid, []byte(t.Name() + "01234567")[:16], ops...)
		if err != nil {
			t.Fatal(err)
		}
		return tx.Envelope()
	}
	flipped := sign(nodetest.Device, head.Height+10, chain.Put("/public/a", "k", []byte("2")))
	flipped[len(flipped)-1] ^= 1
	for _, tt := range []struct {
		name     string
		envelope []byte
		code     chain.Reason
		text     string
	}{
		{"no grant", sign(nodetest.Reader, head.Height+10, chain.Put("/public/a", "k", []byte("2"))), chain.NoGrant, "reader has no PUB grant for /public/a"},
		{"unknown signer", sign(nodetest.Nobody, head.Height+10, chain.Put("/public/a", "k", []byte("2"))), chain.Unknown, "is not known on this chain"},
		{"wrong signature", flipped, chain.BadSign, "signature does not verify"},
		{"expired", sign(nodetest.Device, 0, chain.Put("/public/a", "k", []byte("2"))), chain.Expired, "valid until block 0"},
		{"too far", sign(nodetest.Device, 1<<40, chain.Put("/public/a", "k", []byte("2"))), chain.TooFar, "at most 65536 blocks"},
		{"garbage", []byte("garbage"), chain.Malformed, "not a COSE_Sign1 envelope"},
	} {
		_, err := device.SubmitTx(ctx, tt.envelope)
		if rpc.Code(err) != string(tt.code) || !strings.Contains(fmt.Sprint(err), tt.text) {
			t.Errorf("%s: SubmitTx = %v (code %q), want code %q and %q", tt.name, err, rpc.Code(err), tt.code, tt.text)
		}
	}
	// A replayed transaction gets its first receipt, from any master, and changes nothing.
	tx, err := device.Tx(ctx, first.TxID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Infos {
		again, err := c.Client(nodetest.Device, i).SubmitTx(ctx, tx.Envelope)
		if err != nil || !again.Replayed || again.Height != first.Height || again.Index != first.Index {
			t.Errorf("replay at master %d = %+v, %v, want the receipt of block %d", i+1, again, err, first.Height)
		}
	}
	if _, err := c.Client(nodetest.Nobody).Head(ctx); err == nil || !strings.Contains(err.Error(), "is not known on this chain") {
		t.Errorf("an unknown identity connects: %v", err)
	}
}

func TestReadingTakesASubGrant(t *testing.T) {
	c := nodetest.New(t, nodetest.Config{})
	ctx := within(t, nodetest.Patience)
	device, reader := c.Client(nodetest.Device), c.Client(nodetest.Reader)
	secret, err := device.Submit(ctx, chain.Put("/secret", "k", []byte("1")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := device.Submit(ctx, chain.Put("/public/a", "k", []byte("1"))); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, err error) {
		t.Helper()
		if rpc.Code(err) != string(chain.NoGrant) {
			t.Errorf("%s = %v, want code %s", what, err, chain.NoGrant)
		}
	}
	_, err = reader.Get(ctx, "/secret", "k")
	refused("Get", err)
	_, err = reader.List(ctx, rpc.ListQ{Address: "/secret"})
	refused("List", err)
	_, err = reader.History(ctx, rpc.HistoryQ{Address: "/secret", Key: "k"})
	refused("History", err)
	_, err = reader.Tx(ctx, secret.TxID)
	refused("Tx", err)
	_, err = reader.Blocks(ctx, 0, 1)
	refused("Blocks", err)
	w, err := reader.Watch(ctx, rpc.WatchQ{Patterns: []abi.Pattern{"/secret"}})
	if err == nil {
		_, err = w.Recv()
	}
	refused("Watch", err)

	// A pattern that reaches further than the grant delivers what the grant allows.
	w, err = reader.Watch(ctx, rpc.WatchQ{Patterns: []abi.Pattern{"/**"}, Snapshot: true})
	if err != nil {
		t.Fatal(err)
	}
	f, err := w.Recv()
	for _, e := range f.Events { // its value, and the address's last sequence
		if e.Address != "/public/a" {
			t.Errorf("snapshot for the reader has %+v, want /public/a only", e)
		}
	}
	if err != nil || len(f.Events) != 2 {
		t.Errorf("snapshot for the reader = %+v, %v, want /public/a with one key", f.Events, err)
	}
	if a, err := reader.List(ctx, rpc.ListQ{Pattern: "/**"}); err != nil || len(a.Addresses) != 1 {
		t.Errorf("addresses for the reader = %+v, %v, want /public/a only", a.Addresses, err)
	}

	// The grant goes: the stream goes silent about it, and queries are refused.
	admin := c.Client(nodetest.Admin)
	body := fmt.Sprintf(`{"identity":"%s"}`, nodetest.ID(nodetest.Reader))
	if r, err := device.Submit(ctx, chain.System("grant.remove", []byte(body))); err != nil || r.Code != abi.SystemRejected {
		t.Errorf("grant.remove by a device = %+v, %v, want code %v", r, err, abi.SystemRejected)
	}
	if r, err := admin.Submit(ctx, chain.System("grant.remove", []byte(body))); err != nil || !r.Accepted() {
		t.Fatalf("grant.remove = %+v, %v", r, err)
	}
	c.SameLedger()
	_, err = reader.Get(ctx, "/public/a", "k")
	refused("Get after the grant was removed", err)
	if r, err := admin.Submit(ctx, chain.System("identity.remove", []byte(body))); err != nil || !r.Accepted() {
		t.Fatalf("identity.remove = %+v, %v", r, err)
	}
	for {
		if _, err = w.Recv(); err != nil {
			break
		}
	}
	if ctx.Err() != nil {
		t.Error("the stream of a removed identity goes on")
	}
}

func TestKillingTheLeaderLosesNothing(t *testing.T) {
	c := nodetest.New(t, nodetest.Config{})
	ctx := within(t, 2*time.Minute)
	const clients, each = 4, 400
	var acknowledged sync.Map // key -> sequence
	var done atomic.Int64
	var wg sync.WaitGroup
	for n := range clients {
		cl := c.Client(nodetest.Device, n, (n+1)%5, (n+2)%5, (n+3)%5, (n+4)%5)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range each {
				key := fmt.Sprintf("c%d-%d", n, i)
				r, err := cl.Submit(ctx, chain.Put("/load", key, []byte(key)))
				if err != nil {
					t.Errorf("Submit(%s) = %v", key, err)
					return
				}
				acknowledged.Store(key, r.Sequences[0])
				done.Add(1)
			}
		}()
	}
	for n := range 2 { // twice, in the middle of it
		mark := done.Load() + clients*each/8
		c.Eventually(fmt.Sprintf("through %d transactions", mark), func() bool { return done.Load() >= mark })
		leader := c.Leader()
		c.Crash(leader)
		t.Logf("kill %d: master %d, after %d acknowledged transactions", n+1, leader+1, done.Load())
		next := c.Leader()
		if next == leader {
			t.Fatal("the dead master leads")
		}
		c.Start(leader)
	}
	wg.Wait()
	c.SameLedger()

	// Every acknowledged transaction is there exactly once, at every master.
	for i := range c.Infos {
		m := c.Master(i)
		seen := map[string]abi.Sequence{}
		events, err := m.Ledger().EventsOf("/load", 1, clients*each*2)
		if err != nil {
			t.Fatal(err)
		}
		for j, e := range events {
			if e.Sequence != abi.Sequence(j+1) {
				t.Fatalf("master %d: event %d of /load has sequence %d", i+1, j, e.Sequence)
			}
			if _, twice := seen[e.Key]; twice {
				t.Errorf("master %d: %s is there twice", i+1, e.Key)
			}
			seen[e.Key] = e.Sequence
		}
		if len(seen) != clients*each {
			t.Errorf("master %d has %d events, want %d", i+1, len(seen), clients*each)
		}
		acknowledged.Range(func(k, v any) bool {
			if seen[k.(string)] != v.(abi.Sequence) {
				t.Errorf("master %d: %v has sequence %d, acknowledged was %d", i+1, k, seen[k.(string)], v)
			}
			return true
		})
	}
}

func TestNoLeaderWaitsThenSaysSo(t *testing.T) {
	c := nodetest.New(t, nodetest.Config{Masters: 3})
	ctx := within(t, nodetest.Patience)
	leader := c.Leader()
	cl := c.Client(nodetest.Device, leader)
	if _, err := cl.Submit(ctx, chain.Put("/a", "k", []byte("1"))); err != nil {
		t.Fatal(err)
	}
	for i := range c.Infos {
		if i != leader {
			c.Stop(i)
		}
	}
	short := within(t, 12*time.Second)
	_, err := cl.Submit(short, chain.Put("/a", "k", []byte("2")))
	if err == nil || !strings.Contains(err.Error(), "leader") {
		t.Errorf("Submit without a majority = %v, want an error about the leader", err)
	}
	for i := range c.Infos {
		if i != leader {
			c.Start(i)
		}
	}
	if _, err := cl.Submit(within(t, nodetest.Patience), chain.Put("/a", "k", []byte("3"))); err != nil {
		t.Errorf("Submit with the majority back = %v", err)
	}
	c.SameLedger()
}

func TestRestartContinuesTheChain(t *testing.T) {
	c := nodetest.New(t, nodetest.Config{Masters: 3})
	ctx := within(t, nodetest.Patience)
	cl := c.Client(nodetest.Device, 0, 1, 2)
	for i := range 20 {
		if _, err := cl.Submit(ctx, chain.Put("/a", fmt.Sprint(i), []byte("1"))); err != nil {
			t.Fatal(err)
		}
	}
	before := c.SameLedger()
	c.Close()
	for i := range c.Infos {
		c.Start(i)
	}
	if after := c.SameLedger(); after != before {
		t.Errorf("ledger hash after the restart %s, before %s", after.Short(), before.Short())
	}
	r, err := c.Client(nodetest.Device).Submit(within(t, nodetest.Patience), chain.Put("/a", "next", []byte("1")))
	if err != nil || r.Sequences[0] != 21 {
		t.Errorf("Submit after the restart = %+v, %v, want sequence 21", r, err)
	}
}
