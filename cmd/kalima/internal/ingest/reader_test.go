package ingest

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lineOf shows a row, or a reject, in one line.
func lineOf(row *Row, err error) string {
	var bad *Reject
	if errors.As(err, &bad) {
		return "reject " + bad.Error()
	}
	if err != nil {
		return err.Error()
	}
	s := fmt.Sprintf("%d", row.Line)
	if row.At != 0 {
		s += fmt.Sprintf(" @%d", row.At)
	}
	for _, v := range row.Values {
		s += fmt.Sprintf(" %s=%s", v.Key, v.Value)
	}
	return s
}

func readAll(t *testing.T, text string, o Options) []string {
	t.Helper()
	r, err := Open(strings.NewReader(text), o, Place{})
	if err != nil {
		t.Fatalf("Open(%q): %v", text, err)
	}
	var got []string
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		got = append(got, lineOf(row, err))
		if len(got) > 1000 {
			t.Fatalf("Next never ends")
		}
	}
}

func TestReader(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	for _, tt := range []struct {
		name, text string
		o          Options
		want       []string
	}{
		{"plain", "a,b\n1,2\n3,4\n", Options{}, []string{"2 a=1 b=2", "3 a=3 b=4"}},
		{"windows line ends, no last one", "a;b\r\n1;2\r\n3;4", Options{}, []string{"2 a=1 b=2", "3 a=3 b=4"}},
		{"mark and blank lines", "\xef\xbb\xbfa,b\n\n1,2\n\n", Options{}, []string{"3 a=1 b=2"}},
		{"tab", "a\tb\n1\t2\n", Options{}, []string{"2 a=1 b=2"}},
		{"separator named", "a|b;c\n1|2;3\n", Options{Separator: ';'}, []string{"2 a|b=1|2 c=3"}},
		{"quotes", "a,b\n\"1,5\",\"say \"\"hi\"\"\"\n", Options{}, []string{`2 a=1,5 b=say "hi"`}},
		{"line end in quotes", "a,b\n\"one\ntwo\",2\n3,4\n", Options{}, []string{"2 a=one\ntwo b=2", "4 a=3 b=4"}},
		{"empty field", "a,b\n1,\n", Options{}, []string{"2 a=1"}},
		{"too few", "a,b\n1\n2,3\n", Options{}, []string{"reject line 2: 1 fields, the header has 2", "3 a=2 b=3"}},
		{"too many", "a,b\n1,2,3\n2,3\n", Options{}, []string{"reject line 2: 3 fields, the header has 2", "3 a=2 b=3"}},
		{"open quote costs one line", "a,b\n\"1,2\n3,4\n5,6\n", Options{}, []string{`reject line 2: quote " is not closed`, "3 a=3 b=4", "4 a=5 b=6"}},
		{"two open quotes", "a,b\n\"1,2\n3,4\n\"5,6\n7,8\n", Options{},
			[]string{`reject line 2: quote " is not closed`, "3 a=3 b=4", `reject line 4: quote " is not closed`, "5 a=7 b=8"}},
		{"bare quote", "a,b\n1\"x\"y,2\n3,4\n", Options{}, []string{`reject line 2: column 2: bare " in non-quoted-field`, "3 a=3 b=4"}},
		{"not text", "a,b\n\xff,2\n3,4\n", Options{}, []string{"reject line 2: not UTF-8", "3 a=3 b=4"}},
		{"line too long", "a,b\n" + long + ",2\n3,4\n", Options{}, []string{"reject line 2: longer than 65536 bytes", "3 a=3 b=4"}},
		{"value too long", "a,b\n" + long[:15361] + ",2\n3,4\n", Options{},
			[]string{`reject line 2: column "a": value of 15361 bytes, at most 15360: a block holds 16 KiB`, "3 a=3 b=4"}},
		{"time", "t,a\n2020-02-08 13:30:47,1\nlater,2\n", Options{TimeColumn: "t"},
			[]string{"2 @1581168647000000 a=1", `reject line 3: column "t": time "later": want RFC 3339, 2006-01-02 15:04:05, or Unix seconds or milliseconds`}},
		{"some columns", "a,b,c\n1,2,3\n", Options{Columns: []string{"c", "a"}}, []string{"2 a=1 c=3"}},
		{"key column", "id,a,b\nx,1,two\n,3,4\n", Options{KeyColumn: "id"},
			[]string{`2 x={"id":"x","a":1,"b":"two"}`, `reject line 3: column "id": key is empty`}},
		{"lines", `{"a":1,"b":"two","c":null,"d":{"e": [1, 2]}}` + "\n", Options{}, []string{`1 a=1 b=two d={"e":[1,2]}`}},
		{"numbers stay as written", `{"a":1.10,"b":12345678901234567890}` + "\n", Options{}, []string{"1 a=1.10 b=12345678901234567890"}},
		{"broken lines", "{\"a\":1}\n{\"a\":\n[1]\n{\"a\":1} {\"b\":2}\n{\"a\":1,\"a\":2}\n{\"a\":4}\n", Options{}, []string{
			"1 a=1", "reject line 2: the JSON object is not complete", "reject line 3: not a JSON object",
			"reject line 4: more than one JSON value in the line", `reject line 5: field "a" stands twice`, "6 a=4"}},
		{"no time", "{\"a\":1}\n", Options{TimeColumn: "t"}, []string{`reject line 1: no field "t"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := readAll(t, tt.text, tt.o)
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("rows =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		o          Options
		want       string
	}{
		{"empty", " \n", Options{}, "the file is empty"},
		{"one column", "a\n1\n", Options{}, "the first line has none of , ; tab | between columns: name the separator"},
		{"nameless column", "a,,c\n", Options{}, "header: column 2 has no name"},
		{"twice", "a,a\n", Options{}, `header: two columns are named "a"`},
		{"no such column", "a,b\n", Options{TimeColumn: "t"}, `no column "t"; there are: a, b`},
		{"too many", strings.Repeat("c,", 200) + "z\n", Options{}, "header: two columns"},
		{"format", "a,b\n", Options{Format: "xml"}, `format "xml": want csv or jsonl`},
		{"time format", "a,b\n", Options{TimeFormat: "ns"}, `time format "ns" is not one of`},
	} {
		_, err := Open(strings.NewReader(tt.text), tt.o, Place{})
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: Open = %v, want %q", tt.name, err, tt.want)
		}
	}
}

// Reading on from the end of any row gives the rows after it.
func TestPlaces(t *testing.T) {
	text := "\xef\xbb\xbfa;b\r\n1;2\r\n\r\nbroken\r\n\"x\r\ny\";3\r\n4;5"
	f := strings.NewReader(text)
	all, err := Open(f, Options{}, Place{})
	if err != nil {
		t.Fatal(err)
	}
	var ends []Place
	var rows []string
	for {
		row, err := all.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		ends, rows = append(ends, row.End), append(rows, lineOf(row, err))
	}
	if len(rows) != 4 {
		t.Fatalf("rows = %q, want 4", rows)
	}
	for i, end := range ends {
		r, err := Open(strings.NewReader(text), Options{}, end)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			got = append(got, lineOf(row, err))
		}
		if strings.Join(got, "|") != strings.Join(rows[i+1:], "|") {
			t.Errorf("after %+v: rows = %q, want %q", end, got, rows[i+1:])
		}
	}
}

// Real files give as many rows, with the same fields, as the standard library finds.
func TestRealFiles(t *testing.T) {
	data := sharedData(t)
	for _, tt := range []struct{ pattern, time string }{{"skab/*.csv", "datetime"}, {"skab/*/*.csv", "datetime"}, {"nab/*.csv", "timestamp"}, {"scms-shipments/*.csv", ""}} {
		paths, err := filepath.Glob(filepath.Join(data, tt.pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no files %s in %s: %v", tt.pattern, data, err)
		}
		for _, path := range paths {
			compare(t, path, tt.time)
		}
	}
}

func compare(t *testing.T, path, timeColumn string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := Open(f, Options{TimeColumn: timeColumn}, Place{})
	if err != nil {
		t.Fatalf("Open(%s): %v", path, err)
	}
	g, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	want := csv.NewReader(g)
	want.Comma = r.csv.separator
	header, err := want.Read()
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		fields, wantErr := want.Read()
		row, err := r.Next()
		if wantErr == io.EOF && err == io.EOF {
			return
		}
		if wantErr != nil || err != nil {
			t.Fatalf("%s: row %d: Next: %v; encoding/csv: %v", path, n, err, wantErr)
		}
		if timeColumn != "" && row.At == 0 {
			t.Fatalf("%s: row %d has no time", path, n)
		}
		i := 0
		for j, text := range fields {
			if header[j] == timeColumn || strings.TrimSpace(text) == "" {
				continue
			}
			if v := row.Values[i]; v.Key != strings.TrimPrefix(header[j], "\ufeff") || string(v.Value) != text {
				t.Fatalf("%s: row %d: %s = %q, want %s = %q", path, n, v.Key, v.Value, header[j], text)
			}
			i++
		}
	}
}

// sharedData finds the folder of real data beside the checkout.
func sharedData(t *testing.T) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	data := filepath.Join(dir, "..", "shared", "data")
	if _, err := os.Stat(data); err != nil {
		t.Skipf("the real data is not beside the checkout: %v", err)
	}
	return data
}

func TestParseTime(t *testing.T) {
	for _, tt := range []struct {
		in, format string
		want       int64
	}{
		{"2026-01-02T03:04:05Z", "auto", 1767323045000000},
		{"2026-01-02T03:04:05.25+01:00", "auto", 1767319445250000},
		{"2026-01-02 03:04:05", "auto", 1767323045000000},
		{"1767323045", "auto", 1767323045000000},
		{"1767323045.5", "auto", 1767323045500000},
		{"1767323045123", "auto", 1767323045123000},
		{"1767323045123456", "auto", 1767323045123456},
		{"1767323045123", "ms", 1767323045123000},
		{"1969-12-31 23:59:59", "auto", -1},
		{"-5", "auto", -1},
		{"NaN", "auto", -1},
		{"1e300", "s", -1},
		{"yesterday", "auto", -1},
		{"2026-01-02", "s", -1},
	} {
		got, err := ParseTime(tt.in, tt.format)
		if tt.want < 0 && err == nil || tt.want >= 0 && (err != nil || int64(got) != tt.want) {
			t.Errorf("ParseTime(%q, %s) = %d, %v; want %d", tt.in, tt.format, got, err, tt.want)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add("a,b\n\"1\n\",2\n3\n")
	f.Add("{\"a\":1}\n{")
	f.Add("a;b\n\";\"\";\n1;2")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Open(strings.NewReader(text), Options{}, Place{})
		if err != nil {
			return
		}
		last := r.Place()
		for range len(text) + 2 {
			row, err := r.Next()
			var bad *Reject
			switch {
			case errors.Is(err, io.EOF):
				if r.Place().Offset != int64(len(text)) {
					t.Fatalf("end at %d of %d bytes", r.Place().Offset, len(text))
				}
				return
			case err != nil && !errors.As(err, &bad):
				t.Fatalf("Next: %v", err)
			case row.End.Offset <= last.Offset || row.End.Line <= last.Line:
				t.Fatalf("row ends at %+v, the one before at %+v", row.End, last)
			}
			last = row.End
		}
		t.Fatal("Next never ends")
	})
}
