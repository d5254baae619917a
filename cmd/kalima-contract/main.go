// Command kalima-contract is the tool of those who write, review and deploy contracts: it
// makes a project, builds it into a bundle, tries it in the real engine, and takes it
// through the registry of a chain.
//
// Each verb is in the file of its name. Data goes to stdout, talk to stderr; the exit
// codes are in errors.go and in `kalima-contract help exit-codes`.
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
	a.dial = a.dialChain
	return a.run(args)
}
