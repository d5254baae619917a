package meter

import "fmt"

// Config says what a module may import and how large it may be.
type Config struct {
	// Imports lists the modules a contract may import from.
	// Nil means "kalima" and "wasi_snapshot_preview1".
	Imports []string

	// AnyImport also allows tables, memories and globals to be imported, for modules
	// that are no contracts, such as test suites. The host can not restore those.
	AnyImport bool

	// Trace makes a trace build, see Trace. Its Code is another, its gas the same.
	Trace bool

	// Limits bound the module. Zero fields take the value of DefaultLimits.
	Limits Limits
}

// Module is a rewritten module.
type Module struct {
	Code  []byte // what to compile
	Info  Info
	Trace *Trace // nil without Config.Trace
}

// Info is what the rewriter learnt about the module.
type Info struct {
	Funcs     map[string]Func // exported functions, without the reserved ones
	Memory    bool            // it has a memory
	MemoryOut bool            // it exports its memory as "memory"
	MinPages  uint32          // of 64 KiB
	MaxPages  uint32          // 0 means the module sets no maximum
	Imports   []Import        // functions, without the rewriter's own
	Globals   int             // exports named ExportGlobal(0) to ExportGlobal(Globals-1)
	Start     bool            // ExportStart exists
	Functions int
	Segments  int // of gas
	Checked   int // functions that look at gas and depth on entry

	// Sticky says that a call can change what the host can not put back: tables,
	// references in globals, dropped segments, imported state. An instance of such
	// a module serves one call.
	Sticky bool
}

// Func is the type of an exported function: one letter for each value, "i" i32, "I" i64,
// "f" f32, "F" f64, "r" a reference.
type Func struct{ Params, Results string }

// Import is an imported function.
type Import struct {
	Module, Name string
	Type         Func
}

func (c Config) withDefaults() Config {
	if c.Imports == nil {
		c.Imports = []string{"kalima", "wasi_snapshot_preview1"}
	}
	d := DefaultLimits
	for _, f := range []struct {
		v *int
		d int
	}{
		{&c.Limits.Module, d.Module}, {&c.Limits.Functions, d.Functions}, {&c.Limits.Imports, d.Imports},
		{&c.Limits.Exports, d.Exports}, {&c.Limits.Globals, d.Globals}, {&c.Limits.Types, d.Types},
		{&c.Limits.Params, d.Params}, {&c.Limits.Locals, d.Locals}, {&c.Limits.Body, d.Body},
		{&c.Limits.Nesting, d.Nesting}, {&c.Limits.Targets, d.Targets}, {&c.Limits.Product, d.Product},
		{&c.Limits.Segments, d.Segments}, {&c.Limits.Table, d.Table}, {&c.Limits.Tables, d.Tables},
		{&c.Limits.Pages, d.Pages}, {&c.Limits.Total, d.Total},
	} {
		if *f.v == 0 {
			*f.v = f.d
		}
	}
	return c
}

// Rewrite meters a module. The error is a *Refusal. It never panics, whatever the bytes,
// and takes memory and time in proportion to them.
//
// It checks what it needs to be sure that the module can not reach what was put in;
// types are checked by whoever compiles the result.
func Rewrite(code []byte, cfg Config) (*Module, error) {
	m, err := decode(code, cfg.withDefaults())
	if err != nil {
		return nil, err
	}
	segments, total := 0, 0
	for i, f := range m.funcs {
		w := walker{m: m, f: f, index: m.impFuncs + i}
		if err := w.walk(); err != nil {
			return nil, &Refusal{Reason: fmt.Sprintf("function %d: %s", m.impFuncs+i, err.Reason), Hint: err.Hint}
		}
		segments += len(f.segs)
		if total += w.product(); total > m.cfg.Limits.Total {
			return nil, tooIntricate("the blocks of all functions x what is alive in them come to more than %d: the compiler would take too long", m.cfg.Limits.Total)
		}
	}
	checked := m.decideChecks()
	out := m.encode()
	info := m.info()
	info.Segments, info.Checked = segments, checked
	return &Module{Code: out, Info: info, Trace: m.trace}, nil
}

func (m *module) info() Info {
	i := Info{
		Funcs: map[string]Func{}, Memory: m.memory != nil, Start: m.start != nil, Functions: len(m.funcs),
		Sticky: m.keeps || m.refVars || m.impTables+m.impMems+m.impGlobals > 0,
	}
	if m.memory != nil {
		i.MinPages = m.memory.min
		if m.memory.has {
			i.MaxPages = m.memory.max
		}
	}
	for _, e := range m.exports {
		switch {
		case e.kind == kindFunc:
			i.Funcs[e.name] = typeName(m.typeOf(e.idx))
		case e.kind == kindMemory && e.name == "memory":
			i.MemoryOut = true
		}
	}
	for _, im := range m.imports {
		if im.kind == kindFunc {
			i.Imports = append(i.Imports, Import{Module: im.module, Name: im.name, Type: typeName(&m.types[im.typ])})
		}
	}
	for _, g := range m.globals {
		if g.mut == 1 {
			i.Globals++
		}
	}
	return i
}

func typeName(t *funcType) Func {
	letters := func(vs []byte) string {
		s := make([]byte, len(vs))
		for i, v := range vs {
			switch v {
			case i32Type:
				s[i] = 'i'
			case i64Type:
				s[i] = 'I'
			case f32Type:
				s[i] = 'f'
			case f64Type:
				s[i] = 'F'
			default:
				s[i] = 'r'
			}
		}
		return string(s)
	}
	return Func{letters(t.params), letters(t.results)}
}

// quote formats names from the module, each cut to a length that fits a message.
func quote(format string, names ...string) string {
	args := make([]any, len(names))
	for i, n := range names {
		if len(n) > 60 {
			n = n[:60] + "..."
		}
		args[i] = n
	}
	return fmt.Sprintf(format, args...)
}
