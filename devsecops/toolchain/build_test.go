package toolchain_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	contractssdk "github.com/kalima-chain/kalima/contracts-sdk"
	"github.com/kalima-chain/kalima/devsecops/toolchain"
	"github.com/kalima-chain/kalima/registry"
)

// minimal is the smallest contract of each language.
var minimal = map[registry.Language]registry.File{
	registry.C:        {Path: "main.c", Data: []byte("#include \"kalima.h\"\n#include <string.h>\nKALIMA_VALIDATE { return (int)strlen(kalima_event()->key) > 9; }\nconst char *where(void) { return __FILE__; }\n")},
	registry.Go:       {Path: "main.go", Data: []byte("package main\n\nimport \"github.com/kalima-chain/kalima/contracts-sdk/go/contract\"\n\n//go:wasmexport validate\nfunc validate() int32 { return contract.Accept }\n\nfunc main() {}\n")},
	registry.Rust:     {Path: "contract.rs", Data: []byte("use kalima_contract as kalima;\n#[no_mangle]\npub extern \"C\" fn validate() -> i32 { if kalima::key().as_str().is_empty() { panic!(\"no key\") } kalima::ACCEPT }\n")},
	registry.JS:       {Path: "contract.js", Data: []byte("var kalima_abi = 1;\nfunction validate() { return 0; }\n")},
	registry.Starlark: {Path: "contract.star", Data: []byte("kalima_abi = 1\n\ndef validate():\n    return 0\n")},
}

