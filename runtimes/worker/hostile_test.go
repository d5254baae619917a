package worker

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

var grant = host.Grant{Write: []abi.Pattern{"/granted/**"}, Submit: []abi.Pattern{"/submit/**"}}

func newSession(phase abi.Phase) *host.Session {
	s := host.NewSession(hosttest.NewCall(phase, "key", "value"), hosttest.State{}, grant, host.Limits{Gas: 1000})
	s.Begin(free{})
	return s
}

// TestReplay proves that a worker taken over by its contract can do nothing that the
// contract may not.
func TestReplay(t *testing.T) {
	write := func(a abi.Address, key, value string) []abi.Write {
		return []abi.Write{{Address: a, Key: key, Value: []byte(value)}}
	}
	many := make([]abi.Write, host.DefaultLimits.Writes+1)
	for i := range many {
		many[i] = abi.Write{Address: "/granted/x", Key: "k", Value: []byte("v")}
	}
	for _, tt := range []struct {
		name   string
		phase  abi.Phase
		result host.Result
		code   abi.Code
	}{
		{"granted", abi.Validate, host.Result{Writes: write("/granted/x", "k", "v")}, abi.OK},
		{"own state", abi.Validate, host.Result{Writes: write(abi.StateAddress("conf"), "k", "v")}, abi.OK},
		{"not granted", abi.Validate, host.Result{Writes: write("/other", "k", "v")}, abi.Crashed},
		{"system", abi.Validate, host.Result{Writes: write("/_kalima/grants", "k", "v")}, abi.Crashed},
		{"bad address", abi.Validate, host.Result{Writes: write("granted", "k", "v")}, abi.Crashed},
		{"bad key", abi.Validate, host.Result{Writes: write("/granted/x", "", "v")}, abi.Crashed},
		{"too many", abi.Validate, host.Result{Writes: many}, abi.Crashed},
		{"too large", abi.Validate, host.Result{Writes: write("/granted/x", "k", string(make([]byte, abi.MaxValue+1)))}, abi.Crashed},
		{"write in react", abi.React, host.Result{Writes: write("/granted/x", "k", "v")}, abi.Crashed},
		{"submit", abi.React, host.Result{Submits: write("/submit/x", "k", "v")}, abi.OK},
		{"submit not granted", abi.React, host.Result{Submits: write("/granted/x", "k", "v")}, abi.Crashed},
		{"submit in validate", abi.Validate, host.Result{Submits: write("/submit/x", "k", "v")}, abi.Crashed},
		{"gas beyond the limit", abi.Validate, host.Result{Used: host.Usage{Gas: 1001}}, abi.Crashed},
		{"fault", abi.Validate, host.Result{Fault: &abi.Fault{Code: abi.Trap}}, abi.Trap},
		{"fault with writes", abi.Validate, host.Result{Fault: &abi.Fault{Code: abi.Trap}, Writes: write("/granted/x", "k", "v")}, abi.Crashed},
		{"fault that no contract has", abi.Validate, host.Result{Fault: &abi.Fault{Code: abi.SystemRejected}}, abi.Crashed},
		{"unknown fault", abi.Validate, host.Result{Fault: &abi.Fault{Code: 999}}, abi.Crashed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := replay(newSession(tt.phase), tt.result)
			code := abi.OK
			if res.Fault != nil {
				code = res.Fault.Code
			}
			if code != tt.code {
				t.Errorf("replay = %v, want %v", res.Fault, tt.code)
			}
			if code != abi.OK && len(res.Writes)+len(res.Submits) > 0 {
				t.Errorf("replay = fault with writes %v", res.Writes)
			}
		})
	}
}

func TestReceiveBounds(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     error
	}{
		{"nothing", "", io.EOF},
		{"half a head", "\x00\x00", io.ErrUnexpectedEOF},
		{"no kind", "\x00\x00\x00\x00h", errFrame},
		{"four gigabytes", "\xff\xff\xff\xffh", errFrame},
		{"cut short", "\x00\x00\x00\x05hab", io.ErrUnexpectedEOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, err := receive(bytes.NewReader([]byte(tt.in)), nil); !errors.Is(err, tt.want) {
				t.Errorf("receive(%q) = %v, want %v", tt.in, err, tt.want)
			}
		})
	}
}
