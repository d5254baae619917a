package edge

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/sync"
	"github.com/kalima-chain/kalima/registry"
)

// task is a trigger and what became of it: the content of a note.
type task struct {
	Binding  []byte     `cbor:"1,keyasint"` // JSON of the registry.Binding
	Event    rpc.Event  `cbor:"2,keyasint"`
	Hops     int        `cbor:"3,keyasint,omitempty"` // transactions of this node that led to the event
	Attempt  uint32     `cbor:"4,keyasint,omitempty"`
	Envelope []byte     `cbor:"5,keyasint,omitempty"` // signed
	TxID     abi.TxID   `cbor:"6,keyasint,omitempty"`
	Done     abi.Height `cbor:"7,keyasint,omitempty"` // block of the receipt
}

// job is a task in memory.
type job struct {
	key     uint64 // of the note
	task    task
	binding registry.Binding
	state   *chain.State // as of the trigger's block; nil after a restart
}

func (j *job) note() sync.Note { return sync.Note{Key: j.key, Value: rpc.Encode(&j.task)} }

func (j *job) forget() sync.Note { return sync.Note{Key: j.key} }

func readJob(n sync.Note) (*job, error) {
	j := &job{key: n.Key}
	if err := rpc.Decode(n.Value, &j.task); err != nil {
		return nil, fmt.Errorf("note %d: %w", n.Key, err)
	}
	if err := json.Unmarshal(j.task.Binding, &j.binding); err != nil {
		return nil, fmt.Errorf("note %d: %w", n.Key, err)
	}
	return j, nil
}

// effect is a transaction of this node, by its id.
type effect struct {
	job  *job
	done abi.Height // 0: no receipt yet
}

// nonceOf makes the nonce of what an instance does about a trigger.
func nonceOf(instance string, e *rpc.Event, attempt uint32) []byte {
	b := append([]byte("kalima/react/1\x00"), instance...)
	b = append(append(b, 0), e.Address...)
	b = binary.BigEndian.AppendUint64(append(b, 0), uint64(e.Sequence))
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(b, attempt))
	return sum[:16]
}

// callOf is the call of a react contract for an event. The sender's name and roles are in
// it when the node may see them.
func callOf(chainID abi.Digest, e *rpc.Event, st host.State) abi.Call {
	c := abi.Call{
		Phase: abi.React, Chain: chainID, Op: abi.Put, Address: e.Address, Key: e.Key, Value: e.Value, Sequence: e.Sequence,
		Height: e.Height, Time: e.Time, At: e.At, Sender: e.Sender, TxID: e.TxID,
	}
	if len(e.Value) == 0 {
		c.Op = abi.Delete
	}
	var id policy.Identity
	if b, ok := st.Get(policy.Identities, e.Sender.String()); ok && json.Unmarshal(b, &id) == nil {
		c.Name, c.Roles = id.Name, sorted(id.Roles)
	}
	return c
}
