package sync

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
)

// model is a chain as a master publishes it, without anything that is not sync's business.
type model struct {
	id     abi.Digest
	blocks [][]rpc.Event // by height; block 0 is empty
	last   map[abi.Address]abi.Sequence
	open   map[abi.Address]abi.Height // from this height on the client may see an address; absent: always
	marks  bool                       // snapshots say the last event of each address
}

func newModel() *model {
	return &model{id: abi.Digest{9}, blocks: [][]rpc.Event{nil}, last: map[abi.Address]abi.Sequence{}, open: map[abi.Address]abi.Height{}, marks: true}
}

// add appends a block. An event needs address, key and value.
func (m *model) add(events ...rpc.Event) {
	h := abi.Height(len(m.blocks))
	for i := range events {
		e := &events[i]
		m.last[e.Address]++
		e.Sequence, e.Height, e.Time = m.last[e.Address], h, abi.Time(1000*h)
	}
	m.blocks = append(m.blocks, events)
}

func put(a, key, value string) rpc.Event {
	return rpc.Event{Address: abi.Address(a), Key: key, Value: []byte(value)}
}

func (m *model) head() abi.Height { return abi.Height(len(m.blocks) - 1) }

func (m *model) token(patterns []abi.Pattern, h abi.Height) *rpc.Token {
	return &rpc.Token{Chain: m.id, Filter: rpc.FilterDigest(patterns), Height: h, Hash: m.hash(h)}
}

func (m *model) hash(h abi.Height) abi.Digest { return sha256.Sum256(fmt.Append(nil, m.id, h)) }

func (m *model) sees(patterns []abi.Pattern, a abi.Address, at abi.Height) bool {
	return at >= m.open[a] && slices.ContainsFunc(patterns, func(p abi.Pattern) bool { return p.Match(a) })
}

// events lists what a client sees of the blocks after one height up to another.
func (m *model) events(patterns []abi.Pattern, after, to abi.Height) (out []rpc.Event) {
	for h := after + 1; h <= to; h++ {
		for _, e := range m.blocks[h] {
			if m.sees(patterns, e.Address, h) {
				out = append(out, e)
			}
		}
	}
	return out
}

// values is the current values as of a height, for one who may see the addresses at seen.
func (m *model) values(patterns []abi.Pattern, to, seen abi.Height) map[string]rpc.Event {
	out := map[string]rpc.Event{}
	for h := abi.Height(1); h <= to; h++ {
		for _, e := range m.blocks[h] {
			switch at := item(e.Address, e.Key); {
			case !m.sees(patterns, e.Address, seen):
			case len(e.Value) == 0:
				delete(out, at)
			default:
				out[at] = e
			}
		}
	}
	return out
}

// frames is what a master at a height answers to a query, in frames of whole blocks; cut
// says where one more block does not fit.
func (m *model) frames(q rpc.WatchQ, head abi.Height, cut func() bool) []rpc.WatchFrame {
	var out []rpc.WatchFrame
	after := head
	if q.Token != nil {
		after = q.Token.Height
	} else if q.Snapshot {
		values := m.values(q.Patterns, head, head)
		frame := rpc.WatchFrame{Snapshot: true}
		for _, at := range sortedKeys(values) {
			frame.Events = append(frame.Events, values[at])
			if cut() {
				out, frame.Events = append(out, frame), nil
			}
		}
		if m.marks {
			last := map[abi.Address]rpc.Event{}
			for h := abi.Height(1); h <= head; h++ {
				for _, e := range m.blocks[h] {
					if m.sees(q.Patterns, e.Address, head) {
						last[e.Address] = rpc.Event{Address: e.Address, Sequence: e.Sequence, Height: h, Time: e.Time}
					}
				}
			}
			for _, a := range sortedKeys(last) {
				frame.Events = append(frame.Events, last[a])
			}
		}
		frame.Token = m.token(q.Patterns, head)
		out = append(out, frame)
	}
	for from, h := after, after+1; h <= head; h++ {
		if cut() || h == head {
			out = append(out, rpc.WatchFrame{Events: m.events(q.Patterns, from, h), Token: m.token(q.Patterns, h), After: from})
			from = h
		}
	}
	return out
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	var out []K
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// compare says how a memcache differs from the current values it should have.
func compare(st *chain.State, want map[string]rpc.Event) error {
	n := 0
	var err error
	st.Items(func(at string, v *chain.Value) bool {
		if _, key, _ := chain.SplitItem(at); key == "" {
			return true
		}
		n++
		if e, ok := want[at]; !ok || string(e.Value) != string(v.Bytes) || e.Sequence != v.Sequence || e.Height != v.Height || e.Time != v.Time {
			err = fmt.Errorf("%q = %+v, want %+v", at, v, e)
		}
		return err == nil
	})
	if err == nil && n != len(want) {
		err = fmt.Errorf("%d keys, want %d", n, len(want))
	}
	return err
}
