package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxLine bounds a line, and a CSV record of several lines, in bytes: every value of a
// record fits one block, and this is four of them.
const MaxLine = 64 << 10

// Reject is a line that could not be taken.
type Reject struct {
	Line   int64
	Reason string
}

func (r *Reject) Error() string { return fmt.Sprintf("line %d: %s", r.Line, r.Reason) }

func rejectf(line int64, format string, args ...any) *Reject {
	return &Reject{Line: line, Reason: fmt.Sprintf(format, args...)}
}

// Place is a place in a file: the end of a line.
type Place struct {
	Offset int64 `json:"offset"` // bytes before it
	Line   int64 `json:"line"`   // lines before it
}

// lines reads a file line by line and knows where it is.
type lines struct {
	r     *bufio.Reader
	place Place
}

func newLines(r io.Reader, from Place) *lines {
	return &lines{r: bufio.NewReaderSize(r, MaxLine), place: from}
}

var errTooLong = errors.New("line is too long")

// next returns a line with its end, valid until the next call. A line beyond MaxLine is
// skipped whole and answered with errTooLong.
func (l *lines) next() ([]byte, error) {
	b, err := l.r.ReadSlice('\n')
	l.place.Offset += int64(len(b))
	switch {
	case err == nil:
	case errors.Is(err, bufio.ErrBufferFull):
		for errors.Is(err, bufio.ErrBufferFull) {
			b, err = l.r.ReadSlice('\n')
			l.place.Offset += int64(len(b))
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		l.place.Line++
		return nil, errTooLong
	case err == io.EOF && len(b) > 0:
	default:
		return nil, err
	}
	l.place.Line++
	return b, nil
}

// peek returns what is buffered after the current line, up to n bytes, and reads more if
// there is more.
func (l *lines) peek(n int) ([]byte, error) {
	b, err := l.r.Peek(n)
	if err == io.EOF || errors.Is(err, bufio.ErrBufferFull) {
		err = nil
	}
	return b, err
}

func trimEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}
