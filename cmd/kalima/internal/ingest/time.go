package ingest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kalima-chain/kalima/abi"
)

// Layouts of a time of measurement, by the name of the format. Times without a zone are UTC.
var layouts = []string{
	time.RFC3339Nano,
	"2006-01-02 15:04:05.999999999",
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02",
}

// Formats are the names that ParseTime knows.
var Formats = []string{"auto", "s", "ms", "us"}

// ParseTime reads a time of measurement. Format "s", "ms" or "us" takes a number of Unix
// seconds, milliseconds or microseconds. "auto" takes RFC 3339, "2006-01-02 15:04:05" and
// "2006-01-02", and numbers by their size: below 10^11 they are seconds, below 10^14
// milliseconds, above microseconds.
func ParseTime(s, format string) (abi.Time, error) {
	s = strings.TrimSpace(s)
	if len(s) > 64 {
		return 0, fmt.Errorf("time of %d characters", len(s))
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		if format == "auto" {
			switch {
			case n < 1e11:
				format = "s"
			case n < 1e14:
				format = "ms"
			default:
				format = "us"
			}
		}
		us := n * map[string]float64{"s": 1e6, "ms": 1e3, "us": 1}[format]
		if !(us > 0 && us < 1e16) {
			return 0, fmt.Errorf("time %q is not between 1970 and 2286", s)
		}
		return abi.Time(us + 0.5), nil
	}
	if format == "auto" {
		for _, l := range layouts {
			if t, err := time.Parse(l, s); err == nil {
				if us := t.UnixMicro(); us > 0 && us < 1e16 {
					return abi.Time(us), nil
				}
				return 0, fmt.Errorf("time %q is not between 1970 and 2286", s)
			}
		}
		return 0, fmt.Errorf("time %q: want RFC 3339, 2006-01-02 15:04:05, or Unix seconds or milliseconds", s)
	}
	return 0, fmt.Errorf("time %q is not a number of Unix %s", s, format)
}
