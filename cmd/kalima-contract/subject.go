package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/devsecops/local"
	"github.com/kalima-chain/kalima/devsecops/scenario"
	"github.com/kalima-chain/kalima/devsecops/toolchain"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

// subject is a contract that a verb tries, loaded into its engine.
type subject struct {
	path   string // the project or bundle
	bundle *registry.Bundle
	loaded *loaded
	others []*loaded // what scenarios opened beside it
}

// open builds a project or opens a bundle, and loads it with the names and lines of its
// source. The caller closes the subject.
func (a *app) open(ctx context.Context, path string) (*subject, error) {
	b, err := a.bundleToTest(ctx, path)
	if err != nil {
		return nil, err
	}
	l, err := a.load(ctx, b)
	if err != nil {
		return nil, err
	}
	return &subject{path: path, bundle: b, loaded: l}, nil
}

func (s *subject) close() {
	for _, l := range s.others {
		l.close()
	}
	s.loaded.close()
}

func (s *subject) contract(l host.Limits) local.Contract {
	return contractOf(s.bundle, s.loaded, l)
}

func contractOf(b *registry.Bundle, l *loaded, limits host.Limits) local.Contract {
	m := b.Manifest
	return local.Contract{
		Module: l.module, Instance: m.Name, Version: m.Version, Limits: limits, File: scriptOf(m),
		Grant: host.Grant{Write: m.Write, Submit: m.Submit, HTTP: m.HTTP, Clock: m.Clock},
	}
}

// setup is how a scenario of the subject is run. What use names is relative to the script.
func (a *app) setup(s *subject, script string) scenario.Setup {
	return scenario.Setup{
		Contract: s.contract(host.Limits{}),
		Open: func(ctx context.Context, path string) (local.Contract, error) {
			b, err := a.bundleToTest(ctx, filepath.Join(filepath.Dir(script), filepath.FromSlash(path)))
			if err != nil {
				return local.Contract{}, err
			}
			l, err := a.load(ctx, b)
			if err != nil {
				return local.Contract{}, err
			}
			s.others = append(s.others, l)
			return contractOf(b, l, host.Limits{}), nil
		},
	}
}

// bundleToTest compiles a project or opens a bundle, with the names and lines of its
// source; the caller loads it.
func (a *app) bundleToTest(ctx context.Context, path string) (*registry.Bundle, error) {
	if info, err := statSubject(path); err != nil {
		return nil, err
	} else if info.IsDir() {
		return a.compile(ctx, path, toolchain.BuildDebug)
	}
	encoded, err := readBundle(path)
	if err != nil {
		return nil, err
	}
	b, err := registry.Open(encoded, registry.DigestOf(encoded))
	if err != nil {
		return nil, err
	}
	b.Artefact = a.symbols(ctx, b)
	return b, nil
}

// symbols returns a bundle's artefact with the names and lines of its source, or as it is
// when it can not be built here. Its code is the same.
func (a *app) symbols(ctx context.Context, b *registry.Bundle) []byte {
	code, err := toolchain.Symbols(ctx, b, io.Discard)
	if err != nil {
		a.say("note: functions and lines are not known: %v", err)
		return b.Artefact
	}
	return code
}

// script is a scenario's file.
type script struct {
	file   string
	text   []byte
	parsed *scenario.Script
}

// scripts reads scenarios: those that are named, or all of a project. A mistake in one
// shows before a build takes its time.
func (a *app) scripts(path string, files []string) ([]script, error) {
	if len(files) == 0 {
		var err error
		if files, err = scenariosOf(path); err != nil {
			return nil, err
		}
	}
	all := make([]script, len(files))
	for i, f := range files {
		text, err := readScript(f)
		if err != nil {
			return nil, err
		}
		parsed, err := scenario.Parse(text)
		var syntax *scenario.SyntaxError
		if errors.As(err, &syntax) {
			return nil, &exitError{code: exitUsage, err: fmt.Errorf("%s:%d: %s", f, syntax.Line, syntax.Reason), hint: self() + " help scenario"}
		} else if err != nil {
			return nil, err
		}
		all[i] = script{f, text, parsed}
	}
	return all, nil
}

func scenariosOf(path string) ([]string, error) {
	info, err := statSubject(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &exitError{code: exitUsage, err: errors.New("a bundle brings no scenarios"), hint: "name them with --scenario FILE"}
	}
	entries, err := os.ReadDir(filepath.Join(path, "tests"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext == ".scenario" || ext == ".txtar" {
			files = append(files, filepath.Join(path, "tests", e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, &exitError{code: exitNotFound, err: fmt.Errorf("no scenario in %s", filepath.Join(path, "tests")), hint: "how to write one: " + self() + " help scenario"}
	}
	return files, nil
}

func readScript(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, scenario.MaxScript+1))
}

// content is what a flag means: the word itself, the content of @FILE, or with - of stdin.
func (a *app) content(word string) ([]byte, error) {
	var in io.Reader
	switch {
	case word == "-":
		in = a.stdin
	case strings.HasPrefix(word, "@"):
		f, err := os.Open(word[1:])
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	default:
		return []byte(word), nil
	}
	b, err := io.ReadAll(io.LimitReader(in, abi.MaxValue+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", word, err)
	}
	return b, abi.CheckValue(b)
}

// readState reads the state that --state names; an empty one when it names none, or when
// the file is not there and will be saved.
func readState(path string, save bool, own abi.Address) (*local.State, error) {
	if path == "" {
		return local.NewState(), nil
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) && save {
		return local.NewState(), nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, local.MaxState+1))
	if err != nil {
		return nil, err
	}
	s, err := local.ParseState(text, own)
	if err != nil {
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("%s: %w", path, err), hint: "how it is written: " + self() + " run --help"}
	}
	return s, nil
}

func saveState(path string, s *local.State) error {
	b, err := s.Bytes(strings.EqualFold(filepath.Ext(path), ".json"))
	if err != nil {
		return err
	}
	return writeFile(path, b)
}
