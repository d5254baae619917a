package abi

import "fmt"

// Code is the deterministic result of a contract call, and of the transaction
// that it was part of. It is written into the block.
type Code uint16

// The codes. Everything but OK and Rejected is a fault of the contract.
const (
	OK             Code = 0
	Rejected       Code = 1  // the contract said no
	Trap           Code = 2  // unreachable, out of bounds, division by zero, uncaught exception
	OutOfGas       Code = 3  // gas (WASM) or steps (JavaScript, Starlark) used up
	OutOfMemory    Code = 4  // memory limit reached
	StackOverflow  Code = 5  // call depth limit reached
	WrongABI       Code = 6  // built for another ABI version, or the entry is missing
	BadHostCall    Code = 7  // pointer outside memory, malformed address or key, unknown field
	Denied         Code = 8  // write outside the granted addresses, or not in this phase
	TooMuch        Code = 9  // more writes, bytes or log than a call may produce
	Crashed        Code = 10 // the runtime's worker process died or spoke nonsense
	SystemRejected Code = 11 // a system operation was refused by the chain's own rules
)

var codeNames = map[Code]string{
	OK: "ok", Rejected: "rejected", Trap: "trap", OutOfGas: "out of gas", OutOfMemory: "out of memory",
	StackOverflow: "stack overflow", WrongABI: "wrong ABI", BadHostCall: "bad host call", Denied: "denied",
	TooMuch: "too much output", Crashed: "crashed", SystemRejected: "refused",
}

func (c Code) String() string {
	if s, ok := codeNames[c]; ok {
		return s
	}
	return fmt.Sprintf("code %d", uint16(c))
}

// MaxMessage bounds the text of a rejection or fault, in bytes; longer text is cut.
const MaxMessage = 256

// Fault is the end of a call that did not accept. It is an outcome that goes into
// the block, never a fault of the node.
type Fault struct {
	Code    Code
	Reason  int32  // the contract's own code, when Code is Rejected
	Message string // at most MaxMessage bytes; deterministic
	Detail  string // for people (function, line, stack); never in the block
}

// Place is a position in a contract's source, as far as it is known. For people.
type Place struct {
	Function string
	File     string
	Line     int // 0 when not known
}

// String returns "file:line in function", without the parts that are not known.
func (p Place) String() string {
	s := p.File
	if p.Line > 0 {
		if s == "" {
			s = "line "
		} else {
			s += ":"
		}
		s += fmt.Sprint(p.Line)
	}
	if p.Function != "" {
		if s != "" {
			s += " "
		}
		s += "in " + p.Function
	}
	return s
}

func (f *Fault) Error() string {
	s := f.Code.String()
	if f.Code == Rejected && f.Reason != 0 {
		s += fmt.Sprintf(" (%d)", f.Reason)
	}
	if f.Message != "" {
		s += ": " + f.Message
	}
	return s
}

// Faultf returns a fault with a formatted message, cut to MaxMessage bytes.
func Faultf(code Code, format string, args ...any) *Fault {
	return &Fault{Code: code, Message: Clip(fmt.Sprintf(format, args...))}
}

// Clip cuts a message to MaxMessage bytes without splitting a UTF-8 sequence, and
// replaces bytes that are not UTF-8, so that every node stores the same text.
func Clip(s string) string {
	s = toValidUTF8(s)
	if len(s) <= MaxMessage {
		return s
	}
	n := MaxMessage
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
