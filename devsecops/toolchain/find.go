package toolchain

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kalima-chain/kalima/registry"
)

// probe bounds how long a compiler may take to say its version.
const probe = 20 * time.Second

// Tool is one thing a build needs, found or not.
type Tool struct {
	Name    string `json:"name"`
	Path    string `json:"path,omitempty"`
	Version string `json:"version,omitempty"`
	Problem string `json:"problem,omitempty"` // why it can not be used; empty when it can
}

// Toolchain is what one language needs.
type Toolchain struct {
	Language registry.Language `json:"language"`
	Tools    []Tool            `json:"tools,omitempty"`    // none for a language that needs no compiler
	Packages []string          `json:"packages,omitempty"` // Debian packages that bring what is missing

	rustStd string // folder of the standard library for WebAssembly
}

// OK reports whether contracts of the language can be built.
func (t *Toolchain) OK() bool { return t.Problem() == "" }

// Problem says what is missing, or "".
func (t *Toolchain) Problem() string {
	var all []string
	for _, tool := range t.Tools {
		if tool.Problem != "" {
			all = append(all, tool.Name+": "+tool.Problem)
		}
	}
	return strings.Join(all, "; ")
}

// String names the tools and their versions, as a bundle records them.
func (t *Toolchain) String() string {
	var all []string
	for _, tool := range t.Tools {
		all = append(all, strings.TrimSpace(tool.Name+" "+tool.Version))
	}
	return strings.Join(all, ", ")
}

func (t *Toolchain) path(name string) string {
	for _, tool := range t.Tools {
		if tool.Name == name {
			return tool.Path
		}
	}
	return ""
}

// Find looks for the tools of a language on PATH. What is missing is said in the result.
func Find(ctx context.Context, language registry.Language) *Toolchain {
	switch language {
	case registry.C:
		return findC(ctx)
	case registry.Go:
		return findGo(ctx)
	case registry.Rust:
		return findRust(ctx)
	}
	return &Toolchain{Language: language}
}

// FindAll looks for the tools of every language.
func FindAll(ctx context.Context) []*Toolchain {
	languages := registry.Languages()
	all := make([]*Toolchain, len(languages))
	var wg sync.WaitGroup
	for i, l := range languages {
		wg.Go(func() { all[i] = Find(ctx, l) })
	}
	wg.Wait()
	return all
}

func findC(ctx context.Context) *Toolchain {
	t := &Toolchain{Language: registry.C}
	clang := Tool{Name: "clang", Problem: "not on PATH"}
	for _, path := range onPath("clang") {
		if targets, err := output(ctx, path, "-print-targets"); err != nil || !strings.Contains(targets, "wasm32") {
			clang.Problem = path + " has no target wasm32"
			continue
		}
		version, _ := output(ctx, path, "-dumpversion")
		clang = Tool{Name: "clang", Path: path, Version: firstLine(version)}
		break
	}
	libc, builtins := Tool{Name: "wasi-libc", Problem: "needs clang first"}, Tool{Name: "compiler-rt", Problem: "needs clang first"}
	if clang.Path != "" {
		libc = askClang(ctx, clang.Path, "wasi-libc", "-print-file-name=libc.a")
		builtins = askClang(ctx, clang.Path, "compiler-rt", "-print-libgcc-file-name")
	}
	t.Tools = []Tool{clang, findLinker(ctx), libc, builtins}
	if !t.OK() {
		t.Packages = []string{"clang", "lld", "wasi-libc", builtinsPackage}
	}
	return t
}

// askClang finds a library where clang would look for it. Clang answers with a bare name
// when it finds none.
func askClang(ctx context.Context, clang, name, question string) Tool {
	path, err := output(ctx, clang, "--target=wasm32-wasi", question)
	path = firstLine(path)
	if _, serr := os.Stat(path); err != nil || !filepath.IsAbs(path) || serr != nil {
		return Tool{Name: name, Problem: "not installed for wasm32-wasi"}
	}
	return Tool{Name: name, Path: path}
}

func findLinker(ctx context.Context) Tool {
	for _, path := range onPath("wasm-ld") {
		if version, err := output(ctx, path, "--version"); err == nil {
			return Tool{Name: "wasm-ld", Path: path, Version: versionIn(version)}
		}
	}
	return Tool{Name: "wasm-ld", Problem: "not on PATH"}
}

