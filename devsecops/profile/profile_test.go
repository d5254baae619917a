package profile

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
)

func sample() *Gas {
	g := &Gas{}
	validate := abi.Place{Function: "validate", File: "a.c", Line: 3}
	count := abi.Place{Function: "count", File: "a.c", Line: 9}
	charge := g.Charge("validate")
	charge([]abi.Place{validate}, 10)
	charge([]abi.Place{count, validate}, 5)
	charge([]abi.Place{count, validate}, 5)
	charge([]abi.Place{count, count, validate}, 1)
	charge(nil, 2)
	g.Charge("react")([]abi.Place{{Function: "react"}}, 7)
	return g
}

func TestTables(t *testing.T) {
	g := sample()
	if got := g.Total(); got != 30 {
		t.Errorf("Total = %d, want 30", got)
	}
	want := []Row{{"count", 11, 11}, {"validate", 10, 21}, {"react", 7, 7}, {"(contract)", 2, 2}}
	if got := g.Functions(); !slices.Equal(got, want) {
		t.Errorf("Functions = %v, want %v", got, want)
	}
	want = []Row{{"a.c:9 in count", 11, 11}, {"a.c:3 in validate", 10, 21}}
	if got := g.Lines(); !slices.Equal(got, want) {
		t.Errorf("Lines = %v, want %v", got, want)
	}
	var b strings.Builder
	if err := g.Folded(&b); err != nil {
		t.Fatal(err)
	}
	folded := "react;react 7\nvalidate;(contract) 2\nvalidate;validate 10\nvalidate;validate;count 10\nvalidate;validate;count;count 1\n"
	if b.String() != folded {
		t.Errorf("Folded =\n%swant\n%s", &b, folded)
	}
}

// What is written is what go tool pprof reads, and the same each time.
func TestWrite(t *testing.T) {
	var b, again bytes.Buffer
	if err := sample().Write(&b); err != nil {
		t.Fatal(err)
	}
	if err := sample().Write(&again); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Errorf("Write gives other bytes the second time (%v)", err)
	}
	file := filepath.Join(t.TempDir(), "gas.pprof")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "tool", "pprof", "-top", file).CombinedOutput()
	if err != nil {
		t.Fatalf("go tool pprof: %v\n%s", err, out)
	}
	for _, want := range []string{"Type: gas", "30gas total", "count", "36.67%"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("go tool pprof -top prints\n%s\nwant %q in it", out, want)
		}
	}
	if out, err = exec.Command("go", "tool", "pprof", "-lines", "-top", "-tagfocus=phase=validate", file).CombinedOutput(); err != nil || !strings.Contains(string(out), "count a.c:9") {
		t.Errorf("go tool pprof -lines prints\n%s\nwant the line of count", out)
	}
}

func TestEmpty(t *testing.T) {
	var b bytes.Buffer
	if err := new(Gas).Write(&b); err != nil || b.Len() == 0 {
		t.Errorf("Write of an empty profile = %d bytes, %v", b.Len(), err)
	}
}
