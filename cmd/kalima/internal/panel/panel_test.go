package panel

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func example() *View {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return &View{
		Now: now, Since: now.Add(-133 * time.Second), Name: "dev", Chain: "1b91df40c2e1", Home: ".kalima/dev",
		Height: 12345, BlocksPerS: 2, EventsPerS: 14.04, P50: 3100 * time.Microsecond, P99: 7900 * time.Microsecond, Samples: 60,
		Where: "a subscriber", Leader: "master-2",
		Masters: []Master{
			{Name: "master-1", Address: "127.0.0.1:41001", Role: "follower", Height: 12345, Ledger: "ab12cd34ef56"},
			{Name: "master-2", Address: "127.0.0.1:41002", Role: "leader", Height: 12345, Ledger: "ab12cd34ef56"},
			{Name: "master-3", Address: "127.0.0.1:41003", Down: true},
		},
		Sensors: []Line{{"cpu", "12.5 %"}, {"load1", "0.8"}, {"mem used", "40.1 %"}},
		Alarms:  []Alarm{{Address: "/alarms/here", Key: "cpu_percent", Value: "high 97", At: now.Add(-12 * time.Second), Raised: true}},
		Hint:    "try: kalima status",
	}
}

func TestDraw(t *testing.T) {
	want := strings.Join([]string{
		" kalima dev   chain 1b91df40c2e1   .kalima/dev   up 2m13s",
		"",
		" height    12,345         blocks/s  2.0",
		" events/s  14.0           leader    master-2",
		" deliver   p50 3.1 ms, p99 7.9 ms, from submit to a subscriber",
		" alarms    1 raised",
		"           /alarms/here cpu_percent  high 97  (12s ago)",
		"",
		" MASTER    ADDRESS          ROLE             HEIGHT  LEDGER",
		" master-1  127.0.0.1:41001  follower         12,345  ab12cd34ef56",
		" master-2  127.0.0.1:41002  leader           12,345  ab12cd34ef56",
		" master-3  127.0.0.1:41003  down                  -  -",
		"",
		" THIS MACHINE",
		" cpu       12.5 %   load1        0.8   mem used  40.1 %",
		"",
		" try: kalima status   Ctrl-C stops",
	}, "\n")
	if got := example().Draw(80, 24, false); got != want {
		t.Errorf("Draw(80, 24) =\n%s\nwant\n%s", got, want)
	}
}

// Whatever the terminal's size, nothing runs over its edges, and what matters most is there.
func TestDrawFits(t *testing.T) {
	for width := 1; width <= 120; width += 7 {
		for height := 1; height <= 40; height++ {
			got := example().Draw(width, height, false)
			lines := strings.Split(got, "\n")
			if len(lines) > height {
				t.Fatalf("Draw(%d, %d) has %d lines", width, height, len(lines))
			}
			for _, l := range lines {
				if n := utf8.RuneCountInString(l); n > width {
					t.Fatalf("Draw(%d, %d) has a line of %d columns: %q", width, height, n, l)
				}
			}
			if width >= 80 && height >= 8 && !strings.Contains(got, "1 raised") {
				t.Errorf("Draw(%d, %d) hides the alarm:\n%s", width, height, got)
			}
		}
	}
}

func TestDrawColour(t *testing.T) {
	plain, coloured := example().Draw(80, 24, false), example().Draw(80, 24, true)
	if strings.Contains(plain, "\x1b") {
		t.Errorf("Draw without colour has an escape: %q", plain)
	}
	for _, code := range []string{bold, dim, accent, red, reset} {
		coloured = strings.ReplaceAll(coloured, code, "")
	}
	if coloured != plain {
		t.Errorf("colour changes the text:\n%s\nwant\n%s", coloured, plain)
	}
}

func TestPlain(t *testing.T) {
	want := "12:00:00  height 12345  2.0 blocks/s  14.0 events/s  deliver p50 3.1 ms p99 7.9 ms  leader master-2  alarms 1  master-3 down"
	if got := example().Plain(); got != want {
		t.Errorf("Plain() = %q, want %q", got, want)
	}
	empty := &View{Now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	want = "12:00:00  height 0  0.0 blocks/s  0.0 events/s  deliver p50 - p99 -  leader none  alarms 0"
	if got := empty.Plain(); got != want {
		t.Errorf("Plain() of nothing = %q, want %q: what was not measured has no number", got, want)
	}
}
