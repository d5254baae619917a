package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	contractssdk "github.com/kalima-chain/kalima/contracts-sdk"
	"github.com/kalima-chain/kalima/devsecops/toolchain"
	"github.com/kalima-chain/kalima/examples/faulty"
	"github.com/kalima-chain/kalima/node/keyring"
	"github.com/kalima-chain/kalima/node/nodetest"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
	"github.com/kalima-chain/kalima/registry"
)

// tool runs command lines against a cluster, as a person with the cluster's profile does.
type tool struct {
	t    *testing.T
	home string
}

func newTool(t *testing.T, c *nodetest.Cluster) *tool {
	t.Helper()
	w := &tool{t, t.TempDir()}
	key, err := rpc.Keys(w.home).Create("me")
	if err != nil {
		t.Fatal(err)
	}
	admin := c.Client(nodetest.Admin)
	id := keyring.Identity(key)
	r, err := admin.Submit(t.Context(),
		chain.System("identity.put", []byte(fmt.Sprintf(`{"identity":"%s","name":"me","roles":["admin","client"]}`, id))),
		chain.System("grant.put", []byte(fmt.Sprintf(`{"identity":"%s","pub":["/**"],"sub":["/**"]}`, id))))
	if err != nil || !r.Accepted() {
		t.Fatalf("Submit of who I am = %+v, %v", r, err)
	}
	p := rpc.Profile{Name: "bad", Chain: c.Chain, Masters: c.Infos, As: "me"}
	if err := p.Write(w.home); err != nil {
		t.Fatal(err)
	}
	return w
}

// run runs one command line and checks its exit code and what it prints.
func (w *tool) run(code int, args []string, want ...string) {
	w.t.Helper()
	var out, talk bytes.Buffer
	got := run(append(args, "--home", w.home, "--timeout", "30s"), strings.NewReader(""), &out, &talk)
	all := out.String() + talk.String()
	if got != code {
		w.t.Fatalf("kalima %s exits with %d, want %d:\n%s", strings.Join(args, " "), got, code, all)
	}
	for _, s := range want {
		if !strings.Contains(all, s) {
			w.t.Errorf("kalima %s says\n%swant %q", strings.Join(args, " "), all, s)
		}
	}
}

// What each faulty contract does to a put. Those of the wrong ABI version never come this
// far through kalima-contract, which loads what it publishes: here they are forced in.
var faultyPuts = map[string]string{
	"trap-c":    "trap: contract faulty-trap-c: integer divide by zero",
	"loop-c":    "out of gas: contract faulty-loop-c: more than",
	"memory-c":  "out of memory: contract faulty-memory-c: the contract needs more memory than it may have",
	"abi-c":     "wrong ABI: contract faulty-abi-c: built for ABI version 2",
	"trap-js":   "trap: contract faulty-trap-js: uncaught TypeError",
	"loop-js":   "out of gas: contract faulty-loop-js: gas limit of",
	"memory-js": "out of ",
	"abi-js":    "wrong ABI: contract faulty-abi-js: ",
}

// deployUnloaded builds a faulty contract and takes it through the registry without loading
// it before, as an author's and a reviewer's own tools may.
func deployUnloaded(t *testing.T, c *nodetest.Cluster, dir string, on abi.Pattern) {
	t.Helper()
	p, err := toolchain.Load(filepath.Join("..", "..", "examples", filepath.FromSlash(dir)))
	if err != nil {
		t.Fatal(err)
	}
	sdk, err := contractssdk.Files(string(p.Manifest.Language))
	if err != nil {
		t.Fatal(err)
	}
	b, err := toolchain.Build(t.Context(), p, sdk, io.Discard)
	if err != nil {
		t.Fatalf("%v; try: go run ./cmd/kalima-contract doctor --fix", err)
	}
	encoded, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Client(nodetest.Author).PutBlob(t.Context(), encoded); err != nil {
		t.Fatal(err)
	}
	m, digest := &b.Manifest, registry.DigestOf(encoded)
	for _, step := range []struct {
		as, op string
		body   any
	}{
		{nodetest.Author, registry.OpPublish, b.Publish(encoded)},
		{nodetest.Reviewer, registry.OpApprove, registry.Approve{Name: m.Name, Version: m.Version, Bundle: digest}},
		{nodetest.Operator, registry.OpDeploy, registry.Deploy{Name: m.Name, Version: m.Version, Bundle: digest, Phase: abi.Validate.String(), Pattern: on}},
	} {
		body, err := json.Marshal(step.body)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := c.Client(step.as).Submit(t.Context(), chain.System(step.op, body)); err != nil || !r.Accepted() {
			t.Fatalf("%s of %s = %v %s, %v", step.op, dir, r.Code, r.Message, err)
		}
	}
}

