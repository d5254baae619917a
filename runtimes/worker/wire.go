package worker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	protocol = 3
	maxFrame = 4 << 20  // bytes; a result holds at most Limits.Bytes and Limits.Log, a load the code
	maxCode  = 1 << 20  // bytes of an artefact
	maxList  = 1 << 16  // items of a list in a frame
	keptSize = 64 << 10 // bytes of a buffer that is kept for the next frame
)

// Kinds of frame. Doc.go says what each holds.
const (
	kindHello    = 'h'
	kindLoad     = 'L'
	kindLoaded   = 'l'
	kindRefused  = 'x'
	kindCall     = 'C'
	kindGet      = 'g'
	kindNext     = 'n'
	kindMany     = 'm'
	kindRange    = 's'
	kindQuery    = 'q'
	kindHTTP     = 'w'
	kindClock    = 't'
	kindTrace    = 'p'
	kindCharge   = 'c'
	kindValue    = 'V'
	kindValues   = 'M'
	kindEntries  = 'S'
	kindReply    = 'Q'
	kindResponse = 'W'
	kindTime     = 'T'
	kindFailed   = 'E'
	kindResult   = 'r'
	kindDeadline = 'd'
	kindError    = 'e'
)

// conn is one side's end of the two pipes. Frames are built in one buffer and read into
// another, so that a call takes no memory for them; used by one goroutine.
type conn struct {
	r    *bufio.Reader
	w    io.Writer
	out  frame
	in   []byte // for the next frame; nil when every frame gets memory of its own
	keep bool   // what came stays valid: the child's answers live as long as its call
	f    fields
}

func newConn(r io.Reader, w io.Writer, keep bool) *conn {
	return &conn{r: bufio.NewReaderSize(r, 32<<10), w: w, keep: keep}
}

// frame begins a frame; the one before must have been sent.
func (c *conn) frame(kind byte) frame { return append(c.out[:0], 0, 0, 0, 0, kind) }

// send writes a frame at once.
func (c *conn) send(f frame) error {
	if cap(f) <= keptSize {
		c.out = f
	}
	return f.send(c.w)
}

// receive reads a frame. The fields are valid until the next, unless the conn keeps.
func (c *conn) receive() (kind byte, f *fields, err error) {
	var buf []byte
	if !c.keep {
		buf = c.in
	}
	kind, b, err := receive(c.r, buf)
	if err != nil {
		return 0, nil, err
	}
	if c.in = nil; cap(b) <= keptSize {
		c.in = b
	}
	c.f = fields{b: b}
	return kind, &c.f, nil
}

// frame is built in place and written at once.
type frame []byte

func newFrame(kind byte) frame { return append(make(frame, 4, 512), kind) }

func (f frame) num(n uint64) frame   { return binary.AppendUvarint(f, n) }
func (f frame) int(n int) frame      { return f.num(uint64(n)) }
func (f frame) bytes(b []byte) frame { return append(f.num(uint64(len(b))), b...) }
func (f frame) str(s string) frame   { return append(f.num(uint64(len(s))), s...) }
func (f frame) raw(b []byte) frame   { return append(f, b...) }

func (f frame) bool(b bool) frame {
	if b {
		return append(f, 1)
	}
	return append(f, 0)
}

func (f frame) send(w io.Writer) error {
	if len(f)-4 > maxFrame {
		return fmt.Errorf("frame of %d bytes, at most %d", len(f)-4, maxFrame)
	}
	binary.BigEndian.PutUint32(f, uint32(len(f)-4))
	_, err := w.Write(f)
	return err
}

// receive reads a frame's kind and its fields, into buf when they fit.
func receive(r io.Reader, buf []byte) (kind byte, b []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 1 || n > maxFrame {
		return 0, nil, fmt.Errorf("%w: of %d bytes, at most %d", errFrame, n, maxFrame)
	}
	if b = buf[:cap(buf)]; len(b) < int(n-1) {
		b = make([]byte, n-1)
	}
	b = b[:n-1]
	if _, err := io.ReadFull(r, b); err == io.EOF {
		return 0, nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return 0, nil, err
	}
	return head[4], b, nil
}

// errFrame is a frame that can not be read.
var errFrame = errors.New("bad frame")

// fields reads the fields of a frame. After the first error it reads nothing.
type fields struct {
	b   []byte
	err error
}

func (f *fields) fail(what string) {
	if f.err == nil {
		f.err = fmt.Errorf("%w: %s", errFrame, what)
	}
	f.b = nil
}

func (f *fields) num() uint64 {
	n, size := binary.Uvarint(f.b)
	if size <= 0 {
		f.fail("number cut short")
		return 0
	}
	f.b = f.b[size:]
	return n
}

// int reads a number that is never negative.
func (f *fields) int() int {
	n := f.num()
	if n > 1<<62 {
		f.fail("number too large")
		return 0
	}
	return int(n)
}

func (f *fields) bool() bool {
	b := f.raw(1)
	if len(b) == 1 && b[0] > 1 {
		f.fail("neither yes nor no")
	}
	return len(b) == 1 && b[0] == 1
}

func (f *fields) raw(n uint64) []byte {
	if n > uint64(len(f.b)) {
		f.fail("bytes cut short")
		return nil
	}
	b := f.b[:n:n]
	f.b = f.b[n:]
	return b
}

func (f *fields) bytes() []byte { return f.raw(f.num()) }
func (f *fields) str() string   { return string(f.bytes()) }

func (f *fields) list() int {
	n := f.num()
	if n > maxList || n > uint64(len(f.b)) { // an item takes a byte at least
		f.fail("list too long")
		return 0
	}
	return int(n)
}

// done checks that nothing is left.
func (f *fields) done() error {
	if f.err == nil && len(f.b) > 0 {
		f.fail("bytes left over")
	}
	return f.err
}

// clipDetail bounds text for people.
func clipDetail(s string) string { return s[:min(len(s), 1024)] }
