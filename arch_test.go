// Package kalima_test holds the rules about the repository itself, each with its reason.
package kalima_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kalima-chain/kalima"

// pkg is a package as `go list -json` shows it.
type pkg struct {
	ImportPath   string
	Name         string
	Dir          string
	Doc          string
	Imports      []string
	GoFiles      []string
	Standard     bool
	TestImports  []string
	XTestImports []string
}

func (p *pkg) short() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Dir,Doc,Imports,GoFiles,Standard", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		list = append(list, p)
	}
}

// in reports whether a package is one of the folders or below one.
func in(short string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return short == f || strings.HasPrefix(short, f+"/") })
}

func TestImportDirection(t *testing.T) {
	rules := []struct {
		from  []string // packages the rule is for
		allow []string // what they may import of ours; the package's own folder is always allowed
		why   string
	}{
		{[]string{"abi"}, nil, "guests compile it: it depends on nothing"},
		{[]string{"contracts-sdk/go"}, []string{"abi"}, "a contract shares only the ABI with its host"},
		{[]string{"host"}, []string{"abi"}, "the sandbox knows no engine and no chain"},
		{[]string{"registry"}, []string{"abi"}, "consensus runs it: it stays pure"},
		{[]string{"runtimes"}, []string{"host", "abi"}, "an engine knows its host and nothing else"},
		{[]string{"chain"}, []string{"abi"}, "the chain decides, the node acts: it knows neither host nor node"},
		{[]string{"node"}, []string{"chain", "host", "registry", "abi"}, "the node is given its runtimes by the program"},
		{[]string{"devsecops"}, []string{"registry", "host", "abi", "contracts-sdk"}, "reviewing needs no running chain"},
	}
	for _, p := range packages(t) {
		for _, r := range rules {
			if !in(p.short(), r.from...) {
				continue
			}
			for _, imp := range p.Imports {
				to, ours := strings.CutPrefix(imp, module+"/")
				if ours && !in(to, r.from...) && !in(to, r.allow...) {
					t.Errorf("%s imports %s: %s", p.short(), to, r.why)
				}
			}
		}
		if in(p.short(), "node/transport", "node/gateway") && slices.Contains(p.Imports, module+"/node") {
			t.Errorf("%s imports node: the wiring stands above what it wires", p.short())
		}
		if p.short() == "chain" {
			for _, imp := range p.Imports {
				if strings.HasPrefix(imp, module+"/chain/") {
					t.Errorf("chain imports %s: the rules stand below their users", imp)
				}
			}
		}
	}
}

// TestOneDoor lets one package import each large dependency, so that replacing it is one
// package's work, and its types stay out of everybody's interface.
func TestOneDoor(t *testing.T) {
	doors := map[string][]string{
		"github.com/dgraph-io/badger":       {"chain/ledger"},
		"github.com/hashicorp/raft":         {"chain/consensus"},
		"github.com/hashicorp/raft-wal":     {"chain/consensus"},
		"github.com/hashicorp/go-hclog":     {"chain/consensus"},
		"github.com/quic-go/quic-go":        {"node/transport"},
		"github.com/tetratelabs/wazero":     {"runtimes/wasm"},
		"github.com/dop251/goja":            {"runtimes/js"},
		"go.starlark.net":                   {"runtimes/starlark"},
		"github.com/tidwall/btree":          {"chain"},
		"github.com/BurntSushi/toml":        {"registry"},
		"go.yaml.in/yaml":                   {"devsecops/local"},
		"github.com/google/pprof":           {"devsecops/profile"},
		"github.com/spf13/cobra":            {"cmd"},
		"github.com/shirou/gopsutil":        {"cmd"},
		"github.com/veraison/go-cose":       {}, // tests only: ours must be the same bytes
		"github.com/anishathalye/porcupine": {},
		"pgregory.net/rapid":                {},
		"github.com/rogpeppe/go-internal":   {},
	}
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			for dep, allowed := range doors {
				if (imp == dep || strings.HasPrefix(imp, dep+"/")) && !in(p.short(), allowed...) {
					if len(allowed) == 0 && (strings.HasSuffix(p.short(), "test") || strings.Contains(p.short(), "internal/testing")) {
						continue // a package of test helpers
					}
					t.Errorf("%s imports %s; its door is %v", p.short(), imp, allowed)
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment: a newcomer reads that first", p.short())
		}
	}
}

// TestPureCore keeps effects out of the packages that consensus runs.
func TestPureCore(t *testing.T) {
	banned := map[string]string{
		"time":        "replicas read the time from the block",
		"math/rand":   "replicas would differ",
		"crypto/rand": "replicas would differ",
		"os":          "the core touches no file",
		"net":         "the core touches no network",
		"sync":        "the core has no goroutines",
	}
	for _, p := range packages(t) {
		if !slices.Contains([]string{"chain", "chain/policy", "registry"}, p.short()) {
			continue
		}
		for _, f := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, imp := range file.Imports {
				path := strings.Trim(imp.Path.Value, `"`)
				if why, ok := banned[path]; ok {
					t.Errorf("%s/%s imports %s: %s", p.short(), f, path, why)
				}
			}
		}
	}
}

// TestABIBuildsForGuests keeps the shared package compilable into contracts.
func TestABIBuildsForGuests(t *testing.T) {
	cmd := exec.Command("go", "build", "./abi")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go build ./abi for wasip1: %v\n%s", err, out)
	}
}

func TestTopLevelFolders(t *testing.T) {
	want := []string{"abi", "chain", "clients", "cmd", "contracts-sdk", "devsecops", "examples", "host", "node", "registry", "runtimes"}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(want, e.Name()) {
			t.Errorf("folder %s is not in the design: the layout is fixed so that everybody finds their way", e.Name())
		}
	}
}
