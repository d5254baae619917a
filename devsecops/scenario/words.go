package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// split cuts a line into words.
func split(line string, files map[string]string) ([]string, error) {
	var words []string
	rest := strings.TrimSpace(line)
	if strings.HasPrefix(rest, "#") {
		return nil, nil
	}
	for rest != "" {
		var word string
		if rest[0] == '"' {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return nil, fmt.Errorf("a quote is not closed")
			}
			if word, err = strconv.Unquote(quoted); err != nil {
				return nil, fmt.Errorf("%s is not a quoted word", quoted)
			}
			rest = rest[len(quoted):]
			if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
				return nil, fmt.Errorf("no space after %s", quoted)
			}
		} else {
			end := strings.IndexAny(rest, " \t")
			if end < 0 {
				end = len(rest)
			}
			word, rest = rest[:end], rest[end:]
			if name, ok := strings.CutPrefix(word, "@"); ok {
				data, ok := files[name]
				if !ok {
					return nil, fmt.Errorf("the script has no file %q; put quotes around a word that begins with @", name)
				}
				word = data
			}
		}
		words = append(words, word)
		rest = strings.TrimLeft(rest, " \t")
	}
	return words, nil
}

// word writes a word so that split reads it again.
func word(s string) string {
	if s == "" || s[0] == '@' || s[0] == '"' || s[0] == '#' {
		return strconv.Quote(s)
	}
	if q := strconv.Quote(s); len(q) != len(s)+2 || strings.ContainsAny(s, " ") {
		return q
	}
	return s
}

func sentence(words ...string) string {
	for i := 1; i < len(words); i++ {
		words[i] = word(words[i])
	}
	return strings.Join(words, " ")
}

// nearest is the verb that a mistyped one is at most two letters from.
func nearest(verb string) string {
	best, found := 3, ""
	for _, v := range slices.Sorted(maps.Keys(forms)) {
		if d := distance(verb, v); d < best && d < len(v)-1 {
			best, found = d, v
		}
	}
	return found
}

// distance is how many letters must be changed, added or left out to make one word of another.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := min(row[j], row[j+1]) + 1
			if a[i] == b[j] {
				next = min(next, diagonal)
			} else {
				next = min(next, diagonal+1)
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
