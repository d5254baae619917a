package chain

import "sort"

// overlay is a state with the changes of one transaction on top. Dropping it undoes them.
type overlay struct {
	state  *State
	values map[string][]byte // by item; empty: deleted
	last   map[Address]Sequence
}

// take returns the next sequence of an address.
func (o *overlay) take(a Address) Sequence {
	if o.last == nil {
		o.last = make(map[Address]Sequence)
	}
	if _, ok := o.last[a]; !ok {
		o.last[a] = o.state.Sequence(a)
	}
	o.last[a]++
	return o.last[a]
}

var (
	_ View = (*overlay)(nil)
	_ View = (*State)(nil)
)

func (o *overlay) set(a Address, key string, value []byte) {
	if o.values == nil {
		o.values = make(map[string][]byte)
	}
	o.values[itemKey(a, key)] = value
}

func (o *overlay) Get(a Address, key string) ([]byte, bool) {
	if v, ok := o.values[itemKey(a, key)]; ok {
		return v, len(v) > 0
	}
	return o.state.Get(a, key)
}

func (o *overlay) Sequence(a Address) Sequence {
	if n, ok := o.last[a]; ok {
		return n
	}
	return o.state.Sequence(a)
}

func (o *overlay) Next(a Address, after string) (string, bool) {
	var mine []string
	for item, v := range o.values {
		if at, key, _ := SplitItem(item); at == a && key > after && len(v) > 0 {
			mine = append(mine, key)
		}
	}
	sort.Strings(mine)
	for {
		key, ok := o.state.Next(a, after)
		if ok && (len(mine) == 0 || key < mine[0]) {
			if v, changed := o.values[itemKey(a, key)]; changed && len(v) == 0 {
				after = key // deleted by this transaction: look further
				continue
			}
			return key, true
		}
		if len(mine) > 0 {
			return mine[0], true
		}
		return "", false
	}
}
