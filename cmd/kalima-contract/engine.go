package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
	"github.com/kalima-chain/kalima/runtimes/js"
	"github.com/kalima-chain/kalima/runtimes/starlark"
	"github.com/kalima-chain/kalima/runtimes/wasm"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

// workerMain returns at once, unless this process was started as a contract worker: then
// it serves calls and never returns. It comes before anything else in main.
func workerMain() {
	worker.RunIfWorker(map[string]func() host.Runtime{
		"js":       func() host.Runtime { return js.New() },
		"starlark": func() host.Runtime { return starlark.New() },
	}, wasm.CompileRole())
}

// newRuntime makes the engine of a language as a node runs it: WebAssembly in this process,
// JavaScript and Starlark in workers.
func newRuntime(l registry.Language) (host.Runtime, error) {
	switch engine := l.Runtime(); engine {
	case "wasm":
		return wasm.New(wasm.Config{CacheDir: codeFolder()})
	case "js", "starlark":
		return worker.New(worker.Config{Engine: engine, Processes: 1})
	}
	return nil, fmt.Errorf("no runtime for %s", l)
}

// codeFolder is where compiled contracts of this user are kept, so that trying one again does
// not compile it again; empty when there is no such place. It has no key: whoever can write
// there is this user.
func codeFolder() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	dir = filepath.Join(dir, "kalima", "code")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ""
	}
	return dir
}

// loaded is a contract in its engine.
type loaded struct {
	runtime host.Runtime
	module  host.Module
}

func (l *loaded) close() {
	l.module.Close()
	l.runtime.Close()
}

// load loads a bundle's artefact into the engine, as a node does before it runs it, and
// checks that it has the phases that the manifest declares.
func (a *app) load(ctx context.Context, b *registry.Bundle) (*loaded, error) {
	rt, err := newRuntime(b.Manifest.Language)
	if err != nil {
		return nil, err
	}
	m, err := rt.Load(ctx, b.Artefact)
	if err != nil {
		rt.Close()
		what := b.Manifest.Name
		if f := scriptOf(b.Manifest); f != "" {
			what += ": " + f // engines are not told the name of the file whose lines they count
		}
		return nil, fmt.Errorf("load %s: %w", what, err)
	}
	var has []string
	for _, p := range m.Phases() {
		has = append(has, p.String())
		if !b.Manifest.HasPhase(p) {
			a.say("warning: the contract has the entry %s, which %s does not declare", p, registry.ManifestFile)
		}
	}
	l := &loaded{rt, m}
	for _, p := range b.Manifest.Phases {
		if !slices.Contains(has, p) {
			l.close()
			return nil, &exitError{code: exitFindings, err: fmt.Errorf("%s declares the phase %s, but the contract has only: %s", registry.ManifestFile, p, strings.Join(has, ", "))}
		}
	}
	return l, nil
}
