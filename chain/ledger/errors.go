package ledger

import (
	"errors"
	"fmt"

	"github.com/kalima-chain/kalima/chain"
)

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("not in the ledger")
	ErrCorrupt  = errors.New("ledger is damaged")
	ErrWrongKey = errors.New("the storage key does not open this ledger")
	ErrInUse    = errors.New("ledger is in use by another process")
	ErrDiskFull = errors.New("disk is full")
	ErrClosed   = errors.New("ledger is closed")
	ErrMissing  = errors.New("the block's bytes were lost when the power failed, and are not back yet")
)

// NoHeight is the height of a CorruptError that concerns no single block.
const NoHeight = ^chain.Height(0)

// CorruptError says that what is on disk is not what was written. errors.Is reports it
// as ErrCorrupt.
type CorruptError struct {
	Height chain.Height // the block concerned, or NoHeight
	What   string       // what was found
	Err    error        // the cause, or nil
}

func (e *CorruptError) Error() string {
	s := ErrCorrupt.Error()
	if e.Height != NoHeight {
		s += fmt.Sprintf(" at height %d", e.Height)
	}
	s += ": " + e.What
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Is makes errors.Is(err, ErrCorrupt) true.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

func (e *CorruptError) Unwrap() error { return e.Err }

func corrupt(h chain.Height, cause error, format string, args ...any) error {
	return &CorruptError{Height: h, What: fmt.Sprintf(format, args...), Err: cause}
}
