package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node/nodetest"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/registry"
)

const ledgerContract = `kalima_abi = 1

def validate():
    event = kalima.event
    if event.op == "delete":
        kalima.delete("", event.key)
        return 0
    if event.value == "boom":
        return fail(event.key)
    key = kalima.next("", "")
    total = 0
    for _ in range(100):
        if key == None:
            break
        total += int(kalima.get("", key))
        key = kalima.next("", key)
    if total + int(event.value) > 100:
        kalima.reject(7, "the total of %d would pass 100" % (total + int(event.value)))
    kalima.put("", event.key, event.value)
    kalima.put("", "~" + event.key, str(int(kalima.get("/limits", "factor") or "0") * 0))
    return 0

def fail(key):
    return [][len(key)]
`

const migration = `
def migrate():
    kalima.put("", "from", kalima.event.key)
    kalima.put("", "from", "0" + str(len(kalima.get("", "from"))))
    return 0
`

// A transaction that is run again ends as in its block, whatever happened since: accepted,
// rejected, faulted, several in one block, several operations in one, moves, and what
// deploys. Another contract in its place shows where it differs.
func TestDebug(t *testing.T) {
	star, err := newRuntime(registry.Starlark)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { star.Close() })
	c := nodetest.New(t, nodetest.Config{Masters: 3, Runtimes: map[string]host.Runtime{"starlark": star}})
	call := func(code int, args ...string) string {
		t.Helper()
		var out, talk bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &talk}
		a.dial = func(name string) (chainClient, error) { return c.Client(cmp.Or(name, nodetest.Operator)), nil }
		if got := a.run(args); got != code {
			t.Fatalf("kalima-contract %s exits with %d, want %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), got, code, &out, &talk)
		}
		return out.String() + talk.String()
	}
	device := c.Client(nodetest.Device)
	submit := func(want abi.Code, ops ...chain.Op) string {
		t.Helper()
		r, err := device.Submit(t.Context(), ops...)
		if err != nil || r.Code != want {
			t.Fatalf("submit %+v = %v %s, %v, want %v", ops, r.Code, r.Message, err, want)
		}
		return r.TxID.String()
	}
	put := func(key, value string) chain.Op { return chain.Put("/plant/line1", key, []byte(value)) }

	dir := t.TempDir()
	first := writeProject(t, dir, "total", "1.0.0", ledgerContract)
	txs := map[string]string{}
	registered := func(name string, args ...string) {
		t.Helper()
		var d did
		if err := json.Unmarshal([]byte(strings.Split(call(exitOK, append(args, "-o", "json")...), "\n")[0]), &d); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		txs[name] = d.TxID.String()
	}
	registered("publish", "publish", first)
	registered("approve", "approve", "total", "1.0.0")
	txs["before it is deployed"] = submit(abi.OK, put("a", "0"))
	registered("deploy", "deploy", "total", "1.0.0", "--phase", "validate", "--pattern", "/plant/**")
	submit(abi.OK, chain.Put("/limits", "factor", []byte("3")))
	txs["the first"] = submit(abi.OK, put("a", "10"))
	txs["a rejected one"] = submit(abi.Rejected, put("a", "101"))
	txs["two operations"] = submit(abi.OK, put("b", "20"), put("c", "30"))
	txs["a fault"] = submit(abi.Trap, put("b", "boom"))
	txs["a deleted key"] = submit(abi.OK, chain.Delete("/plant/line1", "b"))
	txs["a move"] = submit(abi.OK, chain.Move("/plant/line1", "c", "/plant/line2", "c"))
	for range 3 {
		submit(abi.OK, put("a", "11"))
	}
	txs["an update"] = submit(abi.OK, put("a", "12"))
	for name, id := range concurrently(t, device, 8) {
		txs[name] = id
	}
	second := writeProject(t, dir, "total", "1.1.0", strings.Replace(ledgerContract, "> 100", "> 1000", 1)+migration)
	call(exitOK, "publish", second)
	call(exitOK, "approve", "total", "1.1.0")
	submit(abi.OK, chain.Put("/limits", "factor", []byte("4")))
	submit(abi.OK, chain.Delete("/plant/line1", "a"))
	registered("deploy and migrate", "deploy", "total", "1.1.0", "--phase", "validate", "--pattern", "/plant/**")
	txs["by the second version"] = submit(abi.OK, put("d", "400"))
	registered("revoke", "revoke", "total", "1.1.0", "--reason", "too much")
	txs["under a revoked one"] = submit(abi.Denied, put("d", "1"))
	call(exitOK, "undeploy", "total")
	txs["after it was undeployed"] = submit(abi.OK, put("d", "warm"))

	for name, id := range txs {
		t.Run(name, func(t *testing.T) {
			var d struct {
				TxID  abi.TxID `json:"tx"`
				Equal bool     `json:"equal"`
			}
			if err := json.Unmarshal([]byte(strings.Split(call(exitOK, "debug", id, "-o", "json"), "\n")[0]), &d); err != nil {
				t.Fatal(err)
			}
			if !d.Equal || d.TxID.String() != id {
				t.Errorf("debug = %+v, want equal", d)
			}
		})
	}

	wants(t, "debug of a fault", call(exitOK, "debug", txs["a fault"], "--trace"),
		"outcome  trap: contract total: ", "call 1, for /plant/line1 b", "contract  total 1.0.0, validate", "CALL", "line", "24 in fail", "\nequal: outcome, gas, 0 writes and 0 reads are those of the block\n")
	wants(t, "debug of a migration", call(exitOK, "debug", txs["deploy and migrate"]),
		"contract  total 1.1.0, migrate", "write     /_kalima/state/total from 05", "equal: outcome, gas, ")
	wants(t, "debug without a contract", call(exitOK, "debug", txs["before it is deployed"]), "no contract ran", "equal")

	// Another contract in its place.
	lenient := filepath.Join(dir, "lenient")
	writeProject(t, lenient, "total", "1.0.1", strings.Replace(ledgerContract, "> 100", "> 1000", 1))
	out := call(exitFindings, "debug", txs["a rejected one"], "--with", filepath.Join(lenient, "total-1.0.1"))
	wants(t, "debug --with", out, "contract  total 1.0.1, validate", "DIFFERENT: - in the block, + here",
		"outcome\n    - rejected (7): the total of 111 would pass 100\n    + accepted\n", "  gas\n    - ", "write 1\n    - none\n    + /_kalima/state/total a \"101\", sequence 3")

	// One that the transaction does not run says so, and does not pass for tried.
	call(exitNotFound, "debug", txs["before it is deployed"], "--with", filepath.Join(lenient, "total-1.0.1"))

	// A bundle whose artefact was tampered with.
	tampered := filepath.Join(dir, "tampered.bundle")
	b, _, err := (&app{}).bundleOf(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	b.Artefact = bytes.Replace(b.Artefact, []byte(`kalima.put("", event.key, event.value)`), []byte(`kalima.put("", event.key, "9999")`), 1)
	encoded, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tampered, encoded, 0o644); err != nil {
		t.Fatal(err)
	}
	out = call(exitFindings, "debug", txs["the first"], "--with", tampered)
	wants(t, "debug --with a tampered bundle", out, "write 1\n    - /_kalima/state/total a \"10\", sequence 1\n    + /_kalima/state/total a \"9999\", sequence 1\n")

	call(exitNotFound, "debug", strings.Repeat("0", 64))
	call(exitUsage, "debug", "e9037134")
}

