package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	gosync "sync"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/cmd/kalima/internal/panel"
	hw "github.com/kalima-chain/kalima/cmd/kalima/internal/sensors"
	"github.com/kalima-chain/kalima/cmd/kalima/internal/stats"
	"github.com/kalima-chain/kalima/examples/sensors"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/sync"
)

const (
	latencyWindow = time.Minute
	maxAlarms     = 256             // kept for the panel
	sendPatience  = 5 * time.Second // for one reading of the sensors
)

// live is what `kalima dev` shows, and how it learns it.
type live struct {
	j       *devJob
	p       *rpc.Profile
	c       *rpc.Client
	n       running
	started time.Time
	recent  *stats.Recent
	where   string
	each    []*rpc.Client // one for each master, made when first needed; used by show alone

	mu     gosync.Mutex // guards what follows
	sent   map[abi.TxID]time.Time
	events uint64
	alarms map[string]panel.Alarm
	lines  []panel.Line
	note   string
}

func newLive(j *devJob, p *rpc.Profile, c *rpc.Client, n running) *live {
	return &live{
		j: j, p: p, c: c, n: n, started: time.Now(), recent: stats.NewRecent(latencyWindow),
		sent: map[abi.TxID]time.Time{}, alarms: map[string]panel.Alarm{},
	}
}

