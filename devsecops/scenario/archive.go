package scenario

import "strings"

// unpack splits a txtar archive: the text before its first file, and the files by name. A
// file begins with a line -- NAME -- and ends where the next one begins.
func unpack(text string) (script string, files map[string]string) {
	files = map[string]string{}
	name, begin, pos := "", 0, 0
	keep := func(end int) {
		if name == "" {
			script = text[:end]
		} else {
			files[name] = text[begin:end]
		}
	}
	for line := range strings.Lines(text) {
		inner, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "-- ")
		inner, closed := strings.CutSuffix(inner, " --")
		if inner = strings.TrimSpace(inner); ok && closed && inner != "" {
			keep(pos)
			name, begin = inner, pos+len(line)
		}
		pos += len(line)
	}
	keep(len(text))
	return script, files
}
