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

// MeasureCalls calls a threshold contract for a while, each time with another value, and
// keeps what it writes, as a master would.
func MeasureCalls(ctx context.Context, b *registry.Bundle, r host.Runtime, d time.Duration) (Call, error) {
	m, err := r.Load(ctx, b.Artefact)
	if err != nil {
		return Call{}, err
	}
	defer m.Close()
	state := memory{}
	grant := host.Grant{Write: b.Manifest.Write}
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
		call := abi.Call{
			Phase: abi.Validate, Contract: b.Manifest.Name, Op: abi.Put, Address: "/bench/press", Key: "temperature",
			Value: []byte(strconv.Itoa(20 + n%70)), Sequence: abi.Sequence(n + 1), Height: abi.Height(n + 1),
			Time: abi.Time(1_700_000_000_000_000 + n), Name: "device", Roles: []string{"client"},
		}
		s := host.NewSession(call, state, grant, host.Limits{})
		begin := time.Now()
		res, err := m.Call(ctx, s)
		took := time.Since(begin)
		if err != nil {
			return Call{}, err
		}
		if res.Fault != nil {
			return Call{}, fmt.Errorf("call %d: %w", n, res.Fault)
		}
		for _, w := range res.Writes {
			state.set(w)
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
