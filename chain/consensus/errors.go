package consensus

import (
	"errors"

	"github.com/hashicorp/raft"
)

// Errors that callers tell apart.
var (
	// ErrNotLeader means that the entry is surely not in the log.
	ErrNotLeader = errors.New("this master is not the leader")

	// ErrUnknown means that the entry may or may not be committed, now or later.
	ErrUnknown = errors.New("outcome is unknown: leadership was lost")

	ErrTooLarge = errors.New("entry is too large")
	ErrClosed   = errors.New("consensus is closed")
	ErrCorrupt  = errors.New("raft log is damaged")
	ErrWrongKey = errors.New("the storage key does not open this raft log")
	ErrInUse    = errors.New("raft log is in use by another process")
	ErrDisk     = errors.New("disk failed") // after it, nothing is acknowledged
)

// outcome gives an error of a proposal its meaning. Whatever does not say for certain
// that the entry was refused leaves the outcome open.
func outcome(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return ErrNotLeader
	}
	return ErrUnknown
}
