package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/kalima-chain/kalima/registry"
)

// BuildLimit is how long one compiler may run.
const BuildLimit = 5 * time.Minute

// CompileError is what a compiler said about the contract.
type CompileError struct {
	Tool   string
	Output string // at most maxOutput bytes, paths relative to the project
}

func (e *CompileError) Error() string { return e.Tool + " refused the contract:\n" + e.Output }

// MissingError says that a language has no usable toolchain here.
type MissingError struct{ Toolchain *Toolchain }

func (e *MissingError) Error() string {
	return fmt.Sprintf("no toolchain for %s: %s", e.Toolchain.Language, e.Toolchain.Problem())
}

const maxOutput = 64 << 10

// Build compiles a project and packs the bundle. Sdk are the files of the SDK by their path
// in a project; they are used when the project has no SDK of its own. The same files and
// tools give the same bytes. The error is a *CompileError when the contract is at fault
// and a *MissingError when the machine lacks a compiler. Warnings go to log.
func Build(ctx context.Context, p *Project, sdk map[string][]byte, log io.Writer) (*registry.Bundle, error) {
	return build(ctx, p, sdk, log, false)
}

// BuildDebug is Build with the names of functions and the lines of the source left in the
// artefact. Its code, and what it costs, is the same; it is not for publishing.
func BuildDebug(ctx context.Context, p *Project, sdk map[string][]byte, log io.Writer) (*registry.Bundle, error) {
	return build(ctx, p, sdk, log, true)
}

func build(ctx context.Context, p *Project, sdk map[string][]byte, log io.Writer, debug bool) (*registry.Bundle, error) {
	full := p.complete(sdk)
	source, err := registry.Archive(full.Files)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", p.Manifest.Name, err)
	}
	tools := Find(ctx, p.Manifest.Language)
	if !tools.OK() {
		return nil, &MissingError{tools}
	}
	artefact, err := compile(ctx, full, tools, log, debug)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", p.Manifest.Name, err)
	}
	return &registry.Bundle{
		Header:   registry.Header{Manifest: p.Manifest, Toolchain: tools.String()},
		Artefact: artefact, Source: source,
	}, nil
}

func compile(ctx context.Context, p *Project, tools *Toolchain, log io.Writer, debug bool) ([]byte, error) {
	switch p.Manifest.Language {
	case registry.JS:
		return script(p, ".js")
	case registry.Starlark:
		return script(p, ".star")
	}
	dir, err := os.MkdirTemp("", "kalima-build-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	// The compilers see paths as the kernel says them, so the map of prefixes must too.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	b := &builder{project: p, tools: tools, src: filepath.Join(dir, "src"), out: filepath.Join(dir, "out"), log: log, debug: debug}
	if err := b.stage(); err != nil {
		return nil, err
	}
	switch p.Manifest.Language {
	case registry.C:
		err = b.c(ctx)
	case registry.Go:
		err = b.golang(ctx)
	case registry.Rust:
		err = b.rust(ctx)
	}
	if err != nil {
		return nil, err
	}
	return b.artefact()
}

// script returns the source itself: it is what runs and what is reviewed.
func script(p *Project, ext string) ([]byte, error) {
	name, err := p.single(ext)
	if err != nil {
		return nil, err
	}
	text := p.read(name)
	if text == "" {
		return nil, fmt.Errorf("%s %w", name, errEmpty)
	}
	return []byte(text), nil
}

// builder is one build in a folder of its own.
type builder struct {
	project  *Project
	tools    *Toolchain
	src, out string
	log      io.Writer
	debug    bool // leave names and lines
}

const artefactFile = "contract.wasm"

func (b *builder) stage() error {
	for _, dir := range []string{b.src, b.out} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	root, err := os.OpenRoot(b.src)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range b.project.Files {
		if dir := filepath.Dir(f.Path); dir != "." {
			if err := root.MkdirAll(dir, 0o700); err != nil {
				return err
			}
		}
		if err := root.WriteFile(f.Path, f.Data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) artefact() ([]byte, error) {
	name := filepath.Join(b.out, artefactFile)
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > registry.MaxArtefact {
		return nil, fmt.Errorf("artefact of %d bytes, at most %d", info.Size(), registry.MaxArtefact)
	}
	return os.ReadFile(name)
}

// run runs a compiler in the staged folder, with nothing of the caller's environment but
// what it needs to find its own files.
func (b *builder) run(ctx context.Context, path string, env []string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, BuildLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = b.src
	cmd.WaitDelay = 2 * time.Second
	cmd.Env = append(keepEnv("PATH", "HOME", "TMPDIR", "RUSTUP_HOME", "CARGO_HOME"), "LC_ALL=C", "TZ=UTC")
	cmd.Env = append(cmd.Env, env...)
	said := &head{limit: maxOutput}
	cmd.Stdout, cmd.Stderr = said, said
	err := cmd.Run()
	text := strings.ReplaceAll(strings.TrimSpace(said.String()), b.src+"/", "")
	if err == nil {
		if text != "" {
			fmt.Fprintln(b.log, text)
		}
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("run %s: %w", filepath.Base(path), context.Cause(ctx))
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("run %s: %w", path, err)
	}
	if text == "" {
		text = exit.Error()
	}
	return &CompileError{Tool: filepath.Base(path), Output: text}
}

func keepEnv(names ...string) []string {
	var env []string
	for _, n := range names {
		if v, ok := os.LookupEnv(n); ok {
			env = append(env, n+"="+v)
		}
	}
	return env
}

// head keeps the first limit bytes written to it.
type head struct {
	bytes.Buffer
	limit int
}

func (t *head) Write(p []byte) (int, error) {
	if room := t.limit - t.Len(); room > 0 {
		t.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
