package profile

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/google/pprof/profile"

	"github.com/kalima-chain/kalima/abi"
)

// unknown stands where a runtime can not name a place.
const unknown = "(contract)"

// Gas is a profile that is being collected. The zero Gas is empty. Used by one goroutine.
type Gas struct {
	roots map[string]*node // by label
}

// node is a place as it was reached from another one.
type node struct {
	gas, charges int64 // of the place itself
	children     map[abi.Place]*node
}

func (n *node) child(p abi.Place) *node {
	c := n.children[p]
	if c == nil {
		c = &node{}
		if n.children == nil {
			n.children = map[abi.Place]*node{}
		}
		n.children[p] = c
	}
	return c
}

// Charge returns a function for host.Probe.Charge. What it is told stands under the label,
// such as the name of the phase.
func (g *Gas) Charge(label string) func(stack []abi.Place, gas uint64) {
	if g.roots == nil {
		g.roots = map[string]*node{}
	}
	root := g.roots[label]
	if root == nil {
		root = &node{}
		g.roots[label] = root
	}
	return func(stack []abi.Place, gas uint64) {
		n := root
		for i := len(stack) - 1; i >= 0; i-- {
			n = n.child(stack[i])
		}
		if len(stack) == 0 {
			n = n.child(abi.Place{})
		}
		n.gas += int64(gas)
		n.charges++
	}
}

// walk visits every node that was charged, in a fixed order, with its stack, outermost first.
func (g *Gas) walk(f func(label string, stack []abi.Place, n *node)) {
	var visit func(label string, stack []abi.Place, n *node)
	visit = func(label string, stack []abi.Place, n *node) {
		if n.charges > 0 {
			f(label, stack, n)
		}
		for _, p := range slices.SortedFunc(maps.Keys(n.children), compare) {
			visit(label, append(stack, p), n.children[p])
		}
	}
	for _, label := range slices.Sorted(maps.Keys(g.roots)) {
		visit(label, nil, g.roots[label])
	}
}

func compare(a, b abi.Place) int {
	return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
}

// Total is all the gas that was charged.
func (g *Gas) Total() (total uint64) {
	g.walk(func(_ string, _ []abi.Place, n *node) { total += uint64(n.gas) })
	return total
}

func name(p abi.Place) string {
	if p.Function == "" {
		return unknown
	}
	return p.Function
}

// Write writes the profile as a gzipped profile.proto, which `go tool pprof` reads. Samples
// carry the label "phase".
func (g *Gas) Write(w io.Writer) error {
	p := &profile.Profile{
		SampleType:        []*profile.ValueType{{Type: "charges", Unit: "count"}, {Type: "gas", Unit: "gas"}},
		DefaultSampleType: "gas",
		PeriodType:        &profile.ValueType{Type: "gas", Unit: "gas"},
		Period:            1,
	}
	type function struct{ name, file string }
	functions := map[function]*profile.Function{}
	locations := map[abi.Place]*profile.Location{}
	locate := func(at abi.Place) *profile.Location {
		if l := locations[at]; l != nil {
			return l
		}
		key := function{name(at), at.File}
		f := functions[key]
		if f == nil {
			f = &profile.Function{ID: uint64(len(functions) + 1), Name: key.name, SystemName: key.name, Filename: key.file}
			functions[key] = f
			p.Function = append(p.Function, f)
		}
		l := &profile.Location{ID: uint64(len(locations) + 1), Line: []profile.Line{{Function: f, Line: int64(at.Line)}}}
		locations[at] = l
		p.Location = append(p.Location, l)
		return l
	}
	g.walk(func(label string, stack []abi.Place, n *node) {
		s := &profile.Sample{Value: []int64{n.charges, n.gas}, Label: map[string][]string{"phase": {label}}}
		for i := len(stack) - 1; i >= 0; i-- {
			s.Location = append(s.Location, locate(stack[i]))
		}
		p.Sample = append(p.Sample, s)
	})
	if err := p.CheckValid(); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	return p.Write(w)
}

// Folded writes a line for each stack, as flame graph tools read it: label, functions from
// the outermost on, and gas.
func (g *Gas) Folded(w io.Writer) error {
	gas := map[string]int64{}
	var order []string
	g.walk(func(label string, stack []abi.Place, n *node) {
		frames := []string{label}
		for _, p := range stack {
			frames = append(frames, strings.NewReplacer(";", ":", " ", "_").Replace(name(p)))
		}
		line := strings.Join(frames, ";")
		if _, ok := gas[line]; !ok {
			order = append(order, line)
		}
		gas[line] += n.gas
	})
	for _, line := range order {
		if _, err := fmt.Fprintf(w, "%s %d\n", line, gas[line]); err != nil {
			return err
		}
	}
	return nil
}

// Row is a line of a table.
type Row struct {
	Name string `json:"name"`
	Flat uint64 `json:"flat"` // gas of the place itself
	Cum  uint64 `json:"cum"`  // and of what it called
}

// Functions are the functions, those with the most gas of their own first.
func (g *Gas) Functions() []Row { return g.rows(name) }

// Lines are the lines of the source, likewise; only as far as they are known.
func (g *Gas) Lines() []Row {
	return g.rows(func(p abi.Place) string {
		if p.Line == 0 {
			return ""
		}
		return p.String()
	})
}

func (g *Gas) rows(name func(abi.Place) string) []Row {
	rows := map[string]*Row{}
	g.walk(func(_ string, stack []abi.Place, n *node) {
		seen := map[string]bool{}
		for i, p := range stack {
			key := name(p)
			if key == "" {
				continue
			}
			r := rows[key]
			if r == nil {
				r = &Row{Name: key}
				rows[key] = r
			}
			if i == len(stack)-1 {
				r.Flat += uint64(n.gas)
			}
			if !seen[key] { // a recursion counts once
				r.Cum += uint64(n.gas)
				seen[key] = true
			}
		}
	})
	var all []Row
	for _, r := range rows {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Flat, a.Flat), cmp.Compare(b.Cum, a.Cum), cmp.Compare(a.Name, b.Name))
	})
	return all
}
