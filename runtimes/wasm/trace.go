package wasm

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/meter"
)

// traced returns the module's trace build (meter.Trace), which calls with a Probe run on. It
// is made at the first such call and lives as long as the module.
func (m *module) traced(ctx context.Context) (*module, error) {
	m.tracing.Lock()
	defer m.tracing.Unlock()
	if m.twin != nil {
		return m.twin, nil
	}
	metered, err := meter.Rewrite(m.source, meter.Config{Imports: importModules(), Trace: true})
	if err != nil {
		return nil, fmt.Errorf("make the trace build of a contract: %w", err)
	}
	digest := abi.Digest(sha256.Sum256(append([]byte("trace build\n"), m.digest[:]...)))
	c := m.rt.use(digest, nil)
	if c == nil {
		code, err := m.rt.compiler.compile(ctx, digest, joinData(metered.Code))
		if err != nil {
			return nil, fmt.Errorf("compile the trace build of a contract: %w", err)
		}
		c = m.rt.use(digest, &compiled{digest: digest, code: code, info: metered.Info, trace: metered.Trace})
	}
	m.rt.build.Lock()
	defer m.rt.build.Unlock()
	twin := &module{rt: m.rt, compiled: c}
	if err := twin.initialise(ctx); err != nil {
		m.rt.release(c)
		return nil, fmt.Errorf("initialise the trace build of a contract: %w", err)
	}
	m.twin = twin
	return twin, nil
}

// longestStack is how many places of a stack people are told: of a longer one as many of the
// innermost as of the outermost, and between them one that says so.
const longestStack = 128

const leftOut = -1 // the point that stands for those in between

// tracer follows a call on the trace build.
type tracer struct {
	i      *instance
	table  *meter.Trace
	charge func([]abi.Place, uint64)
	stack  []int32 // points, outermost first
	host   string  // the host function under way
	limit  int64   // of depth
	lowest int64   // of the depth global
	told   uint64  // gas that charge was told of

	// Charges that the gas global does not show yet. After a trap it never will: the
	// contract is not charged for all of what it did after the last loop head.
	pending []pending
	points  []int32             // their stacks
	places  map[int32]abi.Place // that were put into words
	words   []abi.Place         // of the stack being told
}

type pending struct {
	gas      uint64
	from, to int // in points
	host     string
}

func newTracer(i *instance, p *host.Probe, table *meter.Trace) *tracer {
	limit := int64(i.depth.Get())
	return &tracer{i: i, table: table, charge: p.Charge, limit: limit, lowest: limit, places: map[int32]abi.Place{}}
}

// traceAt and traceBulk are the imports of trace builds.
func traceAt(ctx context.Context, _ api.Module, stack []uint64) {
	if t := caller(ctx).tracer; t != nil {
		t.at(int32(stack[0]))
	}
}

func traceBulk(ctx context.Context, _ api.Module, stack []uint64) {
	if t := caller(ctx).tracer; t != nil {
		t.add(stack[0])
	}
}

func (t *tracer) at(point int32) {
	t.look()
	p := &t.table.Points[point]
	switch top := len(t.stack) - 1; {
	case p.Kind == meter.Enter:
		t.stack = append(t.stack, point)
	case top < 0: // can not be: a function is entered first
	case p.Kind == meter.Leave:
		t.stack = t.stack[:top]
	default:
		t.stack[top] = point
	}
	if p.Price > 0 {
		t.add(p.Price)
	}
}

func (t *tracer) look() { t.lowest = min(t.lowest, int64(t.i.depth.Get())) }

// add notes a charge at the place where the contract is, and tells of those that show.
func (t *tracer) add(gas uint64) {
	if t.charge == nil || gas == 0 {
		return
	}
	t.push(gas)
	t.tell(t.i.budget.used(t.i.gas))
}

func (t *tracer) push(gas uint64) {
	from := len(t.points)
	t.points = t.appendStack(t.points)
	t.pending = append(t.pending, pending{gas, from, len(t.points), t.host})
}

// appendStack appends the stack as people are told it, outermost first.
func (t *tracer) appendStack(points []int32) []int32 {
	if len(t.stack) <= longestStack {
		return append(points, t.stack...)
	}
	points = append(append(points, t.stack[:longestStack/2]...), leftOut)
	return append(points, t.stack[len(t.stack)-longestStack/2:]...)
}

// tell tells of pending charges up to an amount of gas used in all.
func (t *tracer) tell(used uint64) {
	done := 0
	for _, p := range t.pending {
		if t.told+p.gas > used {
			break
		}
		t.tellOne(p, p.gas)
		done++
	}
	if done == len(t.pending) {
		t.pending, t.points = t.pending[:0], t.points[:0]
	} else {
		t.pending = t.pending[done:]
	}
}

func (t *tracer) tellOne(p pending, gas uint64) {
	t.words = t.words[:0]
	if p.host != "" {
		t.words = append(t.words, abi.Place{Function: p.host})
	}
	for n := p.to - 1; n >= p.from; n-- {
		t.words = append(t.words, t.place(t.points[n]))
	}
	t.told += gas
	t.charge(t.words, gas)
}

func (t *tracer) place(point int32) abi.Place {
	if point == leftOut {
		return abi.Place{Function: "..."}
	}
	p, ok := t.places[point]
	if !ok {
		p = abi.Place(t.table.Place(int(point)))
		t.places[point] = p
	}
	return p
}

// finish completes a result: charges until all that was used is told, the deepest stack, and
// where a fault happened.
func (t *tracer) finish(r *host.Result) {
	if t.charge != nil {
		t.tell(r.Used.Gas)
		if rest := r.Used.Gas - t.told; rest > 0 { // of a charge that was cut short
			if len(t.pending) == 0 {
				t.push(rest)
			}
			t.tellOne(t.pending[0], rest)
		}
	}
	r.Used.Depth = max(1, int(t.limit-max(t.lowest, 0))) // 0 would be "not measured"
	if r.Fault == nil {
		return
	}
	if t.host != "" {
		r.Where = append(r.Where, abi.Place{Function: t.host})
	}
	for _, point := range slices.Backward(t.appendStack(nil)) {
		r.Where = append(r.Where, t.place(point))
	}
}

// where reads the names of functions from the engine's account of a fault, innermost first.
func where(account string) (places []abi.Place) {
	_, lines, ok := strings.Cut(account, "\nwasm stack trace:\n")
	if !ok {
		return nil
	}
	for line := range strings.Lines(lines) {
		name := functionName(strings.TrimSpace(line))
		if name == "" || len(places) == longestStack {
			break
		}
		places = append(places, abi.Place{Function: name})
	}
	return places
}

// functionName takes the name from "module.name(i32,i32) i32". The module's name is empty,
// but for the host's functions.
func functionName(line string) string {
	n := strings.LastIndexByte(line, '(')
	if n > 0 && line[n-1] == ' ' { // several results
		n = strings.LastIndexByte(line[:n], '(')
	}
	if n < 0 {
		return ""
	}
	name, own := strings.CutPrefix(line[:n], ".")
	if index, unnamed := strings.CutPrefix(name, "$"); own && unnamed {
		if k, err := strconv.Atoi(index); err == nil {
			return fmt.Sprintf("func[%d]", k-addedImports)
		}
	}
	return abi.Clip(name)
}

// addedImports is how many imports the rewriter puts before a contract's functions.
const addedImports = 2
