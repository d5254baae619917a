package meter

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestPricesDocumented: PRICES.md says what the code charges.
func TestPricesDocumented(t *testing.T) {
	text, err := os.ReadFile("PRICES.md")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 6 || strings.HasPrefix(cells[1], "---") || strings.TrimSpace(cells[1]) == "class" {
			continue
		}
		got = append(got, strings.TrimSpace(cells[1])+" "+strings.TrimSpace(cells[2])+" "+strings.TrimSpace(cells[3]))
	}
	for _, p := range Prices() {
		want = append(want, fmt.Sprint(p.Class, " ", p.Gas, " ", p.Per))
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("PRICES.md has\n%s\nwant, from the code,\n%s", g, w)
	}
	if !strings.Contains(string(text), fmt.Sprintf("%d picoseconds", Unit)) {
		t.Errorf("PRICES.md does not name the unit of %d picoseconds", Unit)
	}
}

// TestSchedule: the digest stands for every price. It changes together with Version only.
func TestSchedule(t *testing.T) {
	const want = "5 3cd6da4a50557821df205d1f7e9dc3bbb4c65cfe3cdd8fcdaec4024ac465c6e1"
	if got := fmt.Sprintf("%d %x", Version, Digest()); got != want {
		t.Errorf("version and digest = %q, want %q: has a price changed without a new Version?", got, want)
	}
	text := Schedule()
	for _, line := range []string{"class div: 12 per 1", "op 6c: 1", "op 6d: 12", "op d2: 100", "op fc 0f: 250", "op 28: 3"} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("Schedule lacks the line %q", line)
		}
	}
	old := ops[0x6a].price
	defer func() { ops[0x6a].price = old }()
	ops[0x6a].price++
	if Schedule() == text {
		t.Error("Schedule is the same with another price of i32.add")
	}
}

// TestEveryOpPriced: only what does nothing is free.
func TestEveryOpPriced(t *testing.T) {
	free := map[int]bool{opUnreachable: true, 0x01: true, opBlock: true, opLoop: true, opElse: true, opEnd: true, opDrop: true}
	for code, o := range ops {
		if o.imm != immBad && code != opPrefix && (o.price == 0) != free[code] {
			t.Errorf("the price of 0x%02x is %d, free: %v", code, o.price, free[code])
		}
	}
	for sub := range uint32(numPrefixed) {
		if prefixedPrice(sub) == 0 {
			t.Errorf("0xfc %d is free", sub)
		}
	}
}
