//go:build wasip1

// Command threshold is the contract of examples/threshold in Go: per key it keeps count,
// minimum, maximum and last alarm, and raises an alarm with hysteresis. The README beside
// this folder says exactly what it does.
package main

import (
	"strconv"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/contracts-sdk/go/contract"
)

const (
	settingsKey     = "_threshold"
	defaultSettings = "100 90"
	alarms          = "/alarms"
	maxNumber       = 64 // bytes
	maxCount        = 15 // digits
)

// The reasons for a rejection.
const (
	notANumber   = 1
	nameTooLong  = 2
	badSettings  = 3
	brokenRecord = 4
)

//go:wasmexport validate
func validate() int32 {
	if abi.OpKind(contract.Number(abi.NumberOp)) == abi.Delete {
		return contract.Accept
	}
	address, key := string(contract.Field(abi.FieldAddress)), string(contract.Field(abi.FieldKey))
	value := string(contract.Field(abi.FieldValue))
	record, settings := address+"#"+key, address+"#"+settingsKey
	if len(record) > abi.MaxKey || len(settings) > abi.MaxKey || strings.Count(address, "/") >= abi.MaxSegments {
		contract.Reject(nameTooLong, "address or key is too long")
	}
	if key == settingsKey {
		if _, _, ok := parseSettings(value); !ok {
			contract.Reject(badSettings, "threshold must be: high low")
		}
		contract.Put("", record, []byte(value))
		return contract.Accept
	}
	v, ok := parseNumber(value)
	if !ok {
		contract.Reject(notANumber, "value is not a number")
	}
	high, low, ok := parseSettings(get(settings, defaultSettings))
	s, readable := parseStats(get(record, "0 "+value+" "+value+" 0 0"))
	if !ok || !readable {
		contract.Reject(brokenRecord, "record is not readable")
	}

	s.count++
	if n, _ := parseNumber(s.min); v < n {
		s.min = value
	}
	if n, _ := parseNumber(s.max); v > n {
		s.max = value
	}
	now := strconv.FormatInt(contract.Number(abi.NumberTime), 10)
	change := ""
	switch {
	case s.alarm == "0" && v > high:
		s.alarm, s.last, change = "1", now, "high"
	case s.alarm == "1" && v < low:
		s.alarm, change = "0", "clear"
	}
	contract.Put("", record, []byte(s.String()))
	if change != "" {
		contract.Put(alarms+address, key, []byte(change+" "+value+" "+now))
	}
	return contract.Accept
}

// stats is the record of one key: "count min max alarm last".
type stats struct {
	count    uint64
	min, max string // as they were written
	alarm    string // "1" while the alarm is raised, else "0"
	last     string // time of the last alarm raised, "0" before the first
}

func (s stats) String() string {
	return strconv.FormatUint(s.count, 10) + " " + s.min + " " + s.max + " " + s.alarm + " " + s.last
}

func parseStats(text string) (stats, bool) {
	f := strings.Split(text, " ")
	if len(f) != 5 {
		return stats{}, false
	}
	count, err := strconv.ParseUint(f[0], 10, 64)
	_, minOK := parseNumber(f[1])
	_, maxOK := parseNumber(f[2])
	return stats{count, f[1], f[2], f[3], f[4]}, err == nil && len(f[0]) <= maxCount && minOK && maxOK
}

// parseSettings reads "high low", where low is at most high.
func parseSettings(text string) (high, low float64, ok bool) {
	a, b, _ := strings.Cut(text, " ")
	high, highOK := parseNumber(a)
	low, lowOK := parseNumber(b)
	return high, low, highOK && lowOK && low <= high
}

// parseNumber reads a number by the grammar of the README. The scan comes first, so that
// all five languages accept the same texts; strconv alone would take 0x10 and inf.
func parseNumber(text string) (float64, bool) {
	if len(text) > maxNumber {
		return 0, false
	}
	rest := digits(sign(text))
	if rest == sign(text) {
		return 0, false
	}
	if strings.HasPrefix(rest, ".") {
		fraction := rest[1:]
		if rest = digits(fraction); rest == fraction {
			return 0, false
		}
	}
	if strings.HasPrefix(rest, "e") || strings.HasPrefix(rest, "E") {
		exponent := sign(rest[1:])
		if rest = digits(exponent); rest == exponent || len(exponent)-len(rest) > 3 {
			return 0, false
		}
		if n, _ := strconv.Atoi(exponent[:len(exponent)-len(rest)]); n > 200 {
			return 0, false
		}
	}
	if rest != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil
}

// sign and digits return what follows an optional sign and any number of digits.
func sign(s string) string {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		return s[1:]
	}
	return s
}

func digits(s string) string {
	for s != "" && '0' <= s[0] && s[0] <= '9' {
		s = s[1:]
	}
	return s
}

// get returns a value of the contract's own state, or instead when there is none.
func get(key, instead string) string {
	if v, ok := contract.Get("", key); ok {
		return string(v)
	}
	return instead
}

func main() {}
