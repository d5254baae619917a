package transport

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Types of streams, see the package comment.
const (
	typeRequests     = 1
	typeLargeRequest = 2
	typeLargeAnswer  = 3
	typeSubscription = 4
	typeRaft         = 5
)

// Kinds of frames, see the package comment.
const (
	kindRequest = 1
	kindCancel  = 2
	kindWelcome = 16
	kindAnswer  = 17
	kindError   = 18
	kindItem    = 19
)

const (
	headSize  = 13       // bytes before the content
	afterSize = 9        // part of the head that the length counts
	maxMethod = 64       // bytes of a method's name
	maxInline = 64 << 10 // bytes of a body that shares the request stream; a longer one would hold up the others
)

// frame is one frame, decoded. Name is the method of a request and the code of an
// error, body the rest.
type frame struct {
	kind byte
	id   uint64
	name string
	body []byte
}

// named reports whether frames of that kind carry a name.
func named(kind byte) bool { return kind == kindRequest || kind == kindError }

// size is the number of bytes that appendFrame adds.
func (f *frame) size() int {
	n := headSize + len(f.body)
	if named(f.kind) {
		n += 1 + len(f.name)
	}
	return n
}

// appendFrame appends the frame to buf. The name, where the kind has one, is 1 to
// maxMethod bytes.
func appendFrame(buf []byte, f *frame) []byte {
	buf = binary.BigEndian.AppendUint32(buf, uint32(f.size()-headSize+afterSize))
	buf = append(buf, f.kind)
	buf = binary.BigEndian.AppendUint64(buf, f.id)
	if named(f.kind) {
		buf = append(buf, byte(len(f.name)))
		buf = append(buf, f.name...)
	}
	return append(buf, f.body...)
}

// head is a frame's first headSize bytes, checked.
type head struct {
	kind byte
	id   uint64
	size int // bytes of content
}

// readHead reads the head of the next frame. The content may be at most max bytes.
// It returns io.EOF when the stream ends before the frame, and the head also when its
// length is out of bounds.
func readHead(r *bufio.Reader, max int) (head, error) {
	b, err := r.Peek(headSize)
	if err != nil {
		if err == io.EOF && len(b) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return head{}, err
	}
	n := binary.BigEndian.Uint32(b)
	h := head{kind: b[4], id: binary.BigEndian.Uint64(b[5:]), size: int(int64(n) - afterSize)}
	switch {
	case n < afterSize:
		return h, fmt.Errorf("frame of length %d, at least %d", n, afterSize)
	case int64(n)-afterSize > int64(max):
		return h, fmt.Errorf("frame with %d bytes of content, at most %d", int64(n)-afterSize, max)
	}
	_, err = r.Discard(headSize)
	return h, err
}

// readContent reads the content that follows the head.
func readContent(r io.Reader, h head) (frame, error) {
	b, err := readBytes(r, h.size)
	if err != nil {
		return frame{}, fmt.Errorf("read frame of %d bytes: %w", h.size, err)
	}
	return decode(h, b)
}

// readFrame reads the next frame, whose content may be at most max bytes.
func readFrame(r *bufio.Reader, max int) (frame, error) {
	h, err := readHead(r, max)
	if err != nil {
		return frame{}, err
	}
	return readContent(r, h)
}

// decode splits the content. The body keeps a part of b.
func decode(h head, b []byte) (frame, error) {
	f := frame{kind: h.kind, id: h.id, body: b}
	if !named(h.kind) {
		return f, nil
	}
	if len(b) == 0 || b[0] == 0 || b[0] > maxMethod || int(b[0]) > len(b)-1 {
		return frame{}, fmt.Errorf("frame of kind %d: malformed name", h.kind)
	}
	n := 1 + int(b[0])
	f.name, f.body = string(b[1:n]), b[n:]
	return f, nil
}

// readBytes reads n bytes. It takes memory as the bytes arrive, at most twice what
// has come, so a length alone costs nothing.
func readBytes(r io.Reader, n int) ([]byte, error) {
	const first = maxInline + 1 + maxMethod
	b := make([]byte, 0, min(n, first))
	for {
		m, err := io.ReadFull(r, b[len(b):cap(b)])
		b = b[:len(b)+m]
		if err == io.EOF {
			err = io.ErrUnexpectedEOF // ReadFull of nothing has no error, so bytes are missing
		}
		if err != nil || len(b) == n {
			return b, err
		}
		grown := make([]byte, len(b), min(n, 2*cap(b)))
		copy(grown, b)
		b = grown
	}
}

// welcome is what the listener tells a dialer it serves.
type welcome struct {
	inFlight uint32 // requests the dialer may have waiting
	maxBody  uint32 // bytes of the longest body
	large    uint32 // requests with a stream of their own that may be open
}

func (w welcome) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, w.inFlight)
	b = binary.BigEndian.AppendUint32(b, w.maxBody)
	return binary.BigEndian.AppendUint32(b, w.large)
}

func decodeWelcome(f frame) (w welcome, err error) {
	if f.kind != kindWelcome || len(f.body) < 12 {
		return w, fmt.Errorf("frame of kind %d with %d bytes where a welcome is due", f.kind, len(f.body))
	}
	w.inFlight, w.maxBody = binary.BigEndian.Uint32(f.body), binary.BigEndian.Uint32(f.body[4:])
	w.large = binary.BigEndian.Uint32(f.body[8:])
	if w.inFlight == 0 || w.large == 0 {
		return w, fmt.Errorf("welcome that allows no request")
	}
	return w, nil
}
