package main

import (
	"path/filepath"
	"testing"

	"github.com/kalima-chain/kalima/examples/faulty"
	"github.com/kalima-chain/kalima/registry"
)

// What can not be loaded is not published; what can be loaded is, whatever it will do:
// masters live with it, see TestFaultyContracts in cmd/kalima.
func TestPublishLoadsFirst(t *testing.T) {
	f := newFakeChain()
	for _, c := range faulty.Contracts() {
		t.Run(c.Dir, func(t *testing.T) {
			project := filepath.Join("..", "..", "examples", "faulty", c.Dir)
			if len(c.Ends) > 0 {
				f.call(t, exitOK, "publish", project, "--as", "author")
				if _, ok := f.Get(registry.VersionsAddress("faulty-"+c.Dir), "1.0.0"); !ok {
					t.Error("publish records no version")
				}
				return
			}
			_, stderr := f.call(t, exitFindings, "publish", project, "--as", "author")
			wants(t, "publish", stderr, "error: load faulty-"+c.Dir+": ", "built for ABI version 2")
			if v, ok := f.Get(registry.VersionsAddress("faulty-"+c.Dir), "1.0.0"); ok {
				t.Errorf("publish of a contract that does not load records %s", v)
			}
		})
	}
}
