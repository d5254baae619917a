package sync

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/keyring"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

// served publishes the chain of a net over QUIC.
type served struct {
	*fakeMaster
}

func (s served) Request(context.Context, abi.Identity, string, []byte) ([]byte, error) {
	return nil, errors.New("no requests here")
}

func (s served) Subscribe(ctx context.Context, _ abi.Identity, _ string, body []byte, send func([]byte) error) error {
	var q rpc.WatchQ
	if err := rpc.Decode(body, &q); err != nil {
		return err
	}
	stream, err := s.Watch(ctx, q)
	if err != nil {
		return err
	}
	for {
		f, err := stream.Recv()
		if err != nil {
			return err
		}
		if err := send(rpc.Encode(&f)); err != nil {
			return err
		}
	}
}

func seedKey(n byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = n
	return ed25519.NewKeyFromSeed(seed)
}

// Over real connections: one master goes away, the other takes over from the token; a master
// that refuses the token is recognised.
func TestMastersOverQUIC(t *testing.T) {
	n := newFakeNet()
	var infos []rpc.MasterInfo
	var endpoints []*transport.Endpoint
	var masters []*fakeMaster
	for i := range byte(2) {
		m := &fakeMaster{net: n, name: fmt.Sprint("m", i)}
		e, err := transport.Listen(transport.Config{
			Listen: "127.0.0.1:0", Key: seedKey(i + 1), Handler: served{m}, Authorise: func(abi.Identity) error { return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		infos = append(infos, rpc.MasterInfo{Name: m.name, Identity: keyring.Identity(seedKey(i + 1)), Address: e.Addr().String()})
		endpoints, masters = append(endpoints, e), append(masters, m)
	}
	own, err := transport.Listen(transport.Config{Key: seedKey(9)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Close() })
	found, err := Masters(rpc.Config{Chain: n.model.id, Masters: infos, Key: seedKey(9), Endpoint: own})
	if err != nil || len(found) != 2 {
		t.Fatalf("Masters = %d, %v, want 2", len(found), err)
	}
	var sources []Source
	for _, m := range found {
		sources = append(sources, m)
	}
	n.add(put("/q", "k", "1"))
	r, stop := start(t, Config{Chain: n.model.id, Patterns: all, Sources: sources})
	defer stop()
	waitHeight(t, r, 1)
	for i := range 50 {
		n.add(put("/q", "k", fmt.Sprint(i)))
	}
	waitHeight(t, r, n.head())
	active, other := 0, 1
	if masters[1].asked() > 0 {
		active, other = 1, 0
	}
	if err := endpoints[active].Close(); err != nil {
		t.Fatal(err)
	}
	n.add(put("/q", "k", "after"))
	waitHeight(t, r, n.head())
	if masters[other].asked() == 0 || masters[other].lastAsk.Token == nil {
		t.Error("the other master was not asked to go on from a token")
	}
	if err := compare(r.Snapshot(), n.model.values(all, n.head(), n.head())); err != nil {
		t.Error(err)
	}
	if s := r.View().Stats; s.Snapshots != 1 || s.Gaps != 0 {
		t.Errorf("stats = %+v, want 1 snapshot and no gaps", s)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}

	masters[other].set(func() { masters[other].refuse = transport.Errorf(rpc.CodeTokenMismatch, "no such block") })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream, err := sources[other].Watch(ctx, rpc.WatchQ{Patterns: all})
	if err == nil {
		_, err = stream.Recv()
	}
	if !forked(err) {
		t.Errorf("Recv from a master that refuses the token = %v, want one that forked knows", err)
	}
}

func (f *fakeMaster) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.watched
}
