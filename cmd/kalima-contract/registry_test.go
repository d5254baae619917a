package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/registry"
)

// fakeChain is a chain in memory: one transaction a block, the registry's own rules, and
// blobs. Its identities have the role of their name.
type fakeChain struct {
	state  map[abi.Address]map[string][]byte
	blobs  map[abi.Digest][]byte
	height abi.Height
	page   int // entries of a page; small, so that paging is tried

	corrupt func([]byte) []byte // what a master does to a blob it hands out
}

func newFakeChain() *fakeChain {
	return &fakeChain{state: map[abi.Address]map[string][]byte{}, blobs: map[abi.Digest][]byte{}, page: 1}
}

func (f *fakeChain) Get(a abi.Address, key string) ([]byte, bool) {
	v, ok := f.state[a][key]
	return v, ok
}

func (f *fakeChain) Next(a abi.Address, after string) (string, bool) {
	for _, k := range slices.Sorted(maps.Keys(f.state[a])) {
		if k > after {
			return k, true
		}
	}
	return "", false
}

// as is the chain seen by one identity.
type as struct {
	*fakeChain
	name string
}

func (c as) Submit(_ context.Context, ops ...chain.Op) (rpc.Receipt, error) {
	before := map[abi.Address]map[string][]byte{}
	for a, keys := range c.state {
		before[a] = maps.Clone(keys)
	}
	c.height++
	env := registry.Env{Sender: registryIdentity(c.name), Name: c.name, Roles: []string{c.name}, Height: c.height, Time: 1_700_000_000_000_000}
	for _, op := range ops {
		writes, fault := registry.Apply(c, env, op.Name, op.Body)
		if fault != nil {
			c.state = before
			return rpc.Receipt{Height: c.height, Code: fault.Code, Message: fault.Message}, nil
		}
		for _, w := range writes {
			if c.state[w.Address] == nil {
				c.state[w.Address] = map[string][]byte{}
			}
			if len(w.Value) == 0 {
				delete(c.state[w.Address], w.Key)
			} else {
				c.state[w.Address][w.Key] = w.Value
			}
		}
	}
	return rpc.Receipt{Height: c.height}, nil
}

func registryIdentity(name string) abi.Identity { return abi.Identity(registry.DigestOf([]byte(name))) }

func (c as) List(_ context.Context, q rpc.ListQ) (rpc.ListA, error) {
	var a rpc.ListA
	for key, ok := c.Next(q.Address, q.After); ok; key, ok = c.Next(q.Address, key) {
		if len(a.Items) == c.page {
			a.More = true
			break
		}
		a.Items = append(a.Items, rpc.Item{Address: q.Address, Key: key, Value: c.state[q.Address][key]})
	}
	return a, nil
}

func (c as) PutBlob(_ context.Context, b []byte) (abi.Digest, error) {
	d := registry.DigestOf(b)
	c.blobs[d] = bytes.Clone(b)
	return d, nil
}

func (c as) Blob(_ context.Context, d abi.Digest) ([]byte, error) {
	b := bytes.Clone(c.blobs[d])
	if c.corrupt != nil {
		b = c.corrupt(b)
	}
	return b, nil
}

func (as) Close() error { return nil }

// call runs one command line against the chain and checks its exit code.
func (f *fakeChain) call(t *testing.T, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, talk bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &talk}
	a.dial = func(name string) (chainClient, error) { return as{f, cmp.Or(name, "device")}, nil }
	if got := a.run(args); got != code {
		t.Fatalf("kalima-contract %s exits with %d, want %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), got, code, &out, &talk)
	}
	return out.String(), talk.String()
}

func wants(t *testing.T, what, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%s = %q, want it to have %q", what, got, w)
		}
	}
}

// project makes a project in JavaScript with that version.
func project(t *testing.T, f *fakeChain, version string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "meter")
	f.call(t, exitOK, "new", "meter", "--language", "js", "--dir", dir)
	path := filepath.Join(dir, registry.ManifestFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("0.1.0"), []byte(version), 1)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// From an author's laptop to a deployed contract, to the next version, and away again.
