package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kalima-chain/kalima/abi"
)

// judge compares an action's outcome with the statements below it.
func (r *runner) judge(st step, out outcome) {
	ended := false
	for _, e := range st.expects {
		ended = ended || e.verb == "accept" || e.verb == "reject" || e.verb == "fault"
	}
	if !ended && out.fault != nil {
		r.fail(Failure{Line: st.line, Statement: st.text(), Got: describe(out), Instead: []string{ending(out.fault)}, insert: true})
	}
	for _, l := range out.later {
		r.fail(Failure{Line: st.line, Statement: st.text(), Got: l, unknown: true})
	}
	for _, e := range st.expects {
		f := Failure{Line: e.line, Statement: e.text()}
		if !r.holds(e, &out, &f) {
			r.fail(f)
		}
	}
}

// holds checks one statement. Of those that stand in order it takes the next from the outcome.
func (r *runner) holds(e step, out *outcome, f *Failure) bool {
	wrong := func(got string, instead ...string) bool {
		f.Got, f.Instead = got, instead
		return false
	}
	switch e.verb {
	case "accept":
		return out.fault == nil || wrong(describe(*out), ending(out.fault))
	case "reject":
		return rejectedAs(out.fault, e.args) || wrong(describe(*out), ending(out.fault))
	case "fault":
		return out.fault != nil && out.fault.Code == faultCodes()[e.args[0]] || wrong(describe(*out), ending(out.fault))
	case "value":
		got, ok := r.chain.State.Get(r.address(e.args[0]), e.args[1])
		if !ok {
			return wrong("no value", sentence("absent", e.args[0], e.args[1]))
		}
		return string(got) == e.args[2] || wrong(strconv.Quote(string(got)), sentence("value", e.args[0], e.args[1], string(got)))
	case "absent":
		got, ok := r.chain.State.Get(r.address(e.args[0]), e.args[1])
		return !ok || wrong(strconv.Quote(string(got)), sentence("value", e.args[0], e.args[1], string(got)))
	case "submitted":
		if len(out.submits) == 0 {
			return wrong("nothing more was submitted")
		}
		w := out.submits[0]
		out.submits = out.submits[1:]
		return string(w.Address) == e.args[0] && w.Key == e.args[1] && string(w.Value) == e.args[2] ||
			wrong(fmt.Sprintf("submitted %s %q %q", w.Address, w.Key, w.Value), sentence("submitted", string(w.Address), w.Key, string(w.Value)))
	case "emitted":
		if len(out.emits) == 0 {
			return wrong("nothing more was emitted")
		}
		w := out.emits[0]
		out.emits = out.emits[1:]
		return w.Key == e.args[0] && string(w.Value) == e.args[1] ||
			wrong(fmt.Sprintf("emitted %q %q", w.Key, w.Value), sentence("emitted", w.Key, string(w.Value)))
	case "requested":
		if len(out.requests) == 0 {
			return wrong("nothing more was requested")
		}
		q := out.requests[0]
		out.requests = out.requests[1:]
		return q.Method == e.args[0] && q.URL == e.args[1] && (len(e.args) < 3 || string(q.Body) == e.args[2]) ||
			wrong(fmt.Sprintf("requested %s %s %q", q.Method, q.URL, q.Body), sentence("requested", q.Method, q.URL, string(q.Body)))
	case "reply":
		if out.fault != nil {
			return wrong(describe(*out))
		}
		return string(out.reply) == e.args[0] || wrong(strconv.Quote(string(out.reply)), sentence("reply", string(out.reply)))
	case "gas":
		most, atMost := strings.CutPrefix(e.args[0], "<=")
		want, _ := strconv.ParseUint(most, 10, 64) // Parse checked it
		took := strconv.FormatUint(out.gas, 10)
		if atMost {
			return out.gas <= want || wrong(took, "gas <="+took)
		}
		return out.gas == want || wrong(took, "gas "+took)
	case "logged":
		if slices.ContainsFunc(out.log, func(l string) bool { return strings.Contains(l, e.args[0]) }) {
			return true
		}
		f.unknown = true
		return wrong(fmt.Sprintf("log %q", out.log))
	}
	return true
}

func rejectedAs(f *abi.Fault, args []string) bool {
	if f == nil || f.Code != abi.Rejected {
		return false
	}
	if len(args) > 0 && strconv.Itoa(int(f.Reason)) != args[0] {
		return false
	}
	return len(args) < 2 || f.Message == args[1]
}

// ending is the statement that says how an action ended.
func ending(f *abi.Fault) string {
	switch {
	case f == nil:
		return "accept"
	case f.Code != abi.Rejected:
		return "fault " + faultName(f.Code)
	case f.Message != "":
		return sentence("reject", strconv.Itoa(int(f.Reason)), f.Message)
	}
	return sentence("reject", strconv.Itoa(int(f.Reason)))
}

func describe(out outcome) string {
	f := out.fault
	switch {
	case f == nil:
		return "accepted"
	case f.Code == abi.Rejected: // the contract said what it wanted to say
		return f.Error()
	}
	s := fmt.Sprintf("%s, contract %s %s, code %d", f, out.end.Call.Contract, out.end.Call.Phase, f.Code)
	where := out.end.Result.Where
	for _, p := range where {
		s += "\nat " + p.String()
	}
	if len(where) == 0 && f.Detail != "" {
		s += "\n" + f.Detail
	}
	u, l := out.end.Result.Used, out.end.Limits
	return s + fmt.Sprintf("\ngas %d of %d, memory %d of %d, writes %d of %d, bytes %d of %d", u.Gas, l.Gas, u.Memory, l.Memory, u.Writes, l.Writes, u.Bytes, l.Bytes)
}

func (s *step) text() string {
	return sentence(append([]string{s.verb}, s.args...)...)
}

func (r *runner) fail(f Failure) { r.out.Failures = append(r.out.Failures, f) }

// Update rewrites the statements of a script that did not hold to what was found, and
// returns how many it could not: a line of the log, and events that were submitted.
func Update(text []byte, failures []Failure) (updated []byte, left int) {
	byLine := map[int]Failure{}
	for _, f := range failures {
		if f.unknown {
			left++
		} else if old, ok := byLine[f.Line]; ok && !slices.Equal(old.Instead, f.Instead) {
			left++ // two cases share the line and want other things
		} else {
			byLine[f.Line] = f
		}
	}
	var b strings.Builder
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		f, ok := byLine[n]
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if !ok || f.insert {
			b.WriteString(line)
		}
		if !ok {
			continue
		}
		if f.insert {
			if !strings.HasSuffix(line, "\n") {
				b.WriteString("\n")
			}
			indent += "  "
		}
		for _, s := range f.Instead {
			b.WriteString(indent + s + "\n")
		}
	}
	return []byte(b.String()), left
}
