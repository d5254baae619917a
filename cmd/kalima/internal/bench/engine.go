package bench

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/cmd/kalima/internal/stats"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

// Call is how long one call of a contract takes, warm, from the node's side: session,
// host functions, isolation and, for scripts, the way to the worker process and back.
type Call struct {
	US  float64 // median, microseconds
	P99 float64
	Gas uint64 // of one call
	N   int
}

// Calls makes the sessions of calls in a row, each a put of another value, and keeps what the
// calls write, as a master would.
type Calls struct {
	manifest registry.Manifest
	state    memory
	n        int
}

// NewCalls makes sessions for a contract.
func NewCalls(m registry.Manifest) *Calls { return &Calls{manifest: m, state: memory{}} }

// Session makes the session of the next call.
func (c *Calls) Session() *host.Session {
	c.n++
	call := abi.Call{
		Phase: abi.Validate, Contract: c.manifest.Name, Op: abi.Put, Address: "/bench/press", Key: "temperature",
		Value: strconv.AppendInt(nil, int64(20+c.n%70), 10), Sequence: abi.Sequence(c.n), Height: abi.Height(c.n),
		Time: abi.Time(1_700_000_000_000_000 + c.n), Name: "device", Roles: roles,
	}
	return host.NewSession(call, c.state, host.Grant{Write: c.manifest.Write}, host.Limits{})
}

var roles = []string{"client"}

// MeasureCalls calls a contract for a while, each time with another value.
func MeasureCalls(ctx context.Context, b *registry.Bundle, r host.Runtime, d time.Duration) (Call, error) {
	m, err := r.Load(ctx, b.Artefact)
	if err != nil {
		return Call{}, err
	}
	defer m.Close()
	calls := NewCalls(b.Manifest)
	var all stats.Latency
	var out Call
	var start time.Time
	const warm = 50 // calls that are not counted
	for n := 0; n < warm || time.Since(start) < d; n++ {
		if n == warm {
			start = time.Now()
		} else if n < warm {
			start = time.Now().Add(d)
		}
		begin := time.Now()
		res, err := m.Call(ctx, calls.Session())
		took := time.Since(begin)
		if err != nil {
			return Call{}, err
		}
		if res.Fault != nil {
			return Call{}, fmt.Errorf("call %d: %w", n, res.Fault)
		}
		for _, w := range res.Writes {
			calls.state.set(w)
		}
		if n >= warm {
			all.Add(took)
			out.Gas = res.Used.Gas
		}
	}
	sorted := all.Sorted()
	out.N = len(sorted)
	out.US = float64(stats.Percentile(sorted, 0.5).Nanoseconds()) / 1000
	out.P99 = float64(stats.Percentile(sorted, 0.99).Nanoseconds()) / 1000
	return out, nil
}

// memory is a host.State that keeps what contracts write.
type memory map[abi.Address]map[string][]byte

var _ host.State = memory(nil)

func (m memory) Get(a abi.Address, key string) ([]byte, bool) {
	v, ok := m[a][key]
	return v, ok
}

func (m memory) Next(a abi.Address, after string) (string, bool) {
	var keys []string
	for k := range m[a] {
		if k > after {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return "", false
	}
	sort.Strings(keys)
	return keys[0], true
}

// Quiet lets a runtime look ahead: nobody notes what is read here.
func (m memory) Quiet() host.State { return m }

func (m memory) set(w abi.Write) {
	if len(w.Value) == 0 {
		delete(m[w.Address], w.Key)
		return
	}
	if m[w.Address] == nil {
		m[w.Address] = map[string][]byte{}
	}
	m[w.Address][w.Key] = w.Value
}
