package toolchain

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/kalima-chain/kalima/registry"
)

// SDKFolder is where the SDK stands in a project.
const SDKFolder = "kalima"

// Project is the files of a contract, and its manifest among them.
type Project struct {
	Manifest registry.Manifest
	Files    []registry.File // sorted by path
}

// Load reads the project in a folder: kalima.toml and what it lists as source. Hidden files
// are left out; a link that leads outside the folder is refused.
func Load(dir string) (*Project, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("read project: %w", err)
	}
	defer root.Close()
	text, err := readFile(root, registry.ManifestFile, registry.MaxManifest)
	if err != nil {
		return nil, fmt.Errorf("read project %s: %w", dir, err)
	}
	m, err := registry.ParseManifest(text)
	if err != nil {
		return nil, fmt.Errorf("read project %s: %w", dir, err)
	}
	p := &Project{Manifest: m}
	p.set(registry.ManifestFile, text)
	size := 0
	for _, source := range m.Source {
		err := fs.WalkDir(root.FS(), source, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case name != source && strings.HasPrefix(d.Name(), "."):
				if d.IsDir() {
					return fs.SkipDir
				}
				return nil
			case d.IsDir():
				return nil
			case len(p.Files) == registry.MaxFiles:
				return fmt.Errorf("more than %d files", registry.MaxFiles)
			}
			data, err := readFile(root, name, registry.MaxArchive-size)
			if err != nil {
				return err
			}
			size += len(data)
			p.set(name, data)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read project %s: source %s: %w", dir, source, err)
		}
	}
	return p, nil
}

// FromBundle returns the project that a bundle was built from.
func FromBundle(b *registry.Bundle) (*Project, error) {
	files, err := registry.Unarchive(b.Source)
	if err != nil {
		return nil, err
	}
	return &Project{Manifest: b.Manifest, Files: files}, nil
}

func readFile(root *os.Root, name string, limit int) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit {
		return nil, fmt.Errorf("%s makes the source larger than %d bytes", name, registry.MaxArchive)
	}
	return data, nil
}

func (p *Project) set(name string, data []byte) {
	i, found := slices.BinarySearchFunc(p.Files, name, func(f registry.File, n string) int { return strings.Compare(f.Path, n) })
	if found {
		p.Files[i].Data = data
		return
	}
	p.Files = slices.Insert(p.Files, i, registry.File{Path: name, Data: data})
}

func (p *Project) has(name string) bool {
	return slices.ContainsFunc(p.Files, func(f registry.File) bool { return f.Path == name })
}

func (p *Project) read(name string) string {
	for _, f := range p.Files {
		if f.Path == name {
			return string(f.Data)
		}
	}
	return ""
}

// HasSDK reports whether the project brings its own copy of the SDK.
func (p *Project) HasSDK() bool {
	return slices.ContainsFunc(p.Files, func(f registry.File) bool { return strings.HasPrefix(f.Path, SDKFolder+"/") })
}

// complete returns the project with all that a build needs beside it: the SDK, unless
// the project brings it, and for Go a go.mod.
func (p *Project) complete(sdk map[string][]byte) *Project {
	full := &Project{Manifest: p.Manifest, Files: slices.Clone(p.Files)}
	if !p.HasSDK() {
		for name, data := range sdk {
			full.set(name, data)
		}
	}
	if p.Manifest.Language == registry.Go && !p.has("go.mod") {
		full.set("go.mod", []byte(GoMod(p.Manifest.Name)))
	}
	return full
}

// GoMod returns the go.mod of a Go contract that has the SDK in SDKFolder.
func GoMod(name string) string {
	const sdk = "github.com/kalima-chain/kalima"
	return "module " + name + "\n\ngo 1.24\n\nrequire " + sdk + " v0.0.0\n\nreplace " + sdk + " => ./" + SDKFolder + "\n"
}

// own returns the paths of the project's own files with that extension.
func (p *Project) own(ext string) []string {
	var names []string
	for _, f := range p.Files {
		if path.Ext(f.Path) == ext && !strings.HasPrefix(f.Path, SDKFolder+"/") {
			names = append(names, f.Path)
		}
	}
	return names
}

// single returns the one file that is the contract.
func (p *Project) single(ext string) (string, error) {
	switch names := p.own(ext); len(names) {
	case 0:
		return "", fmt.Errorf("%w: it lists no %s file", ErrSource, ext)
	case 1:
		return names[0], nil
	default:
		return "", fmt.Errorf("%w: it lists %s, and a contract in this language is one %s file", ErrSource, strings.Join(names, ", "), ext)
	}
}

// ErrSource means that what the manifest lists as source can not be a contract of its language.
var ErrSource = errors.New("source in kalima.toml")

var errEmpty = errors.New("is empty")
