package meter

// What a function may add to its callers without looking at gas or depth itself.
const (
	callLag  = 1 << 16 // gas of a function and its callees that do not look
	bodyLag  = 1 << 20 // gas of all such callees of one function together
	callDeep = 1024    // slots of frames counted with a caller
	exitLag  = 1000    // gas that may follow a call in a recursion without another look

	// A function called through a table looks on entry, unless it is as small as this.
	smallGas   = 1000
	smallSlots = 64
	// frameSlots is what any frame costs of the depth, beside its locals and operands.
	frameSlots = 4
	// siteSlots is what an indirect call costs of the depth, for such a callee.
	siteSlots = smallSlots + 8
)

// decideChecks chooses the functions that look at gas and depth on entry: at least one
// in every cycle of direct calls, all that can be called indirectly and are not small,
// and as many more as it takes to bound what is done between two looks. It returns
// their number.
func (m *module) decideChecks() int {
	n := len(m.funcs)
	lag := make([]uint64, n) // most gas from entry to end without a look
	state := make([]uint8, n)
	const (
		unseen = iota
		open
		finished
	)
	type visit struct{ f, next int }
	checked := 0
	finish := func(i int) {
		f := m.funcs[i]
		f.chain, lag[i] = f.frame(), f.price
		deepest := uint64(0)
		sum := uint64(0)
		for _, c := range f.calls {
			g := m.callee(c)
			if g == nil || g.checked {
				continue
			}
			j := int(c) - m.impFuncs
			if sum+lag[j] > bodyLag { // many calls, each allowed for itself
				g.checked = true
				checked++
				continue
			}
			sum += lag[j]
			deepest = max(deepest, g.chain)
		}
		f.chain += deepest
		lag[i] = satAdd(lag[i], sum)
		taken := m.taken[uint32(i+m.impFuncs)] && (f.chain > smallSlots || lag[i] > smallGas || f.any)
		if !f.checked && (taken || f.chain > callDeep || lag[i] > callLag) {
			f.checked = true
			checked++
		}
		f.after = f.checked && lag[i] > exitLag
	}
	for root := range m.funcs {
		if state[root] != unseen {
			continue
		}
		path := []visit{{f: root}}
		state[root] = open
		for len(path) > 0 {
			v := &path[len(path)-1]
			f := m.funcs[v.f]
			if v.next == len(f.calls) {
				finish(v.f)
				state[v.f] = finished
				path = path[:len(path)-1]
				continue
			}
			c := f.calls[v.next]
			v.next++
			g := m.callee(c)
			if g == nil {
				continue
			}
			switch j := int(c) - m.impFuncs; state[j] {
			case unseen:
				state[j] = open
				path = append(path, visit{f: j})
			case open: // a cycle
				if !g.checked {
					g.checked = true
					checked++
				}
			}
		}
	}
	// A function may have become checked after it was finished.
	for i, f := range m.funcs {
		f.after = f.checked && lag[i] > exitLag
	}
	return checked
}

// callee returns the defined function with that index, nil for an imported one.
func (m *module) callee(c uint32) *fn {
	if int(c) < m.impFuncs {
		return nil
	}
	return m.funcs[int(c)-m.impFuncs]
}