// Contracts that misbehave, approved and deployed on a chain: each put under them is
// refused by name, nothing that they wrote is seen, and the chain lives on.
func TestFaultyContracts(t *testing.T) {
	engines, err := openRuntimes(t.TempDir(), []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engines.Close() }) // runs after the cluster's own
	c := nodetest.New(t, nodetest.Config{Masters: 3, Runtimes: engines.languages()})
	w := newTool(t, c)
	for _, f := range faulty.Contracts() {
		want, ok := faultyPuts[f.Dir]
		if !ok {
			t.Errorf("contract %s has no expectation here", f.Dir)
			continue
		}
		deployUnloaded(t, c, "faulty/"+f.Dir, abi.Pattern("/"+f.Dir+"/**"))
		for range 2 { // the first must not spoil the second
			w.run(exitRefused, []string{"put", "/" + f.Dir + "/x", "k", "1"},
				"error: a contract bound to the address failed: "+want, "keeps the transaction, without effect", "hint: look at it: "+self()+" tx ")
		}
		w.run(exitNotFound, []string{"get", "/" + f.Dir + "/x", "k"}, "has no key")
		w.run(exitNotFound, []string{"get", string(abi.StateAddress("faulty-" + f.Dir)), "never"}, "has no key")
		w.run(exitOK, []string{"put", "/well", f.Dir, "1"}, "block ")
	}
	c.SameLedger()
	w.run(exitOK, []string{"verify", "--master", "all"}, "master-1  ok", "master-2  ok", "master-3  ok")
}

// Envelopes that the tool itself never makes: what it says when a master refuses one.
func TestRefusedEnvelopes(t *testing.T) {
	c := nodetest.New(t, nodetest.Config{Masters: 3})
	device := c.Client(nodetest.Device)
	first, err := device.Submit(t.Context(), chain.Put("/a", "k", []byte("1")))
	if err != nil {
		t.Fatal(err)
	}
	sign := func(name string, valid chain.Height) []byte {
		tx, err := chain.Sign(nodetest.Key(name), c.Chain, valid, []byte("0123456789abcdef"), chain.Put("/a", "k", []byte("2")))
		if err != nil {
			t.Fatal(err)
		}
		return tx.Envelope()
	}
	flipped := sign(nodetest.Device, first.Height+10)
	flipped[len(flipped)-1] ^= 1
	for _, tt := range []struct {
		name     string
		envelope []byte
		exit     int
		want     string
	}{
		{"wrong signature", flipped, exitRefused, "error: signature does not verify on this chain\n"},
		{"expired", sign(nodetest.Device, 0), exitRefused, "error: transaction was valid until block 0, the chain is at "},
		{"no grant", sign(nodetest.Reader, first.Height+10), exitAuth, "error: reader has no PUB grant for /a\nhint: an admin grants it: "},
		{"unknown signer", sign(nodetest.Nobody, first.Height+10), exitAuth, "is not known on this chain\nhint: an admin makes it known: "},
		{"garbage", []byte("garbage"), exitRefused, "error: malformed transaction: not a COSE_Sign1 envelope\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var talk bytes.Buffer
			a := &app{stdout: &talk, stderr: &talk, home: t.TempDir(), as: "reader"}
			_, err := device.SubmitTx(t.Context(), tt.envelope)
			if err == nil {
				t.Fatal("SubmitTx takes it")
			}
			if code := a.fail(nil, err); code != tt.exit || !strings.Contains(talk.String(), tt.want) {
				t.Errorf("exit code %d, want %d; it says\n%swant %q", code, tt.exit, &talk, tt.want)
			}
		})
	}
	// The same envelope again: the first receipt.
	tx, err := device.Tx(t.Context(), first.TxID)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Client(nodetest.Device, 2).SubmitTx(t.Context(), tx.Envelope)
	if err != nil || again.Height != first.Height || !slices.Equal(again.Sequences, first.Sequences) {
		t.Fatalf("SubmitTx of the same = %+v, %v, want %+v", again, err, first)
	}
	var out, talk bytes.Buffer
	a := &app{stdout: &out, stderr: &talk}
	if err := a.printReceipt(&again, 0); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), fmt.Sprintf("block %d  sequence 1  tx %s\n", first.Height, first.TxID); got != want {
		t.Errorf("printReceipt = %q, want %q", got, want)
	}
	if got, want := talk.String(), "the transaction was in the chain already; this is its first receipt\n"; got != want {
		t.Errorf("printReceipt says %q, want %q", got, want)
	}
}

