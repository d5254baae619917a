package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
)

// Options says what to make of a file.
type Options struct {
	Format     string   `json:"format"`                // "csv", "jsonl", or "" to tell by the first character
	Separator  rune     `json:"separator,omitempty"`   // 0: find out from the header
	TimeColumn string   `json:"time_column,omitempty"` // column with the time of measurement; not a key then
	TimeFormat string   `json:"time_format,omitempty"` // see ParseTime; empty means auto
	Columns    []string `json:"columns,omitempty"`     // only these; nil means all
	KeyColumn  string   `json:"key_column,omitempty"`  // the row becomes one JSON value under the key this column holds
}

// Row is one row: at most one value for each key, in the order of the columns.
type Row struct {
	Line   int64 // where it begins
	End    Place // where it ends
	At     abi.Time
	Values []Value
	Empty  int // fields without content: they change nothing
}

// Value is what a row says about one key.
type Value struct {
	Key   string
	Value []byte
}

// Reader reads the rows of one file.
type Reader struct {
	o   Options
	l   *lines
	csv *csvReader // nil for JSON lines
}

// Open reads the head of a file and goes to a place in it; the zero Place is its begin.
func Open(f io.ReadSeeker, o Options, from Place) (*Reader, error) {
	if o.TimeFormat == "" {
		o.TimeFormat = "auto"
	}
	if !slices.Contains(Formats, o.TimeFormat) {
		return nil, fmt.Errorf("time format %q is not one of %v", o.TimeFormat, Formats)
	}
	r := &Reader{o: o, l: newLines(f, Place{})}
	head, err := r.l.peek(MaxLine)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) { // the mark some spreadsheets put first
		r.l.r.Discard(3)
		r.l.place.Offset, head = 3, head[3:]
	}
	if len(bytes.TrimSpace(head)) == 0 {
		return nil, errors.New("the file is empty")
	}
	if r.o.Format == "" {
		if r.o.Format = "csv"; bytes.TrimSpace(head)[0] == '{' {
			r.o.Format = "jsonl"
		}
	}
	switch r.o.Format {
	case "csv":
		if err := r.header(head); err != nil {
			return nil, err
		}
	case "jsonl":
	default:
		return nil, fmt.Errorf("format %q: want csv or jsonl", r.o.Format)
	}
	if from != (Place{}) && from != r.l.place {
		if _, err := f.Seek(from.Offset, io.SeekStart); err != nil {
			return nil, err
		}
		place := from
		*r.l = *newLines(f, place)
	}
	return r, nil
}

// Describe says in a few words what the file was taken for.
func (r *Reader) Describe() string {
	if r.csv == nil {
		return "JSON lines"
	}
	name := string(r.csv.separator)
	if name == "\t" {
		name = "tab"
	}
	return fmt.Sprintf("CSV, separator %s, %d columns", name, len(r.csv.header))
}

func (r *Reader) header(head []byte) error {
	line, _, _ := bytes.Cut(bytes.TrimLeft(head, "\r\n"), []byte("\n"))
	sep := r.o.Separator
	if sep == 0 {
		var err error
		if sep, err = guess(line); err != nil {
			return err
		}
	}
	r.csv = &csvReader{l: r.l, separator: sep}
	fields, _, err := r.csv.record()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	seen := map[string]bool{}
	for i, name := range fields {
		name = strings.TrimSpace(name)
		fields[i] = name
		if name == "" {
			return fmt.Errorf("header: column %d has no name", i+1)
		}
		if err := abi.CheckKey(name); err != nil {
			return fmt.Errorf("header: column %d: %w", i+1, err)
		}
		if seen[name] {
			return fmt.Errorf("header: two columns are named %q", name)
		}
		seen[name] = true
	}
	for _, want := range append([]string{r.o.TimeColumn, r.o.KeyColumn}, r.o.Columns...) {
		if want != "" && !seen[want] {
			return fmt.Errorf("no column %q; there are: %s", want, strings.Join(fields, ", "))
		}
	}
	keys := 0
	for _, name := range fields {
		if r.wanted(name) {
			keys++
		}
	}
	if keys > chain.MaxOps && r.o.KeyColumn == "" {
		return fmt.Errorf("%d columns, at most %d keys in one transaction: choose some of them", keys, chain.MaxOps)
	}
	r.csv.header = fields
	return nil
}

// wanted reports whether a column becomes a key.
func (r *Reader) wanted(name string) bool {
	return name != r.o.TimeColumn && (r.o.Columns == nil || slices.Contains(r.o.Columns, name))
}

