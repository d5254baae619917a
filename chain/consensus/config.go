package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
)

// StreamLayer carries Raft's connections: it accepts those of peers, and dials them by
// the Address of a Server. It has made sure who the peer is.
type StreamLayer interface {
	net.Listener
	Dial(address string, timeout time.Duration) (net.Conn, error)
}

// Server is a master.
type Server struct {
	ID      abi.Identity
	Address string
}

// Entry is a committed entry.
type Entry struct {
	Index uint64 // position in the Raft log; entries of Raft's own take positions too
	Term  uint64
	Data  []byte // shared with the log: must not be changed
}

// Pointer says what a snapshot stands for.
type Pointer struct {
	Index  uint64 // of the last entry applied
	Height chain.Height
	Hash   chain.Digest // of the block at Height
	State  chain.Digest // of the state it led to
}

const (
	pointerSize    = 81
	pointerVersion = 1
)

func (p Pointer) encode() []byte {
	b := append(make([]byte, 0, pointerSize), pointerVersion)
	b = binary.BigEndian.AppendUint64(b, p.Index)
	b = binary.BigEndian.AppendUint64(b, uint64(p.Height))
	b = append(b, p.Hash[:]...)
	return append(b, p.State[:]...)
}

func decodePointer(b []byte) (Pointer, error) {
	if len(b) != pointerSize {
		return Pointer{}, fmt.Errorf("snapshot of %d bytes, want %d", len(b), pointerSize)
	}
	if b[0] != pointerVersion {
		return Pointer{}, fmt.Errorf("snapshot of version %d, this node knows %d", b[0], pointerVersion)
	}
	return Pointer{
		Index: binary.BigEndian.Uint64(b[1:]), Height: chain.Height(binary.BigEndian.Uint64(b[9:])),
		Hash: chain.Digest(b[17:49]), State: chain.Digest(b[49:81]),
	}, nil
}

// Machine is what the committed entries change. Its methods are called by one goroutine
// at a time, except Sync, which may be called meanwhile.
type Machine interface {
	// Apply takes committed entries in order, each once, and returns a result for each,
	// which the proposer gets. Entries up to Applied do not come again.
	Apply(batch []Entry) []any

	// Applied returns the index of the last entry that the machine has taken in, as far
	// as it knows: after a crash that is what reached its disk.
	Applied() uint64

	// Pointer describes the machine as it is. It must return at once.
	Pointer() (Pointer, error)

	// Sync forces to disk what was applied before the call. The log may then be cut.
	Sync() error

	// Restore brings the machine to the pointer, or past it, with help from peers. The
	// log continues after it.
	Restore(ctx context.Context, p Pointer) error
}

// Config says how to take part.
type Config struct {
	Self      Server
	Dir       string // made when absent
	Key       []byte // 32 bytes: log and vote are sealed under it
	Plain     bool   // store without encryption; must be set when Key is empty
	Layer     StreamLayer
	Machine   Machine
	Bootstrap []Server // the first masters; used only when Dir holds nothing yet

	// Fatal is called once, with the first failure after which this process must not go
	// on: the disk failed or hangs, the log is damaged. It should end the process; until
	// then nothing is acknowledged any more.
	Fatal func(error)

	Heartbeat    time.Duration // a leader silent for so long is given up; 0 means 1s
	Election     time.Duration // a candidate without votes tries again; 0 means Heartbeat
	Lease        time.Duration // a leader cut off from the majority for so long steps down; 0 means Heartbeat/2
	CommitEvery  time.Duration // followers learn of commits at least so often; 0 means 20ms
	StoreTimeout time.Duration // a disk write that takes longer is Fatal; 0 means 10s
	RPCTimeout   time.Duration // of one exchange with a peer; 0 means 10s

	Batch            int           // entries in one message and one disk write; 0 means 256, at most 1024
	KeepLog          time.Duration // age up to which entries stay in the log; 0 means 30 minutes
	KeepEntries      uint64        // entries that stay in any case; 0 means 16,384
	SnapshotEvery    time.Duration // how often the log may be cut; 0 means 1 minute
	SnapshotDistance uint64        // entries between snapshots; 0 means 8,192
	SegmentSize      int           // bytes of one file of the log; 0 means 64 MiB

	Log *slog.Logger // nil discards

	wrap func(logs) logs // tests put faults between store and log
}

// MaxData bounds the data of one entry, in bytes; a block is far below it.
const MaxData = 1 << 20

func (c *Config) complete() error {
	switch {
	case c.Dir == "":
		return errors.New("no directory given")
	case c.Plain && len(c.Key) != 0:
		return errors.New("a storage key is given, but plain storage is asked for")
	case !c.Plain && len(c.Key) == 0:
		return errors.New("no storage key given, and plain storage is not asked for")
	case !c.Plain && len(c.Key) != 32:
		return fmt.Errorf("storage key of %d bytes, want 32", len(c.Key))
	case c.Layer == nil || c.Machine == nil || c.Fatal == nil:
		return errors.New("layer, machine and fatal must be given")
	case c.Self.ID == abi.Identity{} || c.Self.Address == "":
		return errors.New("identity and address of this server must be given")
	case c.Batch < 0 || c.Batch > 1024:
		return fmt.Errorf("batch of %d entries, at most 1024", c.Batch)
	}
	def(&c.Heartbeat, time.Second)
	def(&c.Election, c.Heartbeat)
	def(&c.Lease, c.Heartbeat/2)
	def(&c.CommitEvery, 20*time.Millisecond)
	def(&c.StoreTimeout, 10*time.Second)
	def(&c.RPCTimeout, 10*time.Second)
	def(&c.Batch, 256)
	def(&c.KeepLog, 30*time.Minute)
	def(&c.KeepEntries, 16_384)
	def(&c.SnapshotEvery, time.Minute)
	def(&c.SnapshotDistance, 8_192)
	def(&c.SegmentSize, 64<<20)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

func def[T int | uint64 | time.Duration](p *T, d T) {
	if *p == 0 {
		*p = d
	}
}
