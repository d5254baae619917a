package worker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

const (
	protocol = 1
	maxFrame = 4 << 20 // bytes; a result holds at most Limits.Bytes and Limits.Log, a load the code
	maxCode  = 1 << 20 // bytes of an artefact
	maxList  = 1 << 16 // items of a list in a frame
)

// Kinds of frame.
const (
	kindHello    = 'h'
	kindLoad     = 'L'
	kindLoaded   = 'l'
	kindRefused  = 'x'
	kindCall     = 'C'
	kindGet      = 'g'
	kindNext     = 'n'
	kindValue    = 'V'
	kindResult   = 'r'
	kindDeadline = 'd'
	kindError    = 'e'
)

// frame is built in place and written at once.
type frame []byte

func newFrame(kind byte) frame { return append(make(frame, 4, 512), kind) }

func (f frame) num(n uint64) frame   { return binary.AppendUvarint(f, n) }
func (f frame) bytes(b []byte) frame { return append(f.num(uint64(len(b))), b...) }
func (f frame) str(s string) frame   { return append(f.num(uint64(len(s))), s...) }
func (f frame) raw(b []byte) frame   { return append(f, b...) }

func (f frame) send(w io.Writer) error {
	if len(f)-4 > maxFrame {
		return fmt.Errorf("frame of %d bytes, at most %d", len(f)-4, maxFrame)
	}
	binary.BigEndian.PutUint32(f, uint32(len(f)-4))
	_, err := w.Write(f)
	return err
}

// receive reads a frame. The fields are the caller's.
func receive(r io.Reader) (kind byte, f *fields, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 1 || n > maxFrame {
		return 0, nil, fmt.Errorf("%w: of %d bytes, at most %d", errFrame, n, maxFrame)
	}
	b := make([]byte, n-1)
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, nil, err
	}
	return head[4], &fields{b: b}, nil
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

func (f *fields) digest() (d abi.Digest) {
	copy(d[:], f.raw(32))
	return d
}

// done checks that nothing is left.
func (f *fields) done() error {
	if f.err == nil && len(f.b) > 0 {
		f.fail("bytes left over")
	}
	return f.err
}

func (f frame) call(c *abi.Call) frame {
	f = f.num(uint64(c.Phase)).str(c.Contract).raw(c.Chain[:]).num(uint64(c.Op)).num(uint64(c.OpIndex))
	f = f.str(string(c.Address)).str(c.Key).bytes(c.Value).num(uint64(c.Sequence)).num(uint64(c.Height)).num(uint64(c.Time)).num(uint64(c.At))
	f = f.raw(c.Sender[:]).str(c.Name).raw(c.TxID[:]).num(uint64(len(c.Roles)))
	for _, r := range c.Roles {
		f = f.str(r)
	}
	return f
}

func (f *fields) call() (c abi.Call) {
	c.Phase, c.Contract, c.Chain = abi.Phase(f.num()), f.str(), f.digest()
	c.Op, c.OpIndex = abi.OpKind(f.num()), uint32(f.num())
	c.Address, c.Key, c.Value = abi.Address(f.str()), f.str(), f.bytes()
	c.Sequence, c.Height, c.Time, c.At = abi.Sequence(f.num()), abi.Height(f.num()), abi.Time(f.num()), abi.Time(f.num())
	copy(c.Sender[:], f.raw(32))
	c.Name, c.TxID = f.str(), f.digest()
	for range f.list() {
		c.Roles = append(c.Roles, f.str())
	}
	return c
}

func (f frame) grant(g host.Grant) frame {
	for _, list := range [][]abi.Pattern{g.Write, g.Submit} {
		f = f.num(uint64(len(list)))
		for _, p := range list {
			f = f.str(string(p))
		}
	}
	return f
}

func (f *fields) grant() (g host.Grant) {
	for _, list := range []*[]abi.Pattern{&g.Write, &g.Submit} {
		for range f.list() {
			*list = append(*list, abi.Pattern(f.str()))
		}
	}
	return g
}

func (f frame) limits(l host.Limits) frame {
	return f.num(l.Gas).num(l.Memory).num(uint64(l.Depth)).num(uint64(l.Writes)).num(uint64(l.Bytes)).num(uint64(l.Log)).num(uint64(l.Deadline))
}

func (f *fields) limits() host.Limits {
	return host.Limits{Gas: f.num(), Memory: f.num(), Depth: int(f.num()), Writes: int(f.num()), Bytes: int(f.num()), Log: int(f.num()),
		Deadline: time.Duration(f.num())}
}

func (f frame) result(r *host.Result) frame {
	fault := r.Fault
	if fault == nil {
		fault = &abi.Fault{}
	}
	f = f.num(uint64(fault.Code)).num(uint64(uint32(fault.Reason))).str(fault.Message).str(clipDetail(fault.Detail))
	f = f.num(r.Used.Gas).num(r.Used.Memory).num(uint64(r.Used.Reads)).num(uint64(r.Used.Writes)).num(uint64(r.Used.Bytes))
	for _, list := range [][]abi.Write{r.Writes, r.Submits} {
		f = f.num(uint64(len(list)))
		for _, w := range list {
			f = f.str(string(w.Address)).str(w.Key).bytes(w.Value)
		}
	}
	f = f.num(uint64(len(r.Log)))
	for _, line := range r.Log {
		f = f.str(line)
	}
	return f
}

func (f *fields) result() (r host.Result) {
	fault := abi.Fault{Code: abi.Code(f.num()), Reason: int32(uint32(f.num())), Message: abi.Clip(f.str()), Detail: clipDetail(f.str())}
	if fault.Code != abi.OK {
		r.Fault = &fault
	}
	r.Used = host.Usage{Gas: f.num(), Memory: f.num(), Reads: int(f.num()), Writes: int(f.num()), Bytes: int(f.num())}
	for _, list := range []*[]abi.Write{&r.Writes, &r.Submits} {
		for range f.list() {
			*list = append(*list, abi.Write{Address: abi.Address(f.str()), Key: f.str(), Value: f.bytes()})
		}
	}
	for range f.list() {
		r.Log = append(r.Log, f.str())
	}
	return r
}

func (f frame) pieces(list []Piece) frame {
	f = f.num(uint64(len(list)))
	for _, p := range list {
		f = f.str(p.Name).str(clipDetail(p.Missing))
	}
	return f
}

func (f *fields) pieces() (list []Piece) {
	for range f.list() {
		list = append(list, Piece{Name: f.str(), Missing: f.str()})
	}
	return list
}

// clipDetail bounds text for people.
func clipDetail(s string) string { return s[:min(len(s), 1024)] }