// Next returns the next row, a *Reject for a line that is wrong, or io.EOF.
func (r *Reader) Next() (*Row, error) {
	var names []string
	var values [][]byte
	row := &Row{}
	if r.csv != nil {
		fields, at, err := r.csv.record()
		row.Line, row.End = at, r.l.place
		if err != nil {
			return row, err
		}
		names = r.csv.header
		for _, f := range fields {
			values = append(values, []byte(f))
		}
	} else {
		line, err := r.jsonLine(row)
		if err != nil {
			return row, err
		}
		if names, values, err = object(line); err != nil {
			return row, rejectf(row.Line, "%s", err)
		}
	}
	if err := r.fill(row, names, values); err != nil {
		return row, rejectf(row.Line, "%s", err)
	}
	return row, nil
}

// Place is where the reader is.
func (r *Reader) Place() Place { return r.l.place }

func (r *Reader) jsonLine(row *Row) ([]byte, error) {
	for {
		b, err := r.l.next()
		row.Line, row.End = r.l.place.Line, r.l.place
		if errors.Is(err, errTooLong) {
			return nil, rejectf(row.Line, "longer than %d bytes", MaxLine)
		}
		if err != nil {
			return nil, err
		}
		if b = bytes.TrimSpace(trimEnd(b)); len(b) > 0 {
			return b, nil
		}
	}
}

func (r *Reader) fill(row *Row, names []string, values [][]byte) error {
	var key string
	doc := []byte{'{'}
	found := map[string]bool{}
	for i, name := range names {
		v := values[i]
		if found[name] {
			return fmt.Errorf("field %q stands twice", name)
		}
		found[name] = true
		if name == r.o.TimeColumn {
			t, err := ParseTime(string(v), r.o.TimeFormat)
			if err != nil {
				return fmt.Errorf("column %q: %w", name, err)
			}
			row.At = t
		}
		if name == r.o.KeyColumn {
			key = strings.TrimSpace(string(v))
		}
		if !r.wanted(name) {
			continue
		}
		if len(bytes.TrimSpace(v)) == 0 {
			row.Empty++
			continue
		}
		if r.o.KeyColumn != "" {
			n, _ := json.Marshal(name)
			doc = append(append(append(doc, n...), ':'), jsonValue(v)...)
			doc = append(doc, ',')
			continue
		}
		if err := abi.CheckKey(name); err != nil {
			return err
		}
		if err := abi.CheckValue(v); err != nil {
			return fmt.Errorf("column %q: %w", name, err)
		}
		row.Values = append(row.Values, Value{name, v})
	}
	if r.o.TimeColumn != "" && !found[r.o.TimeColumn] {
		return fmt.Errorf("no field %q", r.o.TimeColumn)
	}
	if r.o.KeyColumn != "" {
		if err := abi.CheckKey(key); err != nil {
			return fmt.Errorf("column %q: %w", r.o.KeyColumn, err)
		}
		doc = append(bytes.TrimSuffix(doc, []byte(",")), '}')
		if err := abi.CheckValue(doc); err != nil {
			return err
		}
		row.Values = []Value{{key, doc}}
	}
	if len(row.Values) > chain.MaxOps {
		return fmt.Errorf("%d fields, at most %d keys in one transaction", len(row.Values), chain.MaxOps)
	}
	return nil
}

// jsonValue keeps numbers, objects and arrays of JSON lines as they are and writes the rest
// as a string.
func jsonValue(v []byte) []byte {
	if json.Valid(v) {
		return v
	}
	b, _ := json.Marshal(string(v))
	return b
}

// object reads the fields of a JSON object in their order: a string as its text, null as
// nothing, and everything else as it is written.
func object(line []byte) (names []string, values [][]byte, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	t, err := d.Token()
	if err != nil {
		return nil, nil, jsonError(err)
	}
	if t != json.Delim('{') {
		return nil, nil, errors.New("not a JSON object")
	}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, nil, jsonError(err)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, nil, jsonError(err)
		}
		v := []byte(raw)
		switch {
		case string(raw) == "null":
			v = nil
		case raw[0] == '"':
			var s string
			if err := json.Unmarshal(raw, &s); err != nil {
				return nil, nil, jsonError(err)
			}
			v = []byte(s)
		case raw[0] == '{' || raw[0] == '[':
			var buf bytes.Buffer
			if err := json.Compact(&buf, raw); err != nil {
				return nil, nil, jsonError(err)
			}
			v = buf.Bytes()
		}
		names, values = append(names, k.(string)), append(values, v)
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, jsonError(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, nil, errors.New("more than one JSON value in the line")
	}
	return names, values, nil
}

func jsonError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON object is not complete")
	}
	return fmt.Errorf("not JSON: %s", strings.TrimPrefix(err.Error(), "json: "))
}