func TestLifeOfAContract(t *testing.T) {
	f := newFakeChain()
	_, talk := f.call(t, exitOK, "status")
	wants(t, "status of an empty registry", talk, "the registry is empty")

	dir := project(t, f, "1.0.0")
	out, talk := f.call(t, exitOK, "publish", dir)
	wants(t, "publish", out, "published meter 1.0.0, bundle ")
	wants(t, "publish", talk, "next: kalima-contract approve meter 1.0.0")
	_, talk = f.call(t, exitRefused, "publish", dir)
	wants(t, "publish again", talk, "a changed byte is a new version", "hint: raise version in kalima.toml")

	_, talk = f.call(t, exitRefused, "deploy", "meter", "1.0.0", "--phase", "validate", "--pattern", "/plant/**")
	wants(t, "deploy before approval", talk, "is not approved", "hint: a reviewer approves it first")
	_, talk = f.call(t, exitRefused, "approve", "meter", "1.0.0", "--as", "author")
	wants(t, "approve as author", talk, "needs role reviewer", "hint: act as an identity that has the role")
	out, talk = f.call(t, exitOK, "approve", "meter", "1.0.0")
	wants(t, "approve", out, "approved meter 1.0.0")
	wants(t, "approve", talk, "meter 1.0.0 by author, in js", "phases  validate", "tools   none")

	out, _ = f.call(t, exitOK, "deploy", "meter", "1.0.0", "--phase", "validate", "--pattern", "/plant/**", "--pattern", "/mill/*")
	wants(t, "deploy", out, "deployed meter 1.0.0", "validate as meter on /plant/** /mill/*")

	next := project(t, f, "1.1.0")
	f.call(t, exitOK, "publish", next)
	f.call(t, exitOK, "approve", "meter", "1.1.0", "--as", "admin")
	_, talk = f.call(t, exitOK, "deploy", "meter", "1.1.0", "--phase", "validate", "--pattern", "/mill/*")
	wants(t, "deploy of the next version", talk, "instance meter moved from 1.0.0 to 1.1.0")

	out, _ = f.call(t, exitOK, "status")
	wants(t, "status", out,
		"meter     1.0.0    approved  js ", "author  reviewer\n", "author  admin\n",
		"meter     validate  meter     1.1.0    /mill/*\n", "meter     validate  meter     1.1.0    /plant/**\n")
	out, _ = f.call(t, exitOK, "status", "meter", "-o", "json")
	var status struct {
		SchemaVersion int
		Versions      []registry.Record
		Bindings      []registry.Binding
	}
	if err := json.Unmarshal([]byte(out), &status); err != nil || len(status.Versions) != 2 || len(status.Bindings) != 2 || status.SchemaVersion != 1 {
		t.Errorf("status -o json = %s (%v), want 2 versions and 2 bindings", out, err)
	}
	f.call(t, exitNotFound, "status", "other")

	f.call(t, exitUsage, "revoke", "meter", "1.1.0")
	f.call(t, exitOK, "revoke", "meter", "1.1.0", "--reason", "counts twice")
	out, _ = f.call(t, exitOK, "status")
	wants(t, "status after revoke", out, "revoked", "REVOKED: refuses every event")
	out, _ = f.call(t, exitOK, "undeploy", "meter", "-o", "json")
	wants(t, "undeploy -o json", out, `"did":"undeployed","instance":"meter"`)
	_, talk = f.call(t, exitRefused, "undeploy", "meter")
	wants(t, "undeploy again", talk, "meter is not deployed")
}