// project writes a project into a new folder.
func project(t *testing.T, l registry.Language, files ...registry.File) string {
	t.Helper()
	dir := t.TempDir()
	var names []string
	for _, f := range files {
		names = append(names, `"`+f.Path+`"`)
		path := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	manifest := "name = \"tiny\"\nversion = \"1.0.0\"\nlanguage = \"" + string(l) + "\"\nabi = 1\nphases = [\"validate\"]\nsource = [" + strings.Join(names, ", ") + "]\n"
	if err := os.WriteFile(filepath.Join(dir, registry.ManifestFile), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func build(t *testing.T, p *toolchain.Project) (*registry.Bundle, error) {
	t.Helper()
	files, err := contractssdk.Files(string(p.Manifest.Language))
	if err != nil {
		t.Fatal(err)
	}
	return toolchain.Build(t.Context(), p, files, io.Discard)
}

func load(t *testing.T, dir string) *toolchain.Project {
	t.Helper()
	p, err := toolchain.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The same files in two folders, built in two others, give the same bundle; and so does the
// bundle's own source.
func TestBuildIsReproducible(t *testing.T) {
	for _, l := range registry.Languages() {
		t.Run(string(l), func(t *testing.T) {
			a, err := build(t, load(t, project(t, l, minimal[l])))
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv("TMPDIR", filepath.Join(t.TempDir())) // builds elsewhere, at a path of another length
			b, err := build(t, load(t, project(t, l, minimal[l])))
			if err != nil {
				t.Fatal(err)
			}
			x, err := a.Encode()
			if err != nil {
				t.Fatal(err)
			}
			y, err := b.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a.Artefact, b.Artefact) || !bytes.Equal(x, y) {
				t.Errorf("two builds differ: artefacts %s and %s", registry.DigestOf(a.Artefact), registry.DigestOf(b.Artefact))
			}
			again, err := toolchain.FromBundle(a)
			if err != nil {
				t.Fatal(err)
			}
			c, err := toolchain.Build(t.Context(), again, nil, io.Discard)
			if err != nil {
				t.Fatalf("build from the bundle's source: %v", err)
			}
			if z, _ := c.Encode(); !bytes.Equal(x, z) {
				t.Error("the bundle's own source builds to another bundle")
			}
			t.Logf("%s: artefact %d bytes, bundle %d bytes, %q", l, len(a.Artefact), len(x), a.Toolchain)
		})
	}
}

func TestBuildRefuses(t *testing.T) {
	tests := []struct {
		name  string
		l     registry.Language
		files []registry.File
		want  string
	}{
		{"a C error", registry.C, []registry.File{{Path: "a.c", Data: []byte("int x = ;\n")}}, "a.c:1:9: error"},
		{"the date in C", registry.C, []registry.File{{Path: "a.c", Data: []byte("const char *d = __DATE__;\n")}}, "not reproducible"},
		{"a Go error", registry.Go, []registry.File{{Path: "main.go", Data: []byte("package main\n\nfunc main() { x }\n")}}, "undefined: x"},
		{"a Go module from elsewhere", registry.Go, []registry.File{{Path: "main.go", Data: []byte("package main\n\nimport _ \"golang.org/x/text\"\n\nfunc main() {}\n")}}, "golang.org/x/text"},
		{"a Rust error", registry.Rust, []registry.File{{Path: "a.rs", Data: []byte("fn f( {}\n")}}, "a.rs:1"},
		{"two scripts", registry.JS, []registry.File{{Path: "a.js", Data: []byte("1")}, {Path: "b.js", Data: []byte("2")}}, "one .js file"},
		{"no script", registry.Starlark, []registry.File{{Path: "a.txt", Data: []byte("1")}}, "no .star file"},
		{"an empty script", registry.JS, []registry.File{{Path: "a.js"}}, "a.js is empty"},
		{"no C file", registry.C, []registry.File{{Path: "a.h", Data: []byte("\n")}}, "no .c file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := build(t, load(t, project(t, tt.l, tt.files...)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Build = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestBuildSaysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := build(t, load(t, project(t, registry.C, minimal[registry.C])))
	var missing *toolchain.MissingError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "clang: not on PATH") {
		t.Errorf("Build without PATH = %v, want a MissingError that names clang", err)
	}
	if b, err := build(t, load(t, project(t, registry.JS, minimal[registry.JS]))); err != nil || b.Toolchain != "" {
		t.Errorf("Build of JavaScript without PATH = %v, want no error", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	js := minimal[registry.JS]
	tests := []struct {
		name string
		make func(t *testing.T) string
		want string
	}{
		{"no folder", func(t *testing.T) string { return filepath.Join(t.TempDir(), "none") }, "no such file"},
		{"no manifest", func(t *testing.T) string { return t.TempDir() }, "kalima.toml"},
		{"a source that is not there", func(t *testing.T) string {
			dir := project(t, registry.JS, js)
			os.Remove(filepath.Join(dir, js.Path))
			return dir
		}, "contract.js"},
		{"a link out of the folder", func(t *testing.T) string {
			dir := project(t, registry.JS, js)
			os.Remove(filepath.Join(dir, js.Path))
			if err := os.Symlink("/etc/hostname", filepath.Join(dir, js.Path)); err != nil {
				t.Fatal(err)
			}
			return dir
		}, "escapes"},
		{"too much source", func(t *testing.T) string {
			return project(t, registry.JS, js, registry.File{Path: "data", Data: make([]byte, registry.MaxArchive)})
		}, "larger than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := toolchain.Load(tt.make(t)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Load = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestLoadLeavesOutHiddenFiles(t *testing.T) {
	dir := project(t, registry.JS, registry.File{Path: "src/contract.js", Data: []byte("1")})
	text, _ := os.ReadFile(filepath.Join(dir, registry.ManifestFile))
	text = bytes.Replace(text, []byte("src/contract.js"), []byte("src"), 1)
	for name, data := range map[string][]byte{registry.ManifestFile: text, "src/.swp": {1}, "src/.git/config": {2}, "src/lib/a.txt": {3}} {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, f := range load(t, dir).Files {
		got = append(got, f.Path)
	}
	if want := "kalima.toml src/contract.js src/lib/a.txt"; strings.Join(got, " ") != want {
		t.Errorf("Load reads %q, want %q", got, want)
	}
}
