package torture

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/devsecops/local"
	"github.com/kalima-chain/kalima/host"
)

// DefaultPoints is how many of a call's charges are made the last one: enough to meet every
// function of a contract, few enough that a test stays one.
const DefaultPoints = 2000

// maxViolations are kept with their words; more are counted.
const maxViolations = 20

// Kind is a way in which a call goes wrong.
type Kind string

// The kinds, in the order in which they are tried.
const (
	Again  Kind = "again"  // the same call, nothing wrong
	Gas    Kind = "gas"    // the limit of gas
	Host   Kind = "host"   // the n-th host function fails
	Memory Kind = "memory" // the limit of memory
	Depth  Kind = "depth"  // the limit of depth
	Writes Kind = "writes" // the limit of writes
	Bytes  Kind = "bytes"  // the limit of bytes
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{Again, Gas, Host, Memory, Depth, Writes, Bytes} }

// Attack is one way to make a call go wrong: a kind and its number, written gas:3391.
type Attack struct {
	Kind Kind
	N    uint64
}

func (a Attack) String() string { return fmt.Sprintf("%s:%d", a.Kind, a.N) }

// ParseAttack reads an attack.
func ParseAttack(s string) (Attack, error) {
	kind, number, ok := strings.Cut(s, ":")
	n, err := strconv.ParseUint(number, 10, 62)
	if !ok || err != nil || !slices.Contains(Kinds(), Kind(kind)) {
		return Attack{}, fmt.Errorf("attack %q: want KIND:NUMBER, KIND one of again, gas, host, memory, depth, writes, bytes", s)
	}
	return Attack{Kind(kind), n}, nil
}

// Violation is a promise that was not kept.
type Violation struct {
	Line   int       `json:"line"` // of the scenario; 0 when there is none
	Phase  string    `json:"phase"`
	Attack string    `json:"attack"`
	Broken string    `json:"broken"` // what does not hold
	Call   *abi.Call `json:"-"`
}

// Count is how often a kind was tried.
type Count struct {
	Kind    Kind `json:"kind"`
	Tries   int  `json:"tries"`
	Faults  int  `json:"faults"`            // of those, how often the call did not accept
	Left    int  `json:"left_out"`          // points that were not tried
	Unknown bool `json:"unknown,omitempty"` // the engine reports no charges: points were guessed
}

// Report is what came of it.
type Report struct {
	Calls      int         `json:"calls"`
	Counts     []Count     `json:"counts"`
	Violations []Violation `json:"violations"`
	Broken     int         `json:"broken"` // violations in all
}

// Torture tortures calls. Used by one goroutine.
type Torture struct {
	Points int     // of gas, for one call; 0 means DefaultPoints
	Only   *Attack // this one alone

	report Report
	counts map[Kind]*Count
	line   int
	base   local.Step // the call as it is
	last   uint64     // gas used by the attack before, of kind gas
}

// Report is what came of it so far.
func (t *Torture) Report() Report {
	r := t.report
	r.Violations = append([]Violation{}, r.Violations...)
	r.Counts = []Count{}
	for _, k := range Kinds() {
		if c := t.counts[k]; c != nil {
			r.Counts = append(r.Counts, *c)
		}
	}
	return r
}

// Call tortures a call. line is that of its scenario. The error is the end of ctx.
func (t *Torture) Call(ctx context.Context, line int, a local.Attempt) error {
	if t.counts == nil {
		t.counts = map[Kind]*Count{}
	}
	t.line, t.last = line, 0
	t.report.Calls++
	var charges sums
	calls := 0
	probe := &host.Probe{
		Charge:   func(_ []abi.Place, gas uint64) { charges.add(gas) },
		HostCall: func(c host.HostCall) { calls = c.Number },
	}
	var err error
	if t.base, err = a.Run(ctx, a.Limits(), probe); err != nil {
		return t.node(ctx, a, Attack{Kind: Again}, err)
	}
	t.kept(a, Attack{Kind: Again}, &t.base)
	for _, attack := range t.attacks(&charges, calls) {
		if t.Only != nil && *t.Only != attack {
			continue
		}
		if err := t.try(ctx, a, attack); err != nil {
			return err
		}
	}
	return nil
}

