package sensors_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/examples/internal/exampletest"
	"github.com/kalima-chain/kalima/examples/sensors"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
)

// TestDay plays the story of the README: each value goes through the validate contract and,
// when accepted, through the react contract, whose submits are put.
func TestDay(t *testing.T) {
	validate, react := exampletest.Load(t, "validate"), exampletest.Load(t, "react")
	var chain exampletest.Chain
	var lines []string
	for _, tt := range []struct {
		address    abi.Address
		key, value string
	}{
		{"/hosts/edge-1", "cpu_percent", "12.5"},
		{"/hosts/edge-1", "cpu_percent", "120"},
		{"/hosts/edge-1", "cpu_percent", "busy"},
		{"/hosts/edge-1", "net_rx_bytes_per_s", "-1"},
		{"/hosts/edge-1", "temperature_c", "-300"},
		{"/hosts/edge-1", "cpu_percent", "95.5"},
		{"/hosts/edge-1", "cpu_percent", "97"},
		{"/hosts/edge-1", "cpu_percent", "80"},
		{"/hosts/edge-1", "cpu_percent", "70"},
		{"/hosts/edge-2/disk/root", "disk_used_percent", "90.1"},
	} {
		line := fmt.Sprintf("%-24s %-18s %5s  ", tt.address, tt.key, tt.value)
		r := chain.Put(t, validate, tt.address, tt.key, tt.value)
		if r.Fault != nil {
			lines = append(lines, line+r.Fault.Error())
			continue
		}
		line += "accepted"
		r = chain.React(t, react, tt.address, tt.key)
		if r.Fault != nil {
			t.Fatalf("react to %s %s: %v", tt.address, tt.key, r.Fault)
		}
		for _, w := range r.Submits {
			line += fmt.Sprintf(", submits %s %s %q", w.Address, w.Key, w.Value)
			chain.Set(w.Address, w.Key, w.Value)
		}
		lines = append(lines, line)
	}
	exampletest.CheckReadme(t, lines)
}

func TestValidate(t *testing.T) {
	m := exampletest.Load(t, "validate")
	for _, tt := range []struct {
		key, value string
		reason     int32 // 0 means accepted
	}{
		{"cpu_percent", "0", 0}, {"cpu_percent", "100", 0}, {"cpu_percent", "100.0000001", 2}, {"cpu_percent", "-0.1", 2},
		{"mem_used_percent", "55.2", 0}, {"swap_used_percent", "101", 2}, {"disk_used_percent", "-1", 2},
		{"load1", "0.07", 0}, {"load5", "64", 0}, {"load15", "-0.5", 2},
		{"net_rx_bytes_per_s", "1e9", 0}, {"net_tx_bytes_per_s", "-1", 2}, {"disk_read_bytes", "-1", 2}, {"uptime_total", "-1", 2},
		{"temperature_c", "-90", 0}, {"temperature_c", "-90.5", 2}, {"temperature_c", "200", 0}, {"temperature_c", "200.1", 2},
		{"temperature_coretemp", "250", 2}, {"inlet_c", "21", 0},
		{"anything", "-1e9", 0}, {"anything", "text", 1}, {"anything", "NaN", 1}, {"anything", "inf", 1}, {"anything", "1e100", 1},
		{"anything", " 1", 1}, {"anything", "0x10", 1}, {"anything", "1.", 1}, {"anything", ".5", 1}, {"anything", "-", 1}, {"anything", "1e", 1},
		{"cpu_percent", "\xff\xfe", 1},
	} {
		var chain exampletest.Chain
		r := chain.Put(t, m, "/hosts/edge-1", tt.key, tt.value)
		var reason int32
		if r.Fault != nil {
			if reason = r.Fault.Reason; r.Fault.Code != abi.Rejected {
				t.Errorf("put %s = %q: %v, want a rejection", tt.key, tt.value, r.Fault)
			}
		}
		if reason != tt.reason || len(r.Writes) != 0 {
			t.Errorf("put %s = %q: reason %d, %d writes; want reason %d and no writes", tt.key, tt.value, reason, len(r.Writes), tt.reason)
		}
	}
	var chain exampletest.Chain
	if r := chain.Delete(t, m, "/hosts/edge-1", "cpu_percent"); r.Fault != nil {
		t.Errorf("delete cpu_percent: %v, want accepted", r.Fault)
	}
}

