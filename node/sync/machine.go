package sync

import (
	"errors"
	"fmt"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
)

// Limits of what a master can make a node hold.
const (
	DefaultMaxItems = 4_000_000 // keys and addresses; about 1 GiB of small values
	maxPending      = 4 << 20   // bytes of events that wait for the token of their block
)

// ErrForked means that a master's chain does not contain the block of our token.
var ErrForked = errors.New("the master's chain is not the one this node followed")

// ErrTooMany means that the memcache would pass its bound.
var ErrTooMany = errors.New("more items than the memcache may hold")

// GapError says that events are missing between what the node has and what a master sent.
type GapError struct {
	Address abi.Address // empty: whole blocks are missing
	Have    uint64      // last sequence of the address, or height of the token
	Got     uint64
}

func (e *GapError) Error() string {
	if e.Address == "" {
		return fmt.Sprintf("gap: the frame goes on after block %d, this node is at block %d", e.Got, e.Have)
	}
	return fmt.Sprintf("gap: %s jumps from sequence %d to %d", e.Address, e.Have, e.Got)
}

// Update is what one block did to the memcache, or, with Snapshot, what a snapshot did.
type Update struct {
	Height   abi.Height
	Time     abi.Time
	Events   []abi.Event  // those the node may see, in order; nil for a snapshot
	Snapshot bool         // values changed without events: what was cached of State holds no more
	Before   *chain.State // as of the block before; must not be changed
	State    *chain.State // as of this block; must not be changed
}

// Step is what a frame led to.
type Step struct {
	Updates   []Update // in order of height
	Moved     bool     // the token moved, or values changed
	Subscribe bool     // end this subscription and begin the one that Query says
}

// Machine is the state of a node that follows a chain. The caller feeds it frames of one
// subscription at a time and does what Step says. Used by one goroutine.
type Machine struct {
	chain    abi.Digest
	patterns []abi.Pattern
	filter   abi.Digest
	max      int

	// work is the memcache, state the copy of it that others read. Making a copy touches
	// the original, so nobody else ever sees work.
	work, state *chain.State
	token       *rpc.Token // nil before the first snapshot

	// Where the last sequence of an address is only known to be at least what the state
	// has: a snapshot shows the values that are left, not the deletes after them. lenient
	// says that this holds for every address the state does not know.
	loose   map[abi.Address]bool
	lenient bool

	// suspects are gaps that were seen once at this token, by address: the sequence that
	// came. fill says that a snapshot must bring what the node was not shown before.
	suspects map[abi.Address]abi.Sequence
	fill     bool

	stage   *stage      // the snapshot that is arriving
	pending []rpc.Event // events of a block that is not complete
	waiting int         // bytes of pending
}

// stage is a snapshot of which more frames may follow.
type stage struct {
	values []rpc.Event
	last   map[abi.Address]rpc.Event // the last event of an address, where the master says
}

// NewMachine returns a machine that knows nothing yet. maxItems 0 means DefaultMaxItems.
func NewMachine(chainID abi.Digest, patterns []abi.Pattern, maxItems int) *Machine {
	if maxItems == 0 {
		maxItems = DefaultMaxItems
	}
	m := &Machine{
		chain: chainID, patterns: patterns, filter: rpc.FilterDigest(patterns), max: maxItems,
		loose: map[abi.Address]bool{}, suspects: map[abi.Address]abi.Sequence{},
	}
	m.publish(chain.NewState().Copy())
	return m
}

func (m *Machine) publish(work *chain.State) *chain.State {
	m.work, m.state = work, work.Copy()
	return m.state
}

// Query says what to subscribe to next, and forgets what the last subscription left
// unfinished.
func (m *Machine) Query() rpc.WatchQ {
	m.stage, m.pending, m.waiting = nil, nil, 0
	if m.token == nil || m.fill {
		m.stage = &stage{last: map[abi.Address]rpc.Event{}}
		return rpc.WatchQ{Patterns: m.patterns, Snapshot: true}
	}
	t := *m.token
	return rpc.WatchQ{Patterns: m.patterns, Token: &t}
}

// Token returns the place in the chain; ok is false before the first snapshot.
func (m *Machine) Token() (t rpc.Token, ok bool) {
	if m.token == nil {
		return rpc.Token{}, false
	}
	return *m.token, true
}

// State returns the memcache. It never changes; the next frame makes another.
func (m *Machine) State() *chain.State { return m.state }

