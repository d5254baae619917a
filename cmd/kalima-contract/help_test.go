package main

import (
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryVerbHasAnExample holds the promise that --help shows how a verb is used.
func TestEveryVerbHasAnExample(t *testing.T) {
	seen := 0
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if !c.HasParent() || !c.Runnable() || c.Name() == "help" || c.Name() == "completion" || c.Hidden {
			return
		}
		seen++
		if c.Example == "" || c.Short == "" {
			t.Errorf("%s: help without an example or a summary", c.CommandPath())
		}
	}
	walk((&app{}).root())
	if seen < 9 {
		t.Errorf("only %d verbs were looked at", seen)
	}
}
