// Package sensors reads what this machine measures about itself: processors, load, memory,
// disks, network and temperatures. It is the only package that imports gopsutil.
package sensors

import (
	"context"
	"math"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/sensors"

	"github.com/kalima-chain/kalima/abi"
)

// maxOfAKind bounds disks, interfaces and temperature sensors, each: all readings of a
// second are one transaction.
const maxOfAKind = 8

// Reading is one measured number.
type Reading struct {
	Address abi.Address
	Key     string
	Value   string
}

// Machine reads this machine's sensors. Rates are since the reading
// before. Used by one
// goroutine.
type Machine struct {
	address abi.Address
	last    time.Time
	net     map[string]net.IOCountersStat
}

// New returns a machine whose readings go below an address.
func New(address abi.Address) *Machine {
	return &Machine{address: address}
}

// Name is this machine's name as a segment of an address.
func Name() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "this-machine"
	}
	return Segment(strings.ToLower(host))
}

// Segment makes any text a segment of an address.
func Segment(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r < 0x80 && strings.ContainsRune("._:@~+-", r) {
			return r
		}
		return '-'
	}, s)
	if s = strings.Trim(s, "-."); s == "" {
		return "x"
	}
	if len(s) > 63 {
		s = s[:63]
	}
	return s
}

// Read reads every sensor that is there. A sensor that can not be read is left out: on most
// machines some are missing.
func (m *Machine) Read(ctx context.Context) []Reading {
	var out []Reading
	add := func(below, key string, v float64) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return
		}
		a := m.address
		if below != "" {
			a += abi.Address("/" + below)
		}
		out = append(out, Reading{a, key, number(v)})
	}
	now := time.Now()
	since := now.Sub(m.last).Seconds()
	first := m.last.IsZero()
	m.last = now

	if p, err := cpu.PercentWithContext(ctx, 0, false); err == nil && len(p) == 1 && !first {
		add("", "cpu_percent", min(p[0], 100))
	}
	if l, err := load.AvgWithContext(ctx); err == nil {
		add("", "load1", l.Load1)
		add("", "load5", l.Load5)
		add("", "load15", l.Load15)
	}
	if v, err := mem.VirtualMemoryWithContext(ctx); err == nil && v.Total > 0 {
		add("", "mem_used_percent", min(v.UsedPercent, 100))
		add("", "mem_available_bytes", float64(v.Available))
	}
	if v, err := mem.SwapMemoryWithContext(ctx); err == nil && v.Total > 0 {
		add("", "swap_used_percent", min(v.UsedPercent, 100))
	}
	m.disks(ctx, add)
	m.network(ctx, add, since)
	temperatures(ctx, add)
	return out
}

func (m *Machine) disks(ctx context.Context, add func(string, string, float64)) {
	parts, err := disk.PartitionsWithContext(ctx, false)
	if err != nil {
		return
	}
	seen := map[string]bool{}
	for _, p := range parts {
		if seen[p.Device] || len(seen) == maxOfAKind {
			continue
		}
		u, err := disk.UsageWithContext(ctx, p.Mountpoint)
		if err != nil || u.Total == 0 {
			continue
		}
		seen[p.Device] = true
		name := "disk/" + Segment(strings.ReplaceAll(strings.Trim(p.Mountpoint, "/"), "/", "-"))
		if p.Mountpoint == "/" {
			name = "disk/root"
		}
		add(name, "disk_used_percent", min(u.UsedPercent, 100))
		add(name, "disk_free_bytes", float64(u.Free))
	}
}

func (m *Machine) network(ctx context.Context, add func(string, string, float64), since float64) {
	counters, err := net.IOCountersWithContext(ctx, true)
	if err != nil {
		return
	}
	now := map[string]net.IOCountersStat{}
	n := 0
	for _, c := range counters {
		now[c.Name] = c
		before, known := m.net[c.Name]
		if !known || n == maxOfAKind || since <= 0 || c.BytesRecv < before.BytesRecv || c.BytesSent < before.BytesSent {
			continue // a counter that went back was reset: its rate is not known
		}
		n++
		name := "net/" + Segment(c.Name)
		add(name, "received_bytes_per_s", float64(c.BytesRecv-before.BytesRecv)/since)
		add(name, "sent_bytes_per_s", float64(c.BytesSent-before.BytesSent)/since)
	}
	m.net = now
}

func temperatures(ctx context.Context, add func(string, string, float64)) {
	stats, _ := sensors.TemperaturesWithContext(ctx) // warnings name sensors that could not be read
	sort.Slice(stats, func(i, j int) bool { return stats[i].SensorKey < stats[j].SensorKey })
	seen := map[string]bool{}
	for _, t := range stats {
		name := Segment(t.SensorKey)
		if seen[name] || len(seen) == maxOfAKind || t.Temperature == 0 { // 0.0 is what dead sensors say
			continue
		}
		seen[name] = true
		add("temperature/"+name, "temperature_c", t.Temperature)
	}
}

// number writes a measured number with what it can tell: two digits after the point, none
// for whole numbers.
func number(v float64) string {
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}
