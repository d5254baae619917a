package js

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/host"
)

// vlq writes the numbers of a segment.
func vlq(numbers ...int) string {
	var b strings.Builder
	for _, n := range numbers {
		v := n << 1
		if n < 0 {
			v = -n<<1 | 1
		}
		for {
			d := v & 31
			if v >>= 5; v > 0 {
				d |= 32
			}
			b.WriteByte(base64Digits[d])
			if v == 0 {
				break
			}
		}
	}
	return b.String()
}

func mapComment(json string) string {
	return "\n//# sourceMappingURL=data:application/json;charset=utf-8;base64," + base64.StdEncoding.EncodeToString([]byte(json)) + "\n"
}

// The bundle's first line comes from lines 12 and 20 of a.ts, its second from line 3 of b.ts.
const mapped = `var kalima_abi = 1; function validate() { inner(); }
function inner() { null.x; }`

func TestOrigins(t *testing.T) {
	first := vlq(0, 0, 11, 0) + "," + vlq(42, 0, 8, 0)
	second := vlq(0, 1, -17, 0)
	good := `{"version":3,"sources":["../src/a.ts","b.ts"],"names":[],"mappings":"` + first + ";" + second + `"}`
	for _, tt := range []struct{ name, comment, detail string }{
		{"none", "", "line 2 in inner, line 1 in validate"},
		{"good", mapComment(good), "b.ts:3 in inner, src/a.ts:20 in validate"},
		{"another version", mapComment(strings.Replace(good, "3", "4", 1)), "line 2 in inner, line 1 in validate"},
		{"no JSON", mapComment("{"), "line 2 in inner, line 1 in validate"},
		{"digits that are none", mapComment(`{"version":3,"sources":["a.ts"],"mappings":"!"}`), "line 2 in inner, line 1 in validate"},
		{"a number without end", mapComment(`{"version":3,"sources":["a.ts"],"mappings":"g"}`), "line 2 in inner, line 1 in validate"},
		{"a number too large", mapComment(`{"version":3,"sources":["a.ts"],"mappings":"gggggggggggA"}`), "line 2 in inner, line 1 in validate"},
		{"a source that is not there", mapComment(`{"version":3,"sources":[],"mappings":"AAAA;AAAA"}`), "line 2 in inner, line 1 in validate"},
		{"a line before the first", mapComment(`{"version":3,"sources":["a.ts"],"mappings":"AAFA;AAAA"}`), "line 2 in inner, line 1 in validate"},
		{"a control character in a name", mapComment(`{"version":3,"sources":["a\nb.ts"],"mappings":"AAAA;AAAA"}`), "ab.ts:1 in inner, ab.ts:1 in validate"},
		{"a file", "\n//# sourceMappingURL=contract.js.map\n", "line 2 in inner, line 1 in validate"},
		{"in the middle", mapComment(good) + "var x = 1;", "line 2 in inner, line 1 in validate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := run(t, mapped+tt.comment, host.Limits{})
			if res.Fault == nil || res.Fault.Detail != tt.detail {
				t.Errorf("fault = %+v, want it at %q", res.Fault, tt.detail)
			}
		})
	}
}

// TestMapIsNoSource proves that a long map takes no room of the source, and changes no gas.
func TestMapIsNoSource(t *testing.T) {
	long := mapComment(`{"version":3,"sources":["a.ts"],"sourcesContent":["` + strings.Repeat("x", 2*MaxSource) + `"],"mappings":"AAAA"}`)
	plain, with := run(t, mapped, host.Limits{}), run(t, mapped+long, host.Limits{})
	if plain.Used.Gas != with.Used.Gas || with.Fault.Message != plain.Fault.Message {
		t.Errorf("with a map: %d gas, %v; without: %d gas, %v", with.Used.Gas, with.Fault, plain.Used.Gas, plain.Fault)
	}
}

// FuzzOrigins: no map panics, and a place it gives is one that it names.
func FuzzOrigins(f *testing.F) {
	f.Add(`{"version":3,"sources":["a.ts"],"mappings":"AAAA,CAAC;AACA"}`, 1, 1)
	f.Fuzz(func(t *testing.T, json string, line, column int) {
		o := parseOrigins(mapComment(json))
		if o == nil {
			return
		}
		if file, origin, ok := o.find(line, column); ok && (origin < 1 || len(file) > 256 || strings.ContainsAny(file, "\r\n")) {
			t.Fatalf("find(%d, %d) in %q = %q, %d", line, column, json, file, origin)
		}
	})
}
