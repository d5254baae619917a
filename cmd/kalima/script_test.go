package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	workerMain() // contracts run in processes that are this test binary
	testscript.Main(m, map[string]func(){
		"kalima": func() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// patience bounds every wait of a script.
const patience = 90 * time.Second

// TestScript plays the scripts of testdata/script. Beside testscript's own commands they have
//
//	await FILE PATTERN     wait until a line of a file matches
//	find NAME FILE PATTERN set NAME to what the pattern's group matches in a file
func TestScript(t *testing.T) {
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("KALIMA_HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("CHECKOUT", checkout)
			e.Setenv("DATA", filepath.Join(checkout, "..", "shared", "data"))
			e.Setenv("NO_COLOR", "1")
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond != "data" {
				return false, fmt.Errorf("condition %q is not known", cond)
			}
			_, err := os.Stat(filepath.Join(checkout, "..", "shared", "data"))
			return err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await, "find": find},
	})
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE PATTERN")
	}
	re := pattern(ts, args[1])
	deadline := time.Now().Add(patience)
	for {
		b, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && re.Match(b) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no line of %s matches %s within %v:\n%s", args[0], args[1], patience, b)
		}
		time.Sleep(20 * time.Millisecond) // between two looks at what another process writes
	}
}

func find(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: find NAME FILE PATTERN")
	}
	text := []byte(ts.ReadFile(args[1]))
	m := pattern(ts, args[2]).FindSubmatch(text)
	if len(m) != 2 {
		ts.Fatalf("%s does not match %s", bytes.TrimSpace(text), args[2])
	}
	ts.Setenv(args[0], string(m[1]))
}

func pattern(ts *testscript.TestScript, s string) *regexp.Regexp {
	re, err := regexp.Compile("(?m)" + s)
	ts.Check(err)
	return re
}
