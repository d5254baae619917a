package threshold_test

import (
	"fmt"
	"testing"

	"github.com/kalima-chain/kalima/examples/internal/exampletest"
)

// TestReadme plays the story of the README in all five languages.
func TestReadme(t *testing.T) {
	f := loadFive(t)
	var lines []string
	for _, s := range []step{
		{key: "temperature", value: "71.5"},
		{key: "temperature", value: "104"},
		{key: "temperature", value: "95"},
		{key: "temperature", value: "warm"},
		{key: "temperature", value: "89.5"},
		{key: "_threshold", value: "80 75"},
		{key: "temperature", value: "8.01e1"},
	} {
		s = s.withAddress()
		r, err := f.run(t, s)
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("put %s %s %q", s.address, s.key, s.value)
		if r.Fault != nil {
			lines = append(lines, line, "    "+r.Fault.Error())
			continue
		}
		lines = append(lines, line)
		for _, w := range r.Writes {
			where := string(w.Address)
			if w.Address == state {
				where = "state"
			}
			lines = append(lines, fmt.Sprintf("    %s  %s = %s", where, w.Key, w.Value))
		}
	}
	exampletest.CheckReadme(t, lines)
}
