package hosttest

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// name is the name under which the suite runs the contract, twin another one that queries
// reach it by.
const (
	name = "conf"
	twin = "twin"
)

// own is where it keeps its state.
var own = abi.StateAddress(name)

// NewCall returns the call the suite makes: a put of value at key by a sender with a name
// and two roles, every field of it filled in.
func NewCall(phase abi.Phase, key, value string) abi.Call {
	return abi.Call{
		Phase: phase, Contract: name, Chain: sha256.Sum256([]byte("chain")),
		Op: abi.Put, OpIndex: 3, Address: "/plant1/line2/press4", Key: key, Value: []byte(value),
		Sequence: 41, Height: 1 << 40, Time: 1_795_000_000_123_456, At: 1_794_999_999_000_001,
		Sender: sha256.Sum256([]byte("sender")), Name: "press-4", Roles: []string{"device", "writer"},
		TxID: sha256.Sum256([]byte("tx")),
	}
}

// testGrant lets the contract write under /granted, submit under /submit and reach two hosts.
var testGrant = host.Grant{
	Write:  []abi.Pattern{"/granted/**"},
	Submit: []abi.Pattern{"/submit/**"},
	HTTP:   []string{origin, plain},
	Clock:  true,
}

// longKey is as long as a key may be, and longAddress as long and deep as an address may be.
var (
	longKey     = strings.Repeat("k", abi.MaxKey)
	longAddress = "/granted" + strings.Repeat("/"+strings.Repeat("s", 15), 14) + "/" + strings.Repeat("s", abi.MaxAddress-8-14*16-1)
)

// testState is what the contract finds.
var testState = sync.OnceValue(func() State {
	s := State{
		own:                    {"a": "1", "k": "value", "z": "26"},
		abi.StateAddress(twin): {"k": "other", "t": "2"},
		"/other":               {"x": "y", "bin": "\x00\xff"},
		"/keys":                {"z": "1", "é": "2", "\uFFFD": "3", "𝄞": "4", "a b": "5", longKey: "6"},
		"/many":                {}, "/large": {},
	}
	for i := range 300 {
		s["/many"][fmt.Sprintf("k%03d", i)] = "v"
	}
	for i := range 20 {
		s["/large"][fmt.Sprintf("k%02d", i)] = strings.Repeat("L", abi.MaxValue)
	}
	return s
})

// session is the suite's session for a case, of a module that answers its own queries.
func session(m host.Module, tt tcase) *host.Session {
	limits := tt.limits
	if limits.Deadline == 0 {
		limits.Deadline = time.Minute // a slow machine must not look like a fault
	}
	call := NewCall(tt.during(), tt.key, tt.arg)
	if tt.call != nil {
		tt.call(&call)
	}
	grant := testGrant
	if tt.grant != nil {
		grant = *tt.grant
	}
	var state host.State = testState()
	if tt.batch {
		state = batches{testState()}
	}
	if tt.state != nil {
		state = tt.state
	}
	s := host.NewSession(call, state, grant, limits)
	s.Contracts, s.World = contracts{m}, world{}
	if tt.alone {
		s.Contracts, s.World = nil, nil
	}
	return s
}

// freeMeter lets the suite ask a session what a contract must find.
type freeMeter struct{}

func (freeMeter) Charge(uint64) *abi.Fault { return nil }
func (freeMeter) Left() uint64             { return 1 << 62 }

// randomBytes is what the contract must draw: the first n bytes of the call's stream.
func randomBytes(phase abi.Phase, arg string, n int) string {
	s := session(nil, tcase{phase: phase, key: "random", arg: arg})
	s.Begin(freeMeter{})
	b, f := s.Random(n)
	if f != nil {
		panic(f)
	}
	return string(b)
}

// allBytes is every byte once.
func allBytes() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}