// liar answers for a master, and flips a bit in one block.
type liar struct {
	honest *rpc.Client
	height abi.Height
}

func (l *liar) Request(ctx context.Context, _ abi.Identity, method string, body []byte) ([]byte, error) {
	switch method {
	case rpc.MethodStatus:
		s, err := l.honest.Status(ctx)
		s.Name = "master-2"
		return rpc.Encode(&s), err
	case rpc.MethodCheck:
		a, err := l.honest.Check(ctx)
		return rpc.Encode(&a), err
	case rpc.MethodBlock:
		var q rpc.BlockQ
		if err := rpc.Decode(body, &q); err != nil {
			return nil, err
		}
		blocks, err := l.honest.Blocks(ctx, q.Height, q.Count)
		if i := int(l.height) - int(q.Height); err == nil && i >= 0 && i < len(blocks) {
			blocks[i][len(blocks[i])-40] ^= 1 // in its entry
		}
		return rpc.Encode(&rpc.BlocksA{Blocks: blocks}), err
	}
	return nil, errors.New("not asked for here")
}

func (l *liar) Subscribe(context.Context, abi.Identity, string, []byte, func([]byte) error) error {
	return errors.New("not asked for here")
}

// A master that serves a changed block is named, with the block; the others are clean.
func TestVerifyNamesTheMaster(t *testing.T) {
	c := nodetest.New(t, nodetest.Config{Masters: 3})
	w := newTool(t, c)
	for i := range 6 {
		w.run(exitOK, []string{"put", "/a", "k", fmt.Sprint(i)})
	}
	c.SameLedger()
	c.Stop(1)
	l := &liar{honest: c.Client(nodetest.Admin, 0), height: 5}
	e, err := transport.Listen(transport.Config{
		Listen: c.Infos[1].Address, Key: nodetest.Key("master-2"), Handler: l, Authorise: func(abi.Identity) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	w.run(exitFailure, []string{"verify", "--master", "all"}, "master-1  ok", "master-2  WRONG", "\n  block 5: ", "master-3  ok")
	w.run(exitFailure, []string{"verify", "--master", "master-2", "-o", "json"}, `"ok":false`, `"height":5`)
}

// A key file that is not one is said to be so, and one that is not there.
func TestBrokenKeyFile(t *testing.T) {
	w := &tool{t, t.TempDir()}
	p := rpc.Profile{Name: "bad", As: "me", Masters: []rpc.MasterInfo{{Name: "master-1", Address: "127.0.0.1:1"}}}
	if err := p.Write(w.home); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(w.home, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.home, "keys", "me.key"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run(exitAuth, []string{"put", "/a", "k", "1"}, "error: read key me: ", "me.key is not PEM", "hint: the file must be as it was made")
	w.run(exitAuth, []string{"put", "/a", "k", "1", "--as", "nobody"}, "error: no such key: nobody in ")
}
