package host

import "github.com/kalima-chain/kalima/abi"

// cursor walks the entries of an address as the call sees them: the state's, and over them
// the call's own writes. Nothing is written while it walks.
type cursor struct {
	s       *Session
	address abi.Address
	after   string // the last key it gave
	before  string
	limit   int // entries still wanted

	ahead   []abi.KeyValue // of the state, not given yet
	reached string         // the last key of the state that was asked for
	started bool
	ended   bool // the state has no more
}

// next returns the next entry, false at the end.
func (c *cursor) next() (abi.KeyValue, bool) {
	var w walk
	defer c.s.remember(c.address, &w)
	for {
		theirs, ok := c.peek()
		mine := c.own()
		if mine != nil && (!ok || mine.Key <= theirs.Key) {
			c.after = mine.Key
			if ok && mine.Key == theirs.Key {
				c.ahead = c.ahead[1:]
			}
			c.limit--
			return abi.KeyValue{Key: mine.Key, Value: mine.Value}, true
		}
		if !ok {
			return abi.KeyValue{}, false
		}
		c.ahead = c.ahead[1:]
		if c.s.written(c.address, theirs.Key) >= 0 {
			c.skip(c.s.pass(c.address, theirs.Key, &w)) // deleted in this call
			continue
		}
		c.after = theirs.Key
		c.limit--
		return theirs, true
	}
}

// skip leaves out the entries of the state up to a key.
func (c *cursor) skip(to string) {
	for len(c.ahead) > 0 && c.ahead[0].Key <= to {
		c.ahead = c.ahead[1:]
	}
	c.reached = max(c.reached, to)
}

// peek is the state's next entry.
func (c *cursor) peek() (abi.KeyValue, bool) {
	if len(c.ahead) == 0 && !c.ended {
		if !c.started {
			c.started, c.reached = true, c.after
		}
		c.ahead = c.fetch()
		if n := len(c.ahead); n > 0 {
			c.reached = c.ahead[n-1].Key
		} else {
			c.ended = true
		}
	}
	if len(c.ahead) == 0 {
		return abi.KeyValue{}, false
	}
	return c.ahead[0], true
}

func (c *cursor) fetch() []abi.KeyValue {
	if b, ok := c.s.state.(Batcher); ok {
		// No more than can be paid for, and one to find that out.
		n := min(uint64(max(c.limit, 1)), c.s.meter.Left()/(PriceNext+PriceGet)+1)
		return b.Range(c.address, c.reached, c.before, int(n))
	}
	key, ok := c.s.state.Next(c.address, c.reached)
	if !ok || c.before != "" && key >= c.before {
		return nil
	}
	value, _ := c.s.state.Get(c.address, key)
	return []abi.KeyValue{{Key: key, Value: value}}
}

// own is the call's live write of the smallest key in the range, nil when there is none.
func (c *cursor) own() *abi.Write {
	var least *abi.Write
	for i := range c.s.order {
		w := &c.s.order[i]
		if w.Address != c.address || w.Key <= c.after || c.before != "" && w.Key >= c.before {
			continue
		}
		if least == nil || w.Key <= least.Key { // the last of several
			least = w
		}
	}
	if least == nil || len(least.Value) > 0 {
		return least
	}
	// The smallest is a deletion: look among the others.
	after := c.after
	defer func() { c.after = after }()
	c.after = least.Key
	return c.own()
}
