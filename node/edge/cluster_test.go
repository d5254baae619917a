package edge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node/edge"
	"github.com/kalima-chain/kalima/node/nodetest"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/sync"
	"github.com/kalima-chain/kalima/node/transport"
	"github.com/kalima-chain/kalima/registry"
)

// alarms raises one alarm for each event, under the event's key.
type alarms struct{}

func (alarms) React(_ context.Context, b registry.Binding, st host.State, call abi.Call) (host.Result, error) {
	if !registry.Approved(st, b.Digest) || call.Name != nodetest.Device {
		return host.Result{Fault: abi.Faultf(abi.Denied, "approved: %v, sender %q", registry.Approved(st, b.Digest), call.Name)}, nil
	}
	return host.Result{Submits: []abi.Write{{Address: "/alarms/press", Key: call.Key, Value: call.Value}}}, nil
}

func openEdge(t *testing.T, c *nodetest.Cluster, dir string) (n *edge.Node, stop func()) {
	t.Helper()
	endpoint, err := transport.Listen(transport.Config{Key: nodetest.Key(nodetest.Edge)})
	if err != nil {
		t.Fatal(err)
	}
	cfg := rpc.Config{Chain: c.Chain, Masters: c.Infos, Key: nodetest.Key(nodetest.Edge), Endpoint: endpoint}
	masters, err := sync.Masters(cfg)
	if err != nil {
		t.Fatal(err)
	}
	submit, err := rpc.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ec := edge.Config{
		Chain: c.Chain, Key: nodetest.Key(nodetest.Edge), Patterns: []abi.Pattern{"/plant/**", "/alarms/**"},
		Dir: dir, StorageKey: bytes.Repeat([]byte{5}, 32), Engine: alarms{}, Submit: submit,
	}
	for _, m := range masters {
		ec.Sources, ec.Lookup = append(ec.Sources, m), append(ec.Lookup, m)
	}
	n, err = edge.Open(ec)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	return n, func() {
		t.Helper()
		cancel()
		if err := errors.Join(<-done, n.Close(), submit.Close(), endpoint.Close()); err != nil {
			t.Errorf("stop the edge node: %v", err)
		}
	}
}

// On a real chain: the edge node is restarted and its masters die one after the other while
// events come; each leads to one alarm.
func TestEdgeOnACluster(t *testing.T) {
	c := nodetest.New(t, nodetest.Config{Masters: 3})
	ctx, cancel := context.WithTimeout(context.Background(), 2*nodetest.Patience)
	defer cancel()
	system := func(name, op string, body any) {
		t.Helper()
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Client(name).Submit(ctx, chain.System(op, text))
		if err != nil || !r.Accepted() {
			t.Fatalf("%s = %v %s, %v", op, r.Code, r.Message, err)
		}
	}
	d := registry.DigestOf([]byte("press"))
	system(nodetest.Author, registry.OpPublish, registry.Publish{
		Claims: registry.Claims{Name: "press", Version: "1.0.0", Language: registry.JS, Phases: []string{"react"}, Submit: []abi.Pattern{"/alarms/*"}},
		Bundle: d, Artefact: abi.Digest{1}, Source: abi.Digest{2}, Size: 1000,
	})
	system(nodetest.Reviewer, registry.OpApprove, registry.Approve{Name: "press", Version: "1.0.0", Bundle: d})
	system(nodetest.Operator, registry.OpDeploy, registry.Deploy{Name: "press", Version: "1.0.0", Bundle: d, Phase: "react", Pattern: "/plant/**"})

	const rounds, each = 2, 10
	device := c.Client(nodetest.Device)
	dir := t.TempDir()
	for round := range rounds {
		put := func(i int) abi.Height {
			t.Helper()
			r, err := device.Submit(ctx, chain.Put("/plant/press", fmt.Sprintf("%d-%02d", round, i), []byte("hot")))
			if err != nil || !r.Accepted() {
				t.Fatalf("put %d-%d = %v, %v", round, i, r.Code, err)
			}
			return r.Height
		}
		if round > 0 {
			put(0) // while the node is down
		}
		n, stop := openEdge(t, c, dir)
		if _, err := n.Replica().Wait(ctx, func(v sync.View) bool { return v.Begun }); err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			put(0)
		}
		for i := 1; i < each; i++ {
			if i == each/2 {
				c.Crash(round % 3)
			}
			put(i)
		}
		c.Start(round % 3)
		if round == rounds-1 {
			_, err := n.Replica().Wait(ctx, func(v sync.View) bool { return v.State.Sequence("/alarms/press") >= rounds*each })
			if err != nil {
				t.Fatalf("%v; %+v", err, n.Stats())
			}
			if _, err := n.Wait(ctx, func(s edge.Stats) bool { return s.Waiting == 0 }); err != nil {
				t.Fatal(err)
			}
			if got := n.Replica().Snapshot().Sequence("/alarms/press"); got != rounds*each {
				t.Errorf("%d alarms of %d events", got, rounds*each)
			}
			keys := 0
			n.Replica().Keys("/alarms/press", "", func(string, *chain.Value) bool { keys++; return true })
			if keys != rounds*each {
				t.Errorf("alarms under %d keys, want %d", keys, rounds*each)
			}
			if s := n.Stats(); s.Faults+s.Refused+s.Rejected != 0 {
				t.Errorf("stats = %+v, want no faults and refusals", s)
			}
		}
		stop()
	}
	c.SameLedger()
}
