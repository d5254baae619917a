package js

import (
	"encoding/base64"
	"encoding/json"
	"path"
	"sort"
	"strings"

	"github.com/kalima-chain/kalima/abi"
)

// A contract that was bundled from TypeScript may end with a map of its lines, in a comment:
//
//	//# sourceMappingURL=data:application/json;base64,...
//
// Faults then name the file and line that people wrote. The map never matters for an
// outcome: one that can not be read is left out. A map in a file is never looked for.

// origins maps places in a contract to those it was made from.
type origins struct {
	sources []string
	lines   [][]segment // by line, from 0
}

type segment struct{ column, source, line int }

const (
	mapMark     = "//# sourceMappingURL=data:application/json"
	maxSources  = 256
	maxSegments = 1 << 16
)

// origin replaces a place in the contract by the one it was made from. Column counts from 1.
func (p *program) origin(at *abi.Place, column int) {
	if at.Line == 1 {
		column -= len(before)
	}
	if o := p.origins; o != nil {
		if file, line, ok := o.find(at.Line-1, column-1); ok {
			at.File, at.Line = file, line
		}
	}
}

// find returns the origin of a place, which counts from 0.
func (o *origins) find(line, column int) (file string, origin int, ok bool) {
	if line < 0 || line >= len(o.lines) || len(o.lines[line]) == 0 {
		return "", 0, false
	}
	list := o.lines[line]
	i := max(sort.Search(len(list), func(i int) bool { return list[i].column > column })-1, 0)
	s := list[i]
	if s.source < 0 || s.source >= len(o.sources) || s.line < 0 {
		return "", 0, false
	}
	return o.sources[s.source], s.line + 1, true
}

// readOrigins takes the map off the end of a contract, and reads it: nil when there is none.
func readOrigins(src string) (string, *origins) {
	i := strings.LastIndex(src, "\n"+mapMark)
	if i < 0 || len(src)-i > MaxMap || strings.ContainsAny(strings.TrimSpace(src[i:]), "\r\n\u2028\u2029") {
		return src, nil
	}
	return src[:i], parseOrigins(src[i:])
}

func parseOrigins(text string) *origins {
	_, data, ok := strings.Cut(text, ";base64,")
	if !ok {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(data))
	if err != nil {
		return nil
	}
	var m struct {
		Version  int
		Sources  []string
		Mappings string
	}
	if json.Unmarshal(b, &m) != nil || m.Version != 3 || len(m.Sources) > maxSources {
		return nil
	}
	o := &origins{}
	for _, s := range m.Sources {
		o.sources = append(o.sources, sourceFile(s))
	}
	if !o.decode(m.Mappings) {
		return nil
	}
	return o
}

// sourceFile makes the name of a source fit to be shown.
func sourceFile(s string) string {
	s = abi.Clip(path.Clean("/" + s)[1:])
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// decode reads the mappings: lines split by ;, segments by , of numbers in base 64 that
// count from the segment before.
func (o *origins) decode(s string) bool {
	var source, line, total int
	for _, group := range strings.Split(s, ";") {
		var list []segment
		column := 0
		for _, text := range strings.Split(group, ",") {
			if text == "" {
				continue
			}
			n, ok := decodeVLQ(text)
			if total++; !ok || total > maxSegments {
				return false
			}
			column += n[0]
			seg := segment{column: column, source: -1}
			if len(n) >= 4 {
				source, line = source+n[1], line+n[2]
				seg.source, seg.line = source, line
			}
			list = append(list, seg)
		}
		sort.SliceStable(list, func(i, j int) bool { return list[i].column < list[j].column })
		if o.lines = append(o.lines, list); len(o.lines) > MaxSource {
			return false
		}
	}
	return true
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// decodeVLQ reads 1, 4 or 5 numbers.
func decodeVLQ(s string) ([]int, bool) {
	var list []int
	value, shift := 0, 0
	for i := range len(s) {
		d := strings.IndexByte(base64Digits, s[i])
		if d < 0 || shift > 25 {
			return nil, false
		}
		value |= d & 31 << shift
		if shift += 5; d&32 != 0 {
			continue
		}
		n := value >> 1
		if value&1 != 0 {
			n = -n
		}
		list, value, shift = append(list, n), 0, 0
		if len(list) > 5 {
			return nil, false
		}
	}
	return list, shift == 0 && (len(list) == 1 || len(list) == 4 || len(list) == 5)
}
