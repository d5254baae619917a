package meter

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// clang compiles C to WebAssembly. It belongs to what `kalima-contract doctor --fix` installs.
func clang(t testing.TB, source string, flags ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "contract.c"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("clang", append([]string{"--target=wasm32", "-nostdlib", "-O2", "-Wl,--no-entry", "-o", "out.wasm", "contract.c"}, flags...)...)
	cmd.Dir = dir
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, msg)
	}
	code, err := os.ReadFile(filepath.Join(dir, "out.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

const tracedSource = `__attribute__((import_module("kalima"), import_name("x"))) int x(int);
int unused(int a) { return a * 3; }
__attribute__((noinline)) static int ratio(int a, int b) {
	return a /
		b;
}
__attribute__((export_name("validate"))) int validate(void) {
	int sum = 0;
	for (int i = 0; i < x(3); i++)
		sum += ratio(x(1), i);
	return sum;
}
`

func traced(t testing.TB, code []byte) *Trace {
	t.Helper()
	m, err := Rewrite(code, Config{Trace: true})
	if err != nil {
		t.Fatalf("Rewrite = %v", err)
	}
	return m.Trace
}

// TestTraceClang: the places are those of the source, for each version of DWARF.
func TestTraceClang(t *testing.T) {
	for _, flag := range []string{"-gdwarf-2", "-gdwarf-3", "-gdwarf-4", "-gdwarf-5", "-g0"} {
		t.Run(flag, func(t *testing.T) {
			code := clang(t, tracedSource, flag)
			tr := traced(t, code)
			sites := map[Place]bool{}
			for i, p := range tr.Points {
				if p.Kind == Site {
					at := tr.Place(i)
					at.File = filepath.Base(at.File)
					sites[at] = true
					if op := code[p.Offset]; op != opCall && op != 0x6d {
						t.Errorf("point %d is at offset %d, instruction 0x%02x, want a call or a division", i, p.Offset, op)
					}
				}
			}
			want := []Place{{"ratio", "contract.c", 4}, {"validate", "contract.c", 9}, {"validate", "contract.c", 10}}
			if flag == "-g0" {
				want = []Place{{"ratio", ".", 0}, {"validate", ".", 0}}
			}
			for _, p := range want {
				if !sites[p] {
					t.Errorf("no site at %+v, there are %v", p, sites)
				}
			}
			if len(sites) != len(want) || tr.HasLines() == (flag == "-g0") {
				t.Errorf("sites = %v, HasLines = %v, want %v", sites, tr.HasLines(), want)
			}
		})
	}
}

// TestTraceGo: the Go linker writes no DWARF for WebAssembly, and names unless -s is given.
func TestTraceGo(t *testing.T) {
	dir := t.TempDir()
	main := "package main\n\n//go:wasmexport validate\nfunc validate() int32 { return one() }\n\n//go:noinline\nfunc one() int32 { return 1 }\n\nfunc main() {}\n"
	for name, text := range map[string]string{"main.go": main, "go.mod": "module contract\n\ngo 1.24\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		flags string
		named bool
	}{{"", true}, {"-w", true}, {"-s -w", false}} {
		t.Run(tt.flags, func(t *testing.T) {
			cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags="+tt.flags, "-o", "out.wasm", ".")
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
			if msg, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %v\n%s", cmd, err, msg)
			}
			code, err := os.ReadFile(filepath.Join(dir, "out.wasm"))
			if err != nil {
				t.Fatal(err)
			}
			tr := traced(t, code)
			names := map[string]bool{}
			for i, p := range tr.Points {
				if p.Kind == Enter {
					names[tr.Place(i).Function] = true
				}
			}
			if names["main.one"] != tt.named || !names["validate"] || tr.HasLines() {
				t.Errorf("main.one is named: %v, want %v; the export: %v; lines: %v", names["main.one"], tt.named, names["validate"], tr.HasLines())
			}
		})
	}
}

// TestTracePoints: every segment of every function is told once, with its price and the
// place of its first instruction, and the normal build knows nothing of it.
func TestTracePoints(t *testing.T) {
	for name, code := range seeds() {
		t.Run(name, func(t *testing.T) {
			normal, err := Rewrite(code, Config{})
			if err != nil {
				t.Fatal(err)
			}
			m, err := Rewrite(code, Config{Trace: true})
			if err != nil {
				t.Fatal(err)
			}
			if normal.Trace != nil || strings.Contains(string(normal.Code), ImportBulk) {
				t.Error("the normal build has a trace")
			}
			n := map[Kind]int{}
			for _, p := range m.Trace.Points {
				n[p.Kind]++
				if p.Kind != Segment && p.Price != 0 {
					t.Errorf("%v has price %d", p.Kind, p.Price)
				}
			}
			if n[Segment] != normal.Info.Segments || n[Enter] != normal.Info.Functions || n[Leave] != normal.Info.Functions {
				t.Errorf("points = %v, want %d segments and %d functions", n, normal.Info.Segments, normal.Info.Functions)
			}
			if p := m.Trace.Place(len(m.Trace.Points)); p != (Place{}) {
				t.Errorf("Place beyond the end = %v, want nothing", p)
			}
		})
	}
}

// FuzzLines takes any bytes for the sections of a line table. Whatever they say, reading them
// ends, and keeps no more than its bounds allow.
func FuzzLines(f *testing.F) {
	for _, flag := range []string{"-gdwarf-2", "-gdwarf-4", "-gdwarf-5"} {
		l := lineSectionsOf(f, clang(f, tracedSource, flag))
		f.Add(l.line, l.lineStr, l.str)
	}
	// A header that claims 2^32 directories, and one whose entries take no bytes.
	f.Add([]byte("\x20\x00\x00\x00\x05\x00\x04\x00\x16\x00\x00\x00\x01\x01\x01\xfb\x0e\x0d\x00\x01\x01\x01\x01\x00\x00\x00\x01\x00\x00\x01\x01\x1f\xff\xff\xff\xff\x0f"), []byte("a\x00"), []byte{})
	f.Add([]byte("\x18\x00\x00\x00\x05\x00\x04\x00\x10\x00\x00\x00\x01\x01\x01\xfb\x0e\x01\x00\xff\xff\xff\xff\x0f\x00\xff\xff\xff\xff\x0f\x00\x00"), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, line, lineStr, str []byte) {
		l := lineSections{line: line, lineStr: lineStr, str: str}
		table := l.table(1, 1000)
		if len(table.rows) > len(line) || len(table.files) > len(line)+1 || len(table.files) > maxFiles+1 {
			t.Errorf("%d bytes make %d rows and %d files", len(line), len(table.rows), len(table.files))
		}
		for at := range uint32(1000) {
			if file, n := table.find(at); n < 0 || len(file) > 2*maxFileName+1 {
				t.Errorf("find(%d) = %d bytes of a name, line %d", at, len(file), n)
			}
		}
	})
}

func lineSectionsOf(t testing.TB, code []byte) (l lineSections) {
	t.Helper()
	r := &reader{b: code, pos: 8}
	for !r.done() {
		id := r.byte()
		s := &reader{b: r.take(int(r.u32()))}
		if id == secCustom {
			l.add(s.name(), s.b[s.pos:])
		}
	}
	if len(l.line) == 0 {
		t.Fatal("the module has no line table")
	}
	return l
}