// Reviewer and operator see what a contract would reach outside the chain, and what of it
// was not granted.
func TestCapabilitiesAreShown(t *testing.T) {
	f := newFakeChain()
	dir := filepath.Join(t.TempDir(), "asker")
	f.call(t, exitOK, "new", "asker", "--language", "js", "--phase", "react", "--dir", dir)
	path := filepath.Join(dir, registry.ManifestFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "http = [\"https://a.example\", \"https://b.example\"]\nclock = true\n"...)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	f.call(t, exitOK, "publish", dir)
	_, talk := f.call(t, exitOK, "approve", "asker", "0.1.0")
	wants(t, "approve", talk, "  http    https://a.example https://b.example\n", "  clock   yes\n")

	deploy := []string{"deploy", "asker", "0.1.0", "--phase", "react", "--pattern", "/p/**"}
	_, talk = f.call(t, exitOK, deploy...)
	wants(t, "deploy that grants nothing", talk, "not granted, and a call that needs it fails: --http https://a.example --http https://b.example --clock\n")
	_, talk = f.call(t, exitOK, append(deploy, "--clock", "--http", "https://b.example")...)
	wants(t, "deploy that grants some", talk, "a call that needs it fails: --http https://a.example\n")
	_, talk = f.call(t, exitOK, append(deploy, "--clock", "--http", "https://b.example", "--http", "https://a.example")...)
	if strings.Contains(talk, "not granted") {
		t.Errorf("deploy that grants all says %q", talk)
	}
	_, talk = f.call(t, exitRefused, append(deploy, "--http", "https://c.example")...)
	wants(t, "deploy that grants more", talk, "was not declared in the manifest", "hint: a version whose kalima.toml lists it")
}

// A reviewer signs nothing but what was published: not other bytes, and not bytes whose
// manifest is narrower than the record.
func TestApproveChecksTheBytes(t *testing.T) {
	f := newFakeChain()
	dir := project(t, f, "1.0.0")
	out, _ := f.call(t, exitOK, "build", dir, "-o", "json")
	var b built
	if err := json.Unmarshal([]byte(out), &b); err != nil {
		t.Fatal(err)
	}
	f.call(t, exitOK, "publish", b.File)

	_, talk := f.call(t, exitDigest, "approve", "meter", "1.0.0", "--digest", strings.Repeat("ab", 32))
	wants(t, "approve with another digest", talk, "bundle has digest "+b.Bundle.String())
	f.corrupt = func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
	_, talk = f.call(t, exitDigest, "approve", "meter", "1.0.0")
	wants(t, "approve of changed bytes", talk, "bundle has digest")
	f.corrupt = nil
	f.call(t, exitNotFound, "approve", "meter", "2.0.0")

	// The author writes a record that grants more than the bundle says.
	encoded := f.blobs[b.Bundle]
	bundle, err := registry.Open(encoded, b.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	lie := bundle.Publish(encoded)
	lie.Submit = []abi.Pattern{"/valves/**"}
	liar := newFakeChain()
	liar.blobs = f.blobs
	op, err := systemOp(registry.OpPublish, lie)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := (as{liar, "author"}).Submit(t.Context(), op); err != nil || !r.Accepted() {
		t.Fatalf("Submit = %+v, %v", r, err)
	}
	_, talk = liar.call(t, exitDigest, "approve", "meter", "1.0.0")
	wants(t, "approve of a record that lies", talk, "it says other things than the record", "hint: do not approve it")

	out, _ = f.call(t, exitOK, "approve", "meter", "1.0.0", "--digest", b.Bundle.String(), "-o", "json")
	wants(t, "approve -o json", out, `"did":"approved","name":"meter","version":"1.0.0","bundle":"`+b.Bundle.String()+`"`)
}

// A deploy of several bindings is one transaction: when one is refused, none is made.
func TestDeployIsWhole(t *testing.T) {
	f := newFakeChain()
	f.call(t, exitOK, "publish", project(t, f, "1.0.0"))
	f.call(t, exitOK, "approve", "meter", "1.0.0")
	_, talk := f.call(t, exitRefused, "deploy", "meter", "1.0.0", "--phase", "validate,react", "--pattern", "/a")
	wants(t, "deploy of a phase it has not", talk, "has no phase react")
	if bindings, err := registry.Bindings(f); err != nil || len(bindings) != 0 {
		t.Errorf("Bindings after a refused deploy = %+v, %v, want none", bindings, err)
	}
	f.call(t, exitUsage, "deploy", "meter", "1.0.0", "--phase", "validate", "--pattern", "plant")
}
