package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	workerMain()
	testscript.Main(m, map[string]func(){"kalima-contract": main})
}

// TestScripts plays testdata/*.txtar. The scripts see nothing of the caller's home; what
// compilers keep between builds is theirs.
func TestScripts(t *testing.T) {
	caches := map[string]string{}
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatalf("go env %s: %v", name, err)
		}
		caches[name] = strings.TrimSpace(string(out))
	}
	home, _ := os.UserHomeDir()
	for name, folder := range map[string]string{"RUSTUP_HOME": ".rustup", "CARGO_HOME": ".cargo"} {
		caches[name] = os.Getenv(name)
		if caches[name] == "" && home != "" {
			caches[name] = home + "/" + folder
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for name, value := range caches {
				env.Setenv(name, value)
			}
			// Scripts that take PATH away still find the program itself.
			env.Setenv("PROGRAM", filepath.Join(filepath.SplitList(env.Getenv("PATH"))[0], "kalima-contract"))
			env.Setenv("GOPROXY", "off")
			env.Setenv("KALIMA_HOME", "")
			env.Setenv("KALIMA_SDK", "")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exit": exitsWith},
	})
}

// exitsWith runs a command and checks its exit code: exit 3 kalima-contract doctor
func exitsWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE COMMAND [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if exit, ok := err.(*exec.ExitError); ok {
		code = exit.Error()[len("exit status "):]
	} else if err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
	if code != args[0] {
		ts.Fatalf("%s exits with %s, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}