func (t *Torture) count(k Kind) *Count {
	c := t.counts[k]
	if c == nil {
		c = &Count{Kind: k}
		t.counts[k] = c
	}
	return c
}

// attacks lists what is tried with a call.
func (t *Torture) attacks(charges *sums, calls int) []Attack {
	all := []Attack{{Again, 1}, {Again, 2}}
	u := &t.base.Result.Used
	for _, n := range t.gasLimits(charges) {
		all = append(all, Attack{Gas, n})
	}
	for n := range calls {
		all = append(all, Attack{Host, uint64(n + 1)})
	}
	for _, n := range below(u.Memory) {
		all = append(all, Attack{Memory, n})
	}
	for _, n := range below(uint64(u.Depth)) {
		all = append(all, Attack{Depth, n})
	}
	for n := 1; n < u.Writes; n++ {
		all = append(all, Attack{Writes, uint64(n)})
	}
	if u.Bytes > 1 {
		all = append(all, Attack{Bytes, uint64(u.Bytes - 1)}, Attack{Bytes, uint64(u.Bytes)})
	}
	return all
}

// gasLimits are the limits of which each is used up at another charge, and last what the
// call takes. The limit 0 stands for the default, so it is not among them.
func (t *Torture) gasLimits(charges *sums) []uint64 {
	used := t.base.Result.Used.Gas
	points := t.Points
	if points == 0 {
		points = DefaultPoints
	}
	c := t.count(Gas)
	if charges.count == 0 && used > 1 { // none is known: all limits are alike
		c.Unknown = true
		for step := max(1, used/uint64(points)); charges.sum+step <= used; {
			charges.add(step)
		}
	}
	var limits []uint64
	for _, sum := range charges.kept {
		if sum > 1 && sum <= used {
			limits = append(limits, sum-1)
		}
	}
	all := charges.count - (len(charges.kept) - len(limits))
	if n := len(limits); n > points {
		chosen := make([]uint64, points)
		for i := range chosen {
			chosen[i] = limits[i*(n-1)/max(points-1, 1)]
		}
		limits = chosen
	}
	c.Left += all - len(limits)
	if used > 0 {
		limits = append(limits, used)
	}
	return limits
}

// below are limits from the used amount down to 1: itself, one less, and halves.
func below(used uint64) []uint64 {
	if used == 0 {
		return nil
	}
	limits := []uint64{used}
	for n := used - 1; n > 0; n /= 2 {
		limits = append(limits, n)
	}
	return limits
}

func (t *Torture) try(ctx context.Context, a local.Attempt, attack Attack) error {
	l := a.Limits()
	var p *host.Probe
	switch attack.Kind {
	case Gas:
		l.Gas = attack.N
	case Host:
		p = &host.Probe{FailAt: int(attack.N)}
	case Memory:
		l.Memory = attack.N
	case Depth:
		l.Depth = int(attack.N)
	case Writes:
		l.Writes = int(attack.N)
	case Bytes:
		l.Bytes = int(attack.N)
	}
	c := t.count(attack.Kind)
	c.Tries++
	s, err := a.Run(ctx, l, p)
	if err != nil {
		return t.node(ctx, a, attack, err)
	}
	if s.Result.Fault != nil {
		c.Faults++
	}
	t.kept(a, attack, &s)
	t.expected(a, attack, &s)
	if c.Tries%16 != 1 && attack.Kind == Gas {
		return nil // each sixteenth is tried twice
	}
	if p != nil {
		p = &host.Probe{FailAt: p.FailAt}
	}
	again, err := a.Run(ctx, l, p)
	if err != nil {
		return t.node(ctx, a, attack, err)
	}
	if d := Difference(&s.Result, &again.Result); d != "" {
		t.broken(a, attack, "ends otherwise when it is repeated: "+d)
	}
	return nil
}

