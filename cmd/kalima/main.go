// Command kalima runs the nodes of a chain and is the operator's tool: `kalima dev`
// starts a whole chain on this machine, the other verbs put, read, watch and check.
//
// Each verb is in the file of its name. Data goes to stdout, talk to stderr; the exit
// codes are in errors.go and in `kalima help exit-codes`.
package main

import (
	"io"
	"os"
)

func main() {
	workerMain() // a contract worker is this same program, started again by the runtimes
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run executes one command line and returns its exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	return a.run(args)
}
