package meter

import "fmt"

// Names of what the rewriter puts in. Modules that use them are refused.
const (
	ImportModule = "kalima_internal"
	ImportRefill = "refill"
	ImportGrow   = "grow"
	ImportAt     = "at"   // of trace builds, see Trace
	ImportBulk   = "bulk" // likewise

	reserved    = "kalima_internal."
	ExportGas   = reserved + "gas"
	ExportDepth = reserved + "depth"
	ExportStart = reserved + "start"
)

// ExportGlobal is the export name of the n-th mutable global of the module.
func ExportGlobal(n int) string { return fmt.Sprintf(reserved+"global.%d", n) }

// Version names the rewriting and the price table. A change of any output is a new
// version: nodes that disagree about gas fork.
const Version = 5

// Limits bound a module before anything compiles it. With the defaults the worst module that
// is known takes wazero 12 s on two cores (8 MiB of loads that wait for each other), the
// worst function 0.7 s; what the Go toolchain emits fits four times over.
type Limits struct {
	Module    int // bytes of the module
	Functions int // defined functions
	Imports   int
	Exports   int
	Globals   int
	Types     int
	Params    int // parameters of a function, and as many results
	Locals    int // parameters and locals of one function
	Body      int // bytes of one function's code
	Nesting   int // blocks within blocks
	Targets   int // of one br_table
	Product   int // of one function: blocks x what is alive in them, see cost.go; compile time grows with it
	Total     int // the same, of all functions together
	Segments  int // data segments, and as many element segments
	Table     int // elements of one table, also after growing
	Tables    int
	Pages     int // of 64 KiB, of the memory's initial size
}

// DefaultLimits is what a zero Limits means.
var DefaultLimits = Limits{
	Module:    8 << 20, // a Go contract with encoding/json has 3 MiB
	Functions: 50_000,  // a Go contract has 2,000 to 6,000
	Imports:   100,
	Exports:   1_000,
	Globals:   1_000,
	Types:     1_000, // Go has 15
	Params:    100,
	Locals:    1_000,
	Body:      256 << 10, // the largest in a Go contract has 29 KiB
	Nesting:   2_000,     // a Go function has one block for each place it can resume at: 900 in fmt
	Targets:   4_096,
	Product:   500_000,    // wazero takes 0.2 s for that; encoding/json has 93,000, go/types 234,000
	Total:     12_000_000, // a Go contract with encoding/json has 2,400,000
	Segments:  500_000,    // the Go linker cuts data at runs of zeros: 36,000 for a small program
	Table:     65_536,
	Tables:    16,
	Pages:     1_024,
}

// Refusal says why a module is not accepted.
type Refusal struct {
	Reason string
	Hint   string // what to change, such as a flag of the toolchain; may be empty
}

func (r *Refusal) Error() string {
	if r.Hint != "" {
		return r.Reason + " (" + r.Hint + ")"
	}
	return r.Reason
}

func refuse(format string, args ...any) *Refusal {
	return &Refusal{Reason: fmt.Sprintf(format, args...)}
}

// A feature is a WebAssembly proposal that is refused by name.
type feature struct{ name, hint string }

var (
	simd        = feature{"SIMD", "clang: drop -msimd128; rustc: drop -C target-feature=+simd128"}
	threads     = feature{"threads and atomics", "clang: drop -pthread and -matomics; rustc: drop -C target-feature=+atomics"}
	exceptions  = feature{"exception handling", "clang: -fno-exceptions; rustc: -C panic=abort"}
	gc          = feature{"garbage collection and typed references", "compile to linear memory"}
	tailCalls   = feature{"tail calls", "clang: -mno-tail-call; rustc: drop -C target-feature=+tail-call"}
	memory64    = feature{"64-bit memory", "build for wasm32"}
	multiMemory = feature{"more than one memory", "clang: drop -mmultimemory"}
	relaxed     = feature{"relaxed SIMD", "clang: drop -mrelaxed-simd; rustc: drop -C target-feature=+relaxed-simd"}
	wide        = feature{"wide arithmetic", "clang: drop -mwide-arithmetic; rustc: drop -C target-feature=+wide-arithmetic"}
	pageSizes   = feature{"pages of another size than 64 KiB", "clang: drop -Wl,--page-size; clang and rustc: drop the feature custom-page-sizes"}
	extended    = feature{"extended constant expressions", "clang: -mno-extended-const; link without -pie"}
)

func (f feature) refuse() *Refusal {
	return &Refusal{Reason: f.name + " can not be used in a contract", Hint: f.hint}
}
