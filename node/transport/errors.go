package transport

import (
	"errors"
	"fmt"
	"strings"

	"github.com/quic-go/quic-go"

	"github.com/kalima-chain/kalima/abi"
)

// Codes of errors that the transport itself answers. Handlers add their own.
const (
	CodeBusy     = "busy"      // limits reached, the request was not carried out; try again later
	CodeInternal = "internal"  // the handler failed with an error that is not an *Error
	CodeTooLarge = "too-large" // body or answer over the limit
	CodeUnserved = "unserved"  // the node answers no requests
)

// Bounds of what an Error carries, in bytes; longer text is cut.
const (
	maxCode    = 64
	maxMessage = 1024
)

// Error is a handler's refusal. It crosses the wire whole: the dialer's Request and
// Recv return it as the handler made it.
type Error struct {
	Code    string // for programs: lower-case words joined by "-"
	Message string // for people
}

// Error returns the message, or the code when there is none.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code
	}
	return e.Message
}

// Errorf makes an Error with a formatted message.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// asError turns what a handler returned into what the wire carries.
func asError(err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Code: CodeInternal, Message: err.Error()}
	}
	out := &Error{Code: clip(e.Code, maxCode), Message: clip(e.Message, maxMessage)}
	if out.Code == "" {
		out.Code = CodeInternal
	}
	return out
}

func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}

var (
	// ErrPortInUse says that another socket has the address of Config.Listen.
	ErrPortInUse = errors.New("port in use")

	// ErrLost says that the connection ended. Whether the peer carried out the
	// requests that were waiting is not known.
	ErrLost = errors.New("connection lost")

	// ErrClosed says that this side closed the endpoint, connection or stream.
	ErrClosed = errors.New("closed")
)

// RefusedError says that the peer does not serve this identity: it was refused on
// arrival, or dropped later because it is no longer authorised. It also is an ErrLost.
type RefusedError struct {
	Peer   abi.Identity // who refused
	Reason string       // in the peer's words
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("refused by %s: %s", e.Peer.Short(), e.Reason)
}

// Unwrap makes a refusal an ErrLost.
func (e *RefusedError) Unwrap() error { return ErrLost }

// WrongKeyError says that the node at an address is not the one that was expected there.
type WrongKeyError struct {
	Want, Got abi.Identity
}

func (e *WrongKeyError) Error() string {
	return fmt.Sprintf("node has key %s, expected %s", e.Got.Short(), e.Want.Short())
}

// Codes of closed connections, see the package comment.
const (
	connGoodbye quic.ApplicationErrorCode = 0
	connRefused quic.ApplicationErrorCode = 1
	connRevoked quic.ApplicationErrorCode = 2
	connBroken  quic.ApplicationErrorCode = 3
	connSuite   quic.ApplicationErrorCode = 4
)

// Codes of reset streams, see the package comment.
const (
	streamDone      quic.StreamErrorCode = 0
	streamNotMaster quic.StreamErrorCode = 1
	streamBroken    quic.StreamErrorCode = 2
	streamBusy      quic.StreamErrorCode = 3
)

// lost says in our words why the connection to peer ended. The result is an ErrLost,
// or an ErrClosed when this side ended it.
func lost(peer abi.Identity, err error) error {
	var (
		app   *quic.ApplicationError
		idle  *quic.IdleTimeoutError
		reset *quic.StatelessResetError
		str   *quic.StreamError
	)
	switch {
	case errors.Is(err, ErrLost), errors.Is(err, ErrClosed):
		return err
	case errors.Is(err, quic.ErrTransportClosed):
		return fmt.Errorf("connection to %s: endpoint %w", peer.Short(), ErrClosed)
	case errors.As(err, &app) && app.Remote && (app.ErrorCode == connRefused || app.ErrorCode == connRevoked):
		return &RefusedError{Peer: peer, Reason: app.ErrorMessage}
	case errors.As(err, &app) && app.Remote && app.ErrorCode == connGoodbye:
		return fmt.Errorf("%w: %s closed it", ErrLost, peer.Short())
	case errors.As(err, &app) && app.Remote:
		return fmt.Errorf("%w: %s closed it: %s", ErrLost, peer.Short(), app.ErrorMessage)
	case errors.As(err, &app) && app.ErrorCode == connGoodbye:
		return fmt.Errorf("connection to %s: %w", peer.Short(), ErrClosed)
	case errors.As(err, &app):
		return fmt.Errorf("%w: closed on %s: %s", ErrLost, peer.Short(), app.ErrorMessage)
	case errors.As(err, &idle):
		return fmt.Errorf("%w: %s is silent", ErrLost, peer.Short())
	case errors.As(err, &reset):
		return fmt.Errorf("%w: %s was restarted", ErrLost, peer.Short())
	case errors.As(err, &str) && str.ErrorCode == streamNotMaster:
		return fmt.Errorf("%w: %s does not take this identity for a master", ErrLost, peer.Short())
	case errors.As(err, &str) && str.ErrorCode == streamBusy:
		return fmt.Errorf("%w: %s is busy", ErrLost, peer.Short())
	}
	return fmt.Errorf("%w: %s: %v", ErrLost, peer.Short(), err)
}
