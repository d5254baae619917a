package wasm_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/host/meter"
)

// specScript is a script of the WebAssembly specification's test suite as wast2json
// writes it; the wazero module carries the suite.
type specScript struct{ Commands []specCommand }

type specCommand struct {
	Type       string
	Line       int
	Name       string // module, register
	Filename   string // module, assert_*
	As         string // register
	ModuleType string `json:"module_type"`
	Action     struct {
		Type, Field, Module string
		Args                []specValue
	}
}

type specValue struct {
	Type  string
	Value any
}

// specDir finds the suite in the module cache.
func specDir(t *testing.T) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	dir := filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest")
	if err != nil || len(out) == 0 {
		t.Fatalf("go list -m wazero: %v", err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("this copy of the wazero module has no spec suite: %v", err)
	}
	return dir
}

// TestSpec runs the specification's suite five ways: as it is and metered, each on the
// compiler and on the interpreter, and as a trace build. All have to give the same results and traps, what
// is invalid has to stay refused, and metered code has to use the same gas on both.
func TestSpec(t *testing.T) {
	dir := specDir(t)
	for version, features := range map[string]specFeatures{"v1": specV1, "v2": specV2} {
		t.Run(version, func(t *testing.T) {
			scripts, err := filepath.Glob(filepath.Join(dir, version, "testdata", "*.json"))
			if err != nil || len(scripts) < 70 {
				t.Fatalf("%d scripts found (%v), want at least 70", len(scripts), err)
			}
			var total specCount
			for _, path := range scripts {
				name := strings.TrimSuffix(filepath.Base(path), ".json")
				if strings.HasPrefix(name, "simd_") {
					continue // refused by name, see meter's tests
				}
				t.Run(name, func(t *testing.T) {
					r := newSpecRun(t, filepath.Join(dir, "testdata", "spectest.wasm"), features)
					defer r.close()
					r.script(path)
					total.add(r.count)
				})
			}
			t.Logf("%+v", total)
			if total.modules < 500 || total.calls < 10_000 || total.traps < 400 || total.invalid < 500 {
				t.Errorf("ran only %+v", total)
			}
		})
	}
}

type specCount struct{ modules, calls, traps, invalid, refused int }

func (c *specCount) add(d specCount) {
	c.modules += d.modules
	c.calls += d.calls
	c.traps += d.traps
	c.invalid += d.invalid
	c.refused += d.refused
}

// specRun is one script, run in five worlds at once.
type specRun struct {
	t      *testing.T
	worlds []*specWorld
	count  specCount
	dir    string
	regs   map[int]string // command number of a module: the name it is registered under
	mods   []string       // modules that may be imported from
}

func (r *specRun) close() {
	for _, w := range r.worlds {
		w.close()
	}
}

func (r *specRun) script(path string) {
	t := r.t
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var s specScript
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	r.dir = filepath.Dir(path)
	r.plan(s)
	for n, c := range s.Commands {
		switch c.Type {
		case "module":
			r.module(n, c)
		case "action", "assert_return", "assert_trap", "assert_exhaustion":
			r.action(c)
		case "assert_invalid", "assert_malformed", "assert_unlinkable", "assert_uninstantiable":
			if c.ModuleType != "text" && strings.HasSuffix(c.Filename, ".wasm") {
				r.invalid(n, c)
			}
		}
	}
}

// plan finds under which names modules will be registered: they get them from the start.
func (r *specRun) plan(s specScript) {
	r.regs, r.mods = map[int]string{}, []string{"spectest", ""}
	last, named := -1, map[string]int{}
	for n, c := range s.Commands {
		switch c.Type {
		case "module":
			last = n
			if c.Name != "" {
				named[c.Name] = n
			}
		case "register":
			at := last
			if c.Name != "" {
				at = named[c.Name]
			}
			if r.regs[at] == "" {
				r.regs[at] = c.As
			}
			r.mods = append(r.mods, c.As)
		}
	}
}

func (r *specRun) read(c specCommand) []byte {
	code, err := os.ReadFile(filepath.Join(r.dir, c.Filename))
	if err != nil {
		r.t.Fatal(err)
	}
	return code
}

// metered is the module rewritten, with limits that the suite fits.
func (r *specRun) metered(code []byte) (m, trace *meter.Module, err error) {
	cfg := meter.Config{Imports: r.mods, AnyImport: true,
		Limits: meter.Limits{Locals: 60_000, Pages: 1 << 16, Table: 10_000_000, Product: 1 << 40, Total: 1 << 50, Nesting: 1 << 20, Targets: 1 << 20}}
	if m, err = meter.Rewrite(code, cfg); err != nil {
		return nil, nil, err
	}
	cfg.Trace = true
	trace, err = meter.Rewrite(code, cfg)
	return m, trace, err
}

func (r *specRun) module(n int, c specCommand) {
	code := r.read(c)
	m, trace, err := r.metered(code)
	if err != nil {
		var refusal *meter.Refusal
		if !errors.As(err, &refusal) || !strings.Contains(refusal.Reason, "SIMD") {
			r.t.Errorf("line %d: Rewrite(%s) = %v, want it accepted", c.Line, c.Filename, err)
		}
		r.count.refused++
		for _, w := range r.worlds {
			w.last = nil
		}
		return
	}
	r.count.modules++
	var want string
	for i, w := range r.worlds {
		got := w.instantiate(code, m, trace, c.Name, r.regs[n])
		if i == 0 {
			want = got
		} else if got != want {
			r.t.Errorf("line %d: %s: %s %q, in %s %q", c.Line, c.Filename, w.name, got, r.worlds[0].name, want)
		}
	}
}

// invalid takes a module that must not come to life: metering must not mend it.
func (r *specRun) invalid(n int, c specCommand) {
	code := r.read(c)
	r.count.invalid++
	m, trace, err := r.metered(code)
	if err != nil {
		return
	}
	accepted := false // by wazero, as it is
	for i, w := range r.worlds {
		if got := w.instantiate(code, m, trace, "", ""); got == "" && i == 0 {
			accepted = true
		} else if got == "" && !accepted {
			r.t.Errorf("line %d: %s of %s: %s made an instance", c.Line, c.Type, c.Filename, w.name)
		}
		w.last = w.before
	}
}

func (r *specRun) action(c specCommand) {
	var want specOutcome
	var gas uint64
	for i, w := range r.worlds {
		got, ok := w.act(c)
		if !ok {
			if i == 0 {
				return // its module was refused
			}
			r.t.Errorf("line %d: %s has no module for %s", c.Line, w.name, c.Action.Field)
			return
		}
		if i == 0 {
			want = got
			r.count.calls++
			if got.trap != "" {
				r.count.traps++
			}
		} else if !got.same(want) {
			r.t.Errorf("line %d: %s(%v): %s gives %v, %s gives %v", c.Line, c.Action.Field, c.Action.Args, w.name, got, r.worlds[0].name, want)
		}
		if w.metered && want.trap != "stack overflow" { // where the interpreter has its own limit
			if gas != 0 && got.gas != gas {
				r.t.Errorf("line %d: %s: gas %d on %s, %d on the compiler", c.Line, c.Action.Field, got.gas, w.name, gas)
			}
			gas = got.gas
		}
		if w.traced && want.trap != "stack overflow" {
			if told, wrong := w.told(want.trap == ""); told != got.gas || wrong != "" {
				r.t.Errorf("line %d: %s: the trace tells of %d gas, used are %d; %s", c.Line, c.Action.Field, told, got.gas, wrong)
			}
		}
	}
}