// concurrently submits transactions that share blocks.
func concurrently(t *testing.T, device *rpc.Client, n int) map[string]string {
	t.Helper()
	type sent struct {
		key, id string
		err     error
	}
	results := make(chan sent, n)
	for i := range n {
		go func() {
			key := string(rune('p' + i))
			r, err := device.Submit(t.Context(), chain.Put("/plant/line1", key, []byte("1")))
			results <- sent{key, r.TxID.String(), err}
		}()
	}
	ids := map[string]string{}
	for range n {
		s := <-results
		if s.err != nil {
			t.Fatalf("submit %s: %v", s.key, s.err)
		}
		ids["together, "+s.key] = s.id
	}
	return ids
}

// writeProject makes a project in Starlark, in dir/NAME-VERSION.
func writeProject(t *testing.T, dir, name, version, source string) string {
	t.Helper()
	dir = filepath.Join(dir, name+"-"+version)
	manifest := "name = \"" + name + "\"\nversion = \"" + version + "\"\nlanguage = \"starlark\"\nabi = 1\nphases = [\"validate\"]\nsource = [\"total.star\"]\n"
	if strings.Contains(source, "def migrate") {
		manifest = strings.Replace(manifest, `["validate"]`, `["validate", "migrate"]`, 1)
	}
	for file, text := range map[string]string{registry.ManifestFile: manifest, "total.star": source} {
		if err := writeFile(filepath.Join(dir, file), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The artefact of a deployed contract has no names; its source does.
func TestDebugNamesLines(t *testing.T) {
	wasm, err := newRuntime(registry.C)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { wasm.Close() })
	c := nodetest.New(t, nodetest.Config{Masters: 1, Runtimes: map[string]host.Runtime{"c": wasm}})
	call := func(code int, args ...string) string {
		t.Helper()
		var out, talk bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &talk}
		a.dial = func(name string) (chainClient, error) { return c.Client(cmp.Or(name, nodetest.Operator)), nil }
		if got := a.run(args); got != code {
			t.Fatalf("kalima-contract %s exits with %d, want %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), got, code, &out, &talk)
		}
		return out.String() + talk.String()
	}
	project := filepath.Join("..", "..", "examples", "faulty", "trap-c")
	call(exitOK, "publish", project)
	call(exitOK, "approve", "faulty-trap-c", "1.0.0")
	call(exitOK, "deploy", "faulty-trap-c", "1.0.0", "--phase", "validate", "--pattern", "/plant/**")
	r, err := c.Client(nodetest.Device).Submit(t.Context(), chain.Put("/plant/line1", "t", []byte("1")))
	if err != nil || r.Code != abi.Trap {
		t.Fatalf("Submit = %v %s, %v, want a trap", r.Code, r.Message, err)
	}
	wants(t, "debug", call(exitOK, "debug", r.TxID.String()),
		"outcome   fault 2, trap: integer divide by zero", "at      trap.c:8 in validate", "equal: outcome, gas, ")
}