func TestReact(t *testing.T) {
	m := exampletest.Load(t, "react")
	for _, tt := range []struct {
		name       string
		address    abi.Address
		key, value string
		alarm      string // current value of the alarm
		want       string // what is submitted
	}{
		{"below", "/hosts/a", "cpu_percent", "90", "", ""},
		{"above", "/hosts/a", "cpu_percent", "90.5", "", "high 90.5"},
		{"above, raised already", "/hosts/a", "cpu_percent", "95", "high 91 1", ""},
		{"between, raised already", "/hosts/a", "cpu_percent", "80", "high 91 1", ""},
		{"below, raised", "/hosts/a", "cpu_percent", "74", "high 91 1", "clear 74"},
		{"below, cleared", "/hosts/a", "cpu_percent", "74", "clear 74 1", ""},
		{"above, cleared", "/hosts/a", "cpu_percent", "99", "clear 74 1", "high 99"},
		{"a part's own alarm", "/hosts/a/temperature/core-0", "temperature_c", "85.1", "", "high 85.1"},
		{"a name too long for a key", abi.Address("/hosts/a/" + strings.Repeat("x", 246)), "temperature_c", "99", "", ""},
		{"a key without a limit", "/hosts/a", "load1", "500", "", ""},
		{"a host without a name", "/hosts", "cpu_percent", "99", "", ""},
		{"an inherited property is no limit", "/hosts/a", "constructor", "99", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var chain exampletest.Chain
			chain.Set(tt.address, tt.key, []byte(tt.value))
			key := strings.TrimPrefix(string(tt.address), "/hosts/a") + "/" + tt.key
			key = strings.TrimPrefix(key, "/")
			chain.Set("/alarms/a", key, []byte(tt.alarm))
			r := chain.React(t, m, tt.address, tt.key)
			if r.Fault != nil {
				t.Fatalf("react: %v", r.Fault)
			}
			var want []abi.Write
			if tt.want != "" {
				want = []abi.Write{{Address: "/alarms/a", Key: key, Value: fmt.Appendf(nil, "%s %d", tt.want, exampletest.Start)}}
			}
			if got := fmt.Sprintf("%q", r.Submits); got != fmt.Sprintf("%q", want) {
				t.Errorf("react to %s %s = %s with the alarm %q: submits %s, want %q", tt.address, tt.key, tt.value, tt.alarm, got, want)
			}
		})
	}
}

// The contracts inside the binary are complete: manifest, source, and what Contracts says.
func TestFiles(t *testing.T) {
	for _, c := range sensors.Contracts() {
		text, err := fs.ReadFile(sensors.Files(), c.Dir+"/"+registry.ManifestFile)
		if err != nil {
			t.Fatal(err)
		}
		m, err := registry.ParseManifest(text)
		if err != nil {
			t.Fatalf("%s: %v", c.Dir, err)
		}
		if m.Name != c.Name || !m.HasPhase(c.Phase) {
			t.Errorf("manifest of %s: name %q, phases %v; want %q and %v", c.Dir, m.Name, m.Phases, c.Name, c.Phase)
		}
		for _, source := range m.Source {
			if _, err := fs.Stat(sensors.Files(), c.Dir+"/"+source); err != nil {
				t.Errorf("source of %s: %v", c.Name, err)
			}
		}
		if c.Phase == abi.React && !slices.Contains(m.Submit, sensors.Alarms) {
			t.Errorf("manifest of %s: submit %v, want %s in it", c.Name, m.Submit, sensors.Alarms)
		}
	}
}

var _ host.State = (*exampletest.Chain)(nil)
