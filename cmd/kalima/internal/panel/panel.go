// Package panel draws what `kalima dev` shows: a panel that fits a terminal, or one plain
// line. It is pure text in, text out; who writes it where, and when, is the caller's.
package panel

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// View is what there is to see at one moment.
type View struct {
	Now    time.Time
	Since  time.Time // when this run started
	Name   string    // of the chain
	Chain  string    // its id, short
	Home   string
	Height uint64

	BlocksPerS float64
	EventsPerS float64
	P50, P99   time.Duration // from submit to delivered
	Samples    int           // that the two rest on; 0: nothing was measured
	Where      string        // where delivery is measured, in words

	Leader  string // empty: there is none
	Masters []Master
	Sensors []Line // of this machine
	Alarms  []Alarm
	Note    string // a failure, when there is one
	Hint    string // a command to try
}

// Master is a row of the table.
type Master struct {
	Name, Address, Role string
	Height              uint64
	Ledger              string
	Down                bool
}

// Line is a name and a value.
type Line struct{ Name, Value string }

// Alarm is the current value of a key under /alarms.
type Alarm struct {
	Address, Key, Value string
	At                  time.Time
	Raised              bool
}

// Raised counts the alarms that are not cleared.
func (v *View) Raised() (n int) {
	for _, a := range v.Alarms {
		if a.Raised {
			n++
		}
	}
	return n
}

// Plain is the view in one line, for logs.
func (v *View) Plain() string {
	leader := v.Leader
	if leader == "" {
		leader = "none"
	}
	s := fmt.Sprintf("%s  height %d  %s blocks/s  %s events/s  deliver p50 %s p99 %s  leader %s  alarms %d",
		v.Now.Format("15:04:05"), v.Height, rate(v.BlocksPerS), rate(v.EventsPerS), ms(v.P50, v.Samples), ms(v.P99, v.Samples), leader, v.Raised())
	for _, m := range v.Masters {
		if m.Down {
			s += "  " + m.Name + " down"
		}
	}
	if v.Note != "" {
		s += "  " + v.Note
	}
	return s
}

const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	accent = "\x1b[36m"
	red    = "\x1b[31m"
	reset  = "\x1b[0m"
)

// Draw draws the view in at most height lines of at most width columns, each ended by a
// newline but the last. Parts that do not fit are left out from the bottom up: sensors
// before the table, the table before alarms. Colour adds to words and never replaces them.
func (v *View) Draw(width, height int, colour bool) string {
	p := &page{width: width, colour: colour}
	p.head(v)
	p.numbers(v)
	foot := []string{"", v.Hint + "   Ctrl-C stops"}
	room := height - len(foot)
	if left := room - len(p.lines); left >= 1 {
		p.alarms(v, min(left, maxAlarmLines))
	}
	if n := len(v.Masters); len(p.lines)+n+2 <= room {
		p.masters(v)
	}
	if left := room - len(p.lines); left >= 3 && len(v.Sensors) > 0 {
		p.sensors(v, left-2)
	}
	if len(p.lines)+len(foot) <= height {
		p.add("", "")
		p.add(dim, foot[1])
	}
	if len(p.lines) > height {
		p.lines = p.lines[:max(0, height)]
	}
	return strings.Join(p.lines, "\n")
}

// maxAlarmLines leaves room for the rest when there are many alarms.
const maxAlarmLines = 8

// page collects lines, cut to the width.
type page struct {
	lines  []string
	width  int
	colour bool
}

// add adds a line in a style; style and width are applied to the text as a whole.
func (p *page) add(style, text string) {
	text = strings.TrimRight(" "+text, " ")
	if r := []rune(text); len(r) > p.width {
		text = string(r[:max(0, p.width)])
	}
	if p.colour && style != "" && text != "" {
		text = style + text + reset
	}
	p.lines = append(p.lines, text)
}

func (p *page) head(v *View) {
	p.add(bold+accent, fmt.Sprintf("kalima dev   chain %s   %s   up %s", v.Chain, v.Home, v.Now.Sub(v.Since).Round(time.Second)))
	if v.Note != "" {
		p.add(red, v.Note)
	}
	p.add("", "")
}

func (p *page) numbers(v *View) {
	leader, style := v.Leader, ""
	if leader == "" {
		leader, style = "none: nothing can be ordered until the masters have chosen one", red
	}
	p.add(bold, fmt.Sprintf("height    %-14s blocks/s  %s", group(v.Height), rate(v.BlocksPerS)))
	p.add(style, fmt.Sprintf("events/s  %-14s leader    %s", rate(v.EventsPerS), leader))
	if v.Samples == 0 {
		p.add("", "deliver   nothing measured yet")
	} else {
		p.add("", fmt.Sprintf("deliver   p50 %s, p99 %s, from submit to %s", ms(v.P50, v.Samples), ms(v.P99, v.Samples), v.Where))
	}
}

func (p *page) masters(v *View) {
	p.add("", "")
	name, address := len("MASTER"), len("ADDRESS")
	for _, m := range v.Masters {
		name, address = max(name, len(m.Name)), max(address, len(m.Address))
	}
	p.add(dim, fmt.Sprintf("%-*s  %-*s  %-9s  %12s  %s", name, "MASTER", address, "ADDRESS", "ROLE", "HEIGHT", "LEDGER"))
	for _, m := range v.Masters {
		if m.Down {
			p.add(red, fmt.Sprintf("%-*s  %-*s  %-9s  %12s  %s", name, m.Name, address, m.Address, "down", "-", "-"))
			continue
		}
		style := ""
		if m.Role == "leader" {
			style = accent
		}
		p.add(style, fmt.Sprintf("%-*s  %-*s  %-9s  %12s  %s", name, m.Name, address, m.Address, m.Role, group(m.Height), m.Ledger))
	}
}

func (p *page) alarms(v *View, most int) {
	if len(v.Alarms) == 0 {
		p.add("", "alarms    none")
		return
	}
	p.add(bold, fmt.Sprintf("alarms    %d raised", v.Raised()))
	for i, a := range v.Alarms {
		if i >= most-1 {
			return
		}
		style := ""
		if a.Raised {
			style = red
		}
		p.add(style, fmt.Sprintf("          %s %s  %s  (%s ago)", a.Address, a.Key, a.Value, v.Now.Sub(a.At).Round(time.Second)))
	}
}

// sensors lists names and values in as many columns as fit.
func (p *page) sensors(v *View, most int) {
	p.add("", "")
	p.add(dim, "THIS MACHINE")
	name, value := 0, 0
	for _, s := range v.Sensors {
		name, value = max(name, utf8.RuneCountInString(s.Name)), max(value, utf8.RuneCountInString(s.Value))
	}
	cell := name + 2 + value + 3
	columns := max(1, (p.width-1)/cell)
	rows := min((len(v.Sensors)+columns-1)/columns, max(0, most-1))
	for r := range rows {
		var b strings.Builder
		for c := range columns {
			if i := c*rows + r; i < len(v.Sensors) {
				fmt.Fprintf(&b, "%-*s  %*s   ", name, v.Sensors[i].Name, value, v.Sensors[i].Value)
			}
		}
		p.add("", b.String())
	}
}

func rate(f float64) string {
	switch {
	case f >= 100:
		return group(uint64(f + 0.5))
	default:
		return fmt.Sprintf("%.1f", f)
	}
}

func ms(d time.Duration, samples int) string {
	if samples == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

func group(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