func findGo(ctx context.Context) *Toolchain {
	tool := Tool{Name: "go", Problem: "not on PATH: install Go 1.24 or newer from https://go.dev/dl"}
	if path, err := exec.LookPath("go"); err == nil {
		version, err := output(ctx, path, "env", "GOVERSION")
		version = firstLine(version)
		tool = Tool{Name: "go", Path: path, Version: strings.TrimPrefix(version, "go")}
		if err != nil || !atLeast(version, 24) {
			tool.Problem = path + " is " + version + ", contracts need Go 1.24 or newer"
		}
	}
	return &Toolchain{Language: registry.Go, Tools: []Tool{tool}}
}

var goVersion = regexp.MustCompile(`^go1\.(\d+)`)

func atLeast(version string, minor int) bool {
	m := goVersion.FindStringSubmatch(version)
	if m == nil {
		return strings.HasPrefix(version, "devel")
	}
	n, err := strconv.Atoi(m[1])
	return err == nil && n >= minor
}

const rustTarget = "wasm32-unknown-unknown"

// findRust tries every rustc, because the first on PATH is often the one without the target.
func findRust(ctx context.Context) *Toolchain {
	t := &Toolchain{Language: registry.Rust}
	tool := Tool{Name: "rustc", Problem: "not on PATH"}
	for _, path := range append(onPath("rustc"), "/usr/bin/rustc") {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		dir, err := output(ctx, path, "--print", "target-libdir", "--target", rustTarget)
		dir = firstLine(dir)
		std, _ := filepath.Glob(filepath.Join(dir, "libstd-*.rlib"))
		if err != nil || len(std) == 0 {
			tool.Problem = path + " has no target " + rustTarget
			continue
		}
		version, _ := output(ctx, path, "--version")
		tool = Tool{Name: "rustc", Path: path, Version: versionIn(version)}
		t.rustStd = dir
		break
	}
	linker := findLinker(ctx)
	if linker.Path == "" && tool.Path != "" {
		linker = rustLinker(ctx, tool.Path)
	}
	t.Tools = []Tool{tool, linker}
	if !t.OK() {
		t.Packages = []string{"rustc", "libstd-rust-dev-wasm32", "lld"}
	}
	return t
}

// rustLinker finds the linker that comes with rustup's toolchains.
func rustLinker(ctx context.Context, rustc string) Tool {
	root, err := output(ctx, rustc, "--print", "sysroot")
	found, _ := filepath.Glob(filepath.Join(firstLine(root), "lib/rustlib/*/bin/rust-lld"))
	if err != nil || len(found) == 0 {
		return Tool{Name: "wasm-ld", Problem: "not on PATH"}
	}
	version, _ := output(ctx, found[0], "-flavor", "wasm", "--version")
	return Tool{Name: "wasm-ld", Path: found[0], Version: versionIn(version)}
}

// onPath returns every program of that name on PATH, then those with a version behind it
// (clang-14), newest first. Paths that lead to one program are named once.
func onPath(name string) []string {
	var plain, versioned []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(dir) { // a tool of the working folder is a trap, not a tool
			continue
		}
		plain = append(plain, filepath.Join(dir, name))
		more, _ := filepath.Glob(filepath.Join(dir, name+"-[0-9]*"))
		versioned = append(versioned, more...)
	}
	slices.SortFunc(versioned, func(a, b string) int { return suffix(b) - suffix(a) })
	seen := map[string]bool{}
	var found []string
	for _, path := range append(plain, versioned...) {
		real, err := filepath.EvalSymlinks(path)
		if err != nil || seen[real+filepath.Base(path)] || seen[path] {
			continue
		}
		if info, err := os.Stat(real); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			continue
		}
		seen[real+filepath.Base(path)], seen[path] = true, true
		found = append(found, path)
	}
	return found
}

func suffix(path string) int {
	n, _ := strconv.Atoi(path[strings.LastIndexByte(path, '-')+1:])
	return n
}

func output(ctx context.Context, path string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probe)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("run %s %s: %w", path, strings.Join(args, " "), err)
	}
	return string(out), nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return strings.TrimSpace(line)
}

var versionPattern = regexp.MustCompile(`\d+\.\d+(\.\d+)?`)

func versionIn(s string) string { return versionPattern.FindString(s) }