// follow begins to receive events: from the edge client's memcache when it is in this
// process, else as a subscriber.
func (l *live) follow(ctx context.Context) error {
	if local, ok := l.n.(*localNodes); ok {
		for _, r := range local.Nodes {
			if r.Client == nil {
				continue
			}
			l.where = "the edge's memcache"
			return l.followReplica(r.Client.Replica())
		}
	}
	l.where = "a subscriber"
	q := rpc.WatchQ{Patterns: []abi.Pattern{"/**"}, Snapshot: true}
	ready := make(chan struct{})
	go func() {
		var once gosync.Once
		for ctx.Err() == nil {
			l.j.watchOnce(ctx, l.c, &q, func(e *rpc.Event, snapshot bool) (bool, error) {
				ev := e.Event()
				l.event(&ev, snapshot)
				return false, nil
			}, func() { once.Do(func() { close(ready) }) })
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// followReplica begins with the alarms that are there, and then hears of every block that
// changed the memcache.
func (l *live) followReplica(r *sync.Replica) error {
	r.Subscribe(func(u sync.Update) {
		if u.Snapshot {
			l.standing(u.State)
		}
		for i := range u.Events {
			l.event(&u.Events[i], false)
		}
	})
	if v := r.View(); v.Begun {
		l.standing(v.State)
	}
	return nil
}

// standing takes note of the alarms in a state.
func (l *live) standing(st *chain.State) {
	st.Addresses(sensors.Alarms, func(a abi.Address, _ abi.Sequence) bool {
		st.Keys(a, "", func(key string, v *chain.Value) bool {
			l.event(&abi.Event{Address: a, Key: key, Value: v.Bytes, Time: v.Time}, true)
			return true
		})
		return true
	})
}

// event takes note of an event that arrived, or of a current value.
func (l *live) event(e *abi.Event, snapshot bool) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !snapshot {
		l.events++
		if start, ok := l.sent[e.TxID]; ok {
			delete(l.sent, e.TxID)
			l.recent.Add(now, now.Sub(start))
		}
	}
	if !sensors.Alarms.Match(e.Address) {
		return
	}
	id := string(e.Address) + " " + e.Key
	switch {
	case len(e.Value) == 0:
		delete(l.alarms, id)
	case len(l.alarms) < maxAlarms || l.alarms[id].Key != "":
		state, _, _ := strings.Cut(string(e.Value), " ")
		l.alarms[id] = panel.Alarm{Address: string(e.Address), Key: e.Key, Value: alarmText(e.Value), At: time.UnixMicro(int64(e.Time)), Raised: state != "clear"}
	}
}

// alarmText shows an alarm's value without the time it ends with, which the panel shows as an age.
func alarmText(v []byte) string {
	fields := strings.Fields(show(v, 60))
	if len(fields) == 3 && len(fields[2]) >= 15 {
		fields = fields[:2]
	}
	return strings.Join(fields, " ")
}

// device puts this machine's sensors on the chain every second, as the device identity.
func (l *live) device(ctx context.Context, c *rpc.Client) {
	m := hw.New("/hosts/" + abi.Address(hw.Name()))
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		l.measure(ctx, c, m)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// measure reads the sensors once and sends one transaction for each address, so that a
// value that a contract rejects takes none of another part of the machine with it.
func (l *live) measure(ctx context.Context, c *rpc.Client, m *hw.Machine) {
	ctx, cancel := context.WithTimeout(ctx, sendPatience)
	defer cancel()
	at := abi.Time(time.Now().UnixMicro())
	var order []abi.Address
	byAddress := map[abi.Address][]chain.Op{}
	var lines []panel.Line
	for _, r := range m.Read(ctx) {
		if byAddress[r.Address] == nil {
			order = append(order, r.Address)
		}
		op := chain.Put(r.Address, r.Key, []byte(r.Value))
		op.At = at
		byAddress[r.Address] = append(byAddress[r.Address], op)
		lines = append(lines, sensorLine(&r))
	}
	l.mu.Lock()
	l.lines = lines
	l.mu.Unlock()

	var wg gosync.WaitGroup
	notes := make([]string, len(order))
	for i, a := range order {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := l.send(ctx, c, byAddress[a]); err != nil && ctx.Err() != context.Canceled {
				notes[i] = fmt.Sprintf("%s was not taken: %v", a, err)
			}
		}()
	}
	wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note = ""
	for _, n := range notes {
		if n != "" {
			l.note = printable(n)
		}
	}
}

// sensorLine shows a reading as people say it: the unit that its key ends with goes to the value.
func sensorLine(r *hw.Reading) panel.Line {
	name, value := r.Key, r.Value
	unit := func(suffix string, write func(float64) string) bool {
		short, ok := strings.CutSuffix(name, suffix)
		v, err := strconv.ParseFloat(value, 64)
		if ok && err == nil {
			name, value = short, write(v)
		}
		return ok
	}
	_ = unit("_bytes_per_s", func(v float64) string { return bytesText(int64(v)) + "/s" }) ||
		unit("_bytes", func(v float64) string { return bytesText(int64(v)) }) ||
		unit("_percent", func(v float64) string { return fmt.Sprintf("%.1f %%", v) }) ||
		unit("_c", func(v float64) string { return fmt.Sprintf("%.1f C", v) })
	if parts := strings.SplitN(string(r.Address), "/", 5); len(parts) == 5 {
		name = parts[4] + " " + name
	}
	return panel.Line{Name: strings.ReplaceAll(name, "_", " "), Value: value}
}

// send submits operations and remembers when, for the latency.
func (l *live) send(ctx context.Context, c *rpc.Client, ops []chain.Op) error {
	tx, err := c.Sign(ctx, ops...)
	if err != nil {
		return err
	}
	now := time.Now()
	l.mu.Lock()
	for id, at := range l.sent {
		if now.Sub(at) > latencyWindow {
			delete(l.sent, id)
		}
	}
	l.sent[tx.ID] = now
	l.mu.Unlock()
	r, err := c.SubmitTx(ctx, tx.Envelope())
	if err == nil && !r.Accepted() {
		err = &abi.Fault{Code: r.Code, Reason: r.Reason, Message: r.Message}
	}
	if err != nil {
		l.mu.Lock()
		delete(l.sent, tx.ID)
		l.mu.Unlock()
	}
	return err
}

// show draws the view until ctx ends or a node fails.
func (l *live) show(ctx context.Context) error {
	_, _, tty := terminal(l.j.stdout)
	every := l.j.every
	if tty {
		every = time.Second
		fmt.Fprint(l.j.stdout, "\x1b[?1049h\x1b[?25l")       // another screen, no cursor
		defer fmt.Fprint(l.j.stdout, "\x1b[?25h\x1b[?1049l") // back
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	var blocks, events stats.Rate
	for {
		v := l.view(ctx, &blocks, &events)
		if ctx.Err() != nil {
			return nil
		}
		if tty {
			width, height, _ := terminal(l.j.stdout)
			fmt.Fprint(l.j.stdout, frame(v.Draw(width, height, colour())))
		} else {
			fmt.Fprintln(l.j.stdout, v.Plain())
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-l.n.Failed():
			if !l.j.processes {
				return err // a master that can not trust its disk must not go on, and it shares this process
			}
			l.mu.Lock()
			l.note = err.Error()
			l.mu.Unlock()
			l.j.say("%v", err)
		case <-tick.C:
		}
	}
}

// frame redraws a screen in place: each line to its end, and nothing below.
func frame(text string) string {
	return "\x1b[H" + strings.ReplaceAll(text, "\n", "\x1b[K\r\n") + "\x1b[K\x1b[J"
}

// view collects what there is to see now.
func (l *live) view(ctx context.Context, blocks, events *stats.Rate) *panel.View {
	all := l.askMasters(ctx)
	now := time.Now()
	sorted := l.recent.Sorted(now)
	v := &panel.View{
		Now: now, Since: l.started, Name: l.p.Name, Chain: l.p.Chain.Short(), Home: l.j.home,
		P50: stats.Percentile(sorted, 0.5), P99: stats.Percentile(sorted, 0.99), Samples: len(sorted), Where: l.where,
		Hint: "try: " + self() + " watch '/hosts/**'" + l.j.flags(),
	}
	for i := range all {
		m := &all[i]
		row := panel.Master{Name: m.info.Name, Address: m.info.Address, Down: m.status == nil}
		if s := m.status; s != nil {
			row.Role, row.Height, row.Ledger = s.Role, uint64(s.Head.Height), s.LedgerHash.Short()
			v.Height = max(v.Height, row.Height)
			if s.Role == "leader" {
				v.Leader = s.Name
			}
		}
		v.Masters = append(v.Masters, row)
	}
	v.BlocksPerS = blocks.Observe(now, v.Height)
	l.mu.Lock()
	defer l.mu.Unlock()
	v.EventsPerS = events.Observe(now, l.events)
	v.Sensors = slices.Clone(l.lines)
	v.Note = l.note
	for _, a := range l.alarms {
		v.Alarms = append(v.Alarms, a)
	}
	slices.SortFunc(v.Alarms, func(x, y panel.Alarm) int {
		if x.Raised != y.Raised {
			if x.Raised {
				return -1
			}
			return 1
		}
		return y.At.Compare(x.At)
	})
	return v
}

// askMasters asks every master how it is, over connections that stay open.
func (l *live) askMasters(ctx context.Context) []masterStatus {
	if l.each == nil {
		for i := range l.p.Masters {
			c, err := l.j.dial(l.p, &l.p.Masters[i])
			l.each = append(l.each, c)
			if err != nil {
				l.each[i] = nil
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 900*time.Millisecond)
	defer cancel()
	out := make([]masterStatus, len(l.p.Masters))
	var wg gosync.WaitGroup
	for i, c := range l.each {
		out[i].info = l.p.Masters[i]
		if c == nil {
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			s, err := c.Status(ctx)
			if out[i].err = err; err == nil {
				out[i].status = &s
			}
		}()
	}
	wg.Wait()
	return out
}
