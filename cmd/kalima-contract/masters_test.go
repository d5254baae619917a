package main

import (
	"bytes"
	"cmp"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node/nodetest"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/registry"
)

// The whole way on masters over real sockets: what is deployed decides what a device may put.
func TestOnMasters(t *testing.T) {
	js, err := newRuntime(registry.JS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { js.Close() }) // runs after the cluster's own
	c := nodetest.New(t, nodetest.Config{Masters: 3, Runtimes: map[string]host.Runtime{"js": js}})
	call := func(code int, args ...string) string {
		t.Helper()
		var out, talk bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &talk}
		a.dial = func(name string) (chainClient, error) { return c.Client(cmp.Or(name, nodetest.Admin)), nil }
		if got := a.run(args); got != code {
			t.Fatalf("kalima-contract %s exits with %d, want %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), got, code, &out, &talk)
		}
		return out.String() + talk.String()
	}
	device := c.Client(nodetest.Device)
	put := func(value string, want abi.Code) rpc.Receipt {
		t.Helper()
		r, err := device.Submit(t.Context(), chain.Put("/plant/line1", "temperature", []byte(value)))
		if err != nil || r.Code != want {
			t.Fatalf("put %s = %v %s, %v, want %v", value, r.Code, r.Message, err, want)
		}
		return r
	}

	f := newFakeChain()
	first, second := project(t, f, "1.0.0"), project(t, f, "1.1.0")
	call(exitOK, "publish", first)
	put("warm", abi.OK) // nothing is deployed
	call(exitRefused, "deploy", "meter", "1.0.0", "--phase", "validate", "--pattern", "/plant/**")
	call(exitRefused, "approve", "meter", "1.0.0", "--as", "author")
	call(exitOK, "approve", "meter", "1.0.0")
	call(exitOK, "deploy", "meter", "1.0.0", "--phase", "validate", "--pattern", "/plant/**")
	put("warm", abi.Rejected)
	put("21.5", abi.OK)
	put("22", abi.OK)
	admin := c.Client(nodetest.Admin)
	count, err := admin.Get(t.Context(), abi.StateAddress("meter"), "temperature")
	if err != nil || string(count.Value) != "2" {
		t.Errorf("count of the contract = %q, %v, want 2", count.Value, err)
	}

	call(exitOK, "publish", second)
	call(exitOK, "approve", "meter", "1.1.0", "--as", "admin")
	wants(t, "deploy of the next version", call(exitOK, "deploy", "meter", "1.1.0", "--phase", "validate", "--pattern", "/plant/**"), "moved from 1.0.0 to 1.1.0")
	put("23", abi.OK)
	if count, err = admin.Get(t.Context(), abi.StateAddress("meter"), "temperature"); err != nil || string(count.Value) != "3" {
		t.Errorf("count after the next version = %q, %v, want 3: the state stays", count.Value, err)
	}
	wants(t, "status", call(exitOK, "status"), "meter     1.0.0    approved", "meter     validate  meter     1.1.0    /plant/**")

	call(exitOK, "revoke", "meter", "1.1.0", "--reason", "counts twice")
	if r := put("24", abi.Denied); !strings.Contains(r.Message, "not approved") {
		t.Errorf("put under a revoked contract says %q, want: not approved", r.Message)
	}
	call(exitOK, "undeploy", "meter")
	put("warm", abi.OK)
	call(exitAuth, "status", "--as", nodetest.Nobody, "--timeout", "20s")
	c.SameLedger()
}
