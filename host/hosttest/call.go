package hosttest

import (
	"crypto/sha256"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// name is the name under which the suite runs the contract.
const name = "conf"

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

// testGrant lets the contract write under /granted and submit under /submit.
var testGrant = host.Grant{
	Write:  []abi.Pattern{"/granted/**"},
	Submit: []abi.Pattern{"/submit/**"},
}

// testState is what the contract finds.
func testState() State {
	return State{
		own:      {"a": "1", "k": "value", "z": "26"},
		"/other": {"x": "y", "bin": "\x00\xff"},
	}
}

func session(phase abi.Phase, key, arg string, limits host.Limits) *host.Session {
	return host.NewSession(NewCall(phase, key, arg), testState(), testGrant, limits)
}

// freeMeter lets the suite ask a session what a contract must find.
type freeMeter struct{}

func (freeMeter) Charge(uint64) *abi.Fault { return nil }
func (freeMeter) Left() uint64             { return 1 << 62 }

// randomBytes is what the contract must draw: the first n bytes of the call's stream.
func randomBytes(phase abi.Phase, arg string, n int) string {
	s := session(phase, "random", arg, host.Limits{})
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
