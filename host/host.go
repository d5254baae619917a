// Package host is the sandbox around a contract: what it may reach, what a call
// costs, and what a call leaves behind. It declares Runtime, which each engine under
// runtimes/ implements, and owns everything that must be the same in all of them:
// the meaning and the price of every host function, the limits, and the outcome.
//
// One call goes like this. The node opens a Session with the abi.Call and a State to
// read from, and hands it to Module.Call. The runtime enters the contract; whenever
// the contract calls a host function the runtime calls the Session's method of the same
// name, after charging its price. When the contract ends, the runtime returns the
// Result that Session.Finish made. Writes stay in the Session until then: a contract
// that faults has written nothing.
package host

import (
	"context"
	"time"

	"github.com/kalima-chain/kalima/abi"
)

// Runtime prepares contracts of one language family. Implementations are safe for
// concurrent use and are tested by package hosttest.
type Runtime interface {
	// Name is the engine's name as the manifest gives it: "wasm", "js" or "starlark".
	Name() string

	// Load checks and prepares an artefact. An error that is a *Refusal means the
	// artefact is at fault (and says how); any other error is the node's.
	// The caller keeps ownership of code, and may not change it afterwards.
	Load(ctx context.Context, code []byte) (Module, error)

	// Schedule names what calls cost: it changes whenever any call could use another
	// amount of gas, or end otherwise, than before. See Engine.
	Schedule() string

	// Close ends all modules. No call may be running.
	Close() error
}

// Module is a prepared contract. Safe for concurrent use.
type Module interface {
	// Phases lists the entries the contract has, in the order of their numbers.
	Phases() []abi.Phase

	// Call runs the entry of the session's phase. It always starts from the same
	// memory. What the contract does wrong is in Result.Fault; an error is the node's
	// fault (ctx ended, out of processes) and says nothing about the contract.
	Call(ctx context.Context, s *Session) (Result, error)

	// Close frees the module. No call may be running.
	Close() error
}

// State is what a contract may read: the current values as of one height.
type State interface {
	// Get returns the current value of a key. The caller must not change it.
	Get(abi.Address, string) (value []byte, ok bool)

	// Next returns the first key of the address that is greater than after, in byte order.
	Next(address abi.Address, after string) (key string, ok bool)
}

// Key is a valid address and key.
type Key struct {
	Address abi.Address
	Key     string
}

// Batcher is a State that answers for several keys at once cheaper than one by one.
type Batcher interface {
	// GetMany returns a value for each key. The caller must not change the bytes.
	GetMany([]Key) []abi.Value

	// Range returns the first limit entries with after < key and, unless before is empty,
	// key < before, in byte order: fewer only when there are no more. The caller must not
	// change the bytes.
	Range(address abi.Address, after, before string, limit int) []abi.KeyValue
}

// Quieter is a State that can be read without its taking note, if it notes at all, so that
// a runtime may fetch what a contract is likely to read next.
type Quieter interface {
	// Quiet returns the same values as the State, for as long as the call.
	Quiet() State
}

// Contracts runs the queries of deployed contracts. The node provides it.
type Contracts interface {
	// Query runs the query entry of the contract that s.Call.Contract names. found is
	// false when there is none of that name, or it has no such entry. The error is the
	// node's. It never waits for anything that a call which asks may hold: s.Nested
	// tells how deep it stands.
	Query(ctx context.Context, s *Session) (r Result, found bool, err error)
}

// Grant says what a deployed contract may do beyond its own state.
type Grant struct {
	Write  []abi.Pattern // validate: addresses it may put to
	Submit []abi.Pattern // react: addresses it may submit to
	HTTP   []string      // react: origins it may send requests to, such as https://api.example.com
	Clock  bool          // react: it may read the node's clock
}

// Limits bound one call. Zero fields take the value of DefaultLimits.
type Limits struct {
	Gas      uint64        // gas (WASM) or steps (JavaScript, Starlark)
	Memory   uint64        // bytes of memory a contract may have
	Depth    int           // nested calls inside the contract
	Writes   int           // puts, deletes and submits
	Bytes    int           // keys and values of those together
	Log      int           // bytes of log kept, the rest is dropped
	Deadline time.Duration // when this node gives up; never an outcome, always an error
}

// DefaultLimits fit a small contract many times over.
var DefaultLimits = Limits{
	Gas:      50_000_000,       // at most about 50 ms of compiled code, so one call cannot stall a block for long
	Memory:   64 << 20,         // an idle Go contract has 4 MiB
	Depth:    100_000,          // slots of 8 bytes: frames, locals and operands, see host/meter
	Writes:   64,               // an alarm and a few counters, many times over
	Bytes:    12 << 10,         // they must fit a block beside their transaction
	Log:      8 << 10,          // a screenful
	Deadline: 10 * time.Second, // far beyond what Gas allows on a healthy machine
}

// Result is the outcome of a call.
type Result struct {
	Fault   *abi.Fault  // nil when the contract accepted
	Writes  []abi.Write // in the order they were made, last put of a key only, every emit; nil on fault
	Submits []abi.Write // react: one put each, in order; nil on fault
	Reply   []byte      // query: the answer; nil on fault
	Used    Usage

	// For people, never part of the outcome.
	Log   []string    // lines
	Where []abi.Place // where a fault happened, innermost first, as far as that is known
}

// Usage is what a call took.
type Usage struct {
	Gas    uint64 // deterministic, part of the outcome
	Memory uint64 // bytes at the end of the call; informative
	Depth  int    // the deepest it stood, in the unit of Limits.Depth; 0 when not measured. Measured with a Probe
	Reads  int
	Writes int
	Bytes  int
}

// Refusal says why an artefact can not be loaded.
type Refusal struct {
	Reason string // what is wrong, in words
	Hint   string // what to change, e.g. the toolchain flag; may be empty
}

func (r *Refusal) Error() string {
	if r.Hint != "" {
		return r.Reason + " (" + r.Hint + ")"
	}
	return r.Reason
}
