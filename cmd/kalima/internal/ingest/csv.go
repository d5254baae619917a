package ingest

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// csvReader reads records by the rules of RFC 4180, with any separator.
type csvReader struct {
	l         *lines
	separator rune
	header    []string
}

// record reads the next record. A *Reject leaves the reader at the end of the line it
// names, so that a broken quote costs one line, not the rest of the file.
func (c *csvReader) record() (fields []string, at int64, err error) {
	for {
		b, err := c.l.next()
		at := c.l.place.Line
		if errors.Is(err, errTooLong) {
			return nil, at, rejectf(at, "longer than %d bytes", MaxLine)
		}
		if err != nil {
			return nil, at, err
		}
		if len(bytes.TrimSpace(b)) == 0 {
			continue
		}
		text := bytes.Clone(b)
		if bytes.Count(text, []byte(`"`))%2 == 1 {
			// A quoted field goes on in the next lines. How far is only known when it ends, and
			// if it does not within MaxLine, this line alone is broken.
			more, lines, err := c.rest(len(text))
			if err != nil {
				return nil, at, err
			}
			if lines > 0 {
				whole := append(text, more...)
				if fields, err := c.parse(whole); err == nil {
					for range lines {
						if _, err := c.l.next(); err != nil {
							return nil, at, err
						}
					}
					return fields, at, nil
				}
			}
			return nil, at, rejectf(at, `quote " is not closed`)
		}
		fields, err := c.parse(text)
		if err != nil {
			return nil, at, rejectf(at, "%s", err)
		}
		return fields, at, nil
	}
}

// rest looks ahead for the lines that close an open quote: 0 lines when none do.
func (c *csvReader) rest(have int) (more []byte, lines int, err error) {
	ahead, err := c.l.peek(MaxLine - have)
	if err != nil {
		return nil, 0, err
	}
	for end := 0; ; {
		i := bytes.IndexByte(ahead[end:], '\n')
		if i < 0 {
			if end == len(ahead) {
				return nil, 0, nil
			}
			i = len(ahead) - end - 1
		}
		lines++
		odd := bytes.Count(ahead[end:end+i+1], []byte(`"`))%2 == 1
		end += i + 1
		if odd {
			return bytes.Clone(ahead[:end]), lines, nil
		}
	}
}

func (c *csvReader) parse(text []byte) ([]string, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8")
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma = c.separator
	r.FieldsPerRecord = -1
	fields, err := r.Read()
	var bad *csv.ParseError
	if errors.As(err, &bad) {
		return nil, fmt.Errorf("column %d: %w", bad.Column, bad.Err)
	}
	if err != nil {
		return nil, err
	}
	if _, err := r.Read(); err != io.EOF {
		return nil, errors.New("a quote inside the line is not closed where it should be")
	}
	if c.header != nil && len(fields) != len(c.header) {
		return nil, fmt.Errorf("%d fields, the header has %d", len(fields), len(c.header))
	}
	return fields, nil
}

// guess finds the separator of a header line: the one of , ; tab and | that it has most of.
func guess(header []byte) (rune, error) {
	best, most := ',', 0
	for _, r := range ",;\t|" {
		if n := bytes.Count(header, []byte(string(r))); n > most {
			best, most = r, n
		}
	}
	if most == 0 {
		return 0, errors.New("the first line has none of , ; tab | between columns: name the separator")
	}
	return best, nil
}

// ParseSeparator reads the name of a separator: one character, or "tab".
func ParseSeparator(s string) (rune, error) {
	if s == "tab" || s == `\t` {
		return '\t', nil
	}
	r, n := utf8.DecodeRuneInString(s)
	if n != len(s) || r == utf8.RuneError || strings.ContainsRune("\"\r\n", r) {
		return 0, fmt.Errorf("separator %q: want one character, or tab", s)
	}
	return r, nil
}
