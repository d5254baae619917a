// Package counter_test runs the counter in its five languages.
package counter_test

import (
	"fmt"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/examples/internal/exampletest"
)

// TestReadme plays what the README shows, in every language.
func TestReadme(t *testing.T) {
	for _, dir := range []string{"c", "go", "rust", "js", "starlark"} {
		t.Run(dir, func(t *testing.T) {
			m := exampletest.Load(t, dir)
			var c exampletest.Chain
			var lines []string
			for _, p := range [][3]string{{"/plant1/press4", "temperature", "21"}, {"/plant1/press4", "pressure", "3"}, {"/plant1/oven", "temperature", "180"}} {
				if r := c.Put(t, m, abi.Address(p[0]), p[1], p[2]); r.Fault != nil || len(r.Writes) != 1 {
					t.Fatalf("put %v = %v, %d writes", p, r.Fault, len(r.Writes))
				}
				lines = append(lines, fmt.Sprintf("put %s %s %q", p[0], p[1], p[2]))
			}
			for _, q := range []string{"/plant1/press4", "/plant1/oven", "/nowhere"} {
				r := c.Query(t, m, q, nil)
				if r.Fault != nil {
					t.Fatalf("query %s = %v", q, r.Fault)
				}
				lines = append(lines, fmt.Sprintf("query %s = %s", q, r.Reply))
			}
			exampletest.CheckReadme(t, lines)
		})
	}
}

// The count goes on past one digit, and every language counts alike.
func TestCounts(t *testing.T) {
	for _, dir := range []string{"c", "go", "rust", "js", "starlark"} {
		m := exampletest.Load(t, dir)
		var c exampletest.Chain
		for range 120 {
			if r := c.Put(t, m, "/a", "k", "x"); r.Fault != nil {
				t.Fatalf("%s: put = %v", dir, r.Fault)
			}
		}
		if r := c.Query(t, m, "/a", nil); r.Fault != nil || string(r.Reply) != "120" {
			t.Errorf("%s: query = %q, %v, want 120", dir, r.Reply, r.Fault)
		}
	}
}
