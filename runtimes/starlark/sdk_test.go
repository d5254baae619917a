package starlark

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The editors' file of the SDK, and its README, name what the runtime provides.
func TestSDKNames(t *testing.T) {
	stub, err := os.ReadFile("../../contracts-sdk/starlark/kalima.pyi")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../contracts-sdk/starlark/README.md")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`(?m)^    (?:def )?([a-z0-9_]+)[(:]`)
	for class, want := range map[string][]string{
		"Event": eventNames, "kalima": append(kalima.AttrNames(), "event"),
		"json": predeclared["json"].(*record).AttrNames(), "math": predeclared["math"].(*record).AttrNames(),
	} {
		_, body, _ := strings.Cut(string(stub), "\nclass "+class+":\n")
		body, _, _ = strings.Cut(body, "\nclass ")
		var got []string
		for _, m := range name.FindAllStringSubmatch(body, -1) {
			got = append(got, m[1])
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("class %s of kalima.pyi has %q, want %q", class, got, want)
		}
		if class == "math" {
			continue
		}
		for _, n := range want {
			if !strings.Contains(string(readme), n+"`") && !strings.Contains(string(readme), n+"(") {
				t.Errorf("the README does not name %s of %s", n, class)
			}
		}
	}
}
