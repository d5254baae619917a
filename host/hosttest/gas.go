package hosttest

import (
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// runGas makes every call of the table again: the same amount of gas each time, also when
// the state answers in batches; the same outcome with just that much, and none with less.
func runGas(t *testing.T, kit Kit) {
	m := load(t, kit)
	for _, tt := range cases(kit) {
		t.Run(tt.name, func(t *testing.T) {
			first := check(t, m, tt)
			if gas := limit(tt); first.Used.Gas > gas {
				t.Errorf("gas = %d, want at most the limit, %d", first.Used.Gas, gas)
			}
			if inexact(first) {
				return
			}
			batch := tt
			batch.batch = true
			if got := check(t, m, batch).Used.Gas; got != first.Used.Gas {
				t.Errorf("gas of the second call = %d, want %d as in the first", got, first.Used.Gas)
			}
			if first.Fault != nil {
				return
			}
			tt.limits.Gas = first.Used.Gas
			if got := check(t, m, tt).Used.Gas; got != first.Used.Gas {
				t.Errorf("gas of the call with just enough = %d, want %d", got, first.Used.Gas)
			}
			tt.limits.Gas, tt.codes, tt.log, tt.usage = first.Used.Gas-1, codes(abi.OutOfGas), nil, nil
			if tt.limits.Gas > 0 { // 0 is the default
				check(t, m, tt)
			}
		})
	}
}

// inexact tells whether the call ended outside the metered world.
func inexact(r host.Result) bool {
	return r.Fault != nil && (r.Fault.Code == abi.Crashed || r.Fault.Code == abi.OutOfMemory)
}

func limit(tt tcase) uint64 {
	if tt.limits.Gas != 0 {
		return tt.limits.Gas
	}
	return host.DefaultLimits.Gas
}
