package hosttest

import (
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// runProbe proves that watching a call changes nothing of it, and that it can be made to
// fail at each of its host functions without anything left of it.
func runProbe(t *testing.T, kit Kit) {
	m := load(t, kit)
	for _, tt := range cases(kit) {
		plain := check(t, m, tt)
		if inexact(plain) || plain.Used.Gas > 2_000_000 {
			continue // no two ends of these are alike, or watching takes too long
		}
		t.Run(tt.name, func(t *testing.T) { probe(t, m, tt, plain) })
	}
}

func probe(t *testing.T, m host.Module, tt tcase, plain host.Result) {
	calls, charged := 0, uint64(0)
	s := session(m, tt)
	s.Probe = &host.Probe{
		HostCall: func(c host.HostCall) {
			if calls++; c.Number != calls {
				t.Errorf("host call %d has number %d", calls, c.Number)
			}
		},
		Charge: func(_ []abi.Place, gas uint64) { charged += gas },
	}
	res := checkSession(t, m, tt, s)
	if res.Used.Gas != plain.Used.Gas {
		t.Errorf("gas with a probe = %d, want %d as without", res.Used.Gas, plain.Used.Gas)
	}
	if plain.Fault != nil && plain.Fault.Code == abi.OutOfGas {
		return // the charge that was too much is told or not
	}
	if charged != plain.Used.Gas {
		t.Errorf("Probe.Charge was told of %d gas, want %d", charged, plain.Used.Gas)
	}
	for n := 1; n <= min(calls, 12); n++ {
		s := session(m, tt)
		s.Probe = &host.Probe{FailAt: n}
		checkSession(t, m, tcase{phase: tt.phase, key: tt.key, arg: tt.arg, codes: codes(abi.BadHostCall)}, s)
	}
}
