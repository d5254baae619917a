package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/devsecops/toolchain"
	"github.com/kalima-chain/kalima/registry"
)

func (a *app) buildCmd() *cobra.Command {
	var out, artefact string
	cmd := &cobra.Command{
		Use:   "build [PROJECT]",
		Short: "compile a project into a bundle",
		Long: `build compiles the project in a folder (default: this one), loads the result into the
engine as a node does, and writes the bundle: artefact, manifest and source under one
digest. The same source and the same compilers give the same bytes, in any folder.`,
		Example: "  kalima-contract build\n  kalima-contract build meter --out /tmp/meter.bundle",
		Args:    args("[PROJECT]"),
		RunE: func(cmd *cobra.Command, given []string) error {
			dir := "."
			if len(given) > 0 {
				dir = given[0]
			}
			b, encoded, err := a.build(cmd.Context(), dir)
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join(dir, "build", b.Manifest.Name+"-"+b.Manifest.Version+".bundle")
			}
			if err := writeFile(out, encoded); err != nil {
				return err
			}
			if artefact != "" {
				if err := writeFile(artefact, b.Artefact); err != nil {
					return err
				}
			}
			return a.reportBuild(b, encoded, dir, out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write (default: PROJECT/build/NAME-VERSION.bundle)")
	cmd.Flags().StringVar(&artefact, "artefact", "", "also write the artefact alone to this file")
	return cmd
}

// built is what build and publish print about a bundle.
type built struct {
	SchemaVersion int               `json:"schemaVersion"`
	Name          string            `json:"name"`
	Version       string            `json:"version"`
	Language      registry.Language `json:"language"`
	Bundle        abi.Digest        `json:"bundle"`
	Size          int               `json:"size"`
	Artefact      abi.Digest        `json:"artefact"`
	ArtefactSize  int               `json:"artefact_size"`
	Source        abi.Digest        `json:"source"`
	SourceSize    int               `json:"source_size"`
	Toolchain     string            `json:"toolchain"`
	File          string            `json:"file,omitempty"`
}

func describe(b *registry.Bundle, encoded []byte, file string) built {
	m := b.Manifest
	return built{
		schemaVersion, m.Name, m.Version, m.Language, registry.DigestOf(encoded), len(encoded), registry.DigestOf(b.Artefact), len(b.Artefact),
		registry.DigestOf(b.Source), len(b.Source), b.Toolchain, file,
	}
}

func (a *app) reportBuild(b *registry.Bundle, encoded []byte, dir, out string) error {
	d := describe(b, encoded, out)
	if a.output == "json" {
		return a.printJSON(d)
	}
	tools := d.Toolchain
	if tools == "" {
		tools = "none: the source is what runs"
	}
	table(a.stdout, [][]string{
		{"contract", d.Name + " " + d.Version + ", " + string(d.Language)},
		{"bundle", fmt.Sprintf("%s  %d bytes", d.Bundle.Short(), d.Size)},
		{"artefact", fmt.Sprintf("%s  %d bytes", d.Artefact.Short(), d.ArtefactSize)},
		{"source", fmt.Sprintf("%s  %d bytes", d.Source.Short(), d.SourceSize)},
		{"tools", tools},
		{"file", out},
	})
	a.next("test %s", shellWord(dir))
	return nil
}

// build compiles the project in a folder and checks that a node would load it.
func (a *app) build(ctx context.Context, dir string) (*registry.Bundle, []byte, error) {
	b, err := a.compile(ctx, dir, toolchain.Build)
	if err != nil {
		return nil, nil, err
	}
	l, err := a.load(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	l.close()
	encoded, err := b.Encode()
	return b, encoded, err
}

// builder is toolchain.Build or toolchain.BuildDebug.
type builder func(context.Context, *toolchain.Project, map[string][]byte, io.Writer) (*registry.Bundle, error)

func (a *app) compile(ctx context.Context, dir string, build builder) (*registry.Bundle, error) {
	p, err := toolchain.Load(dir)
	if err != nil {
		if _, none := os.Stat(filepath.Join(dir, registry.ManifestFile)); errors.Is(none, os.ErrNotExist) {
			return nil, noProject(err)
		}
		code := exitUsage
		if errors.Is(err, os.ErrNotExist) { // a source that the manifest lists
			code = exitNotFound
		}
		return nil, &exitError{code: code, err: err, hint: manifestHint()}
	}
	sdk, err := a.sdkFiles(p.Manifest.Language)
	if err != nil {
		return nil, err
	}
	b, err := build(ctx, p, sdk, a.talk())
	if errors.Is(err, toolchain.ErrSource) {
		return nil, &exitError{code: exitUsage, err: err, hint: manifestHint()}
	}
	return b, err
}

func manifestHint() string {
	return "what may stand in " + registry.ManifestFile + ": " + self() + " new --help"
}

// noProject is the error of a folder or file that is no project and no bundle.
func noProject(err error) error {
	return &exitError{code: exitNotFound, err: err, hint: "make a project: " + self() + " new NAME --language go"}
}

// statSubject says what stands at the path of a project or bundle.
func statSubject(path string) (os.FileInfo, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, noProject(fmt.Errorf("no project or bundle %s: %w", path, os.ErrNotExist))
	}
	return info, err
}

// bundleOf reads a bundle file, or builds a project: whichever the path names.
func (a *app) bundleOf(ctx context.Context, path string) (*registry.Bundle, []byte, error) {
	info, err := statSubject(path)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		return a.build(ctx, path)
	}
	encoded, err := readBundle(path)
	if err != nil {
		return nil, nil, err
	}
	b, err := registry.Open(encoded, registry.DigestOf(encoded))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	l, err := a.load(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	l.close()
	return b, encoded, nil
}

func readBundle(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(registry.MaxBundle)+1))
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