// Frame takes the next frame. After an error nothing of the frame was taken: end the
// subscription, and begin the one that Query says.
func (m *Machine) Frame(f *rpc.WatchFrame) (Step, error) {
	if err := m.check(f); err != nil {
		return Step{}, err
	}
	if f.Snapshot {
		return m.snapshot(f)
	}
	if m.stage != nil {
		if len(f.Events) > 0 {
			return Step{}, errors.New("frame of events before the snapshot that was asked for is complete")
		}
		return Step{}, nil // a heartbeat
	}
	if f.Token == nil {
		for i := range f.Events {
			m.waiting += eventSize(&f.Events[i])
		}
		if m.waiting > maxPending {
			return Step{}, fmt.Errorf("block of more than %d bytes of events", maxPending)
		}
		m.pending = append(m.pending, f.Events...)
		return Step{}, nil
	}
	switch {
	case f.Token.Height < m.token.Height: // known already
		return Step{}, nil
	case f.Token.Height == m.token.Height:
		if f.Token.Hash != m.token.Hash {
			return Step{}, fmt.Errorf("%w: block %d is %s there, %s here", ErrForked, f.Token.Height, f.Token.Hash.Short(), m.token.Hash.Short())
		}
		return Step{}, nil
	case f.After > m.token.Height:
		return Step{}, &GapError{Have: uint64(m.token.Height), Got: uint64(f.After)}
	}
	events := f.Events
	if len(m.pending) > 0 {
		events = append(m.pending, events...)
	}
	return m.advance(events, f.Token)
}

// check refuses what no master sends.
func (m *Machine) check(f *rpc.WatchFrame) error {
	if t := f.Token; t != nil && (t.Chain != m.chain || t.Filter != m.filter) {
		return fmt.Errorf("frame of chain %s and filter %s, want %s and %s", t.Chain.Short(), t.Filter.Short(), m.chain.Short(), m.filter.Short())
	}
	for i := range f.Events {
		e := &f.Events[i]
		if _, err := abi.ParseAddress(string(e.Address)); err != nil {
			return fmt.Errorf("frame: %w", err)
		}
		if !m.follows(e.Address) {
			return fmt.Errorf("frame with %s, which was not asked for", e.Address)
		}
		if e.Key != "" || !f.Snapshot {
			if err := abi.CheckKey(e.Key); err != nil {
				return fmt.Errorf("frame: %s: %w", e.Address, err)
			}
		}
		if err := abi.CheckValue(e.Value); err != nil {
			return fmt.Errorf("frame: %s: %w", e.Address, err)
		}
	}
	return nil
}

func (m *Machine) follows(a abi.Address) bool {
	for _, p := range m.patterns {
		if p.Match(a) {
			return true
		}
	}
	return false
}

// advance applies the events of whole blocks and moves the token.
func (m *Machine) advance(events []rpc.Event, token *rpc.Token) (Step, error) {
	before, work := m.state, m.work.Copy()
	step := Step{Moved: true}
	var learned []abi.Address
	jumped := false
	at := m.token.Height
	var u *Update
	for i := range events {
		e := events[i].Event()
		if e.Height <= m.token.Height {
			continue // known already
		}
		if e.Height < at || e.Height > token.Height {
			return Step{}, fmt.Errorf("frame to block %d has an event of block %d after one of block %d", token.Height, e.Height, at)
		}
		jump, err := m.continues(work, &e)
		if err != nil {
			return Step{}, err
		}
		jumped = jumped || jump
		if u == nil || e.Height > at {
			if u != nil {
				u.State = work.Copy()
				before = u.State
			}
			step.Updates = append(step.Updates, Update{Height: e.Height, Time: e.Time, Before: before})
			u, at = &step.Updates[len(step.Updates)-1], e.Height
		}
		u.Events = append(u.Events, e)
		set(work, &e)
		learned = append(learned, e.Address)
		if work.Len() > m.max {
			return Step{}, fmt.Errorf("%w: %d", ErrTooMany, m.max)
		}
	}
	if u != nil {
		u.State = m.publish(work)
	}
	for _, a := range learned {
		delete(m.loose, a)
	}
	t := *token
	m.token, m.pending, m.waiting = &t, nil, 0
	clear(m.suspects)
	if jumped {
		m.fill, step.Subscribe = true, true
	}
	return step, nil
}

// continues checks that an event is the next of its address. jump says that it is not,
// and that the chain said so twice.
func (m *Machine) continues(st *chain.State, e *abi.Event) (jump bool, err error) {
	last := st.Sequence(e.Address)
	switch {
	case e.Sequence == last+1:
		return false, nil
	case e.Sequence <= last:
		return false, fmt.Errorf("%s: sequence %d in block %d, after sequence %d", e.Address, e.Sequence, e.Height, last)
	case m.loose[e.Address] || last == 0 && m.lenient:
		return false, nil
	case m.suspects[e.Address] == e.Sequence:
		return true, nil
	}
	m.suspects[e.Address] = e.Sequence
	return false, &GapError{Address: e.Address, Have: uint64(last), Got: uint64(e.Sequence)}
}

