package host_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

func TestProbe(t *testing.T) {
	s, _ := begin(abi.Validate, host.Limits{})
	var got []string
	s.Probe = &host.Probe{FailAt: 4, HostCall: func(c host.HostCall) {
		line := fmt.Sprintf("%d %s(%s) = %s, %d gas", c.Number, c.Name, strings.Join(c.Args, ", "), c.Result, c.Gas)
		if c.Fault != nil {
			line += ", " + c.Fault.Error()
		}
		got = append(got, line)
	}}
	s.Get("", "a")
	s.Get("/other", "nothing")
	s.Put("", "k", []byte("two words"))
	f := s.Log("hello")
	want := []string{
		"1 get(/_kalima/state/conf, a) = 1, 1002 gas",
		"2 get(/other, nothing) = none, 1013 gas",
		`3 put(/_kalima/state/conf, k, "two words") = , 3010 gas`,
		"4 log() = , 0 gas, bad host call: host call 4, log, made to fail",
	}
	if !slices.Equal(got, want) || code(f) != abi.BadHostCall {
		t.Errorf("the probe was told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Every price is part of the engine's digest: one that is not could change unnoticed.
func TestPrices(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "price.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			for _, n := range spec.(*ast.ValueSpec).Names {
				want = append(want, strings.ToLower(strings.TrimPrefix(n.Name, "Price")))
			}
		}
	}
	slices.Sort(want)
	var got []string
	for _, p := range host.Prices() {
		got = append(got, p.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Prices() has %q, the constants are %q", got, want)
	}
	l := host.Limits{}
	if host.Engine(l, "a", "b") != host.Engine(l, "b", "a", "b") || host.Engine(l, "a", "b") == host.Engine(l, "a", "c") || host.Engine(l, "a") == host.Engine(l) {
		t.Error("Engine must tell schedules apart, whatever their order")
	}
	if host.Engine(l) != host.Engine(host.DefaultLimits) || host.Engine(l) == host.Engine(host.Limits{Gas: 1}) {
		t.Error("Engine must tell limits apart")
	}
}
