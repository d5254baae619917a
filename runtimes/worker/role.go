package worker

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/kalima-chain/kalima/host"
)

// envWorker is the one variable in a child's environment: the role's name, the bytes of
// memory it may have and the directory it may use, with colons between them.
const envWorker = "KALIMA_WORKER"

// Role is work that the program does in a restricted child of its own binary, beside
// running engines: give it to RunIfWorker, then start children with Start.
type Role struct {
	Name string // lower-case letters and digits; no engine's name

	// Run is the child's main. It runs after the restrictions are in force, and the child
	// ends when it returns, with the error as its last words.
	Run func(Task) error

	Files bool // the child may use files below Task.Dir; otherwise no file at all
	Code  bool // the child may make memory executable, as a compiler's self-check does

	maker func() host.Runtime // of an engine

	schedule func() string // of an engine
}

// Task is what a child in a role has.
type Task struct {
	In     io.Reader // what the parent writes with Child.Write; io.EOF when it is done
	Out    io.Writer // what the parent reads with Child.Read
	Memory uint64    // bytes of data the child may have in all
	Dir    string    // ChildConfig.Dir
}

// roles are what RunIfWorker was given; nil when it was not called. Written once, before
// anything else runs.
var roles map[string]Role

// RunIfWorker turns the process into a worker when it was started as one, and then does
// not return. It must come first in main and in TestMain, once. makers has a runtime for
// each engine that the program runs in workers, others what else it does in children.
// Two of one name are a mistake in the program: RunIfWorker panics.
func RunIfWorker(makers map[string]func() host.Runtime, others ...Role) {
	roles = map[string]Role{}
	for name, maker := range makers {
		roles[name] = Role{Name: name, maker: maker, Run: func(t Task) error { return serve(maker(), t.In, t.Out) },
			schedule: func() string { return maker().Schedule() }}
	}
	for _, r := range others {
		if _, twice := roles[r.Name]; twice || r.Run == nil || strings.Trim(r.Name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || r.Name == "" {
			panic(fmt.Sprintf("worker: role %q: want a name of its own, in lower-case letters, and Run", r.Name))
		}
		roles[r.Name] = r
	}
	value, ok := os.LookupEnv(envWorker)
	if !ok {
		return
	}
	os.Clearenv()
	if err := runRole(value); err != nil {
		exit(err)
	}
	os.Exit(0)
}

// runRole is a child's life.
func runRole(value string) error {
	parts := strings.SplitN(value, ":", 3)
	if len(parts) != 3 {
		return fmt.Errorf("cannot read %q", value)
	}
	memory, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil {
		return fmt.Errorf("cannot read the memory in %q", value)
	}
	role, err := findRole(parts[0])
	if err != nil {
		return err
	}
	t := Task{In: os.Stdin, Out: os.Stdout, Memory: memory, Dir: parts[2]}
	pieces, err := restrict(role, t)
	if err != nil {
		return fmt.Errorf("restrict it: %w", err)
	}
	if err := newFrame(kindHello).num(protocol).pieces(pieces).send(t.Out); err != nil {
		return err
	}
	return role.Run(t)
}

// HasRole reports whether RunIfWorker was given the role, so that Start can start it. What
// can also be done in this process asks first.
func HasRole(name string) bool {
	_, err := findRole(name)
	return err == nil
}

func findRole(name string) (Role, error) {
	if roles == nil {
		return Role{}, fmt.Errorf("main must call worker.RunIfWorker first")
	}
	r, ok := roles[name]
	if !ok {
		return Role{}, fmt.Errorf("this program has no role %q, only %s", name, strings.Join(slices.Sorted(maps.Keys(roles)), ", "))
	}
	return r, nil
}
