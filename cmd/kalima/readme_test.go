package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// step is one command of the README's tour and the lines it shows.
type step struct {
	command string
	shows   []string
}

// tourOf reads the console blocks of a README.
func tourOf(t *testing.T, path string) []step {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var steps []step
	inside := false
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		switch {
		case line == "```console":
			inside = true
		case line == "```":
			inside = false
		case inside && strings.HasPrefix(line, "$ "):
			steps = append(steps, step{command: line[2:]})
		case inside:
			last := &steps[len(steps)-1]
			last.shows = append(last.shows, line)
		}
	}
	return steps
}

// What differs from run to run: hashes, times, heights, gas. A line that has none of
// these is compared as it is.
var (
	tourHash   = regexp.MustCompile(`\b[0-9a-f]{8,}\b`)
	tourLive   = regexp.MustCompile(`\b[0-9a-f]{8,}\b|\bblocks?\b|\bgas\b`)
	tourNumber = regexp.MustCompile(`\b\d+([-:.]\d+)*\b`)
)

// shape is a line without what varies and without alignment.
func shape(line string) string {
	if tourLive.MatchString(line) {
		line = tourNumber.ReplaceAllString(tourHash.ReplaceAllString(line, "#"), "#")
	}
	return strings.Join(strings.Fields(line), " ")
}

// TestReadmeTour plays the README's tour, command by command, on a chain that `kalima dev`
// runs, with both programs as a user has them.
func TestReadmeTour(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir, bin := t.TempDir(), t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", bin+"/", "./cmd/kalima", "./cmd/kalima-contract")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	env := append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "KALIMA_HOME=", "NO_COLOR=1")

	dev := exec.CommandContext(ctx, filepath.Join(bin, "kalima"), "dev")
	dev.Dir, dev.Env, dev.Cancel = dir, env, func() error { return dev.Process.Signal(os.Interrupt) }
	out, err := dev.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	defer func() {
		if !ended {
			dev.Process.Kill()
			dev.Wait()
		}
	}()
	lines := bufio.NewScanner(out)
	ready := false
	for !ready && lines.Scan() {
		ready = strings.HasPrefix(lines.Text(), "ready ")
	}
	if !ready {
		t.Fatal("kalima dev never said that it is ready")
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() {
		}
	}()

	steps := tourOf(t, filepath.Join(root, "README.md"))
	if len(steps) < 15 {
		t.Fatalf("the README's tour has %d commands", len(steps))
	}
	for _, s := range steps {
		cmd := exec.CommandContext(ctx, "sh", "-c", s.command)
		cmd.Dir, cmd.Env = dir, env
		got, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("$ %s\n%v\n%s", s.command, err, got)
			continue
		}
		printed := map[string]bool{}
		for _, l := range strings.Split(string(got), "\n") {
			printed[shape(l)] = true
		}
		for _, want := range s.shows {
			found := printed[shape(want)]
			for l := range printed {
				// A line of the README may leave out the end, such as a rate.
				found = found || strings.HasSuffix(want, "; ") && strings.HasPrefix(l, shape(want))
			}
			if !found {
				t.Errorf("$ %s\nthe README shows %q, which this does not print:\n%s", s.command, want, got)
			}
		}
	}
	if err := dev.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-drained
	ended = true
	if err := dev.Wait(); err != nil {
		t.Errorf("kalima dev after Ctrl-C: %v", err)
	}
}