// snapshot takes a frame of current values. One with an empty key says what the last
// event of its address was.
func (m *Machine) snapshot(f *rpc.WatchFrame) (Step, error) {
	s := m.stage
	if s == nil {
		return Step{}, errors.New("frame of a snapshot that was not asked for")
	}
	for _, e := range f.Events {
		switch {
		case e.Key == "":
			s.last[e.Address] = e
		case len(e.Value) == 0:
			return Step{}, fmt.Errorf("snapshot: %s %q has no value", e.Address, e.Key)
		default:
			s.values = append(s.values, e)
		}
	}
	if len(s.values)+len(s.last) > m.max {
		return Step{}, fmt.Errorf("%w: %d", ErrTooMany, m.max)
	}
	if f.Token == nil {
		return Step{}, nil
	}
	m.stage = nil
	if m.token != nil {
		return m.filled(s, f.Token)
	}
	work := chain.NewState().Copy()
	loose := map[abi.Address]bool{}
	load(work, loose, s, f.Token.Height)
	t := *f.Token
	before := m.state
	m.token, m.loose, m.lenient = &t, loose, len(s.last) == 0
	return Step{Moved: true, Updates: []Update{{Height: t.Height, Snapshot: true, Before: before, State: m.publish(work)}}}, nil
}

// filled takes from a snapshot what was current at our token already; the rest comes with
// the events after it, which the node goes on with.
func (m *Machine) filled(s *stage, token *rpc.Token) (Step, error) {
	if token.Height < m.token.Height {
		return Step{}, fmt.Errorf("snapshot of block %d, this node is at block %d", token.Height, m.token.Height)
	}
	before, work := m.state, m.work.Copy()
	load(work, m.loose, s, m.token.Height)
	if work.Len() > m.max {
		return Step{}, fmt.Errorf("%w: %d", ErrTooMany, m.max)
	}
	m.fill = false
	return Step{Moved: true, Subscribe: true, Updates: []Update{
		{Height: m.token.Height, Snapshot: true, Before: before, State: m.publish(work)},
	}}, nil
}

// load puts into the state the values that were current at a height. An address whose last
// event it can not tell becomes loose.
func load(st *chain.State, loose map[abi.Address]bool, s *stage, height abi.Height) {
	for i := range s.values {
		e := &s.values[i]
		if e.Height > height {
			continue
		}
		last := st.Sequence(e.Address)
		if have, ok := st.Value(e.Address, e.Key); ok && have.Sequence >= e.Sequence {
			continue
		}
		v := value(e)
		st.Load(item(e.Address, e.Key), v)
		if last == 0 || loose[e.Address] && last < e.Sequence {
			loose[e.Address] = true
			st.Load(item(e.Address, ""), &chain.Value{Sequence: e.Sequence, Height: v.Height, Index: v.Index, Time: v.Time})
		}
	}
	for a, e := range s.last {
		if e.Height > height || st.Sequence(a) > e.Sequence {
			continue
		}
		delete(loose, a)
		st.Load(item(a, ""), &chain.Value{Sequence: e.Sequence, Height: e.Height, Index: e.Index, Time: e.Time})
	}
}

func set(st *chain.State, e *abi.Event) {
	if len(e.Value) == 0 {
		st.Load(item(e.Address, e.Key), nil)
	} else {
		st.Load(item(e.Address, e.Key), &chain.Value{
			Bytes: e.Value, Sequence: e.Sequence, Height: e.Height, Index: e.Index, Time: e.Time, At: e.At, Sender: e.Sender,
		})
	}
	st.Load(item(e.Address, ""), &chain.Value{Sequence: e.Sequence, Height: e.Height, Index: e.Index, Time: e.Time})
}

func value(e *rpc.Event) *chain.Value {
	return &chain.Value{Bytes: e.Value, Sequence: e.Sequence, Height: e.Height, Index: e.Index, Time: e.Time, At: e.At, Sender: e.Sender}
}

// item is the key of an item of a chain.State, see chain.SplitItem.
func item(a abi.Address, key string) string { return string(a) + "\x00" + key }

func eventSize(e *rpc.Event) int { return len(e.Address) + len(e.Key) + len(e.Value) + 128 }