// kept checks the promises that hold for every call.
func (t *Torture) kept(a local.Attempt, attack Attack, s *local.Step) {
	r := &s.Result
	if f := r.Fault; f != nil && (r.Writes != nil || r.Submits != nil || r.Reply != nil) {
		t.broken(a, attack, fmt.Sprintf("did not accept (%v), and left %d writes, %d submits, a reply of %d bytes", f, len(r.Writes), len(r.Submits), len(r.Reply)))
	}
	if r.Used.Gas > s.Limits.Gas {
		t.broken(a, attack, fmt.Sprintf("used %d gas, with a limit of %d", r.Used.Gas, s.Limits.Gas))
	}
}

// expected checks the promises about one kind of attack.
func (t *Torture) expected(a local.Attempt, attack Attack, s *local.Step) {
	r, base := &s.Result, &t.base.Result
	same := func() {
		if d := Difference(base, r); d != "" {
			t.broken(a, attack, "ends otherwise than without the limit: "+d)
		}
	}
	ends := func(code abi.Code) {
		if r.Fault == nil || r.Fault.Code != code {
			t.broken(a, attack, fmt.Sprintf("ended with %s, want %s", ending(r), code))
		}
	}
	switch attack.Kind {
	case Again:
		if d := Difference(base, r); d != "" {
			t.broken(a, attack, "ends otherwise when it is repeated: "+d)
		}
	case Gas:
		if attack.N >= base.Used.Gas {
			same()
		} else {
			ends(abi.OutOfGas)
		}
		if r.Used.Gas < t.last {
			t.broken(a, attack, fmt.Sprintf("used %d gas, less than the %d with a lower limit", r.Used.Gas, t.last))
		}
		t.last = r.Used.Gas
	case Host:
		ends(abi.BadHostCall)
	case Depth:
		if attack.N >= uint64(base.Used.Depth) {
			same()
		}
	case Writes:
		ends(abi.TooMuch)
	case Bytes:
		if attack.N >= uint64(base.Used.Bytes) {
			same()
		} else {
			ends(abi.TooMuch)
		}
	}
}

func (t *Torture) node(ctx context.Context, a local.Attempt, attack Attack, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	t.broken(a, attack, "the node failed: "+err.Error())
	return nil
}

func (t *Torture) broken(a local.Attempt, attack Attack, what string) {
	t.report.Broken++
	if len(t.report.Violations) < maxViolations {
		t.report.Violations = append(t.report.Violations, Violation{
			Line: t.line, Phase: a.Call.Phase.String(), Attack: attack.String(), Broken: what, Call: &a.Call,
		})
	}
}

func ending(r *host.Result) string {
	if r.Fault == nil {
		return "accepted"
	}
	return r.Fault.Error()
}

// Difference tells the first difference between the deterministic parts of two results, ""
// when there is none.
func Difference(a, b *host.Result) string {
	switch {
	case ending(a) != ending(b):
		return fmt.Sprintf("%s, then %s", ending(a), ending(b))
	case a.Used.Gas != b.Used.Gas:
		return fmt.Sprintf("%d gas, then %d", a.Used.Gas, b.Used.Gas)
	case string(a.Reply) != string(b.Reply):
		return fmt.Sprintf("reply %.80q, then %.80q", a.Reply, b.Reply)
	}
	if d := differ("write", a.Writes, b.Writes); d != "" {
		return d
	}
	return differ("submit", a.Submits, b.Submits)
}

func differ(what string, a, b []abi.Write) string {
	for i := range max(len(a), len(b)) {
		x, y := at(a, i), at(b, i)
		if x != y {
			return fmt.Sprintf("%s %d is %s, then %s", what, i+1, x, y)
		}
	}
	return ""
}

func at(ws []abi.Write, i int) string {
	if i >= len(ws) {
		return "none"
	}
	return fmt.Sprintf("%s %s %.80q", ws[i].Address, ws[i].Key, ws[i].Value)
}
