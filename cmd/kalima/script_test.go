package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
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
//	damage GLOB            flip a bit in the middle of each file
//	occupied ADDRESS COMMAND [ARG...]
//	                       run a command while another program has the UDP address
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
			switch cond {
			case "data":
				_, err := os.Stat(filepath.Join(checkout, "..", "shared", "data"))
				return err == nil, nil
			case "mount": // a small disk can be made
				return exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "x", t.TempDir()).Run() == nil, nil
			}
			return false, fmt.Errorf("condition %q is not known", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await, "find": find, "damage": damage, "occupied": occupied},
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

func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: damage GLOB")
	}
	files, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("no file matches %s", args[0])
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		ts.Check(err)
		used := len(bytes.TrimRight(b, "\x00")) // logs are made larger than what they hold
		b[used/2] ^= 0x10
		ts.Check(os.WriteFile(name, b, 0o600))
	}
}

func occupied(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: occupied ADDRESS COMMAND [ARG...]")
	}
	deadline := time.Now().Add(patience)
	s, err := net.ListenPacket("udp", args[0])
	for ; err != nil; s, err = net.ListenPacket("udp", args[0]) { // a passing client of another test has it
		if time.Now().After(deadline) {
			ts.Check(err)
		}
		time.Sleep(20 * time.Millisecond) // between two tries; another process gives no sign when it lets go
	}
	defer s.Close()
	ts.Check(ts.Exec(args[1], args[2:]...))
}
