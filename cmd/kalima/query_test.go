package main

import (
	"testing"

	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/nodetest"
	"github.com/kalima-chain/kalima/node/rpc"
)

// A deployed contract answers who may read its state, and nobody else; what can not be answered
// is said by its own name.
func TestQuery(t *testing.T) {
	engines, err := openRuntimes("", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engines.Close() })
	c := nodetest.New(t, nodetest.Config{Masters: 3, Runtimes: engines.languages()})
	w := newTool(t, c)
	deployUnloaded(t, c, "counter/starlark", "/plant/**")
	deployUnloaded(t, c, "threshold/js", "/elsewhere/**")
	for range 3 {
		w.run(exitOK, []string{"put", "/plant/press", "temperature", "20"})
	}
	w.run(exitOK, []string{"query", "counter-starlark", "/plant/press"}, "3\n")
	w.run(exitOK, []string{"query", "counter-starlark", "/plant/press", "-o", "json"}, `"value":"3"`, `"gas":`)
	w.run(exitOK, []string{"query", "counter-starlark", "/nothing/here"}, "0\n")
	w.run(exitNotFound, []string{"query", "nobody", "k"}, "no contract nobody that answers queries is deployed", "hint: see what is deployed")
	w.run(exitNotFound, []string{"query", "threshold-js", "k"}, "no contract threshold-js that answers queries")
	w.run(exitUsage, []string{"query", "counter-starlark"}, "want INSTANCE, KEY")
	if _, err := c.Client(nodetest.Reader).Query(t.Context(), rpc.QueryQ{Instance: "counter-starlark", Key: "k"}); rpc.Code(err) != string(chain.NoGrant) {
		t.Errorf("a reader without a SUB grant for the contract's state was answered: %v", err)
	}
}
