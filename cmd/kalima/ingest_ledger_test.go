package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
)

// ledgerView is what the blocks say happened, and what the README of examples/threshold
// says must come of it.
type ledgerView struct {
	values  map[string][]string // by ADDRESS#KEY, in the order of the chain
	limits  map[abi.Address][2]float64
	records map[string]*thresholdRecord // by ADDRESS#KEY
	alarms  map[string]string           // by ADDRESS#KEY: the last value below /alarms that must be there

	alarmEvents     map[string]int // events found below /alarms, by ADDRESS#KEY
	changes         map[string]int // changes of alarms that must have been
	raised, cleared int
}

// thresholdRecord is the contract's record of one key.
type thresholdRecord struct {
	count    int
	min, max string
	alarm    int
	last     abi.Time
}

func (r *thresholdRecord) String() string {
	return fmt.Sprintf("%d %s %s %d %d", r.count, r.min, r.max, r.alarm, r.last)
}

// readLedger reads every block up to the head.
func (r *realChain) readLedger(ctx context.Context, head abi.Height) *ledgerView {
	r.t.Helper()
	l := &ledgerView{
		values: map[string][]string{}, limits: map[abi.Address][2]float64{}, records: map[string]*thresholdRecord{},
		alarms: map[string]string{}, alarmEvents: map[string]int{}, changes: map[string]int{},
	}
	for from := abi.Height(0); from <= head; {
		raw, err := r.operator.Blocks(ctx, from, int(min(128, head-from+1)))
		if err != nil || len(raw) == 0 {
			r.t.Fatalf("Blocks(%d) = %d blocks, %v", from, len(raw), err)
		}
		for _, b := range raw {
			block, err := chain.DecodeBlock(b)
			if err != nil {
				r.t.Fatal(err)
			}
			for _, e := range block.Events() {
				l.take(&e)
			}
		}
		from += abi.Height(len(raw))
	}
	return l
}

func (l *ledgerView) take(e *abi.Event) {
	item := string(e.Address) + "#" + e.Key
	if below, ok := strings.CutPrefix(item, "/alarms/"); ok {
		l.alarmEvents["/"+below]++
		return
	}
	if e.Address.IsSystem() {
		return
	}
	l.values[item] = append(l.values[item], string(e.Value))
	if e.Key == "_threshold" {
		high, low, _ := strings.Cut(string(e.Value), " ")
		l.limits[e.Address] = [2]float64{number(high), number(low)}
		return
	}
	limits, ok := l.limits[e.Address]
	if !ok {
		limits = [2]float64{100, 90}
	}
	text, v := string(e.Value), number(string(e.Value))
	r := l.records[item]
	if r == nil {
		r = &thresholdRecord{min: text, max: text}
		l.records[item] = r
	}
	r.count++
	if v < number(r.min) {
		r.min = text
	}
	if v > number(r.max) {
		r.max = text
	}
	switch {
	case r.alarm == 0 && v > limits[0]:
		r.alarm, r.last = 1, e.Time
		l.alarms[item] = fmt.Sprintf("high %s %d", text, e.Time)
		l.changes[item]++
		l.raised++
	case r.alarm == 1 && v < limits[1]:
		r.alarm = 0
		l.alarms[item] = fmt.Sprintf("clear %s %d", text, e.Time)
		l.changes[item]++
		l.cleared++
	}
}

// compareFiles checks that the ledger has the values of the files, all of them, in their
// order, and no others.
func (l *ledgerView) compareFiles(t *testing.T, wants []want) {
	t.Helper()
	found := map[string]bool{}
	for _, w := range wants {
		for key, column := range w.columns {
			item := string(w.address) + "#" + key
			found[item] = true
			if got := l.values[item]; !slices.Equal(got, column) {
				t.Errorf("ledger has %d events of %s, want the %d values of %s in order", len(got), item, len(column), w.path)
			}
		}
	}
	for item, values := range l.values {
		if !found[item] && !strings.HasSuffix(item, "#_threshold") {
			t.Errorf("ledger has %d events of %s, which no file has", len(values), item)
		}
	}
}

// compareContracts checks the state of the five contracts, and the alarms they wrote.
func (l *ledgerView) compareContracts(t *testing.T, s *chain.State, wants []want) {
	t.Helper()
	for _, w := range wants {
		state := abi.StateAddress(instance(w.language))
		for key := range w.columns {
			item := string(w.address) + "#" + key
			got, _ := s.Get(state, item)
			if count, _, _ := strings.Cut(string(got), " "); count != fmt.Sprint(w.rows) {
				t.Errorf("%s counts %q values of %s, the file has %d rows", instance(w.language), count, item, w.rows)
			}
			if want := l.records[item].String(); string(got) != want {
				t.Errorf("record of %s in %s = %q, want %q", item, state, got, want)
			}
			if got, _ := s.Get("/alarms"+w.address, key); string(got) != l.alarms[item] {
				t.Errorf("alarm of %s = %q, want %q", item, got, l.alarms[item])
			}
		}
	}
	if !maps.Equal(l.alarmEvents, l.changes) {
		t.Errorf("events below /alarms = %v, want %v", l.alarmEvents, l.changes)
	}
}

// compareLanguages checks that the file that went through all five languages left the same
// bytes in all five states. Only the time of an alarm may differ: it is the block's.
func compareLanguages(t *testing.T, s *chain.State, alarms map[string]string) {
	t.Helper()
	records := func(language string) map[string]string {
		prefix := "/" + language + "/same/"
		out := map[string]string{}
		s.Keys(abi.StateAddress(instance(language)), "", func(item string, v *chain.Value) bool {
			if rest, ok := strings.CutPrefix(item, prefix); ok {
				f := strings.Fields(string(v.Bytes))
				if len(f) == 5 && f[4] != "0" {
					f[4] = "TIME"
				}
				out[rest] = strings.Join(f, " ")
			}
			return true
		})
		for item, alarm := range alarms {
			if rest, ok := strings.CutPrefix(item, prefix); ok {
				out["/alarms/"+rest] = alarm[:strings.LastIndex(alarm, " ")]
			}
		}
		return out
	}
	first := records(realLanguages[0])
	if len(first) < 11 {
		t.Errorf("%d records of %s in %s, want ten and the settings", len(first), sameFile, realLanguages[0])
	}
	raised := false
	for item := range first {
		raised = raised || strings.HasPrefix(item, "/alarms/")
	}
	if !raised {
		t.Errorf("no alarm in %s, want one at least", sameFile)
	}
	for _, language := range realLanguages[1:] {
		if got := records(language); !maps.Equal(got, first) {
			t.Errorf("%s in %s: %v\nin %s: %v\nwant the same", sameFile, language, got, realLanguages[0], first)
		}
	}
}

func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(err) // the chain holds what the contract took for a number
	}
	return f
}
